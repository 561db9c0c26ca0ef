"""Downloads from a server on this machine that breaks off, knows no ranges, or does not answer."""

import gzip
import hashlib
import os
import signal
import socket
import time

import numpy as np
import pytest
from processes import Forked
from served import serving

from lkutils.paper import downloads, files
from lkutils.paper.downloads import fetch

CONTENT = np.random.default_rng(0).bytes(300_000)


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "PAUSES", (0, 0))
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "file").write_bytes(CONTENT)
    with serving(tmp_path / "served") as running:
        yield running


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fetched"


def test_what_broke_off_goes_on_from_there(server, path):
    server.cuts = [100_000, 0, 50_000]
    fetch(f"{server.address}file", path)
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=100000-", "bytes=150000-"]


def test_without_ranges_it_starts_again(server, path):
    server.ranges, server.cuts = False, [100_000]
    fetch(f"{server.address}file", path)
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-"]


def test_as_long_as_it_gets_on_it_is_tried_again_and_then_no_more(server, path):
    server.cuts = [40_000] * 5 + [0] * 9
    with pytest.raises(OSError, match="it broke off after 200,000 of 300,000 bytes, which are kept"):
        fetch(f"{server.address}file", path)
    assert len(server.asked) == 5 + 2
    assert path.read_bytes() == CONTENT[:200_000]
    server.cuts = []
    fetch(f"{server.address}file", path)
    assert path.read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=200000-"


def test_a_server_that_sends_the_same_again_and_again_is_given_up(server, path):
    server.ranges, server.cuts = False, [100_000] * 99
    with pytest.raises(OSError, match="broke off after 100,000"):
        fetch(f"{server.address}file", path)
    assert len(server.asked) == 3


def test_what_is_whole_is_not_fetched_again_and_what_is_too_long_is(server, path):
    path.write_bytes(CONTENT)
    fetch(f"{server.address}file", path)
    assert server.asked == ["bytes=300000-"]
    path.write_bytes(CONTENT + b"and more")
    fetch(f"{server.address}file", path)
    assert server.asked[1:] == ["bytes=300008-", None]
    assert path.read_bytes() == CONTENT


def test_a_length_may_be_unknown(server, path):
    server.tells_length = False
    fetch(f"{server.address}file", path)
    assert path.read_bytes() == CONTENT


def test_what_has_no_end_is_not_kept(server, path, monkeypatch):
    monkeypatch.setattr(downloads, "LARGEST", 1000)
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        fetch(f"{server.address}file", path)
    assert not path.exists()


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (403, 1), (503, 3)])
def test_a_server_that_says_no_is_asked_once_and_one_that_is_busy_again(server, path, status, tries):
    server.status = status
    with pytest.raises(OSError, match=f"HTTP Error {status}"):
        fetch(f"{server.address}file", path)
    assert len(server.asked) == tries


def test_a_server_that_does_not_answer_is_given_up(path, monkeypatch):
    monkeypatch.setattr(downloads, "PAUSES", (0,))
    monkeypatch.setattr(downloads, "TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(OSError, match="timed out"):
        fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/file", path)


def test_no_server_at_all(path, monkeypatch):
    monkeypatch.setattr(downloads, "PAUSES", (0, 0))
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        fetch(f"http://127.0.0.1:{port}/file", path)


# ---- data files, which are known by their checksums ----


@pytest.fixture
def known(server, tmp_path, monkeypatch):
    """A made-up data file, in an empty data folder: its name."""
    name = "mnist/MNIST/raw/made-up"
    (server.folder / "made-up.gz").write_bytes(gzip.compress(CONTENT))
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("LKUTILS_DATA", str(tmp_path / "data"))
    monkeypatch.setitem(files.CHECKSUMS, name, hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setitem(files.ADDRESSES, name, f"{server.address}made-up.gz")
    return name


def kept(tmp_path):
    return [path for path in (tmp_path / "data").rglob("*") if path.is_file()]


def test_the_next_call_goes_on_where_the_last_one_was_given_up(server, known, tmp_path):
    server.cuts = [100_000, 0, 0]
    with pytest.raises(OSError, match=r"could it be downloaded.*after 100,000 of .*which are kept.*Try again"):
        files.read_file(known)
    assert [path.stat().st_size for path in kept(tmp_path)] == [100_000]
    assert files.read_file(known) == CONTENT
    assert server.asked[-1] == "bytes=100000-"
    assert kept(tmp_path) == [tmp_path / "data" / f"{known}.gz"]


def test_so_does_that_of_another_process_after_one_was_killed(server, known, tmp_path):
    server.cuts = [200_000]

    def killed(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    def download():
        time.sleep = killed  # before it is tried again
        files.read_file(known)

    assert Forked(download).status() == -signal.SIGKILL
    assert files.read_file(known) == CONTENT
    assert server.asked == [None, "bytes=200000-"]
    assert kept(tmp_path) == [tmp_path / "data" / f"{known}.gz"]


def test_a_first_part_of_another_file_is_noticed_and_blocks_nothing(server, known, tmp_path):
    server.cuts = [100_000, 0, 0]
    with pytest.raises(OSError, match="broke off"):
        files.read_file(known)
    (part,) = kept(tmp_path)
    part.write_bytes(bytes(100_000))
    with pytest.raises(ValueError, match=r"(truncated or damaged|not the official file).*Nothing of it was kept"):
        files.read_file(known)
    assert kept(tmp_path) == []
    assert files.read_file(known) == CONTENT


def test_two_processes_fetch_one_file_once(server, known, tmp_path):
    outputs = [tmp_path / f"output{k}" for k in range(2)]
    both = [Forked(lambda: files.read_file(known), output) for output in outputs]
    for output, status in zip(outputs, [process.status() for process in both], strict=True):
        assert status == 0, output.read_text()
    assert server.asked == [None]
    assert kept(tmp_path) == [tmp_path / "data" / f"{known}.gz"]
