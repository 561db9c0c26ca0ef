"""The sparsest AND-OR interactions of a game, with a certificate: the linear programme of Sec. 3.2.2.

    minimise    sum over S != empty of |I_and(S)| + |I_or(S)|
    subject to  v(x_T) - delta_T = v_and(x_T) + v_or(x_T)   and   |delta_T| <= kappa   for every coalition T.

With a = I_and, and c(S) = I_or(N without S), the constraint reads  v = Z a - Z'c + delta,  where (Z a)(T) is the sum
of a over the subsets of T and (Z'c)(T) the sum of c over its supersets. The constants are gathered in a(empty),
which is free, and delta_empty = 0 (Theorem 3.3). A first-order OR is a first-order AND (App. M.4), so c has none.

Certificate: for any y with sum(y) = 0, |Z'y| <= 1 and |Z y| <= 1, the number  v'y - kappa |y|_1  is a lower bound.
"""

import math
import warnings
from typing import NamedTuple

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from tqdm.auto import tqdm

from lkutils.mobius import (
    and_interactions,
    coalition_sizes,
    or_interactions,
    player_count,
    subset_sums,
    superset_sums,
    values_from_interactions,
)


class Interactions(NamedTuple):
    """A decomposition of values v: v - delta == values_from_interactions(and_, or_)."""

    and_: Float64[Tensor, "*batch coalition"]  # I_and in log-odds; entry 0 is v(x_empty) - delta_empty
    or_: Float64[Tensor, "*batch coalition"]  # I_or in log-odds; entry 0 and first order are 0
    gamma: Float64[Tensor, "*batch coalition"]  # v_and = (v - delta) / 2 + gamma
    delta: Float64[Tensor, "*batch coalition"]  # |delta| <= kappa
    objective: Float64[Tensor, "*batch"]  # sum over S != empty of |I_and(S)| + |I_or(S)|
    lower_bound: Float64[Tensor, "*batch"]  # no decomposition has a smaller objective than this
    gap: Float64[Tensor, "*batch"]  # (objective - lower_bound) / objective


def extract_interactions(
    values: Float[Tensor, "*batch coalition"],
    kappa_ratio: float = 0.04,
    method: str = "exact",
    gap: float = 0.005,
) -> Interactions:
    """Sparsest AND-OR interactions of each game in a batch (Sec. 3.2.2).

    Args:
        values: v(x_T) in log-odds; the last axis has length 2^n.
        kappa_ratio: kappa / |v(x_N) - v(x_empty)|, how much of v may be left unexplained as noise.
        method: "exact" solves the linear programme to a certified gap, "sgd" is `extract_sgd`.
        gap: largest relative gap (objective - lower_bound) / objective to stop at. Ignored by "sgd".

    Raises:
        ValueError: values that are not finite or not 2^n long, kappa_ratio outside [0, 1), an unknown method.

    Warns:
        RuntimeWarning: problems that did not reach the gap.

    Example:
        >>> extract_interactions(torch.tensor([1.0, 6.0, 6.0, 8.0]), kappa_ratio=0.0).or_
        tensor([0., 0., 0., 3.], dtype=torch.float64)
    """
    if method not in ("exact", "sgd"):
        raise ValueError(f"Unknown method {method!r}: use 'exact' or 'sgd'.")
    if not 0 < gap < 1:
        raise ValueError(f"gap must be between 0 and 1, not {gap}.")
    if method == "sgd":
        return extract_sgd(values, kappa_ratio)
    kappa = _noise_bound(values, kappa_ratio).flatten()
    v = values.reshape(-1, values.shape[-1]).to(torch.float64)
    a, c, bound = _solve(v, kappa, gap)
    result = _interactions(v, a, c.flip(-1), bound)
    late = result.gap > gap
    if late.any():
        warnings.warn(
            f"{int(late.sum())} of {len(v)} problems stopped above the wanted gap of {gap:g}; "
            f"the largest gap is {float(result.gap.max()):.2g}.",
            RuntimeWarning,
            stacklevel=2,
        )
    batch = values.shape[:-1]
    return Interactions(*(part.reshape(batch + part.shape[1:]) for part in result))


