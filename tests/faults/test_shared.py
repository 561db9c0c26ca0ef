"""Several processes on one game, disks that are full and folders that may not be written to."""

import os
import resource
import shutil
import signal
import tempfile
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
import xarray as xr
from processes import Forked
from test_kills import JOBS, contents, folder  # noqa: F401 (a fixture)

import lkutils as lk
from lkutils.paper import paths, shipped
from lkutils.storage import found_or_made, load, seal, store
from lkutils.unfinished import PREFIX

NOBODY = 65534


def test_two_processes_make_one_game_and_both_have_it(folder):  # noqa: F811
    alone = folder.with_name("alone")
    assert Forked(JOBS["a game"]).status() == 0
    expected = contents(folder)
    folder.rename(alone)
    outputs = [folder.with_name(f"output{k}") for k in range(2)]
    both = [Forked(JOBS["a game"], output) for output in outputs]
    for output, status in zip(outputs, [process.status() for process in both], strict=True):
        assert status == 0, output.read_text()
    found = contents(folder)
    assert found["games/digits/mlp7.nc"] == expected["games/digits/mlp7.nc"]
    assert {name for name in found if not name.endswith(".lock")} == {
        name for name in expected if not name.endswith(".lock")
    }


def test_two_containers_with_the_same_process_number_have_two_names(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: 7)
    names, write = set(), Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda path, content: (names.add(path.name), write(path, content))[1])
    for k in range(20):
        seal(f"content {k}".encode(), tmp_path / "one")
    assert len(names) == 20
    assert all(name.startswith(PREFIX) for name in names)


@pytest.mark.parametrize("bytes_left", [0, 1, 100, 4000, 20_000])
def test_a_full_disk_is_an_error_that_names_the_file_and_leaves_what_was_there(tmp_path, bytes_left):
    path, output = tmp_path / "disk" / "game.nc", tmp_path / "output"
    store(xr.Dataset({"values": ("sample", np.zeros(3))}), path)
    before, large = path.read_bytes(), np.random.default_rng(0).normal(size=10_000)

    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_left, resource.RLIM_INFINITY))
        with pytest.raises(OSError, match=f"File too large: '{path}'"):
            store(xr.Dataset({"values": ("sample", large)}), path)

    assert Forked(fill, output).status() == 0, output.read_text()
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["game.nc"]


def test_what_can_be_made_again_is_returned_though_the_disk_is_full(tmp_path):
    output = tmp_path / "output"

    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))
        assert found_or_made([tmp_path / "one.nc"], lambda: xr.Dataset({"number": 7}))["number"].item() == 7

    assert Forked(fill, output).status() == 0, output.read_text()
    assert output.read_text() == f"{tmp_path / 'one.nc'} is not kept (File too large); it will be made again\n"
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def test_no_space_left_is_said_and_costs_no_result(tmp_path, monkeypatch, capsys):
    write, path = Path.write_bytes, tmp_path / "one.nc"
    monkeypatch.setattr(Path, "write_bytes", lambda _, content: write(Path("/dev/full"), content))
    with pytest.raises(OSError, match=f"No space left on device: '{path}'"):
        store(xr.Dataset({"number": 7}), path)
    assert found_or_made([path], lambda: xr.Dataset({"number": 7}))["number"].item() == 7
    assert capsys.readouterr().err == f"{path} is not kept (No space left on device); it will be made again\n"
    assert not list(tmp_path.iterdir())


def test_where_memory_really_ends_batches_get_smaller_and_values_stay_the_same(tmp_path):
    n, output = 8, tmp_path / "output"
    inputs = torch.arange(1.0, n + 1)[None]

    def score(batch):
        torch.zeros(len(batch), 2**21, dtype=torch.uint8)  # 2 MiB each
        return torch.stack((batch.sum(-1), batch.prod(-1)), -1)[None]

    def values():
        return lk.coalition_values(score, inputs, [0], torch.arange(n)[None], torch.zeros(n), n, 2**n)

    expected = values()

    def limited():
        used = psutil.Process().memory_info().vms
        resource.setrlimit(resource.RLIMIT_AS, (used + 200 * 2**20, resource.RLIM_INFINITY))
        with pytest.warns(UserWarning, match="out of memory; going on with batches of") as warned:
            assert torch.equal(values(), expected)
        assert 1 <= len(warned) <= 3

    assert Forked(limited, output).status() == 0, output.read_text()


def test_a_folder_that_may_not_be_written_to_or_a_file_that_may_not_be_read():
    """As another user than the one who may do everything."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        store(xr.Dataset({"number": 1}), place / "shipped.nc")
        store(xr.Dataset({"number": 1}), place / "secret.nc")
        (place / "secret.nc").chmod(0)
        (place / "output").touch()
        (place / "output").chmod(0o666)

        def as_nobody():
            if os.geteuid() == 0:
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            else:
                place.chmod(0o500)
            assert load(place / "shipped.nc")["number"] == 1
            assert found_or_made([place / "two.nc"], lambda: xr.Dataset({"number": 2}))["number"] == 2
            for work in (lambda: load(place / "secret.nc"), lambda: store(xr.Dataset(), place / "three.nc")):
                with pytest.raises(PermissionError, match=r"Permission denied: '.*/(secret|three)\.nc'"):
                    work()

        assert Forked(as_nobody, place / "output").status() == 0, (place / "output").read_text()
        place.chmod(0o700)
        assert (place / "output").read_text() == (
            f"{place / 'two.nc'} is not kept (Permission denied); it will be made again\n"
        )


def test_a_clock_that_jumps_back_makes_nothing_new(folder, monkeypatch):  # noqa: F811
    assert Forked(JOBS["a game"]).status() == 0
    before = (folder / "games" / "digits" / "mlp7.nc").read_bytes()
    for path in folder.rglob("*"):
        os.utime(path, (4e9, 4e9))  # in the year 2096
    shipped.make_once(folder / "games" / "digits" / "mlp7.nc", lambda: pytest.fail("made again"))
    assert (folder / "games" / "digits" / "mlp7.nc").read_bytes() == before


def test_an_interrupt_leaves_nothing_unfinished(folder):  # noqa: F811
    def interrupted():
        write = Path.write_bytes

        def interrupt(path, content):
            write(path, content[:9])
            os.kill(os.getpid(), signal.SIGINT)
            return write(path, content)

        Path.write_bytes = interrupt
        try:
            JOBS["a game"]()
        except KeyboardInterrupt:
            os._exit(130)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert Forked(interrupted).status() == 130
    assert not list(paths.CACHE.rglob(f"{PREFIX}*"))
    shutil.rmtree(folder)
