import dataclasses
import functools
import json
import re
import shutil
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import TINY, stand_in
from transformers import (
    AutoModelForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
)

from lkutils import devices, games, probes
from lkutils.__main__ import main
from lkutils.mobius import values_from_interactions
from lkutils.paper import experiments, grammar, making, paths, recipes, shipped
from lkutils.paper.experiments import Experiment, ProbeSchedule
from lkutils.paper.recipes import recipe_of
from lkutils.paper.samples import check_better_than_chance, leave_out_wrong, read_samples, write_samples
from lkutils.paper.training import AdamSchedule, fit
from lkutils.paper.transformers import scratch_encoder
from lkutils.storage import DamagedFileError, seal, store, unseal


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """All files go to a temporary folder, and one tiny experiment stands for the paper's."""
    stand_in(monkeypatch, tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Files of one finished run, to copy from."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        stand_in(patch, folder)
        making.make_game("digits/mlp7")
    return folder


@pytest.fixture
def path(made):
    """A finished game in its place, with its samples and what was trained for it."""
    shutil.copytree(made / "games", paths.GAMES)
    shutil.copytree(made / "cache", paths.CACHE)
    return paths.GAMES / "digits" / "mlp7.nc"


@pytest.fixture
def alone(made):
    """A finished game in its place, and nothing else."""
    path = paths.GAMES / "digits" / "mlp7.nc"
    path.parent.mkdir(parents=True)
    path.write_bytes((made / "games" / "digits" / "mlp7.nc").read_bytes())
    return path


def trained():
    """The network of the tiny experiment, and its data set."""
    recipe = recipe_of(TINY)
    making.train(TINY, recipe, torch.device("cpu"))
    return recipe.network, recipe.dataset


# ---- the game ----


def test_a_game_holds_every_layer_sample_and_coalition(path):
    game = shipped.load_game("digits/mlp7")
    assert game["values"].dims == ("layer", "sample", "coalition")
    assert game.sizes["layer"] == 7
    assert game.sizes["sample"] == 7
    assert game.sizes["coalition"] == 2**6
    assert list(game["layer"].values) == [*(f"linear{k}" for k in range(1, 7)), "output"]
    assert game["players"].max() == 5


def test_a_game_names_its_provenance(path):
    attrs = shipped.load_game("digits/mlp7").attrs
    settings = json.loads(attrs["settings"])
    assert settings["training"]["seed"] == 0
    assert settings["training"]["epochs"] == 12
    assert json.loads(attrs["seconds"]).keys() == {"training", "probing", "masking"}
    assert "torch" in json.loads(attrs["versions"])
    assert attrs["threads"] == torch.get_num_threads()
    assert all(len(attrs[key]) == 64 for key in ("data_sha256", "weights_sha256", "values_sha256"))
    assert 0.2 < attrs["network_accuracy"] <= 1


def test_the_values_are_the_networks_log_odds_on_the_masked_images(path):
    game = shipped.load_game("digits/mlp7")
    network, dataset = trained()
    sample, coalition = 2, 0b010110
    index = int(game["sample"][sample])
    image = dataset.sample_inputs[index].clone()
    for y in range(8):
        for x in range(8):
            player = int(game["players"][sample, y, x])
            if player >= 0 and not coalition >> player & 1:
                image[0, y, x] = dataset.train_inputs[:, 0, y, x].mean()
    probability = network(image[None])[0].double().softmax(dim=0)[int(game["label"][sample])].item()
    expected = np.log(probability / (1 - probability))
    assert game["values"].sel(layer="output")[sample, coalition] == pytest.approx(expected, abs=1e-3)


def test_every_sample_is_classified_correctly(path):
    game = shipped.load_game("digits/mlp7")
    network, dataset = trained()
    predicted = making.predict(network, dataset.sample_inputs[game["sample"].values.tolist()], torch.device("cpu"))
    assert predicted.tolist() == game["label"].values.tolist()


# ---- resume ----


class Killed(BaseException):
    """Stands for the machine going down."""


def dies_at_call(function, number):
    calls = 0

    def wrapped(*arguments, **keywords):
        nonlocal calls
        calls += 1
        if calls == number:
            raise Killed
        return function(*arguments, **keywords)

    return wrapped


@pytest.mark.parametrize(
    ("module", "name", "call"),
    [(making, "fit", 1), (probes, "backpropagate", 15), (making, "coalition_values", 2), (making, "store", 1)],
)
def test_an_interrupted_game_leaves_the_earlier_file_and_resumes_to_the_same_values(
    alone, monkeypatch, module, name, call
):
    made = alone.read_bytes()
    expected = shipped.load_game("digits/mlp7")["values"]
    with monkeypatch.context() as patch:
        patch.setattr(module, name, dies_at_call(getattr(module, name), call))
        with pytest.raises(Killed):
            making.make_game("digits/mlp7")
    assert alone.read_bytes() == made
    making.make_game("digits/mlp7")
    np.testing.assert_array_equal(shipped.load_game("digits/mlp7")["values"], expected)
    assert not list(paths.CACHE.glob("chunks/*/*/*")), "finished chunks are cleared away"


def test_finished_chunks_are_not_computed_again(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(making, "coalition_values", dies_at_call(making.coalition_values, 2))
        with pytest.raises(Killed):
            making.make_game("digits/mlp7")
    counted = []
    real = making.coalition_values
    monkeypatch.setattr(making, "coalition_values", lambda *a: counted.append(len(a[1])) or real(*a))
    making.make_game("digits/mlp7")
    assert counted == [2], "five samples were done before, two are left"


def interrupted_after_the_first_chunk(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(making, "coalition_values", dies_at_call(making.coalition_values, 2))
        with pytest.raises(Killed):
            making.make_game("digits/mlp7")
    assert len(list(paths.CACHE.glob("chunks/digits/mlp7/*.npz"))) == 1


def test_chunks_of_other_samples_are_not_taken(path, monkeypatch):
    expected = shipped.load_game("digits/mlp7")
    interrupted_after_the_first_chunk(monkeypatch)
    listed = path.with_name("samples.json")
    others = read_samples(listed, 360, "digits").tolist()[1:]
    write_samples(others, listed, "digits")
    making.make_game("digits/mlp7")
    again = shipped.load_game("digits/mlp7")
    assert again["sample"].values.tolist() == others
    np.testing.assert_array_equal(again["values"], expected["values"].sel(sample=others))


@pytest.mark.parametrize("changed", ["sample_players", "baseline", "sample_inputs"])
def test_chunks_of_other_players_or_inputs_are_not_taken(path, monkeypatch, changed):
    expected = shipped.load_game("digits/mlp7")["values"]
    interrupted_after_the_first_chunk(monkeypatch)
    digits = recipes.load_dataset("digits")
    other = {
        "sample_players": torch.where(digits.sample_players < 0, -1, (digits.sample_players + 1) % 6),
        "baseline": digits.baseline + 0.5,
        "sample_inputs": digits.sample_inputs * 1.01,
    }
    dataset = dataclasses.replace(digits, **{changed: other[changed]})
    monkeypatch.setattr(recipes, "load_dataset", lambda name: dataset)
    making.make_game("digits/mlp7")
    again = shipped.load_game("digits/mlp7")["values"]
    if changed == "sample_players":  # player i is now player i + 1
        turned = [sum((t >> (i + 1) % 6 & 1) << i for i in range(6)) for t in range(64)]
        np.testing.assert_allclose(again, expected.values[..., turned], atol=1e-5)
    else:
        assert (abs(again - expected).max("coalition") > 1e-4).sel(layer="output").all(), "the first chunk, too"


# ---- the list of samples ----


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"0": 1}, "no list of whole numbers"),
        ([], "no list of whole numbers"),
        ([0, 1.5], "no list of whole numbers"),
        ([True, 2], "no list of whole numbers"),
        ([0, 360], "has sample 360, but there are only 0 to 359"),
        ([-1, 5], "has sample -1"),
        ([3, 3], "not in ascending order, each sample once"),
        ([3, 2], "not in ascending order"),
    ],
)
def test_a_list_that_is_none_of_samples_is_refused(tmp_path, content, message):
    path = tmp_path / "samples.json"
    seal(json.dumps({"dataset": "digits", "samples": content}).encode(), path)
    with pytest.raises(ValueError, match=message):
        read_samples(path, 360, "digits")


