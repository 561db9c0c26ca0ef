"""Verdicts at the end of the chapter that judged them."""

from __future__ import annotations

from collections.abc import Sequence

from IPython.display import Markdown, display

from lkutils.book.markdown import table
from lkutils.claims import verdicts
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
