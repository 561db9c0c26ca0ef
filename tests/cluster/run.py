"""The workflow on a real SLURM, with a job killed and a node drained in the middle: it ends in the same book.

`make test-cluster` runs it as root, with slurm-wlm and munge. The repository is copied twice: one copy goes through
the commands in order, undisturbed; the other through the workflow on the cluster, where `scancel` kills the first job
that masks, and the node is drained while the next one runs, and resumed. Then numbers are compared.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import numpy as np
from nbformat import NotebookNode

from lkutils.storage import load

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SNAKEMAKE = [str(Path(sys.executable).with_name("snakemake")), "--configfile", str(HERE / "config.yaml")]
ON_SLURM = ["--executor", "slurm", "--jobs", "4", "--retries", "2", "--slurm-no-account", "--slurm-status-command"]
ON_SLURM += ["squeue", "--slurm-init-seconds-before-status-checks", "5", "--seconds-between-status-checks", "5"]
CHAPTERS = ["01_sparsity", "04_generalization"]
BEGAN = time.monotonic()


def main() -> int:
    """Run both, and compare them; returns the exit status."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", nargs="?", type=Path, help="to work in; a temporary one when left out")
    options.add_argument("--chapters", nargs="*", default=CHAPTERS, help="that are run undisturbed, too, and compared")
    given = options.parse_args()
    if missing := [program for program in ("munged", "slurmctld", "slurmd") if shutil.which(program) is None]:
        print(f"{', '.join(missing)} is not there; on Debian or Ubuntu: apt install slurm-wlm munge", file=sys.stderr)
        return 2
    folder = given.folder or Path(tempfile.mkdtemp(prefix="lkutils-cluster-"))
    undisturbed, disturbed = (copied(folder / name) for name in ("undisturbed", "disturbed"))

    tell("undisturbed: the commands in order")
    for seed in (0, 1):
        lkutils(undisturbed, "game", "--dataset", "digits", "--network", "mlp7", "--seed", str(seed))
        lkutils(undisturbed, "interactions", "--dataset", "digits", "--network", "mlp7", "--seed", str(seed))
    for chapter in given.chapters:
        lkutils(undisturbed, "chapter", chapter, "--profile", "smoke")

    tell("disturbed: the workflow on SLURM")
    cluster = folder / "slurm"
    cluster.mkdir()
    subprocess.run([HERE / "slurm.sh", "start", cluster], check=True)
    try:
        run_disturbed(disturbed, folder / "snakemake.log")
    finally:
        subprocess.run([HERE / "slurm.sh", "stop", cluster], check=False)

    compared = compare(undisturbed, disturbed, given.chapters)
    tell(f"the book is there: {disturbed / 'runs/smoke/_build/html/index.html'}; {compared}")
    return 0


def tell(what: str) -> None:
    """Print what happens, and after how many seconds."""
    print(f"{time.monotonic() - BEGAN:6.0f} s  {what}", flush=True)


def copied(folder: Path) -> Path:
    """A copy of what git knows or would add; nothing of what was made here before."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines():
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of commands in a copy: they import the copy, and compute with one thread, as SLURM's jobs do."""
    return os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}


def lkutils(folder: Path, *words: str) -> None:
    """Run one command in a copy."""
    tell(f"lkutils {' '.join(words)}")
    command = [sys.executable, "-m", "lkutils", *words]
    subprocess.run(command, cwd=folder, env=surroundings(folder), check=True, stdout=subprocess.DEVNULL)


def run_disturbed(folder: Path, log: Path) -> None:
    """Run the workflow to its end on the cluster, and disturb it."""
    with log.open("w") as output:
        workflow = subprocess.Popen(
            [*SNAKEMAKE, *ON_SLURM], cwd=folder, env=surroundings(folder), stdout=output, stderr=subprocess.STDOUT
        )
        killed = when_running("rule_part", workflow)
        while workflow.poll() is None and not any((folder / "data/cache/chunks").rglob("*.npz")):
            time.sleep(0.02)  # until it has masked the first samples
        subprocess.run(["scancel", killed], check=True)
        tell(f"scancel {killed}, a job that masks")
        node, other = os.uname().nodename, when_running("rule_part", workflow, but=killed)
        subprocess.run(["scontrol", "update", f"nodename={node}", "state=drain", "reason=test"], check=True)
        tell(f"drained the node while job {other} runs")
        while other in jobs("R"):
            time.sleep(1)
        time.sleep(20)
        state = subprocess.run(["sinfo", "--noheader", "--format=%T"], check=True, capture_output=True, text=True)
        tell(f"the node is {state.stdout.strip()}, running are {len(jobs('R'))} jobs, waiting {len(jobs('PD'))}")
        subprocess.run(["scontrol", "update", f"nodename={node}", "state=resume"], check=True)
        tell("resumed the node")
        if status := workflow.wait():
            raise SystemExit(f"the workflow ended with status {status}; see {log}")
    text = log.read_text()
    finished = text.count("Finished jobid")
    assert "Trying to restart job" in text, f"the job that was killed was not started again; see {log}"
    tell(f"the workflow is at its end: {finished} jobs finished")


def jobs(state: str) -> dict[str, str]:
    """The jobs in a state of SLURM (R, PD), each with its rule."""
    command = ["squeue", "--noheader", f"--states={state}", "--format=%i|%k"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return dict(line.split("|", 1) for line in lines)


def when_running(rule: str, workflow: subprocess.Popen, but: str = "") -> str:
    """Wait for a job of a rule; returns its number."""
    while workflow.poll() is None:
        for job, comment in jobs("R").items():
            if comment.startswith(rule) and job != but:
                return job
        time.sleep(0.5)
    raise SystemExit(f"the workflow ended with status {workflow.returncode} before a job of {rule} was seen")


def compare(undisturbed: Path, disturbed: Path, chapters: list[str]) -> str:
    """Games, interactions and the numbers of chapters must be equal; returns how many were compared."""
    games, found = (
        sorted(path.relative_to(undisturbed) for path in (undisturbed / "data/cache" / what).rglob("*.nc"))
        for what in ("games/digits", "interactions")
    )
    assert len(games) >= 2
    assert len(found) >= 14
    for path in [*games, *found]:
        one, other = load(undisturbed / path), load(disturbed / path)
        assert one.sizes == other.sizes, path
        for name in one.variables:
            np.testing.assert_array_equal(one[name], other[name], err_msg=f"{path}: {name}")
    for chapter in chapters:
        one, other = (nbformat.read(at / f"runs/smoke/{chapter}.ipynb", 4) for at in (undisturbed, disturbed))
        assert numbers(one), chapter
        assert numbers(one) == numbers(other), chapter
    return (
        f"equal are {len(games)} games, {len(found)} files of interactions and the numbers of {len(chapters)} chapters"
    )


def numbers(chapter: NotebookNode) -> list[str]:
    """What the cells of a chapter printed and the data of its figures, without the facts of the run at its end."""
    outputs = [output for cell in chapter.cells[:-1] for output in cell.get("outputs", [])]
    texts = [output.get("data", {}).get("text/markdown") for output in outputs]
    return [*filter(None, texts), *filter(None, (output.get("metadata", {}).get("csv") for output in outputs))]


if __name__ == "__main__":
    sys.exit(main())
