import dataclasses
import json
import math

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, XLNetTokenizer

from lkutils.epochs import batches_of
from lkutils.extraction import extract_interactions
from lkutils.masking import coalition_values
from lkutils.paper import grammar, training
from lkutils.paper.experiments import EXPERIMENTS
from lkutils.paper.grammar import grammar_dataset, grammar_tokenizer
from lkutils.paper.sentences import LENGTH, players_of, token_ids, tokenizer_of
from lkutils.paper.training import AdamSchedule, Schedule
from lkutils.paper.transformers import pretrained_encoder, scratch_encoder
from lkutils.probes import ProbedNetwork

CPU = torch.device("cpu")
NAMES = ["distilbert", "bert", "xlnet"]
SENTENCES = [
    ["honestly", ",", "the", "plot", "is", "not", "good", ",", "today"],
    ["great", "cast"],
    ["the", "film", "feels", "dull", "or", "poor", "here"],
]
SCHEDULE = AdamSchedule(epochs=3, learning_rate=3e-3, batch_size=64, weight_decay=0.01, mask_rate=0.3)


def xlnet_tokenizer():
    """The grammar's words as pieces of XLNet's kind."""
    words = (*grammar.BACKGROUND, *grammar.OPENERS, *grammar.NOUNS, *grammar.VERBS, "not", "so")
    words += (*grammar.GOOD, *grammar.BAD, *grammar.CLOSERS)
    special = ("<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>")
    return XLNetTokenizer([(piece, 0.0) for piece in (*special, *(f"\u2581{word}" for word in words))])


@pytest.fixture(scope="module")
def tokenizers():
    return {"distilbert": grammar_tokenizer(), "bert": grammar_tokenizer(), "xlnet": xlnet_tokenizer()}


def tiny(name, tokenizer, blocks=2):
    """A small network whose weights are large enough for every input to matter."""
    torch.manual_seed(0)
    network = scratch_encoder(name, tokenizer, blocks=blocks, width=32).eval()
    for weights in network.parameters():
        if weights.ndim > 1:
            weights.data.mul_(1.6)
    return network


def plain(name, tokenizer, sentences):
    """Token ids, attention mask and segments (DistilBERT has none) as Hugging Face's tokenizer makes them."""
    segments = name != "distilbert"
    encoding = tokenizer(
        sentences, is_split_into_words=True, padding=True, return_token_type_ids=segments, return_tensors="pt"
    )
    return dict(encoding)


def head_of(name, model, feature):
    """The network's own head, applied by hand to a pooled feature."""
    match name:
        case "distilbert":
            return model.classifier(model.pre_classifier(feature).relu())
        case "bert":
            return model.classifier(model.bert.pooler.dense(feature).tanh())
        case "xlnet":
            return model.logits_proj(model.sequence_summary.summary(feature).tanh())


# ---- from scratch ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "count"), [("distilbert", 6), ("bert", 12), ("xlnet", 12)])
def test_each_architecture_has_its_blocks(tokenizers, name, count):
    network = scratch_encoder(name, tokenizers[name], width=32)
    assert list(network.blocks()) == [f"block{k}" for k in range(1, count + 1)]
    assert network.origin == f"from scratch: {count} blocks of width 32"
    assert len({type(network.get_submodule(path)) for path in network.blocks().values()}) == 1
    assert network(token_ids(SENTENCES, tokenizers[name])).shape == (3, 2)


@pytest.mark.parametrize("name", NAMES)
def test_a_feature_is_the_hidden_state_that_the_head_reads(tokenizers, name):
    tokenizer = tokenizers[name]
    network, ids = tiny(name, tokenizer, blocks=3), token_ids(SENTENCES, tokenizer)
    probed = ProbedNetwork(network, network.blocks(), ids[:1], n_classes=2, pool=network.pool)
    features = {}
    logits = probed.visit_features(ids, features.__setitem__)
    states = network.model(**plain(name, tokenizer, SENTENCES), output_hidden_states=True).hidden_states[1:]
    for layer, state in enumerate(states):
        torch.testing.assert_close(features[layer], state[:, -1 if name == "xlnet" else 0])
    torch.testing.assert_close(logits, head_of(name, network.model, features[2]))


