"""The one way in which all claims are judged, and what became of them.

A claim of the paper has one rule, a rule one or more statistics with a limit each. `judge` puts a claim to networks
and gives every network one of four outcomes; "yes in k of n networks" is the verdict. A claim that says two things at
once, such as "first rises and then falls", is judged as one: a network in which only half of it is seen does not count
as "yes", and one in which half of it is refuted counts as "no".

    >>> from lkutils.claims.claim import Rule
    >>> grows = Expected("growth", lambda means: means.growth, above=0)
    >>> claim = Claim("claim-growth", "Things grow", "things grow", "Sec. 0", "", None, Rule((grows,), set_before=True))
    >>> samples = {Label("MNIST", "MLP-7"): xr.Dataset({"growth": ("sample", [0.9, 1.1] * 10)})}
    >>> judge(claim, samples).summary()
    'yes in 1 of 1 network'
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import xarray as xr

from lkutils import uncertainty
from lkutils.claims.claim import Claim, Expected
from lkutils.claims.judging import OUTCOMES, bounds, combined
from lkutils.games import Label

JUDGING = (
    "For each network all statistics of a claim are judged together. *Yes*: every statistic lies on the claimed side "
    "of its limit with its whole 95 % interval. *No*: at least one lies on the other side with its whole interval. "
    f"*Too few*: the quantity is defined in fewer than {uncertainty.FEWEST} samples. *Unclear*: anything else. A claim "
    "about every sample is judged by the worst one. These four outcomes, and that a claim of several parts is judged "
    "as one, were settled after the numbers of the first ten games had been seen; before, a claim held when all "
    "intervals of all networks of a data set (or the interval of their mean) were on its side, and held partly when "
    "some were. Whether statistics and limits are older than the numbers is said of each rule."
)


class Measured(NamedTuple):
    """A statistic of one network.

    Attributes:
        low, estimate, high: the statistic with its 95 % interval, which is NaN where samples are too few; or thrice the
            worst sample.
        samples: in how many of them the quantity is defined.
        outcome: one of `OUTCOMES`.
    """

    low: float
    estimate: float
    high: float
    samples: int
    outcome: str

    def __str__(self) -> str:
        numbers = [number_words(number) for number in (self.low, self.estimate, self.high)]
        return f"{numbers[1]} [{numbers[0]}, {numbers[2]}]" if self.low < self.high else numbers[1]


@dataclass(frozen=True)
class Verdict:
    """What became of a claim.

    Attributes:
        claim: the claim.
        setting: what was chosen where the paper leaves a choice, such as which tau; "" where there is nothing to say.
        measured: of every network that the claim was put to, the statistics in the order of the rule.
    """

    claim: Claim
    setting: str
    measured: dict[Label, tuple[Measured, ...]]

    @property
    def title(self) -> str:
        """The claim in a few words, with the setting."""
        return f"{self.claim.words}, {self.setting}" if self.setting else self.claim.words

    @property
    def outcomes(self) -> dict[Label, str]:
        """One outcome for each network."""
        return {label: combined(test.outcome for test in tests) for label, tests in self.measured.items()}

    def where(self, outcome: str) -> list[Label]:
        """The networks with this outcome."""
        return [label for label, found in self.outcomes.items() if found == outcome]

    def summary(self) -> str:
        """In how many networks the claim is seen, and what became of the others."""
        n = len(self.measured)
        if n == 0:
            return f"put to none of these {self.claim.put_to[1]}"
        counts = {outcome: len(self.where(outcome)) for outcome in OUTCOMES[1:]}
        others = [f"{outcome} in {count}" for outcome, count in counts.items() if count]
        return ", ".join([f"yes in {len(self.where('yes'))} of {n} {self.claim.put_to[n > 1]}", *others])


# ---- judging ---------------------------------------------------------------------------------------------------------


def judge(claim: Claim, samples: Mapping[Label, xr.Dataset], setting: str = "", seed: int = 0) -> Verdict:
    """Put a claim to networks; arguments as of `judge_all`."""
    return judge_all([claim], samples, setting, seed)[0]


def judge_all(
    claims: Iterable[Claim], samples: Mapping[Label, xr.Dataset], setting: str = "", seed: int = 0
) -> list[Verdict]:
    """Put claims to networks.

    Args:
        claims: with rules all of whose statistics are given.
        samples: of every network what the statistics are computed from, with the axis ``sample``. Networks that a claim
            does not speak of are left out of its verdict.
        setting: of the verdicts.
        seed: of the bootstrap over samples, which is the same for all claims.

    Raises:
        ValueError: a claim that is not tested yet.
    """
    claims = list(claims)
    for claim in claims:
        if missing := [test.words for test in claim.rule.tests if test.statistic is None]:
            raise ValueError(f"{claim.id} is not tested yet; its rule needs a function for: {', '.join(missing)}")
    measured: list[dict[Label, tuple[Measured, ...]]] = [{} for _ in claims]
    for label, found in samples.items():
        asked = [k for k, claim in enumerate(claims) if claim.speaks_of(label)]
        means = uncertainty.resampled_means(found, seed=seed) if asked else found
        for k in asked:
            measured[k][label] = tuple(measure(test, found, means) for test in claims[k].rule.tests)
    return [Verdict(claim, setting, each) for claim, each in zip(claims, measured, strict=True)]


def measure(test: Expected, samples: xr.Dataset, means: xr.Dataset) -> Measured:
    """One statistic of one network, and on which side of its limits it lies; arguments as of `judging.bounds`."""
    return Measured(**{name: array.item() for name, array in bounds(test, samples, means).items()})


# ---- verdicts in words -----------------------------------------------------------------------------------------------


def matrix(verdicts: Sequence[Verdict]) -> tuple[list[str], list[list[str | None]]]:
    """Header and rows of the table of claims and networks; None where a claim does not speak of a network."""
    networks = list(dict.fromkeys(label for verdict in verdicts for label in verdict.measured))
    rows = [
        [
            v.title,
            f"{len(v.where('yes'))}\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}{len(v.measured)}" if v.measured else None,
            *(v.outcomes.get(label) for label in networks),
        ]
        for v in verdicts
    ]
    return ["Claim", "Yes in", *map(str, networks)], rows


def numbers(verdicts: Sequence[Verdict]) -> tuple[list[str], list[list[str | None]]]:
    """Header and rows of the table of statistics, one row for each, one column for each data set."""
    datasets = list(dict.fromkeys(label.dataset for verdict in verdicts for label in verdict.measured))
    rows = []
    for verdict in verdicts:
        for k, test in enumerate(verdict.claim.rule.tests):
            found = {label: tests[k] for label, tests in verdict.measured.items()}
            cells = [
                numbers_of({label.network: number for label, number in found.items() if label.dataset == name})
                for name in datasets
            ]
            rows.append([verdict.title if k == 0 else "", f"{test.words} ({test.limits})", *cells])
    return ["Claim", "Statistic (claimed)", *datasets], rows


def numbers_of(measured: Mapping[str, Measured]) -> str | None:
    """The numbers of the networks of one data set in words, with how many samples are behind them.

    Example:
        >>> numbers_of({"MLP-7": Measured(0.1, 0.2, 0.3, 30, "yes"), "VGG-11": Measured(-0.1, 0.0, 0.1, 30, "unclear")})
        'MLP-7 0.20 [0.10, 0.30], VGG-11 0.00 [-0.10, 0.10]; 30 samples'
    """
    if not measured:
        return None
    counts = [found.samples for found in measured.values()]
    if len(set(counts)) == 1:
        words = ", ".join(f"{network} {found}" for network, found in measured.items())
        return f"{words}; {samples_words(counts[0])}"
    return ", ".join(f"{network} {found} ({samples_words(found.samples)})" for network, found in measured.items())


def samples_words(count: int) -> str:
    """A number of samples in words."""
    return f"{count} sample{'s' * (count != 1)}"


def sentences(verdicts: Sequence[Verdict]) -> str:
    """What became of each claim in a sentence, as a list in Markdown."""
    return "\n".join(f"- {sentence(verdict)}" for verdict in verdicts)


def sentence(verdict: Verdict) -> str:
    """What became of a claim, and which of its parts was refuted where."""
    parts = []
    for k, test in enumerate(verdict.claim.rule.tests):
        against = [label for label, tests in verdict.measured.items() if tests[k].outcome == "no"]
        if against:
            where = "all of them" if len(against) == len(verdict.measured) > 1 else by_dataset(against)
            parts.append(f"{test.words} {test.limits} is contradicted in {where}")
    told = f"**{verdict.title}** ({verdict.claim.place}): {verdict.summary()}."
    return " ".join([told, *([f"What goes against it: {'; '.join(parts)}."] if parts else [])])


def by_dataset(labels: Iterable[Label]) -> str:
    """Networks in words, those of a data set together.

    Example:
        >>> by_dataset([Label("MNIST", "MLP-7"), Label("MNIST", "VGG-11"), Label("SST-2", "BERT")])
        'MNIST (MLP-7, VGG-11), SST-2 (BERT)'
    """
    networks: dict[str, list[str]] = {}
    for label in labels:
        networks.setdefault(label.dataset, []).append(label.network)
    return ", ".join(f"{dataset} ({', '.join(names)})" for dataset, names in networks.items())


def rules(verdicts: Sequence[Verdict]) -> str:
    """The rule of each claim once, as a list in Markdown."""
    told = {verdict.claim.words: verdict.claim.rule.words for verdict in verdicts}
    return "\n".join(f"- *{words}*: {rule}" for words, rule in told.items())


def number_words(number: float) -> str:
    """Two decimals, or as many digits as a small number needs.

    Example:
        >>> [number_words(number) for number in (0.123, -0.001, 1.1e-17, 0.0, math.nan)]
        ['0.12', '-0.001', '1e-17', '0.00', 'undefined']
    """
    if math.isnan(number):
        return "undefined"
    if 0 < abs(number) < 0.005:
        return f"{number:.1g}"
    return f"{number + 0.0:.2f}"  # + 0.0, as -0.00 would puzzle readers


# ---- verdicts as data ------------------------------------------------------------------------------------------------


def metadata(verdicts: Sequence[Verdict]) -> dict[str, list[dict]]:
    """Verdicts as data beside the output of a chapter, from where the book collects them; NaN becomes None."""
    return {"verdicts": [as_data(verdict) for verdict in verdicts]}


def as_data(verdict: Verdict) -> dict:
    """A verdict as lists, numbers and strings."""
    networks = [
        {
            **label._asdict(),
            "tests": [{k: None if x != x else x for k, x in test._asdict().items()} for test in tests],  # NaN != NaN
        }
        for label, tests in verdict.measured.items()
    ]
    return {"claim": verdict.claim.id, "setting": verdict.setting, "networks": networks}


def from_data(data: Mapping, claim: Claim) -> Verdict:
    """The verdict that `as_data` was made from."""
    measured = {}
    for network in data["networks"]:
        tests = [{k: math.nan if x is None else x for k, x in test.items()} for test in network["tests"]]
        measured[Label(network["dataset"], network["network"])] = tuple(Measured(**test) for test in tests)
    return Verdict(claim, data["setting"], measured)
