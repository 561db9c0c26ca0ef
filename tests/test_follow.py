"""Following interactions through layers, by name; Shapley values against shapiq."""

import sys

import numpy as np
import pytest
import shapiq
import xarray as xr

from lkutils import metrics
from lkutils.follow import follow, shapley, to_shapiq, top
from lkutils.games import interactions
from lkutils.uncertainty import resampled_means, with_interval

AXES = ("kind", "layer", "sample", "coalition")
LAYERS = ["early", "late", "output"]


@pytest.fixture
def game() -> xr.Dataset:
    random = np.random.default_rng(0)
    coordinates = {"layer": LAYERS, "sample": np.arange(100, 112), "coalition": np.arange(16)}
    values = xr.DataArray(random.normal(size=(3, 12, 16)), coordinates, ("layer", "sample", "coalition"))
    names = [[f"{word}{sample}" for word in ("a", "b", "c", "d")] for sample in coordinates["sample"]]
    return xr.Dataset({"values": values, "player_name": (("sample", "player"), names)})


@pytest.fixture
def found(game) -> xr.Dataset:
    """Sparse interactions of known places, with the names of the game."""
    random = np.random.default_rng(1)
    effects = random.normal(size=(2, 3, 12, 16)) ** 5
    effects[1, ..., [0, 1, 2, 4, 8]] = 0
    labels = {"kind": ["and", "or"], **game["values"].coords}
    return xr.Dataset({"interactions": xr.DataArray(effects, labels, AXES), "player_name": game["player_name"]})


def test_follow_is_what_the_metrics_say(found):
    result = follow(found)
    part = metrics.salient_part(found["interactions"])
    assert result[["overlap", "forget", "new"]].equals(metrics.track(part))
    assert result["completeness"].dims == ("kind", "layer", "order", "bound")
    means = metrics.track(part).mean("sample")
    assert np.allclose(result["completeness"].sel(bound="estimate"), metrics.completeness(means), equal_nan=True)
    assert np.allclose(result["redundancy"].sel(bound="estimate"), metrics.redundancy(means), equal_nan=True)
    bounds = with_interval(metrics.redundancy(resampled_means(metrics.track(part))))
    assert result["redundancy"].equals(bounds)
    assert (
        result["completeness"].sel(layer="early", bound="low") < result["completeness"].sel(layer="early", bound="high")
    ).any()


def test_follow_puts_the_target_layer_last(found):
    result = follow(found, target_layer="late")
    assert result["layer"].values.tolist() == ["early", "output", "late"]
    assert np.allclose(result["completeness"].sel(layer="late").fillna(1), 1)
    assert (result["forget"].sel(layer="late") == 0).all()
    assert result.attrs["target_layer"] == "late"


def test_follow_takes_the_threshold(found):
    high = follow(found, tau_ratio=0.9)
    assert high["overlap"].sel(layer="output").sum() < follow(found)["overlap"].sel(layer="output").sum()
    pooled = follow(found, tau_per_sample=False)
    assert pooled["overlap"].equals(metrics.overlap(metrics.salient_part(found["interactions"], per_sample=False)))


def test_follow_of_few_samples_has_no_interval(found):
    few = follow(found.isel(sample=slice(9)))
    assert few["completeness"].sel(bound=["low", "high"]).isnull().all()
    assert few["completeness"].sel(bound="estimate").notnull().any()


def test_follow_names_the_layers_there_are(found):
    with pytest.raises(ValueError, match=r"no layer 'block1'.*early, late, output"):
        follow(found, target_layer="block1")


@pytest.mark.parametrize("function", [follow, lambda part: top(part, 100), lambda part: to_shapiq(part, 100)])
def test_a_game_without_interactions_is_refused(game, function):
    with pytest.raises(TypeError, match=r"lkutils.interactions\(game\)"):
        function(game)


# ---- the strongest


def test_top_names_the_strongest(found):
    found["interactions"][:, :, 3] = 0
    found["interactions"].loc[{"sample": 103, "kind": "and", "coalition": 11}] = [1.0, -2.0, -5.0]
    found["interactions"].loc[{"sample": 103, "kind": "or", "coalition": 6}] = [0.0, 7.0, 4.0]
    found["interactions"].loc[{"sample": 103, "kind": "and", "coalition": 0}] = 99.0
    table = top(found, 103)
    assert table.columns.tolist() == ["kind", "players", "order", *LAYERS]
    assert table.index.tolist() == [1, 2]
    assert table.values.tolist() == [
        ["and", "a103, b103, d103", 3, 1.0, -2.0, -5.0],
        ["or", "b103, c103", 2, 0.0, 7.0, 4.0],
    ]
    assert top(found, 103, 1, layer="late")["kind"].tolist() == ["or"]


