"""A network with linear probes on its layers (Sec. 3.2.2).

Features come from forward hooks, so the network may be any ``torch.nn.Module``. Each is used while the network runs and
dropped at once: memory does not grow with the number of layers, whether the probes are fitted or applied. The network
stays as it is: it gets copies of its inputs, computes in evaluation mode, and then has its own modes again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain

import torch
import xarray as xr
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from lkutils.epochs import identity
from lkutils.features import Pool, evaluating, layer_paths, logits_of, pool_identity, pooled, pools_of, wide
from lkutils.inputs import Inputs, as_tensors, content_hash, mapped, n_rows, parts, rows


def check_batch_axis(layer: str, two: tuple[int, ...], three: tuple[int, ...]) -> None:
    """A feature's first axis must be the batch: 2 for two inputs, 3 for three, and the others as long in both."""
    if two[:1] == (2,) and three[:1] == (3,) and two[1:] == three[1:]:
        return
    axes = [axis for axis, lengths in enumerate(zip(two, three, strict=False)) if lengths == (2, 3)]
    remedy = (
        f"axis {axes[0]} is; give a pool, such as lambda output, inputs: output.movedim({axes[0]}, 0)"
        if axes and axes[0]
        else "give a pool, a function (output, inputs) -> feature with the batch first"
    )
    raise ValueError(
        f"{layer} gives a feature of shape {two} for 2 inputs and {three} for 3: its first axis is not the batch; "
        f"{remedy}"
    )


