"""The stored part of a specification curve: what claims read of a game, for every way to take the game apart."""

from __future__ import annotations

from dataclasses import replace

import xarray as xr

from lkutils.claims.choices import MAIN, for_claims, measured
from lkutils.games import Label
from lkutils.metrics import output_range
from lkutils.paper.choices import EXTRACTIONS, choices_path, interactions_by
from lkutils.paper.experiments import Experiment, find_experiment, game_path, otherwise_probed
from lkutils.paper.making import make_game
from lkutils.paper.shipped import game_names, label_of, load_game, make_once, seed_names
from lkutils.storage import is_intact, load, store

SAMPLES = 30  # the first so many of a game

# How a network was probed, by the variant of its game.
PROBED = {"long": "probes trained longer", "optimum": "probes at the optimum"}
SAME = 1e-3  # output ranges; networks whose outputs differ by no more are the same one


def make_choices(name: str) -> None:
    """Take a game apart in every way and keep what claims read of it; what is there already is not made again.

    Args:
        name: of the game, which is made first where it is missing.

    Raises:
        ValueError, OSError: as `lkutils.paper.making.make_game`.
    """
    experiment = find_experiment(name)
    if is_intact(choices_path(experiment)):
        return
    if not is_intact(game_path(experiment)):
        make_game(name)
    game = load_game(name)
    outputs = game["values"].isel(layer=-1, drop=True).astype(float)
    parts = []
    for way in EXTRACTIONS:
        interactions = interactions_by(game, way, SAMPLES)
        parts.append(measured(outputs.sel(sample=interactions["sample"]), interactions))
    kept = xr.concat(parts, xr.IndexVariable("extraction", list(EXTRACTIONS)))
    kept["probe_accuracy"] = game["probe_accuracy"].rename(layer="every_layer")
    kept.attrs = {"name": name, "values_sha256": game.attrs["values_sha256"]}
    kept.attrs["training"] = training_of(experiment, game)
    store(kept, choices_path(experiment))


def training_of(experiment: Experiment, game: xr.Dataset) -> str:
    """How the network of a game was trained and probed, in words.

    The same settings on another machine give another network; one that has other outputs than the shipped one, which
    its probes are to be compared with, is called trained again.
    """
    if experiment.variant not in PROBED:
        return experiment.variant.replace("seed", "seed ") or MAIN["training"]
    shipped = load_game(replace(experiment, variant="").name)
    ours, theirs = (one["values"].isel(layer=-1, drop=True).astype(float) for one in (game, shipped))
    far = abs(ours - theirs.sel(sample=ours["sample"])).max() > SAME * output_range(theirs)
    return f"trained again, {PROBED[experiment.variant]}" if far else PROBED[experiment.variant]


def variants_of(name: str) -> list[str]:
    """The games of a network of which choices are kept, the shipped one first: from other seeds, with other probes.

    Example:
        >>> variants_of("cifar10/vgg11")[0]
        'cifar10/vgg11'
    """
    main = find_experiment(name)
    others = [*map(find_experiment, seed_names(name)[1:]), *otherwise_probed(main)]
    return [one.name for one in (main, *others) if one == main or choices_path(one).exists()]


def load_choices(name: str) -> xr.Dataset:
    """What `make_choices` keeps of a game; that of the smoke profile is made where it is missing.

    Raises:
        FileNotFoundError: nothing is kept of a game of the paper.
        ValueError: a damaged file, or one of another game.
    """
    experiment = find_experiment(name)
    path = choices_path(experiment)
    if experiment.profile == "smoke":
        make_once(path, lambda: make_choices(name))
    remedy = f"python -m lkutils choices --dataset {experiment.dataset} --network {experiment.network}"
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}; make it with: {remedy}")
    kept = load(path)
    here = load_game(name).attrs["values_sha256"] if game_path(experiment).exists() else kept.attrs["values_sha256"]
    if (kept.attrs["name"], kept.attrs["values_sha256"]) != (name, here):
        raise ValueError(f"{path} is of another game than {name}: delete it, and run {remedy}")
    return kept


def open_choices(profile: str, games: list[str]) -> dict[Label, dict[str, xr.Dataset]]:
    """What the rules of claims read of every network, by how it was trained and probed, with the axes of the choices.

    Args:
        profile: "paper" or "smoke".
        games: names of games; when empty all of the profile's that choices are kept of.

    Raises:
        FileNotFoundError, ValueError: as `load_choices`.
    """
    kept = [name for name in game_names(profile) if profile == "smoke" or choices_path(find_experiment(name)).exists()]
    opened = {}
    for name in games or kept:
        label = label_of(load_game(name))
        found = [load_choices(variant) for variant in variants_of(name)]
        opened[label] = {one.attrs["training"]: for_claims(one, label) for one in found}
    return opened


def left_out(profile: str, games: list[str]) -> str:
    """Which networks are not in `open_choices`, because nothing is kept of them, in a sentence; "" where none is.

    Example:
        >>> left_out("smoke", [])
        ''
    """
    names = [] if games or profile == "smoke" else game_names(profile)
    missing = [name for name in names if not choices_path(find_experiment(name)).exists()]
    labels = "; ".join(str(label_of(load_game(name))) for name in missing)
    return f"Not here, because nothing is kept of them yet: {labels}." if missing else ""
