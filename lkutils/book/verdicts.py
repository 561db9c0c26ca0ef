"""Verdicts on pages: at the end of the chapter that judged them, and together on the page of claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import nbformat
from IPython.display import Markdown, display

from lkutils.book.markdown import escape, table
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


def claims_report(executed: Iterable[Path]) -> str:
    """Every claim of the registry with what became of it, as Markdown: tables first, then each with its rule."""
    found = collect(executed)
    blocks = ["## The paper's claims", summary_table(registry.CLAIMS, found)]
    if registry.BEYOND:
        blocks += ["## Beyond the paper", summary_table(registry.BEYOND, found)]
    blocks += ["## How each claim is judged", verdicts.JUDGING]
    blocks += [claim_block(claim, found) for claim in (*registry.CLAIMS, *registry.BEYOND)]
    return "\n\n".join(blocks) + "\n"


def summary_table(claims: Sequence[Claim], found: Mapping[str, Sequence[tuple[Verdict, Path]]]) -> str:
    """One row for each verdict, and one for each claim without any."""
    rows = []
    for claim in claims:
        link = Markdown(f"[{escape(claim.words)}](#{claim.id})")
        entries = found.get(claim.id)
        if not entries:
            rows.append([link, claim.place, "not tested yet", None])
        for verdict, path in entries or []:
            setting = f"{verdict.setting}: " if verdict.setting else ""
            rows.append([link, claim.place, f"{setting}{verdict.summary()}", chapter_link(path)])
    return table(["Claim", "Where", "Seen", "Chapter"], rows).data


def claim_block(claim: Claim, found: Mapping[str, Sequence[tuple[Verdict, Path]]]) -> str:
    """A claim with the paper's words, its rule, and its verdicts in sentences."""
    quotation = f"> “{escape(claim.quotation)}” ({escape(claim.place)})\n\n" if claim.quotation else ""
    entries = found.get(claim.id, [])
    told = verdicts.sentences([verdict for verdict, _ in entries]) if entries else "Not tested yet."
    return f"({claim.id})=\n### {escape(claim.words)}\n\n{quotation}Rule: {escape(claim.rule.words)}\n\n{told}"


def chapter_link(path: Path) -> Markdown:
    """A link to a chapter, from the pages beside the folder of chapters."""
    return Markdown(f"[{path.stem}](notebooks/{path.name})")
