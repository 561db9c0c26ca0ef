"""The figures of layers and tracking show the numbers that they are given."""

import numpy as np
import pytest
import xarray as xr
from figure_checks import drawn, salient_interactions, shown

from lkutils import metrics, uncertainty
from lkutils.figures import layers as figures_layers
from lkutils.figures import tracking as figures_tracking
from lkutils.games import Label


@pytest.fixture
def kept() -> xr.DataArray:
    return salient_interactions()


def test_by_depth_has_a_panel_for_each_data_set_and_a_line_for_each_network(kept):
    curve = metrics.strength(kept).sum(["kind", "order"])
    bounds = uncertainty.with_interval(uncertainty.resampled_means(curve, resamples=50))
    figure = drawn(
        figures_layers.by_depth(
            {Label("a", "x"): bounds, Label("a", "y"): bounds, Label("b", "x"): curve.mean("sample")}, "strength"
        )
    )
    first, second = shown(figure)
    assert [line.get_label() for line in first.lines] == ["x", "y"]
    assert [line.get_label() for line in second.lines] == ["x"]
    assert second.lines[0].get_xdata()[-1] == 1
    assert np.allclose(first.lines[0].get_ydata(), second.lines[0].get_ydata())
    assert first.get_ylabel() == "strength"


def test_strength_by_order_has_two_panels_for_each_game(kept):
    strength = metrics.strength(kept).mean("sample")
    figure = drawn(
        figures_layers.strength_by_order(
            {Label("a", "x"): strength, Label("a", "y"): strength, Label("b", "x"): strength}
        )
    )
    assert len(shown(figure)) == 6
    assert np.allclose(shown(figure)[1].lines[-1].get_ydata(), strength.sel(kind="or", layer="output"))


def test_similarity_has_a_panel_for_each_game(kept):
    matrix = metrics.layer_similarity(kept).mean("sample")
    figure = drawn(figures_layers.similarity({Label("a", "x"): matrix, Label("a", "y"): matrix}))
    images = [image for axis in shown(figure) for image in axis.images]
    assert np.allclose(images[0].get_array(), matrix)
    assert shown(figure)[0].get_xticklabels()[-1].get_text() == "out"


def test_tracked_draws_the_parts(kept):
    parts = metrics.track(kept).sel(kind="and").mean("sample")
    figure = drawn(
        figures_tracking.tracked(
            {Label("a", "x"): parts, Label("a", "y"): parts}, {Label("a", "x"): [1, 2], Label("a", "y"): [2, 3]}
        )
    )
    titles = [axis.get_title(loc="left") for axis in shown(figure)]
    assert titles == ["order 1", "order 2", "", "order 3"]
    bars = shown(figure)[1].patches
    assert len(bars) == 3 * 6
    heights = np.array([bar.get_height() for bar in bars]).reshape(3, 6)
    second = parts.sel(order=2).isel(layer=slice(-1))
    assert np.allclose(heights, [second.overlap, second.new, -second.forget])
    assert np.allclose(heights[0] + heights[1], metrics.strength(kept).sel(kind="and", order=2)[-1].mean())


def test_ratios_draw_completeness_and_redundancy(kept):
    means = uncertainty.resampled_means(metrics.track(kept), resamples=50).sel(kind="and")
    complete, redundant = (
        uncertainty.with_interval(ratio(means)) for ratio in (metrics.completeness, metrics.redundancy)
    )
    figure = drawn(
        figures_tracking.ratios({Label("a", "x"): complete}, {Label("a", "x"): redundant}, {Label("a", "x"): [1, 3]})
    )
    left, right = shown(figure)
    assert len(left.lines) == len(right.lines) == 2
    assert np.allclose(left.lines[1].get_ydata(), complete.sel(order=3, bound="estimate")[:-1])
    assert left.get_title(loc="left") == "completeness"
    assert right.get_title(loc="left") == "redundancy"


def test_ratios_that_are_never_defined_are_left_empty(kept):
    nothing = uncertainty.resampled_means(metrics.track(kept * 0), resamples=50).sel(kind="and")
    bounds = uncertainty.with_interval(metrics.completeness(nothing))
    figure = drawn(
        figures_tracking.ratios({Label("a", "x"): bounds}, {Label("a", "x"): bounds}, {Label("a", "x"): [1]})
    )
    assert np.isnan(shown(figure)[0].lines[0].get_ydata()).all()
