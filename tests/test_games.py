import functools

import numpy as np
import pytest
import torch
import xarray as xr

from lkutils import extraction, games
from lkutils.extraction import extract_interactions, extract_sgd
from lkutils.mobius import coalition_sizes, values_from_interactions
from lkutils.storage import DamagedFileError, load, store


def random_game(n=4, layers=("first", "output"), samples=3, seed=0, **sizes):
    """Normal values; further axes by name."""
    shape = (len(layers), samples, *sizes.values(), 2**n)
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    axes = ("layer", "sample", *sizes, "coalition")
    return xr.Dataset({"values": (axes, values)}, {"layer": list(layers), "sample": np.arange(samples) + 7})


def assert_true(found, game, kappa_ratio):
    """Whatever was stored and rounded: Eq. 3, the bounds of delta, the sums of strengths, and the gap."""
    values, terms = game["values"].astype(float), found["interactions"].transpose(*found["interactions"].dims)
    rebuilt = values_from_interactions(*torch.from_numpy(terms.fillna(0).values))
    np.testing.assert_allclose(found["delta"].values, (values - rebuilt.numpy()).values, atol=1e-12, equal_nan=True)
    size = abs(values - values.isel(coalition=0)).max("coalition")
    last = 2 ** found["n_players"] - 1
    kappa = kappa_ratio * abs(values.isel(coalition=last) - values.isel(coalition=0))
    np.testing.assert_allclose(found["kappa"], kappa)
    assert (abs(found["delta"]).max("coalition") <= kappa + 1e-9 * size).all()
    strength = abs(terms.isel(coalition=slice(1, None))).sum(["kind", "coalition"])
    np.testing.assert_allclose(found["objective"], strength, rtol=1e-12)
    np.testing.assert_allclose(found["gap"] * found["objective"], found["objective"] - found["lower_bound"], atol=1e-15)


@pytest.mark.parametrize("kappa_ratio", [0.0, 0.04])
@pytest.mark.parametrize("gap", [0.005, 1e-6])
@pytest.mark.parametrize("method", ["exact", "sgd"])
def test_interactions_obey_their_constraint_also_when_stored(kappa_ratio, gap, method, tmp_path, monkeypatch):
    game = random_game()
    game["values"][0, 0, -1] = game["values"][0, 0, 0] + 1e-4  # kappa far below the strongest interaction
    game["values"][0, 1, -1] = game["values"][0, 1, 0]  # kappa = 0
    game["values"][0, 2] = 1.5  # constant
    monkeypatch.setattr(extraction, "extract_sgd", functools.partial(extract_sgd, lr=1e-2, iterations=20))
    options = {"kappa_ratio": kappa_ratio, "gap": gap, "method": method, "caches": [tmp_path]}
    found = games.interactions(game, **options)
    assert_true(found, game, kappa_ratio)
    if method == "exact":
        assert (found["gap"] <= gap).all()
        assert (found["delta"].isel(coalition=0) == 0).all()
    monkeypatch.setattr(games, "extract_interactions", None)
    xr.testing.assert_identical(games.interactions(game, **options), found)


def test_interactions_are_those_of_the_extraction():
    game = random_game()
    found = games.interactions(game, layers=["output"])
    exact = extract_interactions(game["values"].sel(layer="output").values, gap=1e-6)
    assert found["interactions"].dims == ("kind", "layer", "sample", "coalition")
    assert found["layer"].values.tolist() == ["output"]
    assert found["order"].values.tolist() == coalition_sizes(4).tolist()
    objective = found["objective"].sel(layer="output").values
    np.testing.assert_allclose(objective, exact.objective, rtol=0.006)
    assert (found["lower_bound"].sel(layer="output").values <= exact.objective.numpy()).all()


def test_smaller_games_are_extracted_with_their_own_players():
    game = random_game().assign(n_players=("sample", [4, 2, 3]), player_name=("player", list("abcd")))
    alone = {
        k: games.interactions(game.isel(sample=[k], coalition=slice(2**n))[["values"]]) for k, n in ((1, 2), (2, 3))
    }
    game["values"] = game["values"].where(game["coalition"] < 2 ** game["n_players"])
    found = games.interactions(game)
    assert_true(found, game, 0.04)
    assert found["player_name"].values.tolist() == list("abcd")
    assert found["n_players"].values.tolist() == [4, 2, 3]
    for k, part in alone.items():
        inside = found.isel(sample=[k], coalition=slice(part.sizes["coalition"]))
        np.testing.assert_allclose(inside["objective"], part["objective"], rtol=1e-4)
        assert inside["interactions"].notnull().all()
        assert found["interactions"].isel(sample=[k], coalition=slice(part.sizes["coalition"], None)).isnull().all()


