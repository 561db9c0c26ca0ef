"""The same network from several seeds: how much a number changes when the network is trained anew.

An interval over samples says what other samples would have given for *this* network. An interval over seeds says what
another training of the same architecture would have given on *these* samples: the mean over s seeds and t(s - 1) times
its standard error, with Student's t, since there are few of them. With two seeds t is 12.7, with three 4.3, with ten
2.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from scipy.special import stdtrit

from lkutils.games import Label
from lkutils.paper.experiments import find_experiment, with_seed
from lkutils.paper.shipped import game_names, seed_names

FEWEST = 2  # seeds; one says nothing of others


def games_by_network(profile: str, games: list[str], seeds: int = 0) -> dict[str, list[str]]:
    """The games of each network from all its seeds, by the name of the first.

    Args:
        profile: "paper": games that exist. "smoke": those of two seeds, which are made when they are opened.
        games: names of networks' games; all that have several seeds when empty, in the smoke profile one network's.
        seeds: the first so many of each network; 0 for all.

    Raises:
        ValueError: unknown profile or game, or a network that has not so many seeds.

    Example:
        >>> games_by_network("smoke", [])
        {'digits/mlp7': ['digits/mlp7', 'digits/mlp7.seed1']}
    """
    if profile == "smoke":
        mains = {name: find_experiment(name) for name in games or ["digits/mlp7"]}
        found = {name: [with_seed(main, seed).name for seed in range(seeds or 2)] for name, main in mains.items()}
    else:
        found = {name: seed_names(name) for name in games or game_names(profile)}
        few = {name: len(names) for name, names in found.items() if len(names) < max(seeds, FEWEST)}
        if games and few:
            name, count = next(iter(few.items()))
            raise ValueError(
                f"{name} has {count} seeds, where {max(seeds, FEWEST)} are wanted; make the next with: python -m "
                f"lkutils game --dataset {name.partition('/')[0]} --network {name.partition('/')[2]} --seed {count}"
            )
        found = {name: names[: seeds or None] for name, names in found.items() if name not in few}
    if not found:
        raise ValueError("no network has games from two seeds; make one with: python -m lkutils game --seed 1 ...")
    return found


def common_samples(parts: Mapping[Label, xr.DataArray]) -> dict[Label, xr.DataArray]:
    """Each seed's numbers on the samples that all seeds have.

    Raises:
        ValueError: they have none in common.
    """
    aligned = xr.align(*parts.values(), join="inner", exclude=set(next(iter(parts.values())).dims) - {"sample"})
    if not aligned[0].sizes["sample"]:
        raise ValueError(f"{', '.join(map(str, parts))} have no sample in common")
    return dict(zip(parts, aligned, strict=True))


def of_all_seeds(numbers: Sequence[xr.DataArray]) -> xr.DataArray:
    """The same number of several seeds along the axis ``seed``."""
    return xr.concat(numbers, xr.IndexVariable("seed", range(len(numbers))))


def interval_over_seeds(numbers: xr.DataArray, level: float = 0.95) -> xr.DataArray:
    """Mean over seeds, with the interval of Student's t.

    Args:
        numbers: with the axis ``seed``, NaN where a seed has no such number; it is left out.
        level: how often the interval is to hold the mean over all seeds that could have been drawn, if numbers scatter
            normally.

    Returns:
        The axis ``bound`` ("low", "estimate", "high") in place of ``seed``, last. With fewer than two seeds the bounds
        are NaN.

    Raises:
        ValueError: no axis ``seed``, or the level is not between 0 and 1.

    Example:
        >>> interval_over_seeds(xr.DataArray([3.0, 4.0, 5.0], dims="seed")).values.round(2)
        array([1.52, 4.  , 6.48])
    """
    if "seed" not in numbers.dims:
        raise ValueError(f"an interval over seeds needs the axis 'seed'; there are {', '.join(numbers.dims) or 'none'}")
    if not 0 < level < 1:
        raise ValueError(f"level={level} must lie between 0 and 1, such as 0.95")
    count = numbers.notnull().sum("seed")
    enough = count >= FEWEST
    mean = numbers.mean("seed")
    variance = ((numbers - mean) ** 2).sum("seed") / (count - 1).where(enough)
    t = xr.apply_ufunc(lambda freedom: stdtrit(freedom, (1 + level) / 2), (count - 1).where(enough, 1))
    half = t * np.sqrt(variance / count.where(enough))
    bounds = [mean - half, mean, mean + half]
    return xr.concat(bounds, xr.IndexVariable("bound", ["low", "estimate", "high"])).transpose(..., "bound")
