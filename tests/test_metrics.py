"""Metrics on games small enough that every answer is worked out by hand."""

import numpy as np
import pytest
import xarray as xr

from lkutils.metrics import (
    completeness,
    count_salient,
    forget,
    forgotten_share,
    keep_strongest,
    layer_similarity,
    matched_values,
    matching_error,
    new,
    nonempty,
    normalised,
    output_range,
    overlap,
    redundancy,
    salience_threshold,
    salient,
    salient_part,
    shared,
    similarity,
    sorted_strength,
    strength,
    track,
)
from lkutils.uncertainty import resampled_means, with_interval

AXES = ("kind", "layer", "sample", "coalition")


def labelled(interactions: np.ndarray) -> xr.DataArray:
    coordinates = {
        axis: np.arange(size) for axis, size in zip(AXES, interactions.shape, strict=True) if axis not in AXES[:2]
    }
    layers = [f"linear{k}" for k in range(1, interactions.shape[1])] + ["output"]
    return xr.DataArray(interactions, {"kind": ["and", "or"], "layer": layers} | coordinates, AXES)


@pytest.fixture
def game() -> xr.DataArray:
    """Two players; two layers, early and output; two samples. Entry 0 is v(x_empty), then {0}, {1} and {0, 1}.

    The largest interactions are 10 and 20 in the early layer's samples and 10 and 40 in the output's, so that tau is
    0.5 and 1, 0.5 and 2; over all samples of a layer it is 1 and 2.
    """
    and_ = [
        [[99.0, 10.0, 0.6, -4.0], [99.0, 20.0, 8.0, 2.0]],
        [[-9.0, 6.0, -5.0, 0.4], [-9.0, 40.0, 4.0, 3.0]],
    ]
    or_ = [
        [[0.0, 0.0, 0.0, 2.0], [0.0, 0.0, 0.0, -4.0]],
        [[0.0, 0.0, 0.0, 10.0], [0.0, 0.0, 0.0, 6.0]],
    ]
    return labelled(np.array([and_, or_])).assign_coords(layer=["early", "output"])


@pytest.fixture
def random_game() -> xr.DataArray:
    """Sparse in strength, as real interactions are, alike in all layers but with other signs and other salience."""
    random = np.random.default_rng(1)
    return labelled((random.normal(size=(2, 1, 12, 64)) + random.normal(size=(2, 5, 12, 64))) ** 5)


def omega(game: xr.DataArray, **options: float) -> xr.DataArray:
    return salient(game, salience_threshold(game, **({"per_sample": True} | options)))


@pytest.fixture
def part(game: xr.DataArray) -> xr.DataArray:
    """Without normalisation, so that the numbers stay whole."""
    return game.where(omega(game), 0)


def equals(result: xr.DataArray, answer: list) -> bool:
    return result.shape == np.shape(answer) and np.allclose(result, answer, rtol=0, atol=1e-12, equal_nan=True)


def test_counts_of_salient_interactions_by_both_definitions_of_tau(game):
    counts = count_salient({"a/x": game})
    assert list(counts) == ["largest of all samples (App. M.4)", "largest of each sample (footnote 7)"]
    of_all, of_each = (by_game["a/x"] for by_game in counts.values())
    assert of_all.values.tolist() == [[3, 4], [3, 4]]
    assert of_each.values.tolist() == [[4, 4], [3, 4]]


# ---- salience


def test_threshold_of_each_sample_looks_at_both_kinds_but_not_at_the_empty_coalition(game):
    assert equals(salience_threshold(game, per_sample=True), [[0.5, 1.0], [0.5, 2.0]])


def test_threshold_of_a_layer_is_the_largest_over_samples(game):
    assert equals(salience_threshold(game, per_sample=False), [1.0, 2.0])


def test_salient(game):
    assert omega(game).sel(kind="and").astype(int).values.tolist() == [
        [[0, 1, 1, 1], [0, 1, 1, 1]],
        [[0, 1, 1, 0], [0, 1, 1, 1]],
    ]
    assert omega(game).sel(kind="or").astype(int).values.tolist() == [[[0, 0, 0, 1]] * 2] * 2


def test_salient_above_the_threshold_of_all_samples(game):
    pooled = omega(game, per_sample=False)
    assert pooled.sel(kind="and", layer="early").astype(int).values.tolist() == [[0, 1, 0, 1], [0, 1, 1, 1]]


