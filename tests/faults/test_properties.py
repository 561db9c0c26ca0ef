"""Public functions with arguments that hypothesis makes up, against brute force and HiGHS.

A few hundred examples in all in ``make test``; in ``make test-faults`` ten thousand of each property that takes
milliseconds.
"""

import math

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import lkutils as lk
from lkutils.attribution import shapley_by_definition
from lkutils.games import TOLERANCE
from lkutils.mobius import coalition_sizes
from lkutils.stability import by_order, stability_ratio

EXACT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}  # of HiGHS
# Examples of each property, in `make test` and in `make test-faults`, by what one takes: about 5, 20 or 100 ms.
CHEAP, MODERATE, COSTLY = (25, 10_000), (25, 1000), (8, 250)
DTYPES = ["float64", "float32", "float16", "int64", "int32", "uint8", "int8"]
SCALES = [1.0, 1e-9, 1e9, 1e-290, 1e290, 0.0]
LAYOUTS = {
    "contiguous": np.ascontiguousarray,
    "strided": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "reversed": lambda array: np.ascontiguousarray(array[..., ::-1])[..., ::-1],
    "transposed": lambda array: np.asfortranarray(array),
    "read-only": lambda array: np.require(array.copy(), requirements="W") * 1,
}


def for_all(config, examples, **strategies):
    """Run a check on many examples, the same in every run of `make test`."""
    long = config.option.long

    def run(check):
        quiet = settings(
            max_examples=examples[long],
            deadline=None,
            database=None,
            derandomize=not long,
            suppress_health_check=list(HealthCheck),
        )
        quiet(given(**strategies)(check))()

    return run


PLAYERS, LAYERS = st.integers(0, 4), st.integers(1, 3)
BATCH = st.lists(st.integers(0, 3), max_size=2)


