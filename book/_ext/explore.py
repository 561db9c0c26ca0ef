"""The page "Explore": its data lie beside the built pages; without JavaScript it shows a picture and a table."""

from __future__ import annotations

import json
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PAGE, PICTURE = "explore", "notebooks/first.png"
ALT = "The strongest interactions of one sample, drawn on its patches, and below each its effect in every layer."


def games_of(app: Sphinx) -> list[str]:
    """The games that the executed chapters are of: the paper's, or the smaller ones of a book of smoke chapters."""
    from lkutils.book.explorer import game_names  # takes seconds to import, and a build may not need it

    chapter = next(iter(sorted(Path(app.srcdir, "notebooks").glob("*.ipynb"))), None)
    run = json.loads(chapter.read_text())["metadata"].get("papermill", {}) if chapter else {}
    return game_names(run.get("parameters", {}).get("profile", "paper"))


class Strongest(SphinxDirective):
    """``.. strongest::`` is the picture and the table for those without JavaScript."""

    def run(self) -> list[nodes.Node]:
        """Both, between the tags that hide them from all others."""
        from lkutils.book.explorer import strongest

        text = strongest(games_of(self.env.app)[:1]).splitlines()
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in (text[0], *text[2:])]
        grid = nodes.table("", group := nodes.tgroup("", cols=len(rows[0])))
        group += [nodes.colspec(colwidth=1) for _ in rows[0]]
        for part, lines in ((nodes.thead(), rows[:1]), (nodes.tbody(), rows[1:])):
            for line in lines:
                part += nodes.row("", *(nodes.entry("", nodes.paragraph(text=cell)) for cell in line))
            group += part
        opening, closing = (nodes.raw("", tag, format="html") for tag in ("<noscript>", "</noscript>"))
        picture = [nodes.image(uri=PICTURE, alt=ALT)] if Path(self.env.srcdir, PICTURE).exists() else []
        told = nodes.paragraph(text="Without JavaScript: the strongest interactions of one sample.")
        return [opening, told, *picture, grid, closing]


def keep_on_its_page(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Jupyter Book links every script and style of `_static` on every page; these are for one page."""
    if pagename != PAGE:
        for files in ("script_files", "css_files"):
            context[files] = [f for f in context[files] if "_static/explore" not in str(getattr(f, "filename", f))]


def write_data(app: Sphinx, exception: Exception | None) -> None:
    """Write the scripts and images beside the page."""
    if exception is None and app.builder.format == "html":
        from lkutils.book.explorer import write_explorer

        write_explorer(games_of(app), Path(app.outdir, "_static", "explore"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.add_directive("strongest", Strongest)
    app.connect("html-page-context", keep_on_its_page, priority=900)
    app.connect("build-finished", write_data)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
