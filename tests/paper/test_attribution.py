"""Attributions of a tiny network: made, resumed, read back; complete; of the game's own network; or refused."""

import numpy as np
import pytest
import torch
import xarray as xr
from tiny import TINY, stand_in

from lkutils.attribution import shapley_by_definition
from lkutils.masking import log_odds, mask_inputs
from lkutils.paper import attribution, making, paths
from lkutils.paper.attribution import attributions_path, load_attributions, make_attributions, open_attributions
from lkutils.paper.recipes import recipe_of

CPU = torch.device("cpu")
NAME = "digits/mlp7"


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """All files go to a temporary folder, and one tiny experiment stands for the paper's."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        stand_in(patch, folder)
        making.make_game(NAME)
        make_attributions(NAME, steps=256)
        yield folder


@pytest.fixture
def found():
    return load_attributions(NAME)


@pytest.fixture(scope="module")
def recipe(folder):
    recipe = recipe_of(TINY)
    making.train(TINY, recipe, CPU)
    return recipe


def test_sums_are_complete_and_both_lines_end_at_the_input(found):
    error = abs(found["integrated"].sum("player") + found["background"] - (found["end"] - found["start"]))
    assert error.max() < 0.05 * abs(found["end"] - found["start"]).mean(), error.values
    np.testing.assert_array_equal(found["end"].sel(path="players"), found["end"].sel(path="everything"))
    assert (found["background"].sel(path="players") == 0).all()
    assert (abs(found["background"].sel(path="everything")) > 0.01).all()


def test_the_first_line_joins_the_two_ends_of_the_game(found):
    game = open_attributions(NAME).game["values"].isel(layer=0)
    for end, coalition in (("start", 0), ("end", -1)):
        expected = game.isel(coalition=coalition)
        np.testing.assert_allclose(found[end].sel(path="players"), expected, atol=1e-4)


def test_the_second_line_begins_at_the_baseline_everywhere(found, recipe):
    sample = int(found["sample"][2])
    baseline = recipe.dataset.baseline.expand_as(recipe.dataset.sample_inputs[:1])
    expected = log_odds(recipe.network(baseline), recipe.dataset.sample_labels[sample]).item()
    assert found["start"].sel(path="everything", sample=sample).item() == pytest.approx(expected, abs=1e-4)


def test_sums_are_those_of_gradients_by_hand(found, recipe):
    """The same integral with the midpoint rule and torch alone."""
    sample, steps = int(found["sample"][0]), 2000
    x = recipe.dataset.sample_inputs[sample : sample + 1]
    players = recipe.dataset.sample_players[sample : sample + 1]
    start = mask_inputs(x, recipe.dataset.baseline, players, [0])
    share = (torch.arange(steps)[:, None, None, None] + 0.5) / steps
    points = (start + share * (x - start)).requires_grad_()
    (gradient,) = torch.autograd.grad(
        log_odds(recipe.network(points), recipe.dataset.sample_labels[sample]).sum(), points
    )
    pixels = ((x - start) * gradient.mean(0)).detach()[0, 0]
    expected = [pixels[players[0] == i].sum().item() for i in range(recipe.dataset.n_players)]
    of_sample = found["integrated"].sel(path="players", sample=sample)
    np.testing.assert_allclose(of_sample, expected, atol=0.02)
    assert abs(of_sample.values[::-1] - expected).max() > 0.1


def test_it_is_the_games_network_and_says_so(found):
    assert found.attrs["difference_from_game"] < 1e-5
    assert "values" not in found
    assert found.attrs["steps"] == 256
    assert "captum" in found.attrs["versions"]
    assert not paths.CACHE.joinpath("chunks/digits/mlp7.attributions").exists()


def test_an_interrupted_run_goes_on_and_gives_the_same(found, monkeypatch):
    path, done = attributions_path(TINY), []
    path.unlink()
    real = attribution.of_sample

    def stops(recipe, sample, *rest):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(sample)
        return real(recipe, sample, *rest)

    monkeypatch.setattr(attribution, "of_sample", stops)
    with pytest.raises(KeyboardInterrupt):
        make_attributions(NAME, steps=256)
    assert not path.exists()
    resumed = []
    monkeypatch.setattr(attribution, "of_sample", lambda r, s, *rest: resumed.append(s) or real(r, s, *rest))
    make_attributions(NAME, steps=256)
    assert not set(resumed) & set(done)
    xr.testing.assert_equal(load_attributions(NAME), found)


def test_a_network_trained_again_brings_its_own_outputs(found, monkeypatch):
    """As if the game had been made with another network: its values are off."""
    path, real = attributions_path(TINY), attribution.load_game

    def other(name):
        game = real(name)
        return game.assign(values=game["values"] + 0.5 * (game["coalition"] % 2))

    monkeypatch.setattr(attribution, "load_game", other)
    before = path.read_bytes()
    try:
        make_attributions(NAME, steps=8)
        one = open_attributions(NAME)
        assert one.attributions.attrs["difference_from_game"] > 0.01
        np.testing.assert_allclose(
            one.game["values"].isel(layer=0), real(NAME)["values"].sel(layer="output"), atol=1e-4
        )
        sums = shapley_by_definition(one.game["values"].isel(layer=0).values).sum(-1)
        change = (one.attributions["end"] - one.attributions["start"]).sel(path="players")
        np.testing.assert_allclose(sums, change, atol=1e-3)
    finally:
        path.write_bytes(before)


def test_samples_can_be_cut(found):
    one = open_attributions(NAME, samples=2)
    assert one.game.sizes["sample"] == one.attributions.sizes["sample"] == 2
    assert one.game["layer"].values.tolist() == ["output"]


# ---- refusals --------------------------------------------------------------------------------------------------------


def test_a_network_without_a_gradient_is_refused_before_it_is_trained(monkeypatch):
    real = attribution.recipe_of

    class Rounded(torch.nn.Module):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def forward(self, x):
            with torch.no_grad():
                return self.network(x)

    monkeypatch.setattr(attribution, "recipe_of", lambda e: real(e)._replace(network=Rounded(real(e).network)))
    monkeypatch.setattr(attribution, "train", None)
    with pytest.raises(ValueError, match=r"need a gradient, but Rounded has none.*Shapley values and interactions"):
        make_attributions(NAME)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "digits/mlp8"}, "unknown game"),
        ({"steps": 1}, "steps=1: an integral takes two"),
        ({"n_samples": 0}, "n_samples=0: expected at least 1"),
    ],
)
def test_wrong_arguments_are_refused_before_any_work(monkeypatch, given, message):
    monkeypatch.setattr(attribution, "recipe_of", None)
    with pytest.raises(ValueError, match=message):
        make_attributions(**{"name": NAME, **given})


def test_altered_and_missing_files_say_what_to_do(found, monkeypatch, tmp_path):
    path = attributions_path(TINY)
    before = path.read_bytes()
    try:
        attribution.store(found.assign(background=found["background"] + 1), path)
        with pytest.raises(ValueError, match="was altered"):
            load_attributions(NAME)
    finally:
        path.write_bytes(before)
    monkeypatch.setattr(paths, "GAMES", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"python -m lkutils\.paper\.attribution digits/mlp7"):
        load_attributions(NAME)
