"""Which samples games are played on: the same for all networks of a data set, all of them classified correctly."""

from __future__ import annotations

import itertools
import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int
from torch import Tensor

from lkutils.storage import seal, unseal


def read_samples(path: Path, available: int, dataset: str) -> Int[np.ndarray, "sample"]:
    """A stored list of samples: their numbers, ascending.

    Args:
        path: of the list.
        available: how many samples the data set has.
        dataset: its name.

    Raises:
        ValueError: the file is damaged, or is no list of different numbers from 0 to ``available`` - 1 in ascending
            order, or that of another data set.
    """
    try:
        content = json.loads(unseal(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no JSON ({error}); restore it from the repository") from error
    if not isinstance(content, dict) or content.get("dataset") != dataset:
        raise ValueError(f"{path} is no list of samples of {dataset}; restore it from the repository")
    listed = content.get("samples")
    if not isinstance(listed, list) or not listed or any(type(number) is not int for number in listed):
        raise ValueError(f"{path} is no list of whole numbers; restore it from the repository")
    wrong = [number for number in listed if not 0 <= number < available]
    if wrong:
        raise ValueError(f"{path} has sample {wrong[0]}, but there are only 0 to {available - 1}; restore it")
    if any(first >= second for first, second in itertools.pairwise(listed)):
        raise ValueError(f"{path} is not in ascending order, each sample once; restore it from the repository")
    return np.array(listed)


def choose_samples(
    candidates: Int[np.ndarray, "candidate"],
    correct: Bool[Tensor, "candidate"],
    count: int,
    path: Path,
    dataset: str,
) -> None:
    """Store the first ``count`` of some samples that are classified correctly.

    Args:
        candidates: numbers of samples in a random order.
        correct: which of them all networks of the data set classify correctly.
        count: how many to choose; all where there are fewer.
        path: of the list.
        dataset: the data set's name.
    """
    chosen = candidates[correct.numpy()][:count]
    write_samples(sorted(chosen.tolist()), path, dataset)


def write_samples(samples: Sequence[int], path: Path, dataset: str) -> None:
    """Store the numbers of a data set's samples, sealed."""
    seal(json.dumps({"dataset": dataset, "samples": list(samples)}).encode(), path)


def leave_out_wrong(
    samples: Int[np.ndarray, "sample"], predicted: Int[Tensor, "sample"], labels: Int[Tensor, "sample"], name: str
) -> Int[np.ndarray, "some"]:
    """The samples that a network classifies correctly; a warning names the others.

    A network that was trained afresh may fail on a few of the listed samples.

    Raises:
        ValueError: it classifies none of them correctly.
    """
    correct = (predicted == labels).numpy()
    if not correct.any():
        raise ValueError(f"{name} classifies none of its {len(samples)} samples correctly; look at its weights")
    if not correct.all():
        warnings.warn(
            f"{name} does not classify samples {samples[~correct].tolist()} correctly; they are left out",
            stacklevel=2,
        )
    return samples[correct]


def check_better_than_chance(accuracy: float, labels: Int[Tensor, "test"], name: str) -> None:
    """A network must be right more often than one that always names the commonest class, beyond three standard errors.

    Raises:
        ValueError: it is not; its game would say nothing, and its labels may be swapped.

    Example:
        >>> check_better_than_chance(0.8, torch.tensor([0, 1] * 50), "a network")
    """
    chance = labels.bincount().max().item() / len(labels)
    limit = chance + 3 * (chance * (1 - chance) / len(labels)) ** 0.5
    if not accuracy > limit:
        raise ValueError(
            f"{name} is right on {accuracy:.1%} of the test set, where chance reaches {limit:.1%}: its weights are not "
            "trained for this task, or its classes are in another order"
        )
