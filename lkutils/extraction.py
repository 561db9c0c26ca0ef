"""The sparsest AND-OR interactions of a game, with a certificate: the linear programme of Sec. 3.2.2.

    minimise    sum over S != empty of |I_and(S)| + |I_or(S)|
    subject to  v(x_T) - delta_T = v_and(x_T) + v_or(x_T)   and   |delta_T| <= kappa   for every coalition T.

With a(S) = I_and(S) and c(S) = -I_or(N without S), the constraint reads  v = Z a + Z'c + delta,  where (Z a)(T) is
the sum of a over the subsets of T and (Z'c)(T) the sum of c over its supersets. Constants are gathered in a(empty),
which costs nothing, and delta_empty = 0 (Theorem 3.3). A first-order OR is a first-order AND (App. M.4): c has none.

Certificate: for any y with sum(y) = 0, |Z'y| <= 1 and |Z y| <= 1, no objective is below  v'y - kappa |y|_1.
"""

import warnings
from typing import NamedTuple

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from tqdm.auto import tqdm

from lkutils.memory import free_memory
from lkutils.mobius import (
    and_interactions,
    coalition_sizes,
    or_interactions,
    player_count,
    subset_sums,
    sum_in_place,
    superset_sums,
    values_from_interactions,
)
from lkutils.symmetry import SymmetricInverse

