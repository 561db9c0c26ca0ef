"""Figures are numbered by chapter, as "Book Fig. 2.4" or "Book Fig. B1.2": the paper has a Fig. 2 of its own."""

from __future__ import annotations

import re
from itertools import count

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def number_by_chapter(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Replace the running numbers that Sphinx has dealt out; those of pages that are no chapters begin with 0."""
    others = count(1)
    for page, numbers in env.toc_fignumbers.items():
        chapter = re.match(r"notebooks/0*(\w+?)_", page)
        places = count(1) if chapter else others
        for figure in numbers.get("figure", {}):
            numbers["figure"][figure] = (chapter[1].upper() if chapter else 0, next(places))
    return []


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("env-get-updated", number_by_chapter, priority=900)  # after Sphinx' own
    return {"parallel_read_safe": True}
