import inspect
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from lkutils.play import play
from lkutils.players import Players, columns, segments
from lkutils.probes import ProbedNetwork


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


@pytest.fixture
def x():
    return torch.randn(5, 4, generator=torch.Generator().manual_seed(1))


Y = [0, 2, 1, 1, 0]
BASELINE = torch.tensor([0.5, -1.0, 0.0, 2.0])


def log_odds_one_by_one(network, x, y, players, baseline):
    """The table of one sample, coalition by coalition, by the definition in float64."""
    n, table = int(max(players)) + 1, []
    for coalition in range(2**n):
        kept = [player == -1 or bool(coalition >> player & 1) for player in players]
        masked = torch.where(torch.tensor(kept), x, baseline)
        p = network(masked[None])[0].double().softmax(0)[y]
        table.append((p / (1 - p)).log().item())
    return table


@torch.no_grad()
def test_a_network_plays_the_game_of_the_definition(network, x):
    game = play(network, x, Y, columns(["age", "job", "job", None]), BASELINE)
    assert dict(game["values"].sizes) == {"layer": 1, "sample": 5, "coalition": 4}
    assert game["values"].dtype == np.float32
    assert game["values"].attrs["units"] == "log-odds"
    assert game["layer"].values.tolist() == ["output"]
    assert game["player_name"].values.tolist() == [["age", "job"]] * 5
    assert game["label"].values.tolist() == Y
    assert game["players"].values.tolist() == [[0, 1, 1, -1]] * 5
    for sample in range(5):
        expected = log_odds_one_by_one(network, x[sample], Y[sample], [0, 1, 1, -1], BASELINE)
        np.testing.assert_allclose(game["values"][0, sample], expected, atol=1e-5)


@torch.no_grad()
def test_another_number_of_players_in_every_sample(network, x):
    players = torch.tensor([[0, 1, 2, 3], [0, 0, 0, 0], [0, 1, 0, -1], [-1, 0, -1, -1], [2, 1, 0, 0]])
    game = play(network, x, Y, players, BASELINE, batch_size=4)
    assert game["n_players"].values.tolist() == [4, 1, 2, 1, 3]
    assert game["values"].shape == (1, 5, 16)
    assert game["player_name"].values[2].tolist() == ["0", "1", "", ""]
    for sample, n in enumerate(game["n_players"].values):
        expected = log_odds_one_by_one(network, x[sample], Y[sample], players[sample].tolist(), BASELINE)
        np.testing.assert_allclose(game["values"][0, sample, : 2**n], expected, atol=1e-5)
        assert game["values"][0, sample, 2**n :].isnull().all()


def test_a_baseline_for_each_sample_stays_with_its_sample(network, x):
    players, own = (
        torch.tensor([[0, 1, 2, 3], [0, 0, 0, 0], [0, 1, 2, 3], [1, 0, 0, 0], [0, 1, 1, 1]]),
        torch.randn(5, 4),
    )
    game = play(network, x, Y, players, own)
    for sample in range(5):
        alone = play(network, x[sample, None], Y[sample], players[sample], own[sample])["values"].values
        np.testing.assert_array_equal(game["values"].values[:, sample, : alone.shape[-1]], alone[:, 0])


def test_a_probed_network_gives_its_layers(network, x):
    probed = ProbedNetwork(network, {"hidden": "0", "relu": "1"}, x[:1], 3)
    nn.init.normal_(probed.probes[1].weight)
    game = play(probed, x, Y, [0, 1, 2, 3], 0)
    assert game["layer"].values.tolist() == ["hidden", "relu", "output"]
    own = play(network, x, Y, [0, 1, 2, 3], 0)["values"]
    np.testing.assert_allclose(game["values"].sel(layer="output"), own[0], atol=1e-5)
    reads = nn.Sequential(network[0], network[1], probed.probes[1])
    np.testing.assert_allclose(
        game["values"].sel(layer="relu"), play(reads, x, Y, [0, 1, 2, 3], 0)["values"][0], atol=1e-5
    )


# ---- other functions ----


def in_arrays(network, seen):
    def score(batch):
        seen.append(type(batch))
        return network(torch.as_tensor(batch)).detach().numpy()

    return score


