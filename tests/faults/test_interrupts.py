"""Ctrl-C at random moments of real commands, in a folder of the test's own."""

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from lkutils import interrupts
from lkutils.paper import paths
from lkutils.unfinished import PREFIX

COMMANDS = {
    "a game": ("game", "--dataset", "digits", "--network", "mlp7"),
    "a chapter": ("chapter", "b1_extraction", "--profile", "smoke"),
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_an_interrupt_at_any_moment_is_told_in_one_line(tmp_path, pytestconfig, words):
    if not pytestconfig.option.long:
        pytest.skip("takes minutes: make test-faults")
    for name in ("lkutils", "notebooks", "book"):
        shutil.copytree(paths.ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "data" / "games").mkdir(parents=True)
    for name in ("_config.yml", "requirements.lock"):
        shutil.copy2(paths.ROOT / name, tmp_path)
    command = [sys.executable, "-m", "lkutils", *words]
    options = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(tmp_path)}, "text": True}
    options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "start_new_session": True}
    began = time.perf_counter()
    whole = subprocess.Popen(command, **options)
    whole.communicate()
    assert whole.returncode == 0
    seconds = time.perf_counter() - began
    interrupted = 0  # not before the package is imported: that Python itself starts is not ours
    for wait in np.random.default_rng(0).uniform(0.1 * seconds, seconds, 5):
        shutil.rmtree(tmp_path / "data" / "cache", ignore_errors=True)
        shutil.rmtree(tmp_path / "runs", ignore_errors=True)
        running = subprocess.Popen(command, **options)
        time.sleep(wait)
        os.killpg(running.pid, signal.SIGINT)
        _, told = running.communicate()
        if running.returncode:  # else it was over
            assert (running.returncode, told) == (130, f"{interrupts.TOLD}\n"), wait
            interrupted += 1
        assert not list(tmp_path.rglob(f"{PREFIX}*"))
    assert interrupted
