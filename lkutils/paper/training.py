"""Fit a network; interrupted at any moment, it resumes after the last finished epoch and ends the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from lkutils.epochs import identity, run_epochs
from lkutils.features import evaluating
from lkutils.inputs import content_hash
from lkutils.progress import progress


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train: SGD with momentum 0.9 and a one-cycle learning rate.

    Attributes:
        epochs: passes over the training set.
        learning_rate: the largest one, reached after a fifth of the steps; it then falls to zero along a cosine.
        batch_size: samples per step.
        weight_decay: L2 penalty.
        augment: of images, "none", or "shift" (random shifts by up to an eighth of the side), or "shift-flip" (and
            mirror images).
        mask_rate: of sentences, the share of words' tokens that are masked at random. Pretrained encoders learned that
            way what a mask token means; one trained from scratch would meet it first in a game.
        seed: of the initial weights, the order of samples and the augmentation.
    """

    epochs: int
    learning_rate: float
    batch_size: int
    weight_decay: float = 5e-4
    augment: str = "none"
    mask_rate: float = 0.0
    seed: int = 0

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """The optimizer of a network's parameters; its learning rate is set at every step."""
        return torch.optim.SGD(
            network.parameters(), lr=0.0, momentum=0.9, weight_decay=self.weight_decay, nesterov=True
        )


@dataclass(frozen=True)
class AdamSchedule(Schedule):
    """The same with AdamW instead of SGD, as transformers need it."""

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """The optimizer of a network's parameters; its learning rate is set at every step."""
        return torch.optim.AdamW(network.parameters(), lr=0.0, weight_decay=self.weight_decay)


def fit(
    network: nn.Module,
    inputs: Shaped[Tensor, "sample *shape"],
    labels: Int[Tensor, "sample"],
    schedule: Schedule,
    checkpoint: Path,
    device: torch.device,
    lengths: Int[Tensor, "sample"] | None = None,
) -> float:
    """Train ``network`` in place; returns the seconds it took, over all sessions.

    After every epoch the whole state is written to ``checkpoint``; a call that finds one goes on from there. Epoch k
    draws its order, its augmentation and its dropout from seed + k, so an interrupted training ends with the same
    weights. Convolutions and products run in bfloat16 where the hardware is built for it; sentences of similar length
    share a batch.

    Raises:
        ValueError: the checkpoint was made with another schedule, samples or initial weights, or there are not as many
            labels as inputs.
        FloatingPointError: the loss is no longer finite.
    """
    if len(inputs) != len(labels):
        raise ValueError(f"there are {len(inputs)} inputs but {len(labels)} labels")
    network.to(device, memory_format=memory_format(inputs)).train()
    key = {
        "schedule": type(schedule).__name__,
        **asdict(schedule),
        "inputs": content_hash(inputs),
        "labels": content_hash(labels),
        "lengths": lengths if lengths is None else content_hash(lengths),
        "network before training": identity(network),
    }
    optimizer = schedule.optimizer(network)
    inputs, labels = inputs.to(device), labels.to(device)

    def learn(batch: Int[Tensor, "batch"], done: float, generator: torch.Generator) -> Float[Tensor, "loss"]:
        for group in optimizer.param_groups:
            group["lr"] = one_cycle(done, schedule.learning_rate)
        x = AUGMENTATIONS[schedule.augment](inputs[batch], generator)
        if schedule.mask_rate:
            x = network.mask_words(x, schedule.mask_rate, generator)
        with torch.autocast(device.type, torch.bfloat16, enabled=fast_bfloat16(device)):
            loss = F.cross_entropy(network(x).float(), labels[batch])
        loss.backward()
        return loss.detach()[None]

    seconds = run_epochs(
        learn,
        network,
        optimizer,
        n_samples=len(labels),
        epochs=schedule.epochs,
        batch_size=schedule.batch_size,
        seed=schedule.seed,
        checkpoint=checkpoint,
        key=key,
        lengths=lengths,
    )
    network.eval()
    return seconds


@torch.no_grad()
def predict(
    network: nn.Module, inputs: Shaped[Tensor, "sample *shape"], device: torch.device, batch_size: int = 500
) -> Int[Tensor, "sample"]:
    """The most likely class of every input, in float32; the network computes in evaluation mode, and moves there."""
    network.to(device, memory_format=memory_format(inputs))
    batches = progress(inputs.split(batch_size), "predictions")
    with evaluating(network):
        return torch.cat([network(batch.to(device)).argmax(dim=1).cpu() for batch in batches])


def memory_format(inputs: Shaped[Tensor, "sample *shape"]) -> torch.memory_format:
    """Channels last for images, whose convolutions are faster that way, most of all on CPUs."""
    return torch.channels_last if inputs.ndim == 4 else torch.preserve_format


def one_cycle(done: float, peak: float) -> float:
    """Learning rate after a share ``done`` of all steps: up to ``peak`` in the first fifth, then down to zero."""
    if done < 0.2:
        return peak * (0.05 + 0.95 * done / 0.2)
    return peak * 0.5 * (1 + math.cos(math.pi * (done - 0.2) / 0.8))


def unchanged(x: Shaped[Tensor, "batch *shape"], generator: torch.Generator) -> Shaped[Tensor, "batch *shape"]:
    """No augmentation."""
    return x


def shifted(x: Float[Tensor, "batch channel y x"], generator: torch.Generator) -> Float[Tensor, "batch channel y x"]:
    """Every image moved by up to an eighth of its side in either direction, its border repeated."""
    side = x.shape[-1]
    pad = side // 8
    offset = torch.randint(0, 2 * pad + 1, (2, len(x), 1), generator=generator).to(x.device)
    rows, columns = torch.arange(side, device=x.device) + offset
    padded = F.pad(x, (pad, pad, pad, pad), mode="replicate")
    sample = torch.arange(len(x), device=x.device)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[sample, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def shifted_and_flipped(
    x: Float[Tensor, "batch channel y x"], generator: torch.Generator
) -> Float[Tensor, "batch channel y x"]:
    """Shifted images, half of them mirrored left to right."""
    mirrored = torch.rand(len(x), generator=generator).to(x.device) < 0.5
    return shifted(torch.where(mirrored[:, None, None, None], x.flip(3), x), generator)


AUGMENTATIONS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "none": unchanged,
    "shift": shifted,
    "shift-flip": shifted_and_flipped,
}


def fast_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 matrices in hardware (elsewhere it would be slower than float32)."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and bool(torch.cpu.get_capabilities().get("avx512_bf16"))
