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

from typing import NamedTuple, TypeVar

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from lkutils.mobius import coalition_sizes, player_count, sum_in_place
from lkutils.progress import progress
from lkutils.symmetry import SymmetricInverse

CHUNK = {"cpu": 2**18, "cuda": 2**22}  # doubles in a table: what keeps a processor's cache, or a GPU, full
MAX_ITERATIONS = 100_000
ROUND = 25  # iterations between two looks at the certificate, which costs about as much as six of them
REPAIRS = 5  # corrections that make (a, c) feasible: each takes up most of what is left
REPAIR_STEP = 1.7  # times the smallest correction: what is too much of one is within the bounds of most others

# The equation is solved in the norm |a|^2 + |c|^2 + |delta|^2 / DELTA_WEIGHT: delta moves that much more easily than an
# interaction, which has up to 2^n values to answer for. From 1 to 900 no weight was best for all games; 9 served all.
DELTA_WEIGHT = 9.0
FIRST_THRESHOLD = 0.005  # of the range of v; every restart corrects it
START = 0.3  # of the range of v, the size of a random start; it is forgotten but for which solution is found
THRESHOLD_STEP = 4  # largest factor between two thresholds: far from the solution their estimate may be off a lot
RESTART_SHARE = 5  # the anchor moves when a fifth of all iterations lie behind it: intervals grow by a quarter each

# Peak memory in tables of 2^n doubles, measured: for each problem what `sparsest` returns and its caller derives, for
# each problem in hand what the iteration holds, for each pair of multiplets the blocks of the inverse and their making.
TABLES_OF_RESULT, TABLES_IN_HAND, TABLES_OF_BLOCKS = 12, 45, 6

ROUNDING = 1e-12  # objectives that differ by a smaller share of themselves are the same
TINY = torch.finfo(torch.float64).tiny


class Problem(NamedTuple):
    """What is to be solved; the last axis of every field is the problem."""

    number: Int64[Tensor, "problem"]  # place in the batch
    v: Float64[Tensor, "coalition problem"]  # measured from v(x_empty), in units of its range
    kappa: Float64[Tensor, "problem"]  # the largest noise that any decomposition may have: the bound counts it
    noise: Float64[Tensor, "problem"]  # the largest noise that ours has: kappa less the margin


class Iterate(NamedTuple):
    """Where the iteration stands; the last axis of every field is the problem."""

    point: Float64[Tensor, "3 coalition problem"]  # z = x + threshold * (dual of x), what the iteration moves
    anchor: Float64[Tensor, "3 coalition problem"]  # z at the last restart
    threshold: Float64[Tensor, "problem"]  # by how much an interaction shrinks at a time
    age: Float64[Tensor, "problem"]  # iterations so far
    steps: Float64[Tensor, "problem"]  # iterations since the last restart


class Best(NamedTuple):
    """The best feasible decomposition and the best bound so far; the last axis of every field is the problem."""

    terms: Float64[Tensor, "2 coalition problem"]  # (a, c) of the smallest objective
    objective: Float64[Tensor, "problem"]
    lower_bound: Float64[Tensor, "problem"]


Fields = TypeVar("Fields", Problem, Iterate, Best)


