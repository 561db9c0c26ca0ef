"""The stored part of a specification curve: what claims read of a game, for every way to take the game apart."""

from __future__ import annotations

import xarray as xr

from lkutils.claims.choices import measured
from lkutils.paper.choices import EXTRACTIONS, choices_path, interactions_by
from lkutils.paper.experiments import find_experiment
from lkutils.paper.shipped import load_game
from lkutils.storage import is_intact, load, store

SAMPLES = 50  # the first so many of a game


def make_choices(name: str) -> None:
    """Take a game apart in every way and keep what claims read of it; what is there already is not made again.

    Args:
        name: of the game.

    Raises:
        ValueError, FileNotFoundError: as `lkutils.paper.shipped.load_game`.
    """
    experiment = find_experiment(name)
    missing = [way for way in EXTRACTIONS if not is_intact(choices_path(experiment, way))]
    if not missing:
        return
    game = load_game(name)
    outputs = game["values"].isel(layer=-1, drop=True).astype(float)
    for way in missing:
        interactions = interactions_by(game, way, SAMPLES)
        kept = measured(outputs.sel(sample=interactions["sample"]), interactions)
        kept.attrs = {"name": name, "extraction": way, "values_sha256": game.attrs["values_sha256"]}
        store(kept, choices_path(experiment, way))


def load_choices(name: str) -> xr.Dataset:
    """What `make_choices` keeps of a game, with the further axis ``extraction``; made first where it is missing.

    Raises:
        ValueError: a damaged file, or one of another game.
    """
    make_choices(name)
    parts = [load(choices_path(find_experiment(name), way)) for way in EXTRACTIONS]
    checksum = load_game(name).attrs["values_sha256"]
    for part in parts:
        if part.attrs["name"] != name or part.attrs["values_sha256"] != checksum:
            raise ValueError(
                f"the choices of {name} were measured on another game: delete "
                f"{choices_path(find_experiment(name), part.attrs['extraction'])} and run python -m lkutils choices"
            )
    return xr.concat(parts, xr.IndexVariable("extraction", list(EXTRACTIONS)), combine_attrs="drop")
