"""The figures of Sec. 3.2.2, first half: what each layer encodes."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lkutils import metrics
from lkutils.figures.described import described
from lkutils.figures.style import (
    KIND_NAMES,
    by_dataset,
    colours_of,
    in_style,
    label_left,
    legend_above,
    panels,
    plain,
    shades,
)
from lkutils.follow import interactions_in
from lkutils.games import Label

# From pale to dark, never white; what is left out is grey.
SHADES_OF_BLUE = LinearSegmentedColormap.from_list(
    "shades", plt.get_cmap("Blues")(np.linspace(0.12, 1, 64)), bad="#BDBDBD"
)


@in_style
def by_depth(curves: Mapping[Label, xr.DataArray], label: str) -> Figure:
    """One number per layer against depth: a panel for each data set, a line for each network.

    Args:
        curves: for every game the number (layer), or with its interval (layer, bound).
        label: of the y axis.

    Example:
        >>> accuracy = xr.DataArray([80.0, 95.0, 97.0], {"layer": ["1", "2", "output"]}, ("layer",))
        >>> figure = by_depth({Label("MNIST", "MLP-7"): accuracy, Label("MNIST", "VGG-11"): accuracy}, "accuracy (%)")
        >>> [line.get_label() for line in figure.axes[0].lines]
        ['MLP-7', 'VGG-11']
    """
    games = by_dataset(curves)
    colours = colours_of(game.network for game in curves)
    figure, axes = panels(len(games), height=2.5, sharey=True)
    for axis, (dataset, labels) in zip(axes, games.items(), strict=True):
        for game in labels:
            line(axis, depth_of(curves[game]), curves[game], colours[game.network], game.network)
        axis.set(title=plain(dataset), xlabel="depth (1 = output)", xlim=(0, 1.03), xticks=(0, 0.5, 1))
    label_left(axes, label)
    legend_above(figure)
    return described(
        figure,
        f"{label.capitalize()} by layer",
        curves,
    )


@in_style
def strength_by_order(strengths: Mapping[Label, xr.DataArray]) -> Figure:
    """Mean strength of salient interactions by order, a line for each layer; two panels, AND and OR, for each game.

    Args:
        strengths: for every game :func:`metrics.strength`, averaged over samples (kind, layer, order).

    Example:
        >>> coordinates = {"kind": ["and", "or"], "layer": ["1", "2", "output"], "order": [1, 2, 3, 4]}
        >>> strength = xr.DataArray(np.ones((2, 3, 4)), coordinates, ("kind", "layer", "order"))
        >>> len(strength_by_order({Label("digits", "MLP-7"): strength}).axes)
        2
    """
    rows = -(-len(strengths) // 2)
    columns = 2 * min(len(strengths), 2)
    figure, grid = plt.subplots(rows, columns, figsize=(1.75 * columns, 1.75 * rows + 0.4), squeeze=False)
    cells = grid.reshape(-1, 2)
    for pair, (label, strength) in zip(cells, strengths.items(), strict=False):
        for axis, kind in zip(pair, strength["kind"].values, strict=True):
            probed = strength["layer"].values[:-1]
            for shade, layer in zip(shades(len(probed)), probed, strict=True):
                axis.plot(strength["order"], strength.sel(kind=kind, layer=layer), color=shade, linewidth=1)
            axis.plot(strength["order"], strength.sel(kind=kind).isel(layer=-1), color="black", linestyle="--")
            axis.set(ylim=(0, strength.max() * 1.05), xlabel="order")
            axis.set_title(f"{plain(label)}\n{KIND_NAMES[kind]}" if kind == "and" else f"\n{KIND_NAMES[kind]}")
            axis.set_xticks(strength["order"][:: 2 if strength.sizes["order"] < 12 else 3])
        pair[1].set_yticklabels([])
    for axis in cells[len(strengths) :].flat:
        axis.set_visible(False)
    label_left(list(grid.flat), "strength (normalised)")
    handles = [*(Line2D([], [], color=end) for end in shades(2)), Line2D([], [], color="black", linestyle="--")]
    figure.legend(handles, ["first layer", "last probed layer", "output"], loc="outside upper center", ncols=3)
    return described(
        figure,
        "Strength of interactions by order, for every layer",
        strengths,
    )


@in_style
def similarity_map(similarities: Mapping[Label | str, xr.DataArray]) -> Figure:
    """Similarity of every pair of layers, one panel for each game; a layer's with itself, which is 1, is left out.

    Args:
        similarities: for every game :func:`metrics.layer_similarity`, averaged over samples (layer, other_layer).

    Example:
        >>> matrix = xr.DataArray(np.full((3, 3), 0.5), {"layer": ["1", "2", "output"]}, ("layer", "other_layer"))
        >>> figure = similarity_map({Label("digits", "MLP-7"): matrix})
        >>> int(figure.axes[0].images[0].get_array().mask.sum())
        3
    """
    figure, axes = panels(len(similarities), height=2.2)
    figure.set_figwidth(min(7, 2.3 * len(axes) + 1.2))  # panels are square: few of them need less than the page
    for axis, (label, matrix) in zip(axes, similarities.items(), strict=True):
        others = np.ma.masked_array(matrix.values, np.eye(len(matrix), dtype=bool))
        image = axis.imshow(others, vmin=0, vmax=1, cmap=SHADES_OF_BLUE)
        ticks, numbers = layer_ticks(matrix)
        axis.set_xticks(ticks - 1, numbers)
        axis.set_yticks(ticks - 1, numbers)
        axis.set(title=plain(label), xlabel="layer")
        axis.grid(False)
    label_left(axes, "layer")
    figure.colorbar(image, ax=axes, label="share of strength in common", shrink=min(1.0, 2.2 / len(axes) ** 0.5))
    return described(
        figure,
        "Share of strength that every two layers have in common",
        {
            label: matrix.where(np.arange(len(matrix))[:, None] != np.arange(len(matrix)))
            .assign_coords(other_layer=matrix["layer"].values)
            .rename("similarity")
            for label, matrix in similarities.items()
        },
    )


def similarity(found: xr.Dataset) -> Figure:
    """How much every two layers of a network have in common: the share of strength of their salient interactions.

    Mean over samples of :func:`lkutils.metrics.layer_similarity`; a layer's similarity with itself is left out.

    Args:
        found: what :func:`lkutils.games.interactions` returns (kind, layer, sample, coalition).

    Raises:
        TypeError, ValueError: no interactions, or those of one layer only.

    Example:
        >>> axes = {"kind": ["and", "or"], "layer": ["block", "output"], "sample": [0], "coalition": range(4)}
        >>> found = xr.Dataset({"interactions": (list(axes), np.ones((2, 2, 1, 4)))}, axes)
        >>> similarity(found).axes[0].images[0].get_array().tolist()
        [[None, 1.0], [1.0, None]]
    """
    return similarity_map({"": metrics.layer_similarity(layered(found)).mean("sample")})


# ---- parts of figures -----------------------------------------------------------------------------------------------


def line(axis: Axes, x: np.ndarray, curve: xr.DataArray, color: object, label: str) -> None:
    """A line, with its interval as a band below all lines where the curve has one (axis ``bound``)."""
    if "bound" in curve.dims:
        low, high = curve.sel(bound="low"), curve.sel(bound="high")
        axis.fill_between(x, low, high, color=color, alpha=0.12, linewidth=0, zorder=1)
        curve = curve.sel(bound="estimate")
    axis.plot(x, curve, color=color, marker="o", markersize=2.5, linewidth=1.2, label=plain(label))


def depth_of(curve: xr.DataArray) -> np.ndarray:
    """Depth of each layer: its number over the number of layers, the output being 1.

    Example:
        >>> depth_of(xr.DataArray([0.5, 0.7, 0.9, 1.0], dims="layer")).tolist()
        [0.25, 0.5, 0.75, 1.0]
    """
    return np.arange(1, curve.sizes["layer"] + 1) / curve.sizes["layer"]


def layer_ticks(curve: xr.DataArray) -> tuple[np.ndarray, list[str]]:
    """Where to write layers' numbers, the last one always, so that they do not overlap; the output is "out".

    Example:
        >>> layer_ticks(xr.DataArray([0.5, 0.7, 0.9], {"layer": ["conv", "fc", "output"]}, ("layer",)))
        (array([1, 2, 3]), ['1', '2', 'out'])
    """
    count = curve.sizes["layer"]
    numbers = np.arange(count, 0, -(1 if count <= 9 else 2 if count <= 12 else 4))[::-1]
    return numbers, ["out" if curve["layer"].values[k - 1] == "output" else str(k) for k in numbers]


def layered(found: xr.Dataset) -> xr.DataArray:
    """The salient interactions (kind, layer, sample, coalition) of what `lkutils.interactions` returns, normalised.

    Raises:
        TypeError, ValueError: no interactions, those of one layer only, or of several draws.

    Example:
        >>> axes = {"kind": ["and", "or"], "layer": ["output"], "sample": [0], "coalition": range(4)}
        >>> layered(xr.Dataset({"interactions": (list(axes), np.ones((2, 1, 1, 4)))}, axes))
        Traceback (most recent call last):
        ValueError: the only layer is 'output': play the game with layers before it, to see what they encode
    """
    interactions = interactions_in(found)
    if interactions.sizes["layer"] < 2:
        only = str(interactions["layer"].values[0])
        raise ValueError(f"the only layer is {only!r}: play the game with layers before it, to see what they encode")
    further = [axis for axis in interactions.dims if axis not in ("kind", "layer", "sample", "coalition")]
    if further:
        raise ValueError(f"there is an axis {further[0]!r}: choose one place on it, such as found.isel({further[0]}=0)")
    return metrics.salient_part(interactions)
