"""Verdicts on pages: at the end of the chapter that judged them, and together on the page of claims."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import nbformat
from IPython.display import Markdown, display

from lkutils.book import matrix
from lkutils.book.correction import corrected, told
from lkutils.book.markdown import escape, table
from lkutils.book.matrix import Pair
from lkutils.book.strips import small_strips, strips
from lkutils.claims import registry, verdicts
from lkutils.claims.claim import Claim
from lkutils.claims.verdicts import Verdict


def show(found: Sequence[Verdict]) -> None:
    """Show what became of a chapter's claims: a table, a sentence for each, and folded away the numbers and rules.

    The verdicts go with the table as its metadata, from where the page of claims collects them.
    """
    display(table(*verdicts.matrix(found)), metadata=verdicts.metadata(found))
    display(Markdown(verdicts.sentences(found)))
    numbers = table(*verdicts.numbers(found)).data
    rules = f"{verdicts.JUDGING}\n\n{verdicts.rules(found)}"
    summary = "<summary>The numbers, and the rules by which they are judged</summary>"
    display(Markdown(f"<details>{summary}\n\n{numbers}\n\n{rules}\n\n</details>"))


def collect(executed: Iterable[Path]) -> dict[str, list[tuple[Verdict, Path]]]:
    """The verdicts of executed chapters, each with its chapter, by the claim's id."""
    found: dict[str, list[tuple[Verdict, Path]]] = {}
    for path in executed:
        cells = nbformat.read(path, as_version=4).cells
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        for entry in [entry for output in outputs for entry in output.get("metadata", {}).get("verdicts", [])]:
            verdict = registry.read_verdict(entry)
            found.setdefault(verdict.claim.id, []).append((verdict, path))
    return found


def pairs_of(found: Mapping[str, Sequence[tuple[Verdict, Path]]]) -> dict[str, list[Pair]]:
    """Every verdict with what remains of it after the correction for all of them, by the claim's id."""
    order = [verdict for claim in (*registry.CLAIMS, *registry.BEYOND) for verdict, _ in found.get(claim.id, [])]
    pairs: dict[str, list[Pair]] = {}
    for verdict, after in zip(order, corrected(order), strict=True):
        pairs.setdefault(verdict.claim.id, []).append((verdict, after))
    return pairs


def claims_report(executed: Iterable[Path]) -> str:
    """Every claim of the registry with what became of it, as Markdown: tables, then a folded block for each claim."""
    executed = list(executed)
    found = collect(executed)
    pairs, drawn = pairs_of(found), figures_of(executed)
    order = [verdict for some in pairs.values() for verdict, _ in some]
    blocks = [matrix.filters(order), matrix.legend()]
    blocks += [*matrices(registry.CLAIMS, pairs), "## The paper's claims, one by one"]
    blocks += [claim_block(claim, found.get(claim.id, []), drawn) for claim in registry.CLAIMS]
    if registry.BEYOND:
        blocks += ["## Beyond the paper", *matrices(registry.BEYOND, pairs)]
        blocks += [claim_block(claim, found.get(claim.id, []), drawn) for claim in registry.BEYOND]
    blocks += ["## How verdicts are reached", verdicts.JUDGING, "## Several tests", told(order)]
    return "\n\n".join(filter(None, blocks)) + "\n"


def matrices(claims: Sequence[Claim], pairs: Mapping[str, Sequence[Pair]]) -> list[str]:
    """A table for all claims that are put to the same: networks, or pairs of networks."""
    kinds = list(dict.fromkeys(claim.put_to for claim in claims))
    return [
        matrix.matrix([claim for claim in claims if claim.put_to == kind], pairs, f"Claims and {kind[1]}")
        for kind in kinds
    ]


def claim_block(claim: Claim, entries: Sequence[tuple[Verdict, Path]], drawn: Mapping[str, Sequence[str]]) -> str:
    """A claim, folded: k of n and small strips in its line; inside, the paper's words, strips, rule and numbers."""
    found = [verdict for verdict, _ in entries]
    lines = "".join(
        f"<span><small>{html.escape(' '.join(filter(None, [verdict.setting, verdict.summary()])))}</small>"
        f"{small_strips(verdict)}</span>"
        for verdict in found
    )
    head = (
        f"<summary><b>{html.escape(claim.words)}</b>{lines or '<span><small>not tested yet</small></span>'}</summary>"
    )
    quotation = f"“{escape(claim.quotation)}” ({escape(claim.place)})" if claim.quotation else escape(claim.place)
    # The anchor lies inside, so that a link to it opens the block.
    inside = [f"({claim.id})=\n> {quotation}"]
    for verdict in found:
        setting = f"{verdict.setting}: " if verdict.setting else ""
        inside += [escape(f"{setting}{verdict.summary()}."), strips(verdict)]
    inside += [f"**Rule:** {escape(claim.rule.words)}"]
    inside += [f"**Shown in:** {places(claim, path, drawn)}" for path in dict.fromkeys(path for _, path in entries)]
    if found:
        numbers = table(*verdicts.numbers(found)).data
        inside += [f"<details><summary>The numbers</summary>\n\n{numbers}\n\n</details>"]
    return (
        f'<details class="claim" data-claim="{claim.id}">{head}\n\n'
        + "\n\n".join(filter(None, inside))
        + "\n\n</details>"
    )


def figures_of(executed: Iterable[Path]) -> dict[str, list[str]]:
    """The names of the figures of each chapter."""
    cells = {path.stem: nbformat.read(path, as_version=4).cells for path in executed}
    named = {
        stem: [cell.metadata.get("mystnb", {}).get("figure", {}).get("name") for cell in some]
        for stem, some in cells.items()
    }
    return {stem: [name for name in names if name] for stem, names in named.items()}


def places(claim: Claim, path: Path, drawn: Mapping[str, Sequence[str]]) -> str:
    """Links to the chapter, and to its figures of the paper's figure that the claim names."""
    number = re.search(r"Fig\. (\d+)(?:\((\w)\))?", claim.figure)
    start = f"fig-{number[1]}{number[2] or ''}" if number else None
    names = [name for name in drawn.get(path.stem, []) if start and re.match(rf"{start}(?!\d)", name)]
    return ", ".join([chapter_link(path).data, *(f"{{numref}}`{name}`" for name in names)])


def claims_csv(executed: Iterable[Path]) -> str:
    """Every statistic of every verdict and network, as CSV."""
    return matrix.as_csv([pair for some in pairs_of(collect(executed)).values() for pair in some])


def chapter_link(path: Path) -> Markdown:
    """A link to a chapter, from the pages beside the folder of chapters."""
    return Markdown(f"[{path.stem}](notebooks/{path.name})")
