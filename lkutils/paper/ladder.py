"""Probes at the optimum, beside those that the paper's steps of SGD reach (App. M.2).

The paper gives rates and batches of its probes but no number of epochs, and late layers are separable, so that a probe
without a penalty has no optimum. Here the penalty of each layer is the one with the smallest loss on inputs that were
held out, and the probe is then fitted to all of them until the gradient is next to nothing. A convolution is read in
the form in which the network's own head reads the last one: as the mean over its positions.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn import functional as F

from lkutils.epochs import load, write
from lkutils.paper.recipes import Recipe
from lkutils.probed import ProbedNetwork
from lkutils.probes import probe
from lkutils.progress import progress

PENALTIES = tuple(10.0**-k for k in range(1, 7))
CHOOSING = 10_000  # inputs among which the penalty is chosen
HELD_OUT = 0.2  # of them


def averaged(feature: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch width"]:
    """The mean of each channel of a convolution; of any other feature all that there is.

    Example:
        >>> averaged(torch.ones(2, 3, 4, 4)).shape, averaged(torch.ones(2, 5)).shape
        (torch.Size([2, 3]), torch.Size([2, 5]))
    """
    return feature.flatten(2).mean(dim=2) if feature.ndim == 4 else feature.flatten(1)


def probe_at_optimum(recipe: Recipe, seed: int, device: torch.device, checkpoint: Path) -> tuple[ProbedNetwork, float]:
    """The recipe's network with probes at the optimum, and the seconds that took, over all sessions.

    Args:
        recipe: with a trained network.
        seed: of the inputs among which penalties are chosen.
        device: on which to compute.
        checkpoint: a file that keeps the probes; one of another network, inputs or labels is written anew.

    Raises:
        ValueError: the checkpoint is damaged.
    """
    dataset, pool = recipe.dataset, averaged if recipe.lengths is None else recipe.pool
    inputs, labels = dataset.train_inputs.to(device), dataset.train_labels.to(device)
    network = recipe.network.to(device)
    probed = ProbedNetwork(network, recipe.layers, inputs[:3], dataset.n_classes, pool)
    key = {name: str(value) for name, value in probed.key(inputs, labels).items()} | {"seed": str(seed)}
    if checkpoint.exists() and (kept := load(checkpoint))["key"] == key:
        probed.probes.load_state_dict(kept["probes"])
        return probed, kept["seconds"]
    started = time.perf_counter()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))[:CHOOSING].to(device)
    held, rest = order.split([count := int(HELD_OUT * len(order)), len(order) - count])
    losses = []
    for l2 in progress(PENALTIES, "penalties of the probes"):
        tried = probe(network, recipe.layers, inputs[rest], labels[rest], pool=pool, l2=l2)
        losses.append(held_out_loss(tried, inputs[held], labels[held]))
    chosen = [PENALTIES[k] for k in torch.stack(losses).argmin(dim=0)]
    for l2 in sorted(set(chosen)):
        group = {layer: path for (layer, path), own in zip(recipe.layers.items(), chosen, strict=True) if own == l2}
        fitted = probe(network, group, inputs, labels, pool=pool, l2=l2)
        for layer, classifier in zip(fitted.layers, fitted.probes, strict=False):
            probed.probes[probed.layers.index(layer)].load_state_dict(classifier.state_dict())
    seconds = time.perf_counter() - started
    penalties = dict(zip(recipe.layers, chosen, strict=True))
    write({"key": key, "probes": probed.probes.state_dict(), "seconds": seconds, "penalties": penalties}, checkpoint)
    return probed, seconds


@torch.no_grad()
def held_out_loss(
    probed: ProbedNetwork, inputs: Shaped[Tensor, "sample ..."], labels: Int[Tensor, "sample"]
) -> Float[Tensor, "layer"]:
    """Mean cross-entropy of each layer's probe, without the network's own output."""
    batches = zip(inputs.split(500), labels.split(500), strict=True)
    losses = [
        F.cross_entropy(probed(part)[:-1].flatten(0, 1), target.repeat(len(probed.layers) - 1), reduction="none")
        .unflatten(0, (-1, len(target)))
        .sum(dim=1)
        for part, target in batches
    ]
    return sum(losses) / len(labels)