@st.composite
def tables(draw, n=PLAYERS, batch=BATCH, dtypes=DTYPES, scales=SCALES):
    """A table of a game in any shape, type, layout and scale."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = random.normal(size=(*draw(batch), 2 ** draw(n))) * draw(st.sampled_from(scales))
    if draw(st.booleans()):  # games of whole numbers have ties
        with np.errstate(invalid="ignore"):
            values = np.round(values)
    with np.errstate(over="ignore", invalid="ignore"):
        dtype = draw(st.sampled_from(dtypes))
        limits = np.iinfo(dtype) if dtype not in DTYPES[:3] else None
        values = values.clip(limits.min, limits.max) if limits else values
        values = np.nan_to_num(values.clip(-6e4, 6e4) if dtype == "float16" else values).astype(dtype)
    values = np.nan_to_num(values, posinf=1.0, neginf=-1.0) if values.dtype.kind == "f" else values
    array = LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))](values)
    return torch.from_numpy(np.ascontiguousarray(array)) if draw(st.booleans()) else array


def members(n):
    """Whether T is a subset of S, [S, T]."""
    S, T = np.indices((2**n, 2**n))
    return (T & ~S) == 0


def signs(n):
    sizes = coalition_sizes(n).numpy()
    return np.where(members(n), (-1.0) ** (sizes[:, None] - sizes), 0.0)


def as_float(table):
    return np.asarray(table).astype(float)


def close(found, expected, size):
    return np.allclose(np.asarray(found), expected, rtol=0, atol=1e-12 * (abs(as_float(size)).max(initial=0) + 1e-300))


# ---- Möbius transforms -----------------------------------------------------------------------------------------------


def test_interactions_are_those_of_their_definitions(pytestconfig):
    @for_all(pytestconfig, CHEAP, table=tables())
    def check(table):
        values = as_float(table)
        n = values.shape[-1].bit_length() - 1
        before = values.copy()
        assert close(lk.and_interactions(table), values @ signs(n).T, 16 * values)
        expected = -values[..., ::-1] @ signs(n).T
        expected[..., 0] = values[..., 0]
        assert close(lk.or_interactions(table), expected, 16 * values)
        assert np.array_equal(as_float(table), before)


def test_values_are_those_of_the_interactions(pytestconfig):
    @for_all(pytestconfig, CHEAP, table=tables(batch=st.just([2])))
    def check(table):
        and_, or_ = as_float(table)
        n = and_.shape[-1].bit_length() - 1
        S, T = np.indices((2**n, 2**n))
        expected = members(n) @ and_ + ((S & T) != 0) @ or_ + or_[0]
        assert close(lk.values_from_interactions(table[0], table[1]), expected, 32 * np.abs(as_float(table)))
        rebuilt = lk.values_from_interactions(lk.and_interactions(table[0]), lk.or_interactions(table[1]))
        assert close(rebuilt, and_ + or_, 512 * np.abs(as_float(table)))


def test_shapley_values_are_those_of_their_definition_and_follow_the_players(pytestconfig):
    @for_all(
        pytestconfig,
        CHEAP,
        table=tables(n=st.integers(1, 4), batch=st.just([2]), dtypes=["float64"]),
        turn=st.integers(0, 23),
    )
    def check(table, turn):
        values = as_float(lk.values_from_interactions(table[0], table[1]))
        n = values.shape[-1].bit_length() - 1
        shares = lk.shapley_values(table[0], table[1]).numpy()
        assert close(shares, shapley_by_definition(values), 64 * np.abs(as_float(table)))
        order = np.random.default_rng(turn).permutation(n)
        places = [sum((T >> int(order[i]) & 1) << i for i in range(n)) for T in range(2**n)]
        turned = np.empty_like(as_float(table))
        turned[:, places] = as_float(table)
        assert close(lk.shapley_values(turned[0], turned[1]), shares[order], 64 * np.abs(as_float(table)))


def test_nan_is_never_hidden_and_overflow_refused(pytestconfig):
    @for_all(
        pytestconfig,
        CHEAP,
        table=tables(n=st.integers(1, 4), batch=st.just([]), dtypes=["float64"]),
        place=st.integers(0, 15),
    )
    def check(table, place):
        broken = as_float(table).copy()
        broken[place % len(broken)] = math.nan
        for function in (lk.and_interactions, lk.or_interactions):
            assert function(broken).isnan().any()
        with pytest.raises(ValueError, match="NaN or infinite"):
            lk.extract_interactions(broken)
        for huge in (1.7e308, -1.7e308, math.inf):
            broken[place % len(broken)] = huge
            for function in (lk.and_interactions, lk.or_interactions, lk.extract_interactions):
                with pytest.raises(ValueError, match=r"overflow|infinite|range"):
                    function(broken)


# ---- extraction ------------------------------------------------------------------------------------------------------


def optimum(v, kappa):
    """The smallest sum of strengths, by HiGHS, in units of the largest value."""
    size = len(v)
    T, S = np.indices((size, size))
    both = np.hstack([(S & ~T) == 0, ((S & T) != 0)[:, 1:]]).astype(float)
    price = np.ones(both.shape[1])
    price[0] = 0
    noise = np.full(size, kappa)
    noise[0] = 0
    columns = np.hstack([both, -both])
    return linprog(
        np.hstack([price, price]),
        A_ub=np.vstack([columns, -columns]),
        b_ub=np.hstack([v + noise, noise - v]),
        options=EXACT,
    ).fun


def test_extraction_is_as_good_as_highs(pytestconfig):
    @for_all(
        pytestconfig,
        COSTLY,
        table=tables(n=st.integers(0, 3), batch=st.just([])),
        kappa_ratio=st.sampled_from([0.0, 0.01, 0.04, 0.3]),
        gap=st.sampled_from([0.001, 0.05]),
    )
    def check(table, kappa_ratio, gap):
        values = as_float(table)
        size = np.ptp(values)
        if 0 < size < 1e-300:
            return
        found = lk.extract_interactions(table, kappa_ratio, gap=gap)
        kappa = kappa_ratio * abs(values[-1] - values[0])
        scale = abs(values).max() or 1.0
        assert (found.delta.abs().numpy() <= kappa + 1e-12 * scale).all()
        rebuilt = lk.values_from_interactions(found.and_, found.or_).numpy()
        assert close(rebuilt + found.delta.numpy(), values, 64 * scale)
        if not size:
            assert found.objective <= 1e-12 * scale
            return
        best = optimum((values - values[0]) / size, kappa / size)
        assert found.lower_bound / size <= best + 1e-6
        assert best - 1e-6 <= found.objective / size <= best / (1 - gap) + 1e-6


@st.composite
def labelled_games(draw):
    """A game of some layers, samples and players, its axes in any order."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = {
        "layer": draw(st.integers(1, 3)),
        "sample": draw(st.integers(1, 3)),
        "coalition": 2 ** draw(st.integers(1, 3)),
    }
    values = xr.DataArray(random.normal(size=tuple(sizes.values())) ** 3, dims=tuple(sizes))
    values = values.assign_coords(
        layer=[*(f"block{k}" for k in range(sizes["layer"] - 1)), "output"],
        sample=random.permutation(100)[: sizes["sample"]],
    )
    return values.transpose(*draw(st.permutations(list(sizes)))).astype(draw(st.sampled_from(["float64", "float32"])))


