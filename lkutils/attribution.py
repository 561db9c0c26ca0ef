"""What attributions say beside interactions: Shapley values by their definition, sums over players, and agreement."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from jaxtyping import Float, Int, Num

from lkutils.mobius import player_count


def shapley_by_definition(values: Num[np.ndarray, "*batch coalition"]) -> Float[np.ndarray, "*batch player"]:
    """Shapley values straight from the outputs, without interactions (Shapley, 1953).

    phi(i) = sum over T without i of |T|! (n - |T| - 1)! / n! (v(x_(T and i)) - v(x_T)). For the same from interactions
    see `lkutils.shapley_values`, which is faster where those are known.

    Args:
        values: v(x_T) in log-odds; the last axis has length 2^n.

    Raises:
        ValueError: the last axis is no power of two, or the values are complex.

    Example:
        >>> shapley_by_definition(np.array([1.0, 2.0, 4.0, 9.0]))
        array([3., 5.])
    """
    n = player_count(values)
    if np.iscomplexobj(values):
        raise ValueError(f"values of games are real numbers, not {values.dtype}: give their real part or their size")
    coalitions = np.arange(2**n)
    shares = []
    for player in range(n):
        without = coalitions[coalitions >> player & 1 == 0]
        weight = 1 / (n * np.array([math.comb(n - 1, size.bit_count()) for size in without.tolist()]))
        gain = values[..., without | 1 << player].astype(float) - values[..., without]
        shares.append(gain @ weight)
    return np.stack(shares, axis=-1)


def sums_of_players(
    attributions: Float[np.ndarray, "sample *shape"], players: Int[np.ndarray, "sample ..."], n_players: int
) -> tuple[Float[np.ndarray, "sample player"], Float[np.ndarray, "sample"]]:
    """What the input variables of each player sum to, and those of the background.

    Args:
        attributions: one number for each input variable.
        players: the player of each variable, -1 for background; its axes after the first are the last ones of an
            input's, such as those of pixels without their channels.
        n_players: n.

    Raises:
        ValueError: shapes that do not fit.

    Example:
        >>> sums_of_players(np.array([[[1.0, 2.0, 4.0], [10.0, 20.0, 40.0]]]), np.array([[1, 1, -1]]), 2)
        (array([[ 0., 33.]]), array([44.]))
    """
    n_samples, inner = len(attributions), attributions.shape[1:]
    if len(players) != n_samples or players.shape[1:] != inner[len(inner) - players.ndim + 1 :]:
        raise ValueError(
            f"attributions have shape {attributions.shape} and players {players.shape}: players must have as many "
            "samples, and the last axes of an input"
        )
    middle = (1,) * (len(inner) - players.ndim + 1)
    of_variable = np.broadcast_to(players.reshape(n_samples, *middle, *players.shape[1:]), attributions.shape)
    sums = np.stack(
        [
            np.bincount(number.ravel() + 1, part.ravel(), minlength=n_players + 1)
            for number, part in zip(of_variable, attributions, strict=True)
        ]
    )
    return sums[:, 1:], sums[:, 0]


def rank_correlation(first: xr.DataArray, second: xr.DataArray, axis: str = "player") -> xr.DataArray:
    """Spearman's rank correlation along an axis, of everything else along it; NaN where all numbers of one are equal.

    Equal numbers share the mean of their ranks.

    Args:
        first, second: with the axis, and otherwise the same axes.
        axis: what is ranked.

    Raises:
        ValueError: no such axis.

    Example:
        >>> first = xr.DataArray([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], dims=("sample", "player"))
        >>> rank_correlation(first, first * [[1], [-1]]).values
        array([ 1., -1.])
    """
    if axis not in first.dims or axis not in second.dims:
        raise ValueError(f"there is no axis {axis!r} to rank along: {first.dims} and {second.dims}")
    ranks = [ranked(part, axis) for part in (first, second)]
    centred = [part - part.mean(axis) for part in ranks]
    spread = np.sqrt((centred[0] ** 2).sum(axis) * (centred[1] ** 2).sum(axis))
    return (centred[0] * centred[1]).sum(axis) / spread.where(spread > 0)


def ranked(numbers: xr.DataArray, axis: str) -> xr.DataArray:
    """Ranks along an axis from 1, the smallest first; equal numbers share the mean of theirs.

    Example:
        >>> ranked(xr.DataArray([5.0, 7.0, 5.0], dims="player"), "player").values
        array([1.5, 3. , 1.5])
    """
    last = numbers.transpose(..., axis)
    mine, others = last.values[..., :, None], last.values[..., None, :]
    return last.copy(data=(others < mine).sum(-1) + ((others == mine).sum(-1) + 1) / 2)
