"""The figures of what layers encode show the numbers that they are given."""

import numpy as np
import pytest
import xarray as xr
from figure_checks import drawn, interactions, salient_interactions, shown

from lkutils import metrics, uncertainty
from lkutils.figures import layers as figures
from lkutils.figures.style import OF_NETWORK
from lkutils.games import Label

AX, AY, BX = Label("A", "MLP-7"), Label("A", "mine"), Label("B", "MLP-7")


@pytest.fixture(scope="module")
def salient() -> xr.DataArray:
    return salient_interactions()


def test_by_depth_has_a_panel_for_each_data_set_and_a_line_for_each_network(salient):
    curve = metrics.strength(salient).sum(["kind", "order"])
    bounds = uncertainty.with_interval(uncertainty.resampled_means(curve, resamples=50))
    figure = drawn(figures.by_depth({AX: bounds, AY: bounds, BX: curve.mean("sample")}, "strength"))
    first, second = shown(figure)
    assert [line.get_label() for line in first.lines] == ["MLP-7", "mine"]
    assert [line.get_label() for line in second.lines] == ["MLP-7"]
    assert second.lines[0].get_xdata()[-1] == 1
    assert np.allclose(first.lines[0].get_ydata(), second.lines[0].get_ydata())
    assert first.get_ylabel() == "strength"


def test_a_network_has_one_colour_in_all_panels_and_the_legend_names_it_once(salient):
    curve = metrics.strength(salient).sum(["kind", "order"]).mean("sample")
    figure = drawn(figures.by_depth({AX: curve, AY: curve, BX: curve}, "strength"))
    first, second = shown(figure)
    assert first.lines[0].get_color() == second.lines[0].get_color() == OF_NETWORK["MLP-7"]
    assert first.lines[1].get_color() != OF_NETWORK["MLP-7"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["MLP-7", "mine"]
    assert not first.get_legend()


def test_strength_by_order_has_two_panels_for_each_game(salient):
    strength = metrics.strength(salient).mean("sample")
    figure = drawn(figures.strength_by_order({AX: strength, AY: strength, BX: strength}))
    assert len(shown(figure)) == 6
    assert np.allclose(shown(figure)[1].lines[-1].get_ydata(), strength.sel(kind="or", layer="output"))
    titles = [axis.get_title(loc="left") for axis in shown(figure)]
    assert titles[:2] == ["MLP-7, A\nAND", "\nOR"]


def test_similarity_map_has_a_panel_for_each_game_and_leaves_the_diagonal_out(salient):
    matrix = metrics.layer_similarity(salient).mean("sample")
    figure = drawn(figures.similarity_map({AX: matrix, AY: matrix}))
    images = [image for axis in shown(figure) for image in axis.images]
    assert [axis.get_title(loc="left") for axis in shown(figure)[:2]] == ["MLP-7, A", "mine, A"]
    pixels = images[0].get_array()
    off_diagonal = ~np.eye(7, dtype=bool)
    assert np.allclose(pixels[off_diagonal], matrix.values[off_diagonal])
    assert pixels.mask.sum() == 7
    assert pixels.mask.diagonal().all()
    assert shown(figure)[0].get_xticklabels()[-1].get_text() == "out"


def test_similarity_of_ones_own_network_is_that_of_its_salient_part(salient):
    pixels = figures.similarity(interactions()).axes[0].images[0].get_array()
    matrix = metrics.layer_similarity(salient).mean("sample")
    assert np.allclose(pixels.filled(1), matrix)


def test_similarity_refuses_what_are_no_interactions_of_layers():
    with pytest.raises(TypeError, match=r"not interactions: extract them with lkutils\.interactions"):
        figures.similarity(interactions().rename(interactions="values"))
    with pytest.raises(ValueError, match=r"an axis 'draw': .* found\.isel\(draw=0\)"):
        figures.similarity(interactions().expand_dims("draw"))
    with pytest.raises(ValueError, match="the only layer is 'output'"):
        figures.similarity(interactions().sel(layer=["output"]))
