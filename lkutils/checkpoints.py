"""Checkpoints of what is being trained: the state after the last finished epoch, from which a training goes on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import nn

from lkutils import paths


def save(
    checkpoint: Path, settings: str, module: nn.Module, optimizer: torch.optim.Optimizer, epoch: int, seconds: float
) -> None:
    """Write the state after so many epochs, which took so many seconds, all or nothing."""
    state = {"module": module.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch, "seconds": seconds}
    with paths.replacing(checkpoint) as temporary:
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
