"""Linear probes, fitted: what a linear classifier reads from the feature of each layer (Sec. 3.2.2, App. M.2).

:func:`probe` finds the optimum; :func:`fit_probes` trains for some epochs as the paper does.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from lkutils.devices import free_memory
from lkutils.epochs import load, run_epochs, write
from lkutils.features import Pool, attended_padding
from lkutils.inputs import Inputs, as_tensor, as_tensors, content_hash, mapped, n_rows, rows
from lkutils.optimum import fit_linear
from lkutils.probed import ProbedNetwork
from lkutils.progress import progress

L2 = 1e-3
BATCH_SIZE = 256  # inputs that pass through the network at once
CHUNK = 2**22  # numbers of a feature in memory that are turned into float64 at once


def probe(
    network: nn.Module,
    layers: str | Sequence[str] | Mapping[str, str],
    inputs,
    targets,
    *,
    pool: Pool | Mapping[str, Pool] = "flatten",
    l2: float = L2,
    cache: Path | str | None = None,
) -> ProbedNetwork:
    """Probes at the optimum: what a linear classifier, or a linear regression, can read from each layer's feature.

    The objective is convex: the mean cross-entropy (of a regression half the mean squared error), and ``l2`` / 2 times
    the squared weights of standardised features (:mod:`lkutils.optimum`). It is minimised until its largest absolute
    gradient is below 1e-6. Features are computed once where they fit into half of the device's free memory; those of a
    layer that does not fit are computed anew in each of some hundred passes.

    Args:
        network: any module from inputs to logits (batch, class), on any device; it is left as it was. One logit with
            the classes 0 and 1 is read as (0, logit).
        layers: modules whose outputs are probed: a glob, "layer*.?"; a list of paths; or {name: path}.
        inputs: a tensor or array, a tuple of them, or a dict such as a tokenizer's output, sample axis first.
        targets: classes (sample,) as integers; or numbers (sample,) or (sample, output) as floats: a regression.
        pool: what makes a feature of a module's output: "flatten", or of a transformer's positions "mean", "first" or
            "last"; a function of the output or of (output, inputs); or one of these for each layer by name.
        l2: weight of the penalty; scikit-learn's ``C`` is 1 / (samples * l2).
        cache: a file that keeps the probes. With the same network, layers, inputs, targets and settings they are read
            from it; with others it is written anew, starting from the probes in it where they fit.

    Returns:
        The network with its probes, to be called with inputs. ``accuracy`` holds for each layer the share of ``inputs``
        that is classified correctly (of a regression R^2), the network's own as "output"; ``gradient`` the largest
        absolute gradient of each layer's objective.

    Raises:
        ValueError: layers, inputs, targets or network do not go together; the message says what to do.
        FloatingPointError: a feature is not finite.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        >>> inputs = torch.randn(60, 4)
        >>> probed = probe(network, {"hidden": "1"}, inputs, inputs[:, :3].argmax(dim=1))
        >>> probed(inputs).shape
        torch.Size([2, 60, 3])
        >>> bool(probed.accuracy.sel(layer="hidden") > 0.7), bool(probed.gradient.max() <= 1e-6)
        (True, True)
    """
    inputs, targets = as_tensors(inputs), as_tensor(targets)
    if not l2 >= 0:
        raise ValueError(f"{l2=}; expected 0 or more")
    warn_of_padding(network, inputs)
    probed = ProbedNetwork(network, layers, rows(inputs, slice(3)), pool=pool)
    if probed.n_classes == 1 and not targets.is_floating_point():
        probed = ProbedNetwork(network, layers, rows(inputs, slice(3)), 2, pool)
    targets = checked_targets(targets, n_rows(inputs), probed.n_classes)
    key = {name: str(value) for name, value in (probed.key(inputs, targets) | {"l2": l2}).items()} if cache else {}
    earlier = load(Path(cache)) if cache and Path(cache).exists() else None
    if earlier and earlier["key"] == key:
        probed.probes.load_state_dict(earlier["probes"])
        probed._report(earlier["gradient"], earlier["accuracy"])
        return probed
    warm = bool(earlier) and l2 > 0 and shapes_of(earlier["probes"]) == shapes_of(probed.probes.state_dict())
    if warm:
        probed.probes.load_state_dict(earlier["probes"])
    gradient = fit_to_optimum(probed, inputs, targets, l2, warm)
    score = r_squared if targets.is_floating_point() else accuracy
    scores = score(probed, inputs, targets).tolist()
    probed._report(gradient, scores)
    if cache:
        state = {"key": key, "probes": probed.probes.state_dict(), "gradient": gradient, "accuracy": scores}
        write(state, cache)
    return probed


def fit_probes(
    probed: ProbedNetwork,
    inputs,
    labels,
    *,
    epochs: int,
    learning_rate: float,
    batch_size: int,
    device: torch.device,
    checkpoint: Path | None = None,
    seed: int = 0,
    lengths: Int[Tensor, "sample"] | None = None,
) -> float:
    """Train the probes of all layers together as the paper does, in place; returns the seconds it took in all.

    Each batch passes through the frozen network once, and each probe takes one step of SGD with momentum 0.9 on its
    cross-entropy (App. M.2), from zero. After every epoch the probes are written to ``checkpoint``; a call that finds
    one goes on from there. Epoch k draws its order from ``seed`` + k, so an interrupted training ends the same. Probes
    trained for a few epochs are not at the optimum, as those of :func:`probe` are.

    Args:
        inputs, labels: as for :func:`probe`; they and the network are moved to ``device``.
        lengths: of the samples; where given, samples of similar length share a batch.

    Raises:
        ValueError: labels and inputs do not go together, or the checkpoint was made with other settings, inputs,
            labels, layers or network weights; the message says which.
        FloatingPointError: the loss of a layer's probe is no longer finite; the message names the layers.

    Example:
        >>> network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        >>> probed = ProbedNetwork(network, {"hidden": "1"}, torch.zeros(1, 4), n_classes=3)
        >>> inputs, labels, cpu = torch.randn(60, 4), torch.randint(3, (60,)), torch.device("cpu")
        >>> seconds = fit_probes(probed, inputs, labels, epochs=2, learning_rate=0.1, batch_size=20, device=cpu)
    """
    inputs = as_tensors(inputs)
    labels = checked_targets(as_tensor(labels), n_rows(inputs), probed.n_classes)
    if labels.is_floating_point():
        raise ValueError(f"labels are {labels.dtype}; expected classes as integers (lkutils.probe fits regressions)")
    settings = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed}
    key = settings
    if checkpoint:
        key = key | {"lengths": lengths if lengths is None else content_hash(lengths)} | probed.key(inputs, labels)
    probed.to(device)
    with torch.inference_mode(False):
        for parameter in probed.probes.parameters():
            nn.init.zeros_(parameter)  # the problem is convex: it needs no random start
        inputs, labels = mapped(lambda part: part.to(device), inputs), labels.to(device)
        return run_epochs(
            lambda batch, done, generator: backpropagate(probed, rows(inputs, batch), labels[batch]),
            probed.probes,
            torch.optim.SGD(probed.probes.parameters(), lr=learning_rate, momentum=0.9),
            n_samples=len(labels),
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            checkpoint=checkpoint,
            key=key,
            losses_of=probed.layers[:-1],
            lengths=lengths,
        )


def backpropagate(probed: ProbedNetwork, inputs: Inputs, labels: Int[Tensor, "batch"]) -> Float[Tensor, "probe"]:
    """Add the gradients of every probe's cross-entropy, each computed while the network runs; returns the losses."""
    losses = torch.zeros(len(probed.probes), device=labels.device)

    @torch.enable_grad()
    def learn(layer: int, feature: Float[Tensor, "batch width"]) -> None:
        loss = F.cross_entropy(probed.probes[layer](feature), labels)
        loss.backward()
        losses[layer] = loss.detach()

    probed.visit_features(inputs, learn)
    return losses


