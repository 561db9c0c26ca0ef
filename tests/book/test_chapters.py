import json
import os
import shutil
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lkutils.book import chapters, pages
from lkutils.book.keys import executed_key
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
    (tmp_path / "requirements.lock").write_text("")
    write_chapter(tmp_path, "print(size)")
    return tmp_path


def write_chapter(project, code, kernel="python3", figure=None):
    log = f"with open({str(project / 'log')!r}, 'a') as file:\n    file.write('ran ')"
    cells = [
        new_markdown_cell("# A chapter"),
        new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        new_code_cell(log),
        new_code_cell(code, metadata={"mystnb": {"figure": {"name": figure}}} if figure else {}),
    ]
    kernel = {"name": kernel, "display_name": "Python 3", "language": "python"}
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


def test_wrong_parameters_are_refused_before_anything_runs(project):
    with pytest.raises(ValueError, match="size=10 should lie between 1 and 9"):
        chapters.run_chapter("tiny", {"size": 10})
    with pytest.raises(ValueError, match="known are paper, smoke"):
        chapters.run_chapter("tiny", profile="huge")
    assert runs(project) == 0


# ---- runs -----------------------------------------------------------------------------------------------------------


def test_a_run_is_published_with_its_parameters_folded_away_and_not_repeated(project, capsys):
    target = chapters.run_chapter("tiny")
    assert target == project / "book" / "notebooks" / "tiny.ipynb"
    notebook = nbformat.read(target, as_version=4)
    assert notebook.cells[1].metadata.tags == ["hide-input", "parameters"]
    assert notebook.cells[-1].outputs[0].text == "3\n"
    assert set(notebook.metadata.lkutils) == {"key", "read", "sha256", "machine", "threads", "versions", "git"}

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
    with pytest.raises(chapters.ChapterError, match="failed in cell 4 with RuntimeError: no such luck") as caught:
        chapters.run_chapter("tiny")
    assert str(failed) in str(caught.value)
    assert "no such luck" in failed.read_text()
    assert target.read_bytes() == before
    assert list((project / "runs" / "running").iterdir()) == []


def test_a_process_that_does_not_start_in_time_is_told_as_such(project, monkeypatch):
    def too_slow(source, running, *given, start_timeout, **options):
        shutil.copy(source, running)
        raise RuntimeError(f"Kernel didn't respond in {start_timeout} seconds")

    monkeypatch.setattr(chapters.papermill, "execute_notebook", too_slow)
    with pytest.raises(chapters.ChapterError, match=r"did not start \(Kernel didn't respond in 600 seconds\)"):
        chapters.run_chapter("tiny")


def test_a_damaged_chapter_is_run_again(project, capsys):
    target = chapters.run_chapter("tiny")
    content = target.read_text()
    target.write_text(content.replace('"3\\n"', '"4\\n"'))
    assert target.read_text() != content
    chapters.run_chapter("tiny")
    assert runs(project) == 2
    assert capsys.readouterr().err == f"{target} is damaged or no executed chapter (run again now)\n"
    assert nbformat.read(target, as_version=4).cells[-1].outputs[0].text == "3\n"


READ_GAME = """\
from pathlib import Path
from lkutils.paper import shipped
shipped.load = lambda path: xr.Dataset({"values": 1.0}, attrs={"name": "one", "values_sha256": "abc"})
shipped.checksum = lambda values: "abc"
import xarray as xr
print(shipped.read_game(paths.CACHE / "games" / "one.nc", "one", "").attrs["name"])
"""


