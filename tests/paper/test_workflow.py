"""The paper as one graph: its edges, and one game in parts, of which one gets lost."""

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from lkutils.__main__ import main, parser
from lkutils.book.parameters import list_chapters
from lkutils.paper import paths, shipped
from lkutils.paper.experiments import EXPERIMENTS
from lkutils.paper.samples import choose_samples
from lkutils.storage import seal, unseal

WORKFLOW = Path("lkutils/paper/workflow")
CONFIG = yaml.safe_load((paths.ROOT / WORKFLOW / "config.yaml").read_text())
MARKS = "data/cache/workflow/smoke"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A copy of what the workflow needs, in which nothing was made yet."""
    folder = tmp_path_factory.mktemp("repository")
    for name in ("lkutils", "notebooks"):
        shutil.copytree(paths.ROOT / name, folder / name)
    for name in ("_config.yml", "requirements.lock", "Snakefile"):
        shutil.copy2(paths.ROOT / name, folder / name, follow_symlinks=False)
    for name in ("book", "data/games"):
        (folder / name).mkdir(parents=True)
    return folder


def snakemake(folder, *words):
    """What Snakemake prints."""
    command = [str(Path(sys.executable).with_name("snakemake")), "--cores", "1", *words]
    surroundings = os.environ | {"PYTHONPATH": str(folder)}
    ran = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def jobs(repository):
    """The jobs of the smoke profile with a GPU for each: by its mark, what a job waits for, and its command."""
    text = snakemake(repository, "--dry-run", "--printshellcmds", "--config", "gpus_per_job=1")
    found = {}
    for block in re.split(r"\n(?:local)?rule ", text)[1:]:
        fields = dict(re.findall(r"^ {4}(\w+): (.*)$", block, re.MULTILINE))
        command = re.search(r"^ *Shell command: (.*)$", block, re.MULTILINE)
        if "output" in fields:
            found[fields["output"].removeprefix(f"{MARKS}/")] = (
                {name.removeprefix(f"{MARKS}/") for name in fields.get("input", "").split(", ") if name},
                command[1] if command else None,
                fields["resources"],
            )
    return found


def marks(kind, what):
    return {f"digits/mlp7/{kind}/{what}{k}of{CONFIG['parts']}" for k in range(1, CONFIG["parts"] + 1)}


def test_data_flow_one_way_from_training_to_the_book(jobs):
    def waits_for(mark):
        return {name for name in jobs[mark][0] if not name.endswith((".py", ".ipynb", ".lock"))}

    assert waits_for("digits/mlp7/seed1/network") == set()
    assert waits_for("digits/mlp7/seed1/probes") == {"digits/mlp7/seed1/network"}
    together = {"digits/mlp7/seed0/network", "digits/resnet20/seed0/network"}  # they choose the samples
    assert waits_for(f"digits/mlp7/seed1/part2of{CONFIG['parts']}") == {*together, "digits/mlp7/seed1/probes"}
    assert waits_for(f"digits/mlp7/noise/part2of{CONFIG['parts']}") == {*together, "digits/mlp7/seed0/probes"}
    for kind in ("seed0", "seed1", "noise"):
        assert waits_for(f"digits/mlp7/{kind}/game") == marks(kind, "part")
        assert {waits for mark in marks(kind, "interactions") for waits in waits_for(mark)} == {
            f"digits/mlp7/{kind}/game"
        }
    everything = {mark for mark in jobs if "/interactions" in mark}
    assert everything >= marks("seed1", "interactions") | marks("noise", "interactions")
    assert {mark.removeprefix("chapters/") for mark in waits_for("book")} == set(list_chapters())
    for chapter in list_chapters():
        assert waits_for(f"chapters/{chapter}") == everything


def test_a_chapter_waits_for_its_source_and_the_library(jobs):
    waits = jobs["chapters/01_sparsity"][0]
    assert {
        "notebooks/01_sparsity.ipynb",
        "lkutils/metrics.py",
        "lkutils/paper/making.py",
        "requirements.lock",
    } <= waits
    assert "notebooks/02_layers.ipynb" not in waits


def test_jobs_are_commands_that_people_type(jobs):
    for mark, (_, command, _) in jobs.items():
        *before, module, name = shlex.split(command)[: shlex.split(command).index("lkutils") + 1]
        assert (before[-1], module, name) == (sys.executable, "-m", "lkutils"), mark
        options = parser().parse_args(shlex.split(command)[len(before) + 2 :])
        assert mark.startswith(("chapters/", "book")) or mark.startswith(f"{options.dataset}/{options.network}/")


def test_jobs_that_train_or_mask_have_a_gpu_each_and_others_none(jobs):
    with_gpu = {mark for mark, (_, command, resources) in jobs.items() if "gpu=1" in resources}
    assert with_gpu == {mark for mark in jobs if re.search(r"/(network|probes|part\d+of\d+)$", mark)}
    assert with_gpu == {mark for mark, (_, command, _) in jobs.items() if "on_gpu.sh" in command}


def test_a_job_takes_a_gpu_that_no_other_job_holds(tmp_path):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nprintf '0\\n1\\n'\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    alone = {key: value for key, value in os.environ.items() if key != "CUDA_VISIBLE_DEVICES"}
    surroundings = alone | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = ["sh", str(paths.ROOT / WORKFLOW / "on_gpu.sh"), "sh", "-c", "echo $CUDA_VISIBLE_DEVICES; read line"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": tmp_path}

    def started(**given):
        process = subprocess.Popen(command, env=surroundings | given, **pipes)
        return process, process.stdout.readline().strip()

    (one, first), (two, second) = started(), started()
    given, third = started(CUDA_VISIBLE_DEVICES="7")  # by a scheduler
    assert (first, second, third) == ("0", "1", "7")
    one.communicate("\n")
    again, fourth = started()
    assert fourth == "0", "what ended has let go"
    for process in (two, given, again):
        process.communicate("\n")
        assert process.returncode == 0


@pytest.mark.parametrize("profile", ["smoke", "paper"])
def test_the_config_names_all_networks_and_no_others(profile):
    settings = CONFIG[profile]
    named = {f"{dataset}/{network}" for dataset, names in settings["networks"].items() for network in names}
    known = {f"{e.dataset}/{e.network}": e for e in EXPERIMENTS.values() if e.profile == profile}
    assert named == set(known)
    assert set(settings["public"]) == {name for name, experiment in known.items() if experiment.training is None}
    assert set(settings["noise"]) <= named
    assert len(CONFIG["seeds"]) >= 2


DIGITS = ["game", "--dataset", "digits", "--network", "mlp7"]
SAMPLES = [
    18,
    54,
    166,
    204,
    214,
    219,
    229,
    235,
    265,
    273,
    313,
    354,
]  # so that no other network is needed to choose them


def from_nothing(cache, monkeypatch):
    """Let all that is made lie in a folder."""
    monkeypatch.setattr(paths, "CACHE", cache)
    everything = torch.ones(len(SAMPLES), dtype=torch.bool)
    choose_samples(np.array(SAMPLES), everything, len(SAMPLES), cache / "games/digits/samples.json", "digits")


@pytest.mark.filterwarnings("ignore:.*they are left out")
def test_a_lost_part_is_made_again_alone_and_the_game_is_the_same(repository, tmp_path, monkeypatch, capsys):
    from_nothing(tmp_path, monkeypatch)
    assert main(DIGITS) == 0
    at_once = shipped.load_game("digits/mlp7")

    from_nothing(repository / "data/cache", monkeypatch)
    assert main([*DIGITS, "--until", "probes"]) == 0
    for part in (1, 2):
        assert main([*DIGITS, "--part", f"{part}/3"]) == 0
    kept, lost = sorted(paths.CACHE.glob("chunks/digits/mlp7/*.npz"), key=lambda path: path.stat().st_mtime_ns)
    lost.unlink()
    assert main([*DIGITS, "--part", "3/3"]) == 0
    assert capsys.readouterr().out.count("other parts are still missing") == 3
    with np.load(io.BytesIO(unseal(kept))) as chunk:  # to be known again by its time
        rewritten = io.BytesIO()
        np.savez(rewritten, values=chunk["values"], seconds=1000.0)
    seal(rewritten.getvalue(), kept)
    for done in ("mlp7/seed0/network", "resnet20/seed0/network", "mlp7/seed0/probes"):
        (repository / MARKS / "digits" / done).parent.mkdir(parents=True, exist_ok=True)
        (repository / MARKS / "digits" / done).touch()

    told = snakemake(repository, f"{MARKS}/digits/mlp7/seed0/part2of3", "--config", "parts=3")
    assert re.findall(r"^(?:local)?rule (\w+):", told, re.MULTILINE) == ["part"]
    in_parts = shipped.load_game("digits/mlp7")
    assert json.loads(in_parts.attrs["seconds"])["masking"] > 1000, "the first part was not made again"
    np.testing.assert_array_equal(in_parts["values"], at_once["values"])
    assert not list(paths.CACHE.glob("chunks/digits/mlp7/*"))
    assert main(DIGITS) == 0
    assert "exists at" in capsys.readouterr().out
