"""Run chapters through papermill, each once for the same inputs.

A chapter is a notebook of ``notebooks/``, never run in place. With its default parameters it is published to
``book/notebooks/``; with others, or another profile, it goes to ``runs/<profile>/``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import papermill
import torch
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from lkutils.book.cells import figure_cells
from lkutils.book.kernels import KERNEL, own_kernel
from lkutils.book.keys import content_key, executed_key, files_read, write_digest
from lkutils.book.parameters import chapter_path, check_parameters
from lkutils.devices import free_memory
from lkutils.paper import paths, provenance
from lkutils.paper.shipped import READ_LOG
from lkutils.progress import progress
from lkutils.unfinished import unfinished_folder

CHAPTER_BYTES = 4 * 2**30  # memory that a chapter may need
START = 600  # seconds that its process may take to start where a machine is busy; papermill's own are 60


class ChapterError(RuntimeError):
    """A chapter failed while it ran; the earlier executed copy is as it was."""


def run_chapter(name: str, parameters: dict[str, Any] | None = None, profile: str | None = None) -> Path:
    """Run a chapter in its own process, unless it was run with the same inputs before; returns the executed copy.

    Raises:
        ValueError: unknown chapter, parameter or profile, or a value of the wrong type, before anything runs.
        ChapterError: a cell failed, or a figure is missing. The message says which, and where the failed notebook is.
    """
    source = chapter_path(name)
    given = (parameters or {}) | ({"profile": profile} if profile is not None else {})
    check_parameters(name, given)
    target, key = executed_path(name, given), content_key(name, given)
    if executed_key(target) == key:
        print(f"{name}: unchanged since it was run, {target.relative_to(paths.ROOT)}")
        return target

    print(f"{name}: running", flush=True)
    failed = paths.RUNS / "failed" / f"{name}.ipynb"
    for path in (failed, target):
        path.parent.mkdir(parents=True, exist_ok=True)
    # Not beside the target: what a killed run leaves behind must not end up in the book.
    with unfinished_folder(paths.RUNS / "running") as folder:
        running, read = folder / f"{name}.ipynb", folder / "read"
        environment = {READ_LOG: str(read)}
        if given.get("profile") == "smoke":
            environment["OMP_NUM_THREADS"] = "1"  # with more, networks of small chapters would be others
        try:
            with own_kernel(folder, environment):
                notebook = papermill.execute_notebook(
                    str(source),
                    str(running),
                    given,
                    kernel_name=KERNEL,
                    language="python",
                    cwd=str(paths.ROOT),
                    progress_bar=sys.stderr.isatty(),
                    start_timeout=START,
                    extra_arguments=["--log-level=ERROR"],  # the kernel would warn that it talks over TCP
                )
        except (PapermillExecutionError, RuntimeError) as error:  # the latter of its process
            running.replace(failed)
            raise ChapterError(
                f"chapter {name} failed {reason(error)}\n"
                f"The failed notebook is {failed}; the earlier executed chapter, if any, is as it was."
            ) from error
        if missing := missing_figures(notebook):
            running.replace(failed)
            raise ChapterError(
                f"chapter {name} ran, but without these figures: {', '.join(missing)}\n"
                f"The notebook is {failed}; the earlier executed chapter, if any, is as it was."
            )
        finish(running, key, files_read(read))
        running.replace(target)
    return target


def run_chapters(names: Sequence[str], profile: str = "paper") -> list[Path]:
    """Run the chapters whose inputs changed, side by side, each in processes of its own with one thread.

    Raises:
        ChapterError: chapters failed; the others were run all the same.
    """
    given = {} if profile == "paper" else {"profile": profile}
    options = [f"--{key}={value}" for key, value in given.items()]
    changed = [name for name in names if not is_current(name, given)]
    print(f"chapters: {len(changed)} of {len(names)} changed since they were run", flush=True)

    def run(name: str) -> str:
        command = [sys.executable, "-m", "lkutils", "chapter", name, *options]
        ran = subprocess.run(
            command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
        )
        return ran.stderr if ran.returncode else ""

    with ThreadPoolExecutor(side_by_side()) as pool:
        try:
            told = list(progress(pool.map(run, changed), "chapters", total=len(changed)))
        finally:
            pool.shutdown(cancel_futures=True)  # after an interrupt no other chapter begins
    if any(told):
        raise ChapterError("\n".join(filter(None, told)))
    return [executed_path(name, given) for name in names]


def side_by_side() -> int:
    """How many chapters run at the same time: one for each core, as far as there is memory."""
    return max(1, min(len(os.sched_getaffinity(0)), free_memory(torch.device("cpu")) // CHAPTER_BYTES))


def is_current(name: str, given: Mapping[str, Any]) -> bool:
    """Whether the executed copy of a chapter was run with the same inputs."""
    return executed_key(executed_path(name, given)) == content_key(name, given)


def reason(error: PapermillExecutionError | RuntimeError) -> str:
    """Where and why a chapter failed, in words."""
    if isinstance(error, DeadKernelError):
        return "because its process died, perhaps for want of memory"
    if isinstance(error, RuntimeError):
        return f"because its process did not start ({error})"
    return f"in cell {error.cell_index + 1} with {error.ename}: {error.evalue}"


def missing_figures(notebook: NotebookNode) -> list[str]:
    """Names of the figures that cells announce in their metadata and did not draw."""
    return [
        name
        for name, cell in figure_cells(notebook)
        if not any(kind.startswith("image/") for output in cell.outputs for kind in output.get("data", {}))
    ]


def executed_path(name: str, given: Mapping[str, Any]) -> Path:
    """Where a chapter's executed copy goes; runs with other parameters do not overwrite each other."""
    others = {key: value for key, value in given.items() if key != "profile"}
    profile = given.get("profile", "paper")
    if profile == "paper" and not others:
        return paths.EXECUTED / f"{name}.ipynb"
    suffix = "".join(f"-{key}={re.sub(r'[^-.a-z0-9_]+', '_', str(value))}" for key, value in sorted(others.items()))
    return paths.RUNS / profile / f"{name}{suffix}.ipynb"


