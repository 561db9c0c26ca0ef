"""The same games decomposed in several ways: games whose interactions are known, and the laboratory's procedure.

Every way of decomposing is one entry of the axis ``setting``: "exact" for the certified extraction, and one name for
each learning rate and number of iterations of the laboratory's procedure.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr
from scipy.optimize import linprog

from lkutils import metrics
from lkutils.extraction import Interactions, extract_sgd
from lkutils.mobius import coalition_sizes, values_from_interactions

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
        >>> (planted_games(8, 3).interactions != 0).sum(["kind", "coalition"]).values
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


def labelled(found: Interactions, values: xr.DataArray) -> xr.Dataset:
    """A decomposition of values (sample, coalition) as ``interactions`` and ``objective``, as games have them."""
    both = torch.stack([found.and_, found.or_]).numpy()
    return xr.Dataset(
        {"interactions": (("kind", "sample", "coalition"), both), "objective": ("sample", found.objective.numpy())},
        coords={"kind": ["and", "or"], "sample": values["sample"], "coalition": values["coalition"]},
    )


def descents(
    values: xr.DataArray, learning_rates: Sequence[float], iterations: Sequence[int], kappa_ratio: float = 0.04
) -> xr.Dataset:
    """What the laboratory's procedure finds with every learning rate and number of iterations.

    Args:
        values: v(x_T) in log-odds (sample, coalition).
        learning_rates, iterations, kappa_ratio: of `lkutils.extraction.extract_sgd`.

    Returns:
        ``interactions`` (setting, kind, sample, coalition) and ``objective`` (setting, sample), in log-odds.

    Example:
        >>> descents(planted_games(8, 3)["values"], [1e-4], [10, 20])["setting"].values
        array(['SGD 1e-04, 10', 'SGD 1e-04, 20'], dtype='<U13')
    """
    v = torch.from_numpy(values.values).double()
    settings = {name_of(rate, count): (rate, count) for count in iterations for rate in learning_rates}
    found = [labelled(extract_sgd(v, kappa_ratio, rate, count), values) for rate, count in settings.values()]
    return xr.concat(found, xr.IndexVariable("setting", list(settings)))


def name_of(learning_rate: float, iterations: int) -> str:
    """Name of a setting of the laboratory's procedure.

    Example:
        >>> name_of(1e-5, 10_000)
        'SGD 1e-05, 10,000'
    """
    return f"SGD {learning_rate:.0e}, {iterations:,}"


def beside_exact(exact: xr.Dataset, descended: xr.Dataset) -> xr.Dataset:
    """Both in one, on the samples of the second; the setting "exact" comes first."""
    chosen = exact[["interactions", "objective"]].sel(sample=descended["sample"])
    return xr.concat([chosen.expand_dims(setting=["exact"]), descended], "setting", coords="minimal", compat="override")


def recovery(found: xr.DataArray, planted: xr.DataArray, tau_ratio: float = metrics.TAU_RATIO) -> xr.Dataset:
    """How many of the planted interactions are among the salient ones of a decomposition.

    Both sets are those above tau of each game (footnote 7), so a planted term too weak to be salient counts in neither.

    Returns:
        ``salient`` and ``planted`` (how many), ``recall`` (share of the planted that are found) and ``iou``
        (intersection over union of the two sets), with the axes of both arguments but ``kind`` and ``coalition``.

    Example:
        >>> recovery(planted, planted).iou.values
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


def corner(values: xr.DataArray, kappa_ratio: float = 0.04) -> xr.Dataset:
    """Sparsest interactions by the simplex method, which ends at a corner of all solutions that are equally sparse.

    Dense matrices and SciPy's solver: an independent check for small games.

    Args:
        values: v(x_T) in log-odds (sample, coalition).
        kappa_ratio: as in `lkutils.extraction.extract_interactions`.

    Returns:
        ``interactions`` (kind, sample, coalition) and ``objective`` (sample), in log-odds.
    """
    size = values.sizes["coalition"]
    T, S = np.indices((size, size))
    sizes = coalition_sizes(size.bit_length() - 1).numpy()
    columns = np.hstack([(S & ~T) == 0, ((S & T) != 0)[:, sizes > 1]]).astype(float)  # first-order OR is AND (App. M.4)
    width = columns.shape[1]
    price = np.r_[0.0, np.ones(width - 1), 0.0, np.ones(width - 1), np.zeros(size)]
    interactions, objective = np.zeros((2, values.sizes["sample"], size)), []
    for k, v in enumerate(values.values.astype(float)):
        kappa = kappa_ratio * abs(v[-1] - v[0])
        bounds = [(0, None)] * (2 * width) + [(0, 0)] + [(-kappa, kappa)] * (size - 1)
        equations = np.hstack([columns, -columns, np.eye(size)])
        solved = linprog(price, A_eq=equations, b_eq=v, bounds=bounds, method="highs-ds")
        both = solved.x[:width] - solved.x[width : 2 * width]
        interactions[0, k], interactions[1, k, sizes > 1] = both[:size], both[size:]
        objective.append(solved.fun)
    return xr.Dataset(
        {"interactions": (("kind", "sample", "coalition"), interactions), "objective": ("sample", objective)},
        coords={"kind": ["and", "or"], "sample": values["sample"], "coalition": values["coalition"]},
    )
