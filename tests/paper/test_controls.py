"""Controls: what is done to a game is done to that alone."""

from dataclasses import replace

import pytest
import torch
from tiny import TINY, stand_in

from lkutils.paper import datasets, experiments, making, shipped
from lkutils.paper.recipes import recipe_of

CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """All files go to a temporary folder, and one tiny experiment stands for the paper's."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        stand_in(patch, folder)
        yield folder


@pytest.fixture(scope="module")
def games(folder):
    """The game itself and all controls."""
    names = ["digits/mlp7", *(f"digits/mlp7.{control}" for control in experiments.CONTROLS)]
    return {name.partition(".")[2]: shipped.load_game(making.make_game(name) and name) for name in names}


def test_all_have_the_same_samples_and_players(games):
    for game in games.values():
        assert game["sample"].values.tolist() == games[""]["sample"].values.tolist()
        assert (game["players"] == games[""]["players"]).all()
    assert str(shipped.label_of(games["blur"])) == "MLP-7, masked by blur, digits"


def test_other_masked_states_change_all_coalitions_but_the_whole_one(games):
    for control in ("zero", "blur"):
        change = abs(games[control]["values"] - games[""]["values"])
        assert change.isel(coalition=-1).max() < 1e-4
        assert (change.isel(coalition=0).max("layer") > 1e-3).all()
        assert games[control].attrs["weights_sha256"] == games[""].attrs["weights_sha256"]


def test_a_masked_pixel_is_black_or_blurred():
    digits, black = datasets.load_dataset("digits"), recipe_of(experiments.control(TINY, "zero")).dataset
    source = datasets.IMAGES["digits"]
    assert torch.allclose(black.baseline, torch.full((1, 8, 8), -source.mean[0] / source.std[0]))
    blurred = recipe_of(experiments.control(TINY, "blur")).dataset
    chosen = torch.tensor([3, 5])
    assert blurred.baseline_of(chosen).shape == (2, 1, 8, 8)
    for image, blur in zip(digits.sample_inputs[chosen], blurred.baseline_of(chosen), strict=True):
        assert blur.std() < 0.7 * image.std()
        assert abs(blur.mean() - image.mean()) < 0.3
    assert torch.equal(digits.baseline_of(chosen), digits.baseline)


def test_probes_of_random_labels_know_nothing_and_leave_the_network_alone(games):
    random = games["random-labels"]
    assert (random["probe_accuracy"][:-1] < 0.3).all()
    assert random["probe_accuracy"][-1] == games[""]["probe_accuracy"][-1]
    assert (random["values"].sel(layer="output") == games[""]["values"].sel(layer="output")).all()


def test_an_untrained_network_knows_nothing_but_its_probes_learn(games):
    untrained = games["untrained"]
    assert untrained.attrs["network_accuracy"] < 0.3
    assert untrained["probe_accuracy"][0] > 0.6
    assert untrained.attrs["weights"] == "initial weights"


def test_controls_that_are_none():
    with pytest.raises(ValueError, match="unknown control 'grey'"):
        experiments.control(TINY, "grey")
    with pytest.raises(ValueError, match="trained here, on images"):
        experiments.control(replace(TINY, dataset="sst2"), "zero")
    with pytest.raises(ValueError, match="unknown game 'digits/mlp7"):
        shipped.load_game("digits/mlp7.grey")
