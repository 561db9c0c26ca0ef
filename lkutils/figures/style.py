"""The one style of all figures."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

STYLE = Path(__file__).with_name("lk.mplstyle")

# By value: a name such as "C0" would be looked up when the figure is shown, in whatever style is in force then.
COLOURS = matplotlib.rc_params_from_file(STYLE, use_default_template=False)["axes.prop_cycle"].by_key()["color"]


def in_style(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in the book's style, and leave it to the caller to show the figure (a notebook would show it twice)."""

    @functools.wraps(draw)
    def drawn(*args, **kwargs) -> Figure:
        with plt.style.context(STYLE):
            figure = draw(*args, **kwargs)
        plt.close(figure)
        return figure

    return drawn


def panels(count: int, height: float = 2.3, **kwargs) -> tuple[Figure, list[Axes]]:
    """``count`` equal panels, at most three in a row, on a figure as wide as the page."""
    columns = min(count, 3)
    rows = -(-count // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(7, height * rows + 0.3), squeeze=False, **kwargs)
    for axis in axes.flat[count:]:
        axis.set_visible(False)
    return figure, list(axes.flat[:count])


def label_left(axes: list[Axes], label: str) -> None:
    """Label the y axis of the first panel of each row."""
    for axis in axes:
        if axis.get_subplotspec().is_first_col():
            axis.set_ylabel(label)