def sparsest(
    v: Float64[Tensor, "problem coalition"],
    kappa: Float64[Tensor, "problem"],
    gap: float,
    margin: float = 0.0,
    start: int | None = None,
) -> tuple[Float64[Tensor, "problem coalition"], Float64[Tensor, "problem coalition"], Float64[Tensor, "problem"]]:
    """Smallest |a|_1 + |c|_1 of every problem: a, c and the lower bound. a(empty) is left as it comes.

    Problems are worked on in groups that fit the cache. Solved ones leave and the next ones take their place.

    Args:
        v: values, in log-odds; the last axis has length 2^n.
        kappa: largest noise, in log-odds; the lower bound holds for it.
        gap: largest (objective - lower_bound) / objective to stop at.
        margin: share of kappa that the noise of the decomposition leaves free.
        start: seed of a random point to start from; None starts from nothing.

    Example:
        >>> a, c, bound = sparsest(torch.tensor([[0.0, 5.0, 5.0, 7.0]]).double(), torch.zeros(1).double(), gap=1e-6)
        >>> round((a[:, 1:].abs().sum() + c.abs().sum()).item(), 4), round(bound.item(), 4)
        (7.0, 7.0)
    """
    n, count = player_count(v), len(v)
    inverse = SymmetricInverse(n, lambda y: _values(_adjoint(y)), v.device)
    scale = (v.amax(-1) - v.amin(-1)).clamp(min=TINY)
    games, kappa = ((v - v[:, :1]) / scale[:, None]).T, kappa / scale
    terms = torch.empty(2, 2**n, count, dtype=v.dtype, device=v.device)
    bound = torch.empty_like(scale)
    room, begun = room_for(n, v.device), 0
    problem, iterate, best = _begin(games, kappa, margin, start, range(0))
    with progress(description="extracting", total=count) as bar:
        while begun < count or len(problem.number):
            if (free := min(room - len(problem.number), count - begun)) > 0:
                fresh = _begin(games, kappa, margin, start, range(begun, begun + free))
                problem, iterate, best = map(_join, (problem, iterate, best), fresh)
                begun += free
            iterate, dual = _iterate(problem, iterate, inverse)
            best = _improve(best, _feasible(problem, iterate, inverse), _lower_bound(problem, dual))
            done = best.objective - best.lower_bound <= gap * best.objective
            done |= iterate.age >= MAX_ITERATIONS
            if done.any():
                terms[..., problem.number[done]] = best.terms[..., done]
                bound[problem.number[done]] = best.lower_bound[done]
                bar.update(int(done.sum()))
                problem, iterate, best = (_select(fields, ~done) for fields in (problem, iterate, best))
            iterate = _restart(problem, iterate)
    a, c = terms.transpose(1, 2) * scale[:, None]
    return a, c, bound * scale


def room_for(n: int, device: torch.device) -> int:
    """How many problems to work on at a time.

    Example:
        >>> room_for(12, torch.device("cpu"))
        64
    """
    return max(1, CHUNK[device.type] >> n)


