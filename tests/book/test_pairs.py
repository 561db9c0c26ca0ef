import jupytext
import pytest
from jupytext.compare import compare_notebooks

from lkutils.book import parameters
from lkutils.paper import paths


@pytest.mark.parametrize("name", parameters.list_chapters())
def test_notebook_and_script_hold_the_same(name):
    notebook, script = (jupytext.read(paths.NOTEBOOKS / f"{name}.{suffix}") for suffix in ("ipynb", "py"))
    compare_notebooks(notebook, script, fmt="py:percent", compare_outputs=False, compare_ids=False)


def test_every_script_has_a_notebook():
    assert sorted(path.stem for path in paths.NOTEBOOKS.glob("*.py")) == parameters.list_chapters()
