"""Integrated Gradients of a network's log-odds (Sundararajan et al., 2017), by captum."""

from __future__ import annotations

import torch
from captum.attr import IntegratedGradients, LayerIntegratedGradients
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from lkutils.features import evaluating
from lkutils.masking import log_odds
from lkutils.paper.transformers import TextClassifier

STEPS = 256  # of the integral: points at which the gradient is taken
BATCH = 64  # of them at once


def integrated_gradients(
    network: nn.Module,
    x: Shaped[Tensor, "1 *shape"],
    start: Shaped[Tensor, "1 *shape"],
    label: Int[Tensor, ""],
    steps: int = STEPS,
) -> tuple[Float[Tensor, "1 *shape"], Float[Tensor, "2"]]:
    """Integrated Gradients of the log-odds of a label, from a starting point to one input, on the CPU, in float64.

    Args:
        network: from inputs to logits; of a `TextClassifier` the word embeddings move, not the token ids.
        x: the input.
        start: where the line begins; of the same shape.
        label: the class.
        steps: points at which the gradient is taken (Gauss-Legendre).

    Returns:
        One number for each input variable, for tokens the sum over their embedding; and the log-odds at start and end.

    Raises:
        ValueError: the network's output has no gradient.

    Example:
        >>> network = nn.Linear(2, 2)
        >>> _ = network.load_state_dict({"weight": torch.tensor([[0.0, 0.0], [1.0, 2.0]]), "bias": torch.zeros(2)})
        >>> integrated_gradients(network, torch.ones(1, 2), torch.zeros(1, 2), torch.tensor(1))[0].round(decimals=3)
        tensor([[1., 2.]], dtype=torch.float64)
    """
    check_gradient(network, x)

    def score(inputs: Tensor) -> Float[Tensor, "batch"]:
        return log_odds(network(inputs), label)

    how = {"baselines": start, "n_steps": steps, "internal_batch_size": BATCH}
    if isinstance(network, TextClassifier):
        found = LayerIntegratedGradients(score, network.model.get_input_embeddings()).attribute(x, **how).sum(-1)
        tokens = torch.zeros(x.shape, dtype=torch.float64)
        tokens[(x != network.pad).cpu()] = found.detach().double().cpu().flatten()  # padding is left out of the network
        found = tokens
    else:
        found = IntegratedGradients(score).attribute(x, **how).detach().double().cpu()
    with torch.no_grad():
        ends = torch.cat([score(start), score(x)]).double().cpu()
    return found, ends


def check_gradient(network: nn.Module, x: Shaped[Tensor, "batch *shape"]) -> None:
    """Refuse a network whose output cannot be differentiated by its input (or its word embeddings), before any work.

    Raises:
        ValueError: it cannot; the message says what may be the reason, and what works without gradients.

    Example:
        >>> check_gradient(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), torch.zeros(1, 2, 2))
    """
    moved: list[Tensor] = []

    def watch(module: nn.Module, args: tuple, output: Tensor) -> Tensor:
        moved.append(output.detach().requires_grad_())
        return moved[0]

    device = next((weight.device for weight in network.parameters()), x.device)
    x = x[:1].to(device)
    reason = "its output does not depend on its input in a way that torch can follow"
    gradient = None
    with evaluating(network), torch.enable_grad():
        if isinstance(network, TextClassifier):
            with network.model.get_input_embeddings().register_forward_hook(watch):
                output = network(x)
        elif x.is_floating_point():
            moved.append(x.clone().requires_grad_())
            output = network(moved[0])
        else:
            output, reason = torch.zeros(1), f"its inputs are whole numbers ({x.dtype}), between which there is no line"
        if output.requires_grad:
            gradient = torch.autograd.grad(output.sum(), moved[0], allow_unused=True)[0]
    if gradient is None:
        raise ValueError(
            f"Integrated Gradients need a gradient, but {type(network).__name__} has none: {reason}. It may run under "
            "torch.no_grad, be quantised, or round its inputs; Shapley values and interactions need outputs only"
        )
