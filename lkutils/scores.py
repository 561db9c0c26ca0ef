"""What a score is, and what it returns: networks, functions on tensors, functions on arrays."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor, nn

from lkutils.arguments import as_tensor
from lkutils.features import logits_of


def score_of_network(network: nn.Module) -> Callable[[Tensor | dict], Tensor]:
    """From a batch of inputs, or a dict of them, to the network's logits with an axis of one layer."""

    def score(inputs: Tensor | dict[str, Tensor]) -> Tensor:
        return logits_of(network(**inputs) if isinstance(inputs, dict) else network(inputs))[None]

    return score


def score_of_function(function: Callable, takes_arrays: bool) -> Callable[[Tensor | dict], Tensor]:
    """From a batch of tensors to logits (layer, batch, class), by a function on tensors or on numpy arrays.

    Args:
        function: may return (batch,), (batch, class) or (layer, batch, class), as a tensor or as an array. What a
            method called ``predict_proba`` returns are probabilities, of which the logarithm is taken.
        takes_arrays: whether it is to be given arrays.
    """
    gives_probabilities = getattr(function, "__name__", "") == "predict_proba"

    def score(inputs: Tensor | dict[str, Tensor]) -> Tensor:
        of_each = inputs if isinstance(inputs, dict) else {"": inputs}
        device, n_inputs = next(iter(of_each.values())).device, len(next(iter(of_each.values())))
        given = {name: tensor.cpu().numpy() for name, tensor in of_each.items()} if takes_arrays else of_each
        outputs = as_outputs(function(given if isinstance(inputs, dict) else given[""])).to(device)
        if outputs.ndim == 3 and 1 < n_inputs == len(outputs) and not hasattr(function, "layers"):
            raise ValueError(
                f"score returned {tuple(outputs.shape)} for {n_inputs} inputs, which are layers first or inputs first: "
                "choose another batch_size for the first; for the second pick a position, output[:, -1]"
            )
        return with_layer(outputs.log() if gives_probabilities else outputs)

    return score


def as_outputs(returned: object) -> Tensor:
    """What a function returned, as a tensor: itself, an array, or the ``logits`` of an object or dict."""
    outputs = (
        returned.get("logits", returned) if isinstance(returned, Mapping) else getattr(returned, "logits", returned)
    )
    if is_collection(outputs) and not (isinstance(outputs, list) and not any(map(torch.is_tensor, outputs))):
        raise TypeError(describe(outputs))
    return as_tensor("what score returns", outputs)


def with_layer(outputs: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
    """Outputs (batch,) or (batch, class) with the axes (layer, batch, class)."""
    if outputs.ndim == 1:
        outputs = outputs[:, None]
    return outputs[None] if outputs.ndim == 2 else outputs


# ---- checks ---------------------------------------------------------------------------------------------------------


def describe(returned: object) -> str:
    """The message for a score that returned something else than a tensor."""
    parts = dict(returned if isinstance(returned, Mapping) else enumerate(returned)) if is_collection(returned) else {}
    shapes = [f"{key!r}: {tuple(getattr(part, 'shape', ())) or type(part).__name__}" for key, part in parts.items()]
    inside = f" with {', '.join(shapes)}" if shapes else ""
    return (
        f"score returned a {type(returned).__name__}{inside}, not a tensor of logits; "
        "pick them: score=lambda x: network(x)[0], or network(x)['logits'], with [None] behind it as the axis of layers"
    )


def is_collection(returned: object) -> bool:
    """Whether there may be several tensors in it."""
    return isinstance(returned, (tuple, list, Mapping))


def check_logits(logits: object, n_inputs: int) -> None:
    """What ``score`` returns must be a tensor with the axes (layer, batch, class)."""
    if not isinstance(logits, Tensor):
        raise TypeError(describe(logits))
    if logits.ndim != 3 or logits.shape[1] != n_inputs:
        raise ValueError(
            f"score returned a tensor of shape {tuple(logits.shape)} for {n_inputs} inputs, not (layer, batch, class); "
            "of a network alone, score is lambda x: network(x)[None], and of one with logits at every position "
            "lambda x: network(x)[None, :, -1]"
        )


def find_probabilities(logits: Shaped[Tensor, "layer batch cls"]) -> Bool[Tensor, "layer 1 1"] | None:
    """Layers whose outputs are a softmax's, with a warning; the logarithm is as good as logits, but for rounding.

    None where there is no such layer.
    """
    if logits.shape[-1] == 1 or not logits.is_floating_point():
        return None
    tolerance = max(1e-4, 4 * torch.finfo(logits.dtype).eps)
    sums_to_one = (logits.sum(-1, keepdim=True) - 1).abs().amax(1, keepdim=True) < tolerance
    found = sums_to_one & (logits.amin((1, 2), keepdim=True) >= 0)
    if not found.any():
        return None
    warnings.warn(
        f"the outputs of layer {found.nonzero()[0, 0]} (counted from 0) are not negative and sum to 1, as "
        "probabilities do: their logarithm is taken; let score return the logits, which are not rounded",
        stacklevel=4,
    )
    return found


def warn_of_training(score: Callable) -> None:
    """Warn where a network that ``score`` is, or names, drops units or normalises by batches."""
    for network in networks_of(score):
        drops = [type(module).__name__ for module in network.modules() if module.training and depends_on_mode(module)]
        if drops:
            warnings.warn(
                f"{type(network).__name__} is in training mode: its {', '.join(dict.fromkeys(drops))} make the values "
                "random, or dependent on the batch; call its eval()",
                stacklevel=4,
            )


def networks_of(score: Callable) -> list[nn.Module]:
    """The networks that ``score`` is, or names; not those with probes, which see to their mode themselves."""
    named = [score]
    if inspect.isfunction(score):
        variables = inspect.getclosurevars(score)
        named = [*variables.nonlocals.values(), *variables.globals.values()]
    return [network for network in named if isinstance(network, nn.Module) and not hasattr(network, "probes")]


def depends_on_mode(module: nn.Module) -> bool:
    """Whether a module does something else in training mode."""
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        return True
    rate = module.p if isinstance(module, nn.modules.dropout._DropoutNd) else getattr(module, "dropout", 0.0)
    return isinstance(rate, float) and rate > 0
