import functools

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from lkutils import extraction, solver
from lkutils.extraction import extract_interactions, extract_sgd
from lkutils.mobius import coalition_sizes, values_from_interactions

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


def random_values(n, seed=0, batch=()):
    return torch.randn(*batch, 2**n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def planted_game(n, n_and=8, n_or=3, noise=0.0, seed=0):
    """Values, AND and OR interactions of a game with a few terms of orders 1 to 4 (OR: 2 to 4) and strengths 1 to 3."""
    rng = np.random.default_rng(seed)
    terms = np.zeros((2, 2**n))
    for table, count, lowest in zip(terms, (n_and, n_or), (1, 2), strict=True):
        for order in rng.integers(lowest, 5, count):
            players = rng.choice(n, order, replace=False)
            table[(1 << players).sum()] = rng.choice([-1, 1]) * rng.uniform(1, 3)
    and_, or_ = torch.from_numpy(terms)
    values = values_from_interactions(and_, or_)
    return values + noise * torch.from_numpy(rng.standard_normal(2**n)), and_, or_


def optimum_by_highs(values, kappa_ratio):
    """Smallest sum of |I_and| + |I_or|, from the words of Sec. 3.2.2 with dense matrices and every OR a column."""
    size = len(values)
    T, S = np.indices((size, size))
    and_columns, or_columns = (S & ~T) == 0, (S & T) != 0
    matrix = np.hstack([and_columns, or_columns[:, 1:]]).astype(float)
    noise = np.full(size, kappa_ratio * abs(values[-1] - values[0]).item())
    noise[0] = 0
    price = np.ones(matrix.shape[1])
    price[0] = 0
    both = np.hstack([matrix, -matrix])
    v = values.numpy()
    return linprog(
        np.hstack([price, price]),
        A_ub=np.vstack([both, -both]),
        b_ub=np.hstack([v + noise, noise - v]),
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    ).fun


def assert_valid(found, values, kappa_ratio):
    """What Theorem 3.3, App. M.4 and the definitions ask of any result."""
    n = values.shape[-1].bit_length() - 1
    kappa = kappa_ratio * (values[..., -1] - values[..., 0]).abs()[..., None]
    size = 1 + values.abs().amax()
    assert torch.allclose(values - found.delta, values_from_interactions(found.and_, found.or_), atol=1e-12 * size)
    assert (found.delta.abs() <= kappa + 1e-12 * size).all()
    v_and = values_from_interactions(found.and_, torch.zeros_like(values))
    assert torch.allclose(v_and, (values - found.delta) / 2 + found.gamma, atol=1e-12 * size)
    assert torch.allclose(found.and_[..., 0], values[..., 0] - found.delta[..., 0])
    assert (found.or_[..., coalition_sizes(n) <= 1] == 0).all()
    total = found.and_[..., 1:].abs().sum(-1) + found.or_[..., 1:].abs().sum(-1)
    assert torch.allclose(found.objective, total)
    assert (found.lower_bound <= found.objective * (1 + 1e-12)).all()
    assert torch.allclose(found.gap * found.objective, (found.objective - found.lower_bound).clamp(min=0))


@pytest.mark.parametrize("n", [4, 5, 6])
@pytest.mark.parametrize("kappa_ratio", [0.0, 0.04, 0.3])
def test_optimum_equals_highs(n, kappa_ratio):
    values = torch.stack([random_values(n), planted_game(n, noise=0.05)[0]])
    found = extract_interactions(values, kappa_ratio, gap=1e-6)
    optimum = values.new_tensor([optimum_by_highs(v, kappa_ratio) for v in values])
    assert_valid(found, values, kappa_ratio)
    assert (found.gap <= 1e-6).all()
    assert torch.allclose(found.objective, optimum, rtol=2e-6)
    assert (found.lower_bound <= optimum * (1 + 1e-8)).all()
    assert (optimum * (1 - 1e-8) <= found.objective).all()


@pytest.mark.parametrize("gap", [0.1, 0.005])
def test_a_coarse_certificate_is_true_as_well(gap):
    values = torch.stack([random_values(5, seed) for seed in range(6)])
    found = extract_interactions(values, gap=gap)
    optimum = values.new_tensor([optimum_by_highs(v, 0.04) for v in values])
    assert_valid(found, values, 0.04)
    assert (found.lower_bound <= optimum * (1 + 1e-8)).all()
    assert (optimum * (1 - 1e-8) <= found.objective).all()
    assert ((found.objective - optimum) / found.objective <= gap).all()


def test_a_planted_game_is_recovered():
    values, and_, or_ = planted_game(8, n_and=5, n_or=2)
    found = extract_interactions(values, kappa_ratio=0.0, gap=1e-6)
    assert torch.allclose(found.and_, and_, atol=1e-3)
    assert torch.allclose(found.or_, or_, atol=1e-3)


def test_noise_below_kappa_does_not_hide_a_planted_game():
    values, and_, or_ = planted_game(8, n_and=5, n_or=2, noise=0.01)
    found = extract_interactions(values, kappa_ratio=0.04, gap=1e-3)
    planted, recovered = torch.stack((and_, or_)), torch.stack((found.and_, found.or_))
    assert_valid(found, values, 0.04)
    assert ((recovered.abs() > 0.5) == (planted.abs() > 0.5)).all()


def test_a_gap_of_one_in_a_million_at_ten_players():
    values = planted_game(10, noise=0.01)[0]
    assert extract_interactions(values, gap=1e-6).gap <= 1e-6


def test_another_start_ends_at_another_solution_that_is_certified_as_well():
    values = random_values(5, seed=3)
    first, second, third = (extract_interactions(values, gap=1e-4, start=start) for start in (None, 0, 0))
    torch.testing.assert_close(second, third, rtol=0, atol=0)
    assert second.gap <= 1e-4
    torch.testing.assert_close(second.objective, first.objective, rtol=3e-4, atol=0)
    assert (second.and_ - first.and_).abs().max() > 1e-3 * first.objective
    rebuilt = values_from_interactions(second.and_, second.or_) + second.delta
    torch.testing.assert_close(rebuilt, values)


def test_a_first_order_or_is_a_first_order_and():
    either_alone = torch.tensor([0.0, 1, 0, 0, 2, 0, 0, 0], dtype=torch.float64)
    values = values_from_interactions(torch.zeros_like(either_alone), either_alone)
    for found in (extract_interactions(values, 0.0), extract_sgd(values, 0.0, iterations=1)):
        assert torch.allclose(found.and_, either_alone, atol=1e-6)
        assert (found.or_ == 0).all()


def test_batching_makes_no_difference(monkeypatch):
    values = torch.stack([planted_game(6, noise=0.1, seed=seed)[0] for seed in range(6)])
    together = extract_interactions(values)
    alone = [extract_interactions(v) for v in values]
    monkeypatch.setitem(solver.CHUNK, "cpu", 2 * 2**6)  # two problems at a time
    in_turn = extract_interactions(values.flip(0).reshape(2, 3, -1))
    for field, table in zip(together._fields, together, strict=True):
        assert torch.allclose(table, torch.stack([getattr(one, field) for one in alone]), rtol=1e-9, atol=1e-9)
        assert torch.allclose(table, getattr(in_turn, field).flatten(0, 1).flip(0), rtol=1e-9, atol=1e-9)


def salient_sets(found):
    both = torch.stack((found.and_, found.or_))[..., 1:].abs()
    return both > 0.05 * both.amax((0, -1), keepdim=True)


def test_the_order_of_players_and_the_batch_make_no_difference():
    n, values = 8, torch.stack([planted_game(8, noise=0.1, seed=seed)[0] for seed in range(4)])
    order = torch.tensor([5, 2, 7, 0, 3, 6, 1, 4])  # of the players
    renamed = sum((torch.arange(2**n) >> player & 1) << order[player] for player in range(n))
    found = extract_interactions(values)
    permuted = torch.empty_like(values)
    permuted[:, renamed] = values
    others = extract_interactions(permuted.flip(0)[:3])  # in another order, and one game fewer
    for field, table in zip(("and_", "or_", "delta"), (found.and_, found.or_, found.delta), strict=True):
        back = getattr(others, field)[:, renamed].flip(0)
        assert torch.allclose(back, table[1:], rtol=1e-9, atol=1e-9)
    first, second = salient_sets(found)[:, 1:], salient_sets(others)[..., (renamed - 1)[1:]].flip(1)
    assert (first ^ second).sum() < 0.01 * (first | second).sum()


def test_one_nan_among_a_thousand_games_is_found():
    values = torch.zeros(1000, 16)
    values[617, 11] = torch.nan
    with pytest.raises(ValueError, match=r"1 of 16000 values are NaN or infinite, the first at \[617, 11\]"):
        extract_interactions(values)


def test_the_smallest_gap_that_can_be_certified_is_reached():
    found = extract_interactions(random_values(4, batch=(3,)), gap=extraction.SMALLEST_GAP)
    assert (found.gap <= extraction.SMALLEST_GAP * (1 + 1e-6)).all()


def test_shape_and_precision_of_the_result():
    values = random_values(3, batch=(2, 4))
    found = extract_interactions(values.float())
    assert [table.dtype for table in found] == [torch.float64] * 7
    assert [table.shape for table in found[:4]] == [(2, 4, 8)] * 4
    assert [table.shape for table in found[4:]] == [(2, 4)] * 3
    assert extract_interactions(values[:0]).and_.shape == (0, 4, 8)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_any_players(n):
    values = random_values(n)
    found = extract_interactions(values, kappa_ratio=0.25)
    assert_valid(found, values, 0.25)
    if n == 1:
        assert torch.allclose(found.objective, 0.75 * (values[1] - values[0]).abs(), rtol=0.005)


def test_a_constant_game_has_no_interactions():
    found = extract_interactions(torch.full((2, 16), 3.0))
    assert (found.and_[:, 0] == 3).all()
    assert (found.objective == 0).all()
    assert (found.gap == 0).all()


def test_the_result_scales_with_the_game():
    values = planted_game(5, noise=0.1)[0]
    found, scaled = extract_interactions(values), extract_interactions(1000 * values + 7)
    assert torch.allclose(scaled.objective, 1000 * found.objective)
    assert torch.allclose(scaled.gap, found.gap, atol=1e-9)


def test_problems_that_miss_the_gap_are_counted(monkeypatch):
    monkeypatch.setattr(solver, "MAX_ITERATIONS", solver.ROUND)
    values = torch.stack([random_values(6), torch.zeros(64, dtype=torch.float64), random_values(6, 1)])
    with pytest.warns(RuntimeWarning, match=r"2 of 3 problems did not reach the gap of 1e-06; their largest is"):
        found = extract_interactions(values, gap=1e-6)
    assert_valid(found, values, 0.04)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("method", ["exact", "sgd"])
def test_values_that_are_not_finite_are_counted(bad, method):
    values = random_values(4, batch=(2,))
    values[1, 3] = bad
    with pytest.raises(ValueError, match=r"1 of 32 values are NaN or infinite, the first at \[1, 3\]"):
        extract_interactions(values, method=method)


@pytest.mark.parametrize("method", ["exact", "sgd"])
def test_bad_arguments_are_named(method):
    with pytest.raises(ValueError, match="length is 12,"):
        extract_interactions(torch.zeros(12), method=method)
    for ratio in (-0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match=f"kappa_ratio must be at least 0 and below 1, not {ratio}"):
            extract_interactions(torch.zeros(8), ratio, method=method)
    for gap in (0.0, 1.0, -1e-3):
        with pytest.raises(ValueError, match=f"gap must be between 0 and 1, not {gap}"):
            extract_interactions(torch.zeros(8), gap=gap, method=method)
    with pytest.raises(ValueError, match="Unknown method 'simplex': use 'exact' or 'sgd'"):
        extract_interactions(torch.zeros(8), method="simplex")

    with pytest.raises(ValueError, match="gap=1e-13 is less than float64 can certify: take 1e-11 or more"):
        extract_interactions(torch.zeros(8), gap=1e-13, method=method)
    with pytest.raises(ValueError, match="margin must be at least 0 and below 1, not 1"):
        extract_interactions(torch.zeros(8), margin=1.0, method=method)
    with pytest.raises(TypeError, match=r"values are torch\.complex64, but log-odds are real numbers"):
        extract_interactions(torch.zeros(8, dtype=torch.complex64), method=method)


@pytest.mark.parametrize(("lr", "iterations"), [(0.0, 10), (float("nan"), 10), (1e-5, 0)])
def test_a_descent_needs_a_rate_and_a_step(lr, iterations):
    with pytest.raises(ValueError, match=f"lr={lr} must be above 0 and iterations={iterations} at least 1"):
        extract_sgd(torch.zeros(8), lr=lr, iterations=iterations)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.bool, torch.float16, torch.bfloat16, torch.int64])