def test_salient_means_strictly_above(game):
    assert not omega(game, ratio=0.1).sel(kind="and", layer="early", sample=1, coalition=3)  # 2 is exactly 0.1 of 20


def test_normalising_does_not_change_what_is_salient(random_game):
    for per_sample in (False, True):
        options = {"per_sample": per_sample}
        assert (omega(normalised(random_game), **options) == omega(random_game, **options)).all()


# ---- sparsity and matching


def test_sorted_strength(game):
    first = sorted_strength(game).sel(layer="early", sample=0)
    assert first.values.tolist() == [10.0, 4.0, 2.0, 0.6, 0.0, 0.0]
    assert first["rank"].values.tolist() == [1, 2, 3, 4, 5, 6]


def test_keep_strongest_keeps_as_many_as_asked_and_the_constant(game):
    two = keep_strongest(game, 2).sel(layer="early", sample=0)
    assert two.sel(kind="and").values.tolist() == [99.0, 10.0, 0.0, -4.0]
    assert two.sel(kind="or").values.tolist() == [0.0, 0.0, 0.0, 0.0]


def test_matched_values(game):
    # AND {0} 10, {1} 0.6, {0, 1} -4 and OR {0, 1} 2 on top of 99
    assert equals(matched_values(game).sel(layer="early", sample=0), [99.0, 111.0, 101.6, 107.6])


def test_matching_error_of_all_interactions_is_nothing(random_game):
    assert matching_error(matched_values(random_game), random_game).max() < 1e-12


def test_matching_error_of_a_part(game):
    values = matched_values(game)
    without_or = game.where(game.kind == "and", 0)
    # OR {0, 1} = 2 is missing from three of four values; the mean output range of the early layer is 17.3
    error = matching_error(values, without_or).sel(layer="early", sample=0)
    assert error.item() == pytest.approx(np.sqrt(3 * 4 / 4) / 17.3)


# ---- tracking


def test_normalised_divides_each_layer_by_its_mean_change(game):
    # v(x_N) - v(x_empty): 8.6 and 26 in the early layer, 21.4 - 10 + ... = 11.4 and 53 in the output
    assert normalised(game).sel(kind="and", layer="early", sample=0, coalition=1) == pytest.approx(10 / 17.3)
    assert normalised(game).sel(kind="or", layer="output", sample=0, coalition=3) == pytest.approx(10 / 32.2)


def test_normalised_change_is_the_output_range_of_the_matched_values(random_game):
    assert equals(output_range(matched_values(normalised(random_game))), [1.0] * 5)


def test_normalised_leaves_a_layer_without_interactions_at_zero(game):
    nothing = game.where((game.layer != "early") | (game.coalition == 0), 0)
    assert (nonempty(normalised(nothing)).sel(layer="early") == 0).all()


def test_salient_part_is_normalised_and_zero_elsewhere(game):
    part = salient_part(game)
    assert ((part != 0) == omega(game)).all()
    assert part.sel(kind="and", layer="early", sample=0).values * 17.3 == pytest.approx([0.0, 10.0, 0.6, -4.0])
    assert salient_part(game, per_sample=False).sel(kind="and", layer="early", sample=0, coalition=2) == 0


def test_shared_is_the_weaker_one_or_nothing():
    first = xr.DataArray([3.0, 3.0, -1.0, 0.0, -2.0])
    second = xr.DataArray([2.0, -2.0, -4.0, 5.0, -2.0])
    assert shared(first, second).values.tolist() == [2.0, 0.0, -1.0, 0.0, -2.0]
    assert shared(second, first).values.tolist() == [2.0, 0.0, -1.0, 0.0, -2.0]


def test_strength_by_order(part):
    assert strength(part).order.values.tolist() == [1, 2]
    assert equals(strength(part).sel(kind="and"), [[[10.6, 4.0], [28.0, 2.0]], [[11.0, 0.0], [44.0, 3.0]]])
    assert equals(strength(part).sel(kind="or"), [[[0.0, 2.0], [0.0, 4.0]], [[0.0, 10.0], [0.0, 6.0]]])


def test_a_coordinate_of_orders_is_no_hindrance(part):
    assert strength(part.assign_coords(order=("coalition", [0, 1, 1, 2]))).equals(strength(part))


