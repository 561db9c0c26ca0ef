"""The figures of Sec. 3.2.2, first half: what each layer encodes, and single interactions followed (Fig. 1)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from torch import Tensor

from lkutils import metrics
from lkutils.datasets import load_dataset
from lkutils.figures import COLOURS, in_style, label_left, panels
from lkutils.files import CHECKSUMS, find_file

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
        players: the player at each place of the input, -1 for background: (y, x), or (position) for what is no image,
            whose players are drawn in reading order.
        image: the input itself (y, x, 3), if the data set is at hand.
    """

    name: str
    kept: xr.DataArray
    players: np.ndarray
    image: np.ndarray | None = None


def follow(game: xr.Dataset, kept: xr.DataArray) -> Followed:
    """What `followed` needs of one sample of a game; with its image if the data set is at hand.

    Args:
        game: as `games.load_game` returns it.
        kept: :func:`metrics.salient_part` of one sample (kind, layer, coalition).
    """
    sample = kept["sample"].item()
    images = images_at_hand(game.attrs["dataset"]) if "y" in game["players"].dims else None
    image = None if images is None else images[sample].movedim(0, -1)
    if image is not None:
        image = ((image - image.min()) / (image.max() - image.min())).expand(-1, -1, 3).numpy()
    players = game["players"].sel(sample=sample).values.astype(int)
    return Followed(f"{game.attrs['dataset']}\n{game.attrs['network']}\nno. {sample}", kept, players, image)


@functools.cache
def images_at_hand(dataset: str) -> Tensor | None:
    """The images that the samples of a data set are drawn from; None if its files are not in the data folder."""
    files = [file for file in CHECKSUMS if file.startswith(f"{dataset}/")]
    return load_dataset(dataset).sample_inputs if all(find_file(file) for file in files) else None


@in_style
def followed(samples: list[Followed], count: int = 3) -> Figure:
    """Fig. 1 on real samples: the strongest interactions, drawn on the input and followed through the layers.

    For each sample the ``count`` strongest interactions of the output, and the ``count`` strongest of those that the
    output has forgotten. Bars have the colours of Fig. 3(a).
    """
    figure, grid = plt.subplots(
        2 * len(samples),
        2 * count,
        figsize=(7, 2.3 * len(samples) + 0.4),
        squeeze=False,
        height_ratios=[1.2, 1] * len(samples),
    )
    for axis in grid.flat:
        axis.set_visible(False)
    for maps, bars, sample in zip(grid[::2], grid[1::2], samples, strict=True):
        limit = 1.1 * float(abs(metrics.nonempty(sample.kept)).max())
        output, forgotten = strongest(sample.kept, count)
        numbered = [*enumerate(output), *enumerate(forgotten, count)]
        for k, (kind, coalition) in numbered:
            draw_players(maps[k], sample, coalition)
            which = f"output no. {k + 1}" if k < count else f"forgotten no. {k - count + 1}"
            maps[k].set_title(
                f"{which}\n{KIND_NAMES[kind]}, order {coalition.bit_count()}", fontsize=7, fontweight="normal"
            )
            draw_effects(bars[k], sample.kept.sel(kind=kind, coalition=coalition), limit)
            bars[k].tick_params(labelleft=k == 0)
        maps[0].set_ylabel(sample.name)
        bars[0].set_ylabel("$I(S)$")
    handles = [Patch(color=OVERLAP), Patch(color=FORGET), Line2D([], [], color=NEW, linestyle="--")]
    labels = ["shared with the output", "forgotten by the output", "effect in the output"]
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def strongest(kept: xr.DataArray, count: int) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Kind and coalition of the ``count`` strongest interactions of the output, and of those that it has forgotten."""
    in_output = abs(metrics.last_layer(kept)).where(kept["coalition"] > 0, 0)
    forgotten = abs(metrics.nonempty(kept)).max("layer").reindex_like(in_output, fill_value=0).where(in_output == 0, 0)

    def first_of(strength: xr.DataArray) -> list[tuple[str, int]]:
        ranked = strength.stack(place=["kind", "coalition"]).sortby(-strength.stack(place=["kind", "coalition"]))
        return [place for place, value in zip(ranked["place"].values, ranked.values, strict=True) if value > 0][:count]

    return first_of(in_output), first_of(forgotten)


def draw_players(axis: Axes, sample: Followed, coalition: int) -> None:
    """The grid of players, with those of one coalition filled."""
    players = sample.players if sample.players.ndim == 2 else in_rows(int(sample.players.max()) + 1)
    inside = (players >= 0) & ((coalition >> np.maximum(players, 0)) & 1 == 1)
    if sample.image is not None:
        axis.imshow(sample.image, interpolation="nearest", alpha=0.9)
    shades = ["#00000000", "#B0B0B030" if sample.image is not None else "#E0E0E0", "#009E73B0"]
    axis.imshow(np.where(inside, 2, players >= 0), cmap=ListedColormap(shades), vmin=0, vmax=2, interpolation="nearest")
    axis.add_collection(LineCollection(outlines(players), colors="#606060", linewidths=0.5))
    axis.set(xticks=[], yticks=[], visible=True)
    axis.grid(False)


def in_rows(n_players: int, columns: int = 5) -> np.ndarray:
    """A map of players that have no place in an image, such as words, in reading order.

    Example:
        >>> in_rows(7)
        array([[ 0,  1,  2,  3,  4],
               [ 5,  6, -1, -1, -1]])
    """
    places = np.arange(-(-n_players // columns) * columns)
    return np.where(places < n_players, places, -1).reshape(-1, columns)


def outlines(players: np.ndarray) -> list[list[tuple[float, float]]]:
    """Line segments (x, y) between neighbouring places that belong to different players."""
    padded = np.pad(players, 1, constant_values=-1)
    upright = np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1]) - 0.5
    level = np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1]) - 0.5
    return [[(x, y), (x, y + 1)] for y, x in upright] + [[(x, y), (x + 1, y)] for y, x in level]


def draw_effects(axis: Axes, effects: xr.DataArray, limit: float) -> None:
    """The effect of one interaction in every layer: grey what the output has too, orange what it has not."""
    layers = np.arange(1, effects.sizes["layer"] + 1)
    in_output = effects.isel(layer=-1, drop=True)
    axis.bar(layers, effects, color=FORGET, width=0.8)
    axis.bar(layers, metrics.shared(effects, in_output), color=OVERLAP, width=0.8)
    axis.axhline(in_output, color=NEW, linestyle="--", linewidth=0.8)
    axis.axhline(0, color="black", linewidth=0.5)
    axis.set(ylim=(-limit, limit), visible=True)
    axis.set_xticks([1, layers[-1]], ["1", "out"])


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
