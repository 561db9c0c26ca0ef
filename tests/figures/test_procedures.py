import numpy as np
import pytest
import torch
import xarray as xr

from lkutils import metrics
from lkutils.claims import extraction as claims_extraction
from lkutils.claims.verdicts import judge
from lkutils.extraction import extract_interactions
from lkutils.figures import extraction as figures_extraction
from lkutils.games import Label
from lkutils.paper import planted, procedures


def number(settings=("exact", "SGD 1e-05, 10"), center=10.0):
    data = center * np.array([[0.9, 1.0, 1.1]] * len(settings))
    return xr.DataArray(data, {"setting": list(settings), "bound": ["low", "estimate", "high"]}, ("setting", "bound"))


@pytest.fixture(scope="module")
def game():
    return planted.planted_games(6, 2)


@pytest.fixture(scope="module")
def descended(game):
    return procedures.descents(game["values"], [1e-4, 1e-3], [2, 50])


# ---- games and procedures -------------------------------------------------------------------------------------------


def test_planted_games_are_what_they_say(game):
    order = game["coalition"].to_series().map(int.bit_count).values
    and_, or_ = game["interactions"].values != 0
    assert (and_.sum(-1) == 30).all()
    assert (or_.sum(-1) == 10).all()
    assert not and_[:, order < 1].any()
    assert not or_[:, order < 2].any()
    noise = game["values"] - metrics.matched_values(game["interactions"])
    assert 0.01 < noise.std() < 0.04
    assert not np.allclose(*game["values"].values)


def test_planted_games_are_the_same_again_and_others_with_another_seed(game):
    assert game.identical(planted.planted_games(6, 2))
    assert not game.equals(planted.planted_games(6, 2, seed=1))


def test_too_few_players_for_the_planted_orders_are_refused():
    with pytest.raises(ValueError, match="n=5 players are too few"):
        planted.planted_games(5, 1)


def test_descents_have_a_name_each_and_more_steps_go_lower(descended):
    assert descended["setting"].values.tolist() == [
        "SGD 1e-04, 2",
        "SGD 1e-03, 2",
        "SGD 1e-04, 50",
        "SGD 1e-03, 50",
        procedures.BEST,
    ]
    objective = descended["objective"].mean("sample")
    assert objective.sel(setting="SGD 1e-03, 50") < objective.sel(setting="SGD 1e-03, 2")


def test_every_sample_has_the_best_rate_of_its_own():
    values = planted.planted_games(6, 2)["values"] * xr.DataArray([1.0, 1000.0], dims="sample")
    found = procedures.descents(values, [1e-3, 1.0], [50])
    best = found.sel(setting=procedures.BEST)
    assert found["best"].values.tolist() == [
        "SGD 1e-03, 50",
        "SGD 1e+00, 50",
    ]  # a scale of 1000 is worth a rate of 1000
    fixed = found.drop_sel(setting=procedures.BEST)
    assert (best["objective"] == fixed["objective"].min("setting")).all()
    for sample, setting in enumerate(found["best"].values):
        expected = fixed["interactions"].sel(setting=setting).isel(sample=sample)
        assert (best["interactions"].isel(sample=sample) == expected).all()


def test_exact_stands_first_on_the_same_samples(game, descended):
    objective, bound = ("sample", [1.0, 2.0]), ("sample", [0.5, 1.5])
    exact = xr.Dataset({"interactions": game["interactions"], "objective": objective, "lower_bound": bound})
    both = procedures.beside_exact(exact.assign_coords(n_players=("sample", [6, 6])), descended.isel(sample=[1]))
    assert both["setting"].values[0] == "exact"
    assert both["objective"].sel(setting="exact").values.tolist() == [2.0]
    assert both["interactions"].sizes["setting"] == 6
    assert both["gap"].sel(setting="exact").item() == 0.25
    expected = descended["objective"].isel(sample=1) / 2
    assert both["excess"].drop_sel(setting="exact").isel(sample=0).values.tolist() == expected.values.tolist()


def test_outputs_of_different_sizes_descend_with_their_own_samples():
    labels = [Label("a", "x"), Label("b", "y"), Label("c", "z")]
    games = {label: planted.planted_games(n, 2, seed=n) for label, n in zip(labels, (6, 7, 6), strict=True)}
    exact = {
        label: game[["interactions"]].assign(objective=("sample", [1.0, 1.0]), lower_bound=("sample", [1.0, 1.0]))
        for label, game in games.items()
    }
    values = {label: game["values"] for label, game in games.items()}
    found = procedures.decompose_outputs(values, exact, [1e-3], [20])
    assert list(found) == labels
    for label, part in found.items():
        alone = procedures.descents(values[label], [1e-3], [20])["objective"]
        np.testing.assert_allclose(part["objective"].drop_sel(setting="exact"), alone)


def test_planted_games_are_compared_with_what_was_planted():
    found = procedures.decompose_planted({6: planted.planted_games(6, 2)}, [1e-3], [20], gap=1e-3)
    part = found[Label("planted games", "n = 6")]
    assert part["iou"].dims == ("setting", "sample")
    assert (part["gap"].sel(setting="exact") <= 1e-3).all()
    assert (part["excess"].sel(setting=procedures.BEST) > 1).all()


def test_dual_prices_close_the_gap(game):
    values = game["values"].values[0]
    kappa = 0.04 * abs(values[-1] - values[0])
    y = procedures.dual_prices(values, kappa)
    S, T = np.indices((64, 64))[:, 1:]
    assert abs(y.sum()) < 1e-9
    assert abs(((S & ~T) == 0) @ y).max() < 1 + 1e-9
    assert abs(((S & T) != 0) @ y).max() < 1 + 1e-9
    optimum = procedures.simplex_vertex(game["values"][:1])["objective"].item()
    assert values @ y - kappa * abs(y[1:]).sum() == pytest.approx(optimum)


