"""The figures of Sec. 3.2.2, first half: what each layer encodes."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lkutils.figures.style import COLOURS, in_style, label_left, panels

# The same in Fig. 1, 3 and 7: shared with the last layer, forgotten by it, new in it.
OVERLAP, FORGET, NEW = "#9A9A9A", "#E69F00", "#0072B2"
KIND_NAMES = {"and": "AND", "or": "OR"}


# ---- Sec. 3.2.2, first half: what each layer encodes ----------------------------------------------------------------


@in_style
def by_depth(curves: Mapping[str, xr.DataArray], label: str) -> Figure:
    """One number per layer against depth: a panel for each data set, a line for each network.

    Args:
        curves: for every game the number (layer), or with its interval (layer, bound).
        label: of the y axis.
    """
    datasets = list(dict.fromkeys(name.split("/")[0] for name in curves))
    networks = list(dict.fromkeys(name.split("/")[1] for name in curves))
    figure, axes = panels(len(datasets), sharey=True)
    for axis, dataset in zip(axes, datasets, strict=True):
        for k, network in enumerate(networks):
            if (name := f"{dataset}/{network}") in curves:
                line(axis, depth_of(curves[name]), curves[name], COLOURS[k % len(COLOURS)], network)
        axis.set(title=dataset, xlabel="depth (1 = output)")
        axis.legend()
    label_left(axes, label)
    return figure


@in_style
def strength_by_order(strengths: Mapping[str, xr.DataArray]) -> Figure:
    """Mean strength of salient interactions by order, a line for each layer; two panels, AND and OR, for each game.

    Args:
        strengths: for every game :func:`metrics.strength`, averaged over samples (kind, layer, order).
    """
    rows = -(-len(strengths) // 2)
    columns = 2 * min(len(strengths), 2)
    figure, grid = plt.subplots(rows, columns, figsize=(1.75 * columns, 1.75 * rows + 0.4), squeeze=False)
    cells = grid.reshape(-1, 2)
    for pair, (name, strength) in zip(cells, strengths.items(), strict=False):
        shades = plt.get_cmap("viridis_r")(np.linspace(0.05, 0.85, strength.sizes["layer"] - 1))
        for axis, kind in zip(pair, strength["kind"].values, strict=True):
            for shade, layer in zip(shades, strength["layer"].values[:-1], strict=True):
                axis.plot(strength["order"], strength.sel(kind=kind, layer=layer), color=shade, linewidth=1)
            axis.plot(strength["order"], strength.sel(kind=kind).isel(layer=-1), color="black", linestyle="--")
            title = f"{name}\n{KIND_NAMES[kind]}" if kind == "and" else f"\n{KIND_NAMES[kind]}"
            axis.set(title=title, ylim=(0, strength.max() * 1.05), xlabel="order")
            axis.set_xticks(strength["order"][:: 2 if strength.sizes["order"] < 12 else 3])
        pair[1].set_yticklabels([])
    for axis in cells[len(strengths) :].flat:
        axis.set_visible(False)
    label_left(list(grid.flat), "strength (normalised)")
    ends = [Line2D([], [], color=plt.get_cmap("viridis_r")(end)) for end in (0.05, 0.85)]
    handles = [*ends, Line2D([], [], color="black", linestyle="--")]
    figure.legend(handles, ["first layer", "last probed layer", "output"], loc="outside upper center", ncols=3)
    return figure


@in_style
def similarity(similarities: Mapping[str, xr.DataArray]) -> Figure:
    """Similarity of every pair of layers, one panel for each game.

    Args:
        similarities: for every game :func:`metrics.layer_similarity`, averaged over samples (layer, other_layer).
    """
    figure, axes = panels(len(similarities), height=2.2)
    for axis, (name, matrix) in zip(axes, similarities.items(), strict=True):
        image = axis.imshow(matrix, vmin=0, vmax=1, cmap="viridis")
        ticks, labels = layer_ticks(matrix)
        axis.set_xticks(ticks - 1, labels)
        axis.set_yticks(ticks - 1, labels)
        axis.set(title=name, xlabel="layer")
        axis.grid(False)
    label_left(axes, "layer")
    figure.colorbar(image, ax=axes, label="share of strength in common", shrink=min(1.0, 2.2 / len(axes) ** 0.5))
    return figure


# ---- parts of figures -----------------------------------------------------------------------------------------------


def line(axis: Axes, x: np.ndarray, curve: xr.DataArray, color: object, label: str) -> None:
    """A line, with its interval as a band where the curve has one (axis ``bound``)."""
    if "bound" in curve.dims:
        axis.fill_between(x, curve.sel(bound="low"), curve.sel(bound="high"), color=color, alpha=0.15, linewidth=0)
        curve = curve.sel(bound="estimate")
    axis.plot(x, curve, color=color, marker="o", markersize=2.5, linewidth=1.2, label=label)


def depth_of(curve: xr.DataArray) -> np.ndarray:
    """Depth of each layer: its number over the number of layers, the output being 1."""
    return np.arange(1, curve.sizes["layer"] + 1) / curve.sizes["layer"]


def layer_ticks(curve: xr.DataArray) -> tuple[np.ndarray, list[str]]:
    """Where to write layers' numbers, the last one always, so that they do not overlap; the output is "out"."""
    count = curve.sizes["layer"]
    numbers = np.arange(count, 0, -(1 if count <= 9 else 2 if count <= 12 else 4))[::-1]
    return numbers, ["out" if curve["layer"].values[k - 1] == "output" else str(k) for k in numbers]
