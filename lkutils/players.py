"""Players: which input variables act together, for images cut into patches (App. M.1)."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


def patches_with_most_ink(ink: Float[Tensor, "sample y x"], patch: int, n_players: int) -> Int[Tensor, "sample y x"]:
    """Players of MNIST: the ``n_players`` square patches with the most ink of each sample, in reading order.

    Returns:
        For every pixel the number of its player, -1 where it belongs to none. Pixels that the patch size leaves over
        at the right and the bottom belong to none; patches with equal ink are taken in reading order.

    Raises:
        ValueError: more players than patches.

    Example:
        >>> patches_with_most_ink(torch.eye(6)[None], 3, 2)[0, 0]
        tensor([ 0,  0,  0, -1, -1, -1])
    """
    n_samples, height, width = ink.shape
    rows, columns = height // patch, width // patch
    blocks = ink[:, : rows * patch, : columns * patch].reshape(n_samples, rows, patch, columns, patch)
    strength = blocks.sum(dim=(2, 4)).flatten(1)
    if n_players > strength.shape[1]:
        raise ValueError(f"{n_players} players asked for, but a {height}x{width} image has {rows * columns} patches")
    chosen = strength.argsort(dim=1, descending=True, stable=True)[:, :n_players].sort(dim=1).values
    return player_map(chosen, rows, columns, patch, height, width)


def patches_at_random(
    n_samples: int, size: int, patch: int, n_players: int, margin: int, seed: int
) -> Int[Tensor, "sample y x"]:
    """Players of CIFAR-10: ``n_players`` random patches of each sample, away from the border, in reading order.

    Args:
        size: height and width of the image, a multiple of ``patch``.
        margin: patches left out on every side; 1 of 8 leaves the central 6x6.
        seed: of the draw; sample k draws the same patches whatever ``n_samples`` is.

    Raises:
        ValueError: more players than patches.

    Example:
        >>> patches_at_random(1, 32, 4, 12, 1, seed=0).unique().numel()
        13
    """
    grid = size // patch
    inside = torch.arange(grid * grid).reshape(grid, grid)[margin : grid - margin, margin : grid - margin].flatten()
    if n_players > len(inside):
        raise ValueError(f"{n_players} players asked for, but only {len(inside)} patches lie inside the margin")
    generator = torch.Generator().manual_seed(seed)
    draws = [inside[torch.randperm(len(inside), generator=generator)[:n_players]] for _ in range(n_samples)]
    return player_map(torch.stack(draws).sort(dim=1).values, grid, grid, patch, size, size)


def player_map(
    chosen: Int[Tensor, "sample player"], rows: int, columns: int, patch: int, height: int, width: int
) -> Int[Tensor, "sample y x"]:
    """From the patches of each player (numbered in reading order) to the player of each pixel."""
    n_samples, n_players = chosen.shape
    of_patch = torch.full((n_samples, rows * columns), -1)
    of_patch.scatter_(1, chosen, torch.arange(n_players).expand(n_samples, -1))
    of_pixel = of_patch.reshape(n_samples, rows, columns).repeat_interleave(patch, 1).repeat_interleave(patch, 2)
    players = torch.full((n_samples, height, width), -1)
    players[:, : rows * patch, : columns * patch] = of_pixel
    return players