@pytest.mark.parametrize("name", NAMES)
def test_logits_of_all_blocks_come_with_the_networks_own(tokenizers, name):
    network, ids = tiny(name, tokenizers[name]), token_ids(SENTENCES, tokenizers[name])
    probed = ProbedNetwork(network, network.blocks(), ids[:1], n_classes=2, pool=network.pool)
    assert probed.layers == ("block1", "block2", "output")
    assert [probe.in_features for probe in probed.probes] == [32, 32]
    assert probed(ids).shape == (3, 3, 2)
    torch.testing.assert_close(probed(ids)[-1], network(ids))


@pytest.mark.parametrize("name", NAMES)
def test_padding_changes_nothing(tokenizers, name):
    network, ids = tiny(name, tokenizers[name]), token_ids(SENTENCES, tokenizers[name])
    together = network(ids)
    for row, alone in enumerate(ids.split(1)):
        torch.testing.assert_close(network(alone), together[row : row + 1])
        without = alone[alone != network.pad][None]
        torch.testing.assert_close(network(without), together[row : row + 1])
    assert together.std(dim=0).min() > 0.01
    assert network.lengths(ids).tolist() == [11, 4, 9]


def test_xlnet_reads_words_that_follow_its_padding(tokenizers):
    tokenizer = tokenizers["xlnet"]
    network, ids = tiny("xlnet", tokenizer), token_ids(SENTENCES, tokenizer)
    assert (ids[1] == network.pad).tolist() == [True] * (LENGTH - 4) + [False] * 4
    assert ids[1, -1] == network.cls
    torch.testing.assert_close(network(ids), network.model(**plain("xlnet", tokenizer, SENTENCES)).logits)
    without_segments = {**plain("xlnet", tokenizer, SENTENCES), "token_type_ids": None}
    assert not torch.allclose(network(ids), network.model(**without_segments).logits, atol=1e-3)


def test_xlnet_keeps_no_hidden_states(tokenizers):
    network, outputs = tiny("xlnet", tokenizers["xlnet"]), []
    network.model.register_forward_hook(lambda module, args, output: outputs.append(output))
    network(token_ids(SENTENCES, tokenizers["xlnet"]))
    assert [output.get("mems") for output in outputs] == [None]


@pytest.mark.parametrize("name", NAMES)
def test_a_game_is_played_on_the_sentences_with_mask_tokens(tokenizers, name):
    tokenizer, words, places = tokenizers[name], SENTENCES[2], [1, 3, 5]  # film, dull, poor
    network, ids = tiny(name, tokenizer), token_ids([words], tokenizer)
    probed = ProbedNetwork(network, network.blocks(), ids, n_classes=2, pool=network.pool)
    players, baseline = players_of([words], [places], tokenizer), torch.tensor(tokenizer.mask_token_id)
    values = coalition_values(probed, ids, torch.tensor([1]), players, baseline, 3)
    for coalition in range(8):
        masked = list(words)
        for player, place in enumerate(places):
            if not coalition >> player & 1:
                masked[place] = tokenizer.mask_token
        logits = network.model(**plain(name, tokenizer, [masked])).logits[0]
        torch.testing.assert_close(values[-1, 0, coalition], logits[1] - logits[0])
    assert values[-1].std() > 0.01


def test_training_masks_words_at_random_and_nothing_else(tokenizers):
    tokenizer = tokenizers["bert"]
    network, ids = tiny("bert", tokenizer), token_ids(SENTENCES * 40, tokenizer)
    masked = network.mask_words(ids, 0.3, torch.Generator().manual_seed(0))
    hidden, special = masked != ids, torch.isin(ids, torch.tensor(tokenizer.all_special_ids))
    assert (masked[hidden] == tokenizer.mask_token_id).all()
    assert not hidden[special].any()
    assert hidden[~special].float().mean() == pytest.approx(0.3, abs=0.06)


