"""Pairs of networks trained for the same task, each with the one layer in which Sec. 3.3 compares them (App. M.3).

Beside each network stand those that tell how much two sets of interactions have in common at best: the same network
from other seeds, as far as their games exist, and the same output with a little noise, extracted again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr

from lkutils.extraction import GAP, KAPPA_RATIO
from lkutils.games import Label
from lkutils.games import interactions as interactions_of
from lkutils.generalization import check_same_game
from lkutils.paper.experiments import MIDDLE_LAYERS
from lkutils.paper.shipped import CACHES, game_names, load_games, seed_names

NOISE_RATIO = 0.01  # of |v(x_N) - v(x_empty)|


class Pairs(NamedTuple):
    """What the chapter on generalisation starts from; interactions are those of one layer, in log-odds.

    Attributes:
        games: of every network that has a partner, its one layer.
        pairs: the two networks of each pair, by its name.
        interactions: of every network (kind, sample, coalition).
        seeds: of every network those of the same one from other seeds, by label.
        noisy: of every network those of the first samples with noise on the output.
        worst_gap: the largest certified gap of all of them.
    """

    games: dict[Label, xr.Dataset]
    pairs: dict[Label, tuple[Label, Label]]
    interactions: dict[Label, xr.DataArray]
    seeds: dict[Label, dict[Label, xr.DataArray]]
    noisy: dict[Label, xr.DataArray]
    worst_gap: float


def open_pairs(
    profile: str,
    games: list[str],
    *,
    layers: list[str] | None = None,
    samples: int = 0,
    noise_samples: int = 20,
    kappa_ratio: float = KAPPA_RATIO,
    gap: float = GAP,
    seed: int = 0,
) -> Pairs:
    """Open all pairs of networks of the same data set, and the interactions of one layer of each network.

    Args:
        profile: "paper" or "smoke".
        games: names of games; all of the profile's when empty.
        layers: in place of those of App. M.3, such as "mlp7/linear5".
        samples: the first so many of each game; all when 0.
        noise_samples: how many of them are extracted again with noise.
        kappa_ratio, gap: of `lkutils.extraction.extract_interactions`.
        seed: of the noise.

    Raises:
        ValueError: an unknown game, network or layer, games of which no two have the same data set, or a pair without
            common samples or with different players; all of them before anything is extracted.
        FileNotFoundError: a game that is not shipped and was not made yet.
    """
    chosen = layer_choices(layers or [])
    opened = load_games(games or game_names(profile))
    pairs = pairs_of(opened)
    paired = [label for label in opened if any(label in pair for pair in pairs.values())]
    first = slice(samples or None)
    found = {label: of_layer(opened[label], chosen).isel(sample=first) for label in paired}
    seeds = {
        label: {name: of_layer(other, chosen) for name, other in load_games(other_seeds(game)).items()}
        for label, game in found.items()
    }
    for a, b in pairs.values():
        check_pair(a, found[a], b, found[b])
    for label, others in seeds.items():
        for name, other in others.items():
            check_pair(label, found[label], name, other)

    worst = []

    def extracted(game: xr.Dataset) -> xr.DataArray:
        result = interactions_of(game, kappa_ratio=kappa_ratio, gap=gap, caches=CACHES)
        worst.append(float(result["gap"].max()))
        return result["interactions"].isel(layer=0, drop=True)

    return Pairs(
        found,
        pairs,
        {label: extracted(opened[label].sel(layer=game["layer"])).isel(sample=first) for label, game in found.items()},
        {label: {name: extracted(other) for name, other in others.items()} for label, others in seeds.items()},
        {label: extracted(with_noise(game.isel(sample=slice(noise_samples)), seed)) for label, game in found.items()},
        max(worst),
    )


def pairs_of(labels: Iterable[Label]) -> dict[Label, tuple[Label, Label]]:
    """Every two networks of the same data set, by the name of the pair.

    Raises:
        ValueError: there is no such pair.

    Example:
        >>> list(pairs_of([Label("MNIST", "MLP-7"), Label("SST-2", "BERT"), Label("MNIST", "VGG-11")]))
        [Label(dataset='MNIST', network='MLP-7 and VGG-11')]
    """
    labels = list(labels)
    pairs = {
        Label(a.dataset, f"{a.network} and {b.network}"): (a, b)
        for a, b in itertools.combinations(labels, 2)
        if a.dataset == b.dataset
    }
    if not pairs:
        raise ValueError(
            f"no two of the games have the same data set: {'; '.join(map(str, labels))}. Give games such as "
            "mnist/mlp7 and mnist/vgg11"
        )
    return pairs


def layer_choices(layers: Iterable[str]) -> dict[str, str]:
    """The layer of each network: that of App. M.3 unless another is asked for.

    Raises:
        ValueError: what is asked for is not written "network/layer", or the network is unknown.

    Example:
        >>> layer_choices(["mlp7/linear5"])["mlp7"], layer_choices([])["vgg11"]
        ('linear5', 'conv4_2')
    """
    chosen = dict(MIDDLE_LAYERS)
    for entry in layers:
        network, _, layer = entry.partition("/")
        if network not in chosen or not layer:
            raise ValueError(
                f"layers has {entry!r}: write network/layer, such as mlp7/linear5; known are {', '.join(chosen)}"
            )
        chosen[network] = layer
    return chosen


def of_layer(game: xr.Dataset, layers: Mapping[str, str]) -> xr.Dataset:
    """A game with the layer of its network alone (the axis stays).

    Raises:
        ValueError: it has no such layer; the message lists those that it has.
    """
    layer, known = layers[game.attrs["network"]], game["layer"].values.tolist()
    if layer not in known:
        raise ValueError(f"{game.attrs['name']} has no layer {layer!r}; it has {', '.join(known)}")
    return game.sel(layer=[layer])


def other_seeds(game: xr.Dataset) -> list[str]:
    """The games of the same network from other seeds, as far as they exist."""
    return [
        name for name in seed_names(f"{game.attrs['dataset']}/{game.attrs['network']}") if name != game.attrs["name"]
    ]


def check_pair(name_a: Label, a: xr.Dataset, name_b: Label, b: xr.Dataset) -> None:
    """Refuse a pair without common samples, or with other labels or players in them.

    In sentences the players are words, the same in both games if the sentence is; which tokens they are made of is up
    to each network's tokenizer, and not compared.

    Raises:
        ValueError: says which pair, and why.
    """
    common = np.intersect1d(a["sample"], b["sample"])
    tokens = ["players"] if "position" in a["players"].dims and "position" in b["players"].dims else []
    first, second = (game.sel(sample=common).drop_vars(tokens) for game in (a, b))
    try:
        if not common.size:
            raise ValueError("they have no sample in common: make both games on the same ones")
        if not first["label"].equals(second["label"]):
            raise ValueError("samples of the same number have other labels: make both games on the same data set")
        check_same_game(first, second)
    except ValueError as error:
        raise ValueError(f"{name_a} and {name_b} cannot be compared: {error}") from error


def with_noise(game: xr.Dataset, seed: int = 0) -> xr.Dataset:
    """The same outputs, each with normal noise of `NOISE_RATIO` of its sample's |v(x_N) - v(x_empty)|.

    Example:
        >>> game = xr.Dataset({"values": (("layer", "sample", "coalition"), np.linspace(0, 5, 2048).reshape(1, 1, -1))})
        >>> round(float((with_noise(game) - game)["values"].std()), 2)
        0.05
    """
    values = game["values"]
    size = abs(values.isel(coalition=-1) - values.isel(coalition=0)).drop_vars("coalition", errors="ignore")
    noise = values.copy(data=np.random.default_rng(seed).normal(size=values.shape))
    return game.assign(values=(values + NOISE_RATIO * size * noise).transpose(*values.dims).astype(values.dtype))