def test_a_chapter_runs_again_when_a_game_that_it_read_is_another_one(project, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", project / "cache")
    (project / "cache" / "games").mkdir(parents=True)
    for name in ("one", "two"):
        (project / "cache" / "games" / f"{name}.nc").write_bytes(b"a game")
    folder = f"from lkutils.paper import paths\npaths.CACHE = Path({str(project / 'cache')!r})\n"
    write_chapter(project, "from pathlib import Path\n" + folder + READ_GAME)
    target = chapters.run_chapter("tiny", profile="smoke")
    assert list(nbformat.read(target, as_version=4).metadata.lkutils.read) == ["cache/games/one.nc"]
    (project / "cache" / "games" / "two.nc").write_bytes(b"another game")
    chapters.run_chapter("tiny", profile="smoke")
    assert runs(project) == 1
    (project / "cache" / "games" / "one.nc").write_bytes(b"another game")
    chapters.run_chapter("tiny", profile="smoke")
    assert runs(project) == 2
    (project / "cache" / "games" / "one.nc").unlink()
    assert executed_key(target) is None


def test_small_chapters_have_one_thread(project):
    write_chapter(project, "import torch\nprint(torch.get_num_threads())")
    notebook = nbformat.read(chapters.run_chapter("tiny", profile="smoke"), as_version=4)
    assert notebook.cells[-1].outputs[0].text == "1\n"


def test_what_a_killed_run_left_is_swept(project):
    running = project / "runs" / "running"
    (running / ".unfinished-abc" / "kernels").mkdir(parents=True)
    (running / ".unfinished-abc" / "tiny.ipynb").write_text("half")
    chapters.run_chapter("tiny")
    assert list(running.iterdir()) == []


def test_a_notebook_that_something_else_put_there_is_not_published(project):
    target = project / "book" / "notebooks" / "tiny.ipynb"
    stray = nbformat.read(project / "notebooks" / "tiny.ipynb", as_version=4)
    stray.metadata["papermill"] = {"exception": True}
    nbformat.write(stray, target)
    chapters.run_chapter("tiny")
    assert json.loads(target.read_text())["metadata"]["papermill"]["exception"] is None
    assert runs(project) == 1


# ---- the kernel -----------------------------------------------------------------------------------------------------

DRAW = "import matplotlib.pyplot as plt\nplt.plot([size, 1])\nplt.show()"


@pytest.mark.parametrize("backend", ["Agg", "TkAgg"])
def test_figures_do_not_depend_on_the_shell(project, monkeypatch, backend):
    write_chapter(project, DRAW, figure="fig-one")
    monkeypatch.setenv("MPLBACKEND", backend)
    (project / "runs" / "matplotlibrc").write_text("figure.dpi: 7\n")
    monkeypatch.setenv("MATPLOTLIBRC", str(project / "runs" / "matplotlibrc"))
    notebook = nbformat.read(chapters.run_chapter("tiny"), as_version=4)
    (image,) = [output.data["image/png"] for output in notebook.cells[-1].outputs if "image/png" in output.data]
    assert len(image) > 5000, "drawn with the resolution that the shell asked for"


def test_a_chapter_without_one_of_its_figures_is_refused(project):
    target = chapters.run_chapter("tiny")
    before = target.read_bytes()
    write_chapter(project, "print('no figure')", figure="fig-one")
    with pytest.raises(chapters.ChapterError, match="without these figures: fig-one"):
        chapters.run_chapter("tiny")
    assert target.read_bytes() == before
    assert list((project / "runs" / "running").iterdir()) == []


def test_chapters_run_in_this_environment_whatever_kernel_is_named(project, monkeypatch, tmp_path):
    foreign = tmp_path / "jupyter" / "kernels" / "python3"
    foreign.mkdir(parents=True)
    (foreign / "kernel.json").write_text(json.dumps({"argv": ["false"], "display_name": "no", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    write_chapter(project, "import sys\nprint(sys.executable)", kernel="conda-env-other-py")
    notebook = nbformat.read(chapters.run_chapter("tiny", {"size": 4}), as_version=4)
    assert notebook.cells[-1].outputs[0].text == f"{sys.executable}\n"


# ---- tables ---------------------------------------------------------------------------------------------------------


def test_status_names_seconds_machine_and_versions(project):
    table = pages.status_tables([chapters.run_chapter("tiny")])
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
    built = pages.digest_of_pages(html)
    (html / "genindex.html").write_text("altered")
    assert pages.digest_of_pages(html) != built
    (html / "intro.html").unlink()
    pages.build_html(project / "book", html)
    assert (html / "intro.html").exists()
    assert "altered" not in (html / "genindex.html").read_text()
    assert "unchanged" not in capsys.readouterr().out


# ---- what is made of figures and findings ---------------------------------------------------------------------------

FOUND = """\
from IPython.display import Markdown, display
import xarray as xr
from lkutils.figures.layers import by_depth
from lkutils.games import Label
share = xr.DataArray([0.5, 0.75], {"layer": ["1", "output"]}, ("layer",))
display(by_depth({Label("digits", "MLP-7"): share}, "share"))
"""


def test_figures_have_an_alternative_text_and_their_data_beside_the_page(project):
    write_chapter(project, FOUND, figure="fig-one")
    target = chapters.run_chapter("tiny")
    shown = nbformat.read(target, as_version=4).cells[-1].metadata["mystnb"]
    assert shown["image"]["alt"] == "Share by layer. MLP-7, digits: 0.5 to 0.75."
    assert "<data/fig-one.csv>" in shown["figure"]["caption"]
    pages.write_data([target], target.parent)
    written = (target.parent / "data" / "fig-one.csv").read_text()
    assert written.splitlines() == ["panel,layer,value", '"MLP-7, digits",1,0.5', '"MLP-7, digits",output,0.75']


def test_what_was_found_is_told_after_the_claim_and_cells_keep_their_order():
    output = new_output("display_data", {"text/markdown": "a table"})
    ran = new_code_cell("show()", outputs=[output])
    cells = [new_markdown_cell("# Claim"), new_code_cell("1"), new_markdown_cell("## What we found"), ran]
    notebook = new_notebook(cells=list(cells))
    chapters.tell_early(notebook)
    assert [*notebook.cells[:1], *notebook.cells[2:]] == cells
    assert notebook.cells[1].source.endswith("\n\na table")


# ---- side by side ----------------------------------------------------------------------------------------------------


@pytest.fixture
def commands(project, monkeypatch):
    """A stand-in for Python that writes down how it was called, and cannot run the chapter "bad"."""
    program = project / "python"
    program.write_text(
        f'#!/bin/sh\necho "$@, threads: $OMP_NUM_THREADS" >> {project}/commands\n'
        '[ "$4" != bad ] || { echo "chapter bad failed" >&2; exit 2; }\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    for name in ("bad", "other"):
        shutil.copy(project / "notebooks" / "tiny.ipynb", project / "notebooks" / f"{name}.ipynb")
    return lambda: sorted((project / "commands").read_text().splitlines())


def test_only_chapters_that_changed_run_and_each_with_one_thread(project, commands, monkeypatch):
    monkeypatch.setattr(chapters, "is_current", lambda name, given: name == "bad")
    found = chapters.run_chapters(["bad", "tiny", "other"], "smoke")
    assert commands() == [f"-m lkutils chapter {name} --profile=smoke, threads: 1" for name in ("other", "tiny")]
    assert found == [project / "runs" / "smoke" / f"{name}.ipynb" for name in ("bad", "tiny", "other")]


def test_one_chapter_that_fails_does_not_stop_the_others(commands):
    with pytest.raises(chapters.ChapterError, match="chapter bad failed"):
        chapters.run_chapters(["bad", "tiny", "other"])
    assert commands() == [f"-m lkutils chapter {name}, threads: 1" for name in ("bad", "other", "tiny")]


def test_after_an_interrupt_no_other_chapter_begins(commands, monkeypatch):
    begun = []

    def interrupted(items, *_, **__):
        begun.append(items)  # somebody still holds it, as a traceback does
        yield next(items)
        raise KeyboardInterrupt

    monkeypatch.setattr(chapters, "progress", interrupted)
    monkeypatch.setattr(chapters, "side_by_side", lambda: 1)
    with pytest.raises(KeyboardInterrupt):
        chapters.run_chapters(["tiny"] * 60)
    assert 1 <= len(commands()) < 60


def test_no_more_chapters_side_by_side_than_there_is_memory_for(monkeypatch):
    for gigabytes, expected in ((1, 1), (9, 2), (10**6, len(os.sched_getaffinity(0)))):
        monkeypatch.setattr(chapters, "free_memory", lambda device, size=gigabytes * 2**30: size)
        assert chapters.side_by_side() == min(expected, len(os.sched_getaffinity(0)))
