"""The same game with several kappa: constraints, certificates, files, and refusals."""

import numpy as np
import pytest
import torch
import xarray as xr

from lkutils.extraction import KAPPA_RATIO
from lkutils.mobius import values_from_interactions
from lkutils.paper import kappa
from lkutils.paper.planted import planted_games

RATIOS = [0.0, 0.03, 0.04, 0.05]
SETTINGS = (RATIOS, [1e-4], 20, 0.005)


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setattr(kappa, "FOLDERS", (tmp_path / "shipped", tmp_path / "cache"))
    return tmp_path


@pytest.fixture(scope="module")
def game():
    return planted_games(6, 2, seed=0)[["values"]].expand_dims(layer=["output"])


@pytest.fixture(scope="module")
def found(game, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kappa")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kappa, "FOLDERS", (folder, folder))
        return kappa.decompositions(game, ["output"], *SETTINGS).sel(layer="output")


def test_every_solution_leaves_no_more_than_its_kappa(game, found):
    v = game["values"].sel(layer="output").astype(float)
    change = (v - v.isel(coalition=0)).values
    largest = abs(change[:, -1])
    for ratio in RATIOS:
        both = found["interactions"].sel(procedure="exact", kappa=ratio).astype(float).values
        left = change - values_from_interactions(*torch.from_numpy(both)).numpy()
        rounding = kappa.UNIT * 2**6
        assert (abs(left).max(-1) <= ratio * largest + rounding).all(), ratio


def test_sums_fall_with_kappa_and_both_solutions_are_equally_sparse(found):
    sums = found["objective"].sel(procedure="exact")
    assert (np.diff(sums.transpose("sample", "kappa")) < 0).all()
    above_bound = sums.sel(kappa=KAPPA_RATIO) / found["lower_bound"]
    assert (above_bound < 1 / (1 - 0.005) + 1e-9).all()
    again = found["objective_again"].sel(procedure="exact") / found["lower_bound"]
    assert (again < above_bound / (1 - 0.005)).all()  # certified by a bound of its own
    strengths = abs(found["interactions"].sel(procedure="exact")).sum(["kind", "coalition"])
    np.testing.assert_allclose(strengths, sums, atol=kappa.UNIT * 2**7)
    assert (found["objective"].sel(procedure="sgd") > found["objective"].sel(procedure="exact")).all()


def test_what_is_kept_is_read_and_not_found_again(game, folders, monkeypatch):
    first = kappa.decompositions(game, ["output"], *SETTINGS)
    assert len(list((folders / "cache").glob("*.nc"))) == 1
    monkeypatch.setattr(kappa, "found_anew", lambda *_: pytest.fail("found again"))
    xr.testing.assert_identical(kappa.decompositions(game, ["output"], *SETTINGS), first)
    (folders / "cache").rename(folders / "shipped")
    xr.testing.assert_identical(kappa.decompositions(game, ["output"], *SETTINGS), first)
    with pytest.raises(pytest.fail.Exception):
        kappa.decompositions(game, ["output"], RATIOS, [1e-4], 21, 0.005)


def test_refusals_come_before_any_extraction(game, monkeypatch):
    monkeypatch.setattr(kappa, "found_anew", lambda *_: pytest.fail("started"))
    with pytest.raises(ValueError, match=r"lack 0\.05"):
        kappa.decompositions(game, ["output"], [0.03, 0.04], [1e-4], 20, 0.005)
    with pytest.raises(ValueError, match=r"block3.*output"):
        kappa.decompositions(game, ["block3"], *SETTINGS)
