import gzip
import hashlib
import lzma
import tarfile

import numpy as np
import pytest
from served import serving

from lkutils.paper import downloads, files, paths


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty data folder; nobody waits before it is tried again."""
    monkeypatch.setattr(downloads, "PAUSES", (0, 0))
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


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_damaged_file_is_refused_wherever_the_damage_is(data, monkeypatch, suffix, pack):
    name, content = "mnist/MNIST/raw/made-up", np.random.default_rng(0).integers(0, 4, 5000).astype(np.uint8).tobytes()
    monkeypatch.setitem(files.CHECKSUMS, name, hashlib.sha256(content).hexdigest())
    (data / name).parent.mkdir(parents=True)
    packed = pack(content)
    for place in range(len(packed) // 40, len(packed), len(packed) // 40):
        damaged = bytearray(packed)
        damaged[place : place + 8] = bytes(8)
        (data / f"{name}{suffix}").write_bytes(damaged)
        if damaged != packed:
            with pytest.raises(ValueError, match=rf"made-up{suffix} is (truncated or damaged|not the official file)"):
                files.read_file(name)


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused_early(data, known_file, monkeypatch):
    name, _ = known_file
    monkeypatch.setattr(files, "LARGEST", 1000)
    (data / name).parent.mkdir(parents=True)
    (data / f"{name}.xz").write_bytes(lzma.compress(bytes(10_000_000)))
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        files.read_file(name)


@pytest.fixture
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("served")) as running:
        yield running


def test_a_missing_file_is_downloaded_and_verified(data, known_file, server, monkeypatch):
    name, content = known_file
    folder, address = server.folder, server.address
    (folder / "made-up.gz").write_bytes(gzip.compress(content))
    monkeypatch.setitem(files.ADDRESSES, name, f"{address}made-up.gz")
    assert files.read_file(name) == content
    assert (data / f"{name}.gz").is_file()


def test_what_is_sent_instead_of_the_file_is_not_kept_and_blocks_nothing(data, known_file, server, monkeypatch):
    name, content = known_file
    folder, address = server.folder, server.address
    monkeypatch.setitem(files.ADDRESSES, name, f"{address}made-up.gz")
    (folder / "made-up.gz").write_bytes(gzip.compress(b"please log in"))
    with pytest.raises(ValueError, match=r"made-up.gz sent is not the official file.*Nothing of it was kept"):
        files.read_file(name)
    assert not [path for path in data.rglob("*") if path.is_file()]
    (folder / "made-up.gz").write_bytes(gzip.compress(content))
    assert files.read_file(name) == content


def test_files_of_an_archive_are_verified_and_moved_together(data, server, monkeypatch):
    folder, address = server.folder, server.address
    names = ["cifar10/cifar-10-batches-py/one", "cifar10/cifar-10-batches-py/two"]
    with tarfile.open(folder / "archive.tar.gz", "w:gz") as archive:
        for name in names:
            (folder / "member").write_bytes(name.encode())
            archive.add(folder / "member", name.removeprefix("cifar10/"))
    packed = (folder / "archive.tar.gz").read_bytes()
    monkeypatch.setattr(files, "CIFAR10_ARCHIVE", f"{address}archive.tar.gz")
    monkeypatch.setattr(files, "CIFAR10_MD5", hashlib.md5(packed).hexdigest())
    monkeypatch.setattr(files, "ADDRESSES", dict.fromkeys(names, f"{address}archive.tar.gz"))
    monkeypatch.setattr(files, "CHECKSUMS", {name: hashlib.sha256(name.encode()).hexdigest() for name in names})
    assert files.read_file(names[0]) == names[0].encode()
    assert sorted(str(path.relative_to(data)) for path in data.rglob("*") if path.is_file()) == names


def test_an_archive_that_is_not_the_official_one_leaves_nothing(data, server, monkeypatch):
    folder, address = server.folder, server.address
    (folder / "archive.tar.gz").write_bytes(b"no archive")
    name = "cifar10/cifar-10-batches-py/test_batch"
    monkeypatch.setattr(files, "CIFAR10_ARCHIVE", f"{address}archive.tar.gz")
    monkeypatch.setitem(files.ADDRESSES, name, f"{address}archive.tar.gz")
    with pytest.raises(ValueError, match=r"archive.tar.gz sent is not the official archive.*Nothing of it was kept"):
        files.read_file(name)
    assert not [path for path in data.rglob("*") if path.is_file()]


def test_a_file_that_cannot_be_had_says_where_to_put_it(data, known_file, server, monkeypatch):
    name, _ = known_file
    monkeypatch.setitem(files.ADDRESSES, name, f"{server.address}made-up.gz")
    with pytest.raises(OSError, match=r"neither in .* nor could it be downloaded.*LKUTILS_DATA"):
        files.read_file(name)


def test_a_data_folder_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("LKUTILS_DATA", "/no/such/folder")
    with pytest.raises(NotADirectoryError, match="/no/such/folder"):
        paths.data_dir()
