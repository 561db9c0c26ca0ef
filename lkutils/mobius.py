"""AND-OR interactions of a game and back: Eq. 1, 2 and 3, and the Shapley value of App. B.

A game is a table of values v(x_T), one for each coalition T of n players. The last axis of every tensor or array here
is that table: index T is the integer whose bit i says that player i is present, so it has length 2^n. All axes before
it are batch. Everything is computed in float64, on the device of the input, in n 2^n additions, and can be
differentiated.
"""

import functools
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float64, Int64, Num
from torch import Tensor

Table: TypeAlias = Num[Tensor, "*batch coalition"] | Num[np.ndarray, "*batch coalition"]

# Doubles that a sweep works on at a time: small enough that they stay in the cache through all n passes over them.
CHUNK = 2**19
LARGEST = 1e300  # of the values of a game: sums of larger ones overflow


def and_interactions(values: Table) -> Float64[Tensor, "*batch coalition"]:
    """AND interactions, Eq. 1: I_and(S) = sum over T in S of (-1)^(|S|-|T|) v(x_T).

    Args:
        values: v(x_T) in log-odds; the last axis has length 2^n.

    Raises:
        ValueError: the last axis is no power of two, or the values are complex or above 1e300.

    Example:
        >>> and_interactions(torch.tensor([1.0, 1.0, 1.0, 3.0]))  # an effect of 2 when players 0 and 1 are together
        tensor([1., 0., 0., 2.], dtype=torch.float64)
    """
    return subset_sums(values, -1)


def or_interactions(values: Table) -> Float64[Tensor, "*batch coalition"]:
    """OR interactions, Eq. 2: I_or(S) = -sum over T in S of (-1)^(|S|-|T|) v(x_(N without T)).

    Eq. 2 is for S not empty; entry 0 holds v(x_empty), which completes the decomposition (App. F).

    Args:
        values: v(x_T) in log-odds; the last axis has length 2^n.

    Raises:
        ValueError: the last axis is no power of two, or the values are complex or above 1e300.

    Example:
        >>> or_interactions(torch.tensor([1.0, 3.0, 3.0, 3.0]))  # an effect of 2 as soon as player 0 or 1 is there
        tensor([1., 0., 0., 2.], dtype=torch.float64)
    """
    values = _as_table(values)
    interactions = _Complement.apply(values, -1, True)
    interactions[..., 0] = values[..., 0]
    return interactions


def values_from_interactions(and_: Table, or_: Table) -> Float64[Tensor, "*batch coalition"]:
    """Values of a game from its interactions, Eq. 3.

    v(x_T) = sum over S in T of I_and(S)  +  sum over S that meets T of I_or(S)  +  I_or(empty),

    where the last term is 0 under the conditions of Theorem 3.3 and v_or(x_empty) in general.

    Raises:
        ValueError: the last axis is no power of two, the two tables differ in shape, or are complex or above 1e300.

    Example:
        >>> values_from_interactions(torch.tensor([1.0, 0.0, 0.0, 2.0]), torch.tensor([0.0, 0.0, 0.0, 5.0]))
        tensor([1., 6., 6., 8.], dtype=torch.float64)
    """
    and_, or_ = _as_pair(and_, or_)
    missed = _Complement.apply(or_, 1, False)  # at T: minus the sum over all S that do not meet T
    return subset_sums(and_).add_(missed).add_(or_[..., :1] - missed[..., :1])


def shapley_values(and_: Table, or_: Table) -> Float64[Tensor, "*batch player"]:
    """Shapley values, App. B: phi(i) = sum over S with i of (I_and(S) + I_or(S)) / |S|.

    Raises:
        ValueError: the last axis is no power of two, the two tables differ in shape, or are complex or above 1e300.

    Example:
        >>> shapley_values(torch.tensor([1.0, 0.0, 0.0, 2.0]), torch.tensor([0.0, 0.0, 0.0, 5.0]))
        tensor([3.5000, 3.5000], dtype=torch.float64)
    """
    and_, or_ = _as_pair(and_, or_)
    n = player_count(and_)
    share = (and_ + or_) / coalition_sizes(n, and_.device).clamp(min=1)
    return share @ _membership(n, and_.device).to(torch.float64)


def coalition_sizes(n: int, device: torch.device | str | None = None) -> Int64[Tensor, "coalition"]:
    """Order |S| of every coalition of n players.

    Example:
        >>> coalition_sizes(2)
        tensor([0, 1, 1, 2])
    """
    return _membership(n, device).sum(-1)


def player_count(values: Tensor | np.ndarray) -> int:
    """Players n of a table whose last axis has length 2^n.

    Raises:
        ValueError: the last axis is no power of two.

    Example:
        >>> player_count(torch.zeros(3, 1024))
        10
    """
    length = values.shape[-1] if values.ndim else 0
    if length < 1 or length & (length - 1):
        raise ValueError(
            f"The last axis must hold all 2^n coalitions, but its length is {length}, which is no power of two."
        )
    return length.bit_length() - 1


def subset_sums(values: Table, sign: int = 1) -> Float64[Tensor, "*batch coalition"]:
    """At T: sum over S in T of sign^(|T|-|S|) values(S). The Möbius transform for sign -1, its inverse for 1.

    Example:
        >>> subset_sums(torch.tensor([1.0, 0.0, 0.0, 2.0]))
        tensor([1., 1., 1., 3.], dtype=torch.float64)
    """
    return _Sums.apply(_as_table(values), sign, False)