class ProbedNetwork(nn.Module):
    """A network with a linear classifier (or regression) on the feature of each of its layers.

    It is called with a batch of inputs, and gives logits (layer, batch, class). The network is not changed: only while
    it computes, it is in evaluation mode.

    Attributes:
        layers: names of the layers, in the order of the logits; the last is "output", the network's own.
        probes: the linear classifiers of all layers but the last, zero before they are fitted.
        n_classes: number of logits.
        dtype: of the logits and probes: float32, or float64 where the network computes in it.
        accuracy: by :func:`probe`, of each layer on the inputs it was fitted to; of a regression R^2.
        gradient: by :func:`probe`, the largest absolute gradient of each layer's objective.

    Example:
        >>> network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        >>> probed = ProbedNetwork(network, {"hidden": "1"}, torch.zeros(1, 4), n_classes=3)
        >>> probed(torch.zeros(5, 4)).shape
        torch.Size([2, 5, 3])
    """

    accuracy: xr.DataArray | None = None
    gradient: xr.DataArray | None = None

    @torch.inference_mode(False)
    def __init__(
        self,
        network: nn.Module,
        layers: str | Sequence[str] | Mapping[str, str],
        example,
        n_classes: int | None = None,
        pool: Pool | Mapping[str, Pool] | None = None,
    ) -> None:
        """Find the layers, and pass an example through the network to learn the widths of their features.

        Args:
            network: from a batch of inputs to logits, or to a tuple, dict or object with ``logits``.
            layers: as for :func:`probe`.
            example: a batch of inputs; one is enough.
            n_classes: number of classes; None takes the network's. Where it is 2 and the network has one logit, that is
                read as (0, logit).
            pool: as for :func:`probe`; None flattens.

        Raises:
            TypeError: the network is no module.
            ValueError: a path that names no module, a module that does not run exactly once in a forward pass, a
                feature whose first axis is not the batch, or another number of classes; the message says what to do.
        """
        super().__init__()
        if not isinstance(network, nn.Module):
            raise TypeError(f"network is a {type(network).__name__}; expected a torch.nn.Module")
        found = layer_paths(network, layers)
        self.network = network
        self.layers = (*found, "output")
        self.paths = tuple(found.values())
        self.pools = pools_of("flatten" if pool is None else pool, tuple(found))
        self.probes = nn.ModuleList()
        self.binary = False
        self.channels_last = False
        example = as_tensors(example)
        widths, logits = self._measure(example)
        self.dtype = wide(logits.dtype)
        self.binary = n_classes == 2 and logits.shape[1] == 1
        self.n_classes = logits.shape[1] + self.binary
        if n_classes not in (None, self.n_classes):
            raise ValueError(f"{n_classes=}, but the network returns {self.n_classes} logits for each input")
        for width in widths:
            linear = nn.utils.skip_init(nn.Linear, width, self.n_classes, device=self.device, dtype=self.dtype)
            nn.init.zeros_(linear.weight), nn.init.zeros_(linear.bias)
            self.probes.append(linear)
        self.channels_last = self._takes_channels_last(example)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        tensors = chain(self.network.parameters(), self.network.buffers(), self.probes.parameters())
        return next((tensor.device for tensor in tensors), torch.device("cpu"))

    def train(self, mode: bool = True) -> ProbedNetwork:
        """Change nothing: the network's mode is its owner's, and a linear probe knows no other."""
        return self

    @torch.no_grad()
    def forward(self, inputs) -> Float[Tensor, "layer batch cls"]:
        """Logits of all layers' probes and of the network itself, from one forward pass."""
        logits: dict[int, Tensor] = {}

        def classify(layer: int, feature: Float[Tensor, "batch width"]) -> None:
            logits[layer] = self.probes[layer](feature)

        logits[len(self.paths)] = self.visit_features(inputs, classify)
        return torch.stack([logits[layer] for layer in range(len(self.layers))])

    @torch.no_grad()
    def visit_features(self, inputs, visit: Callable[[int, Tensor], None]) -> Float[Tensor, "batch cls"]:
        """Run the network once; call ``visit(layer, feature)`` as soon as a layer's feature is there.

        Returns:
            The network's own logits.
        """

        def flattened(layer: int, feature: Tensor) -> None:
            if feature.ndim == 4:
                feature = feature.permute(0, 2, 3, 1)  # with channels last, its order in memory: it need not be copied
            feature = feature.reshape(len(feature), -1).to(self.dtype)
            width = self.probes[layer].in_features
            if feature.shape[1] != width:
                raise ValueError(
                    f"layer {self.layers[layer]!r} has {feature.shape[1]} features in this batch, but had {width} in "
                    "the example; where inputs differ in length, give a pool: 'mean', 'first' or 'last'"
                )
            visit(layer, feature)

        logits = self._run(inputs, flattened).to(self.dtype)
        return torch.cat([torch.zeros_like(logits), logits], dim=1) if self.binary else logits

    def key(self, inputs: Inputs, targets: Shaped[Tensor, "sample ..."]) -> dict[str, object]:
        """All that fitted probes depend on, besides how they are fitted."""
        return {
            "layers": ", ".join(f"{name}={path}" for name, path in zip(self.layers, self.paths, strict=False)),
            "pools": ", ".join(map(pool_identity, self.pools)),
            "classes": self.n_classes,
            "inputs": content_hash(inputs),
            "labels": content_hash(targets),
            "network": identity(self.network),
        }

    def _run(self, inputs, visit: Callable[[int, Tensor], None]) -> Float[Tensor, "batch cls"]:
        """Run the network on a copy of the inputs; call ``visit`` with each layer's pooled output."""
        inputs = mapped(self._at_network, as_tensors(inputs))
        copies = mapped(self._copy, inputs)  # the network may change what it is given
        with ExitStack() as hooks, evaluating(self.network):
            for layer, path in enumerate(self.paths):
                hook = partial(self._hook, visit, layer, inputs)
                hooks.callback(self.network.get_submodule(path).register_forward_hook(hook).remove)
            if isinstance(copies, dict):
                output = self.network(**copies)
            else:
                output = self.network(*copies) if isinstance(copies, tuple) else self.network(copies)
        return logits_of(output)

    def _hook(
        self, visit: Callable[[int, Tensor], None], layer: int, inputs: Inputs, module: nn.Module, args: tuple, output
    ) -> None:
        try:
            feature = pooled(self.pools[layer], output, inputs)
        except ValueError as error:
            raise ValueError(f"layer {self.layers[layer]!r}: {error}") from error
        visit(layer, feature)

    def _at_network(self, part: Tensor) -> Tensor:
        """Inputs on the network's device; numbers in the precision of its weights."""
        weights = (weight.dtype for weight in self.network.parameters() if weight.is_floating_point())
        return part.to(self.device, next(weights, part.dtype) if part.is_floating_point() else part.dtype)

    def _copy(self, part: Tensor) -> Tensor:
        """A copy that the network may change; convolutions are faster on channels last, most of all on CPUs."""
        usual = torch.channels_last if self.channels_last and part.ndim == 4 else torch.contiguous_format
        return part.clone(memory_format=usual)

    def _measure(self, example: Inputs) -> tuple[list[int], Float[Tensor, "batch cls"]]:
        """Widths of the layers' features and the network's logits, after checking which axis is the batch."""
        (logits, two), (_, three) = (self._shapes(example, size) for size in (2, 3))
        if len(logits) != 2:
            raise ValueError(
                f"the network returns logits of shape {tuple(logits.shape)} for 2 inputs; expected (2, class)"
            )
        for name, path, small, large in zip(self.layers, self.paths, two, three, strict=False):
            if len(small) != 1 or len(large) != 1:
                parent = path.rpartition(".")[0]
                remedy = f"probe its parent {parent!r}" if parent else "probe another module"
                raise ValueError(
                    f"layer {name!r}: module {path!r} runs {len(small)} times in a forward pass, not once; {remedy}"
                    + " (attention and encoder layers bypass the modules in them)" * (not small)
                )
            check_batch_axis(f"layer {name!r}: module {path!r}", *small, *large)
        return [math.prod(shape[1:]) for [shape] in two], logits

    def _shapes(self, example: Inputs, size: int) -> tuple[Float[Tensor, "batch cls"], list[list[tuple[int, ...]]]]:
        """The network's logits of so many inputs, and the shapes of what each layer gives, once for every time."""
        shapes: list[list[tuple[int, ...]]] = [[] for _ in self.paths]
        batch = rows(example, torch.arange(size, device=parts(example)[0].device) % n_rows(example))
        with torch.no_grad():
            try:
                logits = self._run(batch, lambda layer, feature: shapes[layer].append(tuple(feature.shape)))
            except (RuntimeError, TypeError, AttributeError, IndexError, KeyError) as error:
                got = ", ".join(f"{part.dtype} of shape {tuple(part.shape)}" for part in parts(batch))
                raise ValueError(f"the network fails on an example of {size} inputs, {got}: {error}") from error
        return logits, shapes

    @torch.no_grad()
    def _takes_channels_last(self, example: Inputs) -> bool:
        """Whether the network gives the same logits for images with channels last; one with ``view`` may fail."""
        if not any(part.ndim == 4 for part in parts(example)):
            return False
        usual = self(example)[-1]
        try:
            self.channels_last = True
            return torch.allclose(self(example)[-1], usual, rtol=1e-2, atol=1e-2 * usual.abs().max().item())
        except RuntimeError:
            return False

    def _report(self, gradient: list[float], scores: list[float]) -> None:
        """Label what :func:`probe` measured."""
        self.gradient = xr.DataArray(gradient, {"layer": list(self.layers[:-1])}, "layer", "gradient")
        self.accuracy = xr.DataArray(scores, {"layer": list(self.layers)}, "layer", "accuracy")
