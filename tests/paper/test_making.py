import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from lkutils import games, probes
from lkutils.__main__ import main
from lkutils.mobius import values_from_interactions
from lkutils.paper import experiments, grammar, making, paths, recipes, shipped
from lkutils.paper.experiments import Experiment, ProbeSchedule
from lkutils.paper.training import Schedule
from lkutils.paper.transformers import scratch_encoder

TINY = Experiment(
    "digits",
    "mlp7",
    7,
    Schedule(epochs=12, learning_rate=0.1, batch_size=64),
    ProbeSchedule(2, 0.05, 128),
    width=1 / 16,
)


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """All files go to a temporary folder, and one tiny experiment stands for the paper's."""
    monkeypatch.setattr(paths, "GAMES", tmp_path / "games")
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    for module in (experiments, making, shipped):
        monkeypatch.setattr(module, "EXPERIMENTS", {"digits/mlp7": TINY})
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Files of one finished run, to copy from."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "GAMES", folder / "games")
        patch.setattr(paths, "CACHE", folder / "cache")
        patch.setattr(experiments, "EXPERIMENTS", {"digits/mlp7": TINY})
        patch.setattr(making, "EXPERIMENTS", experiments.EXPERIMENTS)
        making.make_game("digits/mlp7")
    return (folder / "games" / "digits" / "mlp7.nc").read_bytes()


@pytest.fixture
def path(made):
    """A finished game in its place."""
    path = paths.GAMES / "digits" / "mlp7.nc"
    path.parent.mkdir(parents=True)
    path.write_bytes(made)
    return path


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
    assert all(len(attrs[key]) == 64 for key in ("data_sha256", "weights_sha256", "values_sha256"))
    assert 0.2 < attrs["network_accuracy"] <= 1


def test_the_values_are_the_networks_log_odds_on_the_masked_images(path):
    game = shipped.load_game("digits/mlp7")
    dataset = recipes.dataset_of(TINY)
    device = torch.device("cpu")
    network, _ = making.trained_network(TINY, dataset, device)
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
    dataset = recipes.dataset_of(TINY)
    network, _ = making.trained_network(TINY, dataset, torch.device("cpu"))
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
    made, path, monkeypatch, module, name, call
):
    expected = shipped.load_game("digits/mlp7")["values"]
    with monkeypatch.context() as patch:
        patch.setattr(module, name, dies_at_call(getattr(module, name), call))
        with pytest.raises(Killed):
            making.make_game("digits/mlp7")
    assert path.read_bytes() == made
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
    with pytest.raises(ValueError, match=r"(truncated or no game|altered).*game --dataset digits"):
        shipped.load_game("digits/mlp7")


def test_an_altered_game_is_refused(path):
    game = shipped.load_game("digits/mlp7")
    game["values"][0, 0, 0] += 1
    games.store(game, path)
    with pytest.raises(ValueError, match="was altered"):
        shipped.load_game("digits/mlp7")


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


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A pretrained classifier as Hugging Face stores it, that knows the grammar's words; and an experiment for it."""
    tokenizer = grammar.grammar_tokenizer()
    torch.manual_seed(0)
    scratch_encoder("distilbert", tokenizer, blocks=3, width=32).model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    experiment = Experiment("grammar", "distilbert", 5, None, ProbeSchedule(1, 0.02, 64), profile="smoke")
    known = {"digits/mlp7": TINY, "grammar/distilbert": experiment}
    monkeypatch.setattr(experiments, "EXPERIMENTS", known)
    for module in (making, shipped):
        monkeypatch.setattr(module, "EXPERIMENTS", known)
    samples = paths.CACHE / "games" / "grammar" / "samples.json"
    samples.parent.mkdir(parents=True)
    samples.write_text(json.dumps(list(range(20))))
    return tmp_path / "model"


def test_a_game_of_a_pretrained_transformer_is_one_option_away(folder, capsys):
    arguments = ["game", "--dataset", "grammar", "--network", "distilbert", "--weights", str(folder)]
    with pytest.warns(UserWarning, match="does not classify samples .* correctly; they are left out"):
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


def test_weights_of_another_architecture_are_refused(folder, capsys):
    scratch_encoder("bert", grammar.grammar_tokenizer(), blocks=1, width=32).model.save_pretrained(folder)
    assert main(["game", "--dataset", "grammar", "--weights", str(folder)]) == 2
    assert "is of the kind bert, not distilbert" in capsys.readouterr().err


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
