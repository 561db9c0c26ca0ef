"""Norms of image and noise on the players, against the inputs that the noisy games were played on."""

import numpy as np
import pytest
import xarray as xr

from lkutils.paper import own_pixels, paths
from lkutils.paper.datasets import IMAGES
from lkutils.paper.noise import noise_of
from lkutils.storage import DamagedFileError

SIGMA = 0.02


@pytest.fixture
def game():
    samples = np.array([5, 17])
    players = np.full((2, 8, 8), -1)
    players[:, 2:4, 2:4], players[:, 4:6, 2:4] = 0, 1
    return xr.Dataset(
        {
            "values": (("layer", "sample", "draw", "coalition"), np.zeros((1, 2, 4, 4))),
            "players": (("sample", "y", "x"), players),
        },
        {"sample": samples, "draw": range(4)},
        {"dataset": "digits", "n_players": 2, "sigma": SIGMA, "name": "digits/mlp7.noise"},
    )


def test_norms_by_hand(game):
    norms = own_pixels.norms_of(game)
    image = IMAGES["digits"].read("train")[0][17, 0].numpy()
    noise = noise_of(17, 3, SIGMA, (1, 8, 8))[2][0].numpy()
    for player, rows in enumerate([slice(2, 4), slice(4, 6)]):
        at = {"sample": 17, "player": player}
        assert norms["image"].sel(at).item() == pytest.approx(np.linalg.norm(image[rows, 2:4]))
        assert norms["noise"].sel({**at, "draw": 2}).item() == pytest.approx(np.linalg.norm(noise[rows, 2:4]))


def test_norms_are_kept_and_those_of_another_game_refused(game, tmp_path, monkeypatch):
    monkeypatch.setattr(own_pixels, "load_noise_game", lambda name: game)
    monkeypatch.setattr(paths, "GAMES", tmp_path / "games")
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    first = own_pixels.load_norms("digits/mlp7")
    monkeypatch.setattr(own_pixels, "norms_of", lambda game: pytest.fail("made again"))
    xr.testing.assert_identical(own_pixels.load_norms("digits/mlp7"), first)
    fewer = game.isel(sample=[1], draw=slice(3))
    monkeypatch.setattr(own_pixels, "load_noise_game", lambda name: fewer)
    assert dict(own_pixels.load_norms("digits/mlp7").sizes) == {"sample": 1, "player": 2, "draw": 2}
    monkeypatch.setattr(own_pixels, "load_noise_game", lambda name: game.assign_coords(sample=[5, 18]))
    with pytest.raises(ValueError, match="other samples"):
        own_pixels.load_norms("digits/mlp7")


def test_damaged_norms_are_made_again_in_the_cache_and_refused_where_they_are_shipped(
    game, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(own_pixels, "load_noise_game", lambda name: game)
    monkeypatch.setattr(paths, "GAMES", tmp_path / "games")
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    first = own_pixels.load_norms("digits/mlp7")
    path = tmp_path / "cache" / "noise_ratio" / "digits" / "mlp7.nc"
    path.write_bytes(path.read_bytes()[:-1])
    xr.testing.assert_identical(own_pixels.load_norms("digits/mlp7"), first)
    assert "made again now" in capsys.readouterr().err
    path.write_bytes(path.read_bytes()[:-1])
    (tmp_path / "cache").rename(tmp_path / "games")
    with pytest.raises(DamagedFileError, match="games/noise_ratio"):
        own_pixels.load_norms("digits/mlp7")
