"""The games of the paper's experiments: those shipped in ``data/games/`` and those of the smoke profile.

A game is the only thing that needs a network and a data set. It is one labelled ``xarray.Dataset`` in a netCDF file.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import xarray as xr

from lkutils import metrics
from lkutils.extraction import GAP, KAPPA_RATIO
from lkutils.games import Label
from lkutils.games import interactions as interactions_of
from lkutils.paper import paths
from lkutils.paper.chunks import lock_of
from lkutils.paper.experiments import CONTROLS, EXPERIMENTS, Experiment, find_experiment, game_path, with_seed
from lkutils.paper.making import make_game
from lkutils.paper.noise import SIGMA, make_noise_game, with_noise
from lkutils.paper.tables import TABLES
from lkutils.storage import DamagedFileError, checksum, is_intact, load

# Names as people write them; a data set that is not listed is called what its key is.
DATASETS = {
    "mnist": "MNIST",
    "cifar10": "CIFAR-10",
    "sst2": "SST-2",
    "census": "UCI census",
    "commercial": "TV-news commercials",
}
NETWORKS = {
    "mlp7": "MLP-7",
    "vgg11": "VGG-11",
    "resnet20": "ResNet-20",
    "resnet32": "ResNet-32",
    "minilm": "MiniLM",
    "distilbert": "DistilBERT",
    "bert": "BERT",
    "xlnet": "XLNet",
}
# The variable that names a file to which the games made from scratch are added that were read.
READ_LOG = "LKUTILS_READ_LOG"

VARIANTS = {
    "mean": "masked by means",
    "zero": "masked by zero",
    "blur": "masked by blur",
    "random-labels": "random labels",
}


def game_names(profile: str, tables: bool = False) -> list[str]:
    """The games of a profile that can be read at once ("paper": the shipped ones) or made in seconds ("smoke").

    Args:
        profile: "paper" or "smoke".
        tables: those of tables, which are in App. I.2 alone, instead of those of images and sentences.

    Raises:
        ValueError: unknown profile.
    """
    if profile not in ("paper", "smoke"):
        raise ValueError(f"unknown profile {profile!r}; known are paper, smoke")
    chosen = [e for e in EXPERIMENTS.values() if e.profile == profile and (e.dataset in TABLES) == tables]
    return [e.name for e in chosen if profile == "smoke" or game_path(e).exists()]


def seed_names(name: str) -> list[str]:
    """The games of a network that exist, from seed 0 (the game of that name), 1, 2 and so on.

    Example:
        >>> seed_names("cifar10/vgg11")
        ['cifar10/vgg11']
    """
    main = find_experiment(name)
    seeds = range(1000 if main.training else 1)  # public weights have one
    variants = itertools.takewhile(lambda e: game_path(e).exists(), (with_seed(main, seed) for seed in seeds))
    return [variant.name for variant in variants]


def load_game(name: str) -> xr.Dataset:
    """Load a game and verify it; a game of the smoke profile is made first when it does not exist yet.

    Returns:
        ``values`` (layer, sample, coalition) in log-odds, ``label`` (sample), ``players`` (sample, ...),
        ``probe_accuracy`` (layer), and the provenance as attributes. The layer "output" is the network's own.

    Raises:
        ValueError: unknown name, or a file that is truncated, altered or another game's.
        FileNotFoundError: a game that is not shipped and was not made yet.

    Example:
        >>> load_game("mnist/mlp7")["values"].dims
        ('layer', 'sample', 'coalition')
    """
    experiment = find_experiment(name)
    more = f" --control {experiment.variant}" if experiment.variant in CONTROLS else ""
    if experiment.variant.startswith("seed"):
        more = f" --seed {experiment.training.seed}"
    if experiment.profile == "smoke":
        make_once(game_path(experiment), lambda: make_game(name))
    return read_game(game_path(experiment), name, remedy_of(experiment, more))


def load_noise_game(name: str, sigma: float = SIGMA, test: bool = False) -> xr.Dataset:
    """Load the game on noisy training samples of a network; one of the smoke profile is made when it does not exist.

    Args:
        name: of the network's game.
        sigma: standard deviation of the noise, where pixels go from 0 to 1.
        test: load that on test samples.

    Returns:
        As :func:`load_game`, with ``values`` (layer, sample, draw, coalition) of one layer; draw 0 is without noise,
        and the attribute ``sigma`` is that of the others where pixels go from 0 to 1.

    Raises:
        ValueError, FileNotFoundError: as :func:`load_game`.
    """
    experiment = find_experiment(name)
    noisy = with_noise(experiment, sigma, test)
    if experiment.profile == "smoke":
        make_once(game_path(noisy), lambda: make_noise_game(name, sigma=sigma, test=test))
    more = f" --sigma {sigma:g}" * (sigma != SIGMA) + " --test" * test
    return read_game(game_path(noisy), noisy.name, remedy_of(experiment, f" --draws 20{more}"))


def make_once(path: Path, make: Callable[[], object]) -> None:
    """Make a file that is missing or damaged; of several processes that want it, one makes it and the others wait."""
    with lock_of(path):
        if not is_intact(path):
            make()


def remedy_of(experiment: Experiment, more: str) -> str:
    """How to make a game, in words."""
    return f"make it with: python -m lkutils game --dataset {experiment.dataset} --network {experiment.network}{more}"


def read_game(path: Path, name: str, remedy: str) -> xr.Dataset:
    """Read a game's file and verify it.

    Raises:
        ValueError, FileNotFoundError: as :func:`load_game`.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no game {name} at {path}; {remedy}")
    try:
        game = load(path)
    except ValueError as error:
        raise ValueError(f"{error}, or {remedy}") from error
    if game.attrs.get("name") != name:
        raise ValueError(f"{path} holds the game {game.attrs.get('name')}, not {name}; restore it, or {remedy}")
    if checksum(game["values"].values) != game.attrs.get("values_sha256"):
        raise ValueError(f"{path} was altered: its values do not have the checksum it names; restore it, or {remedy}")
    if (log := os.environ.get(READ_LOG)) and paths.CACHE in path.parents:
        with Path(log).open("a") as file:
            file.write(f"{path}\n")
    return game