def test_top_in_order_of_strength(found):
    table = top(found, 105, 26)
    strength = metrics.sorted_strength(found["interactions"]).sel(sample=105, layer="output")
    assert np.allclose(abs(table["output"]), strength[:26])
    assert len(top(found, 105, 5)) == 5


def test_top_numbers_players_without_names(found):
    assert top(found.drop_vars("player_name"), 100)["players"].str.contains("player [0-3]").all()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"sample": 7}, "no sample 7; there are 100"), ({"layer": "x"}, "no layer 'x'"), ({"k": 0}, "k=0")],
)
def test_top_refuses_what_is_not_there(found, options, message):
    with pytest.raises(ValueError, match=message):
        top(found, **({"sample": 100} | options))


# ---- Shapley values


def shapiq_values(values: np.ndarray) -> np.ndarray:
    n_players = len(values).bit_length() - 1
    weights = 1 << np.arange(n_players)
    exact = shapiq.ExactComputer(game=lambda x: values[np.asarray(x).astype(int) @ weights], n_players=n_players)
    result = exact("SV")
    return np.array([result[(player,)] for player in range(n_players)])


def test_shapley_values_of_a_game_are_shapiqs(game):
    result = shapley(game)
    assert result.dims == ("layer", "sample", "player")
    assert np.allclose(
        result.sel(layer="late", sample=104), shapiq_values(game["values"].sel(layer="late", sample=104).values)
    )
    change = game["values"].isel(coalition=-1) - game["values"].isel(coalition=0)
    assert np.allclose(result.sum("player"), change)
    assert result["player_name"].sel(sample=101, player=2) == "c101"


def test_shapley_values_of_interactions_are_those_of_what_they_explain(found):
    explained = metrics.matched_values(found["interactions"]).sel(layer="output", sample=102).values
    assert np.allclose(shapley(found).sel(layer="output", sample=102), shapiq_values(explained))


def test_shapley_values_of_a_game_and_of_its_exact_interactions_agree(game):
    exact = interactions(game.isel(sample=slice(2)), kappa_ratio=0.0)
    assert np.allclose(shapley(exact), shapley(game.isel(sample=slice(2))), atol=1e-4)


def test_a_player_that_a_sample_lacks_has_no_shapley_value(game):
    smaller = game.assign(values=game["values"].where((game["sample"] != 103) | (game["coalition"] < 8)))
    result = shapley(smaller.assign(n_players=("sample", np.where(game["sample"] == 103, 3, 4))))
    assert np.isnan(result.sel(sample=103, player=3)).all()
    alone = shapley(game.sel(sample=[103]).isel(coalition=slice(8), player=slice(3)))
    assert np.allclose(result.sel(sample=[103]).isel(player=slice(3)), alone)
    assert result.drop_sel(sample=103).notnull().all()


def test_shapley_refuses_what_is_no_game(game):
    with pytest.raises(TypeError, match="neither"):
        shapley(game.drop_vars("values"))
    with pytest.raises(ValueError, match="first in sample 100"):
        shapley(game.assign(values=game["values"].where(game["coalition"] != 5)))


# ---- shapiq


def test_to_shapiq_holds_the_moebius_transform_of_what_is_explained(found):
    converted = to_shapiq(found, 106, "late")
    explained = metrics.matched_values(found["interactions"]).sel(layer="late", sample=106).values
    for coalition in range(16):
        inside = [subset for subset in range(16) if subset & coalition == subset]
        total = sum(converted[tuple(i for i in range(4) if subset >> i & 1)] for subset in inside)
        assert total == pytest.approx(explained[coalition])
    assert converted.baseline_value == pytest.approx(explained[0])


def test_to_shapiq_converts_to_the_shapley_values(found):
    from shapiq.game_theory.moebius_converter import MoebiusConverter

    converted = MoebiusConverter(to_shapiq(found, 100))(index="SV", order=1)
    expected = shapley(found).sel(layer="output", sample=100)
    assert np.allclose([converted[(player,)] for player in range(4)], expected)


def test_to_shapiq_refuses_what_is_not_there(found):
    with pytest.raises(ValueError, match="no layer 'x'"):
        to_shapiq(found, 100, "x")
    with pytest.raises(ValueError, match="no sample 3"):
        to_shapiq(found, 3)


def test_to_shapiq_says_how_to_get_shapiq(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "shapiq", None)
    with pytest.raises(ImportError, match="pip install shapiq"):
        to_shapiq(found, 100)
