"""Which networks are compared, in which layers, and what is refused before anything is extracted."""

import numpy as np
import pytest
import xarray as xr

from lkutils import games
from lkutils.games import Label
from lkutils.paper import pairs, shipped
from lkutils.paper.pairs import check_pair, layer_choices, open_pairs, pairs_of, with_noise


def game_of(name: str, layers: tuple[str, ...], seed: int = 0, samples: range = range(3)) -> xr.Dataset:
    """Three players and random outputs, with what a game's file says of itself."""
    dataset, _, network = name.partition("/")
    network, _, variant = network.partition(".")
    values = np.random.default_rng(seed).normal(size=(len(layers), len(samples), 8)).astype(np.float32)
    coordinates = {"layer": list(layers), "sample": list(samples), "coalition": np.arange(8)}
    return xr.Dataset(
        {
            "values": (list(coordinates), values, {"units": "log-odds"}),
            "players": (("sample", "variable"), np.tile([0, 1, 2], (len(samples), 1))),
            "label": ("sample", [k % 2 for k in samples]),
        },
        coordinates,
        {
            "name": name,
            "dataset": dataset,
            "network": network,
            "weights": "trained",
            "settings": f'{{"variant": "{variant}"}}',
        },
    )


@pytest.fixture
def shelf(monkeypatch, tmp_path) -> dict[str, xr.Dataset]:
    """Games that exist, of two data sets with two networks each and one with one; MLP-7 from a second seed, too."""
    made = [
        game_of("mnist/mlp7", ("linear4", "linear5", "output"), 1),
        game_of("mnist/mlp7.seed1", ("linear4", "linear5", "output"), 2),
        game_of("mnist/vgg11", ("conv4_2", "output"), 3),
        game_of("cifar10/mlp7", ("linear4", "output"), 4),
        game_of("cifar10/resnet20", ("block6", "output"), 5, range(2, 5)),
        game_of("sst2/bert", ("block8", "output"), 6),
    ]
    named = {game.attrs["name"]: game for game in made}
    monkeypatch.setattr(pairs, "CACHES", [tmp_path])
    monkeypatch.setattr(shipped, "load_game", lambda name: named[name])
    monkeypatch.setattr(pairs, "game_names", lambda profile: [name for name in named if "seed" not in name])
    monkeypatch.setattr(pairs, "seed_names", lambda name: [other for other in named if other.split(".")[0] == name])
    return named


@pytest.fixture
def no_extraction(monkeypatch):
    monkeypatch.setattr(pairs, "interactions_of", lambda *_, **__: pytest.fail("it was extracted before the check"))


def test_every_two_networks_of_a_data_set_are_a_pair():
    labels = [Label("MNIST", name) for name in ("a", "b", "c")] + [Label("SST-2", "d"), Label("CIFAR-10", "a")]
    assert list(pairs_of(labels)) == [Label("MNIST", f"{a} and {b}") for a, b in ("ab", "ac", "bc")]
    four = pairs_of(Label("CIFAR-10", name) for name in "abcd")
    assert len(four) == 6
    assert four[Label("CIFAR-10", "b and d")] == (Label("CIFAR-10", "b"), Label("CIFAR-10", "d"))


def test_the_layers_are_those_of_the_papers_appendix():
    assert layer_choices([]) == {
        "mlp7": "linear4",
        "vgg11": "conv4_2",
        "resnet20": "block6",
        "resnet32": "block10",
        "distilbert": "block4",
        "minilm": "block4",  # as deep as DistilBERT; the paper does not have it
        "bert": "block8",
        "xlnet": "block8",
    }
    assert layer_choices(["mlp7/linear5", "bert/output"])["mlp7"] == "linear5"


def test_pairs_of_all_games_with_one_layer_of_each(shelf):
    found = open_pairs("paper", [], noise_samples=2)
    assert list(found.pairs) == [Label("MNIST", "MLP-7 and VGG-11"), Label("CIFAR-10", "MLP-7 and ResNet-20")]
    assert {str(label): game["layer"].item() for label, game in found.games.items()} == {
        "MLP-7, MNIST": "linear4",
        "VGG-11, MNIST": "conv4_2",
        "MLP-7, CIFAR-10": "linear4",
        "ResNet-20, CIFAR-10": "block6",
    }
    for label, part in found.interactions.items():
        assert part.dims == ("kind", "sample", "coalition")
        expected = games.interactions(found.games[label])["interactions"].isel(layer=0)
        assert np.array_equal(part, expected)
    assert 0 <= found.worst_gap <= 0.005


def test_other_seeds_are_opened_where_they_exist(shelf):
    found = open_pairs("paper", [], noise_samples=1)
    mlp = Label("MNIST", "MLP-7")
    assert [label.network for label in found.seeds[mlp]] == ["MLP-7, seed 1"]
    assert not any(others for label, others in found.seeds.items() if label != mlp)
    (part,) = found.seeds[mlp].values()
    game = shelf["mnist/mlp7.seed1"].sel(layer=["linear4"])
    assert np.array_equal(part, games.interactions(game)["interactions"].isel(layer=0))


