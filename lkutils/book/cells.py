"""The cells of a chapter that draw its figures."""

from __future__ import annotations

from nbformat import NotebookNode


def figure_cells(notebook: NotebookNode) -> list[tuple[str, NotebookNode]]:
    """The cells that announce a figure in their metadata, each with the name of its figure.

    Example:
        >>> from nbformat.v4 import new_code_cell, new_notebook
        >>> drawn = new_code_cell("draw()", metadata={"mystnb": {"figure": {"name": "fig-one"}}})
        >>> [name for name, _ in figure_cells(new_notebook(cells=[drawn, new_code_cell("1 + 1")]))]
        ['fig-one']
    """
    announced = [(cell.metadata.get("mystnb", {}).get("figure"), cell) for cell in notebook.cells]
    return [(figure["name"], cell) for figure, cell in announced if figure]
