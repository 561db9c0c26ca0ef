"""The theorems of App. C, F and G, checked by their definitions.

An identity holds for every table of numbers, so that an error can only be one of the code. To make it one that can be
seen, one side of each is computed straight from the definition, a product for every pair of coalitions, without the
library's fast transforms; and beside the error stand those that plausible mistakes would give.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from lkutils import metrics
from lkutils.axes import check_axes
from lkutils.claims.claim import Claim, Expected, Rule
from lkutils.claims.sparsity import ROUNDING
from lkutils.mobius import and_interactions, coalition_sizes, or_interactions, values_from_interactions

ROWS = 512  # coalitions of which the sums are written out at once

Coalitions = Int[np.ndarray, "..."]
Table = Float[np.ndarray, "sample coalition"]


# ---- by the definition -----------------------------------------------------------------------------------------------


def summed(values: Table, weight: Callable[[Coalitions, Coalitions], np.ndarray]) -> Table:
    """At S: the sum over all T of weight(S, T) values(T), term by term.

    Args:
        values: one table for each sample.
        weight: from coalitions S and T, integers of any shape, to a number.

    Example:
        >>> summed(np.array([[1.0, 2.0, 4.0, 8.0]]), lambda S, T: T == S)
        array([[1., 2., 4., 8.]])
    """
    T = np.arange(values.shape[-1], dtype=np.int32)
    parts = [values @ np.asarray(weight(S[:, None], T), dtype=float).T for S in np.split(T, range(ROWS, len(T), ROWS))]
    return np.concatenate(parts, axis=-1)


def inside(S: Coalitions, T: Coalitions) -> np.ndarray:
    """Whether T is part of S.

    Example:
        >>> inside(np.array(0b101), np.array([0b100, 0b010]))
        array([ True, False])
    """
    return T & ~S == 0


def alternating(S: Coalitions, T: Coalitions) -> np.ndarray:
    """(-1)^(|S| - |T|) where T is part of S, else 0: the weights of Eq. 1.

    Example:
        >>> alternating(np.array(0b11), np.array([0b00, 0b01, 0b11, 0b100]))
        array([ 1, -1,  1,  0])
    """
    parity = np.bitwise_count(S).astype(int) - np.bitwise_count(T)
    return np.where(inside(S, T), 1 - 2 * (parity % 2), 0)


def and_by_definition(values: Table) -> Table:
    """AND interactions, term by term (Eq. 1).

    Example:
        >>> and_by_definition(np.array([[1.0, 1.0, 1.0, 3.0]]))
        array([[1., 0., 0., 2.]])
    """
    return summed(values, alternating)


def or_by_definition(values: Table) -> Table:
    """OR interactions, term by term (Eq. 2), of all S but the empty one, whose entry is v(x_empty) as in the library.

    Example:
        >>> or_by_definition(np.array([[1.0, 3.0, 3.0, 3.0]])) + 0.0  # no -0
        array([[1., 0., 0., 2.]])
    """
    everyone = values.shape[-1] - 1
    found = -summed(values, lambda S, T: alternating(S, everyone ^ T))
    found[:, 0] = values[:, 0]
    return found


# ---- App. C and F ----------------------------------------------------------------------------------------------------


def or_as_and(values: xr.DataArray) -> xr.Dataset:
    """How far an OR interaction is from minus the AND interaction with masked and unmasked swapped (App. C, Eq. 13).

    Args:
        values: v(x_T) in log-odds (sample, coalition).

    Returns:
        Largest differences over all S but the empty one, in output ranges (sample): ``difference`` of the OR
        interactions by their definition and minus the AND interactions of the swapped game; ``library``, the same of
        the definition and `lkutils.or_interactions`. And those of mistakes: ``minus forgotten``, ``nothing swapped``
        and ``sign of T alone``.

    Example:
        >>> swapped = or_as_and(xr.DataArray([[0.0, 1.0, 1.0, 1.0]], dims=("sample", "coalition")))
        >>> swapped["difference"].values, swapped["nothing swapped"].values
        (array([0.]), array([1.]))
    """
    check_axes(values, "sample", "coalition")
    v = values.transpose("sample", "coalition").values.astype(float)
    everyone = v.shape[-1] - 1
    swapped = v[:, ::-1]  # entry T is v of N without T: what was masked is not, and the other way round
    expected = or_by_definition(v)
    parity = 1 - 2 * (coalition_sizes(everyone.bit_length()).numpy() % 2)
    found = {
        "difference": -and_interactions(swapped.copy()).numpy(),
        "library": or_interactions(v).numpy(),
        "minus forgotten": and_by_definition(swapped),
        "nothing swapped": -and_by_definition(v),
        "sign of T alone": -and_by_definition(swapped) * parity,
    }
    scale = metrics.output_range(values).item()
    errors = {name: abs(part - expected)[:, 1:].max(-1) / scale for name, part in found.items()}
    return xr.Dataset({name: ("sample", error) for name, error in errors.items()})


def decomposition(values: xr.DataArray, gamma: xr.DataArray) -> xr.Dataset:
    """How far AND and OR interactions of a split are from adding up to every output (Theorem 3.3, App. F).

    Args:
        values: v(x_T) in log-odds (sample, coalition).
        gamma: of the split v / 2 + gamma and v / 2 - gamma, in log-odds (sample, coalition); that of the empty
            coalition is set to v(x_empty) / 2, so that v_or(x_empty) = 0 as the theorem asks.

    Returns:
        Largest differences over all T from v(x_T), in output ranges (sample): ``difference``, interactions and their
        sums both term by term; ``library``, by `lkutils.values_from_interactions`. And those of mistakes: ``minus of
        Eq. 2 forgotten``, ``OR of S inside T``, ``players counted backwards`` on the way back, and ``v_or(empty) not
        0``, a split that breaks the theorem's condition.

    Example:
        >>> v = xr.DataArray([[0.0, 1.0, 1.0, 3.0]], dims=("sample", "coalition"))
        >>> found = decomposition(v, 0.1 * v)
        >>> found["difference"].round(9).values, found["OR of S inside T"].round(2).values
        (array([0.]), array([0.13]))
    """
    check_axes(values, "sample", "coalition")
    v, gamma = (part.transpose("sample", "coalition").values.astype(float) for part in (values, gamma))
    gamma = np.concatenate([v[:, :1] / 2, gamma[:, 1:]], axis=-1)
    and_, or_ = and_by_definition(v / 2 + gamma), or_by_definition(v / 2 - gamma)
    of_and, of_or = summed(and_, of_part), summed(or_, of_touched)
    gamma[:, 0] = 0  # v_or(x_empty) is v(x_empty) / 2 then
    without_condition = and_by_definition(v / 2 + gamma), or_by_definition(v / 2 - gamma)
    found = {
        "difference": of_and + of_or,
        "library": values_from_interactions(and_, or_).numpy(),
        "minus of Eq. 2 forgotten": of_and - of_or,
        "OR of S inside T": of_and + summed(or_, lambda T, S: inside(T, S) & (S > 0)),
        "players counted backwards": (of_and + of_or)[:, backwards(v.shape[-1])],
        "v_or(empty) not 0": summed(without_condition[0], of_part) + summed(without_condition[1], of_touched),
    }
    scale = metrics.output_range(values).item()
    return xr.Dataset({name: ("sample", abs(part - v).max(-1) / scale) for name, part in found.items()})


def of_part(T: Coalitions, S: Coalitions) -> np.ndarray:
    """Whether an AND interaction S is part of the output of T (Eq. 3)."""
    return inside(T, S)


def of_touched(T: Coalitions, S: Coalitions) -> np.ndarray:
    """Whether an OR interaction S is part of the output of T (Eq. 3)."""
    return (S & T) != 0


def backwards(n_coalitions: int) -> Int[np.ndarray, "coalition"]:
    """The number that each coalition has where the first player is the highest bit, not the lowest.

    Example:
        >>> backwards(8)
        array([0, 4, 2, 6, 1, 5, 3, 7])
    """
    n = n_coalitions.bit_length() - 1
    return sum((np.arange(n_coalitions) >> i & 1) << (n - 1 - i) for i in range(n))


# ---- App. G ----------------------------------------------------------------------------------------------------------


def dealt_anew(values: xr.DataArray, seed: int = 0) -> xr.DataArray:
    """The same outputs, dealt anew among the coalitions of the same size: a game of which only the sizes are real.

    Args:
        values: v(x_T) in log-odds (sample, coalition).
        seed: of the deal.

    Example:
        >>> game = xr.DataArray(np.arange(16.0)[None], dims=("sample", "coalition"))
        >>> sorted(dealt_anew(game)[0, [1, 2, 4, 8]].values.tolist())
        [1.0, 2.0, 4.0, 8.0]
    """
    check_axes(values, "sample", "coalition")
    random = np.random.default_rng(seed)
    dealt = values.transpose("sample", "coalition").copy(deep=True)
    sizes = coalition_sizes(values.sizes["coalition"].bit_length() - 1).numpy()
    for size in range(1, sizes.max()):
        places = np.flatnonzero(sizes == size)
        dealt.values[:, places] = random.permuted(dealt.values[:, places], axis=-1)
    return dealt


def sparsity_of(found: xr.Dataset, dealt: xr.Dataset, tau_ratio: float = metrics.TAU_RATIO) -> xr.Dataset:
    """What a network's interactions and those of its outputs dealt anew have, in every sample.

    Args:
        found, dealt: what `lkutils.interactions` returns, of one layer.
        tau_ratio: an interaction is salient above this share of the strongest of its sample.

    Returns:
        ``count`` and ``dealt_count`` of salient interactions, ``strength`` and ``dealt_strength``, the sums of |I(S)|
        in log-odds (sample).
    """
    numbers = {}
    for prefix, part in (("", found), ("dealt_", dealt)):
        interactions = part["interactions"].isel(layer=0, drop=True)
        tau = metrics.salience_threshold(interactions, tau_ratio, per_sample=True)
        numbers[f"{prefix}count"] = metrics.salient(interactions, tau).sum(["kind", "coalition"])
        numbers[f"{prefix}strength"] = part["objective"].isel(layer=0, drop=True)
    return xr.Dataset(numbers).reset_coords(drop=True)


def mean_by_size(values: xr.DataArray) -> xr.DataArray:
    """Mean of v(x_T) - v(x_empty) over all coalitions of the same size, in log-odds (sample, size), from size 0.

    Example:
        >>> mean_by_size(xr.DataArray([[1.0, 2.0, 4.0, 9.0]], dims=("sample", "coalition"))).values
        array([[0., 2., 8.]])
    """
    check_axes(values, "sample", "coalition")
    v = values.transpose("sample", "coalition").values.astype(float)
    sizes = coalition_sizes(values.sizes["coalition"].bit_length() - 1).numpy()
    means = [(v[:, sizes == size] - v[:, :1]).mean(-1) for size in range(sizes.max() + 1)]
    return xr.DataArray(np.stack(means, -1), {"size": range(len(means))}, ("sample", "size"))


def smoothness(values: xr.DataArray) -> xr.Dataset:
    """Whether a network's mean outputs meet two of the three conditions for sparsity of Ren et al. (2024), by sample.

    With u(m) the mean of v(x_T) - v(x_empty) over all |T| = m: u must not fall as m grows; and there must be a power p
    with u(m') >= (m'/m)^p u(m) for all m' <= m, as small as can be.

    Args:
        values: v(x_T) in log-odds (sample, coalition).

    Returns:
        ``monotone``, 1 or 0, and ``power``, the smallest p, NaN where a mean is not positive, so that there is none.

    Example:
        >>> smoothness(xr.DataArray([[0.0, 1.0, 1.0, 4.0]], dims=("sample", "coalition")))["power"].values
        array([2.])
    """
    means = mean_by_size(values).values
    monotone = (np.diff(means, axis=-1) >= 0).all(-1)
    positive = (means[:, 1:] > 0).all(-1)
    logarithm = np.log(np.where(positive[:, None], means[:, 1:], 1.0))
    size = np.log(np.arange(1, means.shape[-1]))
    larger, smaller = np.tril_indices(len(size), -1)
    slopes = (logarithm[:, larger] - logarithm[:, smaller]) / (size[larger] - size[smaller])
    power = np.where(positive, slopes.max(-1), np.nan)
    return xr.Dataset({"monotone": ("sample", monotone.astype(float)), "power": ("sample", power)})


# ---- the claims ------------------------------------------------------------------------------------------------------

OR_IS_AND = Claim(
    id="claim-or-is-and",
    words="An OR interaction is minus the AND interaction with masked and unmasked swapped",
    quotation="The OR interaction can be considered as a specific AND interaction",
    section="App. C, Eq. 13",
    figure="",
    chapter="a2_theory",
    rule=Rule(
        (
            Expected(
                "largest difference of the two sides (in output ranges)",
                lambda found: found.difference,
                below=ROUNDING,
                every=True,
            ),
        ),
        set_before=False,
        changed="When the rule was written, the library's tests had checked the identity on random numbers.",
    ),
)

ADDS_UP = Claim(
    id="claim-sums-by-definition",
    words="Theorem 3.3 holds with interactions and sums written out term by term",
    quotation="",
    section="App. F, Theorem 3.3",
    figure="",
    chapter="a2_theory",
    rule=Rule(
        (
            Expected(
                "largest difference from an output (in output ranges)",
                lambda found: found.difference,
                below=ROUNDING,
                every=True,
            ),
        ),
        set_before=False,
        changed="When the rule was written, the chapter on sparsity had checked the theorem with the fast transforms.",
    ),
)

MORE_THAN_SIZES = Claim(
    id="claim-sparser-than-dealt",
    words="A network's outputs need fewer interactions than the same outputs dealt anew among coalitions of equal size",
    quotation="",
    section="App. G, Lemma 3.4",
    figure="",
    chapter="a2_theory",
    rule=Rule(
        (
            Expected(
                "salient interactions after dealing over those before",
                lambda means: means.dealt_count / means["count"],
                above=2,
            ),
            Expected(
                "sum of strengths after dealing over that before",
                lambda means: means.dealt_strength / means.strength,
                above=2,
            ),
        ),
        set_before=False,
        changed="When the rule was written, the sums of strengths of twelve samples had been seen after dealing among "
        "all coalitions, whatever their size: about a hundred times those before.",
    ),
)

SMOOTH = Claim(
    id="claim-mean-output-rises",
    words="In nine of ten samples the mean output of all coalitions of a size never falls as the size grows",
    quotation="",
    section="App. G, footnote 1",
    figure="",
    chapter="a2_theory",
    rule=Rule((Expected("share of samples in which it never falls", lambda means: means.monotone, above=0.9),), True),
)

BEYOND = (ADDS_UP, SMOOTH, MORE_THAN_SIZES)
