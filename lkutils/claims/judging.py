"""The one way in which a statistic is held against its limits, whatever further axes it has."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import xarray as xr

from lkutils import uncertainty
from lkutils.claims.claim import Expected

OUTCOMES = ("yes", "no", "unclear", "too few")
# Of the parts of a claim the one that comes last here decides: a refuted part refutes it, all must be seen.
SEVERITY = ("yes", "unclear", "too few", "no")


def bounds(test: Expected, samples: xr.Dataset, means: xr.Dataset) -> xr.Dataset:
    """A statistic with its 95 % interval, and on which side of its limits it lies.

    Args:
        test: what is claimed.
        samples: what the statistic is computed from, of every sample.
        means: `lkutils.uncertainty.resampled_means` of it.

    Returns:
        With the axes that the statistic has beside ``resample``: ``estimate``; ``low`` and ``high``, NaN where samples
        are too few; of a claim about every sample all three are the worst one's. ``samples``, in how many of them the
        quantity is defined; ``outcome``, one of `OUTCOMES`.
    """
    single = samples.rename(sample="resample")
    alone = test.statistic(single)
    present = (alone.notnull() if test.present is None else test.present(single)).sum("resample")
    if test.every:
        worst = alone.max("resample") if math.isfinite(test.below) else alone.min("resample")
        interval, fewest = [worst, worst, worst], 1
    else:
        found = uncertainty.with_interval(test.statistic(means))
        interval, fewest = [found.sel(bound=name, drop=True) for name in found["bound"].values], uncertainty.FEWEST
    enough = present >= fewest
    low, estimate, high = interval[0].where(enough), interval[1], interval[2].where(enough)
    yes, no = (low > test.above) & (high < test.below), (high < test.above) | (low > test.below)
    outcome = xr.where(yes, "yes", xr.where(no, "no", "unclear"))
    return xr.Dataset(
        {
            "low": low,
            "estimate": estimate,
            "high": high,
            "samples": present,
            "outcome": xr.where(enough, outcome, "too few"),
        }
    )


def combined(outcomes: Iterable[str]) -> str:
    """The outcome of a claim from those of its parts: one refuted part refutes it, all must be seen for it to be seen.

    Example:
        >>> [combined(parts) for parts in (["yes", "yes"], ["yes", "no"], ["yes", "unclear"], ["yes", "too few"])]
        ['yes', 'no', 'unclear', 'too few']
    """
    return max(outcomes, key=SEVERITY.index, default="yes")


def combined_arrays(outcomes: Iterable[xr.DataArray]) -> xr.DataArray:
    """The same for every element.

    Example:
        >>> combined_arrays([xr.DataArray(["yes", "no"]), xr.DataArray(["unclear", "too few"])]).values.tolist()
        ['unclear', 'no']
    """
    worst = None
    for outcome in outcomes:
        rank = sum((outcome == name) * number for number, name in enumerate(SEVERITY))
        worst = rank if worst is None else np.maximum(worst, rank)
    return worst.copy(data=np.array(SEVERITY)[worst.values])
