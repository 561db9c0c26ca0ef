import numpy as np
import pytest
import xarray as xr

from lkutils.paper import datasets, grammar, pictures
from lkutils.paper.datasets import at_hand
from lkutils.paper.sentences import content_words


def game_of(dataset: str, *axes: str) -> xr.Dataset:
    """A game as far as pictures look at it."""
    return xr.Dataset({"players": (("sample", *axes), np.zeros((1,) * (1 + len(axes))))}, attrs={"dataset": dataset})


def test_an_image_is_the_pixels_that_the_network_saw():
    image = pictures.image_of(game_of("digits", "y", "x"), 7)
    digits = datasets.load_dataset("digits")
    seen = digits.sample_inputs[7, 0].numpy() * datasets.IMAGES["digits"].std + datasets.IMAGES["digits"].mean
    assert image.shape == (8, 8, 3)
    for channel in range(3):
        np.testing.assert_allclose(image[..., channel], seen, atol=1e-6)


def test_a_sentence_is_given_by_its_words_in_the_players_order():
    game = game_of("grammar", "position")
    words = grammar.grammar_samples()[0][7]
    assert pictures.sentence_of(game, 7) == " ".join(words)
    assert pictures.words_of(game, 7) == [word for word in words if word not in grammar.BACKGROUND]


def test_images_have_no_words_and_sentences_no_image():
    images, sentences = game_of("digits", "y", "x"), game_of("grammar", "position")
    assert pictures.image_of(sentences, 0) is None
    assert pictures.words_of(images, 0) is None
    assert pictures.sentence_of(images, 0) is None


def test_of_a_data_set_that_is_not_at_hand_there_is_no_picture(tmp_path, monkeypatch):
    monkeypatch.setenv("LKUTILS_DATA", str(tmp_path))
    for cached in (pictures.images_at_hand, pictures.sentences_at_hand):
        cached.cache_clear()
    assert at_hand() == ["digits", "grammar"]
    assert pictures.image_of(game_of("mnist", "y", "x"), 0) is None
    assert pictures.words_of(game_of("sst2", "position"), 0) is None
    for cached in (pictures.images_at_hand, pictures.sentences_at_hand):
        cached.cache_clear()


def test_classes_are_called_by_their_names_where_they_have_any():
    assert pictures.class_name(game_of("sst2", "position"), 1) == "positive"
    assert pictures.class_name(game_of("mnist", "y", "x"), 7) == "7"


@pytest.mark.skipif("cifar10" not in at_hand(), reason="CIFAR-10 is not in the data folder")
def test_a_picture_of_cifar10_reads_the_test_batch_only(monkeypatch):
    read = []
    real = datasets.read_file
    monkeypatch.setattr(datasets, "read_file", lambda name: read.append(name) or real(name))
    pictures.images_at_hand.cache_clear()
    assert pictures.image_of(game_of("cifar10", "y", "x"), 5).shape == (32, 32, 3)
    assert read == ["cifar10/cifar-10-batches-py/test_batch"]


@pytest.mark.skipif("sst2" not in at_hand(), reason="SST-2 is not in the data folder")
def test_sentences_of_sst2_have_ten_players():
    sentences = pictures.sentences_at_hand("sst2")
    assert {len(places) for _, places in sentences} == {10}
    words, places = sentences[0]
    assert places == content_words(words)
