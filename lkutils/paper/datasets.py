"""Data sets of images, and the players of each sample (App. M.1). :data:`IMAGES` lists them by name."""

from __future__ import annotations

import functools
import hashlib
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from lkutils.paper.files import CHECKSUMS, checksum_of, find_file, read_file
from lkutils.players import patches_at_random, patches_with_most_ink


@dataclass(frozen=True)
class Dataset:
    """Inputs as the network takes them, their labels, and the samples that games are played on, with their players.

    Attributes:
        train_inputs, train_labels: what networks and probes are trained on; sample axis first.
        test_inputs, test_labels: what their accuracy is measured on.
        sample_inputs, sample_labels: what the samples of a game are drawn from (of images, the test set).
        sample_players: for every input variable the number of its player, -1 for background (App. M.1).
        baseline: b_i, the masked state of every input variable (footnote 4), the same for all samples or one for each.
        n_classes, n_players: how many there are.
        checksum: sha256 of the files read, for the provenance of what is computed from them.
        player_names: what players are called, where they are the same in all samples, as the attributes of a table.
    """

    train_inputs: Shaped[Tensor, "train *shape"]
    train_labels: Int[Tensor, "train"]
    test_inputs: Shaped[Tensor, "test *shape"]
    test_labels: Int[Tensor, "test"]
    sample_inputs: Shaped[Tensor, "sample *shape"]
    sample_labels: Int[Tensor, "sample"]
    sample_players: Int[Tensor, "sample *variables"]
    baseline: Shaped[Tensor, "*shape"] | Shaped[Tensor, "sample *shape"]
    n_classes: int
    n_players: int
    checksum: str
    player_names: tuple[str, ...] = ()

    def baseline_of(self, samples: Int[Tensor, "some"]) -> Shaped[Tensor, "*#shape"]:
        """The masked state of some samples."""
        return self.baseline if self.baseline.ndim < self.sample_inputs.ndim else self.baseline[samples]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input, without the sample axis."""
        return tuple(self.train_inputs.shape[1:])


def load_dataset(name: str) -> Dataset:
    """Load a data set of images by name, downloading what is missing.

    Raises:
        ValueError: unknown name, or a file whose content has another checksum than the official one.
        OSError: a file is missing and cannot be downloaded.

    Example:
        >>> load_dataset("digits").input_shape
        (1, 8, 8)
    """
    source = find_images(name)
    (train_images, train_labels), (test_images, test_labels) = source.read("train"), source.read("test")
    train_inputs, test_inputs = source.normalised(train_images), source.normalised(test_images)
    players = source.players(test_images, 0)
    return Dataset(
        train_inputs=train_inputs,
        train_labels=train_labels,
        test_inputs=test_inputs,
        test_labels=test_labels,
        sample_inputs=test_inputs,
        sample_labels=test_labels,
        sample_players=players,
        baseline=train_inputs.mean(dim=0),
        n_classes=int(train_labels.max()) + 1,
        n_players=int(players.max()) + 1,
        checksum=source.checksum(),
    )


def sample_images(name: str) -> Float[Tensor, "sample channel y x"]:
    """The images that the samples of games are drawn from, grey values or colours in 0..1. Reads nothing else.

    Raises:
        ValueError, OSError: as :func:`load_dataset`.

    Example:
        >>> sample_images("digits").shape
        torch.Size([360, 1, 8, 8])
    """
    return find_images(name).read("test")[0]


def at_hand() -> list[str]:
    """Names of the data sets, of sentences too, whose files are all in the data folder; nothing is read or fetched."""
    with_files = ("mnist", "cifar10", "sst2")
    return [*(name for name in with_files if all(map(find_file, files_of(name)))), "digits", "grammar"]


def files_of(name: str) -> list[str]:
    """Names of a data set's files."""
    return [file for file in CHECKSUMS if file.startswith(f"{name}/")]


