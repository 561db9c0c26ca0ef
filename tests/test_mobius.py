import inspect

import numpy as np
import pytest
import shapiq
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lkutils.mobius import (
    and_interactions,
    coalition_sizes,
    or_interactions,
    shapley_values,
    subset_sums,
    superset_sums,
    values_from_interactions,
)

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")),
]


def random_values(n, seed=0, batch=()):
    return torch.randn(*batch, 2**n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def subsets(coalition):
    """All T inside S, the slow way: S itself, then downwards."""
    inside = coalition
    while True:
        yield inside
        if not inside:
            return
        inside = inside - 1 & coalition


def and_by_definition(values):
    return torch.stack(
        [sum((-1) ** (S.bit_count() - T.bit_count()) * values[T] for T in subsets(S)) for S in range(len(values))]
    )


def or_by_definition(values):
    everyone = len(values) - 1
    interactions = [
        -sum((-1) ** (S.bit_count() - T.bit_count()) * values[everyone & ~T] for T in subsets(S))
        for S in range(1, len(values))
    ]
    return torch.stack([values[0], *interactions])


def kronecker_power(matrix, n):
    power = torch.ones(1, 1, dtype=torch.float64)
    for _ in range(n):
        power = torch.kron(power, torch.tensor(matrix, dtype=torch.float64))
    return power


def shapiq_index(values, n, index):
    weights = 1 << np.arange(n)
    exact = shapiq.ExactComputer(game=lambda X: values.numpy()[np.asarray(X).astype(int) @ weights], n_players=n)
    result = exact(index)
    table = torch.zeros(2**n, dtype=torch.float64)
    for players, position in result.interaction_lookup.items():
        table[sum(1 << player for player in players)] = float(result.values[position])
    return table


@pytest.mark.parametrize("n", range(8))
def test_three_ways_to_compute_the_same(n):
    values = random_values(n)
    assert torch.allclose(and_interactions(values), and_by_definition(values))
    assert torch.allclose(and_interactions(values), kronecker_power([[1, 0], [-1, 1]], n) @ values)
    assert torch.allclose(or_interactions(values), or_by_definition(values))
    by_matrix = -kronecker_power([[0, 1], [1, -1]], n) @ values
    assert torch.allclose(or_interactions(values)[1:], by_matrix[1:])


@pytest.mark.parametrize("n", range(2, 9))
def test_and_interactions_equal_shapiq(n):
    values = random_values(n)
    assert torch.allclose(and_interactions(values), shapiq_index(values, n, "Moebius"), atol=1e-11)


@pytest.mark.parametrize("n", range(2, 9))
def test_or_interactions_equal_shapiq(n):
    values = random_values(n)
    oracle = shapiq_index(values, n, "Co-Moebius") * (-1.0) ** (coalition_sizes(n) + 1)
    assert torch.allclose(or_interactions(values)[1:], oracle[1:], atol=1e-11)


@pytest.mark.parametrize("n", range(2, 9))
def test_shapley_values_equal_shapiq(n):
    values = random_values(n)
    oracle = shapiq_index(values, n, "SV")[1 << torch.arange(n)]
    assert torch.allclose(shapley_values(and_interactions(values), torch.zeros_like(values)), oracle)
    assert torch.allclose(shapley_values(torch.zeros_like(values), or_interactions(values)), oracle)


@given(n=st.integers(1, 12), seed=st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_an_or_is_an_and_of_the_mirrored_game(n, seed):
    """App. C, Eq. 13: exchange masked and unmasked."""
    values = random_values(n, seed)
    assert torch.allclose(or_interactions(values)[1:], -and_interactions(values.flip(-1))[1:])


@given(n=st.integers(1, 12), seed=st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_interactions_give_the_values_back(n, seed):
    """App. F (Theorem 3.3), for any split of v into v_and and v_or."""
    v_and, v_or = random_values(n, seed, (2,))
    rebuilt = values_from_interactions(and_interactions(v_and), or_interactions(v_or))
    assert torch.allclose(rebuilt, v_and + v_or)


@given(n=st.integers(1, 12), seed=st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_shapley_values_share_out_what_all_players_add(n, seed):
    """App. B with the axioms: efficiency, and a player that adds nothing gets nothing."""
    v_and, v_or = random_values(n, seed, (2,))
    shares = shapley_values(and_interactions(v_and), or_interactions(v_or))
    assert torch.allclose(shares.sum(), (v_and + v_or)[-1] - (v_and + v_or)[0])
    idle = v_and.view(-1, 2)[:, :1].expand(-1, 2).reshape(-1)  # player 0 changes nothing
    assert abs(shapley_values(and_interactions(idle), torch.zeros_like(idle))[0]) < 1e-9


def test_a_game_worked_out_by_hand():
    together, either = torch.tensor([0.0, 0, 0, 2]), torch.tensor([0.0, 0, 0, 3])
    values = values_from_interactions(together, either) + 1
    assert values.tolist() == [1, 4, 4, 6]
    assert and_interactions(torch.tensor([1.0, 1, 1, 3])).tolist() == [1, 0, 0, 2]
    assert or_interactions(torch.tensor([1.0, 4, 4, 4])).tolist() == [1, 0, 0, 3]
    assert shapley_values(together, either).tolist() == [2.5, 2.5]


def test_one_pair_of_sums_is_the_transpose_of_the_other():
    identity = torch.eye(2**6, dtype=torch.float64)
    for sign in (1, -1):
        assert torch.equal(subset_sums(identity, sign), superset_sums(identity, sign).T)


@pytest.mark.parametrize("transform", [and_interactions, or_interactions])
@pytest.mark.parametrize("n", [3, 6])
def test_transforms_can_be_differentiated(transform, n):
    assert torch.autograd.gradcheck(transform, random_values(n, batch=(2,)).requires_grad_())
    assert torch.autograd.gradgradcheck(transform, random_values(n).requires_grad_())


def test_leading_axes_are_batch():
    values = random_values(5, batch=(2, 3))
    for transform in (and_interactions, or_interactions):
        batched = transform(values)
        assert batched.shape == values.shape
        assert torch.allclose(batched[1, 2], transform(values[1, 2]))
    assert shapley_values(values, values).shape == (2, 3, 5)
    assert and_interactions(values[:0]).shape == (0, 3, 32)
    assert and_interactions(values.transpose(0, 1)).shape == (3, 2, 32)


def test_large_batches_go_through_in_pieces():
    values = random_values(10, batch=(600,))
    assert torch.allclose(subset_sums(and_interactions(values)), values)


def test_the_input_is_left_alone_and_computed_in_double_precision():
    values = random_values(8)
    copy = values.clone()
    or_interactions(values)
    assert torch.equal(values, copy)
    assert and_interactions(values.float()).dtype == torch.float64


def test_coalition_sizes():
    assert coalition_sizes(3).tolist() == [0, 1, 1, 2, 1, 2, 2, 3]
    assert coalition_sizes(0).tolist() == [0]


@pytest.mark.parametrize("length", [0, 3, 12, 1000])
@pytest.mark.parametrize("transform", [and_interactions, or_interactions, subset_sums, superset_sums])
def test_a_length_that_is_no_power_of_two_is_named(transform, length):
    with pytest.raises(ValueError, match=f"length is {length},"):
        transform(torch.zeros(2, length))


def test_the_other_functions_name_the_length_too():
    for function in (values_from_interactions, shapley_values):
        with pytest.raises(ValueError, match="length is 12,"):
            function(torch.zeros(12), torch.zeros(12))


PAIRS = [values_from_interactions, shapley_values]


@pytest.mark.parametrize("function", PAIRS)
@pytest.mark.parametrize("shapes", [((2, 8), (8,)), ((2, 8), (1, 8)), ((8,), (16,))])
def test_unequal_tables_are_refused(function, shapes):
    first, second = (torch.zeros(shape) for shape in shapes)
    with pytest.raises(ValueError, match=r"OR interactions \("):
        inspect.unwrap(function)(first, second)  # without the test suite's own check of shapes


@pytest.mark.parametrize("function", [and_interactions, or_interactions, subset_sums, superset_sums])
def test_complex_values_are_refused(function):
    with pytest.raises(ValueError, match="complex64"):
        function(torch.zeros(8, dtype=torch.complex64))


@pytest.mark.parametrize("function", PAIRS)
def test_complex_interactions_are_refused(function):
    with pytest.raises(ValueError, match="complex"):
        function(torch.zeros(8), torch.zeros(8, dtype=torch.complex128))


def test_numbers_whose_sums_overflow_are_refused_and_the_largest_others_are_not():
    for function in (and_interactions, or_interactions, subset_sums, superset_sums):
        for number in (1.7e308, -1.01e300, np.inf):
            with pytest.raises(ValueError, match=r"sums of numbers above 1e\+300 overflow"):
                function(torch.tensor([0.0, number, 0.0, 0.0], dtype=torch.float64))
        assert function(torch.full((8,), 1e300, dtype=torch.float64)).isfinite().all()
        assert function(torch.tensor([0.0, np.nan])).isnan().any()  # not hidden
        assert function(torch.zeros(0, 8)).shape == (0, 8)
    for function in PAIRS:
        with pytest.raises(ValueError, match="overflow"):
            function(np.zeros(4), np.full(4, 1.7e308))


def test_arrays_are_taken_like_tensors():
    values = random_values(5, batch=(2,))
    array = values.numpy().copy()
    array.flags.writeable = False
    for function in (and_interactions, or_interactions, subset_sums, superset_sums):
        assert torch.equal(function(array), function(values))
        assert torch.equal(function(array[:, ::-1]), function(values.flip(-1)))
        assert torch.equal(function(array.astype("float32")), function(values.float()))
    for function in PAIRS:
        assert torch.equal(function(array, array[::-1]), function(values, values.flip(0)))
    assert and_interactions(np.array([1, 1, 1, 3])).tolist() == [1, 0, 0, 2]


@pytest.mark.parametrize("device", DEVICES)
def test_devices_agree(device):
    values = random_values(10, batch=(3,))
    for transform in (and_interactions, or_interactions):
        there = transform(values.to(device))
        assert there.device.type == device
        assert torch.allclose(there.cpu(), transform(values), rtol=1e-12, atol=1e-10)
    assert coalition_sizes(4, device).device.type == device