@torch.no_grad()
def accuracy(probed: ProbedNetwork, inputs, labels, batch_size: int = 500) -> Float[Tensor, "layer"]:
    """Share of the samples that each layer's probe classifies correctly, and the network itself at last."""
    inputs = as_tensors(inputs)
    labels = checked_targets(as_tensor(labels), n_rows(inputs), probed.n_classes)
    hits = torch.zeros(len(probed.layers), device=probed.device)
    for part in progress(parts_of(len(labels), batch_size), "accuracy of the probes"):
        predicted = probed(rows(inputs, part)).argmax(dim=-1)
        hits += (predicted == labels[part].to(predicted.device)).sum(dim=-1)
    return hits / len(labels)


def r_squared(probed: ProbedNetwork, inputs: Inputs, targets: Float[Tensor, "sample output"]) -> Float[Tensor, "layer"]:
    """R^2 of each layer's regression and of the network itself: the share of the targets' variance that it explains."""
    misses = torch.zeros(len(probed.layers), dtype=torch.float64)
    for part in progress(parts_of(len(targets), BATCH_SIZE), "R^2 of the probes"):
        misses += (probed(rows(inputs, part)).cpu().double() - targets[part].cpu()).square().sum(dim=(1, 2))
    return 1 - misses / (targets.double() - targets.double().mean(dim=0)).square().sum().cpu()


def parts_of(n_samples: int, size: int) -> list[slice]:
    """Consecutive slices of the samples."""
    return [slice(start, min(start + size, n_samples)) for start in range(0, n_samples, size)]


# ---- at the optimum -------------------------------------------------------------------------------------------------


