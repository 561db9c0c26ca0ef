"""What networks take: a tensor, an array, a tuple of them, or a dict of them, such as a tokenizer's output."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

# A batch of inputs: network(inputs) of a tensor, network(*inputs) of a tuple, network(**inputs) of a dict.
Inputs: TypeAlias = Tensor | tuple[Tensor, ...] | dict[str, Tensor]


def as_tensors(inputs) -> Inputs:
    """Inputs as tensors, which share the memory of what was given; the sample axis comes first in each.

    Raises:
        TypeError: something that is no numbers, such as words that were not yet cut into tokens.
        ValueError: no samples, or not as many in every part.

    Example:
        >>> as_tensors({"input_ids": np.array([[1, 2]])})
        {'input_ids': tensor([[1, 2]])}
    """
    inputs = mapped(as_tensor, inputs)
    counts = {len(part) if part.ndim else 0 for part in parts(inputs)}
    if len(counts) != 1 or 0 in counts:
        shapes = ", ".join(str(tuple(part.shape)) for part in parts(inputs))
        raise ValueError(f"inputs have the shapes {shapes or '()'}; expected one or more samples, along the first axis")
    return inputs


def as_tensor(values) -> Tensor:
    """Numbers of any kind as a tensor."""
    if isinstance(values, Tensor):
        return values
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"got {type(values).__name__} of {array.dtype}, not numbers; a tokenizer gives them with "
            "return_tensors='pt', padding=True"
        )
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def mapped(function: Callable, inputs):
    """A function's value for the only part of the inputs, or for each.

    Example:
        >>> mapped(lambda part: part + 1, {"a": 1, "b": 2})
        {'a': 2, 'b': 3}
    """
    if isinstance(inputs, Mapping):
        return {name: function(part) for name, part in inputs.items()}
    if isinstance(inputs, (tuple, list)) and inputs and hasattr(inputs[0], "shape"):
        return tuple(function(part) for part in inputs)
    return function(inputs)


def parts(inputs: Inputs) -> list[Tensor]:
    """The tensors that the inputs are made of."""
    if isinstance(inputs, dict):
        return list(inputs.values())
    return list(inputs) if isinstance(inputs, tuple) else [inputs]


def n_rows(inputs: Inputs) -> int:
    """Number of samples.

    Example:
        >>> n_rows((torch.zeros(5, 2), torch.zeros(5)))
        5
    """
    return len(parts(inputs)[0])


def rows(inputs: Inputs, index: slice | Int[Tensor, "batch"]) -> Inputs:
    """Some of the samples.

    Example:
        >>> rows(torch.tensor([[1], [2], [3]]), slice(1, 3)).tolist()
        [[2], [3]]
    """
    return mapped(lambda part: part[index], inputs)


def content_hash(inputs: Inputs) -> str:
    """The sha256 of all names, shapes, types and numbers: about one second a gigabyte.

    Example:
        >>> content_hash(torch.zeros(2)) == content_hash(torch.zeros(2, 1))
        False
    """
    digest = hashlib.sha256(repr(list(inputs) if isinstance(inputs, dict) else type(inputs)).encode())
    for part in parts(inputs):
        digest.update(f"{tuple(part.shape)} {part.dtype}".encode())
        digest.update(part.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