def test_values_of_any_type_are_worth_as_much_as_in_float64(dtype):
    values = (50 * random_values(4)).abs().to(dtype)  # a difference of uint8 or int8 would overflow
    values[..., -1], values[..., 0] = 0, 100
    found, expected = extract_interactions(values), extract_interactions(values.double())
    assert_valid(found, values.double(), 0.04)
    assert torch.equal(found.objective, expected.objective)
    assert torch.equal(found.lower_bound, expected.lower_bound)
    if dtype != torch.bfloat16:
        assert torch.equal(extract_interactions(values.numpy()).objective, expected.objective)


@pytest.mark.parametrize("size", [1e-299, 1e299])
def test_huge_and_tiny_games_are_certified_like_others(size):
    values = planted_game(4)[0] / 100
    expected, found = extract_interactions(values), extract_interactions(size * values)
    assert torch.allclose(found.objective / size, expected.objective)
    assert found.gap <= 0.005


@pytest.mark.parametrize("size", [1e-304, 1e302])
def test_games_beyond_the_numbers_are_refused(size):
    with pytest.raises(ValueError, match=r"values have a range of .*, whose sums float64 cannot hold"):
        extract_interactions(size * random_values(3))


def test_a_margin_is_left_free_and_the_bound_holds_for_the_whole_of_kappa():
    values = torch.stack([random_values(5, seed) for seed in range(4)])
    found = extract_interactions(values, 0.2, gap=0.03, margin=0.01)
    assert_valid(found, values, 0.2 * 0.99)  # delta leaves a hundredth of kappa
    optimum = values.new_tensor([optimum_by_highs(v, 0.2) for v in values])
    assert (found.gap <= 0.03).all()
    assert (found.lower_bound <= optimum * (1 + 1e-8)).all()
    assert (optimum <= found.objective).all()


