"""Docstrings are written to be read in an editor, with |S| for a size; in reStructuredText bars mean something else."""

from __future__ import annotations

from sphinx.application import Sphinx


def escape_bars(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Escape the bars of text, in place; examples are shown as they are."""
    in_example = False
    for k, line in enumerate(lines):
        in_example = line.lstrip().startswith(">>>") or (in_example and bool(line.strip()))
        if not in_example and "``" not in line:
            lines[k] = line.replace("|", r"\|")


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", escape_bars, priority=900)  # after napoleon
    return {"parallel_read_safe": True}