def test_strength_of_an_order_sums_over_all_its_coalitions():
    assert equals(strength(xr.DataArray(np.ones(32), dims="coalition")), [5.0, 10.0, 10.0, 5.0, 1.0])


def test_overlap(part):
    assert equals(overlap(part).sel(kind="and", layer="early"), [[6.0, 0.0], [24.0, 2.0]])
    assert equals(overlap(part).sel(kind="or", layer="early"), [[0.0, 2.0], [0.0, 0.0]])


def test_forget(part):
    assert equals(forget(part).sel(kind="and", layer="early"), [[4.6, 4.0], [4.0, 0.0]])
    assert equals(forget(part).sel(kind="or", layer="early"), [[0.0, 0.0], [0.0, 4.0]])


def test_new(part):
    assert equals(new(part).sel(kind="and", layer="early"), [[5.0, 0.0], [20.0, 1.0]])
    assert equals(new(part).sel(kind="or", layer="early"), [[0.0, 8.0], [0.0, 6.0]])


def test_the_last_layer_keeps_everything_and_forgets_nothing(part):
    assert overlap(part).sel(layer="output").equals(strength(part).sel(layer="output"))
    assert (forget(part).sel(layer="output") == 0).all()
    assert (new(part).sel(layer="output") == 0).all()


@pytest.mark.parametrize("per_sample", [False, True])
def test_equation_8(random_game, per_sample):
    part = normalised(random_game).where(omega(random_game, per_sample=per_sample), 0)
    xr.testing.assert_allclose(overlap(part) + forget(part), strength(part), rtol=1e-14)
    all_of_last = strength(part).isel(layer=[-1] * 5).assign_coords(layer=part.layer)
    xr.testing.assert_allclose(overlap(part) + new(part), all_of_last, rtol=1e-14)


def test_equation_7_to_the_letter_misses_what_is_salient_in_one_layer_only(game):
    """{0, 1} is 4 in the early layer and 0.4 in the output, where that is not salient: Eq. 8 misses 0.4."""
    game.loc[{"kind": "and", "layer": "early", "sample": 0, "coalition": 3}] = 4.0
    salient_in = omega(game)
    in_common = shared(game, game.sel(layer="output", drop=True))
    overlap_to_the_letter = strength(in_common.where(salient_in & salient_in.sel(layer="output", drop=True), 0))
    forget_to_the_letter = strength((game - in_common).where(salient_in, 0))
    missing = strength(game.where(salient_in, 0)) - overlap_to_the_letter - forget_to_the_letter
    assert equals(missing.sel(kind="and", layer="early"), [[0.0, 0.4], [0.0, 0.0]])


def test_track_holds_the_three_parts(part):
    tracked = track(part)
    assert tracked.overlap.equals(overlap(part))
    assert tracked.forget.equals(forget(part))
    assert tracked.new.equals(new(part))


def test_completeness_and_redundancy_of_means(part):
    means = track(part).mean("sample")
    assert equals(completeness(means).sel(layer="early"), [[30 / 55, 2 / 3], [np.nan, 2 / 16]])
    assert equals(completeness(means).sel(layer="output"), [[1.0, 1.0], [np.nan, 1.0]])
    assert equals(redundancy(means).sel(layer="early"), [[8.6 / 55, 4 / 3], [np.nan, 4 / 16]])
    assert equals(redundancy(means).sel(layer="output"), [[0.0, 0.0], [np.nan, 0.0]])
    assert equals(forgotten_share(means).sel(layer="early"), [[8.6 / 38.6, 4 / 6], [np.nan, 4 / 6]])
    assert equals(forgotten_share(means).sel(layer="output"), [[0.0, 0.0], [np.nan, 0.0]])


def test_the_forgotten_share_is_that_of_the_layers_own_strength(part):
    """It is redundancy over the sum of completeness and redundancy, and does not change with the output's strength."""
    tracked = track(part)
    share = forgotten_share(tracked)
    xr.testing.assert_allclose(
        share.where(part.layer != "output", 0), (forget(part) / strength(part)).where(part.layer != "output", 0)
    )
    stronger = tracked.assign(new=tracked.new + 7)
    xr.testing.assert_identical(forgotten_share(stronger), share)
    assert not redundancy(stronger).equals(redundancy(tracked))


