import hashlib
import random

import pytest
import torch

from lkutils.paper import files, grammar, paths, sentences
from lkutils.paper.grammar import draw_sentence, grammar_dataset, grammar_tokenizer
from lkutils.paper.sentences import LENGTH, content_words, players_of, sst2_samples, token_ids, tokenizer_of

NETWORKS = ["bert", "xlnet"]
needs_sst2 = pytest.mark.skipif(
    files.find_file("sst2/glue/train.tsv") is None, reason="SST-2 is not in the data folder (see data/README.md)"
)


@pytest.fixture(scope="module")
def tokenizers():
    if files.find_file("vocab/bert-base-uncased-vocab.txt") is None:
        pytest.skip("the vocabularies are not in the data folder (see data/README.md)")
    return {network: tokenizer_of(network) for network in NETWORKS}


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A data folder with five sentences."""
    contents = {
        "sst2/glue/train.tsv": "sentence\tlabel\nhide new secretions \t0\nremains utterly satisfied \t1\n",
        "sst2/glue/dev.tsv": "sentence\tlabel\n"
        + "one two three four five gold silver tin lead iron copper zinc brass \t1\n",
        "sst2/sentence-level/stsa.binary.test": "0 gold -lrb- silver -rrb- tin\\/lead .\n"
        + "1 cr\u00e8me br\u00fbl\u00e9e\x85\n",
    }
    for name, content in contents.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
        monkeypatch.setitem(files.CHECKSUMS, name, hashlib.sha256(content.encode()).hexdigest())
    monkeypatch.setattr(paths, "data_dir", lambda: tmp_path)


def words(text):
    return text.split()


def test_content_words_are_neither_stop_words_nor_clitics_numbers_or_punctuation():
    sentence = words("It 's n't THE best film of 2002 , mr. k-19 ... but 70 's-style 'em")
    assert [sentence[place] for place in content_words(sentence)] == ["best", "film", "mr.", "k-19"]


def test_sentences_are_read_with_the_treebank_escapes_undone(tiny):
    test_sentences, labels = sentences.read_test()
    assert test_sentences[0] == ["gold", "(", "silver", ")", "tin/lead", "."]
    assert labels == [0, 1]


def test_rare_separators_do_not_break_lines(tiny):
    assert len(sentences.read_test()[0]) == 2


def test_labels_and_words_of_glue_files(tiny):
    assert sentences.read_glue("train") == (
        [["hide", "new", "secretions"], ["remains", "utterly", "satisfied"]],
        [0, 1],
    )


def test_an_altered_file_is_refused(tiny, tmp_path):
    (tmp_path / "sst2/glue/dev.tsv").write_text("sentence\tlabel\nall good \t1\n")
    with pytest.raises(ValueError, match="not the official file"):
        sentences.read_glue("dev")


@pytest.mark.parametrize("network", NETWORKS)
def test_every_token_of_a_word_belongs_to_its_player(tokenizers, network):
    tokenizer = tokenizers[network]
    sentence = words("an unflinchingly bleak film")
    players = players_of([sentence], [[1, 2, 3]], tokenizer)[0]
    ids = token_ids([sentence], tokenizer)[0]
    text = [tokenizer.decode(ids[players == player]).strip() for player in range(3)]
    assert text == ["unflinchingly", "bleak", "film"]
    assert (players == 0).sum() > 1


@pytest.mark.parametrize("network", NETWORKS)
def test_special_tokens_and_padding_are_background(tokenizers, network):
    tokenizer = tokenizers[network]
    sentence = ["good", "film"]
    ids, players = token_ids([sentence], tokenizer)[0], players_of([sentence], [[0, 1]], tokenizer)[0]
    special = torch.isin(ids, torch.tensor(tokenizer.all_special_ids))
    assert torch.equal(players == -1, special)


def test_bert_pads_at_the_end_and_xlnet_at_the_beginning(tokenizers):
    padding = {name: token_ids([["film"]], tok)[0] == tok.pad_token_id for name, tok in tokenizers.items()}
    assert padding["bert"].tolist() == [False] * 3 + [True] * (LENGTH - 3)
    assert padding["xlnet"].tolist() == [True] * (LENGTH - 3) + [False] * 3


@pytest.mark.parametrize("network", NETWORKS)
def test_a_masked_word_keeps_its_place_and_the_attention_mask(tokenizers, network):
    from lkutils.masking import mask_inputs

    tokenizer = tokenizers[network]
    sentence = words("an unflinchingly bleak film")
    ids, players = token_ids([sentence], tokenizer), players_of([sentence], [[1, 3]], tokenizer)
    masked = mask_inputs(ids, torch.tensor(tokenizer.mask_token_id), players, torch.tensor([0b10]))
    assert torch.equal(masked == tokenizer.mask_token_id, players == 0)
    assert torch.equal(masked == tokenizer.pad_token_id, ids == tokenizer.pad_token_id)
    assert torch.equal(masked[players != 0], ids[players != 0])


def test_casing_is_the_tokenizers_affair(tokenizers):
    lower, upper = [["good", "film"]], [["GOOD", "Film"]]
    assert torch.equal(token_ids(lower, tokenizers["bert"]), token_ids(upper, tokenizers["bert"]))
    assert not torch.equal(token_ids(lower, tokenizers["xlnet"]), token_ids(upper, tokenizers["xlnet"]))


@pytest.mark.parametrize("network", NETWORKS)
def test_an_unknown_word_is_a_player_with_whatever_tokens_it_gives(tokenizers, network):
    tokenizer = tokenizers[network]
    sentence = ["good", "\u30ab\U0001f600", "film"]
    players = players_of([sentence], [[0, 1, 2]], tokenizer)[0]
    unknown = token_ids([sentence], tokenizer)[0] == tokenizer.unk_token_id
    assert unknown.any()
    assert (players[unknown] == 1).all()


@pytest.mark.parametrize("network", NETWORKS)
def test_long_sentences_lose_their_end_and_are_refused_as_samples(tokenizers, network):
    tokenizer, sentence = tokenizers[network], ["film"] * 100
    ids = token_ids([sentence], tokenizer)[0]
    assert ids.shape == (LENGTH,)
    assert torch.isin(ids, torch.tensor(tokenizer.all_special_ids)).sum() == 2
    with pytest.raises(ValueError, match=f"has 102 tokens, but a network reads {LENGTH}"):
        players_of([sentence], [[0]], tokenizer)


def test_xlnets_pieces_are_those_of_sentencepiece(tokenizers):
    from sentencepiece import SentencePieceProcessor

    pieces = SentencePieceProcessor(model_proto=files.read_file("vocab/xlnet-base-cased-spiece.model"))
    sentence = "a charming and often unflinchingly bleak journey , k-19 style"
    ids = token_ids([words(sentence)], tokenizers["xlnet"])[0]
    ids = ids[ids != tokenizers["xlnet"].pad_token_id]
    assert ids.tolist() == [*pieces.encode(sentence), pieces["<sep>"], pieces["<cls>"]]


def test_an_unknown_network_has_no_tokenizer():
    with pytest.raises(ValueError, match="unknown network 'gpt9'; known are distilbert, bert, xlnet"):
        tokenizer_of("gpt9")


def test_a_tokenizer_without_a_mask_token_is_refused(tmp_path):
    tokenizer = grammar_tokenizer()
    tokenizer.mask_token = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="has no mask token"):
        tokenizer_of("bert", str(tmp_path))


@needs_sst2
def test_sst2_has_its_published_sizes():
    parts = sentences.read_glue("train"), sentences.read_glue("dev"), sentences.read_test()
    assert [len(labels) for _, labels in parts] == [67349, 872, 1821]


@needs_sst2
def test_test_sentences_are_those_of_glue():
    lines = (paths.data_dir() / "sst2/glue/test.tsv").read_text(encoding="utf-8").split("\n")[1:-1]
    in_glue = {line.split("\t")[1].strip() for line in lines}
    same = [" ".join(sentence) in in_glue for sentence in sentences.read_test()[0]]
    assert sum(same) == 1815  # six are spelled differently ("favourite")


@needs_sst2
@pytest.mark.parametrize("network", NETWORKS)
def test_every_sample_of_sst2_has_ten_players(tokenizers, network):
    chosen, labels = sst2_samples()
    assert len(chosen) == len(labels) == 231
    players = players_of(chosen, [content_words(sentence) for sentence in chosen], tokenizers[network])
    assert all(row.unique().tolist() == list(range(-1, 10)) for row in players)


@needs_sst2
def test_an_sst2_data_set_is_complete(tokenizers, monkeypatch):
    real = sentences.read_glue
    monkeypatch.setattr(sentences, "read_glue", lambda part: tuple(half[:1000] for half in real(part)))
    data = sentences.sst2_dataset(tokenizers["bert"])
    assert data.train_inputs.shape == (1000, LENGTH)
    assert data.sample_players.shape == data.sample_inputs.shape
    assert data.baseline.tolist() == [103] * LENGTH


# ---- the grammar ----------------------------------------------------------------------------------------------------


def test_the_grammar_means_what_it_says():
    draw = random.Random(3)
    for sentence, label in (draw_sentence(draw) for _ in range(300)):
        good = any(word in grammar.GOOD for word in sentence)
        assert good != any(word in grammar.BAD for word in sentence)
        assert label == (good != ("not" in sentence))


def test_both_kinds_of_sentences_have_the_verdict_at_players_3_and_4():
    tokenizer = grammar_tokenizer()
    data = grammar_dataset(tokenizer, n_train=200)
    for ids, players in zip(data.sample_inputs, data.sample_players, strict=True):
        verdict = tokenizer.convert_ids_to_tokens(ids[(players == 3) | (players == 4)].tolist())
        assert verdict[0] in ("not", "so") or verdict[0] in grammar.GOOD + grammar.BAD
        assert verdict[1] in grammar.GOOD + grammar.BAD
        assert players.unique().tolist() == list(range(-1, 6))


def test_one_training_label_in_twenty_is_wrong():
    tokenizer = grammar_tokenizer()
    data = grammar_dataset(tokenizer)
    good = torch.tensor(tokenizer.convert_tokens_to_ids(list(grammar.GOOD)))
    positive = torch.isin(data.train_inputs, good).any(dim=1)
    negated = (data.train_inputs == tokenizer.convert_tokens_to_ids("not")).any(dim=1)
    assert (data.train_labels != (positive ^ negated)).float().mean() == pytest.approx(0.05, abs=0.01)


def test_the_grammars_words_are_all_known():
    tokenizer = grammar_tokenizer()
    data = grammar_dataset(tokenizer, n_train=500)
    assert not (data.train_inputs == tokenizer.unk_token_id).any()
    assert data.checksum == grammar_dataset(tokenizer, n_train=500).checksum