def extract_sgd(
    values: Float[Tensor, "*batch coalition"],
    kappa_ratio: float = 0.04,
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
        iterations: number of subgradients.

    Raises:
        ValueError: as `extract_interactions`.
    """
    kappa = _noise_bound(values, kappa_ratio)[..., None]
    v = values.to(torch.float64)
    gamma, delta = torch.zeros_like(v), torch.zeros_like(v)
    step_gamma, step_delta = torch.zeros_like(v), torch.zeros_like(v)
    rates = torch.logspace(0, -1, iterations, dtype=torch.float64) * lr
    for rate in tqdm(rates[:-1].tolist(), disable=None):
        half = (v - v[..., :1] - delta) / 2  # the laboratory measures v from v(x_empty)
        slope_and = superset_sums(and_interactions(half + gamma).sign(), -1)
        signs_or = or_interactions(half - gamma).sign()
        slope_or = -subset_sums(_without_empty(signs_or).flip(-1), -1)
        slope_or[..., 0] += signs_or[..., 0]
        step_gamma.mul_(0.9).add_(slope_and - slope_or)
        step_delta.mul_(0.9).sub_(slope_and + slope_or, alpha=0.5)
        gamma.sub_(step_gamma, alpha=rate)
        delta.sub_(step_delta, alpha=rate).clamp_(-kappa, kappa)
    half = (v - delta) / 2
    and_, or_ = and_interactions(half + gamma), or_interactions(half - gamma)
    single = coalition_sizes(player_count(v), v.device) <= 1
    return _interactions(
        v, and_ + or_ * single, or_ * ~single, torch.zeros(v.shape[:-1], dtype=v.dtype, device=v.device)
    )


def _without_empty(interactions: Tensor) -> Tensor:
    return torch.cat((torch.zeros_like(interactions[..., :1]), interactions[..., 1:]), -1)


def _noise_bound(values: Tensor, kappa_ratio: float) -> Tensor:
    """kappa of every game, after all checks of the input."""
    player_count(values)
    if not 0 <= kappa_ratio < 1:
        raise ValueError(f"kappa_ratio must be at least 0 and below 1, not {kappa_ratio}.")
    bad = int((~torch.isfinite(values)).sum())
    if bad:
        raise ValueError(f"{bad} of {values.numel()} values are NaN or infinite: score those coalitions again.")
    return kappa_ratio * (values[..., -1] - values[..., 0]).abs().to(torch.float64)


def _interactions(v: Tensor, and_: Tensor, or_: Tensor, lower_bound: Tensor) -> Interactions:
    """Collect what follows from the AND and OR interactions."""
    v_and = values_from_interactions(and_, torch.zeros_like(or_))
    v_or = values_from_interactions(torch.zeros_like(and_), or_)
    objective = and_[..., 1:].abs().sum(-1) + or_.abs().sum(-1)
    gap = (objective - lower_bound) / objective.clamp(min=torch.finfo(v.dtype).tiny)
    return Interactions(and_, or_, (v_and - v_or) / 2, v - v_and - v_or, objective, lower_bound, gap.clamp(min=0))


def _solve(v: Tensor, kappa: Tensor, gap: float) -> tuple[Tensor, Tensor, Tensor]:
    """Douglas-Rachford splitting: shrink (a, c) and clip d, then project on Z a - Z'c + d = v."""
    n = player_count(v)
    sizes = coalition_sizes(n, v.device)
    scale = (v.amax(-1) - v.amin(-1)).clamp(min=torch.finfo(v.dtype).tiny)
    v, kappa = v / scale[:, None], kappa / scale
    wc = (sizes < n - 1).to(v.dtype)
    counted = (sizes > 0).to(v.dtype)
    box = kappa[:, None] * counted
    tau2, threshold = 9.0, 0.003
    identity = torch.eye(2**n, dtype=v.dtype, device=v.device)
    Zm = subset_sums(identity).T
    inverse = torch.linalg.inv(Zm @ Zm.T + (Zm.T * wc) @ Zm + tau2 * identity)
    best_a, best_c = and_interactions(v), torch.zeros_like(v)
    upper = best_a[:, 1:].abs().sum(-1)
    lower = torch.zeros_like(upper)
    za, zc, zd = torch.zeros_like(v), torch.zeros_like(v), torch.zeros_like(v)
    open_ = torch.arange(len(v), device=v.device)
    vo, bo, ko = v, box, kappa
    for iteration in range(1, 4001):
        xa = za - za.clamp(-threshold, threshold) * counted
        xc = (zc - zc.clamp(-threshold, threshold)) * wc
        xd = zd.clamp(-bo, bo)
        y = (subset_sums(2 * xa - za) - superset_sums(2 * xc - zc) + 2 * xd - zd - vo) @ inverse
        za += 1.8 * (xa - za - superset_sums(y))
        zc += 1.8 * (xc - zc + subset_sums(y) * wc)
        zd += 1.8 * (xd - zd - tau2 * y)
        if iteration % 25 == 0:
            a, c = xa, xc
            for _ in range(3):
                r = vo - subset_sums(a) + superset_sums(c)
                u = (r - r.clamp(-bo, bo)) @ inverse
                a, c = a + superset_sums(u), c - subset_sums(u) * wc
            r = vo - subset_sums(a) + superset_sums(c)
            a = a + and_interactions(r - r.clamp(-bo, bo))
            objective = a[:, 1:].abs().sum(-1) + c.abs().sum(-1)
            better = objective < upper[open_]
            best_a[open_[better]], best_c[open_[better]] = a[better], c[better]
            upper[open_] = torch.minimum(upper[open_], objective)
            y = -y
            y[:, 0] -= y.sum(-1)
            size = torch.maximum((superset_sums(y) * counted).abs().amax(-1), (subset_sums(y) * wc).abs().amax(-1))
            y = y / size.clamp(min=1e-300)[:, None]
            lower[open_] = torch.maximum(lower[open_], (vo * y).sum(-1) - ko * (y * counted).abs().sum(-1))
            keep = upper[open_] - lower[open_] > gap * upper[open_]
            open_, za, zc, zd = open_[keep], za[keep], zc[keep], zd[keep]
            vo, bo, ko = vo[keep], bo[keep], ko[keep]
            if not len(open_):
                break
    best_a[:, 0] = v[:, 0]
    return best_a * scale[:, None], best_c * scale[:, None], lower * scale