def test_a_function_is_given_what_the_inputs_are(network, x):
    expected, seen = play(network, x, Y, [0, 1, 2, 3], BASELINE), []
    of_arrays = play(in_arrays(network, seen), x.numpy(), Y, [0, 1, 2, 3], BASELINE)
    of_lists = play(in_arrays(network, seen), x.tolist(), Y, [0, 1, 2, 3], BASELINE)
    of_tensors = play(in_arrays(network, seen), x, Y, [0, 1, 2, 3], BASELINE)
    assert [seen[0], seen[-1]] == [np.ndarray, torch.Tensor]
    for game in (of_arrays, of_lists, of_tensors):
        xr.testing.assert_allclose(game, expected)


def test_arrays_and_tensors_are_left_as_they_are(network, x):
    def score(batch):
        batch -= 1
        return batch @ np.ones((4, 2))

    array = x.numpy()
    before = array.copy()
    play(score, array, 1, [0, 1, 2, 3], BASELINE)
    assert np.array_equal(array, before)


def test_the_axes_a_function_may_return(x):
    def z(batch):
        return (batch * batch).sum(1)

    one = play(z, x, 1, [0, 1, 2, 3], 0, batch_size=16)
    other = play(lambda batch: z(batch)[:, None], x, 1, [0, 1, 2, 3], 0, batch_size=16)
    both = play(lambda batch: torch.stack([-z(batch), z(batch)], 1) / 2, x, 1, [0, 1, 2, 3], 0, batch_size=16)
    layers = play(lambda batch: torch.stack([z(batch), 3 * z(batch)])[..., None], x, 1, [0, 1, 2, 3], 0, batch_size=16)
    np.testing.assert_allclose(one["values"][0, :, -1], (x * x).sum(1), rtol=1e-6)  # the log-odds of a logit are itself
    for game in (other, both, layers.isel(layer=[0])):
        np.testing.assert_allclose(game["values"], one["values"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layers["values"][1], 3 * one["values"][0], rtol=1e-5)
    assert layers["layer"].values.tolist() == ["layer1", "output"]
    np.testing.assert_allclose(play(z, x, 0, [0, 1, 2, 3], 0)["values"], -one["values"], rtol=1e-6)


def test_layers_first_or_inputs_first_is_never_guessed(x):
    with pytest.raises(ValueError, match=r"score returned \(16, 16, 2\) for 16 inputs, .* choose another batch_size"):
        play(lambda batch: torch.zeros(16, 16, 2), x, 0, [0, 1, 2, 3], 0, batch_size=16)


class Logistic:
    """A model with the methods of scikit-learn's."""

    def decision_function(self, table):
        return table @ np.array([1.0, -2.0, 0.5, 3.0])

    def predict_proba(self, table):
        p = 1 / (1 + np.exp(-self.decision_function(table)))
        return np.stack([1 - p, p], axis=1)


def test_probabilities_of_a_model_are_taken_as_such(x):
    table = x.double().numpy()
    exact = play(Logistic().decision_function, table, [1, 0, 1, 1, 0], [0, 1, 2, 3], 0)
    game = play(Logistic().predict_proba, table, [1, 0, 1, 1, 0], [0, 1, 2, 3], 0)
    np.testing.assert_allclose(game["values"], exact["values"], atol=1e-6)
    assert exact["values"].values[0, 0, -1] == pytest.approx(table[0] @ [1.0, -2.0, 0.5, 3.0])


# ---- what is explained ----


def test_outputs_are_explained_where_they_are_asked_for(network, x):
    game = play(network, x, Y, [0, 1, 2, 3], 0, of="output")
    np.testing.assert_allclose(game["values"][0, :, -1], network(x).detach()[range(5), Y], rtol=1e-6)
    assert game["values"].attrs["units"] == "output"


@pytest.mark.parametrize("target", [None, [0.1, 2.5, -3.0, 0.0, 1.0], [100, 7, 3, 1, 1]])
def test_a_regression_needs_no_target(x, target):
    network = nn.Linear(4, 1)
    game = play(network, x, target, [0, 1, 2, 3], BASELINE, of="output")
    effect = network.weight[0].detach() * (x - BASELINE)
    subsets = np.arange(16)[:, None] >> np.arange(4) & 1
    expected = network(BASELINE[None]).item() + effect.numpy() @ subsets.T
    np.testing.assert_allclose(game["values"][0], expected, atol=1e-5)


def test_any_function_of_outputs_and_targets_is_explained(network, x):
    def probability(outputs, targets):
        return outputs.softmax(-1).gather(-1, targets.expand(len(outputs), -1)[..., None])[..., 0]

    game = play(network, x, Y, [0, 1, 2, 3], 0, of=probability)
    np.testing.assert_allclose(game["values"][0, :, -1], network(x).softmax(1).detach()[range(5), Y], rtol=1e-5)
    assert game["values"].attrs["units"] == "probability"


# ---- sizes, labels ----


@pytest.mark.parametrize("n", [1, 13])
def test_one_player_and_thirteen_of_a_single_sample(n):
    torch.manual_seed(0)
    weights, x = torch.randn(n), torch.randn(1, n)
    game = play(lambda batch: batch @ weights, x, 1, torch.arange(n), 0)
    subsets = np.arange(2**n)[:, None] >> np.arange(n) & 1
    np.testing.assert_allclose(game["values"][0, 0], subsets @ (weights * x[0]).numpy(), atol=1e-5)


def test_samples_and_players_are_called_as_they_are_named(network, x):
    game = play(network, x[:2], [0, 1], [0, 0, 1, -1], 0, samples=["first", "second"], names=["a", "b"])
    assert game["sample"].values.tolist() == ["first", "second"]
    assert game["player_name"].sel(sample="second").values.tolist() == ["a", "b"]
    own = play(network, x[:2], [0, 1], [[0, 0, 1, -1], [0, 0, 0, 0]], 0, names=[["a", "b"], ["c"]])
    assert own["player_name"].values.tolist() == [["a", "b"], ["c", ""]]


def test_axes_of_the_map_of_players():
    image = torch.rand(2, 1, 2, 3)
    game = play(lambda batch: batch.mean((1, 2, 3)), image, 1, segments(np.array([[0, 0, 5], [5, 5, 7]])), 0)
    assert game["players"].dims == ("sample", "y", "x")
    assert game["player_name"].values.tolist() == [["0", "5", "7"]] * 2


# ---- the caller's network ----


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.drop, self.head = nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 3)

    def forward(self, x):
        if len(x) > 999:
            raise RuntimeError("too many")
        x.mul_(2)
        return self.head(self.drop(self.norm(x)))


