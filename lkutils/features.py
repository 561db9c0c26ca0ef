"""What a layer's feature is: modules named by path, what they return, and how it is pooled to a vector."""

from __future__ import annotations

import difflib
import fnmatch
import hashlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lkutils.inputs import Inputs

Pool: TypeAlias = str | Callable[..., Tensor]  # "flatten", "mean", "first", "last", or a function

MOST_LISTED = 40  # paths that an error message lists


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """A network in evaluation mode; afterwards, also after an error, every module has the mode it had.

    Example:
        >>> network = nn.Dropout()
        >>> with evaluating(network):
        ...     network.training
        False
        >>> network.training
        True
    """
    training = [module for module in network.modules() if module.training]
    try:
        for module in training:
            module.training = False
        yield
    finally:
        for module in training:
            module.training = True


def attended_padding(network: object, inputs: object) -> int | None:
    """The padding token of a Hugging Face network, where token ids alone hold it, so that it would be attended to.

    Example:
        >>> network = nn.Module()
        >>> network.config = type("Config", (), {"pad_token_id": 0})
        >>> attended_padding(network, torch.tensor([[5, 0]])), attended_padding(network, torch.tensor([[5, 6]]))
        (0, None)
    """
    token = getattr(getattr(network, "config", None), "pad_token_id", None)
    if token is None or not isinstance(inputs, Tensor) or inputs.is_floating_point():
        return None
    return token if (inputs == token).any() else None


# ---- layers ---------------------------------------------------------------------------------------------------------


def layer_paths(network: nn.Module, layers: str | Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """Names of layers and the paths of their modules.

    Args:
        network: any network.
        layers: a glob such as "layer*.?", whose stars do not cross a dot; a list of paths; or {name: path}.

    Raises:
        TypeError: a layer is no path, but a module for example.
        ValueError: a path that names no module (the message offers the nearest), or a layer called "output".

    Example:
        >>> layer_paths(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), "?")
        {'0': '0', '1': '1'}
    """
    known = [path for path, _ in network.named_modules() if path]
    if isinstance(layers, str):
        layers = [path for path in known if matches(path, layers)] or [layers]
    if not isinstance(layers, Mapping):
        layers = {path: path for path in layers}
    for name, path in layers.items():
        if not isinstance(path, str):
            own = next((known for known, module in network.named_modules() if module is path), "layer1.0")
            raise TypeError(f"layer {name!r} is a {type(path).__name__}; expected the path of a module, like {own!r}")
        if path not in known:
            raise ValueError(f"layer {name!r}: the network has no module {path!r}; it has {listed(known, path)}")
        if name == "output":
            raise ValueError(
                "a layer is called 'output', which is the network's own; give it another name: {'last': 'output'}"
            )
    return dict(layers)


def matches(path: str, glob: str) -> bool:
    """Whether a path matches a glob, component by component."""
    components, globs = path.split("."), glob.split(".")
    return len(components) == len(globs) and all(map(fnmatch.fnmatchcase, components, globs))


def listed(known: Sequence[str], path: str) -> str:
    """The paths there are, and those that are nearest to one that there is not."""
    some = ", ".join(known[:MOST_LISTED]) + (f" and {len(known) - MOST_LISTED} more" * (len(known) > MOST_LISTED))
    wrapped = [other for other in known if other.endswith(f".{path}")]  # of DataParallel and compiled networks
    nearest = list(dict.fromkeys([*wrapped, *difflib.get_close_matches(path, known)]))[:3]
    return (some or "no modules") + (f". Nearest: {', '.join(nearest)}" if nearest else "")


# ---- outputs --------------------------------------------------------------------------------------------------------


def tensor_of(output) -> Tensor | None:
    """The tensor that a module's output is about: itself, the first of a tuple, or "logits" or "last_hidden_state".

    Example:
        >>> tensor_of((torch.tensor([1.0]), None))
        tensor([1.])
    """
    if isinstance(output, Tensor):
        return output
    for name in ("logits", "last_hidden_state"):
        found = output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)
        if isinstance(found, Tensor):
            return found
    if isinstance(output, Mapping):
        tensors = [value for value in output.values() if isinstance(value, Tensor)]
        return tensors[0] if len(tensors) == 1 else None
    return tensor_of(output[0]) if isinstance(output, (tuple, list)) and output else None


def logits_of(output) -> Float[Tensor, "batch cls"]:
    """The logits in what a network returns: a tensor, the first of a tuple, a dict's or a ModelOutput's "logits".

    One number for each input, (batch,), becomes (batch, 1).

    Raises:
        ValueError: there are none, or they have another shape.
    """
    logits = tensor_of(output)
    if logits is None:
        keys = f" with the keys {', '.join(map(str, output))}" if isinstance(output, Mapping) else ""
        raise ValueError(
            f"the network returns a {type(output).__name__}{keys}; expected logits (batch, class), or a tuple, dict or "
            "object with them in the first place or as 'logits'; wrap the network in a module that returns them"
        )
    if logits.ndim == 1:
        logits = logits[:, None]
    if logits.ndim != 2 or not logits.is_floating_point():
        raise ValueError(
            f"the network returns {logits.dtype} of shape {tuple(logits.shape)}; expected logits (batch, class). "
            "Wrap it in a module that returns those of one position, for example logits[:, -1] of a decoder"
        )
    return logits


