"""The first page: the answer in four sentences, the main claims as a table, the paper's Fig. 1, and where to go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import nbformat

from lkutils.book import cover, matrix
from lkutils.book.claims_page import collect, pairs_of, standings
from lkutils.book.correction import count_outcomes
from lkutils.book.cover import Picture
from lkutils.book.markdown import escape
from lkutils.book.matrix import Pair
from lkutils.claims import registry
from lkutils.claims.claim import Claim
from lkutils.claims.judging import OUTCOMES
from lkutils.claims.verdicts import Verdict

PICTURE, CHAPTER = "first.png", "02_layers"
WORDS_A_MINUTE = 200  # of a reader of prose


# ---- the answer ------------------------------------------------------------------------------------------------------


def verdict_of(found: Sequence[Verdict]) -> str:
    """What all verdicts on a claim say together: "seen", "contradicted", "mixed" or "untested".

    Seen: in every setting in more than half of the networks, and contradicted in none. Contradicted: in every setting
    in more than half. Mixed: anything else.
    """
    found = [verdict for verdict in found if verdict.measured]
    if not found:
        return "untested"
    if all(2 * len(v.where("yes")) > len(v.measured) and not v.where("no") for v in found):
        return "seen"
    if all(2 * len(v.where("no")) > len(v.measured) for v in found):
        return "contradicted"
    return "mixed"


def in_how_many(found: Sequence[Verdict], outcome: str) -> str:
    """In how many networks this is the outcome, from the least to the most over the settings."""
    counts = sorted({len(verdict.where(outcome)) for verdict in found})
    n = max(len(verdict.measured) for verdict in found)
    return f"{' to '.join(map(str, dict.fromkeys([counts[0], counts[-1]])))} of {n}"


def named(claim: Claim, found: Sequence[Verdict], outcome: str) -> str:
    """A claim as a link, with in how many networks it has an outcome."""
    words = claim.words.removesuffix(" (AND)")
    kind = "" if claim.put_to[0] == "network" else f" {claim.put_to[1]}"
    count = f" ({in_how_many(found, outcome)}{kind})" if found else ""
    return f"[{escape(words[0].lower() + words[1:])}](#{claim.id}){count}"


def answer(claims: Sequence[Claim], pairs: Mapping[str, Sequence[Pair]]) -> list[str]:
    """Four sentences: what is seen, what is contradicted, what depends, and how much of all that may be chance.

    Which sentence a claim stands in depends on its verdicts alone.
    """
    found = {claim.id: [verdict for verdict, _ in pairs.get(claim.id, []) if verdict.measured] for claim in claims}
    groups: dict[str, list[Claim]] = {}
    for claim in claims:
        groups.setdefault(verdict_of(found[claim.id]), []).append(claim)
    told = {
        group: "; ".join(named(claim, found[claim.id], "no" if group == "contradicted" else "yes") for claim in some)
        for group, some in groups.items()
    }
    seen = f"**Seen** in most networks, and contradicted in none: {told['seen']}." if "seen" in told else ""
    against = f"**Contradicted** in most networks: {told['contradicted']}." if "contradicted" in told else ""
    mixed = (
        f"**It depends** on the network, on a choice that the paper leaves open, or is not clear (seen in): "
        f"{told['mixed']}."
        if "mixed" in told
        else ""
    )
    return [
        seen or "**Seen** in most networks, and contradicted in none, is no main claim.",
        against or "**Contradicted** in most networks is no main claim.",
        mixed or "**It depends** on network or choice for no main claim that was tested.",
        totals([pair for claim in registry.CLAIMS for pair in pairs.get(claim.id, [])]),
    ]


def totals(pairs: Sequence[Pair]) -> str:
    """How many verdicts there are, and how many remain after the correction for several tests."""
    before, after = [verdict for verdict, _ in pairs], [verdict for _, verdict in pairs]
    counts = {name: count_outcomes(before, name) for name in OUTCOMES}
    left = {name: count_outcomes(after, name) for name in ("yes", "no")}
    total = sum(counts.values())
    if not total:
        return "**In all**, no claim was put to a network yet."
    return (
        f"**In all**, {total} times a claim of the paper was put to a network: {counts['yes']} yes, {counts['no']} no, "
        f"{counts['unclear']} unclear, {counts['too few']} with too few samples; corrected for all tests together, "
        f"{left['yes']} yes and {left['no']} no remain."
    )


def chosen_otherwise(standing: Mapping[str, Mapping[str, float]]) -> str:
    """How many verdicts stand when what the paper leaves open is chosen otherwise; "" where that was not tried.

    Args:
        standing: `lkutils.book.claims_page.standings`.

    Example:
        >>> chosen_otherwise({"a": {"share": 0.95}, "b": {"share": 0.5}})[:64]
        ' Chosen otherwise ([thresholds, noise, extraction, samples and p'
    """
    if not standing:
        return ""
    shares = [found["share"] for found in standing.values()]
    return (
        " Chosen otherwise ([thresholds, noise, extraction, samples and probes](notebooks/b3_choices.ipynb)), "
        f"{sum(share >= 0.9 for share in shares)} of {len(shares)} claims keep their verdicts in at least nine of ten "
        f"cases, {sum(share < 2 / 3 for share in shares)} in fewer than two thirds."
    )


# ---- picture and times -----------------------------------------------------------------------------------------------


def first_picture(executed: Iterable[Path]) -> Picture | None:
    """The paper's Fig. 1 on a sample of the games that the chapter on layers is about; None where it was not run."""
    chapter = next((path for path in executed if path.stem == CHAPTER), None)
    if chapter is None:
        return None
    given = nbformat.read(chapter, as_version=4).metadata["papermill"].get("parameters", {})
    return cover.draw(given.get("profile", "paper"))


