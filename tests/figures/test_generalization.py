"""Fig. 4 and 8 show the numbers that they are given, and how many samples are behind them."""

import numpy as np
import pytest
import xarray as xr
from figure_checks import drawn, shown

from lkutils.figures.generalization import COUNTS, TOO_FEW, iou_by_order, lines_by_order
from lkutils.games import Label
from lkutils.generalization import mean_over_samples, overlap_of_sets, signed_sets, unsigned

PAIR, OTHER = Label("MNIST", "MLP-7 and VGG-11"), Label("SST-2", "BERT and XLNet")


def compared_of(samples: int = 12) -> xr.Dataset:
    """Four players. AND: order 2 is in one network alone in the first sample, order 4 in both in the first five."""
    random = np.random.default_rng(0)
    a, b = random.integers(-1, 2, size=(2, 2, samples, 16))
    a[..., [1, 3]], b[..., [1, 3]] = 1, 1  # orders 1 and 2 are empty nowhere
    a[0, 0, [3, 5, 6, 9, 10, 12]] = 0
    a[0, :, 15] = b[0, :, 15] = np.arange(samples) < 5
    coordinates = {"kind": ["and", "or"], "sample": range(samples)}
    parts = [xr.DataArray(part, coordinates, ("kind", "sample", "coalition")) for part in (a, b)]
    return mean_over_samples(overlap_of_sets(*(unsigned(signed_sets(part, part != 0)) for part in parts)))


@pytest.fixture(scope="module")
def compared() -> xr.Dataset:
    return compared_of()


def test_a_panel_for_each_pair_with_its_counts_below(compared):
    figure = drawn(iou_by_order({PAIR: compared, OTHER: compared}, "and"))
    panels = shown(figure)
    assert len(panels) == 4
    assert [axis.get_title(loc="left") for axis in panels if axis.get_title(loc="left")] == [
        "MLP-7 and VGG-11\nMNIST",
        "BERT and XLNet\nSST-2",
    ]


@pytest.mark.parametrize("kind", ["and", "or"])
def test_the_line_is_the_mean_where_there_is_an_interval_and_hollow_points_elsewhere(compared, kind):
    line, few, chance = shown(iou_by_order({PAIR: compared}, kind))[0].lines
    pair = compared.sel(kind=kind)
    estimate, enough = pair["iou"].sel(bound="estimate"), pair["n_defined"] >= 10
    assert np.array_equal(line.get_ydata(), estimate.where(enough), equal_nan=True)
    assert np.array_equal(few.get_ydata(), estimate.where(~enough), equal_nan=True)
    assert np.array_equal(chance.get_ydata(), pair["chance"].sel(bound="estimate"), equal_nan=True)
    assert few.get_markerfacecolor() == "white"
    if kind == "and":
        assert np.isfinite(few.get_ydata()).tolist() == [False, False, False, True]


def test_bars_count_every_sample_once(compared):
    strip = shown(iou_by_order({PAIR: compared}, "and"))[1]
    both, one, none = (np.array([bar.get_height() for bar in bars]) for bars in strip.containers)
    assert (both + one + none == 12).all()
    assert one[1] == 1
    assert none.tolist() == [0, 0, compared["both_empty"].sel(kind="and", order=3), 7]
    assert [bars.get_label() for bars in strip.containers] == list(COUNTS)
    tops = [max(bar.get_y() + bar.get_height() for bar in bars) for bars in strip.containers]
    assert tops == sorted(tops)


def test_the_legend_names_each_thing_once_and_too_few_last(compared):
    (legend,) = drawn(iou_by_order({PAIR: compared, OTHER: compared}, "and")).legends
    names = [text.get_text() for text in legend.get_texts()]
    assert len(set(names)) == len(names)
    assert {"IoU", "chance", TOO_FEW, *COUNTS} == set(names)


def test_lines_by_order_keep_colours_across_panels(compared):
    raw, corrected = compared["iou"].sel(kind="and"), compared["corrected"].sel(kind="and")
    figure = drawn(lines_by_order({PAIR: {"raw": raw, "corrected": corrected}, OTHER: {"corrected": corrected}}, "IoU"))
    colours = [
        {line.get_label(): line.get_color() for line in axis.lines if not line.get_label().startswith("_")}
        for axis in shown(figure)
    ]
    assert colours[0]["corrected"] == colours[1]["corrected"] != colours[0]["raw"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["raw", "corrected", TOO_FEW]
    assert shown(figure)[0].get_ylabel() == "IoU"


def test_all_points_are_inside_the_axes(compared):
    low = compared["iou"].sel(kind="and") - 3
    axis = shown(lines_by_order({PAIR: {"low": low}}, "difference"))[0]
    assert axis.get_ylim()[0] < low.sel(bound="estimate").min()
    assert axis.get_ylim()[1] > 0


@pytest.mark.parametrize("count", [1, 2, 4, 6, 10, 12])
def test_any_number_of_pairs_fits_the_page(compared, count):
    pairs = {Label("CIFAR-10", f"ResNet-{k} and ResNet-32"): compared for k in range(20, 20 + count)}
    for figure, parts in (
        (iou_by_order(pairs, "or"), 2),
        (lines_by_order({pair: {"raw": one["iou"].sel(kind="or")} for pair, one in pairs.items()}, "IoU"), 1),
    ):
        assert len(shown(drawn(figure))) == parts * count
        width = figure.get_window_extent().width
        for axis in shown(figure):
            title = axis._left_title
            assert title.get_window_extent().x1 <= width


def test_nothing_to_draw_is_an_error(compared):
    with pytest.raises(ValueError, match="no network or pair"):
        iou_by_order({}, "and")
    with pytest.raises(ValueError, match="no network or pair"):
        lines_by_order({}, "IoU")
    with pytest.raises(ValueError, match="kind='xor'; known are and, or"):
        iou_by_order({PAIR: compared}, "xor")
