"""Fig. 1 shows the interactions that it is given, on the images or in the words that they are about."""

import numpy as np
import pytest
import torch
import xarray as xr
from figure_checks import drawn, salient_interactions, shown

from lkutils.figures import followed as figures_followed
from lkutils.paper import grammar
from lkutils.paper.sentences import content_words


@pytest.fixture
def kept() -> xr.DataArray:
    return salient_interactions()


def game_of(dataset: str, dims: tuple[str, ...], samples: list[int]) -> xr.Dataset:
    players = np.zeros((len(samples), *[4] * (len(dims) - 1)), dtype=np.int8)
    return xr.Dataset(
        {"players": (dims, players), "label": ("sample", [1] * len(samples))},
        {"sample": samples},
        {"dataset": dataset, "network": "net", "n_players": 4},
    )


def test_images_are_drawn_with_players_and_effects(kept):
    players = np.full(12, -1)
    players[:4] = range(4)
    one = kept.isel(sample=0)
    sample = figures_followed.FollowedImage("a/x\nno. 1", one, players.reshape(3, 4))
    figure = drawn(figures_followed.followed_images([sample, sample], count=2))
    assert len(shown(figure)) == 16
    (kind, coalition), _ = figures_followed.strongest(one, 2)[0]
    heights = [bar.get_height() for bar in shown(figure)[4].patches[:7]]
    assert np.allclose(heights, one.sel(kind=kind, coalition=coalition))


def test_strongest_of_the_output_and_of_what_it_forgot():
    values = np.zeros((2, 3, 8))
    values[0, 2] = [9, 1, -3, 0, 0, 0, 0, 2]  # 9 is the empty coalition
    values[1, 0, 5], values[1, 1, 6], values[0, 0, 2] = 4, -5, 8
    one = xr.DataArray(values, {"kind": ["and", "or"], "coalition": range(8)}, ("kind", "layer", "coalition"))
    in_output, forgotten = figures_followed.strongest(one, 2)
    assert in_output == [("and", 2), ("and", 7)]
    assert forgotten == [("or", 6), ("or", 5)]


def test_outlines_run_between_players_and_not_inside_them():
    players = np.array([[0, 0, -1], [0, 0, -1]])
    segments = figures_followed.outlines(players)
    assert len(segments) == 8  # the border of a square of 2 x 2
    assert ((1.5, -0.5), (1.5, 0.5)) in [tuple(segment) for segment in segments]


def test_follow_takes_players_and_image_of_the_sample(monkeypatch):
    images = torch.arange(5.0)[:, None, None, None] + torch.linspace(0, 2, 64).reshape(1, 8, 8)
    monkeypatch.setattr(figures_followed, "images_at_hand", lambda dataset: images)
    players = np.zeros((2, 8, 8), dtype=np.int8)
    players[1] = 5
    attributes = {"network": "mlp7", "dataset": "digits"}
    game = xr.Dataset({"players": (("sample", "y", "x"), players)}, {"sample": [3, 4]}, attributes)
    one = xr.DataArray(np.zeros((2, 3, 64)), {"sample": 4}, ("kind", "layer", "coalition"))
    followed = figures_followed.follow_image(game, one)
    assert followed.name == "digits\nmlp7\nno. 4"
    assert (followed.players == 5).all()
    assert followed.image.shape == (8, 8, 3)
    assert (followed.image.min(), followed.image.max()) == (0, 1)


def test_no_image_of_a_data_set_that_is_not_at_hand(monkeypatch, tmp_path):
    monkeypatch.setenv("LKUTILS_DATA", str(tmp_path))
    assert figures_followed.images_at_hand.__wrapped__("cifar10") is None


def test_games_of_images_are_followed_by_the_first_of_each_data_set_and_games_of_sentences_all(kept, monkeypatch):
    monkeypatch.setattr(figures_followed, "at_hand", lambda dataset: False)
    image, text = ("sample", "y", "x"), ("sample", "position")
    kinds = {"i1": image, "i2": image, "t1": text, "t2": text}
    games = {name: game_of(name[0], dims, list(range(5))).assign_attrs(name=name) for name, dims in kinds.items()}
    images, sentences = figures_followed.follow(games, dict.fromkeys(games, kept), [], 3)
    assert (len(images), len(sentences)) == (3, 6)
    images, sentences = figures_followed.follow(games, dict.fromkeys(games, kept), ["i2"], 3)
    assert (len(images), len(sentences)) == (3, 0)


def test_sentences_are_drawn_with_their_effects_in_words(kept):
    one = kept.isel(sample=0)
    sample = figures_followed.FollowedSentence("a/x, no. 1: so it goes on", one, ["so", "it", "goes", "on"])
    figure = drawn(figures_followed.followed_sentences([sample, sample], count=2))
    panel = shown(figure)[0]
    output, forgotten = figures_followed.strongest(one, 2)
    expected = [one.sel(kind=kind, coalition=coalition) for kind, coalition in (*output, *forgotten)]
    assert np.allclose(panel.images[0].get_array(), expected)
    labels = [label.get_text() for label in panel.get_yticklabels()]
    assert labels == [figures_followed.in_words(*which, sample.players) for which in (*output, *forgotten)]
    assert sample.name in (panel.get_title(), panel.get_title(loc="left"))


@pytest.mark.parametrize(
    ("kind", "coalition", "expected"),
    [
        ("and", 0b0101, "not & good"),
        ("or", 0b0110, "so | good"),
        ("and", 0b1000, "film"),
        ("or", 0b11110, "so | good | film | ..."),
        ("and", 0b11111, "not & so & good & … (5 words)"),
    ],
)
def test_an_interaction_in_words(kind, coalition, expected):
    players = ["not", "so", "good", "film", "..."]
    assert figures_followed.in_words(kind, coalition, players) == expected


def test_a_sentence_is_followed_with_its_words(kept):
    one = kept.isel(sample=0).assign_coords(sample=7)
    followed = figures_followed.follow_sentence(
        "grammar/net (scratch)", game_of("grammar", ("sample", "position"), [7]), one
    )
    words = grammar.grammar_samples()[0][7]
    assert followed.name == f"grammar/net (scratch), no. 7, positive: {' '.join(words)}"
    assert followed.players == [word for word in words if word not in grammar.BACKGROUND]


def test_words_of_a_data_set_that_is_not_at_hand_are_numbers(kept, monkeypatch):
    monkeypatch.setattr(figures_followed, "sentences_at_hand", lambda dataset: None)
    one = kept.isel(sample=0).assign_coords(sample=7)
    followed = figures_followed.follow_sentence("sst2/net", game_of("sst2", ("sample", "position"), [7]), one)
    assert followed.players == ["word 1", "word 2", "word 3", "word 4"]


@pytest.mark.skipif(not figures_followed.at_hand("sst2"), reason="needs SST-2")
def test_sentences_at_hand_have_ten_players():
    sentences = figures_followed.sentences_at_hand("sst2")
    assert {len(places) for _, places in sentences} == {10}
    words, places = sentences[0]
    assert places == content_words(words)
