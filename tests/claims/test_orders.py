"""Orders one by one: what is planted in the parts is what the words say."""

import numpy as np
import pytest
import xarray as xr

from lkutils.claims import orders
from lkutils.games import Label


def parts_of(low: float, middle: float, high: float, spread: float = 0.01) -> xr.Dataset:
    """Redundancies of three layers, of one order, in twelve samples; the output has strength 1."""
    noise = np.random.default_rng(0).normal(0, spread, (12, 1))
    forget = np.array([[low, middle, high, 0.0]]) + noise * [[1, -1, 1, 0]]
    forget = xr.DataArray(forget, dims=("sample", "layer")).expand_dims(order=[1], axis=-1)
    return xr.Dataset({"overlap": 0 * forget + 1, "forget": forget, "new": 0 * forget})


@pytest.mark.parametrize(
    ("layers", "word"),
    [
        ((0.2, 0.5, 0.3), "both"),
        ((0.2, 0.5, 0.5), "rises"),
        ((0.5, 0.5, 0.2), "falls"),
        ((0.5, 0.3, 0.2), "contradicted"),
        ((0.2, 0.3, 0.5), "contradicted"),
        ((0.5, 0.5, 0.5), "unclear"),
    ],
)
def test_words_for_every_way_through_the_layers(layers, word):
    assert orders.rise_and_fall(parts_of(*layers)) == {1: word}


def test_orders_with_next_to_nothing_at_the_output_are_left_out():
    strong = parts_of(0.2, 0.5, 0.3)
    weak = strong.assign_coords(order=[2]).assign(overlap=strong.overlap.assign_coords(order=[2]) * 0.009)
    assert list(orders.rise_and_fall(xr.concat([strong, weak], "order"))) == [1]


def test_samples_in_which_high_orders_are_stronger_are_counted():
    strength = xr.DataArray(
        [[3.0, 2.0, 1.0, 0.5, 9.0], [1.0, 1.0, 0.0, 3.0, 0.0], [0.5, 1.0, 0.0, 2.0, 0.0]],
        {"sample": [0, 1, 2], "order": [1, 2, 3, 4, 5]},
        ("sample", "order"),
    ).expand_dims(kind=["or"], layer=["output"])
    rows = orders.at_the_output({Label("MNIST", "MLP-7"): xr.Dataset({"overlap": strength, "new": 0 * strength})})
    low, high = 3.0 + 2.0 + 1 + 1 + 0.5 + 1.0, 1.0 + 0.5 + 9.0 + 3.0 + 2.0  # n = 5: orders 1, 2 and 3, 4, 5
    assert rows[0][1:] == ["OR", f"{low / (low + high):.2f}", "3 of 3", "1"]
