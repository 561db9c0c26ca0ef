"""The same games decomposed with several kappa, and twice with the same one (App. J).

Two solutions with the same kappa are the yardstick for two with different ones: of the exact extraction, from nothing
and from a random start, both certified to the same gap; of the laboratory's procedure, of the values and of values that
differ by a thousandth of kappa.

The larger part takes minutes, so what was found is kept as multiples of `UNIT`, one file for each layer, in the folders
of `FOLDERS`; those of the paper's network are shipped.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr

from lkutils.extraction import KAPPA_RATIO, extract_interactions
from lkutils.paper import paths
from lkutils.paper.procedures import BEST, descents, with_axes
from lkutils.progress import progress
from lkutils.storage import checksum, found_or_made

PROFILES = {
    "paper": {
        "games": ["cifar10/resnet20"],
        "layers": ["block3", "block6", "output"],
        "samples": 10,
        "kappa_ratios": [0.0, 0.01, 0.03, 0.04, 0.05, 0.1],
        "learning_rates": [1e-6, 1e-5],
        "iterations": 10_000,
    },
    "smoke": {
        "games": ["digits/resnet20"],
        "layers": ["block3", "output"],
        "samples": 3,
        "kappa_ratios": [0.0, 0.01, 0.03, 0.04, 0.05, 0.1],
        "learning_rates": [1e-5, 1e-4],
        "iterations": 100,
    },
}

NEIGHBOURS = (0.03, 0.05)  # of the paper's 0.04, in Fig. 11
JITTER = 1e-3  # share of kappa by which the laboratory's procedure has the values changed
KEPT = "both procedures with every kappa"  # what is in a file; other words make old files invalid
UNIT = 2.0**-10  # log-odds; a tenth of a percent of a log-odd is far below any tau
FOLDERS = (paths.GAMES / "kappa", paths.CACHE / "kappa")
PROCEDURES = {"exact": "certified extraction", "sgd": "the laboratory's descent"}


def decompositions(
    game: xr.Dataset,
    layers: Sequence[str],
    kappa_ratios: Sequence[float],
    learning_rates: Sequence[float],
    iterations: int,
    gap: float,
) -> xr.Dataset:
    """Interactions of some layers with every kappa, by the certified extraction and by the laboratory's procedure.

    Args:
        game: ``values`` (layer, sample, coalition) in log-odds.
        layers: names of its layers.
        kappa_ratios: kappa over |v(x_N) - v(x_empty)|; the paper's 0.04, 0.03 and 0.05 must be among them.
        learning_rates, iterations: of the laboratory's procedure; of the rates each sample has the best.
        gap: of `lkutils.extraction.extract_interactions`.

    Returns:
        ``interactions`` (procedure, kappa, kind, layer, sample, coalition), ``again`` (procedure, kind, layer, sample,
        coalition), the second solution with 0.04, both in log-odds and 0 for the empty coalition; ``objective``
        (procedure, kappa, layer, sample) and ``objective_again`` (procedure, layer, sample), sums of strengths in
        log-odds; ``lower_bound`` (layer, sample), of the sum with 0.04.

    Raises:
        ValueError: one of the paper's three ratios is missing, a layer is unknown; before anything is extracted.
    """
    missing = [ratio for ratio in (KAPPA_RATIO, *NEIGHBOURS) if ratio not in kappa_ratios]
    if missing:
        raise ValueError(f"kappa_ratios={list(kappa_ratios)} lack {missing[0]}, which Fig. 11 is about")
    unknown = [layer for layer in layers if layer not in game["layer"].values]
    if unknown or not layers:
        known = ", ".join(map(str, game["layer"].values))
        raise ValueError(f"layers={list(layers)}: expected are some of {known}")
    settings = sorted(map(float, kappa_ratios)), list(map(float, learning_rates)), int(iterations), float(gap)
    found = [
        kept(game["values"].sel(layer=layer, drop=True), *settings)
        for layer in progress(list(layers), "several kappa, a layer a step")
    ]
    return xr.concat(found, xr.IndexVariable("layer", list(layers))).transpose(
        ..., "kind", "layer", "sample", "coalition", missing_dims="ignore"
    )


def kept(
    values: xr.DataArray, kappa_ratios: list[float], learning_rates: list[float], iterations: int, gap: float
) -> xr.Dataset:
    """The decompositions of one layer (sample, coalition), found once and then read from their file."""
    key = checksum(values.values, repr((kappa_ratios, learning_rates, iterations, gap)), KEPT)
    places = [folder / f"{key[:32]}.nc" for folder in FOLDERS]
    stored = found_or_made(places, lambda: found_anew(values, kappa_ratios, learning_rates, iterations, gap))
    return stored.assign({name: stored[name] * UNIT for name in ("interactions", "again")})


def found_anew(
    values: xr.DataArray, kappa_ratios: list[float], learning_rates: list[float], iterations: int, gap: float
) -> xr.Dataset:
    """The decompositions of one layer, interactions as multiples of `UNIT`."""
    v = torch.from_numpy(values.values).double()
    exact = [with_axes(extract_interactions(v, ratio, gap=gap), values) for ratio in kappa_ratios]
    exact_again = with_axes(extract_interactions(v, gap=gap, start=0), values)
    lab = [best_descent(values, learning_rates, iterations, ratio) for ratio in kappa_ratios]
    lab_again = best_descent(jittered(values), learning_rates, iterations, KAPPA_RATIO)
    bound = exact[kappa_ratios.index(KAPPA_RATIO)]["lower_bound"]
    names = xr.IndexVariable("procedure", list(PROCEDURES))
    found = xr.concat([over(exact, kappa_ratios), over(lab, kappa_ratios)], names)
    again = xr.concat([part[["interactions", "objective"]] for part in (exact_again, lab_again)], names)
    return xr.Dataset(
        {
            "interactions": in_units(found["interactions"]),
            "again": in_units(again["interactions"]),
            "objective": found["objective"],
            "objective_again": again["objective"],
            "lower_bound": bound,
        }
    )


def best_descent(values: xr.DataArray, learning_rates: list[float], iterations: int, kappa_ratio: float) -> xr.Dataset:
    """What the laboratory's procedure finds with the best rate of each sample."""
    found = descents(values, learning_rates, [iterations], kappa_ratio)
    return found.drop_vars("best").sel(setting=BEST, drop=True)


