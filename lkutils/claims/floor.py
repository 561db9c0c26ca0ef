"""What a comparison of layers can show at all: completeness and redundancy of an output against itself.

Two decompositions of the same output, one of them after a little noise or from another start, ought to be the same. As
far as they are not, a layer may differ from the output by chance of the extraction alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import xarray as xr

from lkutils import metrics
from lkutils.claims.claim import Expected
from lkutils.claims.layers import all_orders
from lkutils.claims.tracking import COMPLETENESS_RISES, REDUNDANCY_FALLS, REDUNDANCY_RISES
from lkutils.games import Label

# Of every ratio the differences between layers that claims are about.
DIFFERENCES: Mapping[str, tuple[Expected, ...]] = {
    "completeness": (COMPLETENESS_RISES,),
    "redundancy": (REDUNDANCY_RISES, REDUNDANCY_FALLS),
}


def against_itself(
    output: xr.DataArray,
    again: xr.DataArray,
    tau_ratio: float = metrics.TAU_RATIO,
    per_sample: bool = metrics.TAU_PER_SAMPLE,
) -> xr.Dataset:
    """``overlap``, ``forget`` and ``new`` of other decompositions of an output, as if these were layers (Eq. 7).

    Args:
        output: its interactions in log-odds (kind, sample, coalition).
        again: the other ones (again, kind, sample, coalition).
        tau_ratio, per_sample: of `lkutils.metrics.salience_threshold`.

    Returns:
        (again, kind, sample, order), normalised.

    Example:
        >>> output = xr.DataArray([[[0.0, 1.0, 1.0, 2.0]]], dims=("kind", "sample", "coalition"))
        >>> found = against_itself(output, (0.5 * output).expand_dims(again=["half"]))
        >>> {name: part.values.flatten().tolist() for name, part in found.items()}
        {'overlap': [0.5, 0.5], 'forget': [0.0, 0.0], 'new': [0.0, 0.0]}
    """
    names = again["again"].values
    both = xr.concat([again.rename(again="layer"), output.expand_dims(layer=["output"])], "layer", join="inner")
    tracked = metrics.track(metrics.salient_part(both, tau_ratio, per_sample))
    return tracked.sel(layer=list(names)).rename(layer="again")


def differences(parts: xr.Dataset, floor: xr.Dataset) -> list[tuple[str, float, float]]:
    """What claims say of the layers of one network: each difference in words, its size, and the floor under it.

    The floor of a completeness is what the output lacks of itself, that of a redundancy what it has in excess of
    itself: the larger of what noise and another start do, all orders together. A difference below it is no finding.

    Args:
        parts: `lkutils.metrics.track` of one kind (layer, sample, order).
        floor: `against_itself` of that kind (again, sample, order).

    Example:
        >>> axes = {"layer": [1, 2, 3, "output"], "sample": [0], "order": [1]}
        >>> shared = xr.DataArray([0.2, 0.5, 0.9, 1.0], dims="layer").expand_dims(sample=[0], order=[1])
        >>> parts = xr.Dataset({"overlap": shared, "forget": 0 * shared, "new": 1 - shared})
        >>> floor = parts.isel(layer=[2]).rename(layer="again")
        >>> [(words, round(size, 1), round(least, 1)) for words, size, least in differences(parts, floor)][0]
        ('completeness, high minus low layers', 0.7, 0.1)
    """
    means, itself = parts.mean("sample"), all_orders(floor.mean("sample"))
    least = {"completeness": 1 - metrics.completeness(itself), "redundancy": metrics.redundancy(itself)}
    return [
        (test.words, float(test.statistic(means)), float(least[ratio].max()))
        for ratio, tests in DIFFERENCES.items()
        for test in tests
    ]


def numbers(
    found: Mapping[tuple[Label, str], list[tuple[str, float, float]]], itself: Mapping[Label, xr.Dataset]
) -> tuple[list[str], list[list[object]]]:
    """Header and rows of a table: completeness and redundancy of outputs against themselves, and the differences.

    Args:
        found: `differences`, by network and kind.
        itself: `against_itself`, by network.
    """
    ways = [f"Output against itself: {again}" for again in next(iter(itself.values()))["again"].values]
    rows = []
    for (label, kind), each in found.items():
        means = all_orders(itself[label].sel(kind=kind).mean("sample"))
        pairs = zip(metrics.completeness(means).values, metrics.redundancy(means).values, strict=True)
        own = [f"{complete:.2f}, {excess:.2f}" for complete, excess in pairs]
        sizes = [f"{size:.2f}{' (below)' if abs(size) < least else ''}" for _, size, least in each]
        rows.append([label, kind.upper(), *own, *sizes])
    words = [words for words, *_ in next(iter(found.values()))]
    return ["Network", "Kind", *ways, *words], rows


def told(found: Mapping[tuple[Label, str], list[tuple[str, float, float]]]) -> str:
    """How many differences lie below their floor, in a sentence.

    Args:
        found: `differences`, by network and kind.

    Example:
        >>> told({(Label("MNIST", "MLP-7"), "and"): [("rise", 0.1, 0.2), ("fall", -0.5, 0.2)]})
        'Of 2 differences between layers 1 is below its floor: 1 of 1 (rise), 0 of 1 (fall).'
    """
    inside: dict[str, list[bool]] = {}
    for words, size, least in itertools.chain.from_iterable(found.values()):
        inside.setdefault(words, []).append(abs(size) < least)
    below, total = (sum(map(count, inside.values())) for count in (sum, len))
    which = ", ".join(f"{sum(each)} of {len(each)} ({words})" for words, each in inside.items())
    are = "is below its floor" if below == 1 else "are below their floor"
    return f"Of {total} differences between layers {below} {are}: {which}."