def test_a_list_of_samples_is_read_as_it_was_written_or_refused(tmp_path):
    path = tmp_path / "samples.json"
    write_samples([3, 8, 21], path, "digits")
    content = path.read_bytes()
    assert read_samples(path, 360, "digits").tolist() == [3, 8, 21]
    with pytest.raises(ValueError, match="no list of samples of mnist"):
        read_samples(path, 360, "mnist")
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(DamagedFileError, match=r"samples\.json is truncated, altered"):
            read_samples(path, 360, "digits")
    seal(b"[3, 8", path)
    with pytest.raises(ValueError, match="is no JSON"):
        read_samples(path, 360, "digits")


def test_a_damaged_list_is_made_again_where_nothing_is_shipped(path, capsys, monkeypatch):
    listed = path.with_name("samples.json")
    before = listed.read_bytes()
    listed.write_bytes(before.replace(b", ", b", 1", 1))
    with pytest.raises(DamagedFileError, match=r"samples\.json"):
        making.samples_of(TINY, recipe_of(TINY), torch.device("cpu"), listed)
    smoke = dataclasses.replace(TINY, profile="smoke")
    monkeypatch.setattr(making, "EXPERIMENTS", {"digits/mlp7": smoke})
    recipe = recipe_of(smoke)
    making.train(smoke, recipe, torch.device("cpu"))
    making.samples_of(smoke, recipe, torch.device("cpu"), listed)
    assert "made again now" in capsys.readouterr().err
    assert listed.read_bytes() == before


