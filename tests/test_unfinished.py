"""What killed processes left is swept, and what living ones write is not."""

import signal
import time

import pytest
from processes import Forked

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


def test_what_a_living_process_holds_stays_and_what_a_killed_one_held_is_swept(tmp_path):
    (tmp_path / "finished.txt").write_text("stays")

    def hold():
        with unfinished(tmp_path, "a.txt") as file, unfinished_folder(tmp_path) as folder:
            file.write_text("half")
            (folder / "inside").write_text("half")
            signal.pause()

    holding = Forked(hold)
    while len(list(tmp_path.rglob("*"))) < 4 or not (next(tmp_path.glob("*/inside"))).read_text():
        time.sleep(0.01)
    sweep(tmp_path)
    with unfinished(tmp_path, "b.txt"):
        assert len(list(tmp_path.iterdir())) == 4
    holding.kill()
    assert len(list(tmp_path.iterdir())) == 3
    with unfinished(tmp_path, "b.txt"):
        assert len(list(tmp_path.iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["finished.txt"]


def test_writers_that_sweep_do_not_disturb_each_other(tmp_path):
    """Each of them sweeps the folder before each file, also between another's making and locking of its own."""
    end = time.monotonic() + 1

    def write_often(name):
        count = 0
        while time.monotonic() < end or not count:
            with unfinished(tmp_path, "a.txt") as path:
                path.write_bytes(b"content")
                assert path.read_bytes() == b"content"
                path.replace(tmp_path / name)
                count += 1

    writers = [Forked(lambda name=name: write_often(name)) for name in "abcd"]
    assert [writer.status() for writer in writers] == [0] * 4
    assert sorted(path.name for path in tmp_path.iterdir()) == list("abcd")


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
