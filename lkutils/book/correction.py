"""Which verdicts remain when it is taken into account that many were reached at once.

Chapters store intervals, not p-values, so these are approximate: the distance of an estimate from the limit, in units
of its interval's half on that side, is read as Student's t with one degree of freedom less than there are samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import stats

from lkutils.claims.claim import Expected
from lkutils.claims.verdicts import Measured, Verdict

LEVEL = 0.05  # of all tests together, both sides


def has_interval(test: Expected, found: Measured) -> bool:
    """Whether a statistic was judged by an interval: worst samples and too few samples are not."""
    return not test.every and not math.isnan(found.low)


def p_value(test: Expected, found: Measured) -> float:
    """Two-sided p of the outcome, approximately; 1 where it is neither yes nor no.

    Example:
        >>> round(p_value(Expected("growth", above=0), Measured(0.0, 1.0, 2.0, 30, "yes")), 3)
        0.05
    """
    margins = {"low": found.estimate - test.above, "high": test.below - found.estimate}
    halves = {"low": found.estimate - found.low, "high": found.high - found.estimate}
    if found.outcome == "yes":
        return max(two_sided(margins[side], halves[side], found.samples) for side in margins)
    if found.outcome == "no":  # beyond one limit: what tells is the half of the interval that reaches back to it
        back = {"low": "high", "high": "low"}
        beyond = [side for side in margins if margins[side] < 0]
        return min((two_sided(-margins[side], halves[back[side]], found.samples) for side in beyond), default=1.0)
    return 1.0


def two_sided(margin: float, half: float, samples: int) -> float:
    """How likely an estimate lies at least so far from the limit, on either side, if the limit is the truth."""
    if half <= 0 or math.isinf(margin):
        return 0.0
    degrees = samples - 1
    return 2 * float(stats.t.sf(margin / half * stats.t.ppf(0.975, degrees), degrees))


def holm(p_values: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Which of several tests are significant after Holm's correction, which holds however they depend on each other.

    Example:
        >>> holm([0.01, 0.04, 0.03, 0.005])  # 0.05/4, 0.05/3, then 0.05/2, which 0.03 fails
        [True, False, False, True]
    """
    kept = [False] * len(p_values)
    for rank, k in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[k] > level / (len(p_values) - rank):
            break
        kept[k] = True
    return kept


def corrected(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The same verdicts with every outcome unclear that does not survive the correction over all their tests."""
    keys = [
        (number, label, k)
        for number, verdict in enumerate(verdicts)
        for label, tests in verdict.measured.items()
        for k, found in enumerate(tests)
        if has_interval(verdict.claim.rule.tests[k], found)
    ]
    p_values = [p_value(verdicts[n].claim.rule.tests[k], verdicts[n].measured[label][k]) for n, label, k in keys]
    lost = {key for key, kept in zip(keys, holm(p_values), strict=True) if not kept}
    return [
        Verdict(
            verdict.claim,
            verdict.setting,
            {
                label: tuple(
                    found._replace(outcome="unclear") if (number, label, k) in lost else found
                    for k, found in enumerate(tests)
                )
                for label, tests in verdict.measured.items()
            },
        )
        for number, verdict in enumerate(verdicts)
    ]


def count_outcomes(verdicts: Sequence[Verdict], outcome: str) -> int:
    """In how many networks, over all verdicts, this is the outcome."""
    return sum(len(verdict.where(outcome)) for verdict in verdicts)


def count_tests(verdicts: Sequence[Verdict]) -> int:
    """How many statistics were judged by an interval."""
    return sum(
        has_interval(test, found)
        for verdict in verdicts
        for tests in verdict.measured.values()
        for test, found in zip(verdict.claim.rule.tests, tests, strict=True)
    )


def told(verdicts: Sequence[Verdict]) -> str:
    """How far chance may have made verdicts, and how many remain after correction, as Markdown."""
    tests, after = count_tests(verdicts), corrected(verdicts)
    if not tests:
        return "No statistic of this page was judged by an interval."
    counts = {name: (count_outcomes(verdicts, name), count_outcomes(after, name)) for name in ("yes", "no")}
    return (
        f"{tests} statistics of this page were judged by a 95 % interval, which misses on either side in 2.5 % of "
        "cases (somewhat more often with few samples). So up to about "
        f"{0.025 * tests:.0f} of them may lie on the wrong side of their limit by chance; that many only if all true "
        "values lay at their limits.\n\n"
        f"Holm's correction at 5 % over all {tests}: of {counts['yes'][0]} yes {counts['yes'][1]} remain, of "
        f"{counts['no'][0]} no {counts['no'][1]}; those that do not are outlined in the table, not filled. This is "
        "approximate: chapters store intervals, from whose widths p-values are computed by Student's *t*. Worst-sample "
        "statistics have no interval and stay as they are."
    )