def jittered(values: xr.DataArray, seed: int = 0) -> xr.DataArray:
    """Values changed at random by at most `JITTER` of kappa, but for those of nobody and of everybody.

    Example:
        >>> changed = jittered(xr.DataArray([[0.0, 2.0, 3.0, 10.0]], dims=("sample", "coalition")))
        >>> changes = abs(changed.values - [[0.0, 2.0, 3.0, 10.0]])
        >>> bool(changes.max() <= 0.001 * 0.4), changes[0, [0, 3]].tolist()
        (True, [0.0, 0.0])
    """
    v = values.astype(float)
    kappa = KAPPA_RATIO * abs(v.isel(coalition=-1, drop=True) - v.isel(coalition=0, drop=True))
    noise = np.random.default_rng(seed).uniform(-JITTER, JITTER, v.shape)
    noise[:, [0, -1]] = 0
    return v + kappa * v.copy(data=noise)


def over(parts: list[xr.Dataset], ratios: list[float]) -> xr.Dataset:
    """Solutions with several kappa in one."""
    return xr.concat([part[["interactions", "objective"]] for part in parts], xr.IndexVariable("kappa", ratios))


def in_units(interactions: xr.DataArray) -> xr.DataArray:
    """Whole multiples of `UNIT`, 0 for the empty coalition, which is no interaction.

    Example:
        >>> in_units(xr.DataArray([7.0, 1.0, -0.5, 0.0001], dims="coalition")).values
        array([   0., 1024., -512.,    0.], dtype=float32)
    """
    there = interactions.transpose(..., "coalition")
    multiples = (there / UNIT).round() + 0.0
    multiples[..., 0] = 0.0
    return multiples.astype("float32")
