"""Linear probes: what a linear classifier reads from the feature of each layer (Sec. 3.2.2, App. M.2).

Features come from forward hooks, so the network may be any ``torch.nn.Module``. Each is used while the network runs and
dropped at once: memory does not grow with the number of layers, whether the probes are trained or applied.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from lkutils.epochs import batches_of, fingerprint, resume, save
from lkutils.progress import progress


def fit_probes(
    probed: ProbedNetwork,
    inputs: Shaped[Tensor, "sample *shape"],
    labels: Int[Tensor, "sample"],
    *,
    epochs: int,
    learning_rate: float,
    batch_size: int,
    checkpoint: Path,
    device: torch.device,
    seed: int = 0,
    lengths: Int[Tensor, "sample"] | None = None,
) -> float:
    """Train the probes of all layers together, in place; returns the seconds it took, over all sessions.

    Each batch passes through the frozen network once, and each probe takes one step of SGD with momentum 0.9 on its
    cross-entropy (App. M.2), in float32. After every epoch the probes are written to ``checkpoint``; a call that finds
    one goes on from there. Epoch k draws its order from ``seed`` + k, so an interrupted training ends the same.

    Raises:
        ValueError: if the checkpoint was made with other settings, layers or network weights.
        FloatingPointError: if the loss of a layer's probe is no longer finite; the message names the layers.
    """
    settings = (
        f"{epochs=}, {learning_rate=}, {batch_size=}, {seed=}, samples={len(labels)}, layers={probed.layers}, "
        f"network={fingerprint(probed.network)}"
    )
    probed.to(device)
    optimizer = torch.optim.SGD(probed.probes.parameters(), lr=learning_rate, momentum=0.9)
    finished, seconds = resume(checkpoint, settings, probed.probes, optimizer)
    inputs, labels = inputs.to(device), labels.to(device)

    for epoch in range(finished, epochs):
        start = time.perf_counter()
        generator = torch.Generator().manual_seed(seed + epoch)
        order = torch.randperm(len(labels), generator=generator).to(device)
        drawn = batches_of(order, batch_size, lengths)
        for batch in progress(drawn, f"probes, epoch {epoch + 1} of {epochs}"):
            optimizer.zero_grad()
            losses = backpropagate(probed, inputs[batch], labels[batch])
            optimizer.step()
        broken = [
            layer for layer, loss in zip(probed.layers, losses.tolist(), strict=False) if not abs(loss) < torch.inf
        ]
        if broken:
            raise FloatingPointError(
                f"the loss of {', '.join(broken)} is not finite after epoch {epoch + 1}; lower {learning_rate=}"
            )
        seconds += time.perf_counter() - start
        save(checkpoint, settings, probed.probes, optimizer, epoch + 1, seconds)
    return seconds


def backpropagate(
    probed: ProbedNetwork, inputs: Shaped[Tensor, "batch *shape"], labels: Int[Tensor, "batch"]
) -> Float[Tensor, "probe"]:
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
def accuracy(
    probed: ProbedNetwork,
    inputs: Shaped[Tensor, "sample *shape"],
    labels: Int[Tensor, "sample"],
    batch_size: int = 500,
) -> Float[Tensor, "layer"]:
    """Share of the samples that each layer's probe classifies correctly, and the network itself at last."""
    hits = torch.zeros(len(probed.layers), device=probed.device)
    batches = list(zip(inputs.split(batch_size), labels.split(batch_size), strict=True))
    for x, y in progress(batches, "accuracy of the probes"):
        hits += (probed(x.to(probed.device)).argmax(dim=-1) == y.to(probed.device)).sum(dim=-1)
    return hits / len(labels)