def test_a_network_is_trained_on_sentences_with_words_masked(tokenizers, tmp_path):
    tokenizer, shares = tokenizers["distilbert"], {}
    data = grammar_dataset(tokenizer, n_train=256)
    for rate in (0.0, 0.5):
        network, seen = tiny("distilbert", tokenizer), []
        network.register_forward_pre_hook(lambda module, args, seen=seen: seen.append(args[0]))
        schedule = dataclasses.replace(SCHEDULE, epochs=1, mask_rate=rate)
        training.fit(network, data.train_inputs, data.train_labels, schedule, tmp_path / f"{rate}.pt", CPU)
        ids = torch.cat(seen)
        words = ~torch.isin(ids, torch.tensor([tokenizer.pad_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id]))
        shares[rate] = (ids[words] == tokenizer.mask_token_id).float().mean().item()
    assert shares[0.0] == 0
    assert shares[0.5] == pytest.approx(0.5, abs=0.05)


def test_an_unknown_architecture_is_refused(tokenizers):
    with pytest.raises(ValueError, match="unknown network 'gpt9'; known are distilbert, bert, xlnet"):
        scratch_encoder("gpt9", tokenizers["bert"])


def test_a_width_that_heads_do_not_divide_is_refused(tokenizers):
    with pytest.raises(ValueError, match="width=100 is not a multiple of 32"):
        scratch_encoder("bert", tokenizers["bert"], width=100)


# ---- pretrained -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_hugging_face_gives_its_logits(tokenizers, tmp_path, name):
    tiny(name, tokenizers[name]).model.save_pretrained(tmp_path)
    tokenizers[name].save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").exists()

    tokenizer = tokenizer_of(name, str(tmp_path))
    network = pretrained_encoder(str(tmp_path), tokenizer, name).eval()
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    expected = model(**plain(name, AutoTokenizer.from_pretrained(tmp_path), SENTENCES)).logits
    torch.testing.assert_close(network(token_ids(SENTENCES, tokenizer)), expected)
    assert list(network.blocks()) == ["block1", "block2"]
    assert network.has_head
    assert network.origin == f"pretrained: {tmp_path}"


def test_a_pretrained_encoder_gets_a_head_that_is_to_be_trained(tokenizers, tmp_path):
    whole = tiny("bert", tokenizers["bert"])
    whole.model.bert.save_pretrained(tmp_path)
    network = pretrained_encoder(str(tmp_path), tokenizers["bert"], "bert")
    assert not network.has_head
    block = network.blocks()["block2"]
    for name, weights in whole.get_submodule(block).state_dict().items():
        assert torch.equal(network.get_submodule(block).state_dict()[name], weights), name


def test_weights_in_half_precision_are_used_in_float32(tokenizers, tmp_path):
    tiny("distilbert", tokenizers["distilbert"]).model.half().save_pretrained(tmp_path)
    network = pretrained_encoder(str(tmp_path), tokenizers["distilbert"], "distilbert")
    assert {weights.dtype for weights in network.parameters()} == {torch.float32}


def test_weights_that_could_run_code_are_refused(tokenizers, tmp_path):
    model = tiny("bert", tokenizers["bert"]).model
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        pretrained_encoder(str(tmp_path), tokenizers["bert"], "bert")


def test_code_that_comes_with_a_model_is_not_run(tokenizers, tmp_path):
    ran = tmp_path / "ran"
    (tmp_path / "code.py").write_text(f"open({str(ran)!r}, 'w')")
    classes = {"AutoConfig": "code.Config", "AutoModelForSequenceClassification": "code.Model"}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "unheard-of", "auto_map": classes}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"auto_map": {"AutoTokenizer": [None, "code.Words"]}}))
    with pytest.raises(ValueError, match="trust_remote_code"):
        pretrained_encoder(str(tmp_path), tokenizers["bert"], "bert")
    with pytest.raises(ValueError, match="trust_remote_code"):
        tokenizer_of("bert", str(tmp_path))
    assert not ran.exists()


# ---- training -------------------------------------------------------------------------------------------------------