def test_draws_are_games_of_their_own():
    game = random_game(3, draw=2)
    found = games.interactions(game.transpose("coalition", "draw", "sample", "layer"))
    assert found["interactions"].dims == ("kind", "layer", "sample", "draw", "coalition")
    for draw in (0, 1):
        one = games.interactions(game.isel(draw=draw))
        for name in ("objective", "lower_bound"):
            np.testing.assert_allclose(found[name].isel(draw=draw), one[name], rtol=1e-4)


def test_a_game_is_left_as_it_was():
    game = random_game()
    before = game.copy(deep=True)
    games.interactions(game)
    xr.testing.assert_identical(game, before)


def test_a_file_of_another_game_is_named(tmp_path):
    game = random_game(layers=("output",))
    games.interactions(game, caches=[tmp_path])
    (path,) = (tmp_path / "interactions").iterdir()
    stored = load(path)
    for altered, rule in (
        (stored.assign(multiples=stored["multiples"] + 1), "delta exceeds kappa, by up to"),
        (stored.assign(objective=stored["objective"] * 1.001), "the objective is not the sum of strengths, by up to"),
    ):
        store(altered, path)
        with pytest.raises(ValueError, match=rf"{rule} .* log-odds: {path} is altered or of another game; delete it"):
            games.interactions(game, caches=[tmp_path])


def test_damaged_interactions_are_extracted_again_from_a_cache_and_refused_where_they_are_shipped(tmp_path, capsys):
    game, shipped, cache = random_game(layers=("output",)), tmp_path / "shipped", tmp_path / "cache"
    found = games.interactions(game, caches=[shipped, cache])
    (path,) = (cache / "interactions").iterdir()
    content = path.read_bytes()
    path.write_bytes(content[:-100] + content[-99:])
    again = games.interactions(game, caches=[shipped, cache])
    assert again.identical(found)
    assert path.read_bytes() == content
    assert capsys.readouterr().err.count(f"{path} is truncated, altered") == 1
    (shipped / "interactions").mkdir(parents=True)
    path.with_name("copy").write_bytes(content[:-100] + content[-99:])
    path.with_name("copy").rename(shipped / "interactions" / path.name)
    with pytest.raises(DamagedFileError, match=rf"{shipped}.* is truncated, altered.*; restore or delete it"):
        games.interactions(game, caches=[shipped, cache])


GAME = random_game()


@pytest.mark.parametrize(
    ("game", "kind", "message"),
    [
        (GAME.rename(values="scores"), TypeError, r"not one with \['scores'\]"),
        (GAME * 1j, TypeError, "values are of type complex"),
        (GAME.isel(layer=0), ValueError, r"values has the axes \{'sample': 3, 'coalition': 16\}"),
        (GAME.expand_dims(seed=[0]), ValueError, "expected are layer, sample and coalition"),
        (GAME.isel(sample=[]), ValueError, "none of them empty"),
        (GAME.isel(coalition=slice(12)), ValueError, "length is 12, which is no power of two"),
        (
            GAME.assign_coords(coalition=np.arange(16)).isel(coalition=slice(None, None, -1)),
            ValueError,
            r"not in the order 0, 1, ..., 2\^n - 1; try game.sortby\('coalition'\)",
        ),
        (GAME.assign(n_players=("sample", [4, 5, 4])), ValueError, "n_players of sample 1 is 5, not 0 to 4"),
        (
            GAME.where(
                (GAME["layer"] != "output")
                | (GAME["sample"] != 8)
                | (xr.DataArray(np.arange(16), dims="coalition") != 3)
            ),
            ValueError,
            "1 of 96 values are NaN or infinite, the first at layer output, sample 8, coalition 3",
        ),
    ],
)
def test_what_is_no_game_is_refused(game, kind, message):
    with pytest.raises(kind, match=message):
        games.interactions(game)


@pytest.mark.parametrize(("layers", "message"), [(["last"], "no layer 'last'; it has first, output"), ([], "no layer")])
def test_unknown_layers_are_named(layers, message):
    with pytest.raises(KeyError, match=message):
        games.interactions(GAME, layers=layers)
