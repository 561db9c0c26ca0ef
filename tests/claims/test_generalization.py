"""What the claim about low orders is judged by, on sets with a known IoU, and each outcome of its rule in words."""

import numpy as np
import pytest
import xarray as xr

from lkutils.claims.generalization import IOU, IOU_AND, finding, low_minus_high
from lkutils.claims.verdicts import judge
from lkutils.games import Label
from lkutils.generalization import overlap_of_sets, signed_sets, unsigned
from lkutils.mobius import coalition_sizes

PAIR, OTHER = Label("MNIST", "MLP-7 and VGG-11"), Label("SST-2", "BERT and XLNet")


def shared_of(iou: list[list[float]], corrected: list[list[float]]) -> xr.Dataset:
    orders = {"order": np.arange(1, len(iou[0]) + 1)}
    return xr.Dataset({"iou": (("sample", "order"), iou), "corrected": (("sample", "order"), corrected)}, orders)


def test_low_minus_high_is_by_sample_and_leaves_the_middle_order_out():
    nan = np.nan
    iou = [
        [0.8, 0.6, 9.0, 0.2, nan, nan],
        [0.8, nan, 9.0, nan, nan, nan],
        [nan, nan, 9.0, 0.5, 0.5, 0.5],
        [0.1, 0.1, nan, 0.3, 0.5, 0.4],
    ]
    found = low_minus_high(shared_of(iou, [[2 * x for x in row] for row in iou]))
    assert found["iou"].values == pytest.approx([0.5, nan, nan, -0.3], nan_ok=True)
    assert found["corrected"].values == pytest.approx([1.0, nan, nan, -0.6], nan_ok=True)


@pytest.mark.parametrize(("n", "low", "high"), [(4, [1], [3, 4]), (5, [1, 2], [3, 4, 5]), (6, [1, 2], [4, 5, 6])])
def test_low_orders_are_below_half_of_the_players(n, low, high):
    for order in range(1, n + 1):
        numbers = [[1.0 if m == order else 0.0 for m in range(1, n + 1)]]
        expected = (order in low) / len(low) - (order in high) / len(high)
        assert low_minus_high(shared_of(numbers, numbers))["iou"].item() == pytest.approx(expected)


def test_two_networks_that_share_low_orders_only():
    """Of six players: the same ten pairs in both, and ten of order 4 of which none is common."""
    interactions, sizes = np.zeros((2, 12, 64)), coalition_sizes(6).numpy()
    pairs, fours = np.flatnonzero(sizes == 2), np.flatnonzero(sizes == 4)
    interactions[:, :, pairs[:10]] = 1
    interactions[0][:, fours[:7]] = 1
    interactions[1][:, fours[8:]] = 1
    sets = [
        unsigned(signed_sets(part, part != 0))
        for part in (xr.DataArray(one, dims=("sample", "coalition")) for one in interactions)
    ]
    found = low_minus_high(overlap_of_sets(*sets))
    assert (found["iou"] == 1).all()
    assert (found["corrected"] > 1).all()  # chance would have given order 4 some in common
    assert judge(IOU_AND, {PAIR: found}).outcomes == {PAIR: "yes"}


# Of twelve samples: the mean of raw and corrected differences, and what is said.
OUTCOMES = {
    "yes": (0.3, 0.2, "yes in 1 of 1 pairs."),
    "not beyond chance": (0.3, -0.2, "yes in 0 of 1 pairs. It holds, but not beyond chance, in 1: MNIST"),
    "unclear beyond chance": (0.3, 0.0, "yes in 0 of 1 pairs. It holds, but not beyond chance, in 1: MNIST"),
    "beyond chance, but not raw": (0.0, 0.3, "yes in 0 of 1 pairs."),
    "no": (-0.3, -0.2, "yes in 0 of 1 pairs."),
    "unclear": (0.0, 0.0, "yes in 0 of 1 pairs."),
}


def differences(iou: float, corrected: float, n: int = 12) -> xr.Dataset:
    spread = np.where(np.arange(n) % 2, 0.05, -0.05)
    return xr.Dataset({"iou": ("sample", iou + spread), "corrected": ("sample", corrected + spread)})


@pytest.mark.parametrize("case", OUTCOMES)
@pytest.mark.parametrize("claim", IOU.values(), ids=list(IOU))
def test_findings_of_each_outcome(claim, case):
    iou, corrected, words = OUTCOMES[case]
    verdict = judge(claim, {PAIR: differences(iou, corrected)})
    assert words in finding(verdict)
    assert ("beyond chance" in finding(verdict)) == ("beyond chance" in words)


def test_findings_count_pairs_and_name_those_that_hold_in_the_raw_iou_only():
    verdict = judge(IOU_AND, {PAIR: differences(0.3, 0.2), OTHER: differences(0.3, 0.0)}, "agreeing signs")
    assert finding(verdict).endswith(
        "(AND), agreeing signs**: yes in 1 of 2 pairs. It holds, but not beyond chance, in 1: SST-2 (BERT and XLNet)."
    )


def test_samples_without_high_orders_are_too_few():
    some = differences(0.3, 0.2, n=30)
    some["iou"][9:] = np.nan
    assert judge(IOU_AND, {PAIR: some}).outcomes == {PAIR: "too few"}


def test_the_rule_is_older_than_its_numbers():
    assert all(claim.rule.set_before and not claim.rule.changed for claim in IOU.values())
    assert [claim.figure for claim in IOU.values()] == ["Fig. 4", "Fig. 8"]