def wide(dtype: torch.dtype) -> torch.dtype:
    """The type to compute log-odds in: float32 for what is narrower or no float, else its own."""
    return torch.promote_types(dtype, torch.float32)


# ---- pooling --------------------------------------------------------------------------------------------------------


def pooled(pool: Pool, output, inputs: Inputs) -> Tensor:
    """The feature (batch, ...) in a module's output.

    Args:
        pool: "flatten" takes all of it. "mean" averages over the positions (batch, position, width) or the pixels
            (batch, channel, y, x). "first" and "last" take one position. Where the network is given an
            ``attention_mask``, only the positions that it attends to count. Or a function of the output, or of the
            output and the inputs.
        output: what the module returned; functions get its tensor (:func:`tensor_of`) where there is one.
        inputs: what the network was given.

    Raises:
        ValueError: there is no single tensor, or no position to pool.

    Example:
        >>> pooled("last", torch.tensor([[[1.0], [2.0], [0.0]]]), {"attention_mask": torch.tensor([[1, 1, 0]])})
        tensor([[2.]])
    """
    tensor = tensor_of(output)
    if callable(pool):
        output = output if tensor is None else tensor
        return pool(output, inputs) if takes_inputs(pool) else pool(output)
    if tensor is None:
        raise ValueError(
            f"a {type(output).__name__} without a single tensor: give a pool, a function (output, inputs) -> feature"
        )
    if pool == "flatten" or tensor.ndim == 2:
        return tensor
    if pool == "mean" and tensor.ndim > 3:
        return tensor.flatten(2).mean(dim=2, dtype=wide(tensor.dtype))
    if tensor.ndim != 3:
        raise ValueError(f"pool={pool!r} needs (batch, position, width), not {tuple(tensor.shape)}; give a function")
    return pool_positions(pool, tensor, attention_of(inputs, tensor))


def pool_positions(
    pool: str, hidden: Float[Tensor, "batch position width"], attention: Int[Tensor, "batch position"]
) -> Float[Tensor, "batch width"]:
    """The first, the last or the mean of the positions that are attended to."""
    if pool == "mean":
        total = torch.where(attention[:, :, None] > 0, hidden, 0).sum(dim=1, dtype=wide(hidden.dtype))
        return total / attention.sum(dim=1, keepdim=True).clamp(min=1)
    position = torch.arange(hidden.shape[1], device=hidden.device)
    rank = attention * (position + 1 if pool == "last" else hidden.shape[1] - position)
    return hidden[torch.arange(len(hidden), device=hidden.device), rank.argmax(dim=1)]


def attention_of(inputs: Inputs, hidden: Float[Tensor, "batch position width"]) -> Int[Tensor, "batch position"]:
    """1 for the positions that the network attends to, 0 for padding; all are, where the inputs have no such mask."""
    mask = inputs.get("attention_mask") if isinstance(inputs, dict) else None
    if mask is not None and mask.shape == hidden.shape[:2]:
        return mask.to(hidden.device).long()
    return torch.ones(hidden.shape[:2], dtype=torch.long, device=hidden.device)


def takes_inputs(pool: Callable[..., Tensor]) -> bool:
    """Whether a function takes the output and the inputs, not the output alone."""
    try:
        needed = [
            parameter
            for parameter in inspect.signature(pool).parameters.values()
            if parameter.default is parameter.empty and parameter.kind in (0, 1)
        ]
    except ValueError:  # of functions that are not written in Python
        return False
    return len(needed) == 2


def pools_of(pool: Pool | Mapping[str, Pool], layers: Sequence[str]) -> list[Pool]:
    """The pool of each layer; layers that a mapping leaves out are flattened.

    Raises:
        ValueError: an unknown pool, or one of a layer that is not probed.
    """
    if isinstance(pool, Mapping):
        if unknown := [name for name in pool if name not in layers]:
            raise ValueError(f"pool names {unknown[0]!r}, which is not among the layers {', '.join(layers)}")
        return [pools_of(pool.get(name, "flatten"), [name])[0] for name in layers]
    if not callable(pool) and pool not in ("flatten", "mean", "first", "last"):
        raise ValueError(f"{pool=}; expected 'flatten', 'mean', 'first', 'last' or a function (output, inputs)")
    return [pool] * len(layers)


def pool_identity(pool: Pool) -> str:
    """A text that changes when a pool does: the names of functions, and what they do."""
    code = getattr(pool, "__code__", None)
    if code is None:
        return str(pool)
    within = (code.co_code, code.co_names, code.co_consts, pool.__defaults__)
    held = [cell.cell_contents for cell in pool.__closure__ or ()]
    text = re.sub(r"0x[0-9a-f]+", "", f"{within} {held}")  # without memory addresses
    return f"{pool.__qualname__} {hashlib.sha256(text.encode()).hexdigest()[:12]}"
