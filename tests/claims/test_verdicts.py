"""How a claim is judged, and what is told of it."""

import json
import math

import numpy as np
import pytest
import xarray as xr

from lkutils.claims import verdicts
from lkutils.claims.claim import Claim, Expected, Rule
from lkutils.claims.verdicts import Measured, Verdict, judge
from lkutils.games import Label

A, B, C = Label("MNIST", "MLP-7"), Label("MNIST", "VGG-11"), Label("CIFAR-10", "MLP-7")


def claim(*tests: Expected, networks=None, set_before=True, changed="") -> Claim:
    return Claim(
        "claim-x", "It grows", "grows", "Sec. 9", "Fig. 9", "99", Rule(tests, set_before, changed), networks=networks
    )


def growth(above=-math.inf, below=math.inf, every=False, name="growth") -> Expected:
    return Expected(name, lambda means: means[name], above=above, below=below, every=every)


def around(mean: float, spread: float, n: int = 20, name: str = "growth") -> xr.Dataset:
    """Samples whose mean is known exactly."""
    return xr.Dataset({name: ("sample", mean + spread * np.tile([-1.0, 1.0], n // 2 + n % 2)[:n])})


def measured(outcome: str) -> Measured:
    return Measured(0.1, 0.2, 0.3, 30, outcome)


# ---- one statistic


@pytest.mark.parametrize(
    ("samples", "limits", "outcome"),
    [
        (around(1.0, 0.1), {"above": 0.5}, "yes"),
        (around(0.0, 0.1), {"above": 0.5}, "no"),
        (around(0.5, 0.1), {"above": 0.5}, "unclear"),
        (around(0.51, 0.1), {"above": 0.5}, "unclear"),  # an estimate on the claimed side is not enough
        (around(1.0, 0.1, n=9), {"above": 0.5}, "too few"),
        (around(1.0, 0.1, n=10), {"above": 0.5}, "yes"),
        (around(0.0, 0.1), {"below": 0.5}, "yes"),
        (around(1.0, 0.1), {"below": 0.5}, "no"),
        (around(1.0, 0.1), {"above": 0.8, "below": 1.25}, "yes"),
        (around(0.5, 0.1), {"above": 0.8, "below": 1.25}, "no"),
        (around(2.0, 0.1), {"above": 0.8, "below": 1.25}, "no"),
        (around(1.2, 0.3), {"above": 0.8, "below": 1.25}, "unclear"),
        (around(1.0, 5.0), {"above": 0.8, "below": 1.25}, "unclear"),  # a wide interval is not rewarded
    ],
)
def test_outcome_of_one_statistic(samples, limits, outcome):
    assert judge(claim(growth(**limits)), {A: samples}).outcomes == {A: outcome}


@pytest.mark.parametrize(("worst", "outcome"), [(0.4, "yes"), (0.6, "no"), (0.5, "unclear")])
def test_a_claim_about_every_sample_is_judged_by_the_worst_one(worst, outcome):
    samples = xr.Dataset({"growth": ("sample", [0.0, 0.1, worst])})
    found = judge(claim(growth(below=0.5, every=True)), {A: samples})
    assert found.outcomes == {A: outcome}
    assert found.measured[A][0][:4] == (worst, worst, worst, 3)
    turned = judge(claim(growth(above=-0.5, every=True)), {A: -samples})
    assert turned.outcomes == {A: outcome}


def test_samples_without_the_quantity_do_not_count():
    samples = around(1.0, 0.1, n=30)
    samples.growth[9:] = np.nan  # five times 0.9 and four times 1.1 are left
    found = judge(claim(growth(above=0.5)), {A: samples})
    assert found.outcomes == {A: "too few"}
    assert found.measured[A][0].samples == 9
    assert str(found.measured[A][0]) == "0.99"  # and no interval


def test_presence_can_be_something_else_than_being_a_number():
    test = growth(above=-1)._replace(present=lambda samples: samples.growth > 0.9)
    samples = xr.Dataset({"growth": ("sample", [1.0] * 9 + [0.0] * 50)})
    assert judge(claim(test), {A: samples}).outcomes == {A: "too few"}


def test_a_statistic_of_several_means_is_one_of_the_means_and_not_a_mean_of_statistics():
    ratio = Expected("ratio", lambda means: means.hits / means.tries, above=0)
    samples = xr.Dataset({"hits": ("sample", [1.0, 0.0] * 10), "tries": ("sample", [1.0, 9.0] * 10)})
    assert judge(claim(ratio), {A: samples}).measured[A][0].estimate == pytest.approx(0.1)


# ---- several statistics, several networks


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        (1, 1, "yes"),
        (1, -1, "no"),
        (-1, 1, "no"),
        (-1, -1, "no"),
        (1, 0, "unclear"),
        (0, -1, "no"),
        (0, 0, "unclear"),
    ],
)
def test_a_conjunction_is_judged_as_one(first, second, outcome):
    rises, falls = growth(above=0, name="rise"), growth(above=0, name="fall")
    samples = xr.merge([around(first, 0.1, name="rise"), around(second, 0.1, name="fall")])
    assert judge(claim(rises, falls), {A: samples}).outcomes == {A: outcome}


def test_a_part_with_too_few_samples_leaves_a_claim_open_but_not_a_refuted_one():
    samples = xr.merge([around(1, 0.1, name="rise"), around(1, 0.1, name="fall")])
    samples.fall[5:] = np.nan
    rises, sinks, falls = growth(above=0, name="rise"), growth(below=0, name="rise"), growth(above=0, name="fall")
    assert judge(claim(rises, falls), {A: samples}).outcomes == {A: "too few"}
    assert judge(claim(sinks, falls), {A: samples}).outcomes == {A: "no"}


def test_rising_and_falling_seen_nowhere_and_contradicted_in_eight_of_ten():
    """What used to be called "holds partly"."""
    rises, falls = growth(above=0, name="rise"), growth(above=0, name="fall")
    samples = {
        Label("MNIST", f"net {k}"): xr.merge(
            [around(-1.0 if k < 8 else 0.0, 0.1, name="rise"), around(1.0, 0.1, name="fall")]
        )
        for k in range(10)
    }
    found = judge(claim(rises, falls), samples)
    assert found.summary() == "yes in 0 of 10 networks, no in 8, unclear in 2"
    told = verdicts.sentence(found)
    assert told.startswith("**It grows** (Sec. 9, Fig. 9): yes in 0 of 10 networks, no in 8, unclear in 2. ")
    assert "rise above 0 is contradicted in MNIST (net 0, net 1, net 2" in told
    assert "fall above 0 is" not in told
    everywhere = judge(claim(rises), {label: samples[label] for label in list(samples)[:8]})
    assert verdicts.sentence(everywhere).endswith("rise above 0 is contradicted in all of them.")


def test_only_the_networks_that_a_claim_speaks_of_are_asked():
    samples = {A: around(1, 0.1), B: around(1, 0.1)}
    assert list(judge(claim(growth(above=0), networks=(B, C)), samples).outcomes) == [B]
    assert judge(claim(growth(above=0), networks=(C,)), samples).summary() == "put to none of these networks"
    assert judge(claim(growth(above=0)), {A: samples[A]}).summary() == "yes in 1 of 1 network"


def test_a_claim_that_is_not_tested_yet_cannot_be_judged():
    with pytest.raises(ValueError, match=r"claim-x is not tested yet; its rule needs a function for: growth"):
        judge(claim(Expected("growth", above=0)), {A: around(1, 0.1)})


def test_the_samples_given_stay_as_they_are():
    samples = around(1, 0.1)
    before = samples.copy(deep=True)
    judge(claim(growth(above=0)), {A: samples})
    xr.testing.assert_identical(samples, before)


def test_same_seed_same_verdict():
    samples = {A: around(1, 0.7, n=31)}
    one, two, other = (judge(claim(growth(above=0)), samples, seed=seed).measured[A][0] for seed in (3, 3, 4))
    assert one == two
    assert one != other


# ---- tables and words


@pytest.fixture
def found() -> list[Verdict]:
    test = growth(above=0)
    return [
        Verdict(claim(test), "one way", {A: (measured("yes"),), C: (Measured(-0.3, -0.2, -0.1, 20, "no"),)}),
        Verdict(claim(test, test), "", {A: (measured("yes"), measured("unclear")), B: (measured("too few"),) * 2}),
    ]


def test_matrix_of_claims_and_networks(found):
    header, rows = verdicts.matrix(found)
    assert header == ["Claim", "Yes in", "MLP-7, MNIST", "MLP-7, CIFAR-10", "VGG-11, MNIST"]
    assert rows == [
        ["It grows, one way", "1\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}2", "yes", "no", None],
        ["It grows", "0\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}2", "unclear", None, "too few"],
    ]


def test_numbers_of_every_statistic(found):
    header, rows = verdicts.numbers(found)
    assert header == ["Claim", "Statistic (claimed)", "MNIST", "CIFAR-10"]
    assert rows[0] == [
        "It grows, one way",
        "growth (above 0)",
        "MLP-7 0.20 [0.10, 0.30]; 30 samples",
        "MLP-7 -0.20 [-0.30, -0.10]; 20 samples",
    ]
    assert [row[0] for row in rows] == ["It grows, one way", "It grows", ""]
    assert rows[1][3] is None


def test_numbers_without_an_interval():
    assert str(Measured(1e-17, 1e-17, 1e-17, 3, "yes")) == "1e-17"
    assert str(Measured(math.nan, 0.25, math.nan, 3, "too few")) == "0.25"


def test_each_rule_is_told_once_and_says_when_it_was_set(found):
    assert verdicts.rules(found[:1] * 2) == "- *It grows*: growth above 0. Set before the numbers were seen."
    late = Rule((growth(above=0),), set_before=False, changed="The limit was 1.")
    assert late.words == "growth above 0. Set or changed after numbers had been seen. The limit was 1."


def test_verdicts_survive_being_written_into_a_notebook(found):
    found[0].measured[B] = (Measured(math.nan, math.nan, math.nan, 0, "too few"),)
    text = json.dumps(verdicts.metadata(found), allow_nan=False)
    back = [
        verdicts.from_data(entry, verdict.claim)
        for entry, verdict in zip(json.loads(text)["verdicts"], found, strict=True)
    ]
    assert [verdict.outcomes for verdict in back] == [verdict.outcomes for verdict in found]
    assert back[1] == found[1]
    assert back[0].setting == "one way"
    assert math.isnan(back[0].measured[B][0].estimate)