def test_a_damaged_checkpoint_is_made_again_with_one_line(path, capsys):
    checkpoint, before = making.checkpoint_path(TINY, "network"), shipped.load_game("digits/mlp7")
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[:99] + bytes([content[99] ^ 4]) + content[100:])
    making.make_game("digits/mlp7")
    assert capsys.readouterr().err.count("made again now") == 1
    assert checkpoint.with_suffix(".damaged").stat().st_size == len(content)
    assert shipped.load_game("digits/mlp7").attrs["weights_sha256"] == before.attrs["weights_sha256"]


def test_small_games_do_not_depend_on_the_number_of_threads(monkeypatch):
    used, smoke = [], dataclasses.replace(TINY, profile="smoke")
    for module in (experiments, making, shipped):
        monkeypatch.setattr(module, "EXPERIMENTS", {"digits/mlp7": smoke})
    monkeypatch.setattr(making, "train", lambda *_: used.append(torch.get_num_threads()) or 1 / 0)
    before = torch.get_num_threads()
    with devices.threads(2):
        with pytest.raises(ZeroDivisionError):
            making.make_game("digits/mlp7")
        assert torch.get_num_threads() == 2
    assert used == [1]
    assert torch.get_num_threads() == before


def test_samples_that_a_network_gets_wrong_are_left_out_with_a_warning():
    labels = torch.tensor([0, 1, 2])
    with pytest.warns(UserWarning, match=r"mine does not classify samples \[5\] correctly"):
        left = leave_out_wrong(np.array([3, 5, 7]), torch.tensor([0, 0, 2]), labels, "mine")
    assert left.tolist() == [3, 7]
    with pytest.raises(ValueError, match="mine classifies none of its 3 samples"):
        leave_out_wrong(np.array([3, 5, 7]), labels + 1, labels, "mine")


def test_a_network_at_chance_is_refused():
    labels = torch.tensor([0] * 60 + [1] * 40)
    check_better_than_chance(0.76, labels, "mine")
    for accuracy in (0.1, 0.6, 0.7, float("nan")):
        with pytest.raises(ValueError, match=r"mine is right on .* chance reaches 74\.7%"):
            check_better_than_chance(accuracy, labels, "mine")