def superset_sums(values: Table, sign: int = 1) -> Float64[Tensor, "*batch coalition"]:
    """At T: sum over S that contains T of sign^(|S|-|T|) values(S). The transpose of `subset_sums`.

    Example:
        >>> superset_sums(torch.tensor([1.0, 0.0, 0.0, 2.0]))
        tensor([3., 2., 2., 2.], dtype=torch.float64)
    """
    return _Sums.apply(_as_table(values), sign, True)


def _as_table(values: Table) -> Float64[Tensor, "*batch coalition"]:
    """A table of real numbers as a tensor of doubles, after all checks."""
    player_count(values)
    if isinstance(values, np.ndarray):
        values = torch.from_numpy(values if values.flags.writeable and min(values.strides) > 0 else values.copy())
    if values.is_complex():
        raise ValueError(f"values of games are real numbers, not {values.dtype}: give their real part or their size")
    values = values.to(torch.float64)
    if values.numel() and max(map(abs, (ends := values.detach().aminmax()))) > LARGEST:  # NaN is not above it
        raise ValueError(f"values go from {ends[0]:g} to {ends[1]:g}; the sums of numbers above {LARGEST:g} overflow")
    return values


def _as_pair(and_: Tensor | np.ndarray, or_: Tensor | np.ndarray) -> tuple[Tensor, Tensor]:
    """Tables of the AND and the OR interactions of the same games."""
    if and_.shape != or_.shape:
        raise ValueError(
            f"AND interactions have shape {tuple(and_.shape)} and OR interactions {tuple(or_.shape)}: give both of the "
            "same games, zeros where one kind is missing"
        )
    return _as_table(and_), _as_table(or_)


class _Sums(torch.autograd.Function):
    """Both sums with their derivative: either is the transpose of the other."""

    @staticmethod
    def forward(ctx, values: Tensor, sign: int, superset: bool) -> Tensor:
        ctx.sign, ctx.superset = sign, superset
        return _sweep(values, sign, superset)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _Sums.apply(gradient, ctx.sign, not ctx.superset), None, None


class _Complement(torch.autograd.Function):
    """At T: minus the sum at N without T. It is its own transpose: "S is inside N without T" says the same of T."""

    @staticmethod
    def forward(ctx, values: Tensor, sign: int, superset: bool) -> Tensor:
        ctx.sign, ctx.superset = sign, superset
        return _sweep(values, sign, superset, complement=True)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _Complement.apply(gradient, ctx.sign, ctx.superset), None, None


def _sweep(values: Tensor, sign: int, superset: bool, complement: bool = False) -> Tensor:
    """Sums over subsets (or supersets), one player after the other.

    The Kronecker power of [[1, 0], [sign, 1]], transposed for supersets: the lowest four players by one small matrix
    product, because adding neighbours in memory is slow, each other player by one addition in place. For complements
    the rows of the small matrix come in reverse, negated, and at last the rows of the table.
    """
    n = player_count(values)
    low = min(n, 4)
    low_players = _kronecker_power(low, sign, values.device)
    low_players = low_players.T if superset else low_players
    low_players = -low_players.flip(0) if complement else low_players
    sums = torch.empty(values.shape, dtype=values.dtype, device=values.device)
    rows = max(1, (CHUNK if values.device.type == "cpu" else values.numel()) >> n)
    room = torch.empty_like(sums.view(-1, 2**n)[:rows]) if complement else None
    for source, target in zip(values.reshape(-1, 2**n).split(rows), sums.view(-1, 2**n).split(rows), strict=True):
        table = room[: len(target)] if complement else target
        torch.matmul(source.reshape(-1, 2**low), low_players.T, out=table.view(-1, 2**low))
        sum_in_place(table[..., None], sign, superset, first_player=low)
        if complement:
            target.view(-1, 2 ** (n - low), 2**low).copy_(table.view(-1, 2 ** (n - low), 2**low).flip(1))
    return sums


def sum_in_place(
    table: Float64[Tensor, "outer coalition inner"], sign: int = 1, superset: bool = False, first_player: int = 0
) -> Float64[Tensor, "outer coalition inner"]:
    """Turn a contiguous table into its sums over subsets (or supersets), one addition for each player.

    Args:
        table: the values, overwritten.
        sign: 1 for sums, -1 for their inverse.
        superset: sum over the coalitions that contain T instead of those inside T.
        first_player: players below this one are left alone.
    """
    outer, coalitions, inner = table.shape
    for player in range(first_player, coalitions.bit_length() - 1):
        stride = 1 << player
        absent, present = table.view(outer, coalitions // (2 * stride), 2, stride * inner).unbind(2)
        if superset:
            absent.add_(present, alpha=sign)
        else:
            present.add_(absent, alpha=sign)
    return table


@functools.cache
def _kronecker_power(n: int, sign: int, device: torch.device) -> Float64[Tensor, "coalition coalition"]:
    """The sums over subsets of n players as a matrix."""
    power = torch.ones(1, 1, dtype=torch.float64, device=device)
    for _ in range(n):
        power = torch.kron(power, torch.tensor([[1, 0], [sign, 1]], dtype=torch.float64, device=device))
    return power


def _membership(n: int, device: torch.device | str | None = None) -> Int64[Tensor, "coalition player"]:
    """1 where the player is in the coalition, else 0."""
    return torch.arange(2**n, device=device)[:, None] >> torch.arange(n, device=device) & 1