def test_a_vertex_is_as_sparse_as_the_extraction_and_matches_up_to_kappa(game):
    values = game["values"]
    found = procedures.simplex_vertex(values)
    exact = extract_interactions(torch.from_numpy(values.values), gap=1e-4)
    assert np.allclose(found["objective"], exact.objective, rtol=2e-4)
    delta = abs(values - metrics.matched_values(found["interactions"])).max("coalition")
    assert (delta <= 0.04 * abs(values[:, -1] - values[:, 0]) + 1e-6).all()


def test_recovery_by_hand():
    def of(*strengths):
        return xr.DataArray([[[0, *strengths]], [[0, 0, 0, 0]]], dims=("kind", "sample", "coalition")).assign_coords(
            coalition=np.arange(4)
        )

    part = planted.recovery(of(1.0, 0.5, 0.01), of(1.0, 0.0, 0.5)).isel(sample=0)
    assert {name: part[name].item() for name in part} == {"salient": 2, "planted": 2, "recall": 0.5, "iou": 1 / 3}


# ---- figures --------------------------------------------------------------------------------------------------------


def test_a_row_for_each_setting_and_a_mark_where_there_is_one():
    numbers = {"one": {"a": number(), "b": number(center=20.0)}, "other": {"b": number()}}
    figure = figures_extraction.by_setting(numbers, "salient", {"one": 21.8}, shares=("other",))
    one, other = figure.axes[:2]
    assert [label.get_text() for label in one.get_yticklabels()] == ["exact", "SGD 1e-05, 10"]
    assert (one.get_xscale(), other.get_xscale()) == ("log", "linear")
    dotted = [[line for line in axis.lines if line.get_linestyle() == ":"] for axis in (one, other)]
    assert [len(lines) for lines in dotted] == [1, 0]
    assert list(dotted[0][0].get_xdata()) == [21.8, 21.8]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "paper"]


def test_lines_descend_and_dots_are_where_they_cross_tau(descended):
    interactions = descended["interactions"]
    strengths = {Label("digits", "MLP-7"): metrics.sorted_strength(interactions)}
    tau = metrics.salience_threshold(interactions, per_sample=False)
    settings = ["SGD 1e-04, 2", "SGD 1e-03, 50"]
    axis = figures_extraction.strength_by_setting(strengths, {Label("digits", "MLP-7"): tau}, settings).axes[0]
    count = metrics.salient(interactions, tau).sum(["kind", "coalition"]).mean("sample")
    for curve, dot, setting in zip(axis.lines[::2], axis.lines[1::2], settings, strict=True):
        assert (np.diff(curve.get_ydata()) <= 0).all()
        assert dot.get_xdata()[0] == count.sel(setting=setting)


def test_benchmarks_are_drawn_against_seconds_and_players():
    rows = [
        {"method": method, "seconds a game": seconds, "mean gap": 0.1 / seconds, "largest gap": 0.2 / seconds}
        for method in ("exact", "sgd, lr 1e-05")
        for seconds in (1.0, 2.0)
    ]
    axis = figures_extraction.gap_over_time(rows).axes[0]
    assert [line.get_label() for line in axis.lines] == ["exact", "sgd, lr 1e-05"]
    rows = [{"players": n, "seconds a problem": 2.0**n, "MiB on top": 4.0**n} for n in (6, 8)]
    seconds, memory = figures_extraction.cost_over_players(rows).axes
    assert list(seconds.lines[0].get_ydata()) == [64, 256]
    assert list(memory.lines[0].get_ydata()) == [4096, 65536]


# ---- claims ---------------------------------------------------------------------------------------------------------

AROUND = np.linspace(-0.01, 0.01, 11)


def judged(claim, name, values, axes=("sample",)):
    return judge(claim, {Label("MNIST", "MLP-7"): xr.Dataset({name: (axes, values)})}).outcomes[Label("MNIST", "MLP-7")]


@pytest.mark.parametrize(("mean", "outcome"), [(0.9, "yes"), (0.8, "unclear"), (0.6, "no")])
def test_recovery_is_judged(mean, outcome):
    assert judged(claims_extraction.RECOVERS, "iou", mean + AROUND) == outcome
    assert judged(claims_extraction.RECOVERS, "iou", mean + AROUND[:9]) == "too few"


@pytest.mark.parametrize(("mean", "outcome"), [(1.02, "yes"), (1.05, "unclear"), (1.3, "no")])
def test_descent_is_judged(mean, outcome):
    assert judged(claims_extraction.DESCENT_IS_SPARSEST, "excess", mean + AROUND) == outcome
    assert judged(claims_extraction.DESCENT_IS_SPARSEST, "excess", mean + AROUND[:9]) == "too few"


@pytest.mark.parametrize(("other", "outcome"), [(1.1, "yes"), (1.25, "unclear"), (5.0, "no")])
def test_counts_that_depend_on_the_setting_are_not_settled(other, outcome):
    counts = [[1.0] * 11, other + AROUND]
    assert judged(claims_extraction.COUNT_IS_SETTLED, "count", counts, ("setting", "sample")) == outcome
    assert judged(claims_extraction.COUNT_IS_SETTLED, "count", [row[:9] for row in counts], ("setting", "sample")) == (
        "too few"
    )