def test_a_network_is_evaluated_and_left_in_its_mode(x):
    network = Mixed().train()
    network.drop.eval()
    before, inputs = {name: tensor.clone() for name, tensor in network.state_dict().items()}, x.clone()
    game = play(network, x, Y, [0, 1, 2, 3], 0)
    assert [module.training for module in network.modules()] == [True, True, False, True]
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert torch.equal(x, inputs)
    xr.testing.assert_equal(game, play(network.eval(), x, Y, [0, 1, 2, 3], 0))


def test_a_network_is_left_in_its_mode_after_an_error(x):
    network = Mixed().train()
    with pytest.raises(RuntimeError, match="too many"):
        play(network, torch.zeros(100, 4), 0, [0, 1, 2, 3], 0, batch_size=1024)
    assert all(module.training for module in network.modules())


def test_a_function_of_a_network_in_training_mode_is_noticed(x):
    network = Mixed().train()
    with pytest.warns(UserWarning, match="Mixed is in training mode: its BatchNorm1d, Dropout make the values random"):
        play(lambda batch: network(batch), x, Y, [0, 1, 2, 3], 0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_inputs_are_given_in_the_networks_precision(network, x, dtype):
    game = play(network.to(dtype), x.double().numpy(), Y, [0, 1, 2, 3], BASELINE)
    exact = play(network.double(), x.to(dtype).double(), Y, [0, 1, 2, 3], BASELINE)
    np.testing.assert_allclose(game["values"], exact["values"], atol=1e-6 if dtype == torch.float64 else 0.05)


# ---- tokens ----


class Reads(nn.Module):
    """A classifier that is the mean of the embedded tokens that it attends to."""

    config = SimpleNamespace(pad_token_id=0)

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 2)

    def forward(self, input_ids, attention_mask=None):
        weights = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        hidden = (self.embedding(input_ids) * weights[..., None]).sum(1) / weights.sum(1, keepdim=True)
        return SimpleNamespace(logits=hidden)


