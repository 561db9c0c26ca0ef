"""The figures of Sec. 3.2.2: what each layer encodes, and what it keeps, forgets and gains (Fig. 1, 3 and 7).

Grey, orange and blue mean the same in every one of them: shared with the last layer, forgotten by it, new in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lkutils import metrics
from lkutils.figures import in_style, label_left, panels

OVERLAP, FORGET, NEW = "#9A9A9A", "#E69F00", "#0072B2"
KIND_NAMES = {"and": "AND", "or": "OR"}


# ---- Sec. 3.2.2, first half: what each layer encodes ----------------------------------------------------------------


@in_style
def by_depth(curves: Mapping[str, xr.DataArray], label: str, limits: tuple[float | None, float | None]) -> Figure:
    """One number per layer against depth: a panel for each data set, a line for each network.

    Args:
        curves: for every game the number (layer), or with its interval (layer, bound).
        label: of the y axis.
        limits: of the y axis; None where the data decide.
    """
    datasets = list(dict.fromkeys(name.split("/")[0] for name in curves))
    networks = list(dict.fromkeys(name.split("/")[1] for name in curves))
    figure, axes = panels(len(datasets), sharey=True)
    for axis, dataset in zip(axes, datasets, strict=True):
        for k, network in enumerate(networks):
            if (name := f"{dataset}/{network}") in curves:
                line(axis, depth_of(curves[name]), curves[name], f"C{k}", network)
        axis.set(title=dataset, xlabel="depth (1 = output)", ylim=limits)
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
            axis.set(title=f"{name}\n{KIND_NAMES[kind]}", ylim=(0, strength.max() * 1.05), xlabel="order")
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


# ---- Fig. 1 ---------------------------------------------------------------------------------------------------------


class Followed(NamedTuple):
    """One sample whose interactions are followed through the layers of a network.

    Attributes:
        name: of the game and the sample.
        kept: :func:`metrics.salient_part` of the sample (kind, layer, coalition).
        players: the player at each place of the input, -1 for background: (y, x), or (position) for what is no image.
        image: the input itself (y, x, 3), if the data set is at hand.
    """

    name: str
    kept: xr.DataArray
    players: np.ndarray
    image: np.ndarray | None = None


@in_style
def followed(samples: list[Followed], count: int = 3) -> Figure:
    """Fig. 1 on real samples: the strongest interactions, drawn on the input and followed through the layers.

    For each sample the ``count`` strongest interactions of the output, and the ``count`` strongest of those that the
    output has forgotten. Bars have the colours of Fig. 3(a).
    """
    figure, grid = plt.subplots(
        2 * len(samples),
        2 * count,
        figsize=(7, 2.3 * len(samples) + 0.3),
        squeeze=False,
        height_ratios=[1.2, 1] * len(samples),
    )
    for maps, bars, sample in zip(grid[::2], grid[1::2], samples, strict=True):
        chosen = strongest(sample.kept, count)
        largest = max(abs(sample.kept.sel(kind=kind, coalition=coalition)).max() for kind, coalition in chosen)
        for place, bar, (kind, coalition) in zip(maps, bars, chosen, strict=True):
            draw_players(place, sample, coalition, kind)
            draw_effects(bar, sample.kept.sel(kind=kind, coalition=coalition), 1.1 * float(largest))
            bar.tick_params(labelleft=bar is bars[0])
        for place in (*maps[len(chosen) :], *bars[len(chosen) :]):
            place.set_visible(False)
        maps[0].set_ylabel(sample.name)
        bars[0].set_ylabel("$I(S)$")
    handles = [Patch(color=OVERLAP), Patch(color=FORGET), Line2D([], [], color=NEW, linestyle="--")]
    labels = ["shared with the output", "forgotten by the output", "effect in the output"]
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


def strongest(kept: xr.DataArray, count: int) -> list[tuple[str, int]]:
    """Kind and coalition of the strongest interactions: ``count`` of the output's, then of those that it forgot."""
    in_output = abs(metrics.last_layer(kept))
    forgotten = abs(kept - metrics.shared(kept, metrics.last_layer(kept))).max("layer").where(in_output == 0, 0)
    return [
        (str(kept["kind"].values[place // kept.sizes["coalition"]]), place % kept.sizes["coalition"])
        for strength in (in_output, forgotten)
        for place in np.argsort(-strength.values.ravel(), kind="stable")[:count].tolist()
        if strength.values.ravel()[place] > 0
    ]


def draw_players(axis: Axes, sample: Followed, coalition: int, kind: str) -> None:
    """The grid of players, with those of one coalition filled."""
    players = np.atleast_2d(sample.players)
    inside = (players >= 0) & ((coalition >> np.maximum(players, 0)) & 1 == 1)
    if sample.image is not None:
        axis.imshow(sample.image, interpolation="nearest", alpha=0.9)
    shades = ["#00000000", "#B0B0B030" if sample.image is not None else "#E0E0E0", "#D55E00A0"]
    axis.imshow(np.where(inside, 2, players >= 0), cmap=ListedColormap(shades), vmin=0, vmax=2, interpolation="nearest")
    for player in range(players.max() + 1):
        axis.contour(players == player, levels=[0.5], colors="#606060", linewidths=0.4)
    axis.set_title(f"{KIND_NAMES[kind]}, order {coalition.bit_count()}", fontsize=8, fontweight="normal")
    axis.set(xticks=[], yticks=[])
    axis.grid(False)


def draw_effects(axis: Axes, effects: xr.DataArray, limit: float) -> None:
    """The effect of one interaction in every layer: grey what the output has too, orange what it has not."""
    layers = np.arange(1, effects.sizes["layer"] + 1)
    in_output = effects.isel(layer=-1, drop=True)
    axis.bar(layers, effects, color=FORGET, width=0.8)
    axis.bar(layers, metrics.shared(effects, in_output), color=OVERLAP, width=0.8)
    axis.axhline(in_output, color=NEW, linestyle="--", linewidth=0.8)
    axis.axhline(0, color="black", linewidth=0.5)
    axis.set(ylim=(-limit, limit))
    axis.set_xticks([1, layers[-1]], ["1", "out"])


# ---- Fig. 3 and 7 ---------------------------------------------------------------------------------------------------


@in_style
def tracked(parts: Mapping[str, xr.Dataset], orders: Mapping[str, list[int]]) -> Figure:
    """Fig. 3(a) and 7(a): strength that is shared, forgotten and new, by layer; a row for each game, a column an order.

    Upwards from zero grey (shared) and blue (new), together all^(L); downwards orange (forgotten), which together with
    the grey is all^(l).

    Args:
        parts: for every game :func:`metrics.tracked` of one kind, averaged over samples (layer, order).
        orders: for every game the orders to show.
    """
    columns = sorted(set().union(*orders.values()))
    figure, grid = plt.subplots(len(parts), len(columns), figsize=(7, 1.05 * len(parts) + 0.6), squeeze=False)
    untitled = set(columns)
    for row, (name, part) in zip(grid, parts.items(), strict=True):
        for axis, order in zip(row, columns, strict=True):
            if order not in orders[name]:
                axis.set_visible(False)
                continue
            if order in untitled:
                axis.set_title(f"order {order}", fontsize=8)
                untitled.remove(order)
            draw_parts(axis, part.sel(order=order).isel(layer=slice(-1)))
        row[0].set_ylabel(name.replace("/", "\n"), fontsize=8)
    handles = [Patch(color=color) for color in (FORGET, OVERLAP, NEW)]
    figure.legend(handles, ["forgotten", "overlapped", "new"], loc="outside upper center", ncols=3)
    figure.supxlabel("layer", fontsize=8)
    return figure


def draw_parts(axis: Axes, part: xr.Dataset) -> None:
    """The bars of one order in one network, a bar for each layer."""
    layers = np.arange(1, part.sizes["layer"] + 1)
    axis.bar(layers, part.overlap, color=OVERLAP, width=0.9)
    axis.bar(layers, part.new, bottom=part.overlap, color=NEW, width=0.9)
    axis.bar(layers, -part.forget, color=FORGET, width=0.9)
    axis.axhline(0, color="black", linewidth=0.5)
    axis.set_xticks([1, layers[-1]])
    axis.tick_params(labelsize=6, pad=1, length=2)
    axis.yaxis.set_major_locator(plt.MaxNLocator(3))
    axis.yaxis.set_major_formatter(lambda value, _: f"{abs(value):.2g}")
    axis.grid(False)


@in_style
def ratios(
    completeness: Mapping[str, xr.DataArray], redundancy: Mapping[str, xr.DataArray], orders: Mapping[str, list[int]]
) -> Figure:
    """Fig. 3(b) and 7(b): completeness and redundancy by layer; a row for each game, a line for each order.

    Args:
        completeness, redundancy: for every game the ratio of one kind with its interval (layer, order, bound).
        orders: for every game the orders to show.
    """
    highest = max(max(shown) for shown in orders.values())
    shades = plt.get_cmap("viridis_r")(np.linspace(0.05, 1, highest))
    figure, grid = plt.subplots(len(orders), 2, figsize=(7, 1.5 * len(orders) + 0.5), squeeze=False)
    for row, name in zip(grid, orders, strict=True):
        for axis, ratio in zip(row, (completeness[name], redundancy[name]), strict=True):
            layers = np.arange(1, ratio.sizes["layer"])
            for order in orders[name]:
                line(axis, layers, ratio.sel(order=order).isel(layer=slice(-1)), shades[order - 1], f"order {order}")
            axis.set_xticks(*layer_ticks(ratio.isel(layer=slice(-1))))
        row[0].set(ylim=(0, 1))
        row[1].set(ylim=(0, top_of(redundancy[name].sel(order=orders[name]))))
        row[0].set_ylabel(name.replace("/", "\n"))
    grid[0, 0].set_title("completeness")
    grid[0, 1].set_title("redundancy")
    for axis in grid[-1]:
        axis.set_xlabel("layer")
    handles = [Line2D([], [], color=shade) for shade in shades]
    figure.legend(handles, range(1, highest + 1), title="order", loc="outside right center")
    return figure


def top_of(ratio: xr.DataArray) -> float:
    """Upper limit of an axis for a ratio with its interval: all estimates fit, intervals may not."""
    return 1.15 * max(0.1, float(ratio.sel(bound="estimate").max()))


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
    """Where to write a layer's number, so that they do not overlap, and what to write: the output is "out"."""
    count = curve.sizes["layer"]
    numbers = np.arange(1, count + 1, 1 if count <= 9 else 2 if count <= 12 else 4)
    return numbers, ["out" if curve["layer"].values[k - 1] == "output" else str(k) for k in numbers]