def test_a_seed_that_is_asked_for_is_a_network_of_its_own(shelf):
    found = open_pairs("paper", ["mnist/mlp7", "mnist/mlp7.seed1"], noise_samples=1)
    assert list(found.pairs) == [Label("MNIST", "MLP-7 and MLP-7, seed 1")]
    assert [other.network for other in found.seeds[Label("MNIST", "MLP-7, seed 1")]] == ["MLP-7"]


def test_samples_and_layers_are_chosen(shelf):
    found = open_pairs("paper", ["mnist/mlp7", "mnist/vgg11"], layers=["mlp7/linear5"], samples=2, noise_samples=1)
    mlp = Label("MNIST", "MLP-7")
    assert found.games[mlp]["layer"].item() == "linear5"
    assert found.interactions[mlp].sizes["sample"] == 2
    assert found.noisy[mlp].sizes["sample"] == 1


def test_the_interactions_of_all_samples_are_shared_with_other_chapters(shelf, tmp_path):
    """Taking fewer samples reads the same files of the cache."""
    open_pairs("paper", ["mnist/mlp7", "mnist/vgg11"], noise_samples=1)
    before = set(tmp_path.rglob("*.nc"))
    open_pairs("paper", ["mnist/mlp7", "mnist/vgg11"], noise_samples=1, samples=2)
    assert set(tmp_path.rglob("*.nc")) == before


BAD = {
    "another layer": (
        ["mnist/mlp7", "mnist/vgg11"],
        ["mlp7/block9"],
        "mnist/mlp7 has no layer 'block9'; it has linear4",
    ),
    "another network": (["mnist/mlp7", "mnist/vgg11"], ["mlp9/linear4"], "'mlp9/linear4': write network/layer"),
    "no layer": (["mnist/mlp7", "mnist/vgg11"], ["mlp7"], "'mlp7': write network/layer"),
    "no pair": (["mnist/mlp7", "cifar10/mlp7"], [], "no two of the games have the same data set: MLP-7, MNIST; MLP-7"),
    "one game": (["sst2/bert"], [], "no two of the games"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_compared_is_refused_before_anything_is_extracted(shelf, no_extraction, case):
    chosen, layers, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        open_pairs("paper", chosen, layers=layers)


def test_a_pair_on_different_players_is_refused_before_anything_is_extracted(shelf, no_extraction):
    shelf["mnist/vgg11"]["players"][1] = [0, 2, 1]
    with pytest.raises(ValueError, match=r"MLP-7, MNIST and VGG-11, MNIST cannot be compared: .*differ in players"):
        open_pairs("paper", ["mnist/mlp7", "mnist/vgg11"])


def test_a_seed_on_different_players_is_refused(shelf, no_extraction):
    shelf["mnist/mlp7.seed1"]["players"][1] = [0, 2, 1]
    with pytest.raises(ValueError, match=r"MLP-7, MNIST and MLP-7, seed 1, MNIST cannot be compared: .*players"):
        open_pairs("paper", ["mnist/mlp7", "mnist/vgg11"])


def test_common_samples_must_have_the_same_players_and_others_need_not():
    a, b = game_of("mnist/mlp7", ("output",)), game_of("mnist/vgg11", ("output",), samples=range(2, 5))
    names = Label("MNIST", "a"), Label("MNIST", "b")
    b["players"][1:] = [[2, 1, 0]] * 2  # samples that a has not
    check_pair(names[0], a, names[1], b)
    b["players"][0] = [2, 1, 0]
    with pytest.raises(ValueError, match="differ in players"):
        check_pair(names[0], a, names[1], b)
    with pytest.raises(ValueError, match="a, MNIST and b, MNIST cannot be compared: they have no sample in common"):
        check_pair(names[0], a, names[1], game_of("mnist/vgg11", ("output",), samples=range(7, 9)))


def test_words_are_the_same_players_whatever_their_tokens():
    a, b = (game_of(name, ("output",)).rename(variable="position") for name in ("sst2/bert", "sst2/xlnet"))
    b["players"][:] = np.tile([-1, 0, 1], (3, 1))
    check_pair(Label("SST-2", "a"), a, Label("SST-2", "b"), b)
    b["label"][1] = 5
    with pytest.raises(ValueError, match="other labels"):
        check_pair(Label("SST-2", "a"), a, Label("SST-2", "b"), b)


def test_noise_is_one_percent_of_each_samples_range_and_leaves_the_game_alone():
    values = np.zeros((1, 2, 4096))
    values[0, 0, -1], values[0, 1, -1] = 1.0, -50.0
    game = xr.Dataset({"values": (("layer", "sample", "coalition"), values)})
    before = game.copy(deep=True)
    noise = (with_noise(game) - game)["values"]
    assert noise.std("coalition").values[0] == pytest.approx([0.01, 0.5], rel=0.05)
    assert abs(noise.mean("coalition").values[0]) == pytest.approx([0, 0], abs=0.05)
    assert game.identical(before)
    assert with_noise(game, 1).identical(with_noise(game, 1))
    assert not with_noise(game, 1).identical(with_noise(game, 2))