def test_completeness_and_redundancy_of_each_sample(part):
    early = track(part).sel(kind="and", layer="early")
    assert equals(completeness(early), [[6 / 11, np.nan], [24 / 44, 2 / 3]])
    assert equals(redundancy(early), [[4.6 / 11, np.nan], [4 / 44, 0.0]])


@pytest.mark.parametrize("ratio", [completeness, redundancy, forgotten_share])
def test_ratios_lie_inside_their_intervals(random_game, ratio):
    means = resampled_means(track(random_game.where(omega(random_game), 0)), resamples=500)
    bounds = with_interval(ratio(means)).sel(kind="and", order=slice(1, 4))
    assert bounds.notnull().all()
    low, estimate, high = (bounds.sel(bound=bound, drop=True) for bound in ("low", "estimate", "high"))
    assert ((low <= estimate) & (estimate <= high)).all()
    assert (low < high).mean() > 0.5


def test_layer_similarity(part):
    pairs = layer_similarity(part)
    # first sample: shared 6 + 2 of 10.6 + 4 + 2 and of 11 + 10; second: 24 + 2 of 28 + 2 + 4 and of 44 + 3 + 6
    answer = [8 / (16.6 + 21 - 8), 26 / (34 + 53 - 26)]
    assert equals(pairs.sel(layer="early", other_layer="output"), answer)
    assert equals(pairs.sel(layer="output", other_layer="early"), answer)
    assert equals(pairs.sel(layer="output", other_layer="output"), [1.0, 1.0])


def test_layer_similarity_of_ones_is_the_jaccard_index(game):
    # first sample: AND {0}, {1}, {0, 1} and OR {0, 1} against the same without AND {0, 1}
    pairs = layer_similarity(omega(game) * 1.0)
    assert equals(pairs.sel(layer="early", other_layer="output"), [3 / 4, 1.0])


def test_similarity_is_the_sum_of_the_shared(random_game):
    part = nonempty(random_game.where(omega(random_game), 0))
    a, b = part.isel(layer=1, drop=True), part.isel(layer=3, drop=True)
    axes = ["kind", "coalition"]
    in_common = abs(shared(a, b)).sum(axes)
    either = abs(a).sum(axes) + abs(b).sum(axes) - in_common
    pair = random_game.where(omega(random_game), 0).isel(layer=[1, 3])
    assert np.allclose(similarity(pair.isel(layer=0), pair.isel(layer=1)), in_common / either, rtol=1e-12)
    assert np.allclose(layer_similarity(pair)[0, 1], in_common / either, rtol=1e-12)


def test_similarity_of_layers_without_interactions_is_nan(part):
    nothing = part.where(part.coalition == 0, 0)
    assert similarity(nothing.isel(layer=0), nothing.isel(layer=1)).isnull().all()
    assert layer_similarity(nothing).isnull().all()


# ---- labelled arrays, whatever their order; what is refused


METRICS = {
    "threshold": salience_threshold,
    "threshold of all samples": lambda game: salience_threshold(game, per_sample=False),
    "salient": omega,
    "sorted": sorted_strength,
    "strongest": lambda game: keep_strongest(game, 5),
    "matched": matched_values,
    "error": lambda game: matching_error(matched_values(game), salient_part(game)),
    "normalised": normalised,
    "salient part": salient_part,
    "strength": strength,
    "overlap": overlap,
    "forget": forget,
    "new": new,
    "completeness": lambda game: completeness(track(salient_part(game))),
    "redundancy": lambda game: redundancy(track(salient_part(game))),
    "forgotten share": lambda game: forgotten_share(track(salient_part(game))),
    "similarity": lambda game: similarity(game, game.isel(layer=-1, drop=True)),
    "layer similarity": layer_similarity,
}