def finish(path: Path, key: str, read: Mapping[str, str]) -> None:
    """Make an executed chapter fit to be read, and write down what the run depended on and where it ran.

    The parameters are folded away, figures get their alternative texts and a link to their data, and what was found is
    told after the claim.

    Args:
        path: of the chapter.
        key: of `lkutils.book.keys.content_key`.
        read: of `lkutils.book.keys.files_read`.
    """
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if {"parameters", "injected-parameters"} & set(tags):
            cell.metadata["tags"] = sorted({*tags, "hide-input"})
        describe(cell)
    tell_early(notebook)
    notebook.metadata["lkutils"] = {
        "key": key,
        "read": dict(read),
        "machine": provenance.machine(),
        "threads": torch.get_num_threads(),
        "versions": provenance.versions(),
        "git": provenance.git_hash(),
    }
    nbformat.write(notebook, path)
    write_digest(path)


def describe(cell: NotebookNode) -> None:
    """Give a cell's figure the alternative text that came with it, and its caption a link to its data."""
    for output in cell.get("outputs", []):
        alt = output.get("metadata", {}).get("image/png", {}).get("alt")
        shown = cell.metadata.get("mystnb", {})
        if alt and "figure" in shown and "image" not in shown:
            name = shown["figure"]["name"]
            cell.metadata["mystnb"] = {
                "image": {"alt": alt},
                "figure": shown["figure"] | {"caption": f"{shown['figure'].get('caption', '')} {data_link(name)}"},
            }


def data_link(name: str) -> str:
    """A link to the data of a figure, as Markdown; `lkutils.book.pages.write_data` puts them there."""
    return f"{{download}}`Data of this figure (csv) <data/{name}.csv>`"


def tell_early(notebook: NotebookNode) -> None:
    """Repeat the first table or text under "What we found" right after the claim; cells stay in the order they ran."""
    found = False
    for cell in notebook.cells:
        found = found or (cell.cell_type == "markdown" and "## What we found" in cell.source)
        texts = [output.get("data", {}).get("text/markdown") for output in cell.get("outputs", [])]
        if found and any(texts):
            text = next(filter(None, texts))
            told = f'**What we found** (<a href="#what-we-found">in full</a>)\n\n{text}'
            notebook.cells.insert(1, nbformat.v4.new_markdown_cell(told, metadata={"lkutils": "found"}))
            return
