"""Intervals against their limit as small SVG that any page can hold: a strip for each statistic of a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from lkutils.book.markdown import escape_html
from lkutils.claims.claim import Expected
from lkutils.claims.verdicts import Measured, Verdict, samples_words
from lkutils.games import Label

NAMES, WIDTH, ROW, MARGIN = 150, 190, 13, 8  # of the names and of the axis, height of a row, left free at both ends
LETTER = 6  # width of one of a name
SMALL_WIDTH, SMALL_ROW, SMALL_MARGIN = 62, 3, 4


def axis_range(test: Expected, measured: Iterable[Measured]) -> tuple[float, float]:
    """What the axis of a strip must hold: all finite estimates and bounds, and the limits.

    Example:
        >>> axis_range(Expected("growth", above=0), [Measured(0.5, 1.0, 1.5, 30, "yes")])
        (0.0, 1.5)
    """
    values = [x for found in measured for x in (found.low, found.estimate, found.high)] + [test.above, test.below]
    finite = [float(x) for x in values if math.isfinite(x)]
    low, high = min(finite), max(finite)
    return (low, high) if low < high else (low - 1, high + 1)


def position(value: float | int, span: tuple[float, float], width: int, margin: int) -> float:
    """Where a value lies on an axis of this width.

    Example:
        >>> position(0.5, (0.0, 1.0), 100, 10)
        50.0
    """
    return round(margin + (value - span[0]) / (span[1] - span[0]) * (width - 2 * margin), 1)


def strip(test: Expected, measured: Mapping[Label, Measured]) -> str:
    """A statistic of several networks: an interval each, the claimed side shaded, and the limits as lines."""
    span = axis_range(test, measured.values())
    height = ROW * len(measured) + 16

    def at(value: float | int) -> float:
        return NAMES + position(value, span, WIDTH, MARGIN)

    left = min(0, NAMES - LETTER * max(len(str(label)) for label in measured))  # long names begin left of the rest

    rows = [row(label, found, ROW * k + 8, at) for k, (label, found) in enumerate(measured.items())]
    told = escape_html(description(test, measured))
    ends = limit_lines(test, at, height - 14, words=True)
    width = NAMES + WIDTH - left
    box = f'viewBox="{left} 0 {width} {height}" width="{width}" height="{height}"'
    drawn = "".join([claimed(test, at, height - 14), *rows, ends])
    return f'<svg class="strip" role="img" aria-label="{told}" {box}>{drawn}</svg>'


def small_strip(test: Expected, measured: Mapping[Label, Measured]) -> str:
    """The same without words, for a line of a list that says them."""
    span = axis_range(test, measured.values())

    def at(value: float | int) -> float:
        return position(value, span, SMALL_WIDTH, SMALL_MARGIN)

    lines = []
    for k, found in enumerate(measured.values()):
        y = SMALL_ROW * k + 2
        if not math.isnan(found.low):
            ends = sorted([at(found.low), at(found.high)])
            lines.append(f'<path class="{css(found.outcome)}" d="M{ends[0] - 1:g} {y}H{ends[1] + 1:g}"/>')
    height = SMALL_ROW * len(measured) + 2
    box = f'viewBox="0 0 {SMALL_WIDTH} {height}" preserveAspectRatio="none"'
    return f'<svg class="strip" aria-hidden="true" {box}>{limit_lines(test, at, height)}{"".join(lines)}</svg>'


def row(label: Label, found: Measured, y: int, at: Callable[[float], float]) -> str:
    """Name, interval and estimate of one network; the sign differs with the outcome, not the colour alone."""
    title = f"<title>{escape_html(f'{label}: {found}; {samples_words(found.samples)}; {found.outcome}')}</title>"
    name = f'<text x="{NAMES - 4}" y="{y + 4}" text-anchor="end">{escape_html(str(label))}</text>'
    interval = "" if math.isnan(found.low) else f'<path d="M{at(found.low):g} {y}H{at(found.high):g}"/>'
    point = "" if math.isnan(found.estimate) else mark(found.outcome, at(found.estimate), y)
    return f'<g class="{css(found.outcome)}">{title}{name}{interval}{point}</g>'


def mark(outcome: str, x: float, y: int) -> str:
    """A filled dot for yes, a cross for no, a hollow dot for unclear, a small one for too few."""
    if outcome == "no":
        return f'<path d="M{x - 3:g} {y - 3}l6 6m0 -6l-6 6"/>'
    return f'<circle cx="{x:g}" cy="{y}" r="{2 if outcome == "too few" else 3}"/>'


def claimed(test: Expected, at: Callable[[float], float], height: int) -> str:
    """The claimed side of the limits, shaded."""
    left = at(test.above) if math.isfinite(test.above) else NAMES
    right = at(test.below) if math.isfinite(test.below) else NAMES + WIDTH
    return f'<rect class="claimed" x="{left:g}" y="0" width="{right - left:g}" height="{height}"/>'


def limit_lines(test: Expected, at: Callable[[float], float], height: int, words: bool = False) -> str:
    """The limits as lines, with their numbers below where words are wanted."""
    lines = []
    for limit in filter(math.isfinite, (test.above, test.below)):
        lines.append(f'<path class="limit" d="M{at(limit):g} 0V{height}"/>')
        if words:
            lines.append(f'<text x="{at(limit):g}" y="{height + 11}" text-anchor="middle">{limit:g}</text>')
    return "".join(lines)


def description(test: Expected, measured: Mapping[Label, Measured]) -> str:
    """What a strip shows, in a sentence."""
    each = "; ".join(f"{label} {found} ({found.outcome})" for label, found in measured.items())
    return f"{test.words}, claimed to be {test.limits}: {each}."


def css(outcome: str) -> str:
    """The class of an outcome."""
    return outcome.replace(" ", "-")


def of_verdict(verdict: Verdict, k: int) -> dict[Label, Measured]:
    """The k-th statistic of every network of a verdict."""
    return {label: tests[k] for label, tests in verdict.measured.items()}


def strips(verdict: Verdict) -> str:
    """All statistics of a verdict, each under its words."""
    if not verdict.measured:
        return ""
    figures = [
        f"<div><p>{escape_html(f'{test.words} ({test.limits})')}</p>{strip(test, of_verdict(verdict, k))}</div>"
        for k, test in enumerate(verdict.claim.rule.tests)
    ]
    return f'<div class="strips">{"".join(figures)}</div>'


def small_strips(verdict: Verdict) -> str:
    """All statistics of a verdict, without words."""
    tests = verdict.claim.rule.tests if verdict.measured else ()
    return "".join(small_strip(test, of_verdict(verdict, k)) for k, test in enumerate(tests))