REFUSING = [
    *(salient_part, salience_threshold, matched_values, sorted_strength, normalised),
    *(METRICS["strongest"], METRICS["similarity"], lambda game: salient(game, xr.DataArray(0.1))),
]


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_axes_may_come_in_any_order(random_game, metric):
    straight = metric(random_game)
    turned = metric(random_game.transpose("coalition", "sample", "kind", "layer"))
    xr.testing.assert_allclose(turned.transpose(*straight.dims), straight, rtol=1e-12)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_kinds_may_come_in_any_order(random_game, metric):
    straight = metric(random_game)
    turned = metric(random_game.isel(kind=[1, 0]))
    turned = turned.sel(kind=["and", "or"]) if "kind" in turned.dims else turned
    xr.testing.assert_allclose(turned, straight, rtol=1e-12)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_what_lacks_coalitions_is_refused(random_game, metric):
    with pytest.raises(ValueError, match="'coalition' is missing"):
        metric(random_game.rename(coalition="subset"))


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_coalitions_in_another_order_are_refused(random_game, metric):
    with pytest.raises(ValueError, match="sortby"):
        metric(random_game.isel(coalition=slice(None, None, -1)))


def test_a_dataset_is_refused_with_the_way_to_its_array(random_game):
    with pytest.raises(TypeError, match="interactions'"):
        salient_part(random_game.to_dataset(name="interactions"))


def test_numbers_that_are_not_finite_are_refused(random_game):
    for number in (np.nan, np.inf):
        for place in ({"coalition": 5}, {"coalition": slice(50, None)}, {"layer": 2}):
            broken = random_game.copy(deep=True)
            broken[{"sample": 3, "kind": 1, "layer": 0} | place] = number
            for metric in REFUSING:
                with pytest.raises(ValueError, match="first in sample 3"):
                    metric(broken)


def test_numbers_whose_sums_overflow_are_refused(random_game):
    broken = random_game.copy(deep=True)
    broken[{"sample": 3, "kind": 1, "layer": 0, "coalition": 9}] = 1.7e308
    for metric in REFUSING:
        with pytest.raises(ValueError, match=r"1 of \d+ numbers are NaN or above 1e\+300, first in sample 3"):
            metric(broken)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_complex_numbers_are_refused(random_game, metric):
    with pytest.raises(TypeError, match="expected, not complex128: give abs"):
        metric(random_game + 0j)


def test_metrics_of_any_type_are_those_of_float64(random_game):
    whole = (20 * random_game).round()
    for metric in (salience_threshold, salient_part, sorted_strength, matched_values):
        for dtype in ("float32", "int32", "int64"):
            xr.testing.assert_allclose(metric(whole.astype(dtype)).astype(float), metric(whole), rtol=1e-5)
        for dtype in ("int8", "uint8", "uint64", "float16", "object"):  # |-128| is -128 in int8, and 0 - 1 is 255
            with pytest.raises(TypeError, match=f"expected, not {dtype}: give array.astype"):
                metric(abs(whole).clip(max=100).astype(dtype))


@pytest.mark.parametrize("ratio", [-0.1, 5.0, np.nan])
def test_a_threshold_that_is_no_share_is_refused(game, ratio):
    with pytest.raises(ValueError, match=f"not {ratio}"):
        salience_threshold(game, ratio)


def test_a_smaller_game_in_a_batch_is_what_it_is_alone(random_game):
    """Sample 4 has five players of six; its values end after 2^5 coalitions."""
    batch = random_game.where((random_game["sample"] != 4) | (random_game["coalition"] < 32))
    alone = random_game.isel(sample=[4], coalition=slice(32))
    of_batch = batch.isel(sample=[4])
    for metric in (salience_threshold, omega, matched_values, sorted_strength, salient_part):
        small, padded = metric(alone), metric(of_batch)
        for axis in {"coalition", "rank"} & set(small.dims):
            assert not padded.isel({axis: slice(small.sizes[axis], None)}).fillna(0).any()
            padded = padded.isel({axis: slice(small.sizes[axis])})
        xr.testing.assert_allclose(padded, small, rtol=1e-12)
    assert equals(output_range(matched_values(of_batch)), output_range(matched_values(alone)).values.tolist())
    few = track(salient_part(of_batch)).mean("sample")
    assert equals(completeness(few).sel(order=slice(5)), completeness(track(salient_part(alone)).mean("sample")))
    assert salient_part(batch).notnull().all()


def test_a_smaller_game_must_be_as_small_as_it_says(random_game):
    batch = random_game.where((random_game["sample"] != 4) | (random_game["coalition"] < 32))
    sizes = np.where(np.arange(12) == 4, 5, 6)
    salient_part(batch.assign_coords(n_players=("sample", sizes)))
    with pytest.raises(ValueError, match="first in sample 4"):
        salient_part(batch.assign_coords(n_players=("sample", np.full(12, 6))))
