"""The paper's settings as data: which network, trained how, probed how, on how many samples.

:data:`EXPERIMENTS` names each by "data set/network". Those of the paper (Sec. 3.2, App. M) have the profile "paper";
the small ones that are made from scratch in seconds have "smoke". "mnist/mlp7.seed1" is the same from another seed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from lkutils.paper import paths
from lkutils.paper.training import AdamSchedule, Schedule
from lkutils.paper.transformers import BLOCKS


@dataclass(frozen=True)
class ProbeSchedule:
    """How the linear probes of all layers are trained together: SGD with momentum 0.9 (App. M.2)."""

    epochs: int
    learning_rate: float
    batch_size: int
    seed: int = 0


@dataclass(frozen=True)
class Optimum:
    """Probes fitted to their optimum, with the penalty that is best on inputs held out (`lkutils.paper.ladder`)."""

    seed: int = 0


@dataclass(frozen=True)
class Experiment:
    """One network on one data set.

    Attributes:
        dataset, network: names, as `recipes` knows them.
        n_samples: samples in the game.
        training: how the network is trained; None where it comes with public weights.
        probes: how the probes are trained.
        weights: public weights. Of an image network, their path in the data folder; of a transformer, a model's path
            in the data folder, its name on the Hugging Face hub or its folder, and None trains the architecture from
            scratch.
        width: factor on an image network's channel counts, 1 being the paper's; width of a transformer from scratch.
        profile: "paper" or "smoke".
        variant: what tells it from the paper's experiment: "seed1" from another seed; "mean" with the mean of a table's
            one-hot columns as their masked state in place of the most frequent category.
    """

    dataset: str
    network: str
    n_samples: int
    training: Schedule | None
    probes: ProbeSchedule | Optimum
    weights: str | None = None
    width: float = 1.0
    profile: str = "paper"
    variant: str = ""

    @property
    def name(self) -> str:
        """The key in :data:`EXPERIMENTS`, followed by the variant if it is one."""
        return f"{self.dataset}/{self.network}" + (f".{self.variant}" if self.variant else "")


# Probes of the same network that are trained otherwise: eight times as many epochs, or fitted to the optimum.
PROBES = ("long", "optimum")
LONGER = 8

# The paper fine-tunes pretrained transformers and says nothing of how, but for the batches and learning rates of their
# probes (App. M.2), which are taken here. BERT's authors recommend two to four epochs (Devlin et al., 2019, App. A.3).
# XLNet, of which the paper gives nothing, follows BERT.
FINE_TUNING: dict[str, Schedule] = {
    "distilbert": AdamSchedule(epochs=3, learning_rate=2e-5, batch_size=32, weight_decay=0.01),
    "bert": AdamSchedule(epochs=3, learning_rate=1e-5, batch_size=16, weight_decay=0.01),
    "xlnet": AdamSchedule(epochs=3, learning_rate=1e-5, batch_size=16, weight_decay=0.01),
}

# The paper names the probes' learning rate and batch size (App. M.2) but no number of epochs, and no settings for the
# networks themselves. Epochs were chosen so that two CPU cores train each network in at most an hour; the accuracy that
# was reached stands in every game. ResNet-32's probes follow ResNet-20's. Those of the transformers do not follow App.
# M.2: with its rates, that of DistilBERT's last block is far from converged after three epochs (data.md has numbers).
# MiniLM's are at the optimum: its first blocks' features vary so little that no such rate moves a probe off zero.
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
            ProbeSchedule(2, 0.001, 256),
        ),
        Experiment(
            "cifar10", "resnet20", 30, None, ProbeSchedule(3, 0.001, 100), weights="weights/resnet20-12fca82f.th"
        ),
        Experiment(
            "cifar10", "resnet32", 30, None, ProbeSchedule(3, 0.001, 100), weights="weights/resnet32-d509ac18.th"
        ),
        Experiment(
            "sst2",
            "minilm",
            50,
            FINE_TUNING["distilbert"],
            Optimum(),
            weights="pretrained/all-MiniLM-L6-v2",
        ),
        *(
            Experiment(
                "sst2",
                network,
                50,
                AdamSchedule(epochs=3, learning_rate=3e-4, batch_size=128, weight_decay=0.01, mask_rate=0.15),
                ProbeSchedule(3, 0.001, 64),
                width=128.0,
            )
            for network in BLOCKS
        ),
        *(
            Experiment(
                table,
                "mlp7",
                100,
                Schedule(epochs=12, learning_rate=0.05, batch_size=256),
                ProbeSchedule(20, 0.01, 256),
                variant=variant,
            )
            for table, variant in (("census", ""), ("census", "mean"), ("commercial", ""))
        ),
        *(
            Experiment(
                "cancer",
                "mlp7",
                12,
                Schedule(epochs=30, learning_rate=0.1, batch_size=64),
                ProbeSchedule(20, 0.05, 64),
                width=1 / 16,
                profile="smoke",
                variant=variant,
            )
            for variant in ("", "mean")
        ),
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
        Experiment(
            "grammar",
            "distilbert",
            12,
            AdamSchedule(epochs=6, learning_rate=1e-3, batch_size=64, weight_decay=0.01, mask_rate=0.3),
            ProbeSchedule(4, 0.02, 64),
            width=64.0,
            profile="smoke",
        ),
    )
}

# The one layer of each network in which Sec. 3.3 compares networks and adds noise (App. M.3).
MIDDLE_LAYERS = {
    "mlp7": "linear4",
    "vgg11": "conv4_2",
    "resnet20": "block6",
    "resnet32": "block10",
    "distilbert": "block4",
    "minilm": "block4",
    "bert": "block8",
    "xlnet": "block8",
}

# What tells a finding from an artefact: probes fitted to labels in a random order, a network with its initial weights
# (App. D), and other masked states, pixels of 0 or of the image strongly blurred (App. E).
CONTROLS = ("untrained", "random-labels", "zero", "blur")


def pretrained(experiment: Experiment, weights: str) -> Experiment:
    """The same experiment with a pretrained transformer, which is fine-tuned unless its head is pretrained, too.

    Args:
        experiment: of a transformer.
        weights: a model's name on the Hugging Face hub or its folder.

    Raises:
        ValueError: the experiment's network is no transformer.
    """
    if experiment.network not in FINE_TUNING:
        raise ValueError(f"weights={weights!r} are for {', '.join(FINE_TUNING)}, but the network is {experiment.name}")
    return replace(experiment, weights=weights, training=FINE_TUNING[experiment.network])


def control(experiment: Experiment, name: str) -> Experiment:
    """The same experiment with something done to it that says what its findings are worth (App. D and E).

    Args:
        experiment: of a network of images that is trained.
        name: one of :data:`CONTROLS`.

    Raises:
        ValueError: another name, or a network that is not trained here or not on images.

    Example:
        >>> control(EXPERIMENTS["mnist/mlp7"], "untrained").name
        'mnist/mlp7.untrained'
    """
    if name not in CONTROLS:
        raise ValueError(f"unknown control {name!r}; known are {', '.join(CONTROLS)}")
    if experiment.training is None or experiment.dataset not in ("mnist", "cifar10", "digits"):
        raise ValueError(f"{experiment.name}: controls are for networks that are trained here, on images")
    return replace(experiment, variant=name)


def with_probes(experiment: Experiment, name: str) -> Experiment:
    """The same experiment with probes that are trained otherwise.

    Args:
        experiment: of the paper's settings or the smoke profile's.
        name: one of :data:`PROBES`.

    Example:
        >>> with_probes(EXPERIMENTS["mnist/mlp7"], "long").probes.epochs
        40
    """
    if name == "optimum":
        return replace(experiment, variant=name, probes=Optimum(experiment.probes.seed))
    return replace(
        experiment, variant=name, probes=replace(experiment.probes, epochs=LONGER * experiment.probes.epochs)
    )


def otherwise_probed(experiment: Experiment) -> list[Experiment]:
    """The same experiment with probes that are trained otherwise; none where they are at the optimum already.

    Example:
        >>> [one.name for one in otherwise_probed(EXPERIMENTS["mnist/mlp7"])]
        ['mnist/mlp7.long', 'mnist/mlp7.optimum']
    """
    return [] if isinstance(experiment.probes, Optimum) else [with_probes(experiment, way) for way in PROBES]


def with_seed(experiment: Experiment, seed: int) -> Experiment:
    """The same experiment with another seed of initial weights, order of samples, augmentation and probes.

    Args:
        experiment: of a network that is trained.
        seed: 0 is the experiment itself.

    Raises:
        ValueError: a negative seed, or a network that comes with public weights.

    Example:
        >>> with_seed(EXPERIMENTS["mnist/mlp7"], 1).name
        'mnist/mlp7.seed1'
    """
    if seed < 0:
        raise ValueError(f"seed={seed} is negative; 0 is the shipped game's")
    if seed == 0:
        return experiment
    if experiment.training is None:
        raise ValueError(f"{experiment.name} has public weights, which no seed changes; leave the seed out")
    return replace(
        experiment,
        variant=f"{experiment.variant}.seed{seed}".lstrip("."),
        training=replace(experiment.training, seed=seed),
        probes=replace(experiment.probes, seed=seed),
    )


def find_experiment(name: str) -> Experiment:
    """Look an experiment up, the variants from other seeds, with other probes and the controls too.

    Raises:
        ValueError: unknown name; the message lists the known ones.

    Example:
        >>> find_experiment("mnist/resnet20.seed2").training.seed
        2
    """
    found = re.fullmatch(rf"(.+?)(?:\.seed([1-9]\d*)|\.({'|'.join((*CONTROLS, *PROBES))}))?", name)
    if not found or found[1] not in EXPERIMENTS:
        raise ValueError(f"unknown game {name!r}; known are {', '.join(EXPERIMENTS)}")
    main = EXPERIMENTS[found[1]]
    if found[3]:
        return (with_probes if found[3] in PROBES else control)(main, found[3])
    return with_seed(main, int(found[2] or 0))


def game_path(experiment: Experiment) -> Path:
    """Where an experiment's game is stored: shipped for the paper profile, in the cache for smoke and other probes."""
    shipped = experiment.profile == "paper" and experiment.variant not in PROBES
    folder = paths.GAMES if shipped else paths.CACHE / "games"
    return folder / f"{experiment.name}.nc"
