"""What a chapter says at its end of the run it comes from."""

from __future__ import annotations

import time

from IPython.display import Markdown

from lkutils.book.markdown import table
from lkutils.paper.provenance import git_hash, machine


def run_facts(started: float, gap: float | None = None) -> Markdown:
    """What a chapter says at its end of the run it comes from, as a table; versions stand on the status page.

    Args:
        started: ``time.perf_counter()`` at its beginning.
        gap: the largest certified gap in it; None where nothing is extracted.

    Example:
        >>> print(run_facts(time.perf_counter(), 0.005).data)  # doctest: +ELLIPSIS
        | Fact | Value |
        |---|---|
        | Seconds | 0 (extractions that were done before are read from the cache) |
        | Machine | ... |
        | Commit | ... |
        | Largest certified gap | 0.50% |
    """
    seconds = f"{time.perf_counter() - started:.0f} (extractions that were done before are read from the cache)"
    facts = {"Seconds": seconds, "Machine": machine(), "Commit": git_hash()}
    if gap is not None:
        facts["Largest certified gap"] = f"{gap:.2%}"
    return table(["Fact", "Value"], facts.items())
