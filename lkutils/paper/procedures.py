"""The same games decomposed in several ways: the certified extraction, the laboratory's procedure, the simplex method.

Every way of decomposing is one entry of the axis ``setting``: "exact" for the certified extraction, one name for each
learning rate and number of iterations of the laboratory's procedure, and `BEST` for the best of these. Descent takes
minutes, so what it found is kept, one file for each call; what the chapters show is shipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xarray as xr
from scipy.optimize import linprog

from lkutils import metrics
from lkutils.extraction import GAP, KAPPA_RATIO, Interactions, extract_interactions, extract_sgd
from lkutils.games import Label
from lkutils.mobius import coalition_sizes
from lkutils.paper.planted import recovery
from lkutils.paper.shipped import CACHES
from lkutils.storage import checksum, found_or_made

BEST = "SGD, best of grid"
DESCENT = "momentum 0.9, rate down to a tenth, last iterate"  # what is kept; other words make old files invalid

# The chapter's parameters under each profile, where its reader gives none. An empty list of games means all there are.
PROFILES = {
    "paper": {
        "games": ["mnist/mlp7", "cifar10/mlp7", "sst2/distilbert"],
        "players": [8, 10],
        "planted": 10,
        "learning_rates": [1e-6, 1e-5, 3e-5, 1e-4],
        "iterations": [10_000],
        "sgd_samples": 10,
    },
    "smoke": {
        "games": [],
        "players": [6],
        "planted": 3,
        "learning_rates": [1e-5, 1e-4],
        "iterations": [100],
        "sgd_samples": 3,
    },
}


def with_axes(found: Interactions, values: xr.DataArray) -> xr.Dataset:
    """A decomposition of values (sample, coalition) as ``interactions``, ``objective`` and ``lower_bound``.

    Example:
        >>> values = xr.DataArray([[1.0, 4.0, 4.0, 4.0]], dims=("sample", "coalition"))
        >>> with_axes(extract_interactions(values.values, 0.0), values)["objective"].values.round(1)
        array([3.])
    """
    both = torch.stack([found.and_, found.or_]).numpy()
    return xr.Dataset(
        {
            "interactions": (("kind", "sample", "coalition"), both),
            "objective": ("sample", found.objective.numpy()),
            "lower_bound": ("sample", found.lower_bound.numpy()),
        },
        coords={"kind": ["and", "or"]} | {axis: values[axis].values for axis in ("sample", "coalition")},
    )


def setting_name(learning_rate: float, iterations: int) -> str:
    """Name of a setting of the laboratory's procedure.

    Example:
        >>> setting_name(1e-5, 10_000)
        'SGD 1e-05, 10,000'
    """
    return f"SGD {learning_rate:.0e}, {iterations:,}"


def descents(
    values: xr.DataArray, learning_rates: Sequence[float], iterations: Sequence[int], kappa_ratio: float = KAPPA_RATIO
) -> xr.Dataset:
    """What the laboratory's procedure finds with every learning rate and number of iterations, and the best of these.

    A step has the same length however large v is, so the best rate depends on the game: for each sample the setting
    with the smallest sum of strengths stands under `BEST`.

    Args:
        values: v(x_T) in log-odds (sample, coalition).
        learning_rates, iterations, kappa_ratio: of `lkutils.extraction.extract_sgd`.

    Returns:
        ``interactions`` (setting, kind, sample, coalition), in float32, and ``objective`` (setting, sample), in
        log-odds; with the setting that is best for each sample as ``best`` (sample).

    Example:
        >>> values = xr.DataArray([[0.0, 1.0, 1.0, 5.0]], dims=("sample", "coalition"))
        >>> descents(values, [1e-4], [10, 20])["setting"].values.tolist()
        ['SGD 1e-04, 10', 'SGD 1e-04, 20', 'SGD, best of grid']
    """
    key = checksum(values.values, repr(([*learning_rates], [*iterations], kappa_ratio)), DESCENT)
    places = [folder / "descents" / f"{key[:32]}.nc" for folder in CACHES]
    found = found_or_made(places, lambda: descended(values, learning_rates, iterations, kappa_ratio))
    found = found.assign_coords({axis: values[axis].values for axis in ("sample", "coalition")})
    place = found["objective"].argmin("setting")
    best = found.isel(setting=place).drop_vars("setting").expand_dims(setting=[BEST])
    return xr.concat([found, best], "setting").assign(best=("sample", found["setting"].values[place]))


def descended(
    values: xr.DataArray, learning_rates: Sequence[float], iterations: Sequence[int], kappa_ratio: float
) -> xr.Dataset:
    """What the laboratory's procedure finds with every learning rate and number of iterations, computed now."""
    v = torch.from_numpy(values.values).double()
    settings = {setting_name(rate, count): (rate, count) for count in iterations for rate in learning_rates}
    found = [with_axes(extract_sgd(v, kappa_ratio, rate, count), values) for rate, count in settings.values()]
    found = xr.concat([part.drop_vars("lower_bound") for part in found], xr.IndexVariable("setting", list(settings)))
    return found.assign(interactions=found["interactions"].astype("float32"))