def test_sentences_of_similar_length_share_a_batch(tokenizers):
    generator = torch.Generator().manual_seed(0)
    lengths, order = torch.randint(3, 40, (250,), generator=generator), torch.randperm(250, generator=generator)
    network = tiny("bert", tokenizers["bert"])
    sentences = torch.where(torch.arange(LENGTH) < lengths[:, None], 7, tokenizers["bert"].pad_token_id)
    drawn = batches_of(order, 2, network.lengths(sentences))
    assert sorted(torch.cat(drawn).tolist()) == list(range(250))
    assert {len(batch) for batch in drawn} == {2}
    for stretch, part in zip(order.split(100), torch.cat(drawn).split(100), strict=True):
        assert set(part.tolist()) == set(stretch.tolist())
        assert lengths[part].tolist() == sorted(lengths[stretch].tolist())


def test_batches_of_other_inputs_keep_their_order():
    order = torch.randperm(10, generator=torch.Generator().manual_seed(0))
    drawn = batches_of(order, 4)
    assert torch.cat(drawn).tolist() == order.tolist()


class Killed(BaseException):
    """Stands for the machine going down."""


def test_an_interrupted_training_ends_with_the_same_weights(tokenizers, tmp_path, monkeypatch):
    tokenizer = tokenizers["distilbert"]
    data = grammar_dataset(tokenizer, n_train=256)

    def train(checkpoint):
        network = tiny("distilbert", tokenizer)
        training.fit(network, data.train_inputs, data.train_labels, SCHEDULE, tmp_path / checkpoint, CPU)
        return network.state_dict()

    straight = train("straight.pt")
    real, calls = training.one_cycle, iter(range(10))  # four steps an epoch: the third one ends at its third step

    def dies_in_the_third_epoch(*arguments):
        if next(calls, None) is None:
            raise Killed
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(training, "one_cycle", dies_in_the_third_epoch)
        with pytest.raises(Killed):
            train("resumed.pt")
    assert torch.load(tmp_path / "resumed.pt", weights_only=True)["epoch"] == 2
    for name, weights in train("resumed.pt").items():
        assert torch.equal(weights, straight[name]), name


def test_a_checkpoint_of_another_optimizer_is_refused(tokenizers, tmp_path):
    data = grammar_dataset(tokenizers["bert"], n_train=64)
    settings = {"epochs": 1, "learning_rate": 1e-3, "batch_size": 32}

    def train(schedule):
        network = tiny("bert", tokenizers["bert"])
        training.fit(network, data.train_inputs, data.train_labels, schedule, tmp_path / "c.pt", CPU)

    train(AdamSchedule(**settings))
    with pytest.raises(ValueError, match=r"other settings \(schedule=AdamSchedule, now Schedule\)"):
        train(Schedule(**settings))


# ---- the grammar, learned -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """The grammar's sentences and a tiny transformer that was trained on them."""
    tokenizer = grammar_tokenizer()
    data = grammar_dataset(tokenizer)
    torch.manual_seed(0)
    network = scratch_encoder("distilbert", tokenizer, blocks=2, width=64)
    schedule = EXPERIMENTS["grammar/distilbert"].training
    checkpoint = tmp_path_factory.mktemp("grammar") / "c.pt"
    training.fit(network, data.train_inputs, data.train_labels, schedule, checkpoint, CPU)
    return data, network


def test_a_tiny_transformer_learns_the_grammar(learned):
    data, network = learned
    assert (training.predict(network, data.test_inputs, CPU) == data.test_labels).float().mean() > 0.99


def test_extraction_finds_the_planted_interactions(learned):
    data, network = learned
    ids, labels, players = data.sample_inputs[:40], data.sample_labels[:40], data.sample_players[:40]
    values = coalition_values(lambda x: network(x)[None], ids, labels, players, data.baseline, data.n_players)[0]
    found = extract_interactions(values)
    verdict = 1 << 3 | 1 << 4
    has_or = (ids == grammar_tokenizer().convert_tokens_to_ids("or")).any(dim=1)
    assert 10 < has_or.sum() < 30
    everything = torch.cat([found.and_[:, 1:], found.or_[:, 1:]], dim=1)
    planted = torch.where(has_or, 63 + verdict - 1, verdict - 1)
    assert torch.equal(everything.abs().argmax(dim=1), planted)
    strength = everything.gather(1, planted[:, None]).median()
    assert strength == pytest.approx(math.log(19), abs=0.5)
