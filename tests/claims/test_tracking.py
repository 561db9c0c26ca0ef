"""What claims about keeping, forgetting and gaining are computed from; their rules are in test_rules."""

import numpy as np
import pytest
import xarray as xr

from lkutils import metrics
from lkutils.claims.tracking import (
    PARTS_ADD_UP,
    completeness_by_choice,
    completeness_of,
    counted_to_the_letter,
    opposite_signs,
    redundancy_of,
    removal_of_high_orders,
)
from lkutils.claims.verdicts import judge
from lkutils.games import Label

LAYER_NAMES = [*(f"block{k}" for k in range(1, 7)), "output"]


def parts(overlap: list[float], forget: list[float], high: float = 0.0) -> xr.Dataset:
    """Means of a network of six layers whose output has a strength of 1 in order 1 and of ``high`` in order 4.

    What is shared and forgotten is given by layer, all of it in order 1; order 4 is new in the output.
    """
    shared, gone, new = np.zeros((3, 2, 7, 4))
    shared[:, :, 0] = [*overlap, 1]
    gone[:, :, 0] = [*forget, 0]
    new[:, :, 0] = 1 - shared[:, :, 0]
    new[:, :6, 3], shared[:, 6, 3] = high, high
    axes = ("kind", "layer", "order")
    coordinates = {"kind": ["and", "or"], "layer": LAYER_NAMES, "order": [1, 2, 3, 4]}
    return xr.Dataset({"overlap": (axes, shared), "forget": (axes, gone), "new": (axes, new)}, coordinates)


def test_completeness_and_redundancy_of_thirds():
    means = parts([0.1, 0.3, 0.6, 0.7, 0.8, 0.9], [0.2, 0.4, 0.8, 0.9, 0.3, 0.1], high=1.0)
    # both kinds alike; with order 4, the output has 1 + 1
    assert completeness_of(means, "low").item() == pytest.approx(0.2 / 2)
    assert completeness_of(means, "middle").item() == pytest.approx(0.65 / 2)
    assert redundancy_of(means, "high").item() == pytest.approx(0.2 / 2)


def test_removal_of_high_orders():
    means = parts([0.5] * 6, [0, 0, 0.4, 0.4, 0.1, 0.1])
    assert removal_of_high_orders(means).item() == pytest.approx(-0.3)
    means.forget.loc[{"layer": ["block3", "block4"], "order": 4}] = 0.9
    assert removal_of_high_orders(means).item() == pytest.approx(0.9 - 0.3)


# ---- what the choices change


@pytest.fixture
def interactions() -> xr.DataArray:
    """Two players, three layers and the output, one sample; the output range of every layer is 10."""
    values = np.zeros((2, 4, 1, 4))
    values[0, :, 0, 1] = [8.0, 8.0, 8.0, 9.7]
    values[0, :, 0, 2] = [4.0, -2.0, 2.0, 0.3]  # 0.3 of the output is below tau = 0.485
    values[1, :, 0, 3] = [-2.0, 4.0, 0.0, 0.0]
    axes = ("kind", "layer", "sample", "coalition")
    coordinates = {"kind": ["and", "or"], "layer": ["a", "b", "c", "output"], "coalition": range(4)}
    return xr.DataArray(values, coordinates, axes)


def test_what_is_missed_to_the_letter(interactions):
    # 0.3 in the layers a and c, where {1} has the same sign as in the output, of the strengths 14, 14, 10 and 9.7
    found = counted_to_the_letter(interactions, metrics.salient_part(interactions))
    assert found.strength.values == pytest.approx([4.77])
    assert found.missed.values == pytest.approx([0.6 / 47.7])
    label = Label("made", "up")
    assert judge(PARTS_ADD_UP, {label: found}).outcomes == {label: "no"}


def test_nothing_is_missed_where_the_output_has_no_weak_interactions(interactions):
    interactions.loc[{"layer": "output", "coalition": 2, "kind": "and"}] = 0.0
    found = counted_to_the_letter(interactions, metrics.salient_part(interactions))
    assert found.missed.values == pytest.approx([0.0])
    label = Label("made", "up")
    assert judge(PARTS_ADD_UP, {label: found}).outcomes == {label: "yes"}


def test_opposite_signs(interactions):
    interactions.loc[{"layer": "output", "coalition": 2, "kind": "and"}] = 1.0
    interactions.loc[{"layer": "output", "coalition": 1, "kind": "and"}] = 9.0
    # {0}: 8, 8, 8 alike; {1}: 4 and 2 alike, -2 against; OR {0, 1} is not in the output
    assert opposite_signs(metrics.salient_part(interactions)) == pytest.approx(2 / 32)


def test_completeness_by_choice(interactions):
    ways = completeness_by_choice(interactions, 0.05, per_sample=True)
    assert ways == pytest.approx({"as here": 8 / 9.7, "the other tau": 8 / 9.7, "mean of ratios": 8 / 9.7})
