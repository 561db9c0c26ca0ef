"""The sparsest AND-OR interactions of a game, with a certificate: the linear programme of Sec. 3.2.2.

    minimise    sum over S != empty of |I_and(S)| + |I_or(S)|
    subject to  v(x_T) - delta_T = v_and(x_T) + v_or(x_T)   and   |delta_T| <= kappa   for every coalition T.

With a(S) = I_and(S) and c(S) = -I_or(N without S) the constraint reads  v = Z a + Z'c + delta,  where (Z a)(T) is the
sum of a over the subsets of T and (Z'c)(T) the sum of c over its supersets. Constants are gathered in I_and(empty),
which costs nothing, and delta_empty = 0 (Theorem 3.3). A first-order OR is a first-order AND (App. M.4). `solver`
finds a solution together with a bound that no decomposition can beat.
"""

import math
import warnings
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float64, Shaped
from torch import Tensor

from lkutils.devices import free_memory
from lkutils.mobius import (
    LARGEST,
    and_interactions,
    coalition_sizes,
    or_interactions,
    player_count,
    subset_sums,
    superset_sums,
    values_from_interactions,
)
from lkutils.progress import progress
from lkutils.solver import TINY, bytes_needed, sparsest

KAPPA_RATIO = 0.04  # Sec. 3.2.2: kappa over |v(x_N) - v(x_empty)|
GAP = 0.005  # certified distance from the optimum that is good enough by default
SMALLEST_GAP = 1e-11  # objective and bound are sums of up to 2^n rounded numbers, so float64 tells no smaller gap


class Interactions(NamedTuple):
    """A decomposition of values v: v - delta == values_from_interactions(and_, or_)."""

    and_: Float64[Tensor, "*batch coalition"]  # I_and in log-odds; entry 0 is v(x_empty) - delta_empty
    or_: Float64[Tensor, "*batch coalition"]  # I_or in log-odds; entry 0 and first order are 0
    gamma: Float64[Tensor, "*batch coalition"]  # v_and = (v - delta) / 2 + gamma
    delta: Float64[Tensor, "*batch coalition"]  # |delta| <= kappa
    objective: Float64[Tensor, "*batch"]  # sum over S != empty of |I_and(S)| + |I_or(S)|
    lower_bound: Float64[Tensor, "*batch"]  # no decomposition has a smaller objective than this
    gap: Float64[Tensor, "*batch"]  # (objective - lower_bound) / objective


@torch.no_grad()
def extract_interactions(
    values: Shaped[Tensor, "*batch coalition"] | Shaped[np.ndarray, "*batch coalition"],
    kappa_ratio: float = KAPPA_RATIO,
    method: str = "exact",
    gap: float = GAP,
    margin: float = 0.0,
    start: int | None = None,
) -> Interactions:
    """Sparsest AND-OR interactions of each game in a batch (Sec. 3.2.2).

    Args:
        values: v(x_T) in log-odds; the last axis has length 2^n. Real numbers of any type; computed with in float64.
        kappa_ratio: kappa / |v(x_N) - v(x_empty)|, how much of v may be left unexplained as noise.
        method: "exact" solves the linear programme to a certified gap, "sgd" is `extract_sgd`.
        gap: largest relative gap (objective - lower_bound) / objective to stop at. Ignored by "sgd".
        margin: share of kappa that delta leaves free, for those who round the result; small against the gap, because
            the bound holds for kappa itself.
        start: seed of a random point to start from, for another of several solutions that are equally sparse; None
            starts from nothing. Ignored by "sgd".

    Raises:
        TypeError: values that are no table of real numbers.
        ValueError: values that are not finite, too large or small, or not 2^n long; kappa_ratio or margin outside
            [0, 1); a gap that is not below 1 or that float64 cannot tell; an unknown method.
        MemoryError: too many players for this machine; says how much memory they need.

    Warns:
        RuntimeWarning: problems that did not reach the gap.

    Example:
        >>> found = extract_interactions(torch.tensor([1.0, 4.0, 4.0, 4.0]), kappa_ratio=0.0, gap=1e-6)
        >>> round(found.or_[3].item(), 4), round(found.lower_bound.item(), 4)  # an OR of 3, and nothing is sparser
        (3.0, 3.0)
    """
    if method not in ("exact", "sgd"):
        raise ValueError(f"Unknown method {method!r}: use 'exact' or 'sgd'.")
    if not 0 < gap < 1:
        raise ValueError(f"gap must be between 0 and 1, not {gap}.")
    if gap < SMALLEST_GAP:
        raise ValueError(f"gap={gap:g} is less than float64 can certify: take {SMALLEST_GAP:g} or more.")
    if not 0 <= margin < 1:
        raise ValueError(f"margin must be at least 0 and below 1, not {margin}.")
    if method == "sgd":
        return extract_sgd(values, kappa_ratio * (1 - margin))
    values, kappa = _checked(values, kappa_ratio)
    batch, v = values.shape[:-1], values.reshape(-1, values.shape[-1])
    _check_memory(v)
    a, c, lower_bound = sparsest(v, kappa.flatten(), gap, margin, start)
    a[:, 0] = v[:, 0]
    found = _interactions(v, a, -c.flip(-1), lower_bound)
    late = int((found.gap > gap * (1 + 1e-6)).sum())
    if late:
        warnings.warn(
            f"{late} of {len(v)} problems did not reach the gap of {gap:g}; their largest is {found.gap.max():.2g}.",
            RuntimeWarning,
            stacklevel=2,
        )
    return Interactions(*(part.reshape(batch + part.shape[1:]) for part in found))


