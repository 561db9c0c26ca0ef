"""The paper's networks, and which of their layers are probed (Sec. 3.2.1, App. M.3).

Each network is an ordinary ``torch.nn.Module`` from inputs to logits. :func:`probed_layers` names the modules whose
outputs are the features f^(l)(x): the linear layers of MLP-7, the convolutions of VGG-11 (both after the ReLU), the
residual blocks of ResNets and the transformer blocks of text classifiers (:mod:`lkutils.encoders`). The network's own
output is not among them: it is the last layer by itself.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lkutils.paper.transformers import TextClassifier

IMAGE_NETWORKS = ("mlp7", "vgg11", "resnet20", "resnet32")

# Channels of VGG-11 (configuration A of Simonyan & Zisserman), one tuple per stage; each stage ends in a pooling.
VGG11_STAGES = ((64,), (128,), (256, 256), (512, 512), (512, 512))


def build_network(name: str, input_shape: tuple[int, ...], n_classes: int, width: float = 1.0) -> nn.Module:
    """Build one of the paper's networks with random weights.

    Args:
        name: "mlp7", "vgg11", "resnet20" or "resnet32".
        input_shape: shape of one input without the batch, (channels, height, width) or (features,).
        n_classes: number of classes.
        width: factor on all channel and neuron counts; 1 is the paper's network, less makes the small ones of the
            smoke profile.

    Raises:
        ValueError: unknown name; the message lists the known ones.

    Example:
        >>> build_network("mlp7", (1, 28, 28), 10)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """
    match name:
        case "mlp7":
            return mlp(torch.Size(input_shape).numel(), round(1024 * width), n_classes)
        case "vgg11":
            return vgg11(input_shape[0], n_classes, width)
        case "resnet20":
            return ResNet(3, input_shape[0], n_classes, round(16 * width))
        case "resnet32":
            return ResNet(5, input_shape[0], n_classes, round(16 * width))
    raise ValueError(f"unknown network {name!r}; known are {', '.join(IMAGE_NETWORKS)}")


def probed_layers(network: nn.Module) -> dict[str, str]:
    """Names of the probed layers, in forward order, with the path of the module that gives the feature.

    Example:
        >>> list(probed_layers(build_network("mlp7", (64,), 10)))[:2]
        ['linear1', 'linear2']
    """
    if isinstance(network, TextClassifier):
        return network.blocks()
    if isinstance(network, ResNet):
        paths = [f"layer{stage}.{i}" for stage in (1, 2, 3) for i in range(network.blocks_per_stage)]
        return {f"block{k}": path for k, path in enumerate(paths, start=1)}
    return {name: name for name, module in network.named_children() if isinstance(module, nn.Sequential)}


def mlp(n_features: int, width: int, n_classes: int) -> nn.Sequential:
    """MLP-7: seven linear layers, ``width`` neurons each, ReLU between them (Sec. 3.2.1)."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    for k in range(1, 7):
        layers[f"linear{k}"] = nn.Sequential(nn.Linear(n_features if k == 1 else width, width), nn.ReLU())
    layers["linear7"] = nn.Linear(width, n_classes)
    return nn.Sequential(layers)


def vgg11(in_channels: int, n_classes: int, width: float = 1.0) -> nn.Sequential:
    """VGG-11 for small images: eight 3x3 convolutions with batch normalisation, five poolings, one linear layer.

    Pooling rounds up, so that 28x28 and 8x8 images pass all five of them; on 32x32 it makes no difference.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for stage, channels in enumerate(VGG11_STAGES, start=1):
        for k, count in enumerate(channels, start=1):
            out_channels = round(count * width)
            layers[f"conv{stage}_{k}"] = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
                nn.BatchNorm2d(out_channels),
                nn.ReLU(),
            )
            in_channels = out_channels
        layers[f"pool{stage}"] = nn.MaxPool2d(2, ceil_mode=True)
    layers["average"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["linear"] = nn.Linear(in_channels, n_classes)
    return nn.Sequential(layers)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a parameter-free shortcut (option A of He et al., 2016)."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.new_channels = channels - in_channels

    def shortcut(self, x: Float[Tensor, "batch channel y x"]) -> Float[Tensor, "batch channel2 y2 x2"]:
        """Every stride-th pixel, with half of the new channels as zeros on either side."""
        before = self.new_channels // 2
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.new_channels - before))

    def forward(self, x: Float[Tensor, "batch channel y x"]) -> Float[Tensor, "batch channel2 y2 x2"]:
        """The block's output after the final ReLU: the feature that is probed."""
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


class ResNet(nn.Module):
    """CIFAR ResNet of 6 * ``blocks_per_stage`` + 2 layers (He et al., 2016, Sec. 4.2).

    Modules are named like those of the widely used public checkpoints, so that :func:`load_weights` reads them.
    """

    def __init__(self, blocks_per_stage: int, in_channels: int, n_classes: int, channels: int = 16) -> None:
        super().__init__()
        self.blocks_per_stage = blocks_per_stage
        self.conv1 = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.layer1 = self._stage(channels, channels, 1)
        self.layer2 = self._stage(channels, 2 * channels, 2)
        self.layer3 = self._stage(2 * channels, 4 * channels, 2)
        self.linear = nn.Linear(4 * channels, n_classes)

    def _stage(self, in_channels: int, channels: int, stride: int) -> nn.Sequential:
        first = ResidualBlock(in_channels, channels, stride)
        rest = [ResidualBlock(channels, channels, 1) for _ in range(self.blocks_per_stage - 1)]
        return nn.Sequential(first, *rest)

    def forward(self, x: Float[Tensor, "batch channel y x"]) -> Float[Tensor, "batch cls"]:
        """Logits of the classes."""
        h = F.relu(self.bn1(self.conv1(x)))
        h = self.layer3(self.layer2(self.layer1(h)))
        return self.linear(h.mean(dim=(2, 3)))


def load_weights(network: nn.Module, checkpoint: Path | BinaryIO) -> None:
    """Load a checkpoint's weights into ``network``, whatever wrapping they come in.

    Reads a plain state dict, one under the key "state_dict" (or "model"), and one whose names start with "module."
    (saved from ``DataParallel``). Only tensors are unpickled (``weights_only=True``).

    Raises:
        FileNotFoundError: if there is no such file.
        RuntimeError: if a name or a shape does not fit the network; the message lists them.
    """
    loaded = torch.load(checkpoint, map_location="cpu", weights_only=True)
    weights = loaded.get("state_dict", loaded.get("model", loaded))
    network.load_state_dict({name.removeprefix("module."): tensor for name, tensor in weights.items()})
