"""Run chapters through papermill, each once for the same inputs, and build the book from the executed copies.

A chapter is a notebook of ``notebooks/``, never run in place. With its default parameters it is published to
``book/notebooks/``; with others, or another profile, it goes to ``runs/<profile>/``.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from lkutils import paths, provenance
from lkutils.claims import HEADER, Verdict

PROFILES = ("paper", "smoke")

# What a parameter's annotation admits; the annotation is the text before "=" in a chapter's parameters cell.
TYPES: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "float": (int, float), "bool": bool}
RANGE = re.compile(r"\bfrom (?P<low>[-+.\de]+) to (?P<high>[-+.\de]+)")


class ChapterError(RuntimeError):
    """A chapter failed while it ran; the earlier executed copy is as it was."""


# ---- chapters and their parameters ----------------------------------------------------------------------------------


def list_chapters() -> list[str]:
    """Names of all chapters, in the order of the book."""
    return sorted(path.stem for path in paths.NOTEBOOKS.glob("*.ipynb"))


def chapter_path(name: str) -> Path:
    """The source of a chapter.

    Raises:
        ValueError: unknown chapter; the message lists the known ones.
    """
    if name not in list_chapters():
        raise ValueError(f"unknown chapter {name!r}; known are {', '.join(list_chapters())}")
    return paths.NOTEBOOKS / f"{name}.ipynb"


def list_parameters(name: str) -> dict[str, dict[str, str]]:
    """The parameters of a chapter: ``type``, ``default`` and ``help`` of each, read from its parameters cell.

    Example:
        >>> list_parameters("01_sparsity")["tau_ratio"]["type"]
        'float'
    """
    inspected = papermill.inspect_notebook(str(chapter_path(name)))
    return {
        key: {"type": entry["inferred_type_name"], "default": entry["default"], "help": entry["help"]}
        for key, entry in inspected.items()
    }


def check_parameters(name: str, parameters: dict[str, Any]) -> None:
    """Refuse parameters that the chapter does not have, or whose value has the wrong type or is out of range.

    A range is what the parameter's comment says: "from 0 to 1".

    Raises:
        ValueError: the message names the value, what was expected, and the known parameters or the help text.
    """
    known = list_parameters(name)
    for key, value in parameters.items():
        if key not in known:
            raise ValueError(f"chapter {name} has no parameter {key!r}; it has {', '.join(known)}")
        expected, text = known[key]["type"], known[key]["help"]
        if not has_type(value, expected):
            raise ValueError(f"{key}={value!r} should be of type {expected} ({text}), but is {type(value).__name__}")
        bounds = RANGE.search(text)
        if bounds and not float(bounds["low"]) <= value <= float(bounds["high"]):
            raise ValueError(f"{key}={value!r} should lie between {bounds['low']} and {bounds['high']} ({text})")
    check_profile(parameters.get("profile", "paper"))


def check_profile(profile: str) -> None:
    """Refuse an unknown profile."""
    if profile not in PROFILES:
        raise ValueError(f"unknown profile {profile!r}; known are {', '.join(PROFILES)}")


def has_type(value: Any, expected: str) -> bool:
    """Whether a value is of a type as annotations write it: "int", "list[str]", ...

    Example:
        >>> has_type(["mnist/mlp7"], "list[str]"), has_type(True, "int")
        (True, False)
    """
    if expected.startswith("list["):
        return isinstance(value, list) and all(has_type(item, expected[5:-1]) for item in value)
    return isinstance(value, TYPES[expected]) and (expected == "bool" or not isinstance(value, bool))


# ---- run one chapter ------------------------------------------------------------------------------------------------


def run_chapter(name: str, parameters: dict[str, Any] | None = None, profile: str | None = None) -> Path:
    """Run a chapter in its own process, unless it was run with the same inputs before; returns the executed copy.

    Raises:
        ValueError: unknown chapter, parameter or profile, or a value of the wrong type, before anything runs.
        ChapterError: a cell failed. The message says which, and where the failed notebook is.
    """
    source = chapter_path(name)
    given = (parameters or {}) | ({"profile": profile} if profile is not None else {})
    check_parameters(name, given)
    target, key = executed_path(name, given), content_key(name, given)
    if executed_key(target) == key:
        print(f"{name}: unchanged since it was run, {target.relative_to(paths.ROOT)}")
        return target

    print(f"{name}: running", flush=True)
    # Not beside the target: what a killed run leaves behind must not end up in the book.
    running = paths.RUNS / "running" / f"{name}.{os.getpid()}.ipynb"
    failed = paths.RUNS / "failed" / f"{name}.ipynb"
    for path in (running, failed, target):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        papermill.execute_notebook(
            str(source),
            str(running),
            given,
            cwd=str(paths.ROOT),
            progress_bar=sys.stderr.isatty(),
            extra_arguments=["--log-level=ERROR"],  # the kernel would warn that it talks over TCP on this machine
        )
        finish(running, key)
        running.replace(target)
    except (PapermillExecutionError, DeadKernelError) as error:
        running.replace(failed)
        raise ChapterError(
            f"chapter {name} failed {reason(error)}\n"
            f"The failed notebook is {failed}; the earlier executed chapter, if any, is as it was."
        ) from error
    finally:
        running.unlink(missing_ok=True)
    return target


def reason(error: PapermillExecutionError | DeadKernelError) -> str:
    """Where and why a chapter failed, in words."""
    if isinstance(error, DeadKernelError):
        return "because its process died, perhaps for want of memory"
    return f"in cell {error.cell_index + 1} with {error.ename}: {error.evalue}"


def executed_path(name: str, given: dict[str, Any]) -> Path:
    """Where a chapter's executed copy goes; runs with other parameters do not overwrite each other."""
    others = {key: value for key, value in given.items() if key != "profile"}
    profile = given.get("profile", "paper")
    if profile == "paper" and not others:
        return paths.EXECUTED / f"{name}.ipynb"
    suffix = "".join(f"-{key}={re.sub(r'[^-.a-z0-9_]+', '_', str(value))}" for key, value in sorted(others.items()))
    return paths.RUNS / profile / f"{name}{suffix}.ipynb"


