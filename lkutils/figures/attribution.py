"""Fig. 6: the same inputs explained by interactions, Shapley values and Integrated Gradients, side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from lkutils.figures.described import described
from lkutils.figures.followed import draw_players, oneline, outlines, spelled
from lkutils.figures.style import COLOURS, KIND_NAMES, colours_of, in_style, label_left, panels, plain, sentence
from lkutils.games import Label

Interaction = tuple[str, int, float]  # kind, coalition, effect in log-odds


def strongest(interactions: xr.DataArray, count: int) -> list[Interaction]:
    """The strongest interactions of one sample, the strongest first; fewer where there are no others.

    Args:
        interactions: in log-odds (kind, coalition).
        count: of them.

    Example:
        >>> strongest(xr.DataArray([[9.0, 1.0, -2.0, 0.0]], {"kind": ["and"]}, ("kind", "coalition")), 3)
        [('and', 2, -2.0), ('and', 1, 1.0)]
    """
    table = interactions.transpose("kind", "coalition").values.copy()
    table[:, 0] = 0
    order = np.argsort(-abs(table), axis=None, kind="stable")[:count]
    places = [np.unravel_index(place, table.shape) for place in order]
    kinds = interactions["kind"].values
    return [(str(kinds[k]), int(S), float(table[k, S])) for k, S in places if table[k, S]]


# ---- images ----------------------------------------------------------------------------------------------------------


class ExplainedImage(NamedTuple):
    """An image and what explains it.

    Attributes:
        title: of the network and the sample, in a few short lines.
        players: the player at each pixel, -1 for background.
        attributions: of every method one number for each player, in log-odds.
        interactions: those to draw, with what is written above them.
        image: colours from 0 to 1, if it is at hand.
    """

    title: str
    players: Int[np.ndarray, "y x"]
    attributions: Mapping[str, Float[np.ndarray, "player"]]
    interactions: Sequence[tuple[int, str]]
    image: Float[np.ndarray, "y x 3"] | None = None


@in_style
def explained_images(samples: list[ExplainedImage]) -> Figure:
    """A row for each image: the image, a map for each method of attribution, and its interactions.

    Maps of one image have one scale, symmetrical about zero. Without any image the figure says so.

    Example:
        >>> image = ExplainedImage("one", np.array([[0, 1]]), {"Shapley": np.array([1.0, -2.0])}, [(3, "AND")])
        >>> [axis.get_title() for axis in explained_images([image]).axes]
        ['players', 'Shapley', 'AND']
    """
    if not samples:
        return sentence("There is no image to explain among these games.")
    columns = 1 + len(samples[0].attributions) + max(len(sample.interactions) for sample in samples)
    figure, grid = plt.subplots(
        len(samples), columns, figsize=(7, (7 / columns + 0.55) * len(samples) + 0.2), squeeze=False
    )
    for axis in grid.flat:
        axis.set_visible(False)
    for row, sample in zip(grid, samples, strict=True):
        players = sample.players.astype(int)  # games store small integers, which hold no coalition
        draw_players(row[0], players, sample.image, 0)
        row[0].set_title("image" if sample.image is not None else "players", fontsize=7, loc="center")
        row[0].set_ylabel(plain(sample.title), fontsize=7)
        limit = max(float(abs(numbers).max()) for numbers in sample.attributions.values())
        for axis, (name, numbers) in zip(row[1:], sample.attributions.items(), strict=False):
            draw_attribution(axis, players, numbers, limit)
            axis.set_title(plain(name), fontsize=7, loc="center")
        for axis, (coalition, words) in zip(row[1 + len(sample.attributions) :], sample.interactions, strict=False):
            draw_players(axis, players, sample.image, coalition)
            axis.set_title(plain(words), fontsize=7, loc="center")
    return described(
        figure,
        "Images with what each method gives to every player, in log-odds",
        {
            (oneline(s.title), name): xr.DataArray(values, {"player": range(len(values))}, ("player",))
            for s in samples
            for name, values in s.attributions.items()
        },
    )


def draw_attribution(
    axis: Axes, players: Int[np.ndarray, "y x"], numbers: Float[np.ndarray, "player"], limit: float
) -> None:
    """One number for each player, as the colour of its pixels: red for the label, blue against it."""
    of_pixel = np.where(players >= 0, numbers[np.maximum(players, 0)], np.nan)
    axis.imshow(of_pixel, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    axis.add_collection(LineCollection(outlines(players), colors="#606060", linewidths=0.5))
    axis.set(xticks=[], yticks=[], visible=True)
    axis.grid(False)


def written(interaction: Interaction) -> str:
    r"""An interaction above its picture.

    Example:
        >>> written(("and", 3, -1.26))
        'AND, order 2\n−1.3'
    """
    kind, coalition, effect = interaction
    return f"{KIND_NAMES[kind]}, order {coalition.bit_count()}\n{effect:+.1f}".replace("-", "−")


# ---- sentences -------------------------------------------------------------------------------------------------------


class ExplainedSentence(NamedTuple):
    """A sentence and what explains it.

    Attributes:
        title: of the network and the sample, with the sentence where it is at hand.
        words: the word of each player, or its number.
        attributions: of every method one number for each player, in log-odds.
        interactions: those to write.
    """

    title: str
    words: Sequence[str]
    attributions: Mapping[str, Float[np.ndarray, "player"]]
    interactions: Sequence[Interaction]


@in_style
def explained_sentences(samples: list[ExplainedSentence]) -> Figure:
    """For each sentence, left a bar for each word and method of attribution, right one for each interaction.

    Without any sentence the figure says so.

    Example:
        >>> numbers = {"Shapley": np.array([1.0, -2.0])}
        >>> figure = explained_sentences([ExplainedSentence("one", ["not", "good"], numbers, [("and", 3, -3.0)])])
        >>> [label.get_text() for label in figure.axes[1].get_yticklabels()]
        ['not & good']
    """
    if not samples:
        return sentence("There is no sentence to explain among these games.")
    height = max(len(sample.words) for sample in samples) * 0.17 + 0.75
    figure, grid = plt.subplots(len(samples), 2, figsize=(7, height * len(samples) + 0.3), squeeze=False)
    for (left, right), sample in zip(grid, samples, strict=True):
        rows, width = np.arange(len(sample.words)), 0.8 / len(sample.attributions)
        for k, (name, numbers) in enumerate(sample.attributions.items()):
            left.barh(rows - 0.4 + (k + 0.5) * width, numbers, width, color=COLOURS[k], label=name)
        left.set_yticks(rows, list(map(plain, sample.words)), fontsize=7)
        effects = [effect for _, _, effect in sample.interactions]
        right.barh(range(len(effects)), effects, 0.7, color=COLOURS[2])
        names = [spelled(kind, coalition, list(sample.words)) for kind, coalition, _ in sample.interactions]
        right.set_yticks(range(len(effects)), [plain("\n".join(textwrap.wrap(name, 26))) for name in names], fontsize=7)
        for axis in (left, right):
            axis.axvline(0, color="black", linewidth=0.5)
            axis.invert_yaxis()
            axis.grid(False, axis="y")
        left.set_title(plain("\n".join(textwrap.wrap(sample.title, 52))), fontsize=7, fontweight="normal", loc="left")
        right.set_title("interactions", fontsize=7)
    for axis in grid[-1]:
        axis.set_xlabel("effect (log-odds)")
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names))
    return described(
        figure,
        "Sentences with what each method gives to every word, in log-odds",
        {
            (s.title, name): xr.DataArray(values, {"player": list(s.words)}, ("player",))
            for s in samples
            for name, values in s.attributions.items()
        },
    )


# ---- agreement -------------------------------------------------------------------------------------------------------


@in_style
def agreement(pairs: Mapping[Label, tuple[xr.DataArray, xr.DataArray]], names: tuple[str, str]) -> Figure:
    """Two attributions of all players of all samples against each other, a panel for each network.

    Args:
        pairs: of every network both (sample, player), in log-odds.
        names: of the two methods.

    Example:
        >>> numbers = xr.DataArray([[1.0, 2.0]], dims=("sample", "player"))
        >>> figure = agreement({Label("digits", "MLP-7"): (numbers, numbers)}, ("Shapley", "gradients"))
        >>> figure.axes[0].get_xlabel()
        'Shapley (log-odds)'
    """
    figure, axes = panels(len(pairs), height=2.6)
    for axis, (label, (first, second)) in zip(axes, pairs.items(), strict=True):
        second, colour = second.transpose(*first.dims), colours_of([label.network])[label.network]
        limit = 1.05 * max(float(abs(first).max()), float(abs(second).max()))
        axis.plot([-limit, limit], [-limit, limit], color="black", linestyle=":", linewidth=0.8)
        axis.plot(first.values.ravel(), second.values.ravel(), "o", markersize=2.5, alpha=0.5, color=colour)
        axis.set(title=plain(label), xlabel=f"{names[0]} (log-odds)", xlim=(-limit, limit), ylim=(-limit, limit))
    label_left(axes, f"{names[1]} (log-odds)")
    return described(
        figure,
        f"{names[0]} against {names[1]} of every player, in log-odds",
        {(label, name): part for label, pair in pairs.items() for name, part in zip(names, pair, strict=True)},
    )