@torch.inference_mode(False)
def fit_to_optimum(
    probed: ProbedNetwork, inputs: Inputs, targets: Shaped[Tensor, "sample ..."], l2: float, warm: bool
) -> list[float]:
    """Fit all probes, in groups of layers whose features fit in memory; returns their gradients."""
    targets = targets.to(probed.device).clone()
    budget = free_memory(probed.device) // 2
    sizes = [len(targets) * layer.in_features * layer.weight.element_size() for layer in probed.probes]
    gradient = [math.nan] * len(sizes)
    fitting = [layer for layer, size in enumerate(sizes) if size <= budget]
    while fitting:
        group, taken = [], 0
        while fitting and taken + sizes[fitting[0]] <= budget:
            taken += sizes[fitting[0]]
            group.append(fitting.pop(0))
        features = collect(probed, inputs, group)
        for layer in group:
            passes = partial(chunks_of, features.pop(layer), targets)
            [gradient[layer]] = fit_linear(passes, [probed.probes[layer]], [probed.layers[layer]], l2, warm=warm)
    if streamed := [layer for layer, size in enumerate(sizes) if size > budget]:
        passes = partial(stream, probed, inputs, targets, streamed)
        names = [probed.layers[layer] for layer in streamed]
        found = fit_linear(passes, [probed.probes[layer] for layer in streamed], names, l2, warm=warm)
        for layer, value in zip(streamed, found, strict=True):
            gradient[layer] = value
    return gradient


def collect(probed: ProbedNetwork, inputs: Inputs, group: list[int]) -> dict[int, Float[Tensor, "sample width"]]:
    """The features of some layers on all samples."""
    widths = {layer: probed.probes[layer].in_features for layer in group}
    features = {
        layer: torch.empty(n_rows(inputs), width, dtype=probed.dtype, device=probed.device)
        for layer, width in widths.items()
    }
    for part in progress(parts_of(n_rows(inputs), BATCH_SIZE), "features"):

        def keep(layer: int, feature: Float[Tensor, "batch width"], part: slice = part) -> None:
            if layer in features:
                features[layer][part] = feature

        probed.visit_features(rows(inputs, part), keep)
    return features


def chunks_of(feature: Float[Tensor, "sample width"], targets: Shaped[Tensor, "sample ..."]) -> Iterator:
    """A pass over a layer's features in memory."""
    for part in parts_of(len(feature), max(1, CHUNK // feature.shape[1])):
        yield [feature[part]], targets[part]


def stream(
    probed: ProbedNetwork, inputs: Inputs, targets: Shaped[Tensor, "sample ..."], streamed: list[int]
) -> Iterator:
    """A pass over the features of some layers, computed anew."""
    for part in parts_of(len(targets), BATCH_SIZE):
        yield list(collect(probed, rows(inputs, part), streamed).values()), targets[part]


# ---- checks ---------------------------------------------------------------------------------------------------------


def checked_targets(targets: Tensor, n_samples: int, n_classes: int) -> Shaped[Tensor, "sample ..."]:
    """Targets as int64 classes (sample,), or as float numbers (sample, output).

    Raises:
        ValueError: they do not belong to the inputs or to the network.

    Example:
        >>> checked_targets(torch.tensor([0, 2], dtype=torch.uint8), 2, 3)
        tensor([0, 2])
    """
    shape = tuple(targets.shape)
    if not shape or shape[0] != n_samples:
        raise ValueError(
            f"there are {n_samples} inputs, but targets have the shape {shape}; expected one for each input"
        )
    if targets.is_floating_point():
        if targets.ndim == 1 and n_classes == 1:
            targets = targets[:, None]
        if targets.shape[1:] != (n_classes,):
            raise ValueError(
                f"float targets of shape {shape} ask for a regression, but the network has {n_classes} outputs; give "
                f"classes as integers, or numbers of shape ({n_samples}, {n_classes})"
            )
        if not targets.isfinite().all():
            raise ValueError(f"target {int((~targets.isfinite()).nonzero()[0, 0])} is not finite")
        return targets
    if targets.is_complex() or targets.ndim > 2 or targets.numel() != n_samples:
        raise ValueError(
            f"labels have the shape {shape}; expected ({n_samples},), the class of each input as an integer (of "
            "one-hot labels, labels.argmax(dim=1))"
        )
    targets = targets.reshape(-1).long()
    wrong = (targets < 0) | (targets >= n_classes)
    if wrong.any():
        first = int(wrong.nonzero()[0])
        raise ValueError(
            f"label {int(targets[first])} of input {first} is out of range; expected 0 to {n_classes - 1}, as the "
            f"network has {n_classes} classes (a regression takes floats)"
        )
    return targets


def warn_of_padding(network: nn.Module, inputs: Inputs) -> None:
    """A Hugging Face network that gets token ids alone attends to their padding."""
    pad = attended_padding(network, inputs)
    if pad is not None:
        warnings.warn(
            f"the inputs hold padding (token {pad}) and the network attends to it: give the tokenizer's whole output, "
            "with its attention_mask, as inputs",
            stacklevel=3,
        )


def shapes_of(state: dict[str, Tensor]) -> dict[str, torch.Size]:
    """Names and shapes of weights."""
    return {name: weight.shape for name, weight in state.items()}
