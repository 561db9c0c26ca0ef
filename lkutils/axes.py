"""Labelled arrays of games and interactions: what must be true of them before a number is computed from them.

The axis ``coalition`` is the table of all 2^n coalitions in the order of their bits. A batch may hold games of
different n: the smaller ones are prefixes of that axis, and NaN beyond their own 2^n.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr

from lkutils.mobius import LARGEST, coalition_sizes, player_count


def check_axes(array: xr.DataArray, *axes: str) -> None:
    """Refuse what is no labelled array with these axes, or has its coalitions in another order.

    Raises:
        TypeError: no DataArray, or one of other types than real numbers, or too narrow for their sums.
        ValueError: an axis is missing, or ``coalition`` is not the whole table 0 to 2^n - 1.

    Example:
        >>> check_axes(xr.DataArray([1.0, 2.0], dims="coalition"), "coalition", "layer")
        Traceback (most recent call last):
        ValueError: the axis 'layer' is missing: the array has (coalition); name its axes, as lkutils.interactions does
    """
    if not isinstance(array, xr.DataArray):
        hint = "; give one of its arrays, such as found['interactions']" if isinstance(array, xr.Dataset) else ""
        raise TypeError(f"a labelled array (xarray.DataArray) was expected, not {type(array).__name__}{hint}")
    if array.dtype != bool and (array.dtype.kind not in "fi" or array.dtype.itemsize < 4):
        hint = "abs(array) or array.real" if array.dtype.kind == "c" else "array.astype(float)"
        raise TypeError(f"real numbers whose sums fit their type were expected, not {array.dtype}: give {hint}")
    for axis in axes:
        if axis not in array.dims:
            raise ValueError(
                f"the axis {axis!r} is missing: the array has ({', '.join(map(str, array.dims))}); name its axes, as "
                "lkutils.interactions does"
            )
    if "coalition" in axes:
        n_coalitions = array.sizes["coalition"]
        whole = not n_coalitions & (n_coalitions - 1) and n_coalitions > 0
        if not whole or not np.array_equal(array["coalition"], np.arange(n_coalitions)):
            raise ValueError(
                f"the axis 'coalition' must hold all 2^n coalitions in their order 0, 1, 2, ..., not {n_coalitions} of "
                "them or in another order: take the whole table, or sort it with sortby('coalition')"
            )


def product(first: xr.DataArray, second: xr.DataArray, axis: str) -> xr.DataArray:
    """The sum over an axis of both, as `xarray.dot` has it, by one product of matrices, in a sixth of the time.

    Args:
        first, second: arrays that have no other axis in common.
        axis: the one they share.

    Returns:
        With the other axes of the first and then those of the second.

    Example:
        >>> weights = xr.DataArray([0.5, 0.5], dims="sample")
        >>> product(weights, xr.DataArray([[1.0, 3.0]], dims=("layer", "sample")), "sample").values
        array([2.])
    """
    rows, columns = ([name for name in array.dims if name != axis] for array in (first, second))
    return xr.apply_ufunc(
        partial(np.tensordot, axes=1),
        first.transpose(..., axis),
        second.transpose(axis, ...),
        input_core_dims=[[*rows, axis], [axis, *columns]],
        output_core_dims=[[*rows, *columns]],
    )


def check_finite(array: xr.DataArray) -> None:
    """Refuse NaN, infinity and what is too large for sums, but for the NaN beyond the coalitions that a sample has.

    Raises:
        ValueError: says how many are not finite, and in which sample first.

    Example:
        >>> check_finite(xr.DataArray([[1.0, 2.0, np.nan, np.nan]], dims=("sample", "coalition")))
        >>> check_finite(xr.DataArray([[1.0, np.nan, 2.0, 3.0]], dims=("sample", "coalition")))
        Traceback (most recent call last):
        ValueError: 1 of 4 numbers are NaN or above 1e+300, first in sample 0: compute them again
    """
    finite = abs(array.astype(float)) <= LARGEST
    if finite.all():
        return
    counts = finite.sum("coalition")
    largest = counts.max([axis for axis in counts.dims if axis != "sample"])  # one n in all layers of a sample
    expected = largest.where((largest > 0) & (largest & (largest - 1) == 0), array.sizes["coalition"])
    if "n_players" in array.coords:
        expected = 2 ** array["n_players"]
    beyond = xr.DataArray(np.arange(array.sizes["coalition"]), dims="coalition") >= expected
    wrong = ~finite & ~beyond | beyond & ~array.isnull()
    if wrong.any():
        of_sample = wrong.any([axis for axis in wrong.dims if axis != "sample"])
        first = f", first in sample {array['sample'].values[of_sample.values.argmax()]}" if of_sample.ndim else ""
        raise ValueError(
            f"{int(wrong.sum())} of {array.size} numbers are NaN or above {LARGEST:g}{first}: compute them again"
        )


def orders(array: xr.DataArray) -> xr.DataArray:
    """Order |S| of every coalition of a labelled array.

    Example:
        >>> orders(xr.DataArray(np.zeros(4), dims="coalition")).values
        array([0, 1, 1, 2])
    """
    n_players = player_count(array.transpose(..., "coalition").values)
    return xr.DataArray(coalition_sizes(n_players).numpy(), dims="coalition")
