import numpy as np
import pytest
import xarray as xr

from lkutils import metrics
from lkutils.figures import sparsity as figures
from lkutils.games import Label


@pytest.fixture(scope="module")
def strengths():
    generator = np.random.default_rng(0)
    values = generator.normal(size=(2, 3, 16)) ** 5
    coords = {"kind": ["and", "or"]}
    found = xr.DataArray(values, coords, ("kind", "sample", "coalition")).assign_coords(coalition=np.arange(16))
    return {
        name: metrics.sorted_strength(found)
        for name in (Label("digits", "MLP-7"), Label("digits", "ResNet-20"), Label("MNIST", "MLP-7"))
    }


@pytest.fixture(scope="module")
def taus(strengths):
    return {name: 0.05 * strength.max().item() for name, strength in strengths.items()}


def visible(figure):
    return [axis for axis in figure.axes if axis.get_visible()]


@pytest.mark.parametrize("draw", [figures.strength_descending, figures.strength_by_rank])
def test_one_labelled_panel_per_game_in_descending_order(draw, strengths, taus):
    figure = draw(strengths, taus)
    assert [axis.get_title(loc="left") for axis in visible(figure)] == [
        f"{label.network}\n{label.dataset}" for label in strengths
    ]
    assert "strength" in visible(figure)[0].get_ylabel()
    for axis in visible(figure):
        assert axis.get_xlabel()
        assert (np.diff(axis.lines[0].get_ydata()) <= 0).all()


def test_units_are_named(strengths, taus):
    assert "log-odds" in figures.strength_descending(strengths, taus).axes[0].get_ylabel()


def test_counts_stand_beside_the_papers_number():
    counts = {
        rule: {Label("MNIST", "MLP-7"): (20.0, 18.0, 22.0), Label("digits", "MLP-7"): (5.0, 4.0, 6.0)}
        for rule in ("one", "other")
    }
    axis = figures.salient_count_rows(counts, {Label("MNIST", "MLP-7"): 21.8}).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["MLP-7, MNIST", "MLP-7, digits"]
    dotted = [line for line in axis.lines if line.get_linestyle() == ":"]
    assert [list(line.get_xdata()) for line in dotted] == [[21.8, 21.8]]


def test_errors_are_drawn_by_data_set_with_the_salient_share_marked():
    shares = xr.DataArray(np.geomspace(0.01, 1, 5), dims="share", name="share")
    error = xr.DataArray(np.outer(1 / shares, [1.0, 1.1]), {"share": shares.values}, ("share", "sample"))
    names = (Label("MNIST", "MLP-7"), Label("MNIST", "VGG-11"), Label("CIFAR-10", "MLP-7"))
    figure = figures.matching_errors(dict.fromkeys(names, error), dict.fromkeys(names, 0.1))
    assert [axis.get_title(loc="left") for axis in visible(figure)] == ["MNIST", "CIFAR-10"]
    marks = [line for line in visible(figure)[0].lines if line.get_marker() == "o"]
    assert [list(line.get_xdata()) for line in marks] == [[10.0], [10.0]]


def test_errors_have_one_legend_above_the_panels():
    shares = xr.DataArray([0.1, 1.0], dims="share")
    error = xr.DataArray(np.ones((2, 3)), {"share": shares.values}, ("share", "sample"))
    labels = [Label("MNIST", "MLP-7"), Label("MNIST", "VGG-11"), Label("CIFAR-10", "MLP-7")]
    figure = figures.matching_errors(dict.fromkeys(labels, error), dict.fromkeys(labels, 0.1))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["MLP-7", "VGG-11"]
    assert not any(axis.get_legend() for axis in figure.axes)
    assert len({axis.lines[0].get_color() for axis in visible(figure)}) == 1  # of MLP-7, in both panels


def test_strength_is_drawn_on_logarithmic_axes_with_tau_and_the_salient_shaded(strengths, taus):
    figure = figures.strength_descending(strengths, taus)
    for axis, (label, strength) in zip(visible(figure), strengths.items(), strict=True):
        assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
        assert list(axis.lines[1].get_ydata()) == [taus[label]] * 2
        salient = float((strength > taus[label]).mean())
        assert axis.texts[0].get_text().splitlines() == [
            rf"$\tau$ = {taus[label]:.2f}",
            f"above it {salient:.1%}",
        ]
        shaded = axis.collections[0].get_paths()[0].vertices
        assert shaded[:, 0].max() == pytest.approx(100 * salient)
        assert shaded[:, 1].min() >= taus[label]
