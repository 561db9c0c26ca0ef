"""What a chapter says at its end of the run it comes from."""

from __future__ import annotations

import time

from lkutils.paper.provenance import git_hash, machine, versions


def run_facts(started: float, gap: float) -> str:
    """What a chapter says at its end of the run it comes from, as a table in Markdown.

    Args:
        started: ``time.perf_counter()`` at its beginning.
        gap: the largest certified gap in it.

    Example:
        >>> run_facts(time.perf_counter(), 0.005).splitlines()[2]
        '| Seconds | 0 (extractions that were done before are read from the cache) |'
    """
    seconds = f"{time.perf_counter() - started:.0f} (extractions that were done before are read from the cache)"
    facts = {"Seconds": seconds, "Machine": machine(), "Commit": git_hash(), "Largest certified gap": f"{gap:.2%}"}
    lines = [f"| {key} | {value} |" for key, value in (facts | versions()).items()]
    return "\n".join(["| Fact | Value |", "|---|---|", *lines])
