"""The linear programme of the sparsest decomposition, for many games at once, by a first-order method.

    minimise |a|_1 + |c|_1   subject to   Z a + Z'c + delta = v,   |delta| <= kappa,   delta_empty = 0,

where (Z a)(T) sums a over the subsets of T and (Z'c)(T) sums c over its supersets. a(empty) is free and costs nothing;
c has no entries for coalitions that lack at most one player, because those of a do the same.

Two reflections are repeated (Peaceman and Rachford): about the prox of the norms and bounds, which shrinks a and c and
clips delta, and about the solutions of the equation, which `SymmetricInverse` makes cheap. Averaging with an anchor
(Halpern) that is renewed in ever longer intervals makes the point settle.

Certificate: for any y with sum(y) = 0, |Z'y| <= 1 and |Z y| <= 1, no objective is below  v'y - kappa |y|_1; the
empty coalition does not count in the last norm, since delta_empty = 0.

Tables have the coalition first and the problem last, so that the sums over subsets of many games are n additions of
long rows. The unknowns x = (a, c, delta) are one table of shape (3, 2^n, problem).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor

from lkutils.mobius import coalition_sizes, player_count, sum_in_place
from lkutils.progress import progress
from lkutils.symmetry import SymmetricInverse

CHUNK = {"cpu": 2**18, "cuda": 2**22}  # doubles in a table: what keeps a processor's cache, or a GPU, full
ROUND = 25  # iterations between two looks at the certificate
REPAIRS = 5  # corrections that make (a, c) feasible
DELTA_WEIGHT = 9.0  # how much easier delta moves than an interaction does
FIRST_THRESHOLD = 0.005
MAX_ITERATIONS = 100_000
TINY = torch.finfo(torch.float64).tiny


class Problems(NamedTuple):
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


def sparsest(
    v: Float64[Tensor, "problem coalition"], kappa: Float64[Tensor, "problem"], gap: float
) -> tuple[Float64[Tensor, "problem coalition"], Float64[Tensor, "problem coalition"], Float64[Tensor, "problem"]]:
    """Smallest |a|_1 + |c|_1 of every problem: a, c and the lower bound. a(empty) is left as it comes.

    Problems are worked on in groups that fit the cache. Solved ones leave and the next ones take their place.
    """
    n, count = player_count(v), len(v)
    inverse = SymmetricInverse(n, lambda y: _values(_adjoint(y)), v.device)
    scale = (v.amax(-1) - v.amin(-1)).clamp(min=TINY)
    games, kappa = ((v - v[:, :1]) / scale[:, None]).T, kappa / scale
    best = torch.empty(2, 2**n, count, dtype=v.dtype, device=v.device)
    bound = torch.empty_like(scale)
    room, started = room_for(n, v.device), 0
    problems = _start(games, kappa, torch.arange(0, device=v.device))
    with progress(description="extracting", total=count) as bar:
        while started < count or len(problems.number):
            if (free := min(room - len(problems.number), count - started)) > 0:
                fresh = _start(games, kappa, torch.arange(started, started + free, device=v.device))
                problems = Problems(*(torch.cat(pair, -1) for pair in zip(problems, fresh, strict=True)))
                started += free
            problems, dual = _iterate(problems, inverse)
            problems = _certify(problems, dual, inverse)
            done = problems.objective - problems.lower_bound <= gap * problems.objective
            done |= problems.age >= MAX_ITERATIONS
            if done.any():
                solved, problems = _select(problems, done), _select(problems, ~done)
                best[..., solved.number], bound[solved.number] = solved.best, solved.lower_bound
                bar.update(len(solved.number))
            problems = _restart(problems)
    a, c = best.transpose(1, 2) * scale[:, None]
    return a, c, bound * scale


def room_for(n: int, device: torch.device) -> int:
    """How many problems to work on at a time."""
    return max(1, CHUNK[device.type] >> n)


def bytes_needed(n: int, count: int, device: torch.device) -> int:
    """Memory for the results of all problems, for the work on those in hand, and for the blocks of the projection."""
    tables = 12 * count + 45 * min(count, room_for(n, device)) + 6 * (n // 2 + 1) ** 2
    return 8 * tables << n


def _start(games: Tensor, kappa: Tensor, number: Tensor) -> Problems:
    """Problems at x = 0, with the AND interactions alone as the first feasible decomposition."""
    v = games[:, number].contiguous()
    a, zero = _over_subsets(v, -1), torch.zeros_like(kappa[number])
    return Problems(
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


def _select(problems: Problems, chosen: Tensor) -> Problems:
    return Problems(*(field[..., chosen] for field in problems))


def _iterate(problems: Problems, inverse: SymmetricInverse) -> tuple[Problems, Tensor]:
    """ROUND steps. Each new point is a mean of the mirrored point and the anchor, whose weight is 1 / (steps + 1).

    Returns:
        The problems with their points moved, and y of the last step, the candidate for the certificate.
    """
    point, steps, limits = problems.point.clone(), problems.steps, _limits(problems)
    lower_limits = -limits
    mirrored = torch.empty_like(point)  # one for all steps: fresh memory would cost as much as the sums
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


def _restart(problems: Problems) -> Problems:
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


def _certify(problems: Problems, dual: Tensor, inverse: SymmetricInverse) -> Problems:
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


def _limits(problems: Problems) -> Tensor:
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