def test_padding_is_never_attended_to():
    torch.manual_seed(0)
    network = Reads()
    encoding = {"input_ids": [[5, 6, 7, 8], [9, 10, 0, 0]], "attention_mask": [[1, 1, 1, 1], [1, 1, 0, 0]]}
    game = play(network, encoding, 1, Players(torch.tensor([[0, 1, 2, 3], [0, 1, -1, -1]]), [["a"] * 4, ["b"] * 2]), 3)
    short = play(network, {"input_ids": [[9, 10]], "attention_mask": [[1, 1]]}, 1, [[0, 1]], 3)
    np.testing.assert_allclose(game["values"][0, 1, :4], short["values"][0, 0], atol=1e-6)
    with pytest.raises(ValueError, match=r"hold padding \(token 0\) without an attention mask"):
        play(network, torch.tensor(encoding["input_ids"]), 1, [0, 1, 2, 3], 3)
    play(network, torch.tensor([[5, 6]]), 1, [0, 1], 0)  # no padding, masked by the padding token


# ---- errors ----


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"target": None}, ValueError, "target=None: log-odds are those of a class; name it, or explain of='output'"),
        ({"target": None, "of": "output"}, ValueError, "target=None, but there are 3 outputs: say which"),
        ({"of": "logit"}, ValueError, "of='logit': 'log-odds', 'output' or a function"),
        ({"players": [1, 2, 3, 4]}, ValueError, "no input variable of player 0; .* number players from 0 without gaps"),
        ({"players": [0, 1, 1, 3]}, ValueError, "no input variable of player 2; .* number players from 0 without gaps"),
        ({"players": [-1, -1, -1, -1]}, ValueError, "sample 0 is all background"),
        ({"baseline": None}, TypeError, "baseline: .*not None"),
        ({"samples": ["a"]}, ValueError, "samples has 1 names, but inputs have 5 samples"),
        ({"names": ["a"]}, ValueError, "names has 1 names for sample 0, which has 4 players"),
        ({"names": "abcd"}, ValueError, "names='abcd': a list"),
        ({"names": [["a", "b", "c", "d"]] * 2}, ValueError, "names are those of 2 samples, but there are 5"),
        ({"batch_size": 0}, ValueError, "batch_size=0"),
    ],
)
def test_errors_say_what_to_do(network, x, change, error, message):
    arguments = {"score": network, "inputs": x, "target": Y, "players": [0, 1, 2, 3], "baseline": 0}
    with pytest.raises(error, match=message):
        play(**arguments | change)


@pytest.mark.parametrize(("score", "hint"), [("resnet.pt", ": read the network first"), (None, "")])
def test_a_score_that_is_no_function_is_refused(x, score, hint):
    with pytest.raises(TypeError, match=f"score is {score!r}, not a network or a function{hint}"):
        inspect.unwrap(play)(score, x, 0, [0, 1, 2, 3], 0)  # without the tests' own check of types


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: (x, x), r"score returned a tuple with 0: \(16, 4\), 1: \(16, 4\), not a tensor"),
        (lambda x: [x], "score returned a list with 0"),
        (lambda x: {"out": x}, "score returned a dict with 'out'"),
    ],
)
def test_functions_that_return_something_else_are_refused(x, function, message):
    with pytest.raises(TypeError, match=message):
        play(function, x, 0, [0, 1, 2, 3], 0, batch_size=16)


def test_a_network_with_logits_at_every_position_is_refused(x):
    network = nn.Unflatten(1, (2, 2))
    with pytest.raises(ValueError, match=r"returns .*shape \(64, 2, 2\).*logits\[:, -1\]"):
        play(network, x, 0, [0, 1, 2, 3], 0, batch_size=None)
