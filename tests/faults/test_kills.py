"""What is killed at any moment and started again ends as if nothing had happened, and leaves nothing behind.

Each job is run undisturbed once, then killed before its n-th change of a file or in the middle of one, or after a
random time, and run again. ``make test-faults`` kills at more moments than ``make test``.
"""

import dataclasses
import hashlib
import re
import shutil
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
import xarray as xr
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from processes import Forked, count_events, killed_after, killed_at
from tiny import TINY, stand_in

from lkutils import games
from lkutils.book import chapters
from lkutils.book.pages import build_html
from lkutils.epochs import load as load_checkpoint
from lkutils.paper import making, noise, paths
from lkutils.paper.experiments import ProbeSchedule
from lkutils.storage import load
from lkutils.unfinished import PREFIX

SMALL = dataclasses.replace(
    TINY,
    n_samples=12,
    training=dataclasses.replace(TINY.training, epochs=3),
    probes=ProbeSchedule(2, 0.05, 512),
)
KILLS, TIMES = (4, 30), (0, 6)  # kills of each job at events and after a time, in `make test` and `make test-faults`


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tiny.TINY", SMALL)
    stand_in(monkeypatch, tmp_path / "work")
    monkeypatch.setattr(making, "check_better_than_chance", lambda *_: None)  # three epochs are few
    return tmp_path / "work"


def game():
    values = np.random.default_rng(0).normal(size=(1, 1, 16)).cumsum(-1)
    return xr.Dataset({"values": (("layer", "sample", "coalition"), values)}, {"layer": ["output"]})


JOBS = {
    "a game": lambda: making.make_game("digits/mlp7"),
    "a game with noise": lambda: noise.make_noise_game("digits/mlp7", draws=2, n_samples=2),
    "interactions": lambda: games.interactions(game(), caches=[paths.CACHE]),
}


def contents(folder: Path) -> dict[str, str]:
    """What all files of a folder hold, but for the times and dates in them."""
    return {str(path.relative_to(folder)): content(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def content(path: Path) -> str:
    if path.suffix == ".nc":
        stored = load(path)
        told = {name: value for name, value in stored.attrs.items() if name not in ("seconds", "created")}
        arrays = {name: hashlib.sha256(array.values.tobytes()).hexdigest() for name, array in stored.variables.items()}
        return f"{told} {dict(stored.sizes)} {arrays}"
    if path.suffix == ".pt":
        state = load_checkpoint(path)
        tensors = {**state["module"]}
        return str({name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest() for name, tensor in tensors.items()})
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_a_killed_job_ends_as_an_undisturbed_one(folder, job, pytestconfig):
    note, before = folder.with_name("note"), folder.with_name("before")
    folder.mkdir()
    if job is JOBS["a game with noise"]:  # with the network and probes of the game
        assert Forked(JOBS["a game"]).status() == 0
    shutil.copytree(folder, before)
    began = time.perf_counter()
    events = count_events(job, folder, note)
    seconds = time.perf_counter() - began
    expected = contents(folder)
    assert expected

    def again(kill) -> None:
        shutil.rmtree(folder)
        shutil.copytree(before, folder)
        kill()
        output = folder.with_name("output")
        assert Forked(job, output).status() == 0, output.read_text()
        assert contents(folder) == expected
        assert not [path for path in folder.rglob("*") if path.name.startswith(PREFIX)]

    long = pytestconfig.option.long
    kills = min(KILLS[long], events)
    for number in np.linspace(0, events - 1, kills).round().astype(int).tolist():
        again(lambda number=number: killed_at(job, folder, number))
    for wait in np.random.default_rng(0).uniform(0, seconds, TIMES[long]):
        again(lambda wait=wait: killed_after(job, wait))


# ---- chapters and pages, which start processes of their own ----


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A repository of one chapter with a figure, and one page."""
    for name, place in {"NOTEBOOKS": "notebooks", "EXECUTED": "book/notebooks", "RUNS": "runs", "BOOK": "book"}.items():
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        monkeypatch.setattr(paths, name, tmp_path / place)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "GAMES", tmp_path / "games")
    (tmp_path / "requirements.lock").write_text("")
    (tmp_path / "_config.yml").write_text('title: One\nexecute:\n  execute_notebooks: "off"\n')
    (tmp_path / "book" / "_toc.yml").write_text("format: jb-book\nroot: intro\nchapters:\n- file: notebooks/tiny\n")
    (tmp_path / "book" / "intro.md").write_text("# One\n")
    code = new_code_cell('profile: str = "paper"  # paper or smoke', metadata={"tags": ["parameters"]})
    cells = [new_markdown_cell("# A chapter"), code, new_code_cell("print(6 * 7)")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    for k, cell in enumerate(notebook.cells):
        cell.id = f"cell-{k}"
    nbformat.write(notebook, tmp_path / "notebooks" / "tiny.ipynb")
    return tmp_path


def told(book: Path) -> tuple:
    """What readers see of the chapter and of the pages, but for times and random numbers."""
    chapter = nbformat.read(book / "book" / "notebooks" / "tiny.ipynb", as_version=4)
    cells = [(cell.source, str(cell.get("outputs", ""))) for cell in chapter.cells]
    html = book / "_build" / "html"
    pages = {page.name: re.sub(r"\s+", " ", page.read_text()) for page in html.rglob("*.html")} if html.exists() else {}
    return cells, chapter.metadata["lkutils"]["key"], pages


def test_killed_chapters_and_pages_end_as_undisturbed_ones(book, pytestconfig):
    if not pytestconfig.option.long:
        pytest.skip("takes minutes: make test-faults")

    def job():
        chapters.run_chapter("tiny")
        build_html(book / "book", book / "_build" / "html")

    before, note, output = book.with_name("before"), book.with_name("note"), book.with_name("output")
    shutil.copytree(book, before)
    events = count_events(job, book, note)
    expected = told(book)
    assert expected[2]
    kills = [lambda n=n: killed_at(job, book, n) for n in np.linspace(0, events - 1, 10).round().astype(int).tolist()]
    kills += [lambda seconds=seconds: killed_after(job, seconds) for seconds in (1, 2, 4, 6, 8, 10)]
    for kill in kills:
        shutil.rmtree(book)
        shutil.copytree(before, book)
        kill()
        assert Forked(job, output).status() == 0, output.read_text()
        assert told(book) == expected
        assert not list(book.rglob(f"{PREFIX}*"))
