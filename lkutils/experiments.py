"""The paper's settings as data: which network, trained how, probed how, on how many samples.

:data:`EXPERIMENTS` names each by "data set/network". Those of the paper (Sec. 3.2, App. M) have the profile "paper";
the small ones that are made from scratch in seconds have "smoke".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from lkutils import paths
from lkutils.datasets import Dataset, load_dataset
from lkutils.networks import build_network, load_weights
from lkutils.training import Schedule


@dataclass(frozen=True)
class ProbeSchedule:
    """How the linear probes of all layers are trained together: SGD with momentum 0.9 (App. M.2)."""

    epochs: int
    learning_rate: float
    batch_size: int
    seed: int = 0


@dataclass(frozen=True)
class Experiment:
    """One network on one data set.

    Attributes:
        dataset, network: names that :func:`load_dataset` and :func:`build_network` know.
        n_samples: samples in the game.
        training: how the network is trained, or the path of public weights in the data folder.
        probes: how the probes are trained.
        width: factor on the network's channel counts; 1 is the paper's network.
        profile: "paper" or "smoke".
    """

    dataset: str
    network: str
    n_samples: int
    training: Schedule | str
    probes: ProbeSchedule
    width: float = 1.0
    profile: str = "paper"

    @property
    def name(self) -> str:
        """The key in :data:`EXPERIMENTS`."""
        return f"{self.dataset}/{self.network}"


# The paper names the probes' learning rate and batch size (App. M.2) but no number of epochs, and no settings for the
# networks themselves. Epochs were chosen so that two CPU cores train each network in at most an hour; the accuracy that
# was reached stands in every game. ResNet-32's probes follow ResNet-20's.
EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            "mnist", "mlp7", 100, Schedule(epochs=12, learning_rate=0.05, batch_size=256), ProbeSchedule(5, 0.01, 256)
        ),
        Experiment(
            "mnist",
            "vgg11",
            100,
            Schedule(epochs=3, learning_rate=0.05, batch_size=128, augment="shift"),
            ProbeSchedule(2, 0.001, 256),
        ),
        Experiment(
            "mnist",
            "resnet20",
            100,
            Schedule(epochs=5, learning_rate=0.1, batch_size=128, augment="shift"),
            ProbeSchedule(3, 0.001, 256),
        ),
        Experiment(
            "cifar10",
            "mlp7",
            30,
            Schedule(epochs=15, learning_rate=0.05, batch_size=128, augment="shift-flip"),
            ProbeSchedule(5, 0.001, 256),
        ),
        Experiment(
            "cifar10",
            "vgg11",
            30,
            Schedule(epochs=9, learning_rate=0.1, batch_size=128, augment="shift-flip"),
            ProbeSchedule(3, 0.001, 256),
        ),
        Experiment("cifar10", "resnet20", 30, "weights/resnet20-12fca82f.th", ProbeSchedule(3, 0.001, 100)),
        Experiment("cifar10", "resnet32", 30, "weights/resnet32-d509ac18.th", ProbeSchedule(3, 0.001, 100)),
        Experiment(
            "digits",
            "mlp7",
            12,
            Schedule(epochs=30, learning_rate=0.1, batch_size=64),
            ProbeSchedule(10, 0.05, 64),
            width=1 / 16,
            profile="smoke",
        ),
        Experiment(
            "digits",
            "resnet20",
            12,
            Schedule(epochs=4, learning_rate=0.1, batch_size=64),
            ProbeSchedule(5, 0.05, 64),
            width=1 / 4,
            profile="smoke",
        ),
    )
}


def find_experiment(name: str) -> Experiment:
    """Look an experiment up.

    Raises:
        ValueError: unknown name; the message lists the known ones.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"unknown game {name!r}; known are {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]


def dataset_of(experiment: Experiment) -> Dataset:
    """The experiment's data set."""
    return load_dataset(experiment.dataset)


def network_of(experiment: Experiment, dataset: Dataset) -> nn.Module:
    """The experiment's network as it is before training, or with the public weights.

    Raises:
        FileNotFoundError: the public weights are not in the data folder.
    """
    if isinstance(experiment.training, Schedule):
        torch.manual_seed(experiment.training.seed)
        return build_network(experiment.network, dataset.input_shape, dataset.n_classes, experiment.width)
    network = build_network(experiment.network, dataset.input_shape, dataset.n_classes, experiment.width)
    load_weights(network, paths.data_dir() / experiment.training)
    return network.eval()
