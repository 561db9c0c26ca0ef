"""Claims about what layers keep, forget and gain, on parts that were planted."""

import numpy as np
import pytest
import xarray as xr

from lkutils import metrics
from lkutils.claims.layers import judge_all
from lkutils.claims.tracking import (
    completeness_by_choice,
    completeness_of,
    missed_to_the_letter,
    opposite_signs,
    readings,
    redundancy_of,
    removal_of_high_orders,
    tracking_claims,
)
from lkutils.claims.verdicts import FAILS, HOLDS, PARTLY

LAYER_NAMES = [*(f"block{k}" for k in range(1, 7)), "output"]
ORDERS = [1, 2, 3, 4]


def parts(overlap: list[float], forget: list[float], high: float = 0.0) -> xr.Dataset:
    """Means of a network of six layers whose output has a strength of 1 in order 1 and of ``high`` in order 4.

    What is shared and forgotten is given by layer, all of it in order 1; order 4 is new in the output.
    """
    kept, gone = np.zeros((2, 7, 4)), np.zeros((2, 7, 4))
    kept[:, :, 0] = [*overlap, 1]
    gone[:, :, 0] = [*forget, 0]
    new = np.zeros((2, 7, 4))
    new[:, :, 0] = 1 - kept[:, :, 0]
    new[:, :6, 3], kept[:, 6, 3] = high, high
    axes = ("kind", "layer", "order")
    coordinates = {"kind": ["and", "or"], "layer": LAYER_NAMES, "order": ORDERS}
    found = xr.Dataset({"overlap": (axes, kept), "forget": (axes, gone), "new": (axes, new)}, coordinates)
    return found.expand_dims(resample=101).copy(deep=True)


def verdicts(means: xr.Dataset) -> dict[str, str]:
    return {v.claim.split(" (")[0]: v.verdict for v in judge_all(tracking_claims("and"), {"made/up": means})}


def test_all_claims_hold_where_they_were_planted():
    paper = parts([0.1, 0.3, 0.6, 0.7, 0.8, 0.9], [0.2, 0.4, 0.8, 0.9, 0.3, 0.1], high=0.1)
    assert set(verdicts(paper).values()) == {HOLDS}
    assert len(verdicts(paper)) == 5


def test_claims_fail_where_nothing_is_learned_until_the_output():
    late = parts([0.0] * 6, [0.5, 0.4, 0.3, 0.2, 0.2, 0.2], high=3.0)
    judged = verdicts(late)
    assert judged.pop("Redundancy first rises and then falls") == PARTLY
    assert set(judged.values()) == {FAILS}


def test_redundancy_that_only_falls_or_stays():
    only_falls = parts([0.0] * 6, [0.9, 0.9, 0.5, 0.5, 0.1, 0.1])
    stays = parts([0.0] * 6, [0.5] * 6)
    assert verdicts(only_falls)["Redundancy first rises and then falls"] == PARTLY
    assert verdicts(stays)["Redundancy first rises and then falls"] == FAILS


def test_a_kind_is_judged_by_its_own_interactions():
    means = parts([0.1, 0.3, 0.6, 0.7, 0.8, 0.9], [0.0] * 6)
    means.overlap.loc[{"kind": "or"}] = 0
    rises = {
        kind: next(v for v in judge_all(tracking_claims(kind), {"made/up": means}) if "Completeness rises" in v.claim)
        for kind in ("and", "or")
    }
    assert rises["and"].verdict == HOLDS
    assert rises["or"].verdict == FAILS
    assert "OR" in rises["or"].claim


def test_completeness_and_redundancy_of_thirds():
    means = parts([0.1, 0.3, 0.6, 0.7, 0.8, 0.9], [0.2, 0.4, 0.8, 0.9, 0.3, 0.1], high=1.0)
    # both kinds alike; with order 4, the output has 1 + 1
    assert completeness_of("low")(means).values == pytest.approx(0.2 / 2)
    assert completeness_of("middle")(means).values == pytest.approx(0.65 / 2)
    assert redundancy_of("high")(means).values == pytest.approx(0.2 / 2)


