"""Solve linear systems that treat all players alike, without the 2^n x 2^n matrix.

A symmetric matrix over coalitions that stays the same when players swap names is, in the right basis, made of small
blocks. For a group of h players that basis is known from the coupling of spins (Schur-Weyl duality): the space
R^(2^h) splits into multiplets; multiplets of one size d come in several copies, and within a multiplet the d vectors
differ in how many players are present. The matrix mixes vectors of one multiplet and treats every copy alike.

The n players are taken in two groups. Both changes of basis are products with a 2^(n/2) x 2^(n/2) matrix, and each
pair of multiplet sizes has one block of at most (n/2 + 1)^2 rows, shared by all pairs of copies.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float64
from torch import Tensor


class SymmetricInverse:
    """Inverse of a positive definite matrix over coalitions that is invariant under permutations of the players.

    Args:
        n: number of players.
        matrix: applies the matrix to the columns of a (2^n, any) tensor.
        device: where to work.

    Example:
        >>> SymmetricInverse(3, lambda x: 2 * x)(torch.ones(8, 5, dtype=torch.float64)).unique()
        tensor([0.5000], dtype=torch.float64)
    """

    def __init__(self, n: int, matrix: Callable[[Tensor], Tensor], device: torch.device | str | None = None):
        high, low = multiplets(n - n // 2, device), multiplets(n // 2, device)
        self.high, self.low = (torch.cat([m.flatten(0, 1) for m in group]) for group in (high, low))
        self.blocks, self.sizes, order = [], [], []
        position = torch.arange(2**n, device=device).view(len(self.high), len(self.low))
        for rows, a in zip(position.split([m.shape[:2].numel() for m in high]), high, strict=True):
            for cell, b in zip(rows.split([m.shape[:2].numel() for m in low], 1), low, strict=True):
                pair = torch.kron(a[:, 0].contiguous(), b[:, 0].contiguous())  # the first copies stand for all
                self.blocks.append(torch.linalg.inv(pair @ matrix(pair.T.contiguous())))
                self.sizes.append(cell.numel())
                order.append(cell.reshape(*a.shape[:2], *b.shape[:2]).transpose(1, 2).flatten())
        self.order = torch.cat(order)  # sorts a pair's entries by place in the multiplets, then by copy
        self.restore = self.order.argsort()

    def __call__(self, right: Float64[Tensor, "coalition problem"]) -> Float64[Tensor, "coalition problem"]:
        """Solve for every column."""
        sorted_ = _both_groups(self.high, self.low, right)[self.order]
        solved = torch.empty_like(sorted_)
        for block, source, target in zip(self.blocks, sorted_.split(self.sizes), solved.split(self.sizes), strict=True):
            torch.matmul(block, source.view(len(block), -1), out=target.view(len(block), -1))
        return _both_groups(self.high.T, self.low.T, solved[self.restore])


def multiplets(n: int, device: torch.device | str | None = None) -> list[Float64[Tensor, "place copy coalition"]]:
    """Orthonormal basis of R^(2^n), one tensor per multiplet size.

    Players join one at a time. A multiplet of d vectors and the two states of the newcomer (absent, present) give
    one multiplet of d + 1 vectors and one of d - 1; the weights are the Clebsch-Gordan coefficients of a spin 1/2.

    Example:
        >>> [tuple(m.shape) for m in multiplets(4)]  # 5 * 1 + 3 * 3 + 1 * 2 = 16 vectors
        [(5, 1, 16), (3, 3, 16), (1, 2, 16)]
    """
    groups = [torch.ones(1, 1, 1, dtype=torch.float64, device=device)]
    for _ in range(n):
        joined: dict[int, list[Tensor]] = {}
        for group in groups:
            d, nothing = len(group), torch.zeros_like(group[:1])
            absent, present = torch.cat((group, nothing)), torch.cat((nothing, group))
            share = torch.linspace(0, 1, d + 1, dtype=group.dtype, device=device)[:, None, None]
            joined.setdefault(d + 1, []).append(torch.cat(((1 - share).sqrt() * absent, share.sqrt() * present), -1))
            if d > 1:
                smaller = torch.cat((-share.sqrt() * absent, (1 - share).sqrt() * present), -1)
                joined.setdefault(d - 1, []).append(smaller[1:-1])
        groups = [torch.cat(copies, 1) for copies in joined.values()]
    return groups


def _both_groups(high: Tensor, low: Tensor, columns: Tensor) -> Tensor:
    """Kronecker product of two matrices, applied to columns."""
    rows = (high @ columns.view(len(high), -1)).view(len(high), len(low), -1)
    if rows.shape[-1] >= len(low):
        return (low @ rows).view(columns.shape)
    by_problem = rows.transpose(1, 2)  # one product for all: for a few columns each, `low` would be copied each time
    return (by_problem.reshape(-1, len(low)) @ low.T).view(by_problem.shape).transpose(1, 2).reshape(columns.shape)
