"""How far verdicts depend on choices: in how many specifications of `lkutils.claims.choices` each of them stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from lkutils.claims.choices import MAIN
from lkutils.claims.claim import Claim
from lkutils.games import Label

CHOSEN = {
    "training": "training and probes",
    "extraction": "extraction",
    "tau_rule": "whose tau",
    "tau_ratio": "ratio of tau",
    "samples": "samples",
}


class Standing(NamedTuple):
    """How far the verdict of a claim depends on choices, over all networks that it was put to.

    Attributes:
        specifications: how many were compared with the book's own.
        stands: in which share of them the outcome is the book's.
        reversed: in which share "yes" is "no" or the other way round.
        changing: by the thing that is chosen, in which share the outcome stands where this alone is chosen otherwise.
    """

    specifications: int
    stands: float
    reversed: float
    changing: dict[str, float]


def standing(of_networks: Iterable[xr.Dataset]) -> Standing:
    """In how many specifications the verdict of a claim stands.

    Args:
        of_networks: of `specifications`, one for each network.

    Example:
        >>> axes = {name: [choice] for name, choice in MAIN.items()} | {"tau_ratio": [0.05, 0.1]}
        >>> outcome = xr.DataArray(np.array(["yes", "no"]).reshape(1, 1, 1, 2, 1), axes, tuple(axes))
        >>> standing([xr.Dataset({"outcome": outcome})])[:3]
        (1, 0.0, 1.0)
    """
    same, against, changing = [], [], {axis: [] for axis in MAIN}
    for found in of_networks:
        outcome = found["outcome"].transpose(*MAIN)
        main = outcome.sel(MAIN).item()
        others = np.ones(outcome.shape, bool)
        others[tuple(outcome.get_index(axis).get_loc(choice) for axis, choice in MAIN.items())] = False
        same += (outcome.values[others] == main).tolist()
        opposite = {"yes": "no", "no": "yes"}.get(main)
        against += (outcome.values[others] == opposite).tolist()
        for axis, choice in MAIN.items():
            alone = outcome.sel({other: MAIN[other] for other in MAIN if other != axis})
            changing[axis] += (alone.sel({axis: alone[axis] != choice}) == main).values.tolist()
    shares = {axis: float(np.mean(some)) for axis, some in changing.items() if some}
    return Standing(len(same), float(np.mean(same)), float(np.mean(against)), shares)


def shares_by_choice(claims: Sequence[Claim], found: Mapping[str, Mapping[Label, xr.Dataset]]) -> xr.DataArray:
    """Share of specifications in which each verdict is the book's own, among those with each choice.

    Args:
        claims: in the order in which to show them.
        found: of `specifications`.

    Returns:
        With the axes (claim, choice), NaN where no network has the choice, and the coordinate ``chosen`` (choice), one
        of `CHOSEN`.
    """
    same: dict[tuple[str, str, str], list[bool]] = {}
    for claim in claims:
        for one in found[claim.id].values():
            outcome = one["outcome"].transpose(*MAIN)
            stands = outcome == outcome.sel(MAIN).item()
            for axis in MAIN:
                for choice in outcome[axis].values.tolist():
                    words = f"{choice:g}" if isinstance(choice, float) else choice
                    same.setdefault((claim.words, axis, words), []).extend(stands.sel({axis: choice}).values.ravel())
    columns = list(
        dict.fromkeys((axis, words) for _, axis, words in sorted(same, key=lambda key: [*MAIN].index(key[1])))
    )
    rows = [claim.words for claim in claims]
    table = [[np.mean(same.get((row, *column), [np.nan])) for column in columns] for row in rows]
    coordinates = {"claim": rows, "choice": [words for _, words in columns]}
    shares = xr.DataArray(table, coordinates, ("claim", "choice"), "share")
    return shares.assign_coords(chosen=("choice", [CHOSEN[axis] for axis, _ in columns]))


def findings(claims: Sequence[Claim], found: Mapping[str, Standing]) -> str:
    """Which verdicts stand whatever is chosen, and which do not, as a list in Markdown.

    Args:
        claims: in their order.
        found: of each, by its id.
    """
    groups = {
        "stand in at least nine of ten specifications": lambda share: share >= 0.9,
        "stand in two thirds to nine tenths": lambda share: 2 / 3 <= share < 0.9,
        "stand in fewer than two thirds": lambda share: share < 2 / 3,
    }
    lines = []
    for words, belongs in groups.items():
        some = [claim for claim in claims if belongs(found[claim.id].stands)]
        named = "; ".join(f"{claim.words} ({found[claim.id].stands:.0%})" for claim in some)
        lines.append(f"- {len(some)} of {len(claims)} verdicts {words}" + (f": {named}." if some else "."))
    turned = [claim for claim in claims if found[claim.id].reversed >= 0.1]
    named = "; ".join(f"{claim.words} ({found[claim.id].reversed:.0%})" for claim in turned)
    lines.append(
        f"- {len(turned)} are reversed, yes to no or no to yes, in a tenth or more" + f": {named}." * bool(turned)
    )
    changing: dict[str, list[float]] = {}
    for claim in claims:
        for axis, share in found[claim.id].changing.items():
            changing.setdefault(axis, []).append(share)
    order = sorted(changing, key=lambda axis: np.mean(changing[axis]))
    means = ", ".join(f"{CHOSEN[axis]} {np.mean(changing[axis]):.0%}" for axis in order)
    return "\n".join([*lines, f"- Changed alone, the verdict stands in (mean over claims): {means}."])
