"""Claims as data: what the paper says, where, and the rule by which it is judged.

A claim has one rule, a rule one or more statistics with a limit each. `lkutils.claims.verdicts` judges.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import xarray as xr

from lkutils.games import Label

# Of rules that were written for claims which no chapter tested yet, and were not changed when one did.
FIGURES_SEEN = "When the rule was written, the figures of chapters 01 to 03 had been seen, which hint at the numbers."

Statistic = Callable[[xr.Dataset], xr.DataArray]  # from means over samples to a number along their axis ``resample``


class Expected(NamedTuple):
    """What a claim says about one statistic: that it lies above a limit, below one, or between two.

    Attributes:
        words: what the statistic is.
        statistic: from means over samples to one number for each entry of their axis ``resample``; NaN where it is not
            defined. None for a claim that is not tested yet.
        above, below: the limits.
        every: the claim is about every single sample, so that the worst of them is judged.
        present: from single samples (along ``resample``) to whether the quantity is there; by default, whether the
            statistic of that sample alone is a number.
    """

    words: str
    statistic: Statistic | None = None
    above: float = -math.inf
    below: float = math.inf
    every: bool = False
    present: Statistic | None = None

    @property
    def limits(self) -> str:
        """The limits in words.

        Example:
            >>> Expected("count", above=0.8, below=1.25).limits
            'above 0.8 and below 1.25'
        """
        bounds = {"above": self.above, "below": self.below}
        return " and ".join(f"{side} {bound:g}" for side, bound in bounds.items() if math.isfinite(bound))


@dataclass(frozen=True)
class Rule:
    """How a claim is judged.

    Attributes:
        tests: what it says, all of which must be so.
        set_before: these statistics and limits are older than the first number they were applied to.
        changed: what was set or changed after numbers had been seen, and why.
    """

    tests: tuple[Expected, ...]
    set_before: bool
    changed: str = ""

    @property
    def words(self) -> str:
        """Statistics and limits, and when they were set.

        Example:
            >>> Rule((Expected("growth", above=0),), set_before=True).words
            'growth above 0. Set before the numbers were seen.'
        """
        tests = "; and ".join(f"{test.words} {test.limits}{', in every sample' * test.every}" for test in self.tests)
        when = "Set before the numbers were seen." if self.set_before else "Set or changed after numbers had been seen."
        return " ".join(filter(None, [f"{tests}.", when, self.changed]))


@dataclass(frozen=True)
class Claim:
    """A statement of the paper, or one of ours, that numbers can contradict.

    Attributes:
        id: stable name, which is also the anchor on the page of claims.
        words: the claim in a few words.
        quotation: the paper's own words; "" for a claim of ours.
        section, figure: where it stands; "" where there is no figure.
        chapter: the chapter that tests it; None while none does.
        rule: how it is judged.
        networks: those that it speaks of; None for all.
        put_to: what it is put to, one and several of them.
    """

    id: str
    words: str
    quotation: str
    section: str
    figure: str
    chapter: str | None
    rule: Rule
    networks: tuple[Label, ...] | None = None
    put_to: tuple[str, str] = ("network", "networks")

    def speaks_of(self, network: Label) -> bool:
        """Whether the claim is about this network."""
        return self.networks is None or network in self.networks

    @property
    def place(self) -> str:
        """Section and figure, such as "Sec. 3.2.2, Fig. 3(b)"."""
        return ", ".join(filter(None, [self.section, self.figure]))
