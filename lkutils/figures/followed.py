"""Fig. 1 on real samples: single interactions, drawn on images or written in words, followed through the layers."""

from __future__ import annotations

import functools
import textwrap
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
from lkutils.figures.layers import FORGET, KIND_NAMES, NEW, OVERLAP, layer_ticks
from lkutils.figures.style import in_style
from lkutils.paper.datasets import load_dataset
from lkutils.paper.files import CHECKSUMS, find_file

LABELS = ("negative", "positive")  # of both data sets of sentences


def at_hand(dataset: str) -> bool:
    """Whether all files of a data set are in the data folder, or it needs none."""
    return all(find_file(file) for file in CHECKSUMS if file.startswith(f"{dataset}/"))


def follow(
    games: Mapping[str, xr.Dataset], kept: Mapping[str, xr.DataArray], names: list[str], count: int
) -> tuple[list[FollowedImage], list[FollowedSentence]]:
    """The first ``count`` samples of some games, ready to be drawn.

    Args:
        games: as `games.load_game` returns them.
        kept: for each of them :func:`metrics.salient_part` (kind, layer, sample, coalition).
        names: of the games; when empty, the first game of each data set of images and all games of sentences.
        count: how many samples of each.
    """
    images, sentences, seen = [], [], set()
    for name, game in games.items():
        is_image = "y" in game["players"].dims
        if game.attrs["name"] not in names if names else is_image and game.attrs["dataset"] in seen:
            continue
        seen.add(game.attrs["dataset"])
        for k in range(min(count, kept[name].sizes["sample"])):
            one = kept[name].isel(sample=k)
            if is_image:
                images.append(follow_image(game, one))
            else:
                sentences.append(follow_sentence(name, game, one))
    return images, sentences


