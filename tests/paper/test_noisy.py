"""Noisy games with their interactions: what is opened, and what is refused before anything is extracted."""

import numpy as np
import pytest
from tiny import stand_in

from lkutils import extraction
from lkutils.games import Label
from lkutils.paper import noise, noisy, shipped


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """All files go to a temporary folder, and one tiny experiment stands for the paper's."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        stand_in(patch, folder)
        patch.setattr(noisy, "EXPERIMENTS", shipped.EXPERIMENTS)
        patch.setattr(noisy, "CACHES", (folder,))
        noise.make_noise_game("digits/mlp7", draws=4, n_samples=3)
        yield folder


def test_interactions_of_every_draw_by_label():
    found = noisy.open_noisy("paper", ["digits/mlp7"])
    label = Label("digits", "MLP-7")
    game, interactions = found.games[label], found.interactions[label]
    assert interactions.dims == ("kind", "sample", "draw", "coalition")
    again = extraction.extract_interactions(game["values"].values[0, 1, 3].astype(float))
    strength = abs(interactions.isel(sample=1, draw=3, coalition=slice(1, None))).sum().item()
    assert strength == pytest.approx(again.objective.item(), rel=0.01)
    assert 0 < found.worst_gap <= 0.005
    np.testing.assert_array_equal(found.values[label], game["values"][0])


def test_the_first_samples_and_draws_are_those_of_all():
    label = Label("digits", "MLP-7")
    whole = noisy.open_noisy("paper", ["digits/mlp7"]).interactions[label]
    part = noisy.open_noisy("paper", ["digits/mlp7"], samples=2, draws=3).interactions[label]
    assert dict(part.sizes) == {"kind": 2, "sample": 2, "draw": 4, "coalition": 64}
    np.testing.assert_array_equal(part, whole.isel(sample=slice(2), draw=slice(4)))


@pytest.mark.parametrize("draws", [1, 5])
def test_draws_that_are_not_there_are_refused_before_anything_is_extracted(monkeypatch, draws):
    monkeypatch.setattr(noisy, "interactions_of", None)
    with pytest.raises(ValueError, match=f"draws={draws}.*the game of MLP-7, digits has 4"):
        noisy.open_noisy("paper", ["digits/mlp7"], draws=draws)


def test_unknown_games_and_profiles():
    with pytest.raises(ValueError, match="unknown game 'digits/mlp8'"):
        noisy.open_noisy("paper", ["digits/mlp8"])
    with pytest.raises(ValueError, match="unknown profile 'huge'"):
        noisy.open_noisy("huge", [])
