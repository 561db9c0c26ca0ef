"""What a chapter's key depends on, in a small copy of the package."""

import json

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from lkutils.book import keys
from lkutils.paper import files, paths

FILES = {
    "requirements.lock": "",
    "benchmarks/results.json": "{}",
    "data/games/mnist/mlp7.nc": "one",
    "data/games/mnist/vgg11.nc": "two",
    "data/games/interactions/abc.nc": "found",
    "lkutils/__init__.py": "from lkutils import core\ndef __getattr__(name):\n    from lkutils import figures",
    "lkutils/core.py": "def f():\n    from lkutils.lazy import x",
    "lkutils/lazy.py": "",
    "lkutils/alone.py": "",
    "lkutils/figures/__init__.py": "",
    "lkutils/figures/style.py": "",
    "lkutils/figures/lines.py": "from .style import x\nfrom . import bars",
    "lkutils/figures/bars.py": "from .. import alone",
    "lkutils/figures/lk.mplstyle": "",
    "lkutils/claims/__init__.py": "",
    "lkutils/claims/style.py": "",
}
EVERYWHERE = {"lkutils/__init__.py", "lkutils/core.py", "lkutils/lazy.py"}
FIGURES = {f"lkutils/figures/{name}" for name in ("__init__.py", "style.py", "lines.py", "bars.py", "lk.mplstyle")}
LINES = EVERYWHERE | FIGURES | {"lkutils/alone.py"}


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for name, folder in {"NOTEBOOKS": "", "GAMES": "data/games", "MEASURED": "benchmarks/results.json"}.items():
        monkeypatch.setattr(paths, name, tmp_path / folder)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setenv("LKUTILS_DATA", str(tmp_path / "data"))
    write_chapter(tmp_path, "from lkutils.figures import style")
    return tmp_path


def write_chapter(project, code):
    notebook = new_notebook(cells=[new_code_cell(code)])
    notebook.cells[0].id = "one"
    nbformat.write(notebook, project / "tiny.ipynb")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import torch, lkutilsnot", set()),
        ("import lkutils", EVERYWHERE),
        ("from lkutils import core", EVERYWHERE),
        ("from lkutils.core import f as g", EVERYWHERE),
        ("import lkutils.alone", EVERYWHERE | {"lkutils/alone.py"}),
        ("import lkutils.alone as a", EVERYWHERE | {"lkutils/alone.py"}),
        ("def f():\n    from lkutils import alone", EVERYWHERE | {"lkutils/alone.py"}),
        ("if False:\n    import lkutils.alone", EVERYWHERE | {"lkutils/alone.py"}),
        ("import lkutils as lk\nlk.alone.f()", EVERYWHERE | {"lkutils/alone.py"}),
        ("from lkutils.claims.style import x", EVERYWHERE | {"lkutils/claims/__init__.py", "lkutils/claims/style.py"}),
        ("from lkutils.figures import lines", LINES),
        ("from lkutils.figures.lines import draw", LINES),
        ("import lkutils.figures.lines", LINES),
        ("import lkutils as lk\nlk.plot.draw()", LINES),
        ("import lkutils\nlkutils.plot.draw()", LINES),
        ("from lkutils import plot", LINES),
    ],
)
def test_all_forms_of_import_are_followed(project, code, expected):
    assert {str(path.relative_to(project)) for path in keys.imported_files(code)} == expected


@pytest.mark.parametrize(
    "name",
    [
        "requirements.lock",
        "data/games/mnist/mlp7.nc",
        "data/games/mnist/new.nc",
        "data/games/interactions/abc.nc",
        "lkutils/__init__.py",
        "lkutils/lazy.py",
        "lkutils/figures/__init__.py",
        "lkutils/figures/style.py",
        "lkutils/figures/lk.mplstyle",
    ],
)
def test_a_changed_input_changes_the_key(project, name):
    before = keys.content_key("tiny", {})
    (project / name).write_text("# changed")
    assert keys.content_key("tiny", {}) != before


@pytest.mark.parametrize("name", ["lkutils/alone.py", "lkutils/claims/style.py", "benchmarks/results.json"])
def test_what_a_chapter_does_not_read_does_not_matter(project, name):
    before = keys.content_key("tiny", {})
    (project / name).write_text("# changed")
    assert keys.content_key("tiny", {}) == before


def test_parameters_matter_and_measurements_where_they_are_shown(project):
    before = keys.content_key("tiny", {})
    assert keys.content_key("tiny", {"size": 4}) != before
    write_chapter(project, "paths.MEASURED.read_text()")
    shown = keys.content_key("tiny", {})
    (project / "benchmarks" / "results.json").write_text("[]")
    assert keys.content_key("tiny", {}) != shown


def test_only_games_that_can_be_read_matter(project):
    cases = [{"games": ["mnist/mlp7"]}, {"profile": "smoke"}, {"profile": "smoke", "games": ["mnist/vgg11"]}]
    one, smoke, other = (keys.content_key("tiny", given) for given in cases)
    (project / "data/games/mnist/vgg11.nc").write_text("altered")
    assert keys.content_key("tiny", cases[0]) == one
    assert keys.content_key("tiny", cases[1]) == smoke
    assert keys.content_key("tiny", cases[2]) != other
    (project / "data/games/mnist/mlp7.nc").write_text("altered")
    assert keys.content_key("tiny", cases[0]) != one


def test_two_files_of_one_name_are_two(project):
    """The same contents at another place are another input."""
    write_chapter(project, "from lkutils.claims import style\nfrom lkutils.figures import style")
    one, two = project / "lkutils/claims/style.py", project / "lkutils/figures/style.py"
    one.write_text("a = 1")
    two.write_text("a = 2")
    before = keys.content_key("tiny", {})
    one.write_text("a = 2")
    two.write_text("a = 1")
    assert keys.content_key("tiny", {}) != before


@pytest.fixture
def executed(project):
    path = project / "executed.ipynb"
    notebook = new_notebook(cells=[new_code_cell("print('größer')", outputs=[new_output("stream", text="größer\n")])])
    notebook.metadata["lkutils"] = {"key": "abc", "read": {}}
    nbformat.write(notebook, path)
    keys.write_digest(path)
    return path


def test_a_damaged_chapter_has_no_key(executed, capsys):
    assert keys.executed_key(executed) == "abc"
    assert capsys.readouterr().err == ""
    whole, random = executed.read_bytes(), np.random.default_rng(0)
    for place in random.integers(len(whole), size=200).tolist():
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(random.integers(8))
        executed.write_bytes(damaged)
        assert keys.executed_key(executed) is None or json.loads(damaged) == json.loads(whole)
    assert "is damaged or no executed chapter" in capsys.readouterr().err
    for length in random.integers(len(whole) - 1, size=60).tolist():  # the last byte is a line end
        executed.write_bytes(whole[:length])
        assert keys.executed_key(executed) is None


@pytest.mark.parametrize("content", ["[]", "null", "{}", '{"metadata": []}', '{"metadata": {"lkutils": 3}}'])
def test_what_is_no_executed_chapter_has_no_key(executed, content):
    executed.write_text(content)
    assert keys.executed_key(executed) is None


def test_a_data_set_that_appears_makes_the_chapter_run_again(project):
    before = keys.content_key("tiny", {})
    file = project / "data" / next(iter(files.CHECKSUMS))
    file.parent.mkdir(parents=True)
    file.write_bytes(b"images")
    assert keys.content_key("tiny", {}) != before