CHUNK = 2**18  # doubles in one table of the solver: as many problems at a time as keep the processor's cache full
ROUND = 25  # iterations between two looks at the certificate
REPAIRS = 5  # corrections that make (a, c) feasible
DELTA_WEIGHT = 9.0  # how much easier delta moves than an interaction does
FIRST_THRESHOLD = 0.005
MAX_ITERATIONS = 100_000
TINY = torch.finfo(torch.float64).tiny


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
        MemoryError: too many players for this machine; says how much memory they need.

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
    kappa = _noise_bound(values, kappa_ratio)
    batch, v = values.shape[:-1], values.reshape(-1, values.shape[-1]).to(torch.float64)
    _check_memory(v)
    a, c, lower_bound = _solve(v, kappa.flatten(), gap)
    a[:, 0] = v[:, 0]
    found = _interactions(v, a, -c.flip(-1), lower_bound)
    late = int((found.gap > gap).sum())
    if late:
        warnings.warn(
            f"{late} of {len(v)} problems did not reach the gap of {gap:g}; their largest is {found.gap.max():.2g}.",
            RuntimeWarning,
            stacklevel=2,
        )
    return Interactions(*(part.reshape(batch + part.shape[1:]) for part in found))


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
        iterations: number of iterates, the start included.

    Raises:
        ValueError: as `extract_interactions`.
    """
    kappa = _noise_bound(values, kappa_ratio)[..., None]
    v = values.to(torch.float64)
    gamma, delta = torch.zeros_like(v), torch.zeros_like(v)
    step_gamma, step_delta = torch.zeros_like(v), torch.zeros_like(v)
    rates = torch.logspace(0, -1, iterations, dtype=torch.float64) * lr
    for rate in tqdm(rates[:-1].tolist(), disable=None, desc="descending"):
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


def _noise_bound(values: Tensor, kappa_ratio: float) -> Tensor:
    """Kappa of every game, after all checks of the input."""
    player_count(values)
    if not 0 <= kappa_ratio < 1:
        raise ValueError(f"kappa_ratio must be at least 0 and below 1, not {kappa_ratio}.")
    bad = int((~torch.isfinite(values)).sum())
    if bad:
        raise ValueError(f"{bad} of {values.numel()} values are NaN or infinite: score those coalitions again.")
    return kappa_ratio * (values[..., -1] - values[..., 0]).abs().to(torch.float64)


def _check_memory(v: Tensor) -> None:
    """Room for the results of all problems, for the work on those in hand, and for the blocks of the projection."""
    n = player_count(v)
    tables = 12 * len(v) + 45 * min(len(v), max(1, CHUNK >> n)) + 6 * (n // 2 + 1) ** 2
    needed, free = 8 * tables << n, free_memory(v.device)
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
    gap = ((objective - lower_bound) / objective.clamp(min=TINY)).clamp(min=0)
    return Interactions(and_, or_, (v_and - v_or) / 2, v - v_and - v_or, objective, lower_bound, gap)


# The solver. Its tables have the coalition first and the problem last, so that the sums over subsets of many games at
# once are n additions of long rows. The unknowns x = (a, c, delta) are one table of shape (3, 2^n, problem).


class _Problems(NamedTuple):
    """What the solver knows of the problems it works on; the last axis of every field is the problem."""

    number: Tensor  # place in the batch
    v: Tensor  # measured from v(x_empty), in units of its range
    kappa: Tensor
    point: Tensor  # z = x + threshold * (dual of x), what the iteration moves
    anchor: Tensor  # z at the last restart
    threshold: Tensor  # by how much an interaction shrinks at a time
    age: Tensor  # iterations so far
    steps: Tensor  # iterations since the last restart
    best: Tensor  # (a, c) of the smallest objective so far
    objective: Tensor
    lower_bound: Tensor


def _solve(v: Tensor, kappa: Tensor, gap: float) -> tuple[Tensor, Tensor, Tensor]:
    """(a, c) and lower bound of every problem. Solved problems leave and the next ones take their place."""
    n, count = player_count(v), len(v)
    inverse = SymmetricInverse(n, lambda y: _values(_adjoint(y)), v.device)
    scale = (v.amax(-1) - v.amin(-1)).clamp(min=TINY)
    games, kappa = ((v - v[:, :1]) / scale[:, None]).T, kappa / scale
    best = torch.empty(2, 2**n, count, dtype=v.dtype, device=v.device)
    bound = torch.empty_like(scale)
    room, started = max(1, CHUNK >> n), 0
    problems = _start(games, kappa, torch.arange(0, device=v.device))
    with tqdm(total=count, disable=None, desc="extracting") as progress:
        while started < count or len(problems.number):
            if (free := min(room - len(problems.number), count - started)) > 0:
                fresh = _start(games, kappa, torch.arange(started, started + free, device=v.device))
                problems = _Problems(*(torch.cat(pair, -1) for pair in zip(problems, fresh, strict=True)))
                started += free
            problems, dual = _iterate(problems, inverse)
            problems = _certify(problems, dual, inverse)
            done = problems.objective - problems.lower_bound <= gap * problems.objective
            done |= problems.age >= MAX_ITERATIONS
            if done.any():
                solved, problems = _select(problems, done), _select(problems, ~done)
                best[..., solved.number], bound[solved.number] = solved.best, solved.lower_bound
                progress.update(len(solved.number))
            problems = _restart(problems)
    a, c = best.transpose(1, 2) * scale[:, None]
    return a, c, bound * scale


def _start(games: Tensor, kappa: Tensor, number: Tensor) -> _Problems:
    """Problems at x = 0, with the AND interactions alone as the first feasible decomposition."""
    v = games[:, number].contiguous()
    a, zero = _over_subsets(v, -1), torch.zeros_like(kappa[number])
    return _Problems(
        number,
        v,
        kappa[number],
        point=v.new_zeros(3, *v.shape),
        anchor=v.new_zeros(3, *v.shape),
        threshold=zero + FIRST_THRESHOLD,
        age=zero,
        steps=zero,
        best=torch.stack((a, torch.zeros_like(a))),
        objective=a[1:].abs().sum(0),
        lower_bound=zero,
    )


def _select(problems: _Problems, chosen: Tensor) -> _Problems:
    return _Problems(*(field[..., chosen] for field in problems))


def _iterate(problems: _Problems, inverse: SymmetricInverse) -> tuple[_Problems, Tensor]:
    """ROUND steps of Halpern's iteration on the two reflections of Peaceman and Rachford.

    The first reflection is about "shrink a and c, clip delta", the second about the solutions of Z a + Z'c + delta = v.
    Each new point is a mean of the anchor and the reflected point, and the anchor's weight falls as 1 / steps.
    """
    point, steps, limits = problems.point.clone(), problems.steps, _limits(problems)
    lower_limits, mirrored = -limits, torch.empty_like(point)  # fresh memory at each step would cost as much as the sums
    for _ in range(ROUND):
        torch.clamp(point, lower_limits, limits, out=mirrored)
        torch.sub(point, mirrored, alpha=2, out=mirrored)
        mirrored[2].neg_()
        y = inverse(_values(mirrored).sub_(problems.v))
        mirrored.sub_(_adjoint(y), alpha=2)
        steps = steps + 1
        torch.lerp(problems.anchor, mirrored, steps / (steps + 1), out=point)
    moved = problems._replace(point=point, steps=steps, age=problems.age + ROUND)
    return moved, y / -problems.threshold


def _restart(problems: _Problems) -> _Problems:
    """Move the anchor to the point when the steps since the last restart are a fifth of all iterations.

    The threshold trades the speed of x against the speed of its dual; it is set so that both came equally far.
    """
    limits = _limits(problems)
    x, x_anchor = _shrink(problems.point, limits), _shrink(problems.anchor, limits)
    far = _length(x - x_anchor)
    far_dual = _length(problems.point - x - problems.anchor + x_anchor)
    due = problems.steps >= problems.age / 5
    change = torch.where(due & (far > 0) & (far_dual > 0), (far / far_dual).sqrt().clamp(0.25, 4), 1.0)
    point = x + change * (problems.point - x)
    return problems._replace(
        point=point,
        anchor=torch.where(due, point, problems.anchor),
        threshold=problems.threshold * change,
        steps=torch.where(due, 0.0, problems.steps),
    )


def _certify(problems: _Problems, dual: Tensor, inverse: SymmetricInverse) -> _Problems:
    """Turn the present (a, c) and y into a feasible decomposition and a lower bound, and keep the best of each."""
    v, kappa, limits = problems.v, problems.kappa, _limits(problems)

    y = dual.clone()
    y[0] -= y.sum(0)
    y /= torch.maximum(_over_supersets(y).abs().amax(0), _over_subsets(y).abs().amax(0)).clamp(min=TINY)
    lower_bound = (v * y).sum(0) - kappa * y[1:].abs().sum(0)

    x = _shrink(problems.point, limits)
    for _ in range(REPAIRS):  # what delta cannot take up goes to a and c in the way that changes them least
        x[:2] += _adjoint(inverse(_excess(v, x, limits)))[:2]
        _merge_first_order(x)
    x[0] += _over_subsets(_excess(v, x, limits), -1)
    objective = x[0, 1:].abs().sum(0) + x[1].abs().sum(0)

    return problems._replace(
        best=torch.where(objective < problems.objective, x[:2], problems.best),
        objective=torch.minimum(objective, problems.objective),
        lower_bound=torch.maximum(lower_bound, problems.lower_bound),
    )


def _excess(v: Tensor, x: Tensor, limits: Tensor) -> Tensor:
    """What (a, c) leave of v, beyond what delta may take up."""
    left = v - _over_subsets(x[0]) - _over_supersets(x[1])
    return left - left.clamp(-limits[2], limits[2])


def _values(x: Tensor) -> Tensor:
    """Z a + Z'c + delta."""
    return _over_subsets(x[0]).add_(_over_supersets(x[1])).add_(x[2])