def bytes_needed(n: int, count: int, device: torch.device) -> int:
    """Memory for the results of all problems, for the work on those in hand, and for the blocks of the projection.

    Example:
        >>> bytes_needed(12, 30, torch.device("cpu")) // 2**20  # MiB
        62
    """
    in_hand, pairs = min(count, room_for(n, device)), (n // 2 + 1) ** 2
    return 8 * (TABLES_OF_RESULT * count + TABLES_IN_HAND * in_hand + TABLES_OF_BLOCKS * pairs) << n


# ---- problems that come and go ---------------------------------------------------------------------------------------


def _begin(
    games: Tensor, kappa: Tensor, margin: float, start: int | None, numbers: range
) -> tuple[Problem, Iterate, Best]:
    """Problems at x = 0, or all at one random point, with the AND interactions as the first feasible decomposition."""
    number = torch.arange(numbers.start, numbers.stop, device=games.device)
    v, kappa = games[:, number].contiguous(), kappa[number]
    a, zero = _over_subsets(v, -1), torch.zeros_like(kappa)
    origin = v.new_zeros(3, *v.shape)
    if start is not None:
        random = torch.randn(3, len(v), 1, generator=torch.Generator().manual_seed(start), dtype=v.dtype)
        origin += START * random.to(v.device)
    return (
        Problem(number, v, kappa, noise=kappa * (1 - margin)),
        Iterate(point=origin, anchor=origin, threshold=zero + FIRST_THRESHOLD, age=zero, steps=zero),
        Best(terms=torch.stack((a, torch.zeros_like(a))), objective=a[1:].abs().sum(0), lower_bound=zero),
    )


def _join(first: Fields, second: Fields) -> Fields:
    return type(first)(*(torch.cat(pair, -1) for pair in zip(first, second, strict=True)))


def _select(fields: Fields, chosen: Tensor) -> Fields:
    return type(fields)(*(field[..., chosen] for field in fields))


# ---- the iteration ---------------------------------------------------------------------------------------------------


def _iterate(problem: Problem, iterate: Iterate, inverse: SymmetricInverse) -> tuple[Iterate, Tensor]:
    """ROUND steps. Each new point is a mean of the mirrored point and the anchor, whose weight is 1 / (steps + 1).

    Returns:
        The iterate with its point moved, and y of the last step, the candidate for the certificate.
    """
    point, steps, limits = iterate.point.clone(), iterate.steps, _limits(problem, iterate.threshold)
    lower_limits = -limits
    mirrored = torch.empty_like(point)  # one for all steps: fresh memory would cost as much as the sums
    for _ in range(ROUND):
        torch.clamp(point, lower_limits, limits, out=mirrored)
        torch.sub(point, mirrored, alpha=2, out=mirrored)
        mirrored[2].neg_()
        y = inverse(_values(mirrored).sub_(problem.v))
        mirrored.sub_(_adjoint(y), alpha=2)
        steps = steps + 1
        torch.lerp(iterate.anchor, mirrored, steps / (steps + 1), out=point)
    return iterate._replace(point=point, steps=steps, age=iterate.age + ROUND), y / -iterate.threshold


def _restart(problem: Problem, iterate: Iterate) -> Iterate:
    """Move the anchor to the point when the steps since the last restart are a fifth of all iterations.

    The threshold trades the speed of x against the speed of its dual; it is set so that both came equally far.
    """
    point, anchor = iterate.point, iterate.anchor
    limits = _limits(problem, iterate.threshold)
    x, x_anchor = _shrink(point, limits), _shrink(anchor, limits)
    far, far_dual = _length(x - x_anchor), _length(point - x - anchor + x_anchor)
    due = RESTART_SHARE * iterate.steps >= iterate.age
    ratio = (far / far_dual).sqrt().clamp(1 / THRESHOLD_STEP, THRESHOLD_STEP)
    change = torch.where(due & (far > 0) & (far_dual > 0), ratio, 1.0)
    point = x + change * (point - x)
    return iterate._replace(
        point=point,
        anchor=torch.where(due, point, anchor),
        threshold=iterate.threshold * change,
        steps=torch.where(due, 0.0, iterate.steps),
    )


# ---- the certificate -------------------------------------------------------------------------------------------------


def _lower_bound(problem: Problem, dual: Tensor) -> Tensor:
    """What no objective is below, from any y: it is made to sum to 0 and to respect the limits of 1."""
    y = dual.clone()
    y[0] -= y.sum(0)
    y /= torch.maximum(_over_supersets(y).abs().amax(0), _over_subsets(y).abs().amax(0)).clamp(min=TINY)
    return (problem.v * y).sum(0) - problem.kappa * y[1:].abs().sum(0)


def _feasible(problem: Problem, iterate: Iterate, inverse: SymmetricInverse) -> Tensor:
    """The present (a, c), made to fit v up to the noise."""
    limits = _limits(problem, iterate.threshold)
    x = _shrink(iterate.point, limits)
    for _ in range(REPAIRS):  # what delta cannot take up goes to a and c in the way that changes them least
        x[:2] += REPAIR_STEP * _adjoint(inverse(_excess(problem.v, x, limits)))[:2]
        _merge_first_order(x)
    x[0] += _over_subsets(_excess(problem.v, x, limits), -1)
    return x[:2]


def _improve(best: Best, terms: Tensor, lower_bound: Tensor) -> Best:
    """The better of what was known and what is new; of equals the new, or rounding would choose between them."""
    objective = terms[0, 1:].abs().sum(0) + terms[1].abs().sum(0)
    better = objective <= best.objective * (1 + ROUNDING)
    return Best(
        terms=torch.where(better, terms, best.terms),
        objective=torch.where(better, objective, best.objective),
        lower_bound=torch.maximum(lower_bound, best.lower_bound),
    )


def _excess(v: Tensor, x: Tensor, limits: Tensor) -> Tensor:
    """What (a, c) leave of v, beyond what delta may take up."""
    left = v - _over_subsets(x[0]) - _over_supersets(x[1])
    return left - left.clamp(-limits[2], limits[2])


# ---- operators on x = (a, c, delta) ----------------------------------------------------------------------------------


def _values(x: Tensor) -> Tensor:
    """Z a + Z'c + delta."""
    return _over_subsets(x[0]).add_(_over_supersets(x[1])).add_(x[2])


def _adjoint(y: Tensor) -> Tensor:
    """Z'y, Z y and y, the last in the units of delta."""
    x = torch.empty(3, *y.shape, dtype=y.dtype, device=y.device)
    x[:2] = y
    sum_in_place(x[:1], superset=True)
    sum_in_place(x[1:2])
    torch.mul(y, DELTA_WEIGHT, out=x[2])
    return x


def _over_subsets(table: Tensor, sign: int = 1) -> Tensor:
    return sum_in_place(table.clone()[None], sign)[0]


def _over_supersets(table: Tensor) -> Tensor:
    return sum_in_place(table.clone()[None], superset=True)[0]


def _limits(problem: Problem, threshold: Tensor) -> Tensor:
    """How far from 0 the point may be for a and c to vanish, and for delta to be inside its bounds."""
    sizes = coalition_sizes(player_count(problem.v.T), problem.v.device)[:, None]
    interaction, noise = threshold.expand_as(problem.v), problem.noise.expand_as(problem.v)
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
    """The norm in which x and its dual are compared."""
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