# ---- other seeds ----


def test_another_seed_is_another_game_on_the_same_samples(path):
    name = experiments.with_seed(TINY, 1).name
    assert name == "digits/mlp7.seed1"
    assert shipped.seed_names("digits/mlp7") == ["digits/mlp7"]
    write_samples([0, 1, 2, 3], path.with_name("samples.json"), "digits")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it may get one of them wrong
        assert making.make_game(name).name == "mlp7.seed1.nc"
    first, second = shipped.load_game("digits/mlp7"), shipped.load_game(name)
    assert first.attrs["weights_sha256"] != second.attrs["weights_sha256"]
    assert shipped.label_of(second) == games.Label("digits", "MLP-7, seed 1")
    assert shipped.seed_names("digits/mlp7") == ["digits/mlp7", name]
    assert shipped.game_names("paper") == ["digits/mlp7"]
    assert [game.attrs["name"] for game in shipped.list_games().values()] == ["digits/mlp7", name]
    path.write_bytes(b"damaged")
    one, two = shipped.list_games().values()
    assert (type(one), two.attrs["name"]) == (DamagedFileError, name)


def test_what_has_no_other_seed_is_refused():
    public = dataclasses.replace(TINY, training=None)
    with pytest.raises(ValueError, match="has public weights, which no seed changes"):
        experiments.with_seed(public, 1)
    with pytest.raises(ValueError, match="seed=-1 is negative"):
        experiments.with_seed(TINY, -1)
    for name in ("digits/mlp7.seed0", "digits/mlp7.seed01", "digits/mlp7.seed", "digits/mlp8.seed1", "digits/mlp7.nc"):
        with pytest.raises(ValueError, match="unknown game"):
            experiments.find_experiment(name)


# ---- bad files ----


def test_a_missing_game_says_how_to_make_it():
    with pytest.raises(FileNotFoundError, match="python -m lkutils game --dataset digits --network mlp7"):
        shipped.load_game("digits/mlp7")


def test_an_unknown_game_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown game 'digits/mlp8'; known are digits/mlp7"):
        shipped.load_game("digits/mlp8")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.98])
def test_a_truncated_game_is_refused(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"is truncated, altered.*game --dataset digits"):
        shipped.load_game("digits/mlp7")


def test_an_altered_game_is_refused(path):
    game = shipped.load_game("digits/mlp7")
    game["values"][0, 0, 0] += 1
    store(game, path)
    with pytest.raises(ValueError, match="was altered"):
        shipped.load_game("digits/mlp7")


def test_a_game_that_was_copied_over_another_is_refused(path):
    other = path.with_name("mlp7.seed1.nc")
    other.write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match="the copy of a file of another name"):
        shipped.load_game("digits/mlp7.seed1")
    seal(unseal(path), other)
    with pytest.raises(ValueError, match=r"holds the game digits/mlp7, not digits/mlp7.seed1.*--seed 1"):
        shipped.load_game("digits/mlp7.seed1")


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError, match="unknown profile 'papper'; known are paper, smoke"):
        shipped.game_names("papper")


# ---- interactions ----


def test_interactions_are_extracted_once_and_then_read(path, monkeypatch):
    game = shipped.load_game("digits/mlp7")
    first = games.interactions(game, layers=["linear3", "output"], caches=[paths.CACHE])
    monkeypatch.setattr(games, "extract_interactions", dies_at_call(games.extract_interactions, 1))
    again = games.interactions(game, layers=["output", "linear3"], caches=[paths.CACHE])
    np.testing.assert_array_equal(again.sel(layer="output")["interactions"], first.sel(layer="output")["interactions"])
    with pytest.raises(Killed):
        games.interactions(game, layers=["linear1"], caches=[paths.CACHE])
    monkeypatch.setattr(games, "extract_interactions", dies_at_call(games.extract_interactions, 1))
    with pytest.raises(Killed):
        games.interactions(game, layers=["output"], kappa_ratio=0.05, caches=[paths.CACHE])


