"""The paper's claims, each put to our numbers: one function per claim, which returns a verdict.

Every rule was fixed before the numbers were looked at, and is part of the verdict so that a reader may disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import xarray as xr

from lkutils import uncertainty

HOLDS, PARTLY, FAILS = "holds", "holds partly", "does not hold"

# Sec. 3.2.1: "about 21.8 AND/OR salient interactions in each MNIST image and about 45.6 [...] in each CIFAR-10 image".
PAPER_SALIENT = {"mnist": 21.8, "cifar10": 45.6}


@dataclass(frozen=True)
class Verdict:
    """What became of one claim.

    Attributes:
        claim: the claim, in a few words, and where the paper makes it.
        subject: the data set and networks it was put to.
        measured: the statistic with its 95 % interval and the number of samples.
        paper: the paper's number, or "" where it gives none.
        verdict: "holds", "holds partly" or "does not hold" (on our data).
        rule: how the verdict follows from the statistic.
    """

    claim: str
    subject: str
    measured: str
    paper: str
    verdict: str
    rule: str

    def row(self, chapter: str = "") -> str:
        """The verdict as a row of the table, with a link to its chapter where one is given."""
        source = f" {chapter}" if chapter else ""
        return f"| {self.claim}{source} | {self.subject} | {self.measured} | {self.paper or '–'} | **{self.verdict}** |"


HEADER = "| Claim | On | We measured | Paper | Verdict |\n|---|---|---|---|---|\n"


class Verdicts(list[Verdict]):
    """The verdicts of a chapter, shown as a table; the book collects them from the executed chapter."""

    def rules(self) -> str:
        """How the verdicts follow from their numbers, each rule once, as a list in Markdown."""
        return "\n".join(dict.fromkeys(f"- {verdict.rule}" for verdict in self))

    def _repr_mimebundle_(self, **_) -> tuple[dict, dict]:
        table = HEADER + "\n".join(verdict.row() for verdict in self)
        return {"text/markdown": table}, {"verdicts": [asdict(verdict) for verdict in self]}


def mean_with_interval(values: xr.DataArray, digits: int = 1, seed: int = 0) -> tuple[float, float, float, str]:
    """Mean over the samples, its 95 % bootstrap interval, and the three in words.

    Example:
        >>> mean_with_interval(xr.DataArray(np.arange(100.0), dims="sample"), seed=1)[3]
        '49.5 [43.8, 55.2], 100 samples'
    """
    mean = float(values.mean("sample"))
    low, high = uncertainty.bootstrap_interval(values, seed=seed).values
    words = f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}], {values.sizes['sample']} samples"
    return mean, float(low), float(high), words


# ---- Sec. 3.1 and 3.2.1 ---------------------------------------------------------------------------------------------


def salient_count(dataset: str, counts: xr.DataArray, rule_name: str, seed: int = 0) -> Verdict:
    """Sec. 3.2.1: each sample has about 21.8 (MNIST) or 45.6 (CIFAR-10) salient interactions.

    Args:
        dataset: name of the data set.
        counts: number of salient interactions (network, sample); the mean over networks is what is judged.
        rule_name: which tau was used, in words.
        seed: of the bootstrap.
    """
    mean, low, high, words = mean_with_interval(counts.mean("network"), seed=seed)
    expected = PAPER_SALIENT.get(dataset)
    if expected is None:
        verdict = "no number in the paper"
    elif low <= expected <= high:
        verdict = HOLDS
    else:
        verdict = PARTLY if expected / 2 <= mean <= expected * 2 else FAILS
    return Verdict(
        claim=f"Number of salient interactions per sample (Sec. 3.2.1), with $\\tau$ from the {rule_name}",
        subject=subject(dataset, counts),
        measured=words,
        paper="" if expected is None else str(expected),
        verdict=verdict,
        rule="The number holds when the interval contains the paper's, partly when the mean is within a factor of two.",
    )


def sparsity(dataset: str, shares: xr.DataArray, seed: int = 0) -> Verdict:
    """Sec. 3.2.1: few interactions are salient, all others are very small.

    Args:
        dataset: name of the data set.
        shares: salient interactions as a share of all (network, sample).
        seed: of the bootstrap.
    """
    _, low, high, words = mean_with_interval(100 * shares.mean("network"), seed=seed)
    return Verdict(
        claim="Only a small share of all interactions is salient (Sec. 3.2.1)",
        subject=subject(dataset, shares),
        measured=f"{words} (% of all)",
        paper="",
        verdict=HOLDS if high < 5 else PARTLY if low < 10 else FAILS,
        rule="Sparsity holds when the whole interval lies below 5 % of all interactions, partly when it starts below "
        "10 %.",
    )


def universal_matching(dataset: str, largest_errors: xr.DataArray) -> Verdict:
    """Theorem 3.3: AND and OR interactions together give v(x_T) for all T, here up to the noise delta that was removed.

    Args:
        dataset: name of the data set.
        largest_errors: max over T of |v(x_T) - delta_T - matched v(x_T)|, in units of E_x|v(N) - v(empty)|
            (network, sample).
    """
    worst = float(largest_errors.max())
    return Verdict(
        claim="All interactions together match every masked output exactly (Theorem 3.3)",
        subject=subject(dataset, largest_errors),
        measured=f"largest error {worst:.1e} of the output range, {largest_errors.sizes['sample']} samples",
        paper="0",
        verdict=HOLDS if worst < 1e-6 else FAILS,
        rule="The theorem holds when the largest error over all masked samples is below 1e-6 of the output range.",
    )


def few_suffice(dataset: str, errors: xr.DataArray, seed: int = 0) -> Verdict:
    """Lemma 3.4: the salient interactions alone match every masked output approximately.

    Args:
        dataset: name of the data set.
        errors: :func:`metrics.matching_error` of the salient interactions (network, sample).
        seed: of the bootstrap.
    """
    mean, _, high, words = mean_with_interval(100 * errors.mean("network"), seed=seed)
    return Verdict(
        claim="The salient interactions alone match the masked outputs (Lemma 3.4)",
        subject=subject(dataset, errors),
        measured=f"root mean square error {words} (% of the output range)",
        paper="",
        verdict=HOLDS if high < 10 else PARTLY if mean < 25 else FAILS,
        rule="The lemma holds when the error is below 10 % of the output range with the whole interval, "
        "partly when the mean is below 25 %.",
    )


def by_dataset(by_game: Mapping[str, xr.DataArray]) -> dict[str, xr.DataArray]:
    """One array (network, sample) per data set from one (sample) per game, on the samples that all networks share.

    Example:
        >>> by_dataset({"mnist/mlp7": counts, "mnist/vgg11": counts})["mnist"].dims
        ('network', 'sample')
    """
    parts: dict[str, dict[str, xr.DataArray]] = {}
    for name, values in by_game.items():
        dataset, network = name.split("/")
        parts.setdefault(dataset, {})[network] = values
    return {
        dataset: xr.concat(list(networks.values()), xr.IndexVariable("network", list(networks)), join="inner")
        for dataset, networks in parts.items()
    }


def subject(dataset: str, values: xr.DataArray) -> str:
    """Data set and networks in words."""
    return f"{dataset}: {', '.join(values['network'].values)}"
