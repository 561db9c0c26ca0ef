"""Claims and networks: as a table with signs that link to each claim, and as numbers to download."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence

from lkutils.book.markdown import escape_html
from lkutils.book.strips import css
from lkutils.claims.claim import Claim
from lkutils.claims.judging import OUTCOMES
from lkutils.claims.verdicts import Verdict
from lkutils.games import Label

SIGNS = {"yes": "✓", "no": "✗", "unclear": "?", "too few": "–"}
LEGEND = {"yes": "yes", "no": "no", "unclear": "unclear", "too few": "too few samples"}
COLUMNS = [
    *("id", "words", "section", "dataset", "network", "setting", "outcome", "after_correction"),
    *("statistic", "claimed", "outcome_of_statistic", "estimate", "low", "high", "above", "below"),
    *("samples", "set_before"),
]

Pair = tuple[Verdict, Verdict]  # as it was found, and after the correction for several tests


def legend() -> str:
    """What the signs mean."""
    items = [f'<span class="{css(name)}">{SIGNS[name]}</span> {words}' for name, words in LEGEND.items()]
    outlined = '(outlined: not after <a href="claims.html#several-tests">correction for several tests</a>)'
    return f'<p class="signs">{" ".join(items)} {outlined}</p>'


def networks_of(verdicts: Sequence[Verdict]) -> list[Label]:
    """All networks, those of a data set together, in the order in which they appear."""
    labels = list(dict.fromkeys(label for verdict in verdicts for label in verdict.measured))
    datasets = list(dict.fromkeys(label.dataset for label in labels))
    return sorted(labels, key=lambda label: datasets.index(label.dataset))


def matrix(claims: Sequence[Claim], found: Mapping[str, Sequence[Pair]], caption: str, page: str = "") -> str:
    """A table of claims and networks, a row for each verdict, as HTML; nothing where there is no verdict.

    Args:
        claims: in the order of the rows.
        found: the verdicts of each claim, by its id.
        caption: of the table.
        page: where the claims' anchors are; "" on the same page.
    """
    pairs = [(claim, pair) for claim in claims for pair in found.get(claim.id, []) if pair[0].measured]
    if not pairs:
        return ""
    labels = networks_of([verdict for _, (verdict, _) in pairs])
    datasets = {dataset: [label for label in labels if label.dataset == dataset] for dataset, _ in labels}
    groups = "".join(
        f'<th colspan="{len(some)}" scope="colgroup" data-dataset="{escape_html(name)}">{escape_html(name)}</th>'
        for name, some in datasets.items()
    )
    names = "".join(
        f'<th scope="col" data-dataset="{escape_html(label.dataset)}"><span>{escape_html(label.network)}</span></th>'
        for label in labels
    )
    before = [None, *(claim for claim, _ in pairs)]
    rows = "".join(
        matrix_row(claim, pair, labels, page, again=claim is above)
        for above, (claim, pair) in zip(before, pairs, strict=False)
    )
    return (
        f'<div class="claims-matrix" tabindex="0" role="region" aria-label="{escape_html(caption)}"><table>'
        f'<thead><tr><td></td><td></td>{groups}</tr><tr><th scope="col">Claim</th><th scope="col">Yes</th>{names}</tr>'
        f"</thead><tbody>{rows}</tbody></table></div>"
    )


def matrix_row(claim: Claim, pair: Pair, labels: Sequence[Label], page: str, again: bool = False) -> str:
    """One verdict: the claim, k of n, and a sign for each network that it was put to.

    Where the same claim stands above, in another setting, only the setting is shown.
    """
    verdict, after = pair
    setting = f" <small>{escape_html(verdict.setting)}</small>" if verdict.setting else ""
    outcomes, later = verdict.outcomes, after.outcomes
    cells = [cell(claim.id, label, outcomes.get(label), later.get(label), page) for label in labels]
    name = f'<th scope="row"><a href="{page}#{claim.id}"><span>{escape_html(claim.words)}</span>{setting}</a></th>'
    count = f'<td class="count">{len(verdict.where("yes"))}/{len(verdict.measured)}</td>'
    return f'<tr class="{"again" * again}" data-claim="{claim.id}">{name}{count}{"".join(cells)}</tr>'


def cell(claim: str, label: Label, outcome: str | None, after: str | None, page: str) -> str:
    """The sign of one network, which links to the claim; outlined where it does not survive the correction."""
    dataset = escape_html(label.dataset)
    if outcome is None:
        return f'<td data-dataset="{dataset}"></td>'
    weak = outcome != after
    told = escape_html(f"{LEGEND[outcome]}{', not after correction' * weak}: {label}")
    link = f'<a href="{page}#{claim}" title="{told}" aria-label="{told}">{SIGNS[outcome]}</a>'
    return f'<td class="{css(outcome)}{" weak" * weak}" data-dataset="{dataset}" data-outcome="{outcome}">{link}</td>'


def filters(verdicts: Sequence[Verdict]) -> str:
    """Two choices, data set and verdict; shown by the script that makes them work."""
    datasets = list(dict.fromkeys(label.dataset for label in networks_of(verdicts)))
    choices = {"dataset": ("Data set", datasets), "outcome": ("Verdict", list(OUTCOMES))}
    selects = [
        f'<label>{words} <select name="{name}"><option value="">all</option>'
        + "".join(f"<option>{escape_html(value)}</option>" for value in values)
        + "</select></label>"
        for name, (words, values) in choices.items()
    ]
    return f'<form class="claims-filter" hidden>{" ".join(selects)} <output></output></form>'


def as_csv(pairs: Sequence[Pair]) -> str:
    """Every statistic of every verdict and network: one row each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for verdict, after in pairs:
        claim, outcomes, later = verdict.claim, verdict.outcomes, after.outcomes
        for label, tests in verdict.measured.items():
            for test, found in zip(claim.rule.tests, tests, strict=True):
                numbers = [found.estimate, found.low, found.high, test.above, test.below]
                cells = [repr(number) if math.isfinite(number) else "" for number in numbers]
                told = [claim.id, claim.words, claim.place, *label, verdict.setting, outcomes[label], later[label]]
                judged = [test.words, test.limits, found.outcome]
                writer.writerow([*told, *judged, *cells, found.samples, claim.rule.set_before])
    return text.getvalue()
