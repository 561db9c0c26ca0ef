"""Games on noisy inputs: on digits, with a small network, against forward passes made by hand."""

import numpy as np
import pytest
import torch
from tiny import TINY, stand_in

from lkutils.masking import log_odds
from lkutils.paper import datasets, experiments, making, noise, paths, shipped
from lkutils.paper.experiments import Experiment, ProbeSchedule
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
def game(folder):
    """A game of three samples and four draws."""
    assert noise.make_noise_game("digits/mlp7", draws=4, n_samples=3) == folder / "games/digits/mlp7.noise.nc"
    return shipped.load_noise_game("digits/mlp7")


@pytest.fixture(scope="module")
def probed(game):
    """The network of the game with its probes."""
    recipe = recipe_of(TINY)
    making.train(TINY, recipe, CPU)
    return making.probe(TINY, recipe, CPU)[0]


def test_a_noise_game_has_an_axis_of_draws_and_one_layer(game):
    assert game["values"].dims == ("layer", "sample", "draw", "coalition")
    assert dict(game["values"].sizes) == {"layer": 1, "sample": 3, "draw": 5, "coalition": 64}
    assert game["layer"].values.tolist() == ["linear4"]
    assert game["draw"].values.tolist() == [0, 1, 2, 3, 4]
    assert game.attrs["sigma"] == 0.02
    assert str(shipped.label_of(game)) == "MLP-7, digits"
    assert not paths.CACHE.joinpath("chunks/digits/mlp7.noise").exists()


def test_the_values_are_those_of_noisy_training_images_masked_by_the_clean_baseline(game, probed):
    images, labels = datasets.read_digits("train")
    digits = datasets.load_dataset("digits")
    source = datasets.IMAGES["digits"]
    for k, draw, coalition in ((0, 0, 63), (1, 0, 0b010011), (1, 3, 0b010011), (2, 4, 63), (2, 1, 0)):
        sample = int(game["sample"][k])
        pixels = images[sample].clone()
        if draw:
            pixels += torch.from_numpy(np.random.default_rng([0, sample, draw]).normal(0, 0.02, (1, 8, 8))).float()
        masked = (pixels - source.mean[0]) / source.std[0]
        for y in range(8):
            for x in range(8):
                player = int(game["players"][k, y, x])
                if player >= 0 and not coalition >> player & 1:
                    masked[0, y, x] = digits.train_inputs[:, 0, y, x].mean()
        expected = log_odds(probed(masked[None])[probed.layers.index("linear4"), 0], labels[sample])
        assert game["values"][0, k, draw, coalition].item() == pytest.approx(expected.item(), abs=1e-4)


def test_samples_are_training_samples_that_the_network_classifies_correctly(game, probed):
    digits = datasets.load_dataset("digits")
    chosen = game["sample"].values.tolist()
    assert (probed(digits.train_inputs[chosen])[-1].argmax(dim=1) == digits.train_labels[chosen]).all()
    assert game["label"].values.tolist() == digits.train_labels[chosen].tolist()


def test_the_forward_pass_stops_after_the_layer(probed):
    ran = []
    hooks = [
        probed.network.get_submodule(name).register_forward_hook(lambda *_, name=name: ran.append(name))
        for name in ("linear4", "linear5", "linear7")
    ]
    x = torch.randn(3, 1, 8, 8)
    expected = probed(x)
    ran.clear()
    torch.testing.assert_close(noise.logits_at(probed, "linear4")(x)[0], expected[3])
    assert ran == ["linear4"]
    torch.testing.assert_close(noise.logits_at(probed, "output")(x)[0], expected[-1])
    torch.testing.assert_close(probed(x), expected)
    for hook in hooks:
        hook.remove()


def test_noise_depends_on_sample_and_draw_only():
    few, many = noise.noise_of(5, 2, 0.02, (3, 32, 32)), noise.noise_of(5, 4, 0.02, (3, 32, 32))
    assert all(torch.equal(one, other) for one, other in zip(few, many, strict=False))
    assert not few[0].any()
    assert not torch.equal(many[1], many[2])
    assert not torch.equal(noise.noise_of(6, 1, 0.02, (3, 32, 32))[1], few[1])
    assert torch.stack(many[1:]).std() == pytest.approx(0.02, rel=0.03)


def test_parts_together_make_the_same_game_and_an_interrupted_one_goes_on(game, monkeypatch):
    experiments.game_path(noise.with_noise(TINY)).unlink()
    assert noise.make_noise_game("digits/mlp7", draws=4, n_samples=3, part=(1, 2)) is None
    computed = []
    real = noise.coalition_values
    monkeypatch.setattr(noise, "coalition_values", lambda *a: computed.append(len(a[1])) or real(*a))
    noise.make_noise_game("digits/mlp7", draws=4, n_samples=3, part=(0, 2))
    assert computed == [1] * 8, "of three samples with five draws each, every other draw was there"
    np.testing.assert_array_equal(shipped.load_noise_game("digits/mlp7")["values"], game["values"])


def test_test_samples_and_other_scales_make_games_of_their_own(game, probed):
    digits = datasets.load_dataset("digits")
    path = noise.make_noise_game("digits/mlp7", draws=2, sigma=0.1, n_samples=2, test=True)
    assert path.name == "mlp7.noise.sigma0.1.test.nc"
    other = shipped.load_noise_game("digits/mlp7", sigma=0.1, test=True)
    chosen = other["sample"].values.tolist()
    assert other["label"].values.tolist() == digits.test_labels[chosen].tolist()
    whole = log_odds(probed(digits.test_inputs[chosen])[probed.layers.index("linear4")], digits.test_labels[chosen])
    np.testing.assert_allclose(other["values"][0, :, 0, -1], whole.detach(), atol=1e-4)
    np.testing.assert_array_equal(shipped.load_noise_game("digits/mlp7")["values"], game["values"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sigma": -0.1}, "sigma=-0.1"),
        ({"sigma": float("nan")}, "sigma=nan"),
        ({"draws": 1}, "draws=1; a variance needs two"),
        ({"n_samples": 0}, "n_samples=0"),
        ({"part": (2, 2)}, "is none"),
        ({"name": "digits/mlp8"}, "unknown game"),
    ],
)
def test_numbers_that_make_no_game_are_refused_before_anything_runs(monkeypatch, given, message):
    monkeypatch.setattr(noise, "recipe_of", None)
    with pytest.raises(ValueError, match=message):
        noise.make_noise_game(**{"name": "digits/mlp7", **given})


def test_sentences_have_no_noise(monkeypatch):
    sentences = Experiment("grammar", "bert", 5, None, ProbeSchedule(1, 0.1, 8))
    with pytest.raises(ValueError, match="grammar/bert has no pixels to add noise to"):
        noise.check_noise(sentences, 20, 0.02, (0, 1))


def test_a_missing_noise_game_says_how_to_make_it(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "GAMES", tmp_path)
    with pytest.raises(FileNotFoundError, match="game --dataset digits --network mlp7 --draws 20"):
        shipped.load_noise_game("digits/mlp7")
