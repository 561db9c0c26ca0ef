"""Fig. 1 shows the interactions that it is given, on the images or in the words that they are about."""

import numpy as np
import pytest
import torch
import xarray as xr
from figure_checks import drawn, interactions, salient_interactions, shown

from lkutils.figures import followed as figures


@pytest.fixture(scope="module")
def salient() -> xr.DataArray:
    return salient_interactions().isel(sample=0)


@pytest.fixture(scope="module")
def players() -> np.ndarray:
    """Of 3 x 4 pixels, the first row: four players."""
    return np.where(np.arange(12) < 4, np.arange(12), -1).reshape(3, 4)


# ---- which interactions ---------------------------------------------------------------------------------------------


def test_ranked_are_those_of_the_output_and_those_it_has_forgotten():
    values = np.zeros((2, 3, 8))
    values[0, 2] = [9, 1, -3, 0, 0, 0, 0, 2]  # 9 is the empty coalition
    values[1, 0, 5], values[1, 1, 6], values[0, 0, 2] = 4, -5, 8
    one = xr.DataArray(values, {"kind": ["and", "or"], "coalition": range(8)}, ("kind", "layer", "coalition"))
    in_output, forgotten = figures.rank_interactions(one, 2)
    assert in_output == [("and", 2), ("and", 7)]
    assert forgotten == [("or", 6), ("or", 5)]


def test_equally_strong_ones_come_in_the_order_of_their_bits():
    one = xr.DataArray(
        np.ones((2, 2, 8)), {"kind": ["and", "or"], "coalition": range(8)}, ("kind", "layer", "coalition")
    )
    assert figures.rank_interactions(one, 3) == ([("and", 1), ("and", 2), ("and", 3)], [])


def test_samples_without_interactions_are_refused_alone_and_left_out_among_others(salient, players):
    nothing = interactions().map(lambda values: values * (values.sample != 2))
    with pytest.raises(ValueError, match="sample 2 has no salient interaction in any layer"):
        figures.in_words(nothing, 2)
    images = [figures.FollowedImage(title, salient * factor, players) for title, factor in (("x", 0), ("y", 1))]
    assert next(axis.get_ylabel() for axis in shown(figures.followed_images(images, 2)) if axis.images) == "y"
    assert figures.followed_images(images[:1]).texts


# ---- images ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("image", [None, np.zeros((3, 4, 3))])
def test_images_are_drawn_with_players_and_effects(salient, players, image):
    sample = figures.FollowedImage("net\nno. 1", salient, players, image)
    figure = drawn(figures.followed_images([sample, sample], count=2))
    assert len(shown(figure)) == 16
    (kind, coalition), _ = figures.rank_interactions(salient, 2)[0]
    first, effects = shown(figure)[0], shown(figure)[4]
    assert first.get_ylabel() == "net\nno. 1"
    filled = first.images[-1].get_array() == 2
    assert (filled == ((players >= 0) & (coalition >> np.maximum(players, 0) & 1 == 1))).all()
    assert len(first.images) == (1 if image is None else 2)
    heights = [bar.get_height() for bar in effects.patches[:7]]
    assert np.allclose(heights, salient.sel(kind=kind, coalition=coalition))


def test_outlines_run_between_players_and_not_inside_them():
    segments = figures.outlines(np.array([[0, 0, -1], [0, 0, -1]]))
    assert len(segments) == 8  # the border of a square of 2 x 2
    assert ((1.5, -0.5), (1.5, 0.5)) in [tuple(segment) for segment in segments]


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_may_have_channels_first_last_or_none(channels):
    last = np.random.default_rng(0).uniform(size=(4, 5, channels))
    expected = np.broadcast_to(last, (4, 5, 3))
    assert np.allclose(figures.as_picture(last, (4, 5)), expected)
    assert np.allclose(figures.as_picture(np.moveaxis(last, -1, 0), (4, 5)), expected)
    assert np.allclose(figures.as_picture(torch.from_numpy(last), (4, 5)), expected)
    assert np.allclose(figures.as_picture(last[..., 0], (4, 5)), np.broadcast_to(last[..., :1], (4, 5, 3)))


def test_pictures_beyond_0_to_1_are_stretched_and_the_callers_array_stays():
    given = np.array([[-1.0, 3.0], [1.0, 3.0]])
    kept = given.copy()
    assert figures.as_picture(given, (2, 2))[..., 1].tolist() == [[0, 1], [0.5, 1]]
    assert (given == kept).all()
    assert figures.as_picture(np.full((2, 2), 7.0), (2, 2)).max() == 0  # no contrast at all