def figure(picture: Picture) -> str:
    """The picture, which leads to more of its kind, with what it shows."""
    return (
        f":::{{div}} first-figure\n```{{image}} notebooks/{PICTURE}\n:alt: {' '.join(picture.alt.split())}\n"
        f":target: notebooks/{CHAPTER}.html\n```\n\n"
        "The paper's Fig. 1 on a real sample. Above, an interaction of the marked patches; below, its effect from the "
        "first layer to the output. Grey is shared with the output, orange will be forgotten, the blue line is the "
        "effect in the output.\n:::"
    )


def minutes(seconds: float | int) -> str:
    """A time in words, rounded up.

    Example:
        >>> [minutes(seconds) for seconds in (20, 61, 700)]
        ['1 minute', '2 minutes', '12 minutes']
    """
    count = max(1, -int(-seconds // 60))
    return f"{count} minute{'s' * (count != 1)}"


def cards(executed: Sequence[Path]) -> str:
    """Four ways to go on, with how long they take: measured, or for reading by the number of words."""
    books = {path.stem: nbformat.read(path, as_version=4) for path in executed}
    run = {name: book.metadata.get("papermill", {}).get("duration") or 0.0 for name, book in books.items()}
    words = sum(len(c.source.split()) for book in books.values() for c in book.cells if c.cell_type == "markdown")
    own = f" The chapter took {minutes(run['b2_your_network'])} to run." if run.get("b2_your_network") else ""
    told = {
        (
            "Read",
            "claims",
        ): f"All claims, in a few minutes. The chapters: {minutes(60 * words / WORDS_A_MINUTE)}.",
        ("Explore", "explore"): "Choose a network and a sample, and follow its interactions. At once.",
        ("Rerun", "rerun"): f"`make book`. All chapters took {minutes(sum(run.values()))} from shipped games.",
        ("Your network", "your_network"): f"`lkutils`, the library behind the book, on your data.{own}",
    }
    items = [
        f":::{{grid-item-card}} {title}\n:link: {page}\n:link-type: doc\n\n{text}\n:::"
        for (title, page), text in told.items()
    ]
    return "::::{grid} 1 2 2 4\n:gutter: 2\n\n" + "\n\n".join(items) + "\n\n::::"


def front_page(executed: Sequence[Path]) -> str:
    """All of it, as Markdown."""
    pairs, picture = pairs_of(collect(executed)), first_picture(executed)
    sentences = "\n".join(f"- {sentence}" for sentence in answer(registry.MAIN, pairs))
    sentences += chosen_otherwise(standings(executed))
    main = [claim for claim in registry.MAIN if claim.put_to[0] == "network"]
    table = matrix.matrix(main, pairs, "Main claims and networks", "claims.html")
    beside = "\n\n".join(filter(None, [table, figure(picture) if picture else ""]))
    blocks = [sentences, matrix.legend() if table else "", f"::::{{div}} side-by-side\n{beside}\n::::"]
    return "\n\n".join(filter(None, [*blocks, cards(executed)])) + "\n"