class ProbedNetwork(nn.Module):
    """A frozen network with a linear classifier on the feature of each of its layers.

    Attributes:
        layers: names of the layers, in the order of the logits; the last is "output", the network's own.
        probes: the linear classifiers of all layers but the last, zero before :func:`fit_probes`.

    Example:
        >>> network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        >>> probed = ProbedNetwork(network, {"hidden": "1"}, torch.zeros(1, 4), n_classes=3)
        >>> probed(torch.zeros(5, 4)).shape
        torch.Size([2, 5, 3])
    """

    def __init__(
        self,
        network: nn.Module,
        layers: dict[str, str],
        example: Shaped[Tensor, "batch *shape"],
        n_classes: int,
        pool: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        """Find the layers, and pass an example through the network to learn the widths of their features.

        Args:
            network: from a batch of inputs to logits, or to an object with ``logits``, as Hugging Face's are. It is
                frozen in evaluation mode.
            layers: for each layer's name the path of the module whose output is the feature, like
                {"block1": "layer1.0"}.
            example: a batch of inputs; one is enough.
            n_classes: number of classes.
            pool: what makes the feature (batch, ...) of a module's output when it is not the whole output. Of a
                transformer's (batch, position, width), take what the network's own head reads.

        Raises:
            ValueError: a path that names no module (the message lists those there are), a module that does not run
                exactly once in a forward pass, or a layer called "output".
        """
        super().__init__()
        if "output" in layers:
            raise ValueError("a layer is called 'output', which is the network's own; give it another name")
        known = [path for path, _ in network.named_modules() if path]
        for name, path in layers.items():
            if path not in known:
                raise ValueError(f"layer {name!r}: the network has no module {path!r}; it has {', '.join(known)}")
        self.network = network.eval().requires_grad_(False)
        self.layers = (*layers, "output")
        self.paths = tuple(layers.values())
        self.pool = pool
        if example.ndim == 4:
            network.to(memory_format=torch.channels_last)

        widths: list[list[int]] = [[] for _ in layers]
        self.visit_features(example.to(self.device), lambda layer, feature: widths[layer].append(feature.shape[1]))
        for (name, path), found in zip(layers.items(), widths, strict=True):
            if len(found) != 1:
                raise ValueError(f"layer {name!r}: module {path!r} runs {len(found)} times in a forward pass, not once")
        self.probes = nn.ModuleList(nn.Linear(width, n_classes) for [width] in widths)
        for parameter in self.probes.parameters():
            nn.init.zeros_(parameter)  # the problem is convex: it needs no random start
        self.probes.to(self.device)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def train(self, mode: bool = True) -> ProbedNetwork:
        """Stay in evaluation mode: the network is frozen, and a linear probe knows no other."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, inputs: Shaped[Tensor, "batch *shape"]) -> Float[Tensor, "layer batch cls"]:
        """Logits of all layers' probes and of the network itself, from one forward pass."""
        logits: dict[int, Tensor] = {}

        def classify(layer: int, feature: Float[Tensor, "batch width"]) -> None:
            logits[layer] = self.probes[layer](feature)

        logits[len(self.paths)] = self.visit_features(inputs, classify)
        return torch.stack([logits[layer] for layer in range(len(self.layers))])

    @torch.no_grad()
    def visit_features(
        self, inputs: Shaped[Tensor, "batch *shape"], visit: Callable[[int, Tensor], None]
    ) -> Float[Tensor, "batch cls"]:
        """Run the network once; call ``visit(layer, feature)`` as soon as a layer's feature is there.

        Returns:
            The network's own logits.
        """
        if inputs.ndim == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        with ExitStack() as hooks:
            for layer, path in enumerate(self.paths):
                hook = partial(self._hook, visit, layer)
                hooks.callback(self.network.get_submodule(path).register_forward_hook(hook).remove)
            output = self.network(inputs)
        return getattr(output, "logits", output).float()

    def _hook(self, visit: Callable[[int, Tensor], None], layer: int, module: nn.Module, args: tuple, output) -> None:
        output = output[0] if isinstance(output, tuple) else output
        feature = self.pool(output) if self.pool else output
        if feature.ndim == 4:
            feature = feature.permute(0, 2, 3, 1)  # the order it has in memory, so that it need not be copied
        visit(layer, feature.flatten(1).float())
