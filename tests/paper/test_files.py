import gzip
import hashlib
import http.server
import lzma
import threading

import pytest

from lkutils.paper import files, paths


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty data folder."""
    monkeypatch.setenv("LKUTILS_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def known_file(monkeypatch):
    """A made-up data file: its name and its official content."""
    name, content = "mnist/MNIST/raw/made-up", b"official content"
    monkeypatch.setitem(files.CHECKSUMS, name, hashlib.sha256(content).hexdigest())
    return name, content


# ---- files ----


@pytest.mark.parametrize(("suffix", "pack"), [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_file_is_read_plain_or_compressed(data, known_file, suffix, pack):
    name, content = known_file
    (data / name).parent.mkdir(parents=True)
    (data / f"{name}{suffix}").write_bytes(pack(content))
    assert files.read_file(name) == content


def test_an_altered_file_is_refused_with_both_checksums(data, known_file):
    name, _ = known_file
    (data / name).parent.mkdir(parents=True)
    (data / name).write_bytes(b"other content")
    with pytest.raises(ValueError, match=f"not the official file.*expected {files.CHECKSUMS[name]}.*Delete it"):
        files.read_file(name)


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_truncated_file_is_refused(data, known_file, suffix, pack):
    name, content = known_file
    (data / name).parent.mkdir(parents=True)
    (data / f"{name}{suffix}").write_bytes(pack(content)[:-6])
    with pytest.raises(ValueError, match="truncated or damaged"):
        files.read_file(name)


@pytest.fixture
def server(tmp_path_factory):
    """A web server of one folder on this machine; gives the folder and its address."""
    folder = tmp_path_factory.mktemp("served")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


def test_a_missing_file_is_downloaded_and_verified(data, known_file, server, monkeypatch):
    name, content = known_file
    folder, address = server
    (folder / "made-up.gz").write_bytes(gzip.compress(content))
    monkeypatch.setitem(files.ADDRESSES, name, f"{address}made-up.gz")
    assert files.read_file(name) == content
    assert (data / f"{name}.gz").is_file()


def test_a_file_that_cannot_be_had_says_where_to_put_it(data, known_file, server, monkeypatch):
    name, _ = known_file
    monkeypatch.setitem(files.ADDRESSES, name, f"{server[1]}made-up.gz")
    with pytest.raises(OSError, match=r"neither in .* nor could it be downloaded.*LKUTILS_DATA"):
        files.read_file(name)


def test_a_data_folder_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("LKUTILS_DATA", "/no/such/folder")
    with pytest.raises(NotADirectoryError, match="/no/such/folder"):
        paths.data_dir()
