"""Chapters that install the library where it is missing."""

import ast

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from lkutils.book import launch
from lkutils.paper import paths


@pytest.fixture
def chapter():
    return nbformat.read(paths.NOTEBOOKS / "01_sparsity.ipynb", as_version=4)


def test_the_title_stays_first_and_the_rest_as_it_was(chapter):
    before = [cell.source for cell in chapter.cells]
    changed = launch.launchable(chapter, "someone/book")
    nbformat.validate(changed)
    sources = [cell.source for cell in changed.cells]
    assert [*sources[:1], *sources[2:]] == before == [cell.source for cell in chapter.cells]
    assert "https://github.com/someone/book" in sources[1]


def test_nothing_is_installed_where_the_library_is_there(chapter):
    code = TransformerManager().transform_cell(launch.launchable(chapter, "someone/book").cells[1].source)
    assert "system('git clone" in code
    ran = {"get_ipython": lambda: pytest.fail("something was fetched")}
    exec(compile(ast.parse(code), "cell", "exec"), ran)


def test_chapters_are_changed_in_place(tmp_path, monkeypatch, chapter):
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path)
    nbformat.write(chapter, tmp_path / "one.ipynb")
    launch.main("someone/book")
    assert len(nbformat.read(tmp_path / "one.ipynb", as_version=4).cells) == len(chapter.cells) + 1
