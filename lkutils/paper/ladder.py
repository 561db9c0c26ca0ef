"""Probes at the optimum, beside those that the paper's steps of SGD reach (App. M.2).

The paper gives rates and batches of its probes but no number of epochs, and late layers are separable, so that a probe
without a penalty has no optimum. Here the penalty of each layer is the one with the smallest loss on inputs that were
held out, and the probe is then fitted to all of them until the gradient is next to nothing. A convolution is read in
the form in which the network's own head reads the last one: as the mean over its positions.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn import functional as F

from lkutils.epochs import load, write
from lkutils.optimum import fit_linear
from lkutils.paper.recipes import Recipe
from lkutils.probed import ProbedNetwork
from lkutils.progress import progress

PENALTIES = tuple(10.0**-k for k in range(1, 7))
CHOOSING = 10_000  # inputs among which the penalty is chosen
HELD_OUT = 0.2  # of them
BATCH = 2000  # inputs that pass through a network, or features through a probe, together


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
    features = features_of(probed, inputs, recipe.lengths)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))[:CHOOSING].to(device)
    held, rest = order.split([count := int(HELD_OUT * len(order)), len(order) - count])
    losses = []
    for l2 in progress(PENALTIES, "penalties of the probes"):
        fit(probed, range(len(features)), [feature[rest] for feature in features], labels[rest], l2)
        losses.append(losses_of(probed, [feature[held] for feature in features], labels[held]))
    chosen = [PENALTIES[k] for k in torch.tensor(losses).argmin(dim=0)]
    for l2 in sorted(set(chosen)):
        some = [layer for layer, own in enumerate(chosen) if own == l2]
        fit(probed, some, [features[layer] for layer in some], labels, l2)
    seconds = time.perf_counter() - started
    penalties = dict(zip(recipe.layers, chosen, strict=True))
    write({"key": key, "probes": probed.probes.state_dict(), "seconds": seconds, "penalties": penalties}, checkpoint)
    return probed, seconds


@torch.no_grad()
def features_of(
    probed: ProbedNetwork, inputs: Shaped[Tensor, "sample ..."], lengths: Int[Tensor, "sample"] | None
) -> list[Float[Tensor, "sample _"]]:
    """The features of each layer that is probed; samples of similar length pass together."""
    found = [torch.empty(len(inputs), probe.in_features, device=inputs.device) for probe in probed.probes]
    order = torch.arange(len(inputs)) if lengths is None else lengths.argsort(stable=True)
    for part in progress(order.to(inputs.device).split(BATCH), "features"):

        def keep(layer: int, feature: Float[Tensor, "batch width"], part: Int[Tensor, "batch"] = part) -> None:
            found[layer][part] = feature.to(found[layer].dtype)

        probed.visit_features(inputs[part], keep)
    return found


def fit(
    probed: ProbedNetwork, layers: Sequence[int], features: Sequence[Tensor], labels: Int[Tensor, "sample"], l2: float
) -> None:
    """Fit the probes of some layers in place, as `lkutils.optimum.fit_linear` does, to their features."""

    def batches() -> Iterator[tuple[list[Tensor], Tensor]]:
        for part in torch.arange(len(labels), device=labels.device).split(BATCH):
            yield [feature[part] for feature in features], labels[part]

    fit_linear(batches, [probed.probes[k] for k in layers], [probed.layers[k] for k in layers], l2)


@torch.no_grad()
def losses_of(probed: ProbedNetwork, features: Sequence[Tensor], labels: Int[Tensor, "sample"]) -> list[float]:
    """Mean cross-entropy of each layer's probe."""
    return [
        F.cross_entropy(classifier(feature), labels).item()
        for classifier, feature in zip(probed.probes, features, strict=True)
    ]