def test_values_with_a_gradient_are_left_alone():
    values = random_values(3).requires_grad_()
    assert not extract_interactions(values).objective.requires_grad
    assert values.requires_grad


def test_too_many_players_say_what_they_need(monkeypatch):
    monkeypatch.setattr(extraction, "free_memory", lambda device: 2**20)
    with pytest.raises(MemoryError, match=r"1 problems of 10 players need 0\.\d+ GiB of memory, but 0.000977 GiB"):
        extract_interactions(torch.zeros(2**10))


def dense_sgd(values, kappa, lr, iterations):
    """The laboratory's procedure for one game, plainly: dense matrices, autograd, its own p = gamma and q = -delta."""
    size = len(values)
    S, T = np.indices((size, size))
    signs = np.vectorize(lambda s, t: (-1.0) ** (int(s).bit_count() - int(t).bit_count()))(S, T)
    to_and = torch.from_numpy(np.where((T & ~S) == 0, signs, 0.0))
    to_or = -to_and.flip(1)
    to_or[0] = torch.eye(size, dtype=values.dtype)[0]
    (p, q), velocity = torch.zeros(2, size, dtype=values.dtype), 0
    for iteration, rate in enumerate(np.logspace(np.log10(lr), np.log10(lr) - 1, iterations)):
        q = q.clamp(-kappa, kappa)
        pq = torch.stack((p, q)).requires_grad_()
        half = (values - values[0] + pq[1]) / 2
        and_, or_ = to_and @ (half + pq[0]), to_or @ (half - pq[0])
        if iteration < iterations - 1:
            (and_.abs().sum() + or_.abs().sum()).backward()
            velocity = 0.9 * velocity + pq.grad
            p, q = pq.detach() - rate * velocity
    return and_.detach(), or_.detach(), q


