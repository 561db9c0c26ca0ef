"""Build the HTML pages from the executed chapters."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

import nbformat

from lkutils.book.chapters import ChapterError, run_chapter
from lkutils.book.parameters import list_chapters
from lkutils.claims.verdicts import HEADER, Verdict
from lkutils.paper import paths
from lkutils.storage import replacing


def build_book() -> Path:
    """Run every chapter whose inputs changed and build the HTML pages if anything did; returns the first page.

    Raises:
        ChapterError: a chapter failed, or Sphinx found something to warn about.
    """
    began = time.perf_counter()
    write_tables([run_chapter(name) for name in list_chapters()], paths.EXECUTED)
    build_html(paths.BOOK, paths.HTML)
    page = paths.HTML / "index.html"
    print(f"The book is ready after {time.perf_counter() - began:.0f} s. Open {page.as_uri()}")
    return page


def build_html(book: Path, html: Path) -> None:
    """Build the pages, warnings being errors; nothing happens when the sources are those of the last build."""
    sources = sorted(path for path in book.rglob("*.*") if path.suffix != ".pyc" and not path.name.startswith("."))
    digest = hashlib.sha256()
    for path in [paths.ROOT / "_config.yml", paths.ROOT / "requirements.lock", *sources]:
        digest.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    built = html.parent / "built-from"
    if built.exists() and built.read_text() == digest.hexdigest():
        print("pages: unchanged since they were built")
        return
    print("pages: building", flush=True)
    built.unlink(missing_ok=True)
    program = Path(sys.executable).with_name("jupyter-book")
    command = [str(program), "build", str(book), "--path-output", str(html.parents[1])]
    command += ["--config", str(paths.ROOT / "_config.yml"), "--all", "-W", "-n", "--keep-going", "-q"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=paths.ROOT, check=False)
    if ran.returncode != 0:
        raise ChapterError(f"the pages were not built:\n{ran.stdout}\n{ran.stderr}")
    built.write_text(digest.hexdigest())


def write_tables(executed: list[Path], folder: Path) -> None:
    """Write the tables that pages of the book include, unless they are there already."""
    for name, text in {"verdicts": verdict_table(executed), "status": status_table(executed)}.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text() != text:
            with replacing(path) as temporary:
                temporary.write_text(text)


def verdict_table(executed: list[Path]) -> str:
    """All verdicts of the executed chapters, as a Markdown table with their rules below."""
    rows, rules = [], {}
    for path in executed:
        cells = nbformat.read(path, as_version=4).cells
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        entries = [entry for output in outputs for entry in output.get("metadata", {}).get("verdicts", [])]
        rows += [Verdict(**entry).row(f"[{path.stem}](notebooks/{path.name})") for entry in entries]
        rules |= dict.fromkeys(f"- {entry['rule']}" for entry in entries)
    return HEADER + "\n".join([*rows, "", "## How each verdict follows from its number", "", *rules, ""])


def status_table(executed: list[Path]) -> str:
    """When, where and with which versions every chapter was run, as Markdown."""
    rows, versions = [], {}
    for path in executed:
        metadata = json.loads(path.read_text())["metadata"]
        run, own = metadata["papermill"], metadata["lkutils"]
        rows.append(
            f"| [{path.stem}](notebooks/{path.name}) | {run['duration']:.0f} | {own['machine']} | {own['git']} "
            f"| {run['start_time'][:16].replace('T', ' ')} |"
        )
        versions |= own["versions"]
    packages = "\n".join(f"| {package} | {version} |" for package, version in versions.items())
    return (
        "| Chapter | Seconds | Machine | Commit | Run at (UTC) |\n|---|---:|---|---|---|\n" + "\n".join(rows) + "\n\n"
        "| Package | Version |\n|---|---|\n" + packages + "\n"
    )
