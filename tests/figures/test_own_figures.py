"""From a reader's own network to every public figure, in the lines of the README."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import xarray as xr
from figure_checks import drawn, shown
from torch import nn

import lkutils as lk


@pytest.fixture(scope="module")
def game() -> xr.Dataset:
    torch.manual_seed(0)
    layers = [nn.Sequential(nn.Flatten(), nn.Linear(16, 3)) for _ in range(3)]
    rows = torch.tensor([[0, 1, -1, -1]] + [[0, 1, 2, -1]] * 11)  # players are rows of an image, the first has two
    players = rows[:, :, None].expand(-1, 4, 4)
    images = torch.rand(12, 1, 4, 4)
    return lk.play(lambda x: torch.stack([layer(x) for layer in layers]), images, [0, 1, 2] * 4, players, 0.0)


@pytest.fixture(scope="module")
def found(game) -> xr.Dataset:
    return lk.interactions(game)


def test_the_public_figures_are_these():
    assert sorted(lk.plot.__all__) == ["STYLE", "in_words", "on_image", "ratios", "similarity", "tracking"]


def test_every_public_figure_is_drawn_from_what_the_library_returns(game, found):
    followed = lk.follow(found)
    figures = [
        lk.plot.tracking(followed),
        lk.plot.ratios(followed),
        lk.plot.similarity(found),
        lk.plot.on_image(found, game, 3, torch.rand(1, 4, 4)),
        lk.plot.in_words(found, 3, ["top", "middle", "low"]),
    ]
    assert all(shown(drawn(figure)) for figure in figures)


def test_a_sample_with_fewer_players_shows_its_own_only(game, found):
    figure = lk.plot.in_words(found, 0, list("abc"), count=50)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert {word for label in labels for word in label.replace("|", "&").split(" & ")} == set("ab")
    assert shown(drawn(lk.plot.on_image(found, game, 0)))


def test_nothing_that_was_given_is_changed(game, found):
    followed = lk.follow(found)
    before = [data.copy(deep=True) for data in (game, found, followed)]
    lk.plot.tracking(followed)
    lk.plot.similarity(found)
    lk.plot.on_image(found, game, 3, np.zeros((4, 4)))
    for data, kept in zip((game, found, followed), before, strict=True):
        xr.testing.assert_identical(data, kept)


def test_the_style_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert plt.style.library.get("lk") is None  # nothing is installed: it is read from beside the code
    with plt.style.context(lk.plot.STYLE):
        assert plt.rcParams["figure.dpi"] == 200