@pytest.mark.parametrize("lr", [1e-3, 1e-2])
def test_sgd_follows_the_laboratory(lr):
    values = planted_game(5, noise=0.1)[0]
    kappa = 0.04 * (values[-1] - values[0]).abs()
    and_, or_, q = dense_sgd(values, kappa.item(), lr, 200)
    found = extract_sgd(values, lr=lr, iterations=200)
    high = coalition_sizes(5) > 1
    assert_valid(found, values, 0.04)
    assert torch.allclose(found.delta, -q, atol=1e-9)
    assert torch.allclose(found.and_[high], and_[high], atol=1e-9)
    assert torch.allclose(found.or_[high], or_[high], atol=1e-9)
    single = coalition_sizes(5) == 1
    assert torch.allclose(found.and_[single], (and_ + or_)[single], atol=1e-9)


def test_sgd_descends_but_certifies_nothing():
    values = torch.stack([planted_game(5, seed=seed)[0] for seed in range(2)])
    found = extract_sgd(values, lr=1e-3, iterations=500)
    assert_valid(found, values, 0.04)
    assert (found.objective < extract_sgd(values, iterations=1).objective).all()
    assert (found.objective >= extract_interactions(values).lower_bound).all()
    assert (found.gap == 1).all()


def test_sgd_is_one_of_the_methods(monkeypatch):
    values = random_values(4)
    expected = extract_sgd(values, 0.1, iterations=20)
    monkeypatch.setattr(extraction, "extract_sgd", functools.partial(extract_sgd, iterations=20))
    found = extract_interactions(values, 0.1, method="sgd")
    assert torch.equal(found.and_, expected.and_)
    assert torch.equal(found.delta, expected.delta)


@needs_gpu
def test_cpu_and_gpu_agree():
    values = torch.stack([planted_game(8, noise=0.05, seed=seed)[0] for seed in range(4)])
    here, there = extract_interactions(values, gap=1e-4), extract_interactions(values.cuda(), gap=1e-4)
    assert there.and_.is_cuda
    assert torch.allclose(here.objective, there.objective.cpu(), rtol=1e-6)
    assert torch.allclose(here.and_, there.and_.cpu(), rtol=1e-6, atol=1e-6)
    assert torch.allclose(here.or_, there.or_.cpu(), rtol=1e-6, atol=1e-6)
