import pytest
import torch

from lkutils.paper import datasets, files
from lkutils.players import patches_at_random, patches_with_most_ink


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
    return files.find_file(name) is not None


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
    players = patches_with_most_ink(ink, patch=3, n_players=2)[0]
    assert players[0:3, 3:6].unique().tolist() == [0]
    assert players[3:6, 0:3].unique().tolist() == [1]
    assert (players == -1).sum() == 49 - 18


def test_random_players_do_not_depend_on_how_many_samples_are_drawn():
    few, many = (patches_at_random(k, 32, 4, 12, 1, seed=0) for k in (3, 9))
    assert torch.equal(few, many[:3])
    assert not torch.equal(many[0], many[1])


@pytest.mark.parametrize(
    "call",
    [
        lambda: patches_with_most_ink(torch.zeros(1, 6, 6), 3, 5),
        lambda: patches_at_random(1, 32, 4, 37, 1, seed=0),
    ],
)
def test_more_players_than_patches_are_refused(call):
    with pytest.raises(ValueError, match="players asked for"):
        call()
