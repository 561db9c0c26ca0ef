"""Fig. 1 on real samples: single interactions, drawn on images or written in words, followed through the layers."""

from __future__ import annotations

import textwrap
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
from lkutils.figures.described import described
from lkutils.figures.layers import layer_ticks, layered
from lkutils.figures.style import FORGET, KIND_NAMES, NEW, OVERLAP, in_style, plain, sentence
from lkutils.follow import one, player_names

EFFECTS = "Effect in every layer of the strongest interactions of the output, and of the strongest forgotten ones"


def rank_interactions(salient: xr.DataArray, count: int) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Kind and coalition of the ``count`` strongest interactions of the output, and of those that it has forgotten.

    Args:
        salient: :func:`metrics.salient_part` of one sample (kind, layer, coalition); the last layer is the output.
        count: of each.

    Example:
        >>> salient = xr.DataArray([[[0, 3, 0, 1], [0, 0, 2, 0]]], {"kind": ["and"], "coalition": range(4)},
        ...                        ("kind", "layer", "coalition"))
        >>> rank_interactions(salient, 1)
        ([('and', 2)], [('and', 1)])
    """
    in_output = abs(metrics.last_layer(salient)).where(salient["coalition"] > 0, 0)
    anywhere = abs(metrics.nonempty(salient)).max("layer").reindex_like(in_output, fill_value=0)

    def first_of(strength: xr.DataArray) -> list[tuple[str, int]]:
        stacked = strength.stack(place=["kind", "coalition"])
        ranked = stacked.isel(place=np.argsort(-stacked.values, kind="stable"))
        return [place for place, value in zip(ranked["place"].values, ranked.values, strict=True) if value > 0][:count]

    return first_of(in_output), first_of(anywhere.where(in_output == 0, 0))


def salient_of(found: xr.Dataset, sample: object) -> xr.DataArray:
    """The salient interactions (kind, layer, coalition) of one sample of what `lkutils.interactions` returns."""
    salient = one(layered(found), sample=sample)
    if not has_any(salient):
        raise ValueError(f"sample {sample!r} has no salient interaction in any layer: masking changes no output of it")
    return salient


def has_any(salient: xr.DataArray) -> bool:
    """Whether any layer has a salient interaction; with one threshold for all samples, some may have none."""
    return bool(metrics.nonempty(salient).any())


# ---- images ---------------------------------------------------------------------------------------------------------


class FollowedImage(NamedTuple):
    """An image whose interactions are followed through the layers of a network.

    Attributes:
        title: of the network and the sample, in a few short lines.
        salient: :func:`metrics.salient_part` of the sample (kind, layer, coalition).
        players: the player at each pixel (y, x), -1 for background.
        image: the image itself, if it is at hand, as :func:`as_picture` takes it.
    """

    title: str
    salient: xr.DataArray
    players: np.ndarray
    image: np.ndarray | Tensor | None = None


def on_image(
    found: xr.Dataset, game: xr.Dataset, sample: object, image: np.ndarray | Tensor | None = None, count: int = 3
) -> Figure:
    r"""Fig. 1 for an image of your own: its strongest interactions, drawn on it and followed through the layers.

    The ``count`` strongest interactions of the last layer, and the ``count`` strongest of those that it has forgotten.

    Args:
        found: what :func:`lkutils.interactions` returns for the game.
        game: what :func:`lkutils.play` returns; its ``players`` lie on images (sample, y, x).
        sample: of the game, as its axis ``sample`` numbers them.
        image: the image itself, an array or tensor (y, x), (y, x, channel) or (channel, y, x) with 1 or 3 channels, of
            any scale; the players alone are drawn without it.
        count: of interactions.

    Raises:
        TypeError, ValueError: no such sample, players that are no images, an image of another size than the players,
            or a sample without interactions.

    Example:
        >>> axes = {"kind": ["and", "or"], "layer": ["block", "output"], "sample": [7], "coalition": range(4)}
        >>> found = xr.Dataset({"interactions": (list(axes), np.ones((2, 2, 1, 4)))}, axes)
        >>> game = xr.Dataset({"players": (("sample", "y", "x"), [[[0, 0], [1, -1]]])}, {"sample": [7]})
        >>> on_image(found, game, 7, np.zeros((2, 2)), count=1).axes[0].get_title()
        'output no. 1\nAND, order 1'
    """
    salient = salient_of(found, sample)
    if "players" not in game:
        raise ValueError("the game has no players: give what lkutils.play returned, and what it was extracted from")
    players = one(game["players"], sample=sample).values
    if players.ndim != 2:
        raise ValueError(
            f"the players have shape {players.shape}, and an image's lie on two axes (y, x): use in_words instead"
        )
    return followed_images([FollowedImage(f"sample {sample}", salient, players, image)], count)


@in_style
def followed_images(samples: list[FollowedImage], count: int = 3) -> Figure:
    """Fig. 1 on real samples: the strongest interactions, drawn on the input and followed through the layers.

    For each sample the ``count`` strongest interactions of the output, and the ``count`` strongest of those that the
    output has forgotten. Bars have the colours of Fig. 3(a). Samples without salient interactions are left out; without
    any other the figure says so.
    """
    samples = [sample for sample in samples if has_any(sample.salient)]
    if not samples:
        return sentence("There is no image to draw among these games.")
    pictures = [None if s.image is None else as_picture(s.image, s.players.shape) for s in samples]
    figure, grid = plt.subplots(
        2 * len(samples),
        2 * count,
        figsize=(7, 2.3 * len(samples) + 0.4),
        squeeze=False,
        height_ratios=[1.2, 1] * len(samples),
    )
    for axis in grid.flat:
        axis.set_visible(False)
    numbers = {}
    for maps, bars, sample, picture in zip(grid[::2], grid[1::2], samples, pictures, strict=True):
        limit = 1.1 * float(abs(metrics.nonempty(sample.salient)).max())
        output, forgotten = rank_interactions(sample.salient, count)
        numbered = [*enumerate(output), *enumerate(forgotten, count)]
        for place, (k, (kind, coalition)) in enumerate(numbered):
            draw_players(maps[k], sample.players, picture, coalition)
            which = f"output no. {k + 1}" if k < count else f"forgotten no. {k - count + 1}"
            maps[k].set_title(
                f"{which}\n{KIND_NAMES[kind]}, order {coalition.bit_count()}",
                fontsize=7,
                fontweight="normal",
                loc="center",
            )
            effects = sample.salient.sel(kind=kind, coalition=coalition)
            numbers[oneline(sample.title), which, members_of(coalition)] = effects.reset_coords(drop=True)
            draw_effects(bars[k], effects, limit)
            bars[k].tick_params(labelleft=place == 0)
        first = numbered[0][0]
        maps[first].set_ylabel(plain(sample.title), fontsize=8)
        bars[first].set_ylabel("$I(S)$")
    handles = [Patch(color=OVERLAP), Patch(color=FORGET), Line2D([], [], color=NEW, linestyle="--")]
    labels = ["shared with the output", "forgotten by the output", "effect in the output"]
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return described(
        figure,
        EFFECTS,
        numbers,
    )


def members_of(coalition: int) -> str:
    """The players of a coalition: "players 0, 2"."""
    return "players " + ", ".join(str(k) for k in range(coalition.bit_length()) if coalition >> k & 1)


def oneline(title: str) -> str:
    """A title of several lines as one."""
    return ", ".join(title.split("\n"))


def as_picture(image: np.ndarray | Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """An image with its channels first, last or none as colours (y, x, 3) from 0 to 1, stretched to that if need be.

    Args:
        image: (y, x), (y, x, channel) or (channel, y, x), with 1 or 3 channels.
        shape: height and width that it must have, those of the players.

    Raises:
        ValueError: another shape.

    Example:
        >>> as_picture(np.array([[-2.0, 0.0], [2.0, 2.0]]), (2, 2))[..., 0].tolist()
        [[0.0, 0.5], [1.0, 1.0]]
    """
    picture = (image.detach().cpu().numpy() if isinstance(image, Tensor) else image).astype(float)
    if picture.shape == shape:
        picture = picture[..., None]
    elif picture.ndim == 3 and picture.shape[1:] == shape and picture.shape[0] in (1, 3):
        picture = np.moveaxis(picture, 0, -1)
    if picture.shape not in ((*shape, 1), (*shape, 3)):
        raise ValueError(
            f"the image has shape {np.shape(image)}, but the players lie on {shape[0]} x {shape[1]} pixels: give the "
            "input that the game was played on, with 1 or 3 channels first, last or none"
        )
    lowest, highest = picture.min(), picture.max()
    if lowest < 0 or highest > 1:
        picture = (picture - lowest) / (highest - lowest if highest > lowest else 1)
    return np.broadcast_to(picture, (*shape, 3))


def draw_players(axis: Axes, players: np.ndarray, picture: np.ndarray | None, coalition: int) -> None:
    """The outlines of all players, with those of one coalition filled, over the image if there is one."""
    inside = (players >= 0) & ((coalition >> np.maximum(players, 0)) & 1 == 1)
    if picture is not None:
        axis.imshow(picture, interpolation="nearest", alpha=0.9)
    shades = ["#00000000", "#B0B0B030" if picture is not None else "#E0E0E0", "#009E73B0"]
    axis.imshow(np.where(inside, 2, players >= 0), cmap=ListedColormap(shades), vmin=0, vmax=2, interpolation="nearest")
    axis.add_collection(LineCollection(outlines(players), colors="#606060", linewidths=0.5))
    axis.set(xticks=[], yticks=[], visible=True)
    axis.grid(False)


def outlines(players: np.ndarray) -> list[list[tuple[float, float]]]:
    """Line segments (x, y) between neighbouring places that belong to different players.

    Example:
        >>> len(outlines(np.array([[0, -1]])))
        4
    """
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


# ---- sentences ------------------------------------------------------------------------------------------------------


class FollowedSentence(NamedTuple):
    """A sentence whose interactions are followed through the layers of a network.

    Attributes:
        title: of the network and the sample.
        salient: :func:`metrics.salient_part` of the sample (kind, layer, coalition).
        words: the word of each player, if they are at hand.
        sentence: all of it, if it is at hand.
    """

    title: str
    salient: xr.DataArray
    words: list[str] | None = None
    sentence: str | None = None


def in_words(found: xr.Dataset, sample: object, words: list[str] | None = None, count: int = 3) -> Figure:
    """Fig. 1 for a text or a table of your own: the strongest interactions in words, and their effect in every layer.

    The ``count`` strongest interactions of the last layer, and below the line those that it has forgotten.

    Args:
        found: what :func:`lkutils.interactions` returns.
        sample: as the axis ``sample`` numbers them.
        words: the word, column or any other name of each player, in order; when None, the names that the game was
            played with, else numbers.
        count: of interactions.

    Raises:
        TypeError, ValueError: no such sample, fewer words than players, or a sample without interactions.

    Example:
        >>> axes = {"kind": ["and", "or"], "layer": ["block", "output"], "sample": [7], "coalition": range(4)}
        >>> found = xr.Dataset({"interactions": (list(axes), np.ones((2, 2, 1, 4)))}, axes)
        >>> [label.get_text() for label in in_words(found, 7, ["not", "good"]).axes[0].get_yticklabels()]
        ['not', 'good', 'not & good']
    """
    salient = salient_of(found, sample)
    if words is None:
        words = player_names(found, sample, salient.sizes["coalition"].bit_length() - 1)
    return followed_sentences([FollowedSentence(f"sample {sample}", salient, words)], count)


@in_style
def followed_sentences(samples: list[FollowedSentence], count: int = 3) -> Figure:
    """Fig. 1 for sentences: the strongest interactions, written in words, and their effect in every layer.

    For each sample, a row for each of the ``count`` strongest interactions of the output and below them for each of the
    ``count`` strongest of those that the output has forgotten. Sets of more than four words are cut short.
    Samples without salient interactions are left out; without any other the figure says so.
    """
    samples = [sample for sample in samples if has_any(sample.salient)]
    if not samples:
        return sentence("There is no sentence to draw among these games.")
    figure, grid = plt.subplots(len(samples), 1, figsize=(7, (0.9 + 0.32 * count) * len(samples)), squeeze=False)
    numbers = {}
    for axis, sample in zip(grid[:, 0], samples, strict=True):
        output, forgotten = rank_interactions(sample.salient, count)
        rows = [sample.salient.sel(kind=kind, coalition=coalition) for kind, coalition in (*output, *forgotten)]
        limit = max(float(abs(row).max()) for row in rows)
        image = axis.imshow(np.stack(rows), cmap="PuOr", vmin=-limit, vmax=limit, aspect="auto")
        axis.axhline(len(output) - 0.5, color="black", linewidth=1)
        words = player_words(sample.salient, sample.words)
        named = [spelled(*which, words) for which in (*output, *forgotten)]
        axis.set_yticks(range(len(rows)), list(map(plain, named)), fontsize=7)
        numbers |= {(sample.title, name): row.reset_coords(drop=True) for name, row in zip(named, rows, strict=True)}
        ticks, labels = layer_ticks(sample.salient)
        axis.set_xticks(ticks - 1, labels)
        title = sample.title if sample.sentence is None else f"{sample.title}: {sample.sentence}"
        axis.set_title(plain("\n".join(textwrap.wrap(title, 78))), fontsize=7, fontweight="normal")
        axis.grid(False)
        figure.colorbar(image, ax=axis, aspect=8, label="$I(S)$")
    axis.set_xlabel("layer")
    return described(
        figure,
        f"{EFFECTS}, in words",
        numbers,
    )


def player_words(salient: xr.DataArray, words: list[str] | None) -> list[str]:
    """The word of each player; without any, their numbers."""
    n_players = salient.sizes["coalition"].bit_length() - 1
    if words is None:
        return [f"player {k}" for k in range(n_players)]
    if len(words) < n_players:
        raise ValueError(f"{len(words)} words for {n_players} players: give one for each player, in order")
    return list(words)


def spelled(kind: str, coalition: int, words: list[str]) -> str:
    """An interaction in words.

    Example:
        >>> spelled("and", 0b101, ["not", "very", "good"])
        'not & good'
    """
    members = [word for k, word in enumerate(words) if coalition >> k & 1]
    shown = [*members[:3], f"… ({len(members)} words)"] if len(members) > 4 else members
    return {"and": " & ", "or": " | "}[kind].join(shown)