def strongest(kept: xr.DataArray, count: int) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Kind and coalition of the ``count`` strongest interactions of the output, and of those that it has forgotten."""
    in_output = abs(metrics.last_layer(kept)).where(kept["coalition"] > 0, 0)
    forgotten = abs(metrics.nonempty(kept)).max("layer").reindex_like(in_output, fill_value=0).where(in_output == 0, 0)

    def first_of(strength: xr.DataArray) -> list[tuple[str, int]]:
        ranked = strength.stack(place=["kind", "coalition"]).sortby(-strength.stack(place=["kind", "coalition"]))
        return [place for place, value in zip(ranked["place"].values, ranked.values, strict=True) if value > 0][:count]

    return first_of(in_output), first_of(forgotten)


# ---- images ---------------------------------------------------------------------------------------------------------


class FollowedImage(NamedTuple):
    """An image whose interactions are followed through the layers of a network.

    Attributes:
        name: of the game and the sample.
        kept: :func:`metrics.salient_part` of the sample (kind, layer, coalition).
        players: the player at each pixel (y, x), -1 for background.
        image: the image itself (y, x, 3), if the data set is at hand.
    """

    name: str
    kept: xr.DataArray
    players: np.ndarray
    image: np.ndarray | None = None


def follow_image(game: xr.Dataset, kept: xr.DataArray) -> FollowedImage:
    """What `followed_images` needs of one sample of a game; with its image if the data set is at hand.

    Args:
        game: as `games.load_game` returns it.
        kept: :func:`metrics.salient_part` of one sample (kind, layer, coalition).
    """
    sample = kept["sample"].item()
    images = images_at_hand(game.attrs["dataset"])
    image = None if images is None else images[sample].movedim(0, -1)
    if image is not None:
        image = ((image - image.min()) / (image.max() - image.min())).expand(-1, -1, 3).numpy()
    players = game["players"].sel(sample=sample).values.astype(int)
    return FollowedImage(f"{game.attrs['dataset']}\n{game.attrs['network']}\nno. {sample}", kept, players, image)


@functools.cache
def images_at_hand(dataset: str) -> Tensor | None:
    """The images that the samples of a data set are drawn from; None if its files are not in the data folder."""
    return load_dataset(dataset).sample_inputs if at_hand(dataset) else None


@in_style
def followed_images(samples: list[FollowedImage], count: int = 3) -> Figure:
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


def draw_players(axis: Axes, sample: FollowedImage, coalition: int) -> None:
    """The grid of players, with those of one coalition filled."""
    players = sample.players
    inside = (players >= 0) & ((coalition >> np.maximum(players, 0)) & 1 == 1)
    if sample.image is not None:
        axis.imshow(sample.image, interpolation="nearest", alpha=0.9)
    shades = ["#00000000", "#B0B0B030" if sample.image is not None else "#E0E0E0", "#009E73B0"]
    axis.imshow(np.where(inside, 2, players >= 0), cmap=ListedColormap(shades), vmin=0, vmax=2, interpolation="nearest")
    axis.add_collection(LineCollection(outlines(players), colors="#606060", linewidths=0.5))
    axis.set(xticks=[], yticks=[], visible=True)
    axis.grid(False)


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


# ---- sentences ------------------------------------------------------------------------------------------------------


class FollowedSentence(NamedTuple):
    """A sentence whose interactions are followed through the layers of a network.

    Attributes:
        name: of the game and the sample, and the sentence itself if the data set is at hand.
        kept: :func:`metrics.salient_part` of the sample (kind, layer, coalition).
        players: the word of each player, or its number in reading order.
    """

    name: str
    kept: xr.DataArray
    players: list[str]


def follow_sentence(title: str, game: xr.Dataset, kept: xr.DataArray) -> FollowedSentence:
    """What `followed_sentences` needs of one sample of a game; with its words if the data set is at hand.

    Args:
        title: of the game.
        game: as `games.load_game` returns it.
        kept: :func:`metrics.salient_part` of one sample (kind, layer, coalition).
    """
    sample, dataset = kept["sample"].item(), game.attrs["dataset"]
    name = f"{title}, no. {sample}, {LABELS[game['label'].sel(sample=sample).item()]}"
    sentences = sentences_at_hand(dataset)
    if sentences is None:
        return FollowedSentence(name, kept, [f"word {k + 1}" for k in range(game.attrs["n_players"])])
    words, places = sentences[sample]
    return FollowedSentence(f"{name}: {' '.join(words)}", kept, [words[place] for place in places])


@functools.cache
def sentences_at_hand(dataset: str) -> list[tuple[list[str], list[int]]] | None:
    """Words of the sentences that the samples of a data set are drawn from, and the places of the players among them.

    None if its files are not in the data folder.
    """
    from lkutils.paper import grammar, sentences

    if not at_hand(dataset):
        return None
    if dataset == "grammar":
        return [(words, grammar.player_places(words)) for words in grammar.grammar_samples()[0]]
    return [(words, sentences.content_words(words)) for words in sentences.sst2_samples()[0]]


@in_style
def followed_sentences(samples: list[FollowedSentence], count: int = 3) -> Figure:
    """Fig. 1 for sentences: the strongest interactions, written in words, and their effect in every layer.

    For each sample, a row for each of the ``count`` strongest interactions of the output and below them for each of the
    ``count`` strongest of those that the output has forgotten. Sets of more than four words are cut short.
    """
    figure, grid = plt.subplots(len(samples), 1, figsize=(7, (0.9 + 0.32 * count) * len(samples)), squeeze=False)
    for axis, sample in zip(grid[:, 0], samples, strict=True):
        output, forgotten = strongest(sample.kept, count)
        rows = [sample.kept.sel(kind=kind, coalition=coalition) for kind, coalition in (*output, *forgotten)]
        limit = max(float(abs(row).max()) for row in rows)
        image = axis.imshow(np.stack(rows), cmap="PuOr", vmin=-limit, vmax=limit, aspect="auto")
        axis.axhline(len(output) - 0.5, color="black", linewidth=1)
        axis.set_yticks(
            range(len(rows)), [in_words(*which, sample.players) for which in (*output, *forgotten)], fontsize=7
        )
        ticks, labels = layer_ticks(sample.kept)
        axis.set_xticks(ticks - 1, labels)
        axis.set_title("\n".join(textwrap.wrap(sample.name, 100)), fontsize=7, fontweight="normal")
        axis.grid(False)
        figure.colorbar(image, ax=axis, aspect=8, label="$I(S)$")
    axis.set_xlabel("layer")
    return figure


def in_words(kind: str, coalition: int, players: list[str]) -> str:
    """An interaction in words.

    Example:
        >>> in_words("and", 0b101, ["not", "very", "good"])
        'not & good'
    """
    words = [word for k, word in enumerate(players) if coalition >> k & 1]
    shown = [*words[:3], f"… ({len(words)} words)"] if len(words) > 4 else words
    return {"and": " & ", "or": " | "}[kind].join(shown)
