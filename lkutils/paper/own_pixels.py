"""How strong an image, and the noise that is added to it, are on the pixels of each player (App. L).

That takes the images, which are not shipped; what is shipped are two norms for each player.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from lkutils.paper import paths
from lkutils.paper.datasets import IMAGES, at_hand
from lkutils.paper.experiments import Experiment, find_experiment
from lkutils.paper.noise import noise_of
from lkutils.paper.noisy import noise_game_names
from lkutils.paper.shipped import load_noise_game
from lkutils.storage import found_or_made


def load_norms(name: str) -> xr.Dataset:
    """Norms of image and noise on each player of the noisy samples of a network; those not shipped are made.

    Args:
        name: of the network's game.

    Returns:
        ``image`` (sample, player) and ``noise`` (sample, draw, player), Euclidean norms where pixels go from 0 to 1;
        draws from 1 on, since draw 0 has no noise.

    Raises:
        ValueError: unknown name, or norms of other samples than the game's.
        FileNotFoundError: the game does not exist.
        OSError: the norms are not shipped, and the images are neither at hand nor can they be downloaded.
    """
    game, places = load_noise_game(name), norms_paths(find_experiment(name))
    norms = found_or_made(places, lambda: norms_of(game))
    wanted = {"sample": game["sample"].values, "draw": game["draw"].values[1:]}
    if not all(set(values) <= set(norms[axis].values) for axis, values in wanted.items()):
        path = next((place for place in places if place.exists()), places[-1])
        raise ValueError(f"{path} has other samples or draws than the game {game.attrs['name']}: delete it")
    return norms.sel(wanted)


def norms_of(game: xr.Dataset) -> xr.Dataset:
    """The norms of a game on noisy training samples, from its images."""
    images = IMAGES[game.attrs["dataset"]].read("train")[0].numpy()[game["sample"].values]
    draws, sigma = game.sizes["draw"] - 1, game.attrs["sigma"]
    shape = images.shape[1:]
    noise = [np.stack(noise_of(int(sample), draws, sigma, shape)[1:]) for sample in game["sample"].values]
    n, players = game.attrs["n_players"], game["players"].values
    return xr.Dataset(
        {
            "image": (("sample", "player"), norms_on_players(images[:, None], players, n)[:, 0]),
            "noise": (("sample", "draw", "player"), norms_on_players(np.stack(noise), players, n)),
        },
        {"sample": game["sample"].values, "draw": np.arange(1, draws + 1), "player": np.arange(n)},
    )


def norms_on_players(images: np.ndarray, players: np.ndarray, n_players: int) -> np.ndarray:
    """Euclidean norm of the pixels of each player, all channels together.

    Args:
        images: (sample, any, channel, y, x).
        players: the player of each pixel, -1 for background (sample, y, x).
        n_players: n.

    Returns:
        Norms (sample, any, player).

    Example:
        >>> images, players = np.array([[[[[3.0, 4.0, 9.0]]]]]), np.array([[[0, 0, -1]]])
        >>> norms_on_players(images, players, 1)
        array([[[5.]]])
    """
    squares = (images.astype(float) ** 2).sum(2)
    own = [(squares * (players == k)[:, None]).sum((-2, -1)) for k in range(n_players)]
    return np.sqrt(np.stack(own, axis=-1))


def norms_paths(experiment: Experiment) -> list[Path]:
    """Where the norms may lie: shipped, or in the cache."""
    return [folder / "noise_ratio" / f"{experiment.name}.nc" for folder in (paths.GAMES, paths.CACHE)]


def ratio_names(profile: str) -> list[str]:
    """The networks whose noisy game exists and whose norms are shipped or can be made from images at hand.

    Example:
        >>> ratio_names("smoke")
        ['digits/mlp7', 'digits/resnet20']
    """
    there = at_hand()
    names = [(name, find_experiment(name)) for name in noise_game_names(profile)]
    return [name for name, one in names if any(map(Path.exists, norms_paths(one))) or one.dataset in there]
