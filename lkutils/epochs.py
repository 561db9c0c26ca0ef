"""Checkpoints of what is being trained: the state after the last finished epoch, from which a training goes on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor, nn

from lkutils.storage import replacing


def save(
    checkpoint: Path, settings: str, module: nn.Module, optimizer: torch.optim.Optimizer, epoch: int, seconds: float
) -> None:
    """Write the state after so many epochs, which took so many seconds, all or nothing."""
    state = {"module": module.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch, "seconds": seconds}
    with replacing(checkpoint) as temporary:
        torch.save(state | {"settings": settings}, temporary)


def resume(checkpoint: Path, settings: str, module: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[int, float]:
    """Load an earlier state, if there is one; returns the number of finished epochs and the seconds they took.

    Raises:
        ValueError: the checkpoint was made with other settings.
    """
    if not checkpoint.exists():
        return 0, 0.0
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    if state["settings"] != settings:
        raise ValueError(
            f"{checkpoint} was made with other settings ({state['settings']}, now {settings}). Delete it to start anew."
        )
    module.load_state_dict(state["module"])
    optimizer.load_state_dict(state["optimizer"])
    return state["epoch"], state["seconds"]


def fingerprint(network: nn.Module) -> str:
    """The sha256 of a network's weights."""
    digest = hashlib.sha256()
    for tensor in network.state_dict().values():
        digest.update(tensor.cpu().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def batches_of(
    order: Int[Tensor, "sample"], batch_size: int, lengths: Int[Tensor, "sample"] | None = None
) -> tuple[Int[Tensor, "batch"], ...]:
    """Split a random order of samples into batches; where lengths are given, samples of similar length share one.

    Example:
        >>> batches_of(torch.tensor([3, 1, 0, 2]), 2, lengths=torch.tensor([9, 5, 9, 5]))
        (tensor([3, 1]), tensor([0, 2]))
    """
    if lengths is not None:
        order = torch.cat([part[lengths[part].argsort(stable=True)] for part in order.split(50 * batch_size)])
    return order.split(batch_size)
