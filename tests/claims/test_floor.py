"""The floor is what two decompositions of the same output differ by."""

import numpy as np
import pytest
import xarray as xr

from lkutils import metrics
from lkutils.claims import floor
from lkutils.follow import with_ratios
from lkutils.games import Label


@pytest.fixture
def output():
    strengths = np.random.default_rng(0).normal(size=(2, 12, 16))
    axes = {"kind": ["and", "or"], "sample": np.arange(12), "coalition": np.arange(16)}
    return xr.DataArray(strengths, axes, list(axes))


def again_of(output, *factors):
    return xr.concat([factor * output for factor in factors], xr.IndexVariable("again", ["noise", "start"]))


def test_an_output_is_complete_in_itself_and_nothing_is_redundant(output):
    found = with_ratios(floor.against_itself(output, again_of(output, 1.0, 1.0)))
    assert found.completeness.values == pytest.approx(1.0)
    assert found.redundancy.values == pytest.approx(0.0)


def test_what_another_decomposition_lacks_is_new_in_the_output(output):
    pairs = output.where(abs(metrics.orders(output) - 2) > 0, 0)
    again = xr.concat([pairs, output], xr.IndexVariable("again", ["noise", "start"]))
    found = floor.against_itself(output, again, tau_ratio=0.0)
    assert found.overlap.sel(again="noise", order=2).values == pytest.approx(0)
    assert (found.new.sel(again="noise", order=2) > 0).all()
    assert found.forget.sel(again="noise", order=2).values == pytest.approx(0)


def test_a_difference_is_compared_with_the_larger_of_both_floors(output):
    shared = xr.DataArray([0.2, 0.5, 0.5, 1.0], dims="layer")
    excess = xr.DataArray([0.0, 0.4, 0.1, 0.0], dims="layer")
    axes = {"sample": [0], "order": [1]}
    parts = xr.Dataset({"overlap": shared, "forget": excess, "new": 1 - shared}).expand_dims(axes)
    itself = xr.Dataset(
        {"overlap": ("again", [0.9, 0.6]), "forget": ("again", [0.2, 0.35]), "new": ("again", [0.1, 0.4])}
    )
    found = floor.differences(parts, itself.expand_dims(axes))
    assert [round(size, 6) for _, size, _ in found] == [0.3, 0.4, 0.3]  # high - low, middle - low, middle - high
    assert [round(least, 6) for _, _, least in found] == [0.4, 0.35, 0.35]
    label = Label("MNIST", "MLP-7")
    sentence = floor.told({(label, kind): found for kind in ("and", "or")})
    assert sentence.startswith(
        "Of 6 differences between layers 4 are below their floor: 2 of 2 (completeness, high minus"
    )
    assert sentence.endswith(
        "0 of 2 (redundancy, middle minus low layers), 2 of 2 (redundancy, middle minus high layers)."
    )
    header, rows = floor.numbers(
        {(label, "and"): found},
        {label: itself.expand_dims(axes | {"kind": ["and"]}).assign_coords(again=["noise", "start"])},
    )
    assert len(header) == len(rows[0])
    assert rows[0][1:] == ["AND", "0.90, 0.20", "0.60, 0.35", "0.30 (below)", "0.40", "0.30 (below)"]
