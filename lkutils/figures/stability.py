"""The figures of Sec. 3.3, second half: how stable interactions are to noise, order by order (Fig. 5 and 9)."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from lkutils.figures.described import described
from lkutils.figures.generalization import APART, check, curve, explain_few, order_ticks
from lkutils.figures.style import COLOURS, in_style, label_left, legend_above, panels, two_lines
from lkutils.games import Label


@in_style
def by_order(
    lines: Mapping[Label, Mapping[str, xr.DataArray]],
    label: str,
    references: Mapping[Label, Mapping[str, xr.DataArray]] | None = None,
) -> Figure:
    """Positive numbers by order with their intervals, on a logarithmic axis: a panel for each network.

    Args:
        lines: for every panel the numbers by name (order, bound), in the same order of names everywhere.
        label: of the y axis.
        references: for every panel what they are to be compared with (order), by name: dotted and dashed.

    Raises:
        ValueError: there is no panel.

    Example:
        >>> bounds = {"order": [1, 2], "bound": ["low", "estimate", "high"]}
        >>> number = xr.DataArray([[4.0, 5.0, 6.0], [0.1, 0.2, 0.3]], bounds, ("order", "bound"))
        >>> figure = by_order({Label("digits", "MLP-7"): {"median": number}}, "stability")
        >>> figure.axes[0].get_yscale(), figure.axes[0].lines[0].get_label()
        ('log', 'median')
    """
    check(lines)
    names = list(dict.fromkeys(name for panel in lines.values() for name in panel))
    colours = dict(zip(names, COLOURS, strict=False))
    figure, axes = panels(len(lines), height=2.3, sharey=True)
    for axis, (network, panel) in zip(axes, lines.items(), strict=True):
        for what, number in panel.items():
            beside = APART * (names.index(what) - (len(names) - 1) / 2)
            curve(axis, number.where(number > 0), colours[what], what, beside)
            order_ticks(axis, number["order"].values)
        for style, (what, number) in zip((":", "--"), (references or {}).get(network, {}).items(), strict=False):
            axis.plot(number["order"], number, style, color="black", linewidth=1, label=what)
        axis.set(yscale="log", title=two_lines(network), xlabel="order")
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter(NullFormatter())
    explain_few(axes[-1])
    label_left(axes, label)
    legend_above(figure)
    return described(
        figure,
        f"{label[0].upper()}{label[1:]} by order, on a logarithmic axis",
        {
            (network, what): number
            for part in (lines, references or {})
            for network, panel in part.items()
            for what, number in panel.items()
        },
    )