def _adjoint(y: Tensor) -> Tensor:
    """Z'y, Z y and y, the last in the units of delta."""
    x = y.repeat(3, 1, 1)
    sum_in_place(x[:1], superset=True)
    sum_in_place(x[1:2])
    x[2] *= DELTA_WEIGHT
    return x


def _over_subsets(table: Tensor, sign: int = 1) -> Tensor:
    return sum_in_place(table.clone()[None], sign)[0]


def _over_supersets(table: Tensor) -> Tensor:
    return sum_in_place(table.clone()[None], superset=True)[0]


def _limits(problems: _Problems) -> Tensor:
    """How far from 0 the point may be for a and c to vanish, and for delta to be inside its bounds."""
    sizes = coalition_sizes(player_count(problems.v.T), problems.v.device)[:, None]
    interaction, noise = problems.threshold.expand_as(problems.v), problems.kappa.expand_as(problems.v)
    return torch.stack(
        (
            torch.where(sizes > 0, interaction, 0.0),
            torch.where(sizes < sizes[-1] - 1, interaction, torch.inf),
            torch.where(sizes > 0, noise, 0.0),
        )
    )


def _shrink(point: Tensor, limits: Tensor) -> Tensor:
    """The x of a point: a and c move towards 0 by the threshold, delta is clipped."""
    clipped = point.clamp(-limits, limits)
    return torch.cat((point[:2] - clipped[:2], clipped[2:]))


def _length(x: Tensor) -> Tensor:
    return ((x[:2] ** 2).sum((0, 1)) + (x[2] ** 2).sum(0) / DELTA_WEIGHT).sqrt()


def _merge_first_order(x: Tensor) -> None:
    """Write c of at most one absent player as a: the T without player i are all T less those with i."""
    n = player_count(x[0].T)
    single = 2 ** torch.arange(n, device=x.device)
    but_one = 2**n - 1 - single
    x[0, 0] += x[1, -1] + x[1, but_one].sum(0)
    x[0, single] -= x[1, but_one]
    x[1, -1] = 0
    x[1, but_one] = 0
