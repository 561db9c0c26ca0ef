"""Fig. 6 shows the numbers that it is given, at the players they belong to."""

import numpy as np
import pytest
import xarray as xr
from figure_checks import drawn, shown
from IPython.core.pylabtools import print_figure

from lkutils.figures import attribution
from lkutils.figures.attribution import ExplainedImage, ExplainedSentence
from lkutils.games import Label

PLAYERS = np.array([[0, 0, -1], [1, 2, 2]])
NUMBERS = {"Shapley": np.array([1.0, -2.0, 0.5]), "Gradients": np.array([0.5, -1.0, 4.0])}


def test_the_strongest_interactions_come_in_order_without_the_empty_one():
    table = xr.DataArray(np.zeros((2, 8)), {"kind": ["and", "or"]}, ("kind", "coalition"))
    table[0, 0], table[0, 3], table[1, 5], table[1, 1] = 99.0, -2.0, 3.0, 0.5
    before = table.copy(deep=True)
    assert attribution.strongest(table, 2) == [("or", 5, 3.0), ("and", 3, -2.0)]
    assert len(attribution.strongest(table, 9)) == 3
    xr.testing.assert_identical(table, before)


@pytest.mark.parametrize("image", [None, np.full((2, 3, 3), 0.5)])
def test_an_image_has_a_map_for_each_method_on_one_scale(image):
    sample = ExplainedImage("one", PLAYERS, NUMBERS, [(0b101, "AND"), (0b010, "OR")], image)
    figure = drawn(attribution.explained_images([sample, sample._replace(interactions=[(1, "AND")])]))
    panels = shown(figure)
    assert len(panels) == 5 + 4
    maps = {axis.get_title(): axis.images[-1] for axis in panels[1:3]}
    for name, numbers in NUMBERS.items():
        array = maps[name].get_array()
        assert array[0, :2].tolist() == [numbers[0]] * 2
        assert array[1].tolist() == [numbers[1], numbers[2], numbers[2]]
        assert np.ma.is_masked(array[0, 2])
        assert maps[name].get_clim() == (-4.0, 4.0)
    inside = panels[3].images[-1].get_array()
    assert inside.tolist() == [[2, 2, 0], [1, 2, 2]]


def test_players_may_be_stored_as_small_integers():
    players = np.arange(10, dtype=np.int8)[None]
    figure = attribution.explained_images([ExplainedImage("one", players, {"Shapley": np.ones(10)}, [(1 << 9, "AND")])])
    assert shown(drawn(figure))[2].images[-1].get_array().tolist() == [[1] * 9 + [2]]


def test_a_sentence_has_a_bar_for_each_word_and_method_and_one_for_each_interaction():
    sample = ExplainedSentence("one", ["not", "so", "good"], NUMBERS, [("and", 0b101, -3.0), ("or", 0b110, 1.0)])
    figure = drawn(attribution.explained_sentences([sample]))
    left, right = shown(figure)
    widths = [[bar.get_width() for bar in bars] for bars in left.containers]
    assert widths == [list(numbers) for numbers in NUMBERS.values()]
    assert [label.get_text() for label in left.get_yticklabels()] == ["not", "so", "good"]
    assert [bar.get_width() for bar in right.containers[0]] == [-3.0, 1.0]
    assert [label.get_text() for label in right.get_yticklabels()] == ["not & good", "so | good"]


@pytest.mark.parametrize(("draw", "words"), [("explained_images", "no image"), ("explained_sentences", "no sentence")])
def test_without_samples_the_figures_say_so_and_notebooks_show_it(draw, words):
    figure = drawn(getattr(attribution, draw)([]))
    assert words in figure.texts[0].get_text()
    assert print_figure(figure) is not None


def test_agreement_shows_every_player_of_every_sample_whatever_the_order_of_axes():
    random = np.random.default_rng(0)
    first, second = (xr.DataArray(random.normal(size=(4, 3)), dims=("sample", "player")) for _ in range(2))
    figure = drawn(attribution.agreement({Label("a", "b"): (first, second.T)}, ("one", "other")))
    points = shown(figure)[0].lines[1]
    np.testing.assert_array_equal(points.get_xdata(), first.values.ravel())
    np.testing.assert_array_equal(points.get_ydata(), second.values.ravel())
