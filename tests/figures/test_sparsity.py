import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

from lkutils import metrics
from lkutils.figures import sparsity as figures


@pytest.fixture(scope="module")
def strengths():
    generator = np.random.default_rng(0)
    values = generator.normal(size=(2, 3, 16)) ** 5
    coords = {"kind": ["and", "or"]}
    found = xr.DataArray(values, coords, ("kind", "sample", "coalition")).assign_coords(coalition=np.arange(16))
    return {name: metrics.sorted_strength(found) for name in ("digits/mlp7", "digits/resnet20", "mnist/mlp7")}


@pytest.fixture(scope="module")
def taus(strengths):
    return {name: 0.05 * strength.max().item() for name, strength in strengths.items()}


def visible(figure):
    return [axis for axis in figure.axes if axis.get_visible()]


@pytest.mark.parametrize("draw", [figures.strength_descending, figures.strength_by_rank])
def test_one_labelled_panel_per_game_in_descending_order(draw, strengths, taus):
    figure = draw(strengths, taus)
    assert [axis.get_title(loc="left") for axis in visible(figure)] == list(strengths)
    assert "strength" in visible(figure)[0].get_ylabel()
    for axis in visible(figure):
        assert axis.get_xlabel()
        assert (np.diff(axis.lines[0].get_ydata()) <= 0).all()


def test_units_are_named(strengths, taus):
    assert "log-odds" in figures.strength_descending(strengths, taus).axes[0].get_ylabel()


def test_counts_stand_beside_the_papers_number():
    counts = {rule: {"mnist/mlp7": (20.0, 18.0, 22.0), "digits/mlp7": (5.0, 4.0, 6.0)} for rule in ("one", "other")}
    axis = figures.salient_counts(counts, {"mnist/mlp7": 21.8}).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["mnist/mlp7", "digits/mlp7"]
    dotted = [line for line in axis.lines if line.get_linestyle() == ":"]
    assert [list(line.get_xdata()) for line in dotted] == [[21.8, 21.8]]


def test_errors_are_drawn_by_data_set_with_the_salient_share_marked():
    shares = xr.DataArray(np.geomspace(0.01, 1, 5), dims="share", name="share")
    error = xr.DataArray(np.outer(1 / shares, [1.0, 1.1]), {"share": shares.values}, ("share", "sample"))
    names = ("mnist/mlp7", "mnist/vgg11", "cifar10/mlp7")
    figure = figures.matching_errors(dict.fromkeys(names, error), dict.fromkeys(names, 0.1))
    assert [axis.get_title(loc="left") for axis in visible(figure)] == ["mnist", "cifar10"]
    marks = [line for line in visible(figure)[0].lines if line.get_marker() == "o"]
    assert [list(line.get_xdata()) for line in marks] == [[10.0], [10.0]]


def test_figures_are_sharp_as_wide_as_the_page_and_leave_the_callers_style_alone(strengths, taus):
    before = dict(mpl.rcParams)
    figure = figures.strength_by_rank(strengths, taus)
    assert figure.dpi == 200
    assert figure.get_figwidth() == 7
    assert visible(figure)[0].lines[0].get_color() == figures.COLOURS[0] == "#0072B2"
    assert dict(mpl.rcParams) == before
