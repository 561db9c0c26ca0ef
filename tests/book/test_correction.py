"""Holm's correction by hand, and by simulation where nothing is there to find."""

import math

import numpy as np
import pytest
from scipy import stats

from lkutils.book import correction
from lkutils.claims.claim import Claim, Expected, Rule
from lkutils.claims.verdicts import Measured, Verdict
from lkutils.games import Label

GROWS = Expected("growth", above=0)
A, B = Label("MNIST", "MLP-7"), Label("MNIST", "VGG-11")


def verdict(test=GROWS, **measured):
    claim = Claim("claim-x", "It grows", "", "", "", None, Rule((test,), set_before=True))
    return Verdict(claim, "", {Label("MNIST", name): (found,) for name, found in measured.items()})


def test_p_of_a_t_interval_is_that_of_the_t_test():
    values = np.random.default_rng(0).normal(0.6, 1, 25)
    low, high = stats.t.interval(0.95, 24, values.mean(), stats.sem(values))
    found = Measured(low, values.mean(), high, 25, "yes")
    assert correction.p_value(GROWS, found) == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    against = Expected("growth", below=0)
    assert correction.p_value(against, found._replace(outcome="no")) == pytest.approx(
        stats.ttest_1samp(values, 0).pvalue
    )


def test_between_two_limits_the_nearer_one_tells():
    found = Measured(0.9, 1.0, 1.1, 30, "yes")
    near, far = Expected("x", above=0.8), Expected("x", below=2.0)
    both = Expected("x", above=0.8, below=2.0)
    assert correction.p_value(both, found) == correction.p_value(near, found) > correction.p_value(far, found)


def test_what_is_barely_beyond_its_limit_does_not_survive_many_tests():
    barely, clearly = Measured(0.01, 1.0, 2.0, 30, "yes"), Measured(0.9, 1.0, 1.1, 30, "yes")
    alone = verdict(a=barely)
    assert correction.corrected([alone]) == [alone]
    together = correction.corrected([verdict(a=barely, b=clearly), verdict(a=Measured(-1.0, 0.0, 1.0, 30, "unclear"))])
    assert list(together[0].outcomes.values()) == ["unclear", "yes"]
    assert list(together[1].outcomes.values()) == ["unclear"]


def test_statistics_without_an_interval_are_no_tests():
    few, worst = Measured(math.nan, 1.0, math.nan, 3, "too few"), Measured(1.0, 1.0, 1.0, 3, "yes")
    found = [verdict(a=few), verdict(GROWS._replace(every=True), a=worst)]
    assert correction.count_tests(found) == 0
    assert correction.corrected(found) == found
    assert "No statistic" in correction.told(found)


def test_told_counts_before_and_after():
    barely, clearly = Measured(0.01, 1.0, 2.0, 30, "yes"), Measured(-1.1, -1.0, -0.9, 30, "no")
    words = correction.told([verdict(a=barely, b=clearly, c=Measured(-1.0, 0.0, 1.0, 30, "unclear"))])
    assert "3 statistics" in words
    assert "of 1 yes 0 remain, of 1 no 1" in words
