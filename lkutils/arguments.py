"""What a game is played with, as people give it: checked once, before any work, and made tensors that fit together.

Tensors, arrays, nested lists and numbers are taken alike, and what was given is never written to. Every error says what
came, what was expected and what to do.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from lkutils.players import Players

# A tensor, an array, nested lists or a number.
ArrayLike: TypeAlias = Any

# What is masked of a tokenizer's or an image processor's output; the rest of it goes to the network as it is.
MASKED = ("input_ids", "inputs_embeds", "pixel_values")


class Arguments(NamedTuple):
    """The arguments of a game, on one device.

    Attributes:
        inputs: what is masked.
        key: its name where inputs are a dict, else None.
        others: what goes to the network with it, by name: an attention mask.
        labels: the class of each sample, 0 where none is needed.
        players: the player of each variable, with an axis of samples.
        baseline: one for all samples or one for each, of the inputs' axes and type.
        n_players: of each sample.
    """

    inputs: Shaped[Tensor, "sample *shape"]
    key: str | None
    others: dict[str, Shaped[Tensor, "sample ..."]]
    labels: Int[Tensor, "sample"]
    players: Int[Tensor, "sample ..."]
    baseline: Shaped[Tensor, "..."]
    n_players: Int[Tensor, "sample"]


def check_arguments(
    inputs: ArrayLike | Mapping[str, ArrayLike],
    labels: ArrayLike,
    players: ArrayLike | Players,
    baseline: ArrayLike,
    n_players: int | None = None,
) -> Arguments:
    """Everything a game is played with, as tensors that fit together, on the device of ``inputs``.

    Args:
        inputs: one row for each sample, or a dict as a tokenizer returns it, of which one of :data:`MASKED` is masked.
        labels: a whole number for each sample, (sample,) or (sample, 1), or a single one for all of them; None where
            none is needed.
        players: as in :func:`lkutils.masking.coalition_values`.
        baseline: as in :func:`lkutils.masking.coalition_values`.
        n_players: of every sample; when None, as many as the sample's map has.

    Raises:
        TypeError: what should be numbers is none.
        ValueError: something has another shape or range, is not finite, or players are not numbered 0..n-1.

    Example:
        >>> check_arguments([[1.0, 2.0]], 3, [0, 1], 0).labels
        tensor([3])
    """
    inputs, key, others = split_inputs(inputs)
    check_finite(inputs, "sample {} is not finite, first at its variable {}")
    labels = as_labels(labels, inputs)
    players = as_players(players, inputs)
    present = players.flatten(1).amax(1) + 1 if n_players is None else torch.full_like(labels, whole(n_players))
    check_players(players, present)
    return Arguments(inputs, key, others, labels, players, as_baseline(baseline, inputs), present)


def split_inputs(inputs: ArrayLike | Mapping[str, ArrayLike]) -> tuple[Tensor, str | None, dict[str, Tensor]]:
    """The inputs that are masked, their name in a dict, and what goes to the network with them."""
    if not isinstance(inputs, Mapping):
        tensor, key, others = as_tensor("inputs", inputs), None, {}
    else:
        key = next((name for name in MASKED if name in inputs), None)
        if key is None:
            raise ValueError(f"inputs has the keys {', '.join(inputs)}; one of {', '.join(MASKED)} must be there")
        tensor = as_tensor(f"inputs[{key!r}]", inputs[key])
        others = {name: as_tensor(f"inputs[{name!r}]", inputs[name], tensor) for name in inputs if name != key}
        for name, other in others.items():
            if len(other) != len(tensor):
                raise ValueError(f"inputs[{name!r}] has {len(other)} rows, but inputs[{key!r}] has {len(tensor)}")
    if tensor.ndim < 2:
        raise ValueError(
            f"inputs have shape {tuple(tensor.shape)}: no axis of variables after that of samples; give a single "
            "sample as inputs[None]"
        )
    if not tensor.numel():
        raise ValueError(f"inputs have shape {tuple(tensor.shape)}: there is no sample, or no variable in them")
    return tensor, key, others


def as_tensor(what: str, given: ArrayLike, like: Tensor | None = None) -> Tensor:
    """What was given as a tensor, on the device of ``like``: a tensor itself, anything else as a copy.

    Python's own numbers become PyTorch's default type.

    Example:
        >>> as_tensor("baseline", [0.5, 1.0])
        tensor([0.5000, 1.0000])
    """
    if isinstance(given, Tensor):
        tensor = given.detach()
    else:
        try:
            tensor = torch.from_numpy(np.array(given, order="C"))
        except (TypeError, ValueError) as error:
            hint = "; read the file first" if isinstance(given, str) else ""
            hint = hint or ("; give 0, the data's mean or a mask token's id" if what == "baseline" else "")
            raise TypeError(
                f"{what}: a tensor, an array, a list of equal rows or a number was expected, not "
                f"{given if given is None or isinstance(given, str) else type(given).__name__!r}{hint}"
            ) from error
        if tensor.is_floating_point() and not hasattr(given, "dtype"):
            tensor = tensor.to(torch.get_default_dtype())
    return tensor if like is None else tensor.to(like.device)


def as_whole(what: str, given: ArrayLike, like: Tensor) -> Int[Tensor, "..."]:
    """What was given as whole numbers, whatever their type."""
    tensor = as_tensor(what, given, like)
    if tensor.is_floating_point():
        wrong = tensor[tensor != tensor.round()]
        if len(wrong):
            raise ValueError(f"{what} must be whole numbers, but {wrong[0]} is among them")
    return tensor.long()


def whole(number: int) -> int:
    """A number of players, which is one or more."""
    try:
        value = operator.index(number)
    except TypeError:
        value = 0
    if value < 1:
        raise ValueError(f"n_players={number!r}: a game has one player or more")
    return value


# ---- labels ---------------------------------------------------------------------------------------------------------


def as_labels(labels: ArrayLike, inputs: Shaped[Tensor, "sample *shape"]) -> Int[Tensor, "sample"]:
    """A class for each sample."""
    if labels is None:
        return torch.zeros(len(inputs), dtype=torch.int64, device=inputs.device)
    tensor = as_whole("labels", labels, inputs)
    if tensor.ndim == 0 or tensor.shape == (len(inputs), 1):
        tensor = tensor.reshape(-1).expand(len(inputs))
    if tensor.shape != inputs.shape[:1]:
        hint = "; of a one-hot code, give labels.argmax(1)" if tensor.ndim == 2 else ""
        raise ValueError(
            f"labels have shape {tuple(tensor.shape)}, but there are {len(inputs)} samples: give the class of each"
            + hint
        )
    raise_where(tensor < 0, ValueError, "the label of sample {} is negative; classes are numbered from 0")
    return tensor


def check_labels(labels: Int[Tensor, "sample"], n_classes: int) -> None:
    """Every label must be among the classes; a single logit has the classes 0 and 1."""
    highest = labels.argmax().item()
    if labels[highest] >= max(n_classes, 2):
        raise ValueError(
            f"the label of sample {highest} is {labels[highest]}, but score returns {n_classes} classes, numbered 0 to "
            f"{max(n_classes, 2) - 1}"
        )


# ---- players --------------------------------------------------------------------------------------------------------


def as_players(players: ArrayLike | Players, inputs: Shaped[Tensor, "sample *shape"]) -> Int[Tensor, "sample ..."]:
    """A map of players for each sample.

    A map has the axes of an input, or all but the first of them (the channels of an image), and may have an axis of
    samples in front; where it fits with and without that one, it has it.
    """
    given = as_whole("players", players.map if isinstance(players, Players) else players, inputs)
    shape = inputs.shape[1:]
    fitting = [shape] if len(shape) == 1 else [shape[1:], shape]
    for axes in fitting:
        if given.ndim == len(axes) + 1 and len(given) in (1, len(inputs)) and is_broadcast(given.shape[1:], axes):
            given = given.expand(len(inputs), *given.shape[1:])
            break
        if given.ndim == len(axes) and is_broadcast(given.shape, axes):
            given = given.expand(len(inputs), *given.shape)
            break
    else:
        possible = " or ".join(str((len(inputs), *axes)) for axes in fitting)
        raise ValueError(
            f"players have shape {tuple(given.shape)}, but inputs have {tuple(inputs.shape)}: give {possible}; without "
            "the axis of samples it is one map for all, and an axis of length 1 stands for all along it"
        )
    if given.ndim == 2 and len(shape) == 2 and shape[0] == shape[1] and given.shape[1] > 1:
        raise ValueError(
            f"players of shape {tuple(given.shape)} could lie along either axis of an input of shape {tuple(shape)}: "
            f"give {(len(inputs), shape[0], 1)} or {(len(inputs), 1, shape[1])}"
        )
    return given


def check_players(players: Int[Tensor, "sample ..."], n_players: Int[Tensor, "sample"]) -> None:
    """Every sample must have exactly the players 0..n-1, and background."""
    lowest, highest, most = players.min().item(), players.max().item(), n_players.max().item()
    if lowest < -1 or highest >= most:
        raise ValueError(
            f"players are numbered {lowest} to {highest}, but n_players={most} allows 0 to {most - 1}, and -1 for "
            "background; number players from 0 without gaps"
        )
    raise_where(n_players < 1, ValueError, "sample {} is all background: no variable of it has a player")
    has_variables = torch.zeros(len(players), most + 1, dtype=torch.bool, device=players.device)
    has_variables.scatter_(1, players.flatten(1) + 1, True)
    expected = torch.arange(most, device=players.device) < n_players[:, None]
    raise_where(
        expected & ~has_variables[:, 1:],
        ValueError,
        "sample {} has no input variable of player {}; lower n_players, or number players from 0 without gaps",
    )


# ---- baseline -------------------------------------------------------------------------------------------------------


def as_baseline(baseline: ArrayLike, inputs: Shaped[Tensor, "sample *shape"]) -> Shaped[Tensor, "..."]:
    """The baseline with the axes and the type of ``inputs``; its first axis is 1, or that of samples."""
    given = as_tensor("baseline", baseline, inputs)
    shape, dtype = inputs.shape[1:], inputs.dtype
    raise_where(~given.reshape(1, -1).isfinite(), ValueError, "the baseline is not finite, first at variable {1}")
    if given.numel() == 1:
        aligned = given.reshape(1, *[1] * len(shape))
    elif given.ndim == 1 and len(shape) > 1 and len(given) == shape[0] and (len(shape) > 2 or shape[0] != shape[1]):
        aligned = given.reshape(1, -1, *[1] * (len(shape) - 1))
    elif is_broadcast(given.shape, shape):
        aligned = given[None]
    elif given.ndim == inputs.ndim and len(given) in (1, len(inputs)) and is_broadcast(given.shape[1:], shape):
        aligned = given
    else:
        channels = f", {shape[0]} numbers (one for each channel)" if len(shape) > 1 else ""
        raise ValueError(
            f"the baseline has shape {tuple(given.shape)}, but inputs have {tuple(inputs.shape)}: give a number"
            f"{channels}, {tuple(shape)}, or {tuple(inputs.shape)}; an axis of length 1 stands for all along it"
        )
    cast = aligned.to(dtype)
    if not dtype.is_floating_point:
        raise_where(
            (cast != aligned).reshape(1, -1),
            ValueError,
            f"inputs are whole numbers ({dtype}), which the baseline is not, or not in their range, first at variable "
            "{1}; give inputs.float(), or another baseline",
        )
    check_finite(cast, f"the baseline is too large for inputs of type {dtype}")
    return cast


# ---- used by all ----------------------------------------------------------------------------------------------------


def is_broadcast(shape: torch.Size, to: torch.Size) -> bool:
    """Whether a shape has the axes of another, each as long or of length 1."""
    return len(shape) == len(to) and all(length in (1, of) for length, of in zip(shape, to, strict=True))


def check_finite(tensor: Shaped[Tensor, "sample *shape"], message: str) -> None:
    """No row may hold NaN or infinity."""
    raise_where(~tensor.flatten(1).isfinite(), ValueError, message)


def raise_where(wrong: Bool[Tensor, "..."], kind: type[Exception], message: str) -> None:
    """Raise an error that names the first place where something is wrong, if there is one."""
    if wrong.any():
        raise kind(message.format(*wrong.nonzero()[0].tolist()))
