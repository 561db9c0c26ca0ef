"""The page of claims: what became of each, in all chapters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import nbformat
from IPython.display import Markdown

from lkutils.book import matrix
from lkutils.book.cells import figure_cells
from lkutils.book.correction import corrected, told
from lkutils.book.markdown import escape, escape_html, table
from lkutils.book.matrix import Pair
from lkutils.book.strips import small_strips, strips
from lkutils.claims import registry, verdicts
from lkutils.claims.claim import Claim
from lkutils.claims.verdicts import Verdict


def collect(executed: Iterable[Path]) -> dict[str, list[tuple[Verdict, Path]]]:
    """The verdicts of executed chapters, each with its chapter, by the claim's id."""
    found: dict[str, list[tuple[Verdict, Path]]] = {}
    for path in executed:
        for entry in [entry for out in outputs_of(path) for entry in out.get("metadata", {}).get("verdicts", [])]:
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


def standings(executed: Iterable[Path]) -> dict[str, dict[str, float]]:
    """In what ``share`` of how many ``specifications`` the verdict on a claim stands, by the claim's id."""
    outputs = [output for path in executed for output in outputs_of(path)]
    parts = [output.get("metadata", {}).get("standing", {}) for output in outputs]
    return {name: found for part in parts for name, found in part.items()}


def outputs_of(path: Path) -> list[dict]:
    """All outputs of an executed chapter."""
    return [output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", [])]


def claims_report(executed: Iterable[Path]) -> str:
    """Every claim of the registry with what became of it, as Markdown: tables, then a folded block for each claim."""
    executed = list(executed)
    found = collect(executed)
    pairs, drawn, standing = pairs_of(found), figures_of(executed), standings(executed)
    order = [verdict for some in pairs.values() for verdict, _ in some]

    def blocks_of(claims: Sequence[Claim]) -> list[str]:
        return [claim_block(claim, found.get(claim.id, []), drawn, standing.get(claim.id)) for claim in claims]

    blocks = [matrix.filters(order), matrix.legend(), *matrices(registry.CLAIMS, pairs)]
    blocks += ["## The paper's claims, one by one", *blocks_of(registry.CLAIMS)]
    if registry.BEYOND:
        blocks += ["## Beyond the paper", *matrices(registry.BEYOND, pairs), *blocks_of(registry.BEYOND)]
    blocks += ["## How verdicts are reached", verdicts.JUDGING, "## Several tests", told(order)]
    return "\n\n".join(filter(None, blocks)) + "\n"


def matrices(claims: Sequence[Claim], pairs: Mapping[str, Sequence[Pair]]) -> list[str]:
    """A table for all claims that are put to the same: networks, or pairs of networks."""
    kinds = list(dict.fromkeys(claim.put_to for claim in claims))
    return [
        matrix.matrix([claim for claim in claims if claim.put_to == kind], pairs, f"Claims and {kind[1]}")
        for kind in kinds
    ]


def claim_block(
    claim: Claim,
    entries: Sequence[tuple[Verdict, Path]],
    drawn: Mapping[str, Sequence[str]],
    standing: Mapping[str, float] | None = None,
) -> str:
    """A claim, folded: k of n and small strips on one line; inside, the paper's words, strips, rule and numbers."""
    found = [verdict for verdict, _ in entries]
    counts = ", ".join(f"{len(verdict.where('yes'))} of {len(verdict.measured)}" for verdict in found)
    told = f"yes in {counts}" if found else "not tested yet"
    drawings = "".join(map(small_strips, found))
    head = f"<summary><b>{escape_html(claim.words)}</b> <small>{told}</small><span>{drawings}</span></summary>"
    quotation = f"“{escape(claim.quotation)}” ({escape(claim.place)})" if claim.quotation else escape(claim.place)
    # The anchor lies inside, so that a link to it opens the block.
    inside = [f"({claim.id})=\n> {quotation}"]
    for verdict in found:
        setting = f"{verdict.setting}: " if verdict.setting else ""
        inside += [escape(f"{setting}{verdict.summary()}."), strips(verdict)]
    inside += [f"**Rule:** {escape(claim.rule.words)}"]
    if standing:
        inside += [
            f"**Choices:** the verdict stands in {standing['share']:.0%} of {standing['specifications']:,} other "
            f"specifications, over all networks ([b3_choices](notebooks/b3_choices.ipynb))."
        ]
    inside += [f"**Shown in:** {places(claim, path, drawn)}" for path in dict.fromkeys(path for _, path in entries)]
    if found:
        header, rows = verdicts.numbers(found)
        numbers = table(list(map(escape, header)), rows).data
        inside += [f"<details><summary>The numbers</summary>\n\n{numbers}\n\n</details>"]
    return (
        f'<details class="claim" data-claim="{claim.id}">{head}\n\n'
        + "\n\n".join(filter(None, inside))
        + "\n\n</details>"
    )


def figures_of(executed: Iterable[Path]) -> dict[str, list[str]]:
    """The names of the figures of each chapter."""
    chapters = {path.stem: nbformat.read(path, as_version=4) for path in executed}
    return {stem: [name for name, _ in figure_cells(chapter)] for stem, chapter in chapters.items()}


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
