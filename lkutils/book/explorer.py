"""The data of the page "Explore": the salient interactions of some samples of each network, as one script for each.

A script sets ``explored["mnist/mlp7"]``, so that the page works from a folder as well as from a server. Strengths are
whole thousandths of the largest one of their layer and sample, rounded away from zero: then ``|I| > tau`` has the same
answer before and after rounding, for every tau that is a whole number of thousandths.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib import image as images

from lkutils import metrics
from lkutils.book.markdown import table
from lkutils.follow import player_names, top
from lkutils.games import interactions as interactions_of
from lkutils.paper import pictures, shipped
from lkutils.storage import replacing

UNIT = 1000  # parts of the largest strength of a layer and sample
SMALLEST_TAU = 50  # in these units: the slider's smallest, and the book's own (footnote 7)
SAMPLES = 10  # of each network


def game_names(profile: str) -> list[str]:
    """The games on the page, those of images and sentences first; controls and other masked states are left out."""
    names = shipped.game_names(profile) + shipped.game_names(profile, tables=True)
    return [name for name in names if "." not in name]


def write_explorer(names: Iterable[str], folder: Path, samples: int = SAMPLES) -> None:
    """Write a script for each game, ``index.js`` with the list of them, and the images that are at hand.

    Args:
        names: of games.
        folder: where the page looks for them; it is made when it does not exist.
        samples: the first so many of each game.

    Raises:
        ValueError, FileNotFoundError: as `lkutils.paper.shipped.load_game`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index = {}
    for name in names:
        game = shipped.load_game(name)
        described = describe_game(game, interactions_of(game, caches=shipped.CACHES), samples)
        for sample in described["samples"]:
            picture = pictures.image_of(game, sample["sample"])
            if picture is not None:
                sample["image"] = f"{game.attrs['dataset']}-{sample['sample']}.png"
                images.imsave(folder / sample["image"], picture)
        file = f"{name.replace('/', '-')}.js"
        write_script(folder / file, f"explored[{json.dumps(name)}]", described)
        index[name] = {"dataset": described["dataset"], "network": described["network"], "file": file}
    write_script(folder / "index.js", "var explored = {}, explorable", index)


def write_script(path: Path, variable: str, value: object) -> None:
    """Write a value as a script that assigns it."""
    with replacing(path) as temporary:
        temporary.write_text(f"{variable} = {json.dumps(value, separators=(',', ':'))};\n")


def describe_game(game: xr.Dataset, found: xr.Dataset, samples: int = SAMPLES) -> dict:
    """What the page needs of a game: names, the accuracy of each layer in percent, and its first samples.

    Args:
        game: as `lkutils.paper.shipped.load_game` returns it.
        found: its interactions with certificates, as `lkutils.games.interactions` returns them.
        samples: how many.
    """
    label = shipped.label_of(game)
    return {
        "dataset": label.dataset,
        "network": label.network,
        "layers": [str(layer) for layer in game["layer"].values],
        "accuracy": [round(100 * float(accuracy), 1) for accuracy in game["probe_accuracy"].values],
        "samples": [describe_sample(game, found, sample) for sample in game["sample"].values[:samples].tolist()],
    }


def describe_sample(game: xr.Dataset, found: xr.Dataset, sample: int) -> dict:
    """One sample: its players, the outputs v(x_N) and v(x_empty) of each layer, and its salient interactions.

    Returns:
        ``interactions`` has a row for each that is salient in any layer: 0 for AND and 1 for OR, the coalition, and its
        strength in each layer in `UNIT` parts of ``largest``, 0 where it is not salient.
    """
    values = game["values"].sel(sample=sample)
    players = game["players"].sel(sample=sample).values
    words = pictures.words_of(game, sample)
    n_players = values.sizes["coalition"].bit_length() - 1
    largest, rows = salient_rows(found["interactions"].sel(sample=sample))
    described = {
        "sample": sample,
        "label": pictures.class_name(game, game["label"].sel(sample=sample).item()),
        "names": words or list(map(str, player_names(found, sample, n_players))),
        "all": [round(float(value), 3) for value in values.isel(coalition=-1).values],
        "none": [round(float(value), 3) for value in values.isel(coalition=0).values],
        "largest": [float(f"{value:.6g}") for value in largest],
        "interactions": rows,
    }
    if "y" in game["players"].dims:
        described["size"] = list(players.shape[::-1])
        described["boxes"] = [box_of(players == player) for player in range(n_players)]
    sentence = pictures.sentence_of(game, sample)
    return described | ({"sentence": sentence} if sentence else {})


def salient_rows(interactions: xr.DataArray) -> tuple[np.ndarray, list[list[int]]]:
    """The largest strength of each layer, and a row for each interaction that is salient in any of them.

    Args:
        interactions: of one sample, in log-odds (kind, layer, coalition).

    Example:
        >>> game = xr.DataArray([[[9.0, 4.0, 0.1]], [[0.0, -1.0, 0.0]]], {"kind": ["and", "or"], "coalition": range(3)},
        ...                     ("kind", "layer", "coalition"))
        >>> salient_rows(game)
        (array([4.]), [[0, 1, 1000], [1, 1, -250]])
    """
    of_kind = interactions.transpose("kind", "layer", "coalition").sel(kind=["and", "or"]).fillna(0)
    parts = metrics.nonempty(of_kind).values
    largest = abs(parts).max(axis=(0, 2))
    shares = UNIT * parts / np.where(largest > 0, largest, 1)[:, None]
    whole = (np.sign(shares) * np.ceil(np.round(abs(shares), 9))).astype(int)  # rounding: 1000 is not to become 1001
    whole[abs(whole) <= SMALLEST_TAU] = 0
    places = np.argwhere(whole.any(axis=1))
    return largest, [[int(kind), int(place) + 1, *whole[kind, :, place].tolist()] for kind, place in places]


def box_of(inside: np.ndarray) -> list[int]:
    """Left, top, width and height of a patch.

    Example:
        >>> box_of(np.array([[False, True, True], [False, True, True]]))
        [1, 0, 2, 2]
    """
    ys, xs = np.nonzero(inside)
    return [int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1]


def strongest(names: Iterable[str], count: int = 3) -> str:
    """The strongest interactions of the output for the first sample of each game, in log-odds, as a Markdown table.

    Args:
        names: of games.
        count: of interactions.
    """
    rows = []
    for name in names:
        game = shipped.load_game(name)
        found = interactions_of(game, caches=shipped.CACHES)
        sample = game["sample"].values[0].item()
        layers = game["layer"].values.tolist()
        for _, row in top(found, sample, count).iterrows():
            places = (layers[0], layers[len(layers) // 2], layers[-1])
            effects = [f"{row[layer]:.2f}" for layer in places]
            rows.append([shipped.label_of(game), sample, row["kind"].upper(), row["players"], *effects])
    return table(["Network", "Sample", "Kind", "Players", "First layer", "Middle layer", "Output"], rows).data
