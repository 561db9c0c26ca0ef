"""What the paper costs at another scale, in forward passes, hours and bytes: arithmetic, and the rates it starts from.

Rates of extraction and bytes a number are measured, on the machine on which the shipped games were made. The speed of a
GPU is not: it is `PEAK`, from a data sheet, times the share of a processor's speed that masking reaches on a CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

PEAK = 19.5e12  # operations a second in float32 without tensor cores: NVIDIA's data sheet of the A100
REACHED = 0.79  # share of a matrix product's speed that masking reaches: benchmarks/results.md, on a CPU
EXTRACTION = 14.0  # seconds a decomposition with 14 players, two at a time on two cores: benchmarks/results.md
BYTES_OF_GAME = 3.2  # a number in a shipped game, compressed
BYTES_OF_INTERACTIONS = 2.1  # both interactions of a coalition, layer and sample in shipped files, 12 players
HOUR = 3600.0


@dataclass(frozen=True)
class Scale:
    """How large a study is.

    Attributes:
        networks, seeds, samples, players: of the study; samples are those of each network's game.
        operations: floating-point operations of a forward pass (a multiply-add counts as two).
        features: numbers in the outputs of all probed layers together, of one input.
        pooled: the same when each channel is averaged over its positions.
        layers: probed layers.
        parameters: of a network.
        classes, training_samples: of the data set.
        epochs, probe_epochs: passes over the training samples.
    """

    networks: int
    seeds: int
    samples: int
    players: int
    operations: int
    features: int
    pooled: int
    layers: int
    parameters: int
    classes: int
    training_samples: int
    epochs: int
    probe_epochs: int


# Ten networks like ResNet-50, its 16 blocks probed, trained for 90 epochs as its authors did.
IMAGENET = Scale(
    networks=10,
    seeds=10,
    samples=1000,
    players=14,
    operations=8_178_368_512,
    features=5_519_360,
    pooled=3 * 256 + 4 * 512 + 6 * 1024 + 3 * 2048,
    layers=16,
    parameters=25_557_032,
    classes=1000,
    training_samples=1_281_167,
    epochs=90,
    probe_epochs=3,
)


def gpu_hours(scale: Scale, features: int) -> dict[str, float]:
    """Hours of one GPU for each step, all networks and seeds together.

    A backward pass counts as two forward passes. Probes have a weight for each feature and class; the gradient of a
    probe needs no gradient of its features, so that training it takes two passes' operations.

    Args:
        scale: of the study.
        features: that probes read: ``scale.features`` or ``scale.pooled``.

    Example:
        >>> hours = gpu_hours(IMAGENET, IMAGENET.pooled)
        >>> max(hours, key=hours.get)
        'training'
    """
    probing = 2 * features * scale.classes
    operations = {
        "training": scale.training_samples * scale.epochs * 3 * scale.operations,
        "probing": scale.training_samples * scale.probe_epochs * (scale.operations + 2 * probing),
        "masking": masked_inputs(scale) * (scale.operations + probing),
    }
    runs = scale.networks * scale.seeds
    return {step: runs * count / (PEAK * REACHED) / HOUR for step, count in operations.items()}


def masked_inputs(scale: Scale) -> int:
    """Masked inputs of one network's game."""
    return scale.samples * 2**scale.players


def problems(scale: Scale) -> int:
    """Decompositions to be found: one for each network, seed, sample and layer, the output among them."""
    return scale.networks * scale.seeds * scale.samples * (scale.layers + 1)


def extraction_hours(scale: Scale) -> float:
    """Hours of a machine with two cores for all decompositions, at the rate of two at a time (`EXTRACTION`).

    Example:
        >>> round(extraction_hours(IMAGENET))
        6611
    """
    return problems(scale) * EXTRACTION / HOUR


def gigabytes(scale: Scale) -> dict[str, float]:
    """10^9 bytes of one network from one seed, on disk and in memory.

    In a chapter's memory are a number of the game in 4 bytes, and in 8 bytes each two interactions, delta, and the two
    interactions again with zeros for those that are not salient.

    Example:
        >>> round(gigabytes(IMAGENET)["game, file"], 2)
        0.89
    """
    numbers, of_probes = (scale.layers + 1) * masked_inputs(scale), 4 * scale.classes
    bytes_ = {
        "game, file": numbers * BYTES_OF_GAME,
        "interactions, files": numbers * BYTES_OF_INTERACTIONS,
        "network, checkpoint with its momentum": 2 * 4 * scale.parameters,
        "probes on averaged features, checkpoint with its momentum": 2 * of_probes * scale.pooled,
        "probes on flattened features, checkpoint with its momentum": 2 * of_probes * scale.features,
        "probes on flattened features, GPU memory to train them": 3 * of_probes * scale.features,
        "game and interactions, in a chapter's memory": numbers * (4 + 8 * 5),
    }
    return {what: count / 1e9 for what, count in bytes_.items()}