def load_games(chosen: list[str]) -> dict[Label, xr.Dataset]:
    """Several games by label.

    Example:
        >>> [str(label) for label in load_games(["mnist/mlp7", "sst2/bert"])]
        ['MLP-7, MNIST', 'BERT†, SST-2']
    """
    games = [load_game(name) for name in chosen]
    return {label_of(game): game for game in games}


def label_of(game: xr.Dataset) -> Label:
    """What readers call a game. A dagger marks a transformer trained from scratch; another seed or baseline is named.

    Example:
        >>> label_of(load_game("sst2/distilbert"))
        Label(dataset='SST-2', network='DistilBERT†')
    """
    dataset, network = game.attrs["dataset"], game.attrs["network"]
    from_scratch = game.attrs["weights"].startswith("from scratch")
    variant = json.loads(game.attrs["settings"]).get("variant", "")
    words = VARIANTS.get(variant, variant.replace("seed", "seed "))
    return Label(
        DATASETS.get(dataset, dataset),
        NETWORKS.get(network, network) + "†" * from_scratch + (f", {words}" if words else ""),
    )


def list_games() -> dict[str, xr.Dataset | DamagedFileError]:
    """All games that exist, the shipped ones and those of the smoke profile made so far; or why one cannot be read."""
    games = {}
    for name in itertools.chain.from_iterable(map(seed_names, EXPERIMENTS)):
        try:
            games[name] = load(game_path(find_experiment(name)))
        except DamagedFileError as error:
            games[name] = error
    return games


CACHES = (paths.GAMES, paths.CACHE)  # of interactions


class Study(NamedTuple):
    """What a chapter starts from, each by the game's label.

    Attributes:
        games: as `load_game` returns them.
        found: their interactions with certificates, as `lkutils.games.interactions` returns them.
        interactions: the interactions alone, in log-odds (kind, layer, sample, coalition).
        tau: the threshold of salience, in log-odds (layer) or (layer, sample).
        salient: the salient interactions, normalised, zero in place of all others (`lkutils.metrics.salient_part`).
        worst_gap: the largest certified gap of all of them.
    """

    games: dict[Label, xr.Dataset]
    found: dict[Label, xr.Dataset]
    interactions: dict[Label, xr.DataArray]
    tau: dict[Label, xr.DataArray]
    salient: dict[Label, xr.DataArray]
    worst_gap: float


def open_study(
    profile: str,
    games: list[str],
    *,
    layers: list[str] | None = None,
    samples: int = 0,
    tau_ratio: float = metrics.TAU_RATIO,
    tau_per_sample: bool = metrics.TAU_PER_SAMPLE,
    kappa_ratio: float = KAPPA_RATIO,
    gap: float = GAP,
) -> Study:
    """Open games and their interactions, as a chapter's parameters say.

    Args:
        profile: "paper" or "smoke".
        games: names of games; all of the profile's when empty.
        layers: names of layers; all when None.
        samples: the first so many of each game; all when 0.
        tau_ratio, tau_per_sample: of `lkutils.metrics.salience_threshold`.
        kappa_ratio, gap: of `lkutils.extraction.extract_interactions`.

    Raises:
        ValueError: unknown profile or game.
        FileNotFoundError: a game that is not shipped and was not made yet.
    """
    opened = load_games(games or game_names(profile))
    found = {
        label: interactions_of(game, layers=layers, kappa_ratio=kappa_ratio, gap=gap, caches=CACHES).isel(
            sample=slice(samples or None)
        )
        for label, game in opened.items()
    }
    interactions = {label: part["interactions"] for label, part in found.items()}
    return Study(
        {label: game.isel(sample=slice(samples or None)) for label, game in opened.items()},
        found,
        interactions,
        {label: metrics.salience_threshold(part, tau_ratio, tau_per_sample) for label, part in interactions.items()},
        {label: metrics.salient_part(part, tau_ratio, tau_per_sample) for label, part in interactions.items()},
        max(float(part["gap"].max()) for part in found.values()),
    )
