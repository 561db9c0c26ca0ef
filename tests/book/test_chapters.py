import json
import textwrap

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lkutils.book import chapters, keys, pages, parameters
from lkutils.claims import verdicts
from lkutils.paper import paths

PARAMETERS = """\
profile: str = "paper"  # paper or smoke
size: int = 3  # how large, from 1 to 9
names: list[str] = []  # of things
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository of one chapter, which writes down each time that it runs."""
    folders = {"NOTEBOOKS": "notebooks", "EXECUTED": "book/notebooks", "RUNS": "runs", "GAMES": "games", "BOOK": "book"}
    for name, folder in folders.items():
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        monkeypatch.setattr(paths, name, tmp_path / folder)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    (tmp_path / "lkutils").mkdir()
    for name in ("requirements.lock", "games/one.nc", "lkutils/metrics.py", "lkutils/masking.py"):
        (tmp_path / name).write_text("")
    (tmp_path / "lkutils" / "claims.py").write_text("from lkutils import metrics\n")
    write_chapter(tmp_path, "print(size)")
    return tmp_path


def write_chapter(project, code):
    log = f"with open({str(project / 'log')!r}, 'a') as file:\n    file.write('ran ')"
    # Named, but not imported, so that the test's process stays the only one that loads torch.
    imports = "if False:\n    from lkutils import claims"
    cells = [
        new_markdown_cell("# A chapter"),
        new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        *(new_code_cell(source) for source in (imports, log, code)),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    for k, cell in enumerate(notebook.cells):
        cell.id = f"cell-{k}"
    nbformat.write(notebook, project / "notebooks" / "tiny.ipynb")


def runs(project):
    log = project / "log"
    return log.read_text().count("ran") if log.exists() else 0


# ---- refusals -------------------------------------------------------------------------------------------------------


def test_unknown_chapter_lists_the_known_ones(project):
    with pytest.raises(ValueError, match="unknown chapter 'none'; known are tiny"):
        chapters.run_chapter("none")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"bogus": 1}, "no parameter 'bogus'; it has profile, size, names"),
        ({"size": "large"}, r"size='large' should be of type int \(how large, from 1 to 9\), but is str"),
        ({"size": True}, "size=True should be of type int"),
        ({"size": 2.5}, "size=2.5 should be of type int"),
        ({"size": 10}, "size=10 should lie between 1 and 9"),
        ({"names": [1]}, r"names=\[1\] should be of type list\[str\]"),
        ({"profile": "huge"}, "unknown profile 'huge'; known are paper, smoke"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_runs(project, parameters, message):
    with pytest.raises(ValueError, match=message):
        chapters.run_chapter("tiny", parameters)
    assert runs(project) == 0


def test_unknown_profile_is_refused(project):
    with pytest.raises(ValueError, match="known are paper, smoke"):
        chapters.run_chapter("tiny", profile="huge")


@pytest.mark.parametrize(
    ("value", "expected", "fits"),
    [
        (1, "float", True),
        (1.0, "int", False),
        (True, "bool", True),
        (1, "bool", False),
        (["a"], "list[str]", True),
        ("a", "list[str]", False),
        ([1, 2], "list[int]", True),
    ],
)
def test_types_as_annotations_write_them(value, expected, fits):
    assert parameters.has_type(value, expected) is fits


# ---- runs -----------------------------------------------------------------------------------------------------------


def test_a_run_is_published_with_its_parameters_folded_away_and_not_repeated(project, capsys):
    target = chapters.run_chapter("tiny")
    assert target == project / "book" / "notebooks" / "tiny.ipynb"
    notebook = nbformat.read(target, as_version=4)
    assert notebook.cells[1].metadata.tags == ["hide-input", "parameters"]
    assert notebook.cells[-1].outputs[0].text == "3\n"
    assert set(notebook.metadata.lkutils) == {"key", "machine", "versions", "git"}

    assert chapters.run_chapter("tiny") == target
    assert runs(project) == 1
    assert "unchanged" in capsys.readouterr().out


def test_other_parameters_leave_the_published_chapter_alone(project):
    target = chapters.run_chapter("tiny", {"size": 5, "names": ["a", "b"]}, profile="smoke")
    assert target.parent == project / "runs" / "smoke"
    assert "size=5" in target.name
    notebook = nbformat.read(target, as_version=4)
    assert notebook.cells[2].metadata.tags == ["hide-input", "injected-parameters"]
    assert notebook.cells[-1].outputs[0].text == "5\n"
    assert list((project / "book" / "notebooks").iterdir()) == []


def test_a_failed_run_leaves_the_earlier_chapter_and_says_where_to_look(project):
    target = chapters.run_chapter("tiny")
    before = target.read_bytes()
    write_chapter(project, "raise RuntimeError('no such luck')")
    failed = project / "runs" / "failed" / "tiny.ipynb"
    with pytest.raises(chapters.ChapterError, match="failed in cell 5 with RuntimeError: no such luck") as caught:
        chapters.run_chapter("tiny")
    assert str(failed) in str(caught.value)
    assert "no such luck" in failed.read_text()
    assert target.read_bytes() == before
    assert list((project / "runs" / "running").iterdir()) == []


def test_a_notebook_that_something_else_put_there_is_not_published(project):
    target = project / "book" / "notebooks" / "tiny.ipynb"
    stray = nbformat.read(project / "notebooks" / "tiny.ipynb", as_version=4)
    stray.metadata["papermill"] = {"exception": True}
    nbformat.write(stray, target)
    chapters.run_chapter("tiny")
    assert json.loads(target.read_text())["metadata"]["papermill"]["exception"] is None
    assert runs(project) == 1


# ---- what a run depends on ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["requirements.lock", "games/one.nc", "games/two.nc", "lkutils/claims.py", "lkutils/metrics.py"],
)
def test_a_changed_input_changes_the_key(project, name):
    before = keys.content_key("tiny", {})
    (project / name).write_text("# changed\nfrom lkutils import metrics\n")
    assert keys.content_key("tiny", {}) != before


