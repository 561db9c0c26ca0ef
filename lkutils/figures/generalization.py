"""The figures of Sec. 3.3, first half: how much two networks have in common, order by order (Fig. 4 and 8)."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lkutils.figures.described import described
from lkutils.figures.style import (
    COLOURS,
    FORGET,
    KIND_NAMES,
    NEW,
    OVERLAP,
    in_style,
    label_left,
    legend_above,
    panels,
    two_lines,
)
from lkutils.games import Label

TOO_FEW = "fewer than ten samples"
APART = 0.12  # between lines, in orders
COUNTS = {  # below a curve, from the bottom up: what became of the samples
    "both have some": OVERLAP,
    "one has none (IoU 0)": FORGET,
    "both have none (left out)": "#FFFFFF",
}


@in_style
def iou_by_order(compared: Mapping[Label, xr.Dataset], kind: str) -> Figure:
    """Fig. 4 and 8: mean IoU of two networks' salient interactions by order, with chance; a panel for each pair.

    Below each curve, what became of the samples: both networks have interactions of this order, one has, or none has.

    Args:
        compared: for every pair what `lkutils.compare` returns.
        kind: "and" (Fig. 4) or "or" (Fig. 8).

    Raises:
        ValueError: no pair, or no such kind.

    Example:
        >>> axes = ("kind", "sample", "coalition")
        >>> found = xr.DataArray(np.ones((1, 12, 8)), {"kind": ["and"], "sample": range(12)}, axes)
        >>> found = xr.Dataset({"interactions": found.expand_dims(layer=["output"])})
        >>> figure = iou_by_order({Label("digits", "mine and yours"): lk.compare(found, found)}, "and")
        >>> figure.axes[0].lines[0].get_ydata().tolist()
        [1.0, 1.0, 1.0]
    """
    check(compared)
    known = next(iter(compared.values()))["kind"].values.tolist()
    if kind not in known:
        raise ValueError(f"kind={kind!r}; known are {', '.join(known)}")
    columns = min(len(compared), 3)
    rows = -(-len(compared) // columns)
    figure, grid = plt.subplots(
        2 * rows, columns, figsize=(7, 2.7 * rows + 0.5), squeeze=False, height_ratios=[3, 1] * rows
    )
    curves, strips = list(grid[0::2].flat), list(grid[1::2].flat)
    drawn = [pair[["iou", "chance"]].sel(kind=kind).to_array() for pair in compared.values()]
    top = min(1.03, 1.1 * max(0.1, *(float(part.max()) for part in drawn)))
    for axis, strip, (label, pair) in zip(curves, strips, compared.items(), strict=False):
        pair = pair.sel(kind=kind)
        curve(axis, pair["iou"], NEW, "IoU")
        axis.plot(pair["order"], pair["chance"].sel(bound="estimate"), "k:", linewidth=1, label="chance")
        axis.set(ylim=(-0.03 * top, top), title=two_lines(label))
        draw_counts(strip, pair)
        for part in (axis, strip):
            order_ticks(part, pair["order"].values)
        axis.tick_params(labelbottom=False)
        strip.set_xlabel("order")
    for axis in (*curves[len(compared) :], *strips[len(compared) :]):
        axis.set_visible(False)
    explain_few(strips[len(compared) - 1])
    label_left(curves, "IoU")
    label_left(strips, "samples")
    legend_above(figure)
    return described(
        figure,
        f"IoU of two networks' {KIND_NAMES[kind]} interactions by order, and of random sets",
        {
            (label, what): pair[what].sel(kind=kind)
            for label, pair in compared.items()
            for what in ("iou", "chance", "n_defined", "one_empty", "both_empty")
        },
    )


@in_style
def lines_by_order(lines: Mapping[Label, Mapping[str, xr.DataArray]], label: str) -> Figure:
    """Several numbers by order with their intervals: a panel for each pair or network, a line for each name.

    Args:
        lines: for every panel the numbers by name (order, bound), in the same order of names everywhere.
        label: of the y axis.

    Raises:
        ValueError: there is no panel.

    Example:
        >>> bounds = {"order": [1, 2], "bound": ["low", "estimate", "high"]}
        >>> number = xr.DataArray([[0.4, 0.5, 0.6], [0.1, 0.2, 0.3]], bounds, ("order", "bound"))
        >>> figure = lines_by_order({Label("digits", "MLP-7"): {"another seed": number}}, "IoU")
        >>> figure.axes[0].lines[1].get_label()  # after the line at 0
        'another seed'
    """
    check(lines)
    names = list(dict.fromkeys(name for panel in lines.values() for name in panel))
    colours = dict(zip(names, COLOURS, strict=False))
    figure, axes = panels(len(lines), height=2.2, sharey=True)
    for axis, (name, panel) in zip(axes, lines.items(), strict=True):
        axis.axhline(0, color="black", linewidth=0.7)
        for what, number in panel.items():
            beside = APART * (names.index(what) - (len(names) - 1) / 2)
            curve(axis, number, colours[what], what, beside)
            order_ticks(axis, number["order"].values)
        axis.set(title=two_lines(name), xlabel="order")
    estimates = [number.sel(bound="estimate") for panel in lines.values() for number in panel.values()]
    lowest, highest = min(0.0, *(float(e.min()) for e in estimates)), max(0.1, *(float(e.max()) for e in estimates))
    margin = 0.08 * (highest - lowest)
    axes[0].set_ylim(lowest - margin, highest + margin)
    explain_few(axes[-1])
    label_left(axes, label)
    legend_above(figure)
    return described(
        figure,
        f"{label[0].upper()}{label[1:]} by order",
        {(name, what): number for name, panel in lines.items() for what, number in panel.items()},
    )


# ---- parts of figures -----------------------------------------------------------------------------------------------


def check(panels_by_label: Mapping) -> None:
    """Refuse a figure without panels."""
    if not panels_by_label:
        raise ValueError("there is no network or pair of networks to draw")


def curve(axis: Axes, number: xr.DataArray, color: object, label: str, beside: float = 0.0) -> None:
    """A line with its intervals; hollow points, off the line, where samples are too few for an interval.

    ``beside`` moves it sideways, so that points of several lines do not cover one another.
    """
    low, estimate, high = (number.sel(bound=bound) for bound in ("low", "estimate", "high"))
    enough, orders = low.notnull(), number["order"] + beside
    axis.vlines(orders[enough], low[enough], high[enough], color=color, alpha=0.6, linewidth=1.2)
    axis.plot(orders, estimate.where(enough), color=color, marker="o", markersize=3, linewidth=1.2, label=label)
    axis.plot(orders, estimate.where(~enough), "o", color=color, markerfacecolor="white", markersize=3.5)


def explain_few(axis: Axes) -> None:
    """What hollow points are, for the legend."""
    axis.plot([], [], "o", color="black", markerfacecolor="white", markersize=3.5, label=TOO_FEW)


def draw_counts(axis: Axes, pair: xr.Dataset) -> None:
    """How many samples have interactions of each order in both networks, in one, in none; stacked bars."""
    counts = (pair["n_defined"] - pair["one_empty"], pair["one_empty"], pair["both_empty"])
    bottom = np.zeros(pair.sizes["order"])
    for (words, color), count in zip(COUNTS.items(), counts, strict=True):
        axis.bar(pair["order"], count, 0.8, bottom=bottom, color=color, edgecolor="#767676", linewidth=0.5, label=words)
        bottom = bottom + count.values
    axis.set(ylim=(0, max(1, bottom.max())), yticks=[0, bottom.max()])
    axis.grid(False)


def order_ticks(axis: Axes, orders: np.ndarray) -> None:
    """Whole numbers, with half a step beside the first and the last order."""
    axis.set_xlim(orders[0] - 0.5, orders[-1] + 0.5)
    axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
