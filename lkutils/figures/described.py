"""What goes with a figure for those who cannot see it, or want its numbers: an alternative text and a table.

A notebook keeps both in the metadata of the output that has the picture, the table as csv.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

NAMES = ("panel", "series", "part")  # columns for the names of what is drawn
AXES = {"bound", "kind", "layer", "other_layer", "sample", "order", "setting", "rank", "share", "again"}

Numbers = Mapping[Any, xr.DataArray | xr.Dataset | float]


def described(figure: Figure, what: str, numbers: Numbers) -> Figure:
    """The figure, with what it shows in words (``figure.alt``) and as a table (``figure.table``).

    Args:
        figure: drawn.
        what: a sentence on what is to be seen, without its stop.
        numbers: what was drawn, by panel, or by (panel, series); with an axis ``bound`` for intervals.

    Example:
        >>> from matplotlib.figure import Figure
        >>> curve = xr.DataArray([0.5, 2.0], {"order": [1, 2]}, ("order",), "strength")
        >>> figure = described(Figure(), "Strength by order", {"MLP-7": curve})
        >>> figure.alt
        'Strength by order. MLP-7: 0.5 to 2.'
        >>> print(figure.table.to_csv(index=False))
        panel,order,value
        MLP-7,1,0.5
        MLP-7,2,2.0
        <BLANKLINE>
    """
    figure.table = long_table(numbers)
    figure.alt = f"{what}. {spans(figure.table)}"
    figure._repr_mimebundle_ = functools.partial(bundle, figure)  # IPython adds the picture
    return figure


def bundle(figure: Figure, include: object = None, exclude: object = None) -> tuple[dict, dict]:
    """What a notebook is to store beside the picture: no other data, and metadata."""
    csv = figure.table.to_csv(index=False, float_format="%.6g")
    return {}, {"image/png": {"alt": figure.alt}, "csv": csv}


def long_table(numbers: Numbers) -> pd.DataFrame:
    """One row for each number, or for each estimate with its interval; columns are names and axes."""
    frames = []
    for names, number in numbers.items():
        if not isinstance(number, xr.DataArray | xr.Dataset):
            number = xr.DataArray([number], dims="one")
        number = number.reset_coords(drop=True)
        if isinstance(number, xr.DataArray):
            number = number.to_dataset("bound") if "bound" in number.dims else number.to_dataset(name="value")
        number = number if number.sizes else number.expand_dims("one")
        values = list(number.data_vars)
        frame = number.to_dataframe().dropna(subset=values, how="all").reset_index()
        frame = frame.drop(columns=[name for name in frame if name in ("one", "index")])
        names = names if type(names) is tuple else (names,)  # a Label is one name
        for k, name in reversed(list(enumerate(names))):
            if str(name):
                frame.insert(0, NAMES[k], str(name))
        frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def spans(table: pd.DataFrame) -> str:
    """From which to which number each panel goes: of estimates, where there are intervals too.

    Example:
        >>> spans(pd.DataFrame({"panel": ["a", "a", "b"], "order": [1, 2, 1], "value": [0.123, 4.0, 3.0]}))
        'a: 0.12 to 4. b: 3.'
    """
    if table.empty:
        return ""
    values = [name for name in table if name not in {*NAMES, *AXES, "low", "high"} and is_value(table, name)]
    panels = table.groupby("panel", sort=False) if "panel" in table else [("", table)]
    words = []
    for panel, part in panels:
        ranges = [span(part[name]) if len(values) == 1 else f"{name} {span(part[name])}" for name in values]
        words.append(f"{panel}: {', '.join(ranges)}." if panel else f"{', '.join(ranges)}.".capitalize())
    return " ".join(words)


def words_of(numbers: Mapping[Any, float], unit: str = "") -> str:
    """A number for each name, in a sentence.

    Example:
        >>> words_of({"MNIST": 21.8, "CIFAR-10": 45.6}, " %")
        '21.8 % (MNIST), 45.6 % (CIFAR-10)'
    """
    return ", ".join(f"{number:.3g}{unit} ({name})" for name, number in numbers.items()) or "no number"


def is_value(table: pd.DataFrame, name: str) -> bool:
    """Whether a column is of what was measured, not of where."""
    return name in ("value", "estimate") or not ({"value", "estimate"} & set(table))


def span(values: pd.Series) -> str:
    """The smallest and the largest number, in two digits."""
    numbers = values[np.isfinite(values.astype(float))]
    if numbers.empty:
        return "none"
    low, high = (f"{number:.2g}".replace("e-0", "e-") for number in (numbers.min(), numbers.max()))
    return low if low == high else f"{low} to {high}"