def test_interactions_of_games_obey_their_constraint_in_any_order_of_axes(pytestconfig):
    @for_all(pytestconfig, COSTLY, values=labelled_games())
    def check(values):
        found = lk.interactions(values.to_dataset(name="values"))
        v = values.transpose("layer", "sample", "coalition").astype(float)
        size = abs(v - v.isel(coalition=0)).max("coalition")
        assert (abs(found["delta"]).max("coalition") <= found["kappa"] + TOLERANCE * size).all()
        parts = found["interactions"].transpose("kind", "layer", "sample", "coalition").values
        rebuilt = lk.values_from_interactions(*parts).numpy()
        np.testing.assert_allclose(rebuilt + found["delta"].values, v.values, atol=1e-9 * (1 + abs(v.values).max()))
        last = lk.interactions(values.isel(layer=[-1], sample=[0]).to_dataset(name="values"))["interactions"]
        alone = found["interactions"].isel(layer=[-1], sample=[0])
        xr.testing.assert_allclose(last, alone.transpose(*last.dims))  # other games in the batch have no say
        shares = lk.shapley(values.to_dataset(name="values"))
        np.testing.assert_allclose(
            shares.values, shapley_by_definition(v.values), atol=1e-9 * (1 + abs(v.values).max())
        )


# ---- masking ---------------------------------------------------------------------------------------------------------


def test_log_odds_are_those_of_the_softmax(pytestconfig):
    @for_all(
        pytestconfig,
        CHEAP,
        seed=st.integers(0, 2**32 - 1),
        classes=st.integers(1, 5),
        batch=st.lists(st.integers(1, 3), max_size=2),
        dtype=st.sampled_from([torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int32]),
    )
    def check(seed, classes, batch, dtype):
        random = torch.Generator().manual_seed(seed)
        logits = (5 * torch.randn(*batch, classes, generator=random, dtype=torch.float64)).to(dtype)
        labels = torch.randint(max(classes, 2), tuple(batch), generator=random)
        z = logits.double()
        z = torch.cat([torch.zeros_like(z), z], -1) if classes == 1 else z
        p = z.softmax(-1).gather(-1, labels[..., None])[..., 0]
        expected = (p / (1 - p)).log()
        torch.testing.assert_close(lk.log_odds(logits, labels).double(), expected, atol=1e-4, rtol=1e-4)


def test_values_of_coalitions_are_those_of_a_slow_loop(pytestconfig):
    @for_all(
        pytestconfig,
        MODERATE,
        seed=st.integers(0, 2**32 - 1),
        n=st.integers(1, 4),
        samples=st.integers(1, 3),
        background=st.integers(0, 2),
        batch_size=st.sampled_from([None, 1, 3, 16, 1000]),
        arrays=st.booleans(),
    )
    def check(seed, n, samples, background, batch_size, arrays):
        random = np.random.default_rng(seed)
        width = n + background + 1
        players = np.stack(
            [random.permutation([*range(n), random.integers(n), *[-1] * background]) for _ in range(samples)]
        )
        inputs, baseline = random.normal(size=(samples, width)), random.normal(size=width)
        weights, labels = random.normal(size=(width, 3)), random.integers(3, size=samples)
        given_ = (inputs, labels, players, baseline)
        given_ = given_ if arrays else tuple(map(torch.from_numpy, given_))
        found = lk.coalition_values(lambda x: (x @ torch.from_numpy(weights))[None], *given_, n, batch_size)
        for sample in range(samples):
            for T in range(2**n):
                present = [player < 0 or T >> player & 1 for player in players[sample]]
                z = np.where(present, inputs[sample], baseline) @ weights
                y = labels[sample]
                expected = z[y] - np.logaddexp.reduce(np.delete(z, y))
                assert found[0, sample, T].item() == pytest.approx(expected, abs=1e-4)