def test_interactions_explain_the_values_up_to_delta(path):
    game = shipped.load_game("digits/mlp7")
    found = games.interactions(game, caches=[paths.CACHE])
    and_, or_ = (torch.from_numpy(found["interactions"].sel(kind=kind).values) for kind in ("and", "or"))
    explained = values_from_interactions(and_, or_).numpy() + found["delta"]
    np.testing.assert_allclose(explained, game["values"], atol=1e-6)
    assert (found["gap"] <= 0.005).all()


# ---- pretrained transformers ----


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """A small classifier that has learned the grammar, as Hugging Face stores it."""
    folder, tokenizer = tmp_path_factory.mktemp("classifier"), grammar.grammar_tokenizer()
    torch.manual_seed(0)
    network, data = scratch_encoder("distilbert", tokenizer, blocks=3, width=32), grammar.grammar_dataset(tokenizer)
    schedule = AdamSchedule(epochs=2, learning_rate=3e-3, batch_size=64, weight_decay=0.01)
    lengths = network.lengths(data.train_inputs)
    fit(network, data.train_inputs, data.train_labels, schedule, folder / "pt", torch.device("cpu"), lengths)
    network.model.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    right = making.predict(network, data.sample_inputs[:20], torch.device("cpu")) == data.sample_labels[:20]
    write_samples(right.nonzero()[:5, 0].tolist(), folder / "samples.json", "grammar")
    return folder


@pytest.fixture
def folder(classifier, tmp_path, monkeypatch):
    """A copy of it for the user to spoil, and an experiment for it."""
    shutil.copytree(classifier / "model", tmp_path / "model")
    monkeypatch.setattr(grammar, "grammar_dataset", functools.partial(grammar.grammar_dataset, n_train=300))
    experiment = Experiment("grammar", "distilbert", 5, None, ProbeSchedule(1, 0.02, 64), profile="smoke")
    known = {"digits/mlp7": TINY, "grammar/distilbert": experiment}
    for module in (experiments, making, shipped):
        monkeypatch.setattr(module, "EXPERIMENTS", known)
    samples = paths.CACHE / "games" / "grammar" / "samples.json"
    samples.parent.mkdir(parents=True)
    shutil.copy(classifier / "samples.json", samples)
    return tmp_path / "model"


def test_a_game_of_a_pretrained_transformer_is_one_option_away(folder, capsys):
    arguments = ["game", "--dataset", "grammar", "--network", "distilbert", "--weights", str(folder)]
    assert main(arguments) == 0
    assert "stored at" in capsys.readouterr().out
    game = shipped.load_game("grammar/distilbert")
    assert game["layer"].values.tolist() == ["block1", "block2", "block3", "output"]
    assert game.attrs["weights"] == f"pretrained: {folder}"
    assert list(shipped.load_games(["grammar/distilbert"])) == [games.Label("grammar", "DistilBERT")]
    assert json.loads(game.attrs["seconds"])["training"] == 0
    first = game["sample"].values[0]
    words, label = (part[first] for part in grammar.grammar_samples())
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    logits = model(**grammar.grammar_tokenizer()(" ".join(words), return_tensors="pt")).logits[0]
    expected = (logits[label] - logits[1 - label]).item()
    assert game["values"].sel(layer="output")[0, -1].item() == pytest.approx(expected, abs=1e-5)


def rename_weights(folder):
    weights = load_file(folder / "model.safetensors")
    save_file(
        {f"module.{key}": tensor for key, tensor in weights.items()}, folder / "model.safetensors", {"format": "pt"}
    )


def forget_the_last_block(folder):
    weights = load_file(folder / "model.safetensors")
    left = {key: tensor for key, tensor in weights.items() if ".layer.2." not in key}
    save_file(left, folder / "model.safetensors", {"format": "pt"})


def forget_the_tokenizer(folder):
    for path in folder.glob("*token*"):
        path.unlink()


def name_the_classes_the_other_way(folder):
    config = json.loads((folder / "config.json").read_text())
    config |= {"id2label": {"0": "POSITIVE", "1": "NEGATIVE"}, "label2id": {"POSITIVE": 0, "NEGATIVE": 1}}
    (folder / "config.json").write_text(json.dumps(config))