def test_a_module_that_is_not_imported_does_not_matter(project):
    before = keys.content_key("tiny", {})
    (project / "lkutils" / "masking.py").write_text("# changed")
    assert keys.content_key("tiny", {}) == before
    assert keys.content_key("tiny", {"size": 4}) != before


@pytest.mark.parametrize(
    "code",
    [
        "import lkutils.metrics",
        "from lkutils import metrics, paths",
        "from lkutils.metrics import x",
        "def f():\n    import lkutils.metrics",
    ],
)
def test_all_forms_of_import_are_followed(code):
    assert paths.ROOT / "lkutils" / "metrics.py" in keys.imports_in(code)


# ---- tables ---------------------------------------------------------------------------------------------------------


def test_verdicts_are_collected_from_executed_chapters(tmp_path):
    verdict = verdicts.Verdict("A claim", "digits: mlp7", "1.0 [0.9, 1.1]", "1.2", verdicts.PARTLY, "By rule.")
    data, metadata = verdicts.Verdicts([verdict])._repr_mimebundle_()
    output = nbformat.v4.new_output("execute_result", data, metadata=metadata)
    notebook = new_notebook(cells=[new_code_cell("verdicts", outputs=[output])])
    nbformat.write(notebook, tmp_path / "tiny.ipynb")
    assert pages.verdict_table([tmp_path / "tiny.ipynb"]) == textwrap.dedent("""\
        | Claim | On | We measured | Paper | Verdict |
        |---|---|---|---|---|
        | A claim [tiny](notebooks/tiny.ipynb) | digits: mlp7 | 1.0 [0.9, 1.1] | 1.2 | **holds partly** |

        ## How each verdict follows from its number

        - By rule.
        """)


def test_status_names_seconds_machine_and_versions(project):
    table = pages.status_table([chapters.run_chapter("tiny")])
    assert "| [tiny](notebooks/tiny.ipynb) |" in table
    assert "| torch | " in table


def test_pages_are_built_once_and_not_with_warnings(project, capsys):
    page, html = project / "book" / "intro.md", project / "_build" / "html"
    (project / "book" / "_toc.yml").write_text("format: jb-book\nroot: intro\n")
    (project / "_config.yml").write_text("title: One\nonly_build_toc_files: true\n")
    page.write_text("# One\n\n[nowhere](nothing.md)\n")
    with pytest.raises(chapters.ChapterError, match=r"nothing\.md"):
        pages.build_html(project / "book", html)
    page.write_text("# One\n")
    pages.build_html(project / "book", html)
    assert (html / "intro.html").exists()
    assert "unchanged" not in capsys.readouterr().out
    pages.build_html(project / "book", html)
    assert "unchanged" in capsys.readouterr().out
