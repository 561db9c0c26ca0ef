"""Identities by their definitions: right to rounding, and each mistake as large as it must be; conditions by hand."""

import itertools

import numpy as np
import pytest
import torch
import xarray as xr

import lkutils as lk
from lkutils import metrics
from lkutils.claims import theory


def game(n=4, samples=3, seed=0):
    values = np.random.default_rng(seed).normal(size=(samples, 2**n))
    return xr.DataArray(values, dims=("sample", "coalition"))


def subsets(members):
    return itertools.chain.from_iterable(itertools.combinations(members, k) for k in range(len(members) + 1))


def number(members):
    return sum(1 << i for i in members)


def test_interactions_by_definition_are_those_of_sums_over_subsets():
    v = game().values
    for S in subsets(range(4)):
        eq_1 = sum((-1) ** (len(S) - len(T)) * v[:, number(T)] for T in subsets(S))
        np.testing.assert_allclose(theory.and_by_definition(v)[:, number(S)], eq_1, atol=1e-12)
        eq_2 = -sum((-1) ** (len(S) - len(T)) * v[:, 15 - number(T)] for T in subsets(S))
        if S:
            np.testing.assert_allclose(theory.or_by_definition(v)[:, number(S)], eq_2, atol=1e-12)


def test_blocks_of_rows_make_no_difference(monkeypatch):
    v = game(n=5).values
    whole = theory.and_by_definition(v)
    monkeypatch.setattr(theory, "ROWS", 7)
    np.testing.assert_allclose(theory.and_by_definition(v), whole, atol=1e-13)


@pytest.mark.parametrize("name", ["difference", "library"])
def test_both_sides_of_the_swap_agree(name):
    assert theory.or_as_and(game())[name].max() < 1e-13


@pytest.mark.parametrize("name", ["minus forgotten", "nothing swapped", "sign of T alone"])
def test_mistakes_in_the_swap_are_large_in_every_sample(name):
    assert theory.or_as_and(game())[name].min() > 0.1


def test_a_wrong_entry_of_the_fast_transform_is_noticed(monkeypatch):
    right = theory.and_interactions

    def wrong(values):
        found = right(values)
        found[:, 5] += 1e-6
        return found

    monkeypatch.setattr(theory, "and_interactions", wrong)
    assert theory.or_as_and(game())["difference"].min() > theory.ROUNDING


def test_masking_swapped_in_the_network_is_the_table_backwards():
    """The baseline as the input and the input as the baseline, through `coalition_values`."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2))
    x, b = torch.randn(3, 4), torch.randn(4)

    def played(inputs, baseline):
        return lk.coalition_values(lambda z: network(z)[None], inputs, 1, range(4), baseline, n_players=4)[0].numpy()

    as_usual, swapped = played(x, b), played(b.expand(3, 4), x)
    np.testing.assert_allclose(swapped, as_usual[:, ::-1], atol=1e-5)
    expected = theory.or_by_definition(as_usual.astype(float))[:, 1:]
    np.testing.assert_allclose(-lk.and_interactions(swapped).numpy()[:, 1:], expected, atol=1e-4)


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_every_split_adds_up_and_mistakes_do_not(scale):
    v = game()
    found = theory.decomposition(v, scale * game(seed=1))
    assert found["difference"].max() < 1e-13
    assert found["library"].max() < 1e-13
    for name in set(found) - {"difference", "library"}:
        assert found[name].min() > 0.01, name


def test_the_broken_condition_costs_what_the_constant_of_or_is():
    v = game()
    expected = abs(v[:, 0] / 2) / metrics.output_range(v)
    found = theory.decomposition(v, game(seed=1))["v_or(empty) not 0"]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_inputs_stay_as_they_are():
    v, gamma = game(), game(seed=1)
    before = v.copy(deep=True), gamma.copy(deep=True)
    theory.or_as_and(v), theory.decomposition(v, gamma), theory.dealt_anew(v), theory.smoothness(v)
    xr.testing.assert_identical(v, before[0])
    xr.testing.assert_identical(gamma, before[1])


def test_dealing_keeps_the_outputs_of_every_size_and_the_two_ends():
    v = game(n=5)
    dealt = theory.dealt_anew(v, seed=3)
    sizes = np.array([k.bit_count() for k in range(32)])
    for size in range(6):
        np.testing.assert_array_equal(np.sort(dealt.values[:, sizes == size]), np.sort(v.values[:, sizes == size]))
    assert (dealt != v).any("coalition").all()
    np.testing.assert_allclose(theory.mean_by_size(dealt), theory.mean_by_size(v), atol=1e-12)
    xr.testing.assert_identical(dealt, theory.dealt_anew(v, seed=3))
    assert (dealt != theory.dealt_anew(v, seed=4)).any()


def test_smoothness_of_powers():
    sizes = np.array([k.bit_count() for k in range(16)])
    table = np.stack([sizes**2.0, sizes**0.5, -1.0 * sizes, np.minimum(sizes, 4 - sizes) * 1.0])
    found = theory.smoothness(xr.DataArray(table, dims=("sample", "coalition")))
    assert found["monotone"].values.tolist() == [1, 1, 0, 0]
    np.testing.assert_allclose(found["power"][:2], [2, 0.5])
    assert found["power"][2:].isnull().all()


def test_sparsity_before_and_after_dealing():
    axes = ("kind", "layer", "sample", "coalition")
    effects = np.zeros((2, 1, 2, 8))
    effects[0, 0, :, 3] = 1.0
    dealt = effects.copy()
    dealt[0, 0, 1, 1:] = 2.0

    def found(table):
        coordinates = {"kind": ["and", "or"], "layer": ["output"]}
        part = xr.DataArray(table, coordinates, axes)
        return xr.Dataset({"interactions": part, "objective": abs(part[..., 1:]).sum(["kind", "coalition"])})

    both = theory.sparsity_of(found(effects), found(dealt))
    assert both["count"].values.tolist() == [1, 1]
    assert both["dealt_count"].values.tolist() == [1, 7]
    assert both["dealt_strength"].values.tolist() == [1, 14]


@pytest.mark.parametrize(
    ("claim", "yes", "no"),
    [
        (theory.ADDS_UP, {"difference": 1e-14}, {"difference": 1e-3}),
        (theory.SMOOTH, {"monotone": 1.0}, {"monotone": 0.5}),
        (
            theory.MORE_THAN_SIZES,
            {"count": 1.0, "dealt_count": 3.0, "strength": 1.0, "dealt_strength": 3.0},
            {"count": 1.0, "dealt_count": 1.5, "strength": 1.0, "dealt_strength": 3.0},
        ),
    ],
)
def test_rules_beyond_the_paper(claim, yes, no):
    from lkutils.claims.verdicts import judge
    from lkutils.games import Label

    for numbers, outcome in ((yes, "yes"), (no, "no")):
        samples = xr.Dataset({name: ("sample", np.full(20, value)) for name, value in numbers.items()})
        assert list(judge(claim, {Label("a", "b"): samples}).outcomes.values()) == [outcome]