def beside_exact(exact: xr.Dataset, descended: xr.Dataset) -> xr.Dataset:
    """Both in one, on the samples of the second; the setting "exact" comes first.

    Returns:
        ``interactions``, ``objective``, ``excess`` (the objective over the exact one) and ``gap`` (how far above the
        lower bound the objective is, relatively) with the axis ``setting``; ``lower_bound`` and ``best`` (sample).
    """
    chosen = exact[["interactions", "objective", "lower_bound"]].reset_coords(drop=True).sel(sample=descended["sample"])
    first = chosen.drop_vars("lower_bound").expand_dims(setting=["exact"])
    both = xr.concat([first, descended.drop_vars("best")], "setting")
    return both.assign(
        best=descended["best"],
        lower_bound=chosen["lower_bound"],
        excess=both["objective"] / chosen["objective"],
        gap=1 - chosen["lower_bound"] / both["objective"],
    )


def decompose_planted(
    games: Mapping[int, xr.Dataset],
    learning_rates: Sequence[float],
    iterations: Sequence[int],
    tau_ratio: float = metrics.TAU_RATIO,
    kappa_ratio: float = KAPPA_RATIO,
    gap: float = GAP,
) -> dict[Label, xr.Dataset]:
    """Games with known interactions by every procedure, and which of these interactions it finds.

    Args:
        games: `lkutils.paper.planted.planted_games` by number of players.
        learning_rates, iterations: of the descents.
        tau_ratio: of `lkutils.paper.planted.recovery`.
        kappa_ratio, gap: of `lkutils.extraction.extract_interactions`.

    Returns:
        `beside_exact` and `recovery` in one, for every number of players.
    """
    found = {}
    for n, game in games.items():
        exact = with_axes(extract_interactions(game["values"].values, kappa_ratio, gap=gap), game["values"])
        both = beside_exact(exact, descents(game["values"], learning_rates, iterations, kappa_ratio))
        found[Label("planted games", f"n = {n}")] = both.merge(
            recovery(both["interactions"], game["interactions"], tau_ratio)
        )
    return found


def decompose_outputs(
    values: Mapping[Label, xr.DataArray],
    exact: Mapping[Label, xr.Dataset],
    learning_rates: Sequence[float],
    iterations: Sequence[int],
    kappa_ratio: float = KAPPA_RATIO,
) -> dict[Label, xr.Dataset]:
    """`beside_exact` for outputs of networks; those of as many players descend side by side, which is faster.

    Args:
        values: v(x_T) of the samples to descend on, in log-odds (sample, coalition).
        exact: of every game ``interactions``, ``objective`` and ``lower_bound``, of these samples at least.
        learning_rates, iterations, kappa_ratio: of the descents.
    """
    found = {}
    for size in {part.sizes["coalition"] for part in values.values()}:
        together = {label: part for label, part in values.items() if part.sizes["coalition"] == size}
        stacked = xr.concat(
            [part.reset_coords(drop=True) for part in together.values()], "sample", coords="minimal", compat="override"
        )
        below = descents(stacked, learning_rates, iterations, kappa_ratio)
        ends = np.cumsum([part.sizes["sample"] for part in together.values()])
        for (label, part), end in zip(together.items(), ends, strict=True):
            own = below.isel(sample=slice(end - part.sizes["sample"], end))
            found[label] = beside_exact(exact[label], own)
    return {label: found[label] for label in values}


