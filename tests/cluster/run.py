"""The workflow on a real SLURM, with a job killed and a node drained in the middle: it ends in the same book.

`make test-cluster` runs it as root, with slurm-wlm and munge. The repository is copied twice: in one copy the workflow
runs on this machine alone, undisturbed; in the other on the cluster, where `scancel` kills the first job that masks,
and the node is drained while the next one runs, and resumed. Then both are compared: games, interactions, and all that
every chapter printed and drew.
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

from lkutils.storage import load

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SNAKEMAKE = [str(Path(sys.executable).with_name("snakemake")), "--configfile", str(HERE / "config.yaml")]
ON_SLURM = ["--executor", "slurm", "--jobs", "4", "--retries", "2", "--slurm-no-account", "--slurm-status-command"]
ON_SLURM += ["squeue", "--slurm-init-seconds-before-status-checks", "5", "--seconds-between-status-checks", "5"]
BEGAN = time.monotonic()


def main() -> int:
    """Run both, and compare them; returns the exit status."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", nargs="?", type=Path, help="to work in; a temporary one when left out")
    given = options.parse_args()
    if missing := [program for program in ("munged", "slurmctld", "slurmd") if shutil.which(program) is None]:
        print(f"{', '.join(missing)} is not there; on Debian or Ubuntu: apt install slurm-wlm munge", file=sys.stderr)
        return 2
    folder = given.folder or Path(tempfile.mkdtemp(prefix="lkutils-cluster-"))
    undisturbed, disturbed = (copied(folder / name) for name in ("undisturbed", "disturbed"))

    tell("undisturbed: the workflow on this machine")
    with started([*SNAKEMAKE, "--cores", "1"], undisturbed, folder / "undisturbed.log") as workflow:
        ended(workflow, folder / "undisturbed.log")

    tell("disturbed: the workflow on SLURM")
    cluster = folder / "slurm"
    cluster.mkdir()
    subprocess.run([HERE / "slurm.sh", "start", cluster], check=True)
    try:
        run_disturbed(disturbed, folder / "disturbed.log")
    finally:
        subprocess.run([HERE / "slurm.sh", "stop", cluster], check=False)

    tell(f"the books are in {folder}; {compare(undisturbed, disturbed)}")
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


def started(command: list[str], folder: Path, log: Path) -> subprocess.Popen:
    """A command that runs in a copy, imports that copy, and computes with one thread, as SLURM's jobs do."""
    surroundings = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    with log.open("w") as output:
        return subprocess.Popen(command, cwd=folder, env=surroundings, stdout=output, stderr=subprocess.STDOUT)


def ended(workflow: subprocess.Popen, log: Path) -> str:
    """Wait for the end of a workflow; returns what it has written."""
    if status := workflow.wait():
        raise SystemExit(f"the workflow ended with status {status}; see {log}")
    tell(f"the workflow is at its end: {log.read_text().count('Finished jobid')} jobs finished")
    return log.read_text()


def run_disturbed(folder: Path, log: Path) -> None:
    """Run the workflow to its end on the cluster, and disturb it."""
    with started([*SNAKEMAKE, *ON_SLURM], folder, log) as workflow:
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
        if "Trying to restart job" not in ended(workflow, log):
            raise SystemExit(f"the job that was killed was not started again; see {log}")


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


def compare(undisturbed: Path, disturbed: Path) -> str:
    """Both have the same files, and what is in them is equal; returns how many were compared.

    Raises:
        SystemExit: something differs; all that does is named.
    """
    compared = {
        "games": ("data/cache/games/**/*.nc", arrays),
        "files of interactions": ("data/cache/interactions/*.nc", arrays),
        "chapters": ("runs/smoke/*.ipynb", outputs),
        "tables of claims": ("runs/smoke/book/notebooks/claims.csv", Path.read_bytes),
        "files with the data of figures": ("runs/smoke/book/notebooks/data/*.csv", Path.read_bytes),
        "pages": ("runs/smoke/_build/html/**/*.html", lambda path: path.name),
    }
    counts, different = {}, []
    for what, (pattern, read) in compared.items():
        one, other = (
            {str(path.relative_to(at)): read(path) for path in at.glob(pattern)} for at in (undisturbed, disturbed)
        )
        different += [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]
        counts[what] = len(one)
    counted = ", ".join(f"{count} {what}" for what, count in counts.items())
    if different or not all(counts.values()):
        raise SystemExit(f"compared were {counted}; these differ: {', '.join(different)}")
    return f"equal are {counted}"


def arrays(path: Path) -> dict[str, tuple]:
    """The arrays in a file, without what is said of how they were made."""
    found = {name: array.values for name, array in load(path).variables.items()}
    return {
        name: (values.shape, values.tobytes() if values.dtype.kind in "biuf" else values.tolist())
        for name, values in found.items()
    }


def outputs(path: Path) -> list[dict]:
    """What the cells of a chapter printed and drew, and the data of its figures, but for the facts of the run."""
    cells = nbformat.read(path, 4).cells[:-1]
    shown = [output for cell in cells for output in cell.get("outputs", [])]
    return [{"data": output.get("data"), "text": output.get("text"), **output.get("metadata", {})} for output in shown]


if __name__ == "__main__":
    sys.exit(main())
