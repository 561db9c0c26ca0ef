"""Fig. 3 and 7 show the numbers that they are given, and say what is missing when they cannot."""

import numpy as np
import pytest
import xarray as xr
from figure_checks import drawn, salient_interactions, shown

from lkutils import metrics, uncertainty
from lkutils.figures import changes as figures
from lkutils.games import Label

MINE, YOURS = Label("digits", "MLP-7"), Label("digits", "VGG-11")


def followed_of(salient: xr.DataArray) -> xr.Dataset:
    parts = metrics.track(salient)
    means = uncertainty.resampled_means(parts, resamples=50)
    ratios = {name: uncertainty.with_interval(getattr(metrics, name)(means)) for name in figures.RATIOS}
    return parts.assign(ratios)


@pytest.fixture(scope="module")
def followed() -> xr.Dataset:
    return followed_of(salient_interactions(samples=12))


def heights(axis) -> np.ndarray:
    """Of the three parts of a panel: overlap, new (above it) and forgotten (below zero)."""
    steps = [patch.get_data() for patch in axis.patches]
    return np.array([steps[0].values, steps[1].values - steps[1].baseline, steps[2].values])


def test_every_panel_shows_the_three_parts_of_its_order(followed):
    figure = drawn(figures.tracking({MINE: followed, YOURS: followed}, orders=[2, 3]))
    panels = shown(figure)
    assert len(panels) == 4
    assert [axis.get_title(loc="left") for axis in panels] == ["order 2", "order 3", "", ""]
    mean = followed.sel(kind="and").mean("sample")
    for axis, order in zip(panels, (2, 3, 2, 3), strict=True):
        part = mean.sel(order=order).isel(layer=slice(-1))
        assert np.allclose(heights(axis), [part.overlap, part.new, -part.forget])


def test_numbers_of_a_panel_are_the_outputs_strength_and_the_most_forgotten(followed):
    axis = shown(figures.tracking({MINE: followed}, "or", [3]))[0]
    mean = followed.sel(kind="or", order=3).mean("sample")
    top, bottom = float((mean.overlap + mean.new)[0]), float(mean.forget.max())
    assert [float(text.get_text()) for text in axis.texts[:2]] == pytest.approx([top, bottom], rel=0.05)
    assert axis.get_ylim() == pytest.approx((-bottom, top))


def test_rows_name_network_data_set_and_layers(followed):
    figure = figures.tracking({MINE: followed, YOURS: followed})
    words = [text.get_text() for axis in shown(figure) for text in axis.texts if "layers" in text.get_text()]
    assert words == ["MLP-7\ndigits\nlayers 1 to 6", "VGG-11\ndigits\nlayers 1 to 6"]
    alone = figures.tracking(followed)
    assert [t.get_text() for t in shown(alone)[0].texts if "layers" in t.get_text()] == ["layers 1 to 6"]


def test_no_text_of_a_figure_is_smaller_than_seven_points(followed):
    for draw in (figures.tracking, figures.ratios):
        figure = drawn(draw({MINE: followed, YOURS: followed}))
        labels = [label for axis in shown(figure) for label in (*axis.get_xticklabels(), *axis.get_yticklabels())]
        texts = [text for axis in shown(figure) for text in axis.texts]
        assert min(text.get_fontsize() for text in (*labels, *texts)) >= 7


def weakened(followed: xr.Dataset, factors: dict[str, list[float]]) -> xr.Dataset:
    """The same with each order of some parts times a factor."""
    return followed.assign(
        {name: followed[name] * xr.DataArray(values, dims="order") for name, values in factors.items()}
    )


def test_orders_that_are_next_to_nothing_are_left_out(followed):
    nothing = [1, 1, 1e-5, 1e-5]
    weak = weakened(followed, dict.fromkeys(("overlap", "new"), nothing))  # order 3 and 4 are only forgotten
    gone = weakened(weak, {"forget": [1, 1, 1, 1e-5]})
    titles = [axis.get_title(loc="left") for axis in shown(figures.tracking({MINE: gone}))]
    assert titles == ["order 1", "order 2", "order 3"]
    left, _ = shown(figures.ratios({MINE: gone}))
    assert [line.get_label() for line in left.lines] == ["order 1", "order 2"]
    asked_for, _ = shown(figures.ratios({MINE: gone}, orders=[4]))
    assert [line.get_label() for line in asked_for.lines] == ["order 4"]