class Images(NamedTuple):
    """A data set of images.

    Attributes:
        read: images (sample, channel, y, x) in 0..1 and labels of the part "train" or "test".
        players: of images in 0..1 and a seed, the players (App. M.1); the seed matters where they are drawn.
        mean, std: of each channel, which bring images to the networks' scale.
        checksum: the sha256 of all its files together.
    """

    read: Callable[[Literal["train", "test"]], tuple[Tensor, Tensor]]
    players: Callable[[Tensor, int], Tensor]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    checksum: Callable[[], str]

    def normalised(self, images: Float[Tensor, "sample channel y x"]) -> Float[Tensor, "sample channel y x"]:
        """Images in 0..1 at the scale that the networks take."""
        mean, std = torch.tensor(self.mean)[:, None, None], torch.tensor(self.std)[:, None, None]
        return (images - mean) / std


def find_images(name: str) -> Images:
    """Look a data set of images up.

    Raises:
        ValueError: unknown name; the message lists the known ones.
    """
    if name not in IMAGES:
        raise ValueError(f"unknown data set {name!r}; known are {', '.join(IMAGES)}")
    return IMAGES[name]


def read_mnist(part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
    """MNIST (LeCun et al., 1998): 60,000 training and 10,000 test images of 28x28 grey values."""
    prefix = "mnist/MNIST/raw/" + {"train": "train", "test": "t10k"}[part]
    pixels = np.frombuffer(read_file(f"{prefix}-images-idx3-ubyte"), np.uint8, offset=16).copy()
    labels = np.frombuffer(read_file(f"{prefix}-labels-idx1-ubyte"), np.uint8, offset=8)
    return torch.from_numpy(pixels.reshape(-1, 1, 28, 28)).float() / 255, torch.from_numpy(labels.astype(np.int64))


def read_cifar10(part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
    """CIFAR-10 (Krizhevsky, 2009): 50,000 training and 10,000 test images of 32x32 pixels in three colours."""
    names = {"train": [f"data_batch_{k}" for k in range(1, 6)], "test": ["test_batch"]}[part]
    # Safe to unpickle: read_file has compared the content with the official checksum.
    batches = [pickle.loads(read_file(f"cifar10/cifar-10-batches-py/{name}"), encoding="bytes") for name in names]
    pixels = np.concatenate([batch[b"data"] for batch in batches]).reshape(-1, 3, 32, 32)
    labels = np.concatenate([batch[b"labels"] for batch in batches])
    return torch.from_numpy(pixels).float() / 255, torch.from_numpy(labels).long()


def read_digits(part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
    """The 1,797 handwritten digits of 8x8 pixels that ship inside scikit-learn; every fifth one is a test sample."""
    bunch = digits_of_sklearn()
    chosen = (np.arange(len(bunch.target)) % 5 == 0) == (part == "test")
    images, labels = torch.from_numpy(bunch.images[chosen]), torch.from_numpy(bunch.target[chosen])
    return images.float()[:, None] / 16, labels.long()


def digits_checksum() -> str:
    """The sha256 of the digits."""
    return hashlib.sha256(digits_of_sklearn().data.tobytes()).hexdigest()


@functools.cache
def digits_of_sklearn():
    """The digits as scikit-learn gives them."""
    from sklearn.datasets import load_digits  # takes a second to import, and only this needs it

    return load_digits()


def players_with_most_ink(images: Float[Tensor, "sample channel y x"], seed: int, patch: int, n_players: int) -> Tensor:
    """The patches with most ink of each image."""
    return patches_with_most_ink(images.sum(dim=1), patch=patch, n_players=n_players)


def players_at_random(images: Float[Tensor, "sample channel y x"], seed: int) -> Tensor:
    """Twelve of the central 6x6 patches of each 32x32 image."""
    return patches_at_random(len(images), size=32, patch=4, n_players=12, margin=1, seed=seed)


IMAGES = {
    "mnist": Images(
        read_mnist,
        partial(players_with_most_ink, patch=3, n_players=10),
        mean=(0.1307,),
        std=(0.3081,),
        checksum=partial(checksum_of, "mnist/MNIST/raw"),
    ),
    # The constants are those that the public ResNet-20 and ResNet-32 checkpoints expect.
    "cifar10": Images(
        read_cifar10,
        players_at_random,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        checksum=partial(checksum_of, "cifar10/cifar-10-batches-py"),
    ),
    "digits": Images(
        read_digits,
        partial(players_with_most_ink, patch=2, n_players=6),
        mean=(0.3052603006362915,),
        std=(0.3760508596897125,),
        checksum=digits_checksum,
    ),
}
