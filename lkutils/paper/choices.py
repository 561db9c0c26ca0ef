"""The same games taken apart in several ways, and what is kept of that: the stored part of a specification curve.

Interactions of all layers with every kappa would need more room than all games, so that only what claims read is kept
(`lkutils.claims.choices`), one file for each game, in the folders of `FOLDERS`; those of the paper's networks are
shipped.
"""

from __future__ import annotations

from pathlib import Path

import torch
import xarray as xr

from lkutils.extraction import GAP
from lkutils.games import interactions
from lkutils.mobius import and_interactions
from lkutils.paper import paths
from lkutils.paper.experiments import Experiment
from lkutils.paper.shipped import CACHES

FOLDERS = {"paper": paths.GAMES / "choices", "smoke": paths.CACHE / "choices"}

# The sparsest AND-OR interactions with three kappa, the paper's in the middle, and AND interactions alone (Eq. 1).
KAPPA_RATIOS = {"kappa 0": 0.0, "kappa 0.04": 0.04, "kappa 0.1": 0.1}
AND_ALONE = "AND alone"
EXTRACTIONS = (*KAPPA_RATIOS, AND_ALONE)


def interactions_by(game: xr.Dataset, extraction: str, samples: int, gap: float = GAP) -> xr.DataArray:
    """Interactions of all layers of a game, in log-odds (kind, layer, sample, coalition).

    Args:
        game: as `lkutils.paper.shipped.load_game` returns it.
        extraction: one of `EXTRACTIONS`.
        samples: the first so many.
        gap: of `lkutils.extraction.extract_interactions`.

    Raises:
        ValueError: an unknown extraction.
    """
    if extraction not in EXTRACTIONS:
        raise ValueError(f"unknown extraction {extraction!r}; known are {', '.join(EXTRACTIONS)}")
    first = slice(samples)
    if extraction == "kappa 0.04":  # that of all samples is there already
        return interactions(game, gap=gap, caches=CACHES)["interactions"].isel(sample=first)
    game = game.isel(sample=first)
    if extraction != AND_ALONE:
        return interactions(game, kappa_ratio=KAPPA_RATIOS[extraction], gap=gap, caches=CACHES)["interactions"]
    values = game["values"].transpose("layer", "sample", "coalition").astype(float)
    both = values.copy(data=and_interactions(torch.from_numpy(values.values)).numpy())
    return xr.concat([both, xr.zeros_like(both)], xr.IndexVariable("kind", ["and", "or"]))


def choices_path(experiment: Experiment) -> Path:
    """Where what is kept of a game is stored.

    Example:
        >>> from lkutils.paper.experiments import EXPERIMENTS
        >>> choices_path(EXPERIMENTS["mnist/mlp7"]).parts[-3:]
        ('choices', 'mnist', 'mlp7.nc')
    """
    return FOLDERS[experiment.profile] / f"{experiment.name}.nc"
