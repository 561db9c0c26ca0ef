"""What killed processes left is swept, and what living ones write is not."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from lkutils import unfinished as module
from lkutils.unfinished import PREFIX, sweep, unfinished, unfinished_folder


@pytest.mark.parametrize("kind", [lambda folder: unfinished(folder, "a.txt"), unfinished_folder])
def test_nothing_is_left_at_the_end_nor_after_an_error(tmp_path, kind):
    def fail():
        with kind(tmp_path) as path:
            assert path.exists()
            raise RuntimeError

    with kind(tmp_path) as path:
        assert path.name.startswith(PREFIX)
    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


HOLD = """
import sys, time
from pathlib import Path
from lkutils.unfinished import unfinished, unfinished_folder
with unfinished(Path(sys.argv[1]), "a.txt") as file, unfinished_folder(Path(sys.argv[1])) as folder:
    (folder / "inside").write_text("half")
    print("held", flush=True)
    time.sleep(60)
"""


def test_what_a_living_process_holds_stays_and_what_a_killed_one_held_is_swept(tmp_path):
    (tmp_path / "finished.txt").write_text("stays")
    holding = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE)
    assert holding.stdout.readline() == b"held\n"
    sweep(tmp_path)
    with unfinished(tmp_path, "b.txt"):
        assert len(list(tmp_path.iterdir())) == 4
    holding.send_signal(signal.SIGKILL)
    holding.wait()
    holding.stdout.close()
    assert len(list(tmp_path.iterdir())) == 3
    with unfinished(tmp_path, "b.txt"):
        assert len(list(tmp_path.iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["finished.txt"]


def write_often(folder, end):
    count = 0
    while time.monotonic() < end:
        with unfinished(folder, "a.txt") as path:
            path.write_bytes(b"content")
            assert path.read_bytes() == b"content"
            path.replace(folder / f"{os.getpid()}.txt")
            count += 1
    os._exit(0 if count > 20 else 1)


def test_writers_that_sweep_do_not_disturb_each_other(tmp_path):
    """Each of them sweeps the folder before each file, also between another's making and locking of its own."""
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_often, args=(tmp_path, time.monotonic() + 1.5)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert len(list(tmp_path.iterdir())) == 4


def test_a_file_that_was_swept_before_it_was_locked_is_made_again(tmp_path, monkeypatch):
    flock, calls = module.fcntl.flock, []

    def late(descriptor, operation):
        calls.append(operation)
        if len(calls) == 1:
            sweep_all(tmp_path)
        flock(descriptor, operation)

    monkeypatch.setattr(module.fcntl, "flock", late)
    with unfinished(tmp_path, "a.txt") as path:
        assert path.exists()
    assert len(calls) == 2


def sweep_all(folder):
    for path in folder.iterdir():
        path.unlink()