@pytest.mark.parametrize("shape", [(4, 4), (3, 4, 2), (2, 3, 4), (12,), (3, 3, 4, 1)])
def test_a_picture_of_another_shape_than_the_players_is_refused(shape):
    with pytest.raises(ValueError, match=r"the image has shape .* 3 x 4 pixels"):
        figures.as_picture(np.zeros(shape), (3, 4))


def game_of(players: np.ndarray) -> xr.Dataset:
    maps = np.stack([players * 0 - 1, players])
    return xr.Dataset({"players": (("sample", *"yx"[: players.ndim]), maps)}, {"sample": [3, 4]})


def test_on_image_takes_players_and_interactions_of_the_sample(salient, players):
    found = interactions().isel(sample=[1, 0]).assign_coords(sample=[3, 4])
    figure = figures.on_image(found, game_of(players), 4, np.zeros((3, 4)), count=2)
    expected = figures.rank_interactions(figures.metrics.salient_part(found["interactions"]).isel(sample=1), 2)[0]
    titles = [axis.get_title() for axis in shown(figure)[:2]]
    named = [f"{figures.KIND_NAMES[kind]}, order {coalition.bit_count()}" for kind, coalition in expected]
    assert [title.splitlines()[1] for title in titles] == named
    assert shown(figure)[0].get_ylabel() == "sample 4"


def test_on_image_refuses_what_does_not_fit(players):
    found, game = interactions(2).assign_coords(sample=[3, 4]), game_of(players)
    with pytest.raises(ValueError, match="there is no sample 9; there are 3, 4"):
        figures.on_image(found, game, 9)
    with pytest.raises(ValueError, match="there is no sample 4; there are 3"):
        figures.on_image(found, game.isel(sample=[0]), 4)
    with pytest.raises(ValueError, match=r"shape \(12, 12\), .* 3 x 4 pixels"):
        figures.on_image(found, game, 4, np.zeros((12, 12)))
    with pytest.raises(ValueError, match="use in_words"):
        figures.on_image(found, game_of(players.flatten()[:0:-1]).rename(y="position"), 4)
    with pytest.raises(ValueError, match=r"give what lkutils.play"):
        figures.on_image(found, found, 4)
    with pytest.raises(TypeError, match=r"not interactions: extract them with lkutils\.interactions"):
        figures.on_image(game, game, 4)


# ---- sentences ------------------------------------------------------------------------------------------------------

WORDS = ["so", "it", "goes", "on"]


def test_sentences_are_drawn_with_their_effects_in_words(salient):
    sample = figures.FollowedSentence("net, no. 1", salient, WORDS, "so it goes on .")
    figure = drawn(figures.followed_sentences([sample, sample], count=2))
    panel = shown(figure)[0]
    ranked = [which for some in figures.rank_interactions(salient, 2) for which in some]
    expected = [salient.sel(kind=kind, coalition=coalition) for kind, coalition in ranked]
    assert np.allclose(panel.images[0].get_array(), expected)
    labels = [label.get_text() for label in panel.get_yticklabels()]
    assert labels == [figures.spelled(*which, WORDS) for which in ranked]
    assert panel.get_title(loc="left") == "net, no. 1: so it goes on ."


def test_players_without_words_are_numbered(salient):
    figure = figures.followed_sentences([figures.FollowedSentence("net", salient)], count=1)
    (kind, coalition), *_ = figures.rank_interactions(salient, 1)[0]
    label = shown(figure)[0].get_yticklabels()[0].get_text()
    assert label == figures.spelled(kind, coalition, ["player 0", "player 1", "player 2", "player 3"])
    assert shown(figure)[0].get_title(loc="left") == "net"


def test_in_words_takes_words_from_the_caller_else_from_the_game():
    found = interactions()
    names = found.assign(player_name=(("sample", "player"), [[f"{w}{k}" for w in "abcd"] for k in range(5)]))
    texts = [
        {label.get_text() for label in figures.in_words(*arguments).axes[0].get_yticklabels()}
        for arguments in ((names, 2), (found, 2, ["a2", "b2", "c2", "d2"]))
    ]
    assert texts[0] == texts[1]


def test_in_words_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="there is no sample 7; there are 0, 1, 2, 3, 4"):
        figures.in_words(interactions(), 7)
    with pytest.raises(ValueError, match="3 words for 4 players"):
        figures.in_words(interactions(), 0, WORDS[:3])
    with pytest.raises(TypeError, match=r"not interactions: extract them with lkutils\.interactions"):
        figures.in_words(interactions().rename(interactions="values"), 0)


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
    assert figures.spelled(kind, coalition, ["not", "so", "good", "film", "..."]) == expected


def test_without_samples_the_figure_says_so():
    assert figures.followed_images([]).texts[0].get_text() == "There is no image to draw among these games."
    assert figures.followed_sentences([]).texts[0].get_text() == "There is no sentence to draw among these games."
