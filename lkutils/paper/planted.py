"""Games made of a few known interactions, and how many of these an extraction finds."""

from __future__ import annotations

import itertools

import numpy as np
import torch
import xarray as xr

from lkutils import metrics
from lkutils.mobius import values_from_interactions

HIGHEST_ORDER = 6  # of a planted term


def planted_games(
    n: int,
    count: int,
    and_terms: int = 30,
    or_terms: int = 10,
    deviation: float = 1.5,
    noise: float = 0.02,
    seed: int = 0,
) -> xr.Dataset:
    """Games made of a few interactions that are known, and white noise.

    Every term has an order drawn evenly from 1 (AND) or 2 (OR) to 6, players drawn evenly, and a normal coefficient.

    Args:
        n: number of players, at least 6.
        count: number of games.
        and_terms, or_terms: number of different interactions of each game.
        deviation: standard deviation of their coefficients, in log-odds.
        noise: standard deviation of what is added to every value, in log-odds.
        seed: of all draws.

    Returns:
        ``interactions`` (kind, sample, coalition) and ``values`` (sample, coalition).

    Raises:
        ValueError: fewer players than a term may have.

    Example:
        >>> (planted_games(8, 3)["interactions"] != 0).sum(["kind", "coalition"]).values
        array([40, 40, 40])
    """
    if n < HIGHEST_ORDER:
        raise ValueError(f"n={n} players are too few: planted interactions have up to {HIGHEST_ORDER}")
    rng = np.random.default_rng([seed, n])
    terms = np.zeros((2, count, 2**n))
    for (table, wanted, lowest), sample in itertools.product(
        zip(terms, (and_terms, or_terms), (1, 2), strict=True), range(count)
    ):
        coalitions = set()
        while len(coalitions) < wanted:
            order = rng.integers(lowest, HIGHEST_ORDER + 1)
            coalitions.add(int((1 << rng.choice(n, order, replace=False)).sum()))
        table[sample, sorted(coalitions)] = rng.normal(0, deviation, wanted)
    values = values_from_interactions(*torch.from_numpy(terms)).numpy()
    return xr.Dataset(
        {
            "interactions": (("kind", "sample", "coalition"), terms, {"units": "log-odds"}),
            "values": (
                ("sample", "coalition"),
                values + rng.normal(0, noise, values.shape),
                {"units": "log-odds"},
            ),
        },
        coords={"kind": ["and", "or"], "sample": np.arange(count), "coalition": np.arange(2**n)},
    )


def recovery(found: xr.DataArray, planted: xr.DataArray, tau_ratio: float = metrics.TAU_RATIO) -> xr.Dataset:
    """How many of the planted interactions are among the salient ones of a decomposition.

    Both sets are those above tau of each game (footnote 7), so a planted term too weak to be salient counts in neither.

    Returns:
        ``salient`` and ``planted`` (how many), ``recall`` (share of the planted that are found) and ``iou``
        (intersection over union of the two sets), with the axes of both arguments but ``kind`` and ``coalition``.

    Example:
        >>> planted = planted_games(6, 3)["interactions"]
        >>> recovery(planted, planted)["iou"].values
        array([1., 1., 1.])
    """
    axes = ["kind", "coalition"]
    ours, theirs = (
        metrics.salient(part, metrics.salience_threshold(part, tau_ratio, per_sample=True)) for part in (found, planted)
    )
    both = (ours & theirs).sum(axes)
    return xr.Dataset(
        {
            "salient": ours.sum(axes),
            "planted": theirs.sum(axes),
            "recall": both / theirs.sum(axes),
            "iou": both / (ours | theirs).sum(axes),
        }
    )