def test_ratios_draw_completeness_and_redundancy(followed):
    left, right = shown(drawn(figures.ratios({MINE: followed}, orders=[1, 3])))
    for axis, name in ((left, "completeness"), (right, "redundancy")):
        assert axis.get_title(loc="left") == name
        ratio = followed[name].sel(kind="and", order=[1, 3])
        for line, order in zip(axis.lines, (1, 3), strict=True):
            assert np.allclose(line.get_ydata(), ratio.sel(order=order, bound="estimate")[:-1])
        band = axis.collections[0].get_paths()[0].vertices[:, 1]
        assert np.isclose(band.max(), ratio.sel(order=1, bound="high")[:-1].max())
        assert all(band.zorder < line.zorder for band in axis.collections for line in axis.lines)


def test_a_few_samples_have_no_band_but_a_line():
    few = followed_of(salient_interactions(samples=5))
    left, _ = shown(drawn(figures.ratios(few, orders=[1])))
    assert np.isfinite(left.lines[0].get_ydata()).all()


def test_networks_without_any_interaction_of_a_kind_are_left_out(followed):
    figure = figures.tracking({MINE: followed * 0, YOURS: followed})
    assert not [text for axis in shown(figure) for text in axis.texts if "MLP-7" in text.get_text()]


@pytest.mark.parametrize("draw", [figures.tracking, figures.ratios])
def test_refusals_say_what_is_wrong(draw, followed):
    with pytest.raises(ValueError, match="kind='xor'; known are and, or"):
        draw(followed, "xor")
    with pytest.raises(ValueError, match="there is no order 9; there are 1 to 4"):
        draw(followed, orders=[1, 9])
    with pytest.raises(ValueError, match="the only layer is 'output'"):
        draw(followed.isel(layer=[-1]))
    with pytest.raises(ValueError, match=r"give what lkutils.follow"):
        draw(followed.drop_vars("new"))
    with pytest.raises(ValueError, match="there is no network"):
        draw({})


@pytest.mark.parametrize("draw", [figures.tracking, figures.ratios])
def test_one_player_alone_has_no_or(draw):
    values = np.zeros((2, 3, 4, 2))
    values[0, ..., 1] = 1.0
    coordinates = {"kind": ["and", "or"], "layer": ["1", "2", "output"], "sample": range(4), "coalition": range(2)}
    alone = followed_of(xr.DataArray(values, coordinates, list(coordinates)))
    assert shown(draw(alone))
    with pytest.raises(ValueError, match=r"no salient OR interaction.* one player alone counts as AND"):
        draw(alone, "or")


def test_the_output_against_itself_stands_right_of_the_layers(followed):
    bounds = xr.DataArray([0.7, 0.8, 0.9], {"bound": ["low", "estimate", "high"]}, ("bound",))
    axes = {"again": ["noise", "start"], "kind": ["and", "or"], "order": [1, 2, 3]}
    floor = xr.Dataset({"completeness": bounds.expand_dims(axes), "redundancy": 10 * bounds.expand_dims(axes)})
    figure = drawn(figures.ratios({MINE: followed}, orders=[2, 3], floors={MINE: floor}))
    for axis, height in zip(shown(figure), (0.8, 8.0), strict=True):
        words = [tick.get_text() for tick in axis.get_xticklabels()]
        assert words[-2:] == ["noise", "start"]
        diamonds = [line for line in axis.lines if line.get_marker() == "D"]
        assert len(diamonds) == 4
        assert all(line.get_ydata()[0] == pytest.approx(height) for line in diamonds)
        layers = followed.sizes["layer"] - 1
        assert all(line.get_xdata()[0] > layers for line in diamonds)
        assert axis.get_ylim()[1] >= height
    assert "completeness of the output against itself" in figure.table["series"].values