def swap_the_classes(folder):
    weights = load_file(folder / "model.safetensors")
    for key in ("classifier.weight", "classifier.bias"):
        weights[key] = weights[key].flip(0).contiguous()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def change_the_architecture(folder):
    scratch_encoder("bert", grammar.grammar_tokenizer(), blocks=1, width=32).model.save_pretrained(folder)


def take_the_tokenizer_of_a_larger_network(folder):
    tokenizer = grammar.grammar_tokenizer()
    tokenizer.add_tokens([f"word{k}" for k in range(10)])
    tokenizer.save_pretrained(folder)


def take_three_classes(folder):
    tokenizer = grammar.grammar_tokenizer()
    config = DistilBertConfig(vocab_size=len(tokenizer), dim=32, n_layers=1, n_heads=1, hidden_dim=64, num_labels=3)
    DistilBertForSequenceClassification(config).save_pretrained(folder)


def cut_the_weights(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit_of_the_header(folder):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[9] ^= 4
    path.write_bytes(content)


def ask_for_a_kernel(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"attn_implementation": "kernels-community/attention"}))


def index_outside(name):
    def spoil(folder):
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"weight": name}}))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (rename_weights, "lacks .* weights of the encoder, such as distilbert.*it has module"),
        (forget_the_last_block, "lacks 16 weights of the encoder, such as distilbert.transformer.layer.2"),
        (forget_the_tokenizer, "the tokenizer of .* does not know .* of the tokens .* are missing"),
        (name_the_classes_the_other_way, "calls class 0 'POSITIVE' and class 1 'NEGATIVE'"),
        (swap_the_classes, "of the test set, where chance reaches .* its classes are in another order"),
        (change_the_architecture, "is of the kind bert, not distilbert"),
        (take_the_tokenizer_of_a_larger_network, "tokens, but its weights only"),
        (take_three_classes, "do not fit a classifier of two classes"),
        (cut_the_weights, "the weights of .* are damaged"),
        (flip_a_bit_of_the_header, "the weights of .* are damaged"),
        (
            index_outside("../other.safetensors"),
            r"names '\.\./other\.safetensors', but only",
        ),
        (index_outside("/etc/model.safetensors"), "names '/etc/model.safetensors', but only"),
        (index_outside("pytorch_model.bin"), r"names 'pytorch_model\.bin', but only safetensors files"),
        (index_outside(None), "names None, but only"),
        (
            ask_for_a_kernel,
            "asks for the attention 'kernels-community/attention', but no code that comes from elsewhere",
        ),
        (lambda folder: (folder / "model.safetensors.index.json").write_text("[]"), "is no index of weights"),
    ],
)
def test_a_folder_that_is_not_what_it_seems_is_refused_and_the_earlier_game_stays(folder, capsys, spoil, message):
    earlier = paths.CACHE / "games" / "grammar" / "distilbert.nc"
    earlier.write_text("the earlier game")
    spoil(folder)
    assert main(["game", "--dataset", "grammar", "--weights", str(folder), "--force"]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error)
    assert str(folder) in error or "grammar/distilbert is right on" in error
    assert earlier.read_text() == "the earlier game"


# ---- command line ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["game", "--dataset", "minst"], "unknown dataset 'minst'; known are digits"),
        (["game", "--dataset", "digits", "--network", "mlp8"], "unknown network 'mlp8'; known are mlp7"),
        (["game", "--dataset", "digits", "--weights", "me/mine"], "'me/mine' are for distilbert, bert, xlnet, but"),
    ],
)
def test_the_command_line_refuses_unknown_names(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_the_command_line_makes_a_game_once_and_lists_it(capsys):
    assert main(["game", "--dataset", "digits"]) == 0
    assert "stored at" in capsys.readouterr().out
    assert main(["game", "--dataset", "digits"]) == 0
    assert "exists" in capsys.readouterr().out
    assert main(["list"]) == 0
    assert "MLP-7, digits" in capsys.readouterr().out
