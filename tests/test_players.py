import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from lkutils.players import columns, patches, patches_at_random, segments, words

# ---- images ----


def test_patches_are_squares_numbered_in_reading_order():
    drawn = patches((3, 13, 10), size=3, n=5, samples=20)
    assert drawn.map.shape == (20, 13, 10)
    assert (drawn.map[:, 12:] == -1).all()  # what three pixels do not divide
    assert (drawn.map[:, :, 9:] == -1).all()
    for sample, names in zip(drawn.map, drawn.names, strict=True):
        assert sample.unique().tolist() == [-1, 0, 1, 2, 3, 4]
        corners = []
        for player, name in enumerate(names):
            places = (sample == player).nonzero()
            top, left = places.min(dim=0).values.tolist()
            assert places.tolist() == [[y, x] for y in range(top, top + 3) for x in range(left, left + 3)]
            assert top % 3 == left % 3 == 0
            assert name == f"row {top // 3}, column {left // 3}"
            corners.append((top, left))
        assert corners == sorted(corners)


def test_a_sample_has_the_same_patches_however_many_samples_there_are():
    few, many = (patches((8, 8), 2, 6, samples, seed=4).map for samples in (2, 9))
    assert torch.equal(few, many[:2])
    assert not torch.equal(many[:2], patches((8, 8), 2, 6, 2, seed=5).map)
    assert len({tuple(row) for row in many.flatten(1).tolist()}) == 9  # each sample has its own


def test_patches_without_a_margin_are_those_of_the_paper():
    assert torch.equal(patches((3, 32, 32), 4, 12, 3, seed=7).map, patches_at_random(3, 32, 4, 12, margin=0, seed=7))


def test_every_patch_is_drawn_equally_often():
    drawn = patches((4, 4), 1, 4, samples=4000).map
    assert ((drawn >= 0).float().mean(dim=0) - 1 / 4).abs().max() < 0.04  # six standard deviations


@pytest.mark.parametrize("n", [0, 5])
def test_too_many_patches_are_refused(n):
    with pytest.raises(ValueError, match=rf"n={n} players asked for, but an image of 4x5 pixels has 4 patches of 2x2"):
        patches((4, 5), 2, n, 1)


def test_segments_are_numbered_from_0_without_gaps_and_keep_their_pixels():
    labels = np.random.default_rng(0).choice([-1, 4, 9, 100], (6, 5, 7))
    players = segments(labels)
    for before, after, names in zip(labels, players.map.numpy(), players.names, strict=True):
        assert sorted(set(after.flatten())) == [-1, 0, 1, 2]
        assert names == ["4", "9", "100"]
        for number, name in enumerate(names):
            assert ((after == number) == (before == int(name))).all()


def test_samples_may_have_another_number_of_segments():
    players = segments([[[7, 7], [7, 7]], [[3, 2], [1, 0]]])
    assert players.map.flatten(1).amax(1).tolist() == [0, 3]
    assert players.names == [["7"], ["0", "1", "2", "3"]]


def test_one_map_of_segments_is_that_of_all_samples():
    assert segments(torch.tensor([[1, 2], [2, 1]])).map.tolist() == [[[0, 1], [1, 0]]]


def test_segments_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="sample 1 is all background"):
        segments([[[0, 1]], [[-1, -1]]])
    with pytest.raises(ValueError, match=r"shape \(3,\), not \(sample, y, x\)"):
        segments([1, 2, 3])
    with pytest.raises(ValueError, match="label_map holds -2"):
        segments([[0, -2]])


# ---- tables ----


def test_columns_of_one_name_act_together():
    assert columns(["a", "b", "c"]).map.tolist() == [[0, 1, 2]]
    players = columns(np.array(["b", "a", "b"]))
    assert (players.map.tolist(), players.names) == ([[0, 1, 0]], [["b", "a"]])


@pytest.mark.parametrize("names", ["age", [], [None]])
def test_columns_without_names_are_refused(names):
    with pytest.raises(ValueError, match="give a list with the name of the player of each column"):
        columns(names)


# ---- words ----


def bert_like():
    pieces = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "a", "good", "un", "##watch", "##able", "film", "!", "don", "'", "t"]
    tokenizer = Tokenizer(models.WordPiece({piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]")


def byte_level(split=True):
    """Every letter a token, spaces before words are part of them, and padding on the left."""
    letters = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(letters | {"<pad>": len(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", padding_side="left")


TEXTS = ["a good film!", "unwatchable"]


def test_a_word_has_all_its_tokens_and_special_ones_are_background():
    players = words(TEXTS, bert_like())
    assert players.map.tolist() == [[-1, 0, 1, 2, -1, -1], [-1, 0, 0, 0, -1, -1]]
    assert players.names == [["a", "good", "film"], ["unwatchable"]]


def test_positions_are_those_of_the_tokenizers_output_also_with_padding_on_the_left():
    tokenizer, texts = byte_level(), ["so what", "oh"]
    players = words(texts, tokenizer)
    encoding = tokenizer(texts, padding=True, return_tensors="pt")
    assert players.map.shape == encoding["input_ids"].shape
    assert players.map.tolist() == [[0, 0, 1, 1, 1, 1, 1], [-1, -1, -1, -1, -1, 0, 0]]
    assert (players.map[encoding["attention_mask"] == 0] == -1).all()
    assert players.names == [["so", "what"], ["oh"]]


def test_which_words_become_players_is_a_choice():
    players = words(TEXTS[:1], bert_like(), keep=lambda word: len(word) != 4)
    assert (players.map.tolist(), players.names) == ([[-1, 0, -1, -1, 1, -1]], [["a", "!"]])
    players = words(TEXTS[:1], bert_like(), n=2)
    assert (players.map.tolist(), players.names) == ([[-1, 0, 1, -1, -1, -1]], [["a", "good"]])


def test_texts_may_be_split_already():
    players = words([["a", "don't"], ["film"]], bert_like())
    assert players.map.tolist() == [[-1, 0, 1, 1, 1, -1], [-1, 0, -1, -1, -1, -1]]
    assert players.names == [["a", "don't"], ["film"]]


def test_texts_and_tokenizers_that_do_not_do_are_refused():
    with pytest.raises(ValueError, match="texts is the single string 'a good film': give a list"):
        words("a good film", bert_like())
    with pytest.raises(ValueError, match="text 1 has 1 words that become players, not 2: 'unwatchable'"):
        words(TEXTS, bert_like(), n=2)
    with pytest.raises(ValueError, match="text 0 has 0 words that become players, not one: '!'"):
        words(["!"], bert_like())
    with pytest.raises(ValueError, match="function does not know the word of a token: take a fast tokenizer"):
        words(TEXTS, lambda texts: texts)
    with pytest.raises(ValueError, match="does not split at spaces: give each text as a list of words"):
        words(["so what"], byte_level(split=False))
