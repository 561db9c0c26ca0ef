import gzip
import hashlib
import http.server
import lzma
import threading

import pytest
import torch

from lkutils import datasets, paths


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty data folder."""
    monkeypatch.setenv("LKUTILS_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def known_file(monkeypatch):
    """A made-up data file: its name and its official content."""
    name, content = "mnist/MNIST/raw/made-up", b"official content"
    monkeypatch.setitem(datasets.CHECKSUMS, name, hashlib.sha256(content).hexdigest())
    return name, content


# ---- files ----


@pytest.mark.parametrize(("suffix", "pack"), [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_file_is_read_plain_or_compressed(data, known_file, suffix, pack):
    name, content = known_file
    (data / name).parent.mkdir(parents=True)
    (data / f"{name}{suffix}").write_bytes(pack(content))
    assert datasets.read_file(name) == content


def test_an_altered_file_is_refused_with_both_checksums(data, known_file):
    name, _ = known_file
    (data / name).parent.mkdir(parents=True)
    (data / name).write_bytes(b"other content")
    with pytest.raises(ValueError, match=f"not the official file.*expected {datasets.CHECKSUMS[name]}.*Delete it"):
        datasets.read_file(name)


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_truncated_file_is_refused(data, known_file, suffix, pack):
    name, content = known_file
    (data / name).parent.mkdir(parents=True)
    (data / f"{name}{suffix}").write_bytes(pack(content)[:-6])
    with pytest.raises(ValueError, match="truncated or damaged"):
        datasets.read_file(name)


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
    monkeypatch.setattr(datasets, "MNIST_ADDRESS", address)
    assert datasets.read_file(name) == content
    assert (data / f"{name}.gz").is_file()


def test_a_file_that_cannot_be_had_says_where_to_put_it(data, known_file, server, monkeypatch):
    name, _ = known_file
    monkeypatch.setattr(datasets, "MNIST_ADDRESS", server[1])
    with pytest.raises(OSError, match=r"neither in .* nor could it be downloaded.*LKUTILS_DATA"):
        datasets.read_file(name)


def test_a_data_folder_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("LKUTILS_DATA", "/no/such/folder")
    with pytest.raises(NotADirectoryError, match="/no/such/folder"):
        paths.data_dir()


# ---- data sets ----


def test_an_unknown_data_set_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown data set 'minst'; known are mnist, cifar10"):
        datasets.load_dataset("minst")


def test_digits():
    digits = datasets.load_dataset("digits")
    assert digits.train_inputs.shape == (1437, 1, 8, 8)
    assert digits.test_inputs.shape == (360, 1, 8, 8)
    assert digits.n_classes == 10
    torch.testing.assert_close(digits.baseline, digits.train_inputs.mean(0))


def have(name):
    return datasets.find_file(name) is not None


@pytest.mark.skipif(not have("mnist/MNIST/raw/train-images-idx3-ubyte"), reason="MNIST is not in the data folder")
def test_mnist_is_the_official_one():
    mnist = datasets.load_dataset("mnist")
    assert mnist.train_inputs.shape == (60_000, 1, 28, 28)
    assert mnist.train_labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert abs(mnist.train_inputs.mean()) < 1e-3
    assert abs(mnist.train_inputs.std() - 1) < 1e-3
    sizes = [(mnist.sample_players == player).flatten(1).sum(1).unique().tolist() for player in range(10)]
    assert sizes == [[9]] * 10, "each of the ten players is one 3x3 patch"


@pytest.mark.skipif(not have("cifar10/cifar-10-batches-py/test_batch"), reason="CIFAR-10 is not in the data folder")
def test_cifar10_is_the_official_one():
    cifar = datasets.load_dataset("cifar10")
    assert cifar.train_inputs.shape == (50_000, 3, 32, 32)
    assert cifar.train_labels.bincount().tolist() == [5000] * 10
    assert cifar.test_labels[:5].tolist() == [3, 8, 8, 0, 6]
    border = torch.ones(32, 32, dtype=torch.bool)
    border[4:28, 4:28] = False
    assert (cifar.sample_players[:, border] == -1).all(), "players lie in the central 6x6 patches"
    assert (cifar.sample_players >= 0).flatten(1).sum(1).unique().tolist() == [12 * 16]


# ---- players ----


def test_players_are_the_patches_with_most_ink_in_reading_order():
    ink = torch.zeros(1, 7, 7)
    ink[0, 4, 1] = 1.0  # patch in row 1, column 0
    ink[0, 0, 5] = 3.0  # patch in row 0, column 1
    ink[0, 6, 6] = 9.0  # belongs to no patch: 7 is no multiple of 3
    players = datasets.patches_with_most_ink(ink, patch=3, n_players=2)[0]
    assert players[0:3, 3:6].unique().tolist() == [0]
    assert players[3:6, 0:3].unique().tolist() == [1]
    assert (players == -1).sum() == 49 - 18


def test_random_players_do_not_depend_on_how_many_samples_are_drawn():
    few, many = (datasets.patches_at_random(k, 32, 4, 12, 1, seed=0) for k in (3, 9))
    assert torch.equal(few, many[:3])
    assert not torch.equal(many[0], many[1])


@pytest.mark.parametrize(
    "call",
    [
        lambda: datasets.patches_with_most_ink(torch.zeros(1, 6, 6), 3, 5),
        lambda: datasets.patches_at_random(1, 32, 4, 37, 1, seed=0),
    ],
)
def test_more_players_than_patches_are_refused(call):
    with pytest.raises(ValueError, match="players asked for"):
        call()
