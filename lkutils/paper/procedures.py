"""The same games decomposed in several ways: the certified extraction, the laboratory's procedure, the simplex method.

Every way of decomposing is one entry of the axis ``setting``: "exact" for the certified extraction, and one name for
each learning rate and number of iterations of the laboratory's procedure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr
from scipy.optimize import linprog

from lkutils.extraction import KAPPA_RATIO, Interactions, extract_sgd
from lkutils.mobius import coalition_sizes


def labelled(found: Interactions, values: xr.DataArray) -> xr.Dataset:
    """A decomposition of values (sample, coalition) as ``interactions`` and ``objective``, as games have them."""
    both = torch.stack([found.and_, found.or_]).numpy()
    return xr.Dataset(
        {"interactions": (("kind", "sample", "coalition"), both), "objective": ("sample", found.objective.numpy())},
        coords={"kind": ["and", "or"], "sample": values["sample"], "coalition": values["coalition"]},
    )


def descents(
    values: xr.DataArray, learning_rates: Sequence[float], iterations: Sequence[int], kappa_ratio: float = KAPPA_RATIO
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


def corner(values: xr.DataArray, kappa_ratio: float = KAPPA_RATIO) -> xr.Dataset:
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
