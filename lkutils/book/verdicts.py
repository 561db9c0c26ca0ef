"""Verdicts at the end of the chapter that judged them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from IPython.display import Markdown, display

from lkutils.book.markdown import escape, table
from lkutils.claims import verdicts
from lkutils.claims.verdicts import Verdict
from lkutils.games import Label


def show(found: Sequence[Verdict]) -> None:
    """Show what became of a chapter's claims: a table, a sentence for each, and folded away the numbers and rules.

    The verdicts go with the table as its metadata, from where the page of claims collects them.
    """
    header, rows = verdicts.matrix(found)
    display(table(list(map(escape, header)), rows), metadata=verdicts.metadata(found))
    display(Markdown(verdicts.sentences(list(map(with_names_escaped, found)))))
    header, rows = verdicts.numbers(found)
    numbers = table(list(map(escape, header)), rows).data
    rules = f"{verdicts.JUDGING}\n\n{verdicts.rules(found)}"
    summary = "<summary>The numbers, and the rules by which they are judged</summary>"
    display(Markdown(f"<details>{summary}\n\n{numbers}\n\n{rules}\n\n</details>"))


def with_names_escaped(verdict: Verdict) -> Verdict:
    """The verdict for sentences in Markdown, where no name of a network or data set is markup."""
    named = {Label(*map(escape, label)): found for label, found in verdict.measured.items()}
    return replace(verdict, measured=named)
