"""The figures of Sec. 3.2.2, second half: what each layer keeps, forgets and gains (Fig. 3 and 7).

Both draw what :func:`lkutils.follow` returns, of one network or of several by name.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lkutils.figures.described import described
from lkutils.figures.layers import layer_ticks, line
from lkutils.figures.style import FORGET, KIND_NAMES, NEW, OVERLAP, in_style, shades, two_lines
from lkutils.games import Label
from lkutils.metrics import LEAST_SHARE

PARTS = ("overlap", "forget", "new")
RATIOS = ("completeness", "redundancy")


@in_style
def tracking(
    followed: xr.Dataset | Mapping[Label, xr.Dataset], kind: str = "and", orders: list[int] | None = None
) -> Figure:
    """Fig. 3(a) and 7(a): strength that is shared, forgotten and new, by layer; a row for each game, a column an order.

    Upwards from zero grey (shared) and blue (new), together all^(L); downwards orange (forgotten), which together with
    the grey is all^(l). Mean over samples. Each panel has its own scale: the number above it is all^(L), the one below
    it the most that a layer has and the output has forgotten.

    Args:
        followed: what :func:`lkutils.follow` returns (kind, layer, sample, order), of one network or of several by
            name; the last layer is the output.
        kind: "and" (Fig. 3) or "or" (Fig. 7).
        orders: those to draw; when None, all in which some layer has 1 % of the output's strength of that kind.

    Raises:
        ValueError: no such kind or order, no layer before the output, or no interaction of that kind.

    Example:
        >>> axes = {"kind": ["and"], "layer": ["block", "output"], "sample": [0], "order": [1, 2, 3]}
        >>> part = xr.DataArray(np.full((1, 2, 1, 3), 0.5), axes, list(axes))
        >>> figure = tracking(xr.Dataset({"overlap": part, "forget": part, "new": part}))
        >>> [axis.get_title(loc="left") for axis in figure.axes]
        ['order 1', 'order 2', 'order 3']
    """
    games = by_name(followed, PARTS, kind)
    parts = {name: game.mean("sample") for name, game in games.items()}
    strengths = {name: (part.overlap + part.forget + part.new).max("layer") for name, part in parts.items()}
    shown = orders_shown(parts, strengths, kind, orders)
    columns = sorted(set().union(*shown.values()))
    figure, grid = plt.subplots(len(shown), len(columns), figsize=(7, 1.35 * len(shown) + 0.6), squeeze=False)
    for row, name in zip(grid, shown, strict=True):
        for axis, order in zip(row, columns, strict=True):
            if order in shown[name]:
                draw_parts(axis, parts[name].sel(order=order).isel(layer=slice(-1)))
            else:
                axis.axis("off")
        layers = f"layers 1 to {parts[name].sizes['layer'] - 1}"
        words = "\n".join(filter(None, (two_lines(name), layers)))
        row[0].text(-0.1, 0.5, words, transform=row[0].transAxes, ha="right", va="center", fontsize=8)
    for axis, order in zip(grid[0], columns, strict=True):
        axis.set_title(f"order {order}", fontsize=8, pad=12)
    handles = [Patch(color=color) for color in (FORGET, OVERLAP, NEW)]
    figure.legend(handles, ["forgotten", "overlapped", "new"], loc="outside upper center", ncols=3)
    return described(
        figure,
        f"{KIND_NAMES[kind]} interactions of each layer that the output shares, has forgotten or will have new",
        {name: parts[name].sel(order=chosen).isel(layer=slice(-1)) for name, chosen in shown.items()},
    )


def draw_parts(axis: Axes, part: xr.Dataset) -> None:
    """The steps of one order in one network, one for each layer; with all^(L) above and the most forgotten below."""
    edges = np.arange(part.sizes["layer"] + 1) + 0.5
    axis.stairs(part.overlap, edges, fill=True, color=OVERLAP)
    axis.stairs(part.overlap + part.new, edges, baseline=part.overlap.values, fill=True, color=NEW)
    axis.stairs(-part.forget, edges, fill=True, color=FORGET)
    axis.axhline(0, color="black", linewidth=0.5)
    top, bottom = float((part.overlap + part.new).max()), float(part.forget.max())
    for height, side, number in ((1, "bottom", top), (0, "top", bottom)):
        words = f"{number:#.2g}".rstrip(".")
        axis.text(0.5, height, words, transform=axis.transAxes, ha="center", va=side, fontsize=7)
    axis.set(xticks=[], yticks=[], xlim=(edges[0], edges[-1]), ylim=(-bottom, top) if top + bottom > 0 else (0, 1))
    axis.spines[:].set_visible(False)


@in_style
def ratios(
    followed: xr.Dataset | Mapping[Label, xr.Dataset],
    kind: str = "and",
    orders: list[int] | None = None,
    floors: Mapping[Label, xr.Dataset] | None = None,
) -> Figure:
    """Fig. 3(b) and 7(b): completeness and redundancy by layer; a row for each game, a line for each order.

    Bands are 95 % intervals over samples. Both are ratios to the output's strength of an order.

    Args:
        followed, kind: as in :func:`tracking`.
        orders: those to draw; when None, all that have 1 % of the output's strength of that kind.
        floors: the same ratios of each network's output against itself (again, kind, order, bound), which are drawn
            as diamonds on the right of the layers.

    Raises:
        ValueError: no such kind or order, no layer before the output, or no interaction of that kind in the output.

    Example:
        >>> axes = {"kind": ["or"], "layer": ["block", "output"], "sample": [0], "order": [1, 2, 3]}
        >>> part = xr.DataArray(np.full((1, 2, 1, 3), 0.5), axes, list(axes))
        >>> bounds = part.isel(sample=0, drop=True).expand_dims(bound=["low", "estimate", "high"])
        >>> followed = xr.Dataset({"overlap": part, "forget": part, "new": part})
        >>> figure = ratios(followed.assign(completeness=bounds, redundancy=bounds), "or", orders=[2, 3])
        >>> [axis.get_title(loc="left") for axis in figure.axes]
        ['completeness', 'redundancy']
    """
    games = by_name(followed, (*PARTS, *RATIOS), kind)
    strengths = {name: output_strength(game.mean("sample")) for name, game in games.items()}
    shown = orders_shown({name: game.mean("sample") for name, game in games.items()}, strengths, kind, orders)
    drawn = sorted(set().union(*shown.values()))
    shade = dict(zip(drawn, shades(len(drawn)), strict=True))
    figure, grid = plt.subplots(len(shown), 2, figsize=(7, 1.9 * len(shown) + 0.6), squeeze=False)
    for row, name in zip(grid, shown, strict=True):
        for axis, ratio in zip(row, (games[name][which] for which in RATIOS), strict=True):
            probed = ratio.isel(layer=slice(-1))
            for order in shown[name]:
                layers = np.arange(1, probed.sizes["layer"] + 1)
                line(axis, layers, probed.sel(order=order), shade[order], f"order {order}")
            axis.set_xticks(*layer_ticks(probed))
        tops = [top_of(games[name].redundancy.sel(order=shown[name]))]
        if floors:
            floor = floors[name].sel(kind=kind, order=shown[name])
            tops.append(top_of(floor.redundancy))
            for axis, which in zip(row, RATIOS, strict=True):
                draw_floor(axis, floor[which], shade, games[name].sizes["layer"])
        row[0].set(ylim=(0, 1))
        row[1].set(ylim=(0, max(tops)))
        row[0].set_ylabel(two_lines(name))
    grid[0, 0].set_title("completeness")
    grid[0, 1].set_title("redundancy")
    for axis in grid[-1]:
        axis.set_xlabel("layer")
    handles = [Line2D([], [], color=shade[order], marker="o", markersize=2.5) for order in drawn]
    figure.legend(handles, drawn, title="order", loc="outside right upper")
    return described(
        figure,
        f"Share of the output's {KIND_NAMES[kind]} interactions that each layer has, and what it has in excess",
        {
            (name, which): games[name][which].sel(order=chosen).isel(layer=slice(-1))
            for name, chosen in shown.items()
            for which in RATIOS
        }
        | {
            (name, f"{which} of the output against itself"): floors[name][which].sel(kind=kind, order=chosen)
            for name, chosen in (shown.items() if floors else ())
            for which in RATIOS
        },
    )


def draw_floor(axis: Axes, floor: xr.DataArray, shade: Mapping[int, object], first: int) -> None:
    """Ratios of an output against itself (again, order, bound), with intervals, right of a place on the axis."""
    ticks, words = list(axis.get_xticks()), [tick.get_text() for tick in axis.get_xticklabels()]
    width = max(1.5, 0.2 * first)  # of a place, so that words do not touch however many layers there are
    axis.axvline(first - 0.4, color="black", linewidth=0.5)
    places = first - 0.4 + width * (0.6 + np.arange(floor.sizes["again"]))
    aside = 0.25 * width * np.linspace(-1, 1, floor.sizes["order"]) if floor.sizes["order"] > 1 else [0.0]
    for place, again in zip(places, floor["again"].values, strict=True):
        for step, order in zip(aside, floor["order"].values.tolist(), strict=True):
            low, estimate, high = floor.sel(again=again, order=order, bound=["low", "estimate", "high"]).values
            axis.plot([place + step] * 2, [low, high], color=shade[order], linewidth=0.8)
            axis.plot(place + step, estimate, "D", color=shade[order], markersize=2.5)
    axis.set_xticks([*ticks, *places], [*words, *floor["again"].values])


def top_of(ratio: xr.DataArray) -> float:
    """Upper limit of an axis for a ratio with its interval: all estimates fit, intervals may not."""
    return 1.15 * max(0.1, float(ratio.sel(bound="estimate").max()))


# ---- what is drawn --------------------------------------------------------------------------------------------------


def by_name(
    followed: xr.Dataset | Mapping[Label, xr.Dataset], needed: tuple[str, ...], kind: str
) -> dict[Label | str, xr.Dataset]:
    """One kind of each network by its name, the name of a single one being empty; raises what `tracking` says."""
    games = {"": followed} if isinstance(followed, xr.Dataset) else dict(followed)
    if kind not in KIND_NAMES:
        raise ValueError(f"kind={kind!r}; known are and, or")
    if not games:
        raise ValueError("there is no network to draw")
    for game in games.values():
        if "draw" in game.dims:
            raise ValueError("there is an axis 'draw': choose one place on it, such as followed.isel(draw=0)")
        missing = [variable for variable in needed if variable not in getattr(game, "data_vars", ())]
        if missing:
            raise ValueError(f"what is drawn has no {', '.join(missing)}: give what lkutils.follow(found) returns")
        if game.sizes["layer"] < 2:
            raise ValueError(
                f"the only layer is {str(game['layer'].values[-1])!r}: to see what layers keep, forget and gain, play "
                "the game with layers before it"
            )
    return {name: game[list(needed)].sel(kind=kind) for name, game in games.items()}


def output_strength(part: xr.Dataset) -> xr.DataArray:
    """all^(L) by order: overlap + new of any layer, Eq. 8."""
    return (part.overlap + part.new).isel(layer=-1)


def orders_shown(
    parts: Mapping[Label | str, xr.Dataset],
    strengths: Mapping[Label | str, xr.DataArray],
    kind: str,
    orders: list[int] | None,
) -> dict[Label | str, list[int]]:
    """For each network the orders to draw: those that were asked for, else those that are strong enough.

    Networks without any are left out.

    Args:
        parts: of one kind, as a mean over samples (layer, order).
        strengths: what is compared with the output's strength of all orders (order).
        kind: "and" or "or", for messages.
        orders: those asked for.
    """
    known = sorted({order for part in parts.values() for order in part["order"].values.tolist()})
    unknown = [order for order in orders or [] if order not in known]
    if unknown:
        raise ValueError(f"there is no order {unknown[0]}; there are {known[0]} to {known[-1]}")
    shown = {}
    for name, part in parts.items():
        least = LEAST_SHARE * float(output_strength(part).sum())
        enough = (strengths[name] > 0) & (strengths[name] >= least)
        shown[name] = [
            order for order in part["order"].values.tolist() if (order in orders if orders else enough.sel(order=order))
        ]
    some = {name: chosen for name, chosen in shown.items() if chosen}
    if not some:
        hint = "; one player alone counts as AND, so OR begins at two (App. M.4)" if kind == "or" else ""
        raise ValueError(f"there is no salient {KIND_NAMES[kind]} interaction to draw{hint}")
    return some