def finish(path: Path, key: str) -> None:
    """Fold the parameters away for readers, and write down what the run depended on and where it ran."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if {"parameters", "injected-parameters"} & set(tags):
            cell.metadata["tags"] = sorted({*tags, "hide-input"})
    notebook.metadata["lkutils"] = {
        "key": key,
        "machine": provenance.machine(),
        "versions": provenance.versions(),
        "git": provenance.git_hash(),
    }
    nbformat.write(notebook, path)


# ---- what a chapter depends on --------------------------------------------------------------------------------------


def content_key(name: str, given: dict[str, Any]) -> str:
    """One hash of everything that a chapter's results depend on.

    That is its source and parameters, the lkutils modules that it imports (and those that they import), the shipped
    games, the measurements of `make bench`, the figures' style and the locked versions.
    """
    source = chapter_path(name)
    games = sorted(paths.GAMES.rglob("*.nc"))
    locked = paths.ROOT / "requirements.lock"
    files = [source, *imported_modules(source), *games, paths.MEASURED, paths.STYLE, locked]
    digest = hashlib.sha256(json.dumps(given, sort_keys=True).encode())
    for file in files:
        digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def imported_modules(source: Path) -> list[Path]:
    """The files of all lkutils modules that a notebook imports, directly or through others."""
    cells = nbformat.read(source, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    found: set[Path] = set()
    waiting = list(imports_in(code))
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(imports_in(module.read_text()))
    return sorted(found)


def imports_in(code: str) -> Iterator[Path]:
    """The files of the lkutils modules that a piece of code names in its import statements."""
    package = paths.ROOT / "lkutils"
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        files = (package / f"{name.removeprefix('lkutils.')}.py" for name in names if name.startswith("lkutils."))
        yield from (file for file in files if file.exists())


def executed_key(path: Path) -> str | None:
    """The content key in an executed chapter; None when there is no such chapter."""
    if not path.exists():
        return None
    return json.loads(path.read_text())["metadata"].get("lkutils", {}).get("key")


# ---- the book -------------------------------------------------------------------------------------------------------


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
            with paths.replacing(path) as temporary:
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
