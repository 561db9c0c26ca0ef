"""The output of a network taken apart once more: how far two decompositions differ that ought to be the same."""

from __future__ import annotations

import xarray as xr

from lkutils.extraction import GAP, KAPPA_RATIO
from lkutils.games import interactions as interactions_of
from lkutils.paper.pairs import with_noise
from lkutils.paper.shipped import CACHES

AGAIN = ("noise", "start")


def extracted_again(
    game: xr.Dataset, *, kappa_ratio: float = KAPPA_RATIO, gap: float = GAP, seed: int = 0
) -> xr.DataArray:
    """The interactions of the last layer from its values with noise of 1 % of its range, and from another start.

    The latter are of the same values, but found from a random point instead of nothing: where several decompositions
    are equally sparse up to the gap, another one of them.

    Args:
        game: as `lkutils.games.interactions` takes it.
        kappa_ratio, gap: of `lkutils.extraction.extract_interactions`.
        seed: of the noise and of the point.

    Returns:
        In log-odds (again, kind, sample, coalition), along ``again`` as `AGAIN` has it.

    Raises:
        TypeError, ValueError: as `lkutils.games.interactions`.

    Example:
        >>> game = xr.Dataset({"values": (("layer", "sample", "coalition"), [[[1.0, 4.0, 4.0, 4.0]]])})
        >>> extracted_again(game)["again"].values.tolist()
        ['noise', 'start']
    """
    output = game.isel(layer=[-1])
    found = [
        interactions_of(values, kappa_ratio=kappa_ratio, gap=gap, start=start, caches=CACHES)["interactions"]
        for values, start in ((with_noise(output, seed), None), (output, seed))
    ]
    return xr.concat([one.isel(layer=0, drop=True) for one in found], xr.IndexVariable("again", list(AGAIN)))
