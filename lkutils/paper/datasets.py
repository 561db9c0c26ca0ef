"""Data sets of images, and the players of each sample (App. M.1). :data:`LOADERS` lists them by name."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from lkutils.paper.files import checksum_of, read_file
from lkutils.players import patches_at_random, patches_with_most_ink


@dataclass(frozen=True)
class Dataset:
    """Inputs as the network takes them, their labels, and the samples that games are played on, with their players.

    Attributes:
        train_inputs, train_labels: what networks and probes are trained on; sample axis first.
        test_inputs, test_labels: what their accuracy is measured on.
        sample_inputs, sample_labels: what the samples of a game are drawn from (of images, the test set).
        sample_players: for every input variable the number of its player, -1 for background (App. M.1).
        baseline: b_i, the masked state of every input variable (footnote 4).
        n_classes, n_players: how many there are.
        checksum: sha256 of the files read, for the provenance of what is computed from them.
    """

    train_inputs: Shaped[Tensor, "train *shape"]
    train_labels: Int[Tensor, "train"]
    test_inputs: Shaped[Tensor, "test *shape"]
    test_labels: Int[Tensor, "test"]
    sample_inputs: Shaped[Tensor, "sample *shape"]
    sample_labels: Int[Tensor, "sample"]
    sample_players: Int[Tensor, "sample *variables"]
    baseline: Shaped[Tensor, "*shape"]
    n_classes: int
    n_players: int
    checksum: str

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input, without the sample axis."""
        return tuple(self.train_inputs.shape[1:])


def load_dataset(name: str) -> Dataset:
    """Load a data set by name, downloading what is missing.

    Raises:
        ValueError: unknown name, or a file whose content has another checksum than the official one.
        OSError: a file is missing and cannot be downloaded.

    Example:
        >>> load_dataset("digits").input_shape
        (1, 8, 8)
    """
    if name not in LOADERS:
        raise ValueError(f"unknown data set {name!r}; known are {', '.join(LOADERS)}")
    return LOADERS[name]()


def load_mnist() -> Dataset:
    """MNIST (LeCun et al., 1998): 60,000 training and 10,000 test images of 28x28 grey values."""
    folder = "mnist/MNIST/raw"

    def images(part: str) -> Tensor:
        raw = np.frombuffer(read_file(f"{folder}/{part}-images-idx3-ubyte"), np.uint8, offset=16).copy()
        return torch.from_numpy(raw.reshape(-1, 1, 28, 28)).float() / 255

    def labels(part: str) -> Tensor:
        raw = np.frombuffer(read_file(f"{folder}/{part}-labels-idx1-ubyte"), np.uint8, offset=8)
        return torch.from_numpy(raw.astype(np.int64))

    test_images = images("t10k")
    players = patches_with_most_ink(test_images.sum(dim=1), patch=3, n_players=10)
    return image_dataset(
        (images("train"), labels("train")),
        (test_images, labels("t10k")),
        players,
        checksum_of(folder),
        [0.1307],
        [0.3081],
    )


def load_cifar10() -> Dataset:
    """CIFAR-10 (Krizhevsky, 2009): 50,000 training and 10,000 test images of 32x32 pixels in three colours.

    Normalised with the constants that the public ResNet-20 and ResNet-32 checkpoints expect.
    """
    folder = "cifar10/cifar-10-batches-py"

    def batches(names: list[str]) -> tuple[Tensor, Tensor]:
        # Safe to unpickle: read_file has compared the content with the official checksum.
        parts = [pickle.loads(read_file(f"{folder}/{name}"), encoding="bytes") for name in names]
        pixels = np.concatenate([part[b"data"] for part in parts]).reshape(-1, 3, 32, 32)
        labels = np.concatenate([part[b"labels"] for part in parts])
        return torch.from_numpy(pixels).float() / 255, torch.from_numpy(labels).long()

    train, test = batches([f"data_batch_{k}" for k in range(1, 6)]), batches(["test_batch"])
    players = patches_at_random(len(test[1]), size=32, patch=4, n_players=12, margin=1, seed=0)
    return image_dataset(train, test, players, checksum_of(folder), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def load_digits() -> Dataset:
    """The 1,797 handwritten digits of 8x8 pixels that ship inside scikit-learn; every fifth one is a test sample."""
    from sklearn.datasets import (
        load_digits as sklearn_digits,
    )  # takes a second to import, and only this needs it

    bunch = sklearn_digits()
    images = torch.from_numpy(bunch.images).float()[:, None] / 16
    labels = torch.from_numpy(bunch.target).long()
    test = torch.arange(len(labels)) % 5 == 0
    checksum = hashlib.sha256(bunch.data.tobytes()).hexdigest()
    players = patches_with_most_ink(images[test].sum(dim=1), patch=2, n_players=6)
    mean, std = [images.mean().item()], [images.std().item()]
    return image_dataset((images[~test], labels[~test]), (images[test], labels[test]), players, checksum, mean, std)


LOADERS: dict[str, Callable[[], Dataset]] = {
    "mnist": load_mnist,
    "cifar10": load_cifar10,
    "digits": load_digits,
}


def image_dataset(
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    players: Int[Tensor, "test y x"],
    checksum: str,
    mean: list[float],
    std: list[float],
) -> Dataset:
    """A data set from (images in 0..1, labels) for training and test, brought to the networks' scale by channel."""
    mean_, std_ = torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]
    train_inputs, test_inputs = (train[0] - mean_) / std_, (test[0] - mean_) / std_
    return Dataset(
        train_inputs=train_inputs,
        train_labels=train[1],
        test_inputs=test_inputs,
        test_labels=test[1],
        sample_inputs=test_inputs,
        sample_labels=test[1],
        sample_players=players,
        baseline=train_inputs.mean(dim=0),
        n_classes=int(train[1].max()) + 1,
        n_players=int(players.max()) + 1,
        checksum=checksum,
    )
