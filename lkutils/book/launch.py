"""Chapters that run where nothing is installed: a first cell fetches the repository and installs the library.

``python -m lkutils.book.launch OWNER/NAME`` changes the chapters of ``notebooks/`` in place. ``make launch`` puts them
on a branch of their own, to which the launch buttons of a published book lead.
"""

from __future__ import annotations

import copy
import sys

import nbformat
from nbformat import NotebookNode

from lkutils.paper import paths

BRANCH = "launch"
CELL = """\
# Only where the library is missing, as on Colab: fetch the repository and install what it needs.
import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec("lkutils") is None:
    if not Path("../lkutils").exists():
        !git clone --quiet --depth 1 --branch {branch} https://github.com/{repository} book
        %pip install --quiet --editable "book[plot,paper,book]"
        %cd book/notebooks
    sys.path.insert(0, str(Path("..").resolve()))
"""


def launchable(chapter: NotebookNode, repository: str) -> NotebookNode:
    """The chapter with a cell after its title that installs the library where it is missing; the argument is kept.

    Args:
        chapter: a notebook without outputs.
        repository: owner/name on GitHub.

    Example:
        >>> chapter = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title")])
        >>> "git clone" in launchable(chapter, "someone/book").cells[1].source
        True
    """
    changed = copy.deepcopy(chapter)
    source = CELL.format(branch=BRANCH, repository=repository)
    changed.cells.insert(1, nbformat.v4.new_code_cell(source, id="install"))
    return changed


def main(repository: str) -> None:
    """Change all chapters in place."""
    for path in sorted(paths.NOTEBOOKS.glob("*.ipynb")):
        nbformat.write(launchable(nbformat.read(path, as_version=4), repository), path)


if __name__ == "__main__":
    main(sys.argv[1])