def uniqueness(
    values: Mapping[str, xr.DataArray],
    tau_ratio: float = metrics.TAU_RATIO,
    kappa_ratio: float = KAPPA_RATIO,
    gap: float = GAP,
) -> list[list[str]]:
    """Our solution beside that of the simplex method, a row for each game.

    Args:
        values: of small games, by name, v(x_T) in log-odds (sample, coalition).
        tau_ratio: of `lkutils.paper.planted.recovery`.
        kappa_ratio, gap: of `lkutils.extraction.extract_interactions`.

    Returns:
        Name; largest ratio of our sum of strengths to that of simplex; mean numbers of salient interactions, ours and
        simplex'; mean intersection over union of the two sets.
    """
    rows = []
    for name, part in values.items():
        ours = with_axes(extract_interactions(part.values, kappa_ratio, gap=gap), part)
        theirs = simplex_vertex(part, kappa_ratio)
        same = recovery(ours["interactions"], theirs["interactions"], tau_ratio).mean("sample")
        ratio = (ours["objective"] / theirs["objective"]).max().item()
        rows.append([name, f"{ratio:.4f}", f"{same.salient:.1f}", f"{same.planted:.1f}", f"{same.iou:.2f}"])
    return rows


def dual_prices(values: np.ndarray, kappa: float) -> np.ndarray:
    """The y_T with the largest bound v'y - kappa |y|_1 of all that sum to 0 and respect the limits of 1.

    From the words of the chapter, by a solver that has nothing to do with ours; for small games.

    Args:
        values: v(x_T) in log-odds (coalition).
        kappa: largest noise, in log-odds; none at the empty coalition.

    Example:
        >>> values = np.array([1.0, 6.0, 6.0, 8.0])
        >>> round(float(values @ dual_prices(values, 0.0)), 6)
        7.0
    """
    size = len(values)
    S, T = np.indices((size, size))[:, 1:]
    price = np.where(np.arange(size) > 0, kappa, 0.0)
    sums = np.vstack([(S & ~T) == 0, (S & T) != 0]).astype(float)  # over the T that contain S, and that meet S
    solved = linprog(  # y is the difference of two parts that are not negative
        c=np.concatenate([price - values, price + values]),
        A_ub=np.block([[sums, -sums], [-sums, sums]]),
        b_ub=np.ones(4 * (size - 1)),
        A_eq=np.concatenate([np.ones(size), -np.ones(size)])[None],
        b_eq=[0.0],
    )
    return solved.x[:size] - solved.x[size:]


def with_others_present(values: xr.DataArray, n: int) -> xr.DataArray:
    """The game of the first n players, in which all others are always present.

    Args:
        values: v(x_T) of a game of n players or more (..., coalition).
        n: how many players are left.

    Example:
        >>> with_others_present(xr.DataArray([0.0, 1.0, 2.0, 5.0], dims="coalition"), 1).values
        array([2., 5.])
    """
    last = values.isel(coalition=slice(-(2**n), None))
    return last.assign_coords(coalition=np.arange(last.sizes["coalition"]))


def simplex_vertex(values: xr.DataArray, kappa_ratio: float = KAPPA_RATIO) -> xr.Dataset:
    """Sparsest interactions by the simplex method, which ends at a vertex of all solutions that are equally sparse.

    Dense matrices and SciPy's solver: an independent check for small games.

    Args:
        values: v(x_T) in log-odds (sample, coalition).
        kappa_ratio: as in `lkutils.extraction.extract_interactions`.

    Returns:
        ``interactions`` (kind, sample, coalition) and ``objective`` (sample), in log-odds.

    Example:
        >>> values = xr.DataArray([[1.0, 6.0, 6.0, 8.0]], dims=("sample", "coalition"))
        >>> simplex_vertex(values, 0.0)["objective"].values
        array([7.])
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
