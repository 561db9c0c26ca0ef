"""Build the HTML pages from the executed chapters."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import nbformat

import lkutils
from lkutils.book import front, gallery
from lkutils.book.cells import figure_cells
from lkutils.book.chapters import ChapterError, run_chapters
from lkutils.book.claims_page import chapter_link, claims_csv, claims_report
from lkutils.book.keys import file_digest
from lkutils.book.markdown import table
from lkutils.book.parameters import list_chapters
from lkutils.paper import paths
from lkutils.storage import replacing
from lkutils.unfinished import unfinished_folder


def build_book(profile: str = "paper") -> Path:
    """Run every chapter whose inputs changed and build the HTML pages if anything did; returns the first page.

    Args:
        profile: "smoke" builds a book of its own in ``runs/smoke/``, from small games made from scratch.

    Raises:
        ChapterError: a chapter failed, or Sphinx found something to warn about.
    """
    began = time.perf_counter()
    executed = run_chapters(list_chapters(), profile)
    if profile == "paper":
        book, html = paths.BOOK, paths.HTML
        write_tables(executed, paths.EXECUTED)
    else:
        book, html = gathered(executed, paths.RUNS / profile), paths.RUNS / profile / "_build" / "html"
    build_html(book, html)
    page = html / "index.html"
    print(f"The book is ready after {time.perf_counter() - began:.0f} s. Open {page.as_uri()}")
    return page


def gathered(executed: list[Path], folder: Path) -> Path:
    """The sources of a book in a folder of its own: the pages of this one, with other executed chapters."""
    book = folder / "book"
    shutil.copytree(
        paths.BOOK, book, ignore=shutil.ignore_patterns("notebooks", "__pycache__", ".*"), dirs_exist_ok=True
    )
    chapters = book / "notebooks"
    chapters.mkdir(exist_ok=True)
    write_tables([Path(shutil.copy(path, chapters)) for path in executed], chapters)
    return book


def build_html(book: Path, html: Path) -> None:
    """Build the pages, warnings being errors; nothing happens when sources and pages are those of the last build."""
    sources = sorted(path for path in book.rglob("*.*") if path.suffix != ".pyc" and not path.name.startswith("."))
    files = {str(path.relative_to(book)): path for path in sources}
    files |= {name: paths.ROOT / name for name in ("_config.yml", "requirements.lock")}
    package = Path(lkutils.__file__).parent  # whose docstrings are the reference, and which makes the explorer's data
    files |= {str(path.relative_to(package)): path for path in sorted(package.rglob("*.py"))}
    sources, built = digest_of_files(files), html.parent / "built-from"
    if built.exists() and built.read_text() == sources + digest_of_pages(html):
        print("pages: unchanged since they were built")
        return
    print("pages: building", flush=True)
    built.unlink(missing_ok=True)
    program = Path(sys.executable).with_name("jupyter-book")
    # Not in their place: what a killed build left running must not write into the pages of the next one.
    with unfinished_folder(html.parent) as folder:
        command = [str(program), "build", str(book), "--path-output", str(folder)]
        command += ["--config", str(paths.ROOT / "_config.yml"), "--all", "-W", "-n", "--keep-going", "-q"]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=paths.ROOT, check=False)
        if ran.returncode != 0:
            raise ChapterError(f"the pages were not built:\n{ran.stdout}\n{ran.stderr}")
        shutil.rmtree(html, ignore_errors=True)
        (folder / "_build" / "html").rename(html)
    built.write_text(sources + digest_of_pages(html))


def digest_of_pages(html: Path) -> str:
    """One hash of all built pages, and of what they show."""
    return digest_of_files({str(path.relative_to(html)): path for path in sorted(html.rglob("*")) if path.is_file()})


def digest_of_files(files: Mapping[str, Path]) -> str:
    """One hash of the names and contents of files."""
    digest = hashlib.sha256()
    for name, path in files.items():
        digest.update(f"{name} {file_digest(path)}\n".encode())
    return digest.hexdigest()


def write_tables(executed: list[Path], folder: Path) -> None:
    """Write what pages of the book include, unless it is there already, and the data of figures."""
    write_data(executed, folder)
    texts = {
        "verdicts.md": claims_report(executed),
        "claims.csv": claims_csv(executed),
        "front.md": front.front_page(executed),
        "gallery.md": gallery.gallery_page(executed),
        "status.md": status_tables(executed),
    }
    contents = {name: text.encode() for name, text in texts.items()}
    contents |= gallery.small_pictures(executed)
    if (picture := front.first_picture(executed)) is not None:
        contents[front.PICTURE] = picture.png
    (folder / gallery.FOLDER).mkdir(exist_ok=True)
    for name, content in contents.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            with replacing(path) as temporary:
                temporary.write_bytes(content)


def write_data(executed: list[Path], folder: Path) -> None:
    """Write the data of every figure of executed chapters as ``data/<name>.csv``, where captions link to."""
    (folder / "data").mkdir(exist_ok=True)
    for path in executed:
        for name, cell in figure_cells(nbformat.read(path, as_version=4)):
            for text in filter(None, (output.get("metadata", {}).get("csv") for output in cell.outputs)):
                with replacing(folder / "data" / f"{name}.csv") as temporary:
                    temporary.write_text(text)


def status_tables(executed: list[Path]) -> str:
    """When, where and with which versions every chapter was run, as Markdown."""
    rows, versions = [], {}
    for path in executed:
        metadata = json.loads(path.read_text())["metadata"]
        run, own = metadata["papermill"], metadata["lkutils"]
        started = run["start_time"][:16].replace("T", " ")
        rows.append([chapter_link(path), f"{run['duration']:.0f}", own["machine"], own["git"], started])
        for package, version in own["versions"].items():
            versions.setdefault(package, {})[version] = None
    chapters = table(["Chapter", "Seconds", "Machine", "Commit", "Run at (UTC)"], rows)
    packages = table(["Package", "Version"], [(package, ", ".join(found)) for package, found in versions.items()], "ll")
    return f"{chapters.data}\n\n{packages.data}\n"