@torch.no_grad()
def extract_sgd(
    values: Shaped[Tensor, "*batch coalition"] | Shaped[np.ndarray, "*batch coalition"],
    kappa_ratio: float = KAPPA_RATIO,
    lr: float = 1e-5,
    iterations: int = 10_000,
) -> Interactions:
    """What the laboratory's procedure finds: subgradient descent on gamma and delta, both started at 0.

    Momentum 0.9, a learning rate that falls tenfold over the run, delta clamped at the start of each iteration, the
    last iterate as the result. It certifies nothing, so `lower_bound` is 0 and `gap` 1.

    Args:
        values: v(x_T) in log-odds; the last axis has length 2^n.
        kappa_ratio: kappa / |v(x_N) - v(x_empty)|.
        lr: learning rate of the first iteration, in log-odds.
        iterations: number of iterates, the start included.

    Raises:
        TypeError, ValueError: as `extract_interactions`; a rate that is not above 0, fewer than one iterate.

    Example:
        >>> v = torch.tensor([1.0, 6.0, 6.0, 8.0])
        >>> [round(extract_sgd(v, lr=1e-2, iterations=count).objective.item(), 2) for count in (1, 300)]
        [10.0, 6.44]
    """
    if not 0 < lr < math.inf or iterations < 1:
        raise ValueError(f"lr={lr} must be above 0 and iterations={iterations} at least 1.")
    v, kappa = _checked(values, kappa_ratio)
    kappa = kappa[..., None]
    gamma, delta = torch.zeros_like(v), torch.zeros_like(v)
    step_gamma, step_delta = torch.zeros_like(v), torch.zeros_like(v)
    rates = torch.logspace(0, -1, iterations, dtype=torch.float64) * lr
    for rate in progress(rates[:-1].tolist(), "descending"):
        half = (v - v[..., :1] - delta) / 2  # the laboratory measures v from v(x_empty)
        slope_and = superset_sums(and_interactions(half + gamma).sign(), -1)
        signs = or_interactions(half - gamma).sign()
        empty, signs[..., 0] = signs[..., 0].clone(), 0
        slope_or = -subset_sums(signs.flip(-1), -1)
        slope_or[..., 0] += empty
        step_gamma.mul_(0.9).add_(slope_and - slope_or)
        step_delta.mul_(0.9).sub_(slope_and + slope_or, alpha=0.5)
        gamma.sub_(step_gamma, alpha=rate)
        delta.sub_(step_delta, alpha=rate).clamp_(-kappa, kappa)
    half = (v - delta) / 2
    and_, or_ = and_interactions(half + gamma), or_interactions(half - gamma)
    merged = or_ * (coalition_sizes(player_count(v), v.device) <= 1)
    return _interactions(v, and_ + merged, or_ - merged, torch.zeros_like(kappa[..., 0]))


def _checked(values: Tensor | np.ndarray, kappa_ratio: float) -> tuple[Tensor, Tensor]:
    """The values in float64 and kappa of every game, after all checks."""
    if not isinstance(values, Tensor | np.ndarray):
        raise TypeError(f"values must be a tensor or an array, not {type(values).__name__}.")
    values = torch.from_numpy(np.array(values, order="C")) if isinstance(values, np.ndarray) else values.detach()
    if values.is_complex():
        raise TypeError(f"values are {values.dtype}, but log-odds are real numbers.")
    player_count(values)
    if not 0 <= kappa_ratio < 1:
        raise ValueError(f"kappa_ratio must be at least 0 and below 1, not {kappa_ratio}.")
    v = values.to(torch.float64)
    bad = ~torch.isfinite(v)
    if bad.any():
        raise ValueError(
            f"{int(bad.sum())} of {v.numel()} values are NaN or infinite, the first at {bad.nonzero()[0].tolist()}: "
            "score those coalitions again."
        )
    ranges = v.amax(-1) - v.amin(-1)
    extreme = (v.abs().amax(-1) > LARGEST) | ((ranges > 0) & (ranges < 1 / LARGEST))
    if extreme.any():
        raise ValueError(
            f"values have a range of {ranges[extreme][0]:.1g}, whose sums float64 cannot hold: give them in other "
            f"units, such that it is between {1 / LARGEST:g} and {LARGEST:g}."
        )
    return v, kappa_ratio * (v[..., -1] - v[..., 0]).abs()


def _check_memory(v: Tensor) -> None:
    n = player_count(v)
    needed, free = bytes_needed(n, len(v), v.device), free_memory(v.device)
    if needed > free:
        raise MemoryError(
            f"{len(v)} problems of {n} players need {needed / 2**30:.3g} GiB of memory, but {free / 2**30:.3g} GiB are "
            "free: extract fewer at a time, or take fewer players."
        )


def _interactions(v: Tensor, and_: Tensor, or_: Tensor, lower_bound: Tensor) -> Interactions:
    """Everything that follows from the AND and OR interactions."""
    v_and = values_from_interactions(and_, torch.zeros_like(or_))
    v_or = values_from_interactions(torch.zeros_like(and_), or_)
    objective = and_[..., 1:].abs().sum(-1) + or_.abs().sum(-1)
    lower_bound = torch.minimum(lower_bound, objective)  # at the optimum they may differ by rounding
    gap = (objective - lower_bound) / objective.clamp(min=TINY)
    return Interactions(and_, or_, (v_and - v_or) / 2, v - v_and - v_or, objective, lower_bound, gap)