def test_removal_of_high_orders():
    means = parts([0.5] * 6, [0, 0, 0.4, 0.4, 0.1, 0.1])
    assert removal_of_high_orders(means).values == pytest.approx(-0.3)
    means.forget.loc[{"layer": ["block3", "block4"], "order": 4}] = 0.9
    assert removal_of_high_orders(means).values == pytest.approx(0.9 - 0.3)


def test_the_usual_reading_is_put_to_all_networks():
    fast = parts([0.6, 0.7, 0.8, 0.9, 0.9, 0.9], [0.1, 0.2, 0.8, 0.8, 0.1, 0.0])
    found = readings({"mnist/mlp7": fast, "made/up": fast})
    assert [v.subject for v in found] == ["mnist: mlp7", "mnist: mlp7", "made: up"]
    assert [v.verdict for v in found] == [HOLDS, HOLDS, HOLDS]


@pytest.mark.parametrize(
    ("name", "overlap", "forget"),
    [
        ("mnist/resnet20", [0.6, 0.7, 0.8, 0.9, 0.9, 0.9], [0.1, 0.2, 0.8, 0.8, 0.1, 0.0]),
        ("cifar10/vgg11", [0.1, 0.2, 0.5, 0.6, 0.8, 0.9], [0.1, 0.1, 0.2, 0.2, 0.1, 0.1]),
        ("sst2/distilbert", [0.1, 0.2, 0.5, 0.6, 0.8, 0.9], [0.1, 0.2, 0.9, 0.9, 0.2, 0.1]),
    ],
)
def test_each_reading_holds_where_it_was_planted(name, overlap, forget):
    means = parts(overlap, forget)
    # what is forgotten in the middle is of order 4
    means.forget.loc[{"order": 4}] = means.forget.sel(order=1) * 0.9
    means.forget.loc[{"order": 1}] = means.forget.sel(order=1) * 0.1
    _, *own = readings({name: means})
    assert own
    assert {v.verdict for v in own} == {HOLDS}


# ---- what the choices change


@pytest.fixture
def interactions() -> xr.DataArray:
    """Two players, three layers and the output, one sample; the output range of every layer is 10."""
    values = np.zeros((2, 4, 1, 4))
    values[0, :, 0, 1] = [8.0, 8.0, 8.0, 9.7]
    values[0, :, 0, 2] = [4.0, -2.0, 2.0, 0.3]  # 0.3 of the output is below tau = 0.485
    values[1, :, 0, 3] = [-2.0, 4.0, 0.0, 0.0]
    axes = ("kind", "layer", "sample", "coalition")
    return xr.DataArray(values, {"kind": ["and", "or"], "layer": ["a", "b", "c", "output"]}, axes)


def test_missed_to_the_letter(interactions):
    # 0.3 in the layers a and c, where {1} has the same sign as in the output, of the strengths 14, 14, 10 and 9.7
    assert missed_to_the_letter(interactions, metrics.salient_part(interactions)) == pytest.approx(0.6 / 47.7)


def test_opposite_signs(interactions):
    interactions.loc[{"layer": "output", "coalition": 2, "kind": "and"}] = 1.0
    interactions.loc[{"layer": "output", "coalition": 1, "kind": "and"}] = 9.0
    # {0}: 8, 8, 8 alike; {1}: 4 and 2 alike, -2 against; OR {0, 1} is not in the output
    assert opposite_signs(metrics.salient_part(interactions)) == pytest.approx(2 / 32)


def test_completeness_by_choice(interactions):
    ways = completeness_by_choice(interactions, 0.05, per_sample=True)
    assert ways == pytest.approx({"as here": 8 / 9.7, "the other tau": 8 / 9.7, "mean of ratios": 8 / 9.7})
