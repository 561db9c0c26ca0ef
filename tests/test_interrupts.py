"""Ctrl-C while the command line is being imported, while a command runs, and after it."""

import os
import signal
import subprocess
import sys

import pytest

from lkutils import interrupts
from lkutils.paper import paths

PRESSED = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
    print("nothing happened")
except BaseException as error:
    raise ImportError("a library that makes another error of it") from error
"""


@pytest.fixture
def pressed(tmp_path):
    """Runs Python, in which somebody presses Ctrl-C when numpy is first imported."""
    (tmp_path / "numpy.py").write_text(PRESSED)

    def run(*words, **options):
        surroundings = os.environ | {"PYTHONPATH": f"{tmp_path}:{paths.ROOT}"}
        command = [sys.executable, *words]
        return subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False, **options)

    return run


def test_while_the_command_line_is_imported_it_is_told_in_one_line(pressed):
    done = pressed("-m", "lkutils", "list")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", f"{interrupts.TOLD}\n")


def test_who_imports_the_library_has_the_usual_exception(pressed):
    done = pressed("-c", "import lkutils")
    assert done.returncode == 1
    assert "KeyboardInterrupt" in done.stderr


def test_where_interrupts_are_ignored_they_stay_so(pressed):
    def ignore():
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    done = pressed("-m", "lkutils", "list", preexec_fn=ignore)
    assert done.stdout == "nothing happened\n"


def test_while_a_command_runs_it_is_raised_and_afterwards_nothing_happens():
    steps = """
import os, signal
from lkutils import interrupts
signal.signal(signal.SIGINT, interrupts.end_at_once)
try:
    with interrupts.raised():
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            print("cleaned up")
except KeyboardInterrupt:
    os.kill(os.getpid(), signal.SIGINT)
    print("told")
"""
    done = subprocess.run([sys.executable, "-c", steps], capture_output=True, text=True, check=True)
    assert done.stdout == "cleaned up\ntold\n"


def test_a_process_that_was_not_guarded_keeps_its_handler():
    before = signal.getsignal(signal.SIGINT)
    with interrupts.raised():
        assert signal.getsignal(signal.SIGINT) is before
    assert signal.getsignal(signal.SIGINT) is before