# ---- metrics ---------------------------------------------------------------------------------------------------------


@st.composite
def found_interactions(draw, layers=LAYERS):
    """Interactions of a few samples, their axes in any order, some of them zero."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (2, draw(layers), draw(st.integers(1, 3)), 2 ** draw(st.integers(1, 3)))
    values = random.normal(size=shape) ** 5 * (random.random(shape) < draw(st.sampled_from([0.2, 0.7, 1.0])))
    names = [*(f"block{k}" for k in range(shape[1] - 1)), "output"]
    coordinates = {"kind": ["and", "or"], "layer": names, "sample": range(shape[2]), "coalition": range(shape[3])}
    found = xr.DataArray(values, coordinates, list(coordinates))
    return found.transpose(*draw(st.permutations(list(coordinates))))


def slow_part(parts, ratio):
    """The salient part by loops: (kind, layer, sample, coalition)."""
    result = np.zeros_like(parts)
    for layer in range(parts.shape[1]):
        change = np.mean([abs(parts[:, layer, k, 1:].sum()) for k in range(parts.shape[2])]) or 1.0
        for k in range(parts.shape[2]):
            tau = ratio * abs(parts[:, layer, k, 1:]).max()
            for kind in range(2):
                for S in range(1, parts.shape[3]):
                    if abs(parts[kind, layer, k, S]) > tau:
                        result[kind, layer, k, S] = parts[kind, layer, k, S] / change
    return result


def test_tracking_is_that_of_slow_loops(pytestconfig):
    @for_all(pytestconfig, COSTLY, found=found_interactions(), ratio=st.sampled_from([0.0, 0.05, 0.5, 1.0]))
    def check(found, ratio):
        part = slow_part(found.transpose("kind", "layer", "sample", "coalition").values, ratio)
        salient = lk.salient_part(found, ratio, per_sample=True).transpose("kind", "layer", "sample", "coalition")
        np.testing.assert_allclose(salient.values, part, rtol=1e-12)
        followed = lk.follow(xr.Dataset({"interactions": found}), tau_ratio=ratio, tau_per_sample=True)
        n = part.shape[-1].bit_length() - 1
        last = part[:, -1:]
        common = np.where(part * last > 0, np.sign(part) * np.minimum(abs(part), abs(last)), 0.0)
        sizes = coalition_sizes(n).numpy()
        for name, terms in (("overlap", common), ("forget", part - common), ("new", last - common)):
            by_size = np.stack([abs(terms[..., sizes == m]).sum(-1) for m in range(1, n + 1)], -1)
            strength = followed[name].transpose("kind", "layer", "sample", "order").values
            np.testing.assert_allclose(strength, by_size, rtol=1e-9, atol=1e-12)
        one, other = salient.isel(layer=0), salient.isel(layer=-1)
        either = np.maximum(abs(part[:, 0]), abs(part[:, -1]))
        opposite = part[:, 0] * part[:, -1] < 0
        whole = np.where(opposite, abs(part[:, 0]) + abs(part[:, -1]), either).sum((0, 2))
        shared = abs(common[:, 0]).sum((0, 2))
        expected = np.divide(shared, whole, out=np.full(len(whole), np.nan), where=whole > 0)
        np.testing.assert_allclose(lk.similarity(one, other).values, expected, rtol=1e-9, atol=1e-12)


def test_comparisons_are_those_of_sets(pytestconfig):
    @for_all(pytestconfig, COSTLY, a=found_interactions(layers=st.just(1)), seed=st.integers(0, 2**32 - 1))
    def check(a, seed):
        random = np.random.default_rng(seed)
        b = a.copy(data=np.where(random.random(a.shape) < 0.5, a.values, random.normal(size=a.shape)))
        compared = lk.compare(xr.Dataset({"interactions": a}), xr.Dataset({"interactions": b}))
        for kind in ("and", "or"):
            sets = [
                [
                    set(
                        np.flatnonzero(
                            lk.salient(x, lk.salience_threshold(x, per_sample=True)).sel(
                                kind=kind, layer="output", sample=k
                            )
                        )
                    )
                    for k in a["sample"].values
                ]
                for x in (a.transpose(..., "coalition"), b.transpose(..., "coalition"))
            ]
            for order in compared["order"].values:
                ious = []
                for one, two in zip(*sets, strict=True):
                    one, two = ({S for S in part if int(S).bit_count() == order} for part in (one, two))
                    ious += [len(one & two) / len(one | two)] if one | two else []
                found = compared["iou"].sel(kind=kind, order=order, bound="estimate").item()
                assert found == pytest.approx(np.mean(ious) if ious else math.nan, nan_ok=True)


def test_the_strongest_and_their_moebius_transform(pytestconfig):
    @for_all(pytestconfig, MODERATE, found=found_interactions(), k=st.integers(1, 20))
    def check(found, k):
        dataset, sample = xr.Dataset({"interactions": found}), found["sample"].values[-1]
        table = lk.top(dataset, sample, k)
        of_output = found.sel(layer="output", sample=sample).transpose("kind", "coalition").values[:, 1:]
        strongest = np.sort(abs(of_output).ravel())[::-1]
        np.testing.assert_array_equal(abs(table["output"]), strongest[strongest > 0][:k])
        effects = lk.to_shapiq(dataset, sample)
        rebuilt = lk.values_from_interactions(
            *found.sel(layer="output", sample=sample).transpose("kind", "coalition").values
        )
        n = of_output.shape[-1].bit_length()
        for T in range(2**n):
            inside = [value for players, value in effects.dict_values.items() if all(T >> i & 1 for i in players)]
            assert sum(inside) == pytest.approx(rebuilt[T].item(), abs=1e-6 * (1 + abs(rebuilt).max().item()))


def test_stability_is_that_of_numpy(pytestconfig):
    @for_all(pytestconfig, MODERATE, seed=st.integers(0, 2**32 - 1), draws=st.integers(2, 5), n=st.integers(1, 3))
    def check(seed, draws, n):
        random = np.random.default_rng(seed)
        numbers = xr.DataArray(random.normal(size=(draws + 1, 2**n)) + 1, dims=("draw", "coalition"))
        salient = xr.DataArray(random.random(2**n) < 0.7, dims="coalition")
        ratio = stability_ratio(numbers.transpose(*random.permutation(numbers.dims)), salient)
        noisy = numbers.values[1:]
        expected = np.where(salient, abs(noisy.mean(0)) / noisy.std(0, ddof=1), np.nan)
        np.testing.assert_allclose(ratio.values, expected, rtol=1e-9)
        sizes = coalition_sizes(n).numpy()
        for m in range(1, n + 1):
            inside = expected[(sizes == m) & salient.values]
            median = by_order(ratio)["median"].sel(order=m).item()
            assert median == pytest.approx(np.median(inside) if len(inside) else math.nan, nan_ok=True)


# ---- players ---------------------------------------------------------------------------------------------------------


def test_players_are_numbered_without_gaps(pytestconfig):
    @for_all(pytestconfig, CHEAP, seed=st.integers(0, 2**32 - 1), samples=st.integers(1, 3), labels=st.integers(1, 4))
    def check(seed, samples, labels):
        random = np.random.default_rng(seed)
        regions = random.integers(-1, labels, size=(samples, 3, 4)) * 7 + (random.integers(2) * 0)
        regions = np.where(regions < 0, -1, regions)
        regions[:, 0, 0] = 7  # something in each sample
        numbered = np.asarray(lk.players.segments(regions).map)
        for sample in range(samples):
            known = sorted(set(regions[sample].ravel()) - {-1})
            for label, player in zip(regions[sample].ravel(), numbered[sample].ravel(), strict=True):
                assert player == (known.index(label) if label >= 0 else -1)
        names = [None if number < 0 else f"name{number}" for number in random.integers(-1, 3, size=5)]
        if any(names):
            order = list(dict.fromkeys(filter(None, names)))
            columns = np.asarray(lk.players.columns(names).map)[0]
            assert columns.tolist() == [order.index(name) if name else -1 for name in names]
