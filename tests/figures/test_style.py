"""Colours stay with their network, are seen on white, and styles stay with their figure."""

import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from lkutils.figures import style
from lkutils.games import Label


def luminance(colour) -> float:
    """Relative luminance of WCAG 2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("colour", [*style.OF_NETWORK.values(), *style.shades(7)])
def test_lines_are_seen_on_white(colour):
    assert 1.05 / (luminance(colour) + 0.05) > 2.2


def test_shades_get_darker():
    lightness = [luminance(shade) for shade in style.shades(10)]
    assert lightness == sorted(lightness, reverse=True)
    assert len(style.shades(1)) == 1


def test_networks_keep_their_colours_whoever_is_drawn_with_them():
    some, others = style.colours_of(["VGG-11", "mine"]), style.colours_of(["mine", "yours", "VGG-11", "BERT†"])
    assert some["VGG-11"] == others["VGG-11"] == style.OF_NETWORK["VGG-11"]
    assert others["BERT†"] == style.OF_NETWORK["BERT"]
    assert len(set(others.values())) == 4


def test_networks_of_the_paper_have_a_colour_each():
    assert len(set(style.OF_NETWORK.values())) == len(style.OF_NETWORK) / 2  # with and without a dagger


def test_more_networks_than_colours_begin_again():
    names = [f"net {k}" for k in range(20)]
    assert list(style.colours_of(names)) == names


def test_networks_that_share_a_hue_differ_in_lightness():
    families = [("MLP-5", "MLP-7"), ("VGG-11", "VGG-13"), ("ResNet-20", "ResNet-32"), ("DistilBERT", "BERT")]
    for family in families:
        first, second = (luminance(style.OF_NETWORK[network]) for network in family)
        assert max(first, second) > 2 * min(first, second)


def test_by_dataset_keeps_the_order():
    labels = [Label(*pair) for pair in itertools.product(("MNIST", "SST-2"), ("BERT", "MLP-7"))]
    assert style.by_dataset(labels[::-1]) == {"SST-2": labels[:1:-1], "MNIST": labels[1::-1]}


def test_figures_are_drawn_in_style_and_leave_the_callers_alone():
    before = dict(mpl.rcParams)
    figure = style.in_style(lambda: plt.figure())()
    assert figure.dpi == 200
    assert figure.get_figwidth() == 7
    assert dict(mpl.rcParams) == before
    assert not plt.get_fignums()  # a notebook would show it a second time


def test_figures_are_closed_also_after_an_error():
    def fails():
        plt.figure()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        style.in_style(fails)()
    assert not plt.get_fignums()
