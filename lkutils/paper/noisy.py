"""Games on noisy inputs with their interactions: what the chapters on stability and on the noise ratio start from."""

from __future__ import annotations

from typing import NamedTuple

import xarray as xr

from lkutils.extraction import GAP, KAPPA_RATIO
from lkutils.games import Label
from lkutils.games import interactions as interactions_of
from lkutils.paper.datasets import IMAGES
from lkutils.paper.experiments import EXPERIMENTS, game_path
from lkutils.paper.noise import SIGMA, with_noise
from lkutils.paper.shipped import CACHES, game_names, label_of, load_noise_game


class Noisy(NamedTuple):
    """Games of the layers of App. M.3 on noisy inputs, each by its label; draw 0 is without noise.

    Attributes:
        games: as `load_noise_game` returns them.
        values: v^(l) in log-odds (sample, draw, coalition).
        interactions: of every draw, extracted afresh, in log-odds (kind, sample, draw, coalition).
        worst_gap: the largest certified gap of all of them.
    """

    games: dict[Label, xr.Dataset]
    values: dict[Label, xr.DataArray]
    interactions: dict[Label, xr.DataArray]
    worst_gap: float


def open_noisy(
    profile: str,
    games: list[str],
    *,
    samples: int = 0,
    draws: int = 0,
    kappa_ratio: float = KAPPA_RATIO,
    gap: float = GAP,
) -> Noisy:
    """Open the games on noisy training samples of some networks, and the interactions of all draws.

    Args:
        profile: "paper" or "smoke".
        games: names of the networks' games; all that have noise when empty.
        samples: the first so many of each game; all when 0.
        draws: the first so many with noise; all when 0.
        kappa_ratio, gap: of `lkutils.extraction.extract_interactions`.

    Raises:
        ValueError: unknown profile or game, or fewer than two draws, or more than a game has; before anything is
            extracted.
        FileNotFoundError: a game that is not shipped and was not made yet.
    """
    opened = [load_noise_game(name) for name in games or noise_game_names(profile)]
    return of_games({label_of(game): game for game in opened}, samples, draws, kappa_ratio, gap)


def of_games(
    games: dict[Label, xr.Dataset],
    samples: int = 0,
    draws: int = 0,
    kappa_ratio: float = KAPPA_RATIO,
    gap: float = GAP,
) -> Noisy:
    """The interactions of some noisy games; arguments and errors as `open_noisy`."""
    for label, game in games.items():
        there = game.sizes["draw"] - 1
        if draws and not 2 <= draws <= there:
            raise ValueError(f"draws={draws}: a variance needs 2 at least, and the game of {label} has {there}")
    part = {"sample": slice(samples or None), "draw": slice(draws + 1 if draws else None)}
    # Extracted as a whole, as it is stored, and cut then.
    found = {
        label: interactions_of(game, kappa_ratio=kappa_ratio, gap=gap, caches=CACHES).isel(layer=0, **part)
        for label, game in games.items()
    }
    return Noisy(
        {label: game.isel(part) for label, game in games.items()},
        {label: game["values"].isel(layer=0, **part) for label, game in games.items()},
        {label: one["interactions"] for label, one in found.items()},
        max(float(one["gap"].max()) for one in found.values()),
    )


def noise_game_names(profile: str) -> list[str]:
    """The networks whose game on noisy inputs can be read at once ("paper") or made in seconds ("smoke").

    Example:
        >>> noise_game_names("smoke")
        ['digits/mlp7', 'digits/resnet20']
    """
    images = [name for name in game_names(profile) if EXPERIMENTS[name].dataset in IMAGES]
    return [name for name in images if profile == "smoke" or game_path(with_noise(EXPERIMENTS[name])).exists()]


def open_variants(
    profile: str,
    *,
    samples: int = 0,
    draws: int = 0,
    kappa_ratio: float = KAPPA_RATIO,
    gap: float = GAP,
) -> Noisy:
    """MLP-7 as the paper may have meant it: on training samples, on test samples, and with noise on its own scale.

    That scale is the one of the network's inputs, where the data set's standard deviation is 1.

    Args, Raises: as `open_noisy`.
    """
    name = {"paper": "mnist/mlp7", "smoke": "digits/mlp7"}[profile]
    (std,) = IMAGES[EXPERIMENTS[name].dataset].std
    variants = {
        "training samples": load_noise_game(name),
        "test samples": load_noise_game(name, test=True),
        "normalised scale": load_noise_game(name, sigma=SIGMA * std),
    }
    labels = {what: label_of(game) for what, game in variants.items()}
    games = {Label(labels[what].dataset, f"{labels[what].network}, {what}"): game for what, game in variants.items()}
    return of_games(games, samples, draws, kappa_ratio, gap)
