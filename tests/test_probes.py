import weakref
from collections import OrderedDict
from types import SimpleNamespace

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional as F

from lkutils import probes
from lkutils.epochs import fingerprint
from lkutils.masking import coalition_values
from lkutils.probes import ProbedNetwork, accuracy, fit_probes, probe

LAYERS = {"conv": "conv", "hidden": "dense.1"}
CPU = torch.device("cpu")
SETTINGS = {"epochs": 3, "learning_rate": 0.2, "batch_size": 16, "device": CPU}


def tiny_network():
    """A convolution and a hidden layer, with dropout, which must not drop anything here."""
    torch.manual_seed(0)
    dense = nn.Sequential(nn.Linear(4 * 6 * 6, 12), nn.ReLU())
    stages = {"conv": nn.Conv2d(1, 4, 3), "drop": nn.Dropout(), "flatten": nn.Flatten(), "dense": dense}
    return nn.Sequential(OrderedDict(stages | {"head": nn.Linear(12, 3)})).eval()


@pytest.fixture
def task():
    """Three well separated clouds of images."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(120) % 3
    return torch.randn(120, 1, 8, 8, generator=generator) + labels[:, None, None, None], labels


@pytest.fixture
def probed(task):
    return ProbedNetwork(tiny_network(), LAYERS, task[0][:1], n_classes=3)


def with_random_probes(probed):
    for parameter in probed.probes.parameters():
        nn.init.normal_(parameter)
    return probed


# ---- layers ----


def test_layers_are_in_order_and_the_output_is_last(probed):
    assert probed.layers == ("conv", "hidden", "output")
    assert [probe.in_features for probe in probed.probes] == [4 * 6 * 6, 12]


def test_features_equal_a_manual_forward(probed, task):
    seen = {}
    own = probed.visit_features(task[0], lambda layer, feature: seen.__setitem__(layer, feature))
    network = probed.network
    conv = network.conv(task[0])
    hidden = network.dense(conv.flatten(1))
    torch.testing.assert_close(seen[0], conv.permute(0, 2, 3, 1).flatten(1))
    torch.testing.assert_close(seen[1], hidden)
    torch.testing.assert_close(own, network.head(hidden))


def test_logits_of_all_layers_come_from_one_forward(probed, task):
    calls = []
    probed.network.register_forward_hook(lambda *_: calls.append(1))
    logits = with_random_probes(probed)(task[0])
    assert len(calls) == 1
    assert logits.shape == (3, 120, 3)
    conv = probed.network.conv(task[0])
    expected = probed.probes[0](conv.permute(0, 2, 3, 1).flatten(1))
    torch.testing.assert_close(logits[0], expected)
    torch.testing.assert_close(logits[1], probed.probes[1](probed.network.dense(conv.flatten(1))))
    torch.testing.assert_close(logits[2], probed.network(task[0]))


def test_no_hook_stays_on_the_network(probed, task):
    probed(task[0])
    assert not any(module._forward_hooks for module in probed.network.modules())


def test_logits_do_not_depend_on_the_memory_format(probed, task):
    images = task[0]
    with_random_probes(probed)
    torch.testing.assert_close(probed(images), probed(images.contiguous(memory_format=torch.channels_last)))


def test_a_feature_is_dropped_before_the_next_layer_runs(probed, task, monkeypatch):
    earlier, alive = [], []
    real = probed._hook

    def watching(visit, layer, inputs, module, args, output):
        def visit_and_watch(layer, feature):
            alive.append(sum(reference() is not None for reference in earlier))
            earlier.append(weakref.ref(feature))
            visit(layer, feature)

        real(visit_and_watch, layer, inputs, module, args, output)

    monkeypatch.setattr(probed, "_hook", watching)
    probed(task[0])
    probes.backpropagate(probed, *task)
    assert alive == [0, 0, 0, 0]


def test_it_computes_in_evaluation_mode_and_the_network_keeps_its_own(task):
    network = tiny_network().train()  # with dropout
    network.drop.eval()
    before = [module.training for module in network.modules()]
    probed = with_random_probes(ProbedNetwork(network, LAYERS, task[0][:1], 3))
    logits = probed.train()(task[0])
    assert [module.training for module in network.modules()] == before
    assert all(parameter.requires_grad for parameter in network.parameters())
    network.train()
    assert torch.equal(probed(task[0]), logits)
    assert network.training
    torch.testing.assert_close(logits[-1], network.eval()(task[0]))


def test_layers_in_place_do_not_change_an_earlier_feature():
    network = nn.Sequential(nn.Linear(4, 5), nn.ReLU(inplace=True), nn.Linear(5, 2))
    probed = ProbedNetwork(network, {"before": "0", "after": "1"}, torch.zeros(1, 4), n_classes=2)
    x = torch.randn(20, 4)
    with_random_probes(probed)
    before = network[0](x)
    torch.testing.assert_close(probed(x)[0], probed.probes[0](before))
    torch.testing.assert_close(probed(x)[1], probed.probes[1](before.relu()))


class TinyTransformer(nn.Module):
    """Blocks that return tuples and an output object with logits, like Hugging Face's."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 6)
        self.block = Block()
        self.head = nn.Linear(6, 2)

    def forward(self, ids):
        hidden, _ = self.block(self.embedding(ids))
        return SimpleNamespace(logits=self.head(hidden[:, 0]))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, hidden):
        return self.linear(hidden) + hidden.mean(dim=1, keepdim=True), None


def test_a_transformer_is_pooled_as_its_head_does():
    torch.manual_seed(0)
    network, ids = TinyTransformer(), torch.randint(20, (7, 5))
    probed = ProbedNetwork(network, {"block": "block"}, ids[:1], 2, pool=lambda hidden: hidden[:, 0])
    with_random_probes(probed)
    hidden = network.block(network.embedding(ids))[0]
    assert probed.probes[0].in_features == 6
    torch.testing.assert_close(probed(ids)[0], probed.probes[0](hidden[:, 0]))
    torch.testing.assert_close(probed(ids)[1], network(ids).logits)


def test_a_game_of_a_transformer_masks_its_tokens():
    torch.manual_seed(0)
    network, ids = TinyTransformer(), torch.tensor([[1, 7, 9, 2]])
    probed = ProbedNetwork(network, {"block": "block"}, ids, 2, pool=lambda hidden: hidden[:, 0])
    players = torch.tensor([[-1, 0, 1, -1]])
    values = coalition_values(probed, ids, torch.tensor([1]), players, torch.tensor(3), 2)
    logits = network(torch.tensor([[1, 3, 3, 2], [1, 7, 3, 2], [1, 3, 9, 2], [1, 7, 9, 2]])).logits
    torch.testing.assert_close(values[1, 0], logits[:, 1] - logits[:, 0])


# ---- errors ----


def test_an_unknown_module_path_lists_the_known_ones(task):
    with pytest.raises(ValueError, match=r"layer 'a': the network has no module 'dense.7'; it has conv, drop, .*head"):
        ProbedNetwork(tiny_network(), {"a": "dense.7"}, task[0][:1], 3)


def test_the_name_output_is_taken(task):
    with pytest.raises(ValueError, match="called 'output', which is the network's own"):
        ProbedNetwork(tiny_network(), {"output": "head"}, task[0][:1], 3)


def test_a_module_must_run_exactly_once(task):
    relu = nn.ReLU()
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), relu, nn.Linear(8, 8), relu, nn.Linear(8, 3))
    with pytest.raises(ValueError, match="layer 'a': module '2' runs 2 times in a forward pass"):
        ProbedNetwork(network, {"a": "2"}, task[0][:1], 3)
    network.unused = nn.Identity()
    network.forward = lambda x: network[5](network[1](network[0](x)))
    with pytest.raises(ValueError, match="layer 'b': module 'unused' runs 0 times in a forward pass"):
        ProbedNetwork(network, {"b": "unused"}, task[0][:1], 3)


# ---- training ----


def test_probes_learn_and_their_accuracy_is_measured(probed, task, tmp_path):
    assert accuracy(probed, *task)[0] == pytest.approx(1 / 3)
    weights = fingerprint(probed.network)
    seconds = fit_probes(probed, *task, **SETTINGS, checkpoint=tmp_path / "p.pt")
    scores = accuracy(probed, *task, batch_size=50)
    own = (probed.network(task[0]).argmax(dim=1) == task[1]).float().mean()
    assert (scores[:2] > 0.7).all()
    assert scores[2] == pytest.approx(own.item())
    assert seconds > 0
    assert fingerprint(probed.network) == weights


def test_probes_trained_together_equal_each_trained_alone(probed, task, tmp_path):
    fit_probes(probed, *task, **SETTINGS, seed=4, checkpoint=tmp_path / "p.pt")
    inputs, labels = task
    feature = probed.network.dense(probed.network.conv(inputs).flatten(1)).detach()
    alone = nn.Linear(12, 3)
    nn.init.zeros_(alone.weight), nn.init.zeros_(alone.bias)
    optimizer = torch.optim.SGD(alone.parameters(), lr=0.2, momentum=0.9)
    for epoch in range(3):
        for batch in torch.randperm(120, generator=torch.Generator().manual_seed(4 + epoch)).split(16):
            optimizer.zero_grad()
            F.cross_entropy(alone(feature[batch]), labels[batch]).backward()
            optimizer.step()
    torch.testing.assert_close(probed.probes[1].weight, alone.weight)
    torch.testing.assert_close(probed.probes[1].bias, alone.bias)


class Killed(BaseException):
    """Stands for the machine going down."""


def test_interrupted_probes_end_with_the_same_weights(task, tmp_path, monkeypatch):
    def fresh():
        return ProbedNetwork(tiny_network(), LAYERS, task[0][:1], 3)

    straight = fresh()
    fit_probes(straight, *task, **SETTINGS, checkpoint=tmp_path / "straight.pt")

    calls = []
    real = probes.backpropagate

    def dies_in_the_second_epoch(*arguments):
        calls.append(1)
        if len(calls) == 8 + 3:
            raise Killed
        return real(*arguments)

    monkeypatch.setattr(probes, "backpropagate", dies_in_the_second_epoch)
    with pytest.raises(Killed):
        fit_probes(fresh(), *task, **SETTINGS, checkpoint=tmp_path / "resumed.pt")
    assert torch.load(tmp_path / "resumed.pt", weights_only=True)["epoch"] == 1

    resumed = fresh()
    fit_probes(resumed, *task, **SETTINGS, checkpoint=tmp_path / "resumed.pt")
    assert len(calls) == 8 + 3 + 2 * 8
    assert fingerprint(resumed) == fingerprint(straight)


def test_finished_probes_are_not_trained_again(probed, task, tmp_path, monkeypatch):
    seconds = fit_probes(probed, *task, **SETTINGS, checkpoint=tmp_path / "p.pt")
    monkeypatch.delattr(probes, "backpropagate")
    again = ProbedNetwork(tiny_network(), LAYERS, task[0][:1], 3)
    assert fit_probes(again, *task, **SETTINGS, checkpoint=tmp_path / "p.pt") == seconds
    assert fingerprint(again) == fingerprint(probed)


def test_a_checkpoint_of_other_settings_or_another_network_is_refused(probed, task, tmp_path):
    path = tmp_path / "p.pt"
    fit_probes(probed, *task, **SETTINGS, checkpoint=path)
    with pytest.raises(ValueError, match=r"p.pt was made with other settings \(learning_rate=0.2, now 0.1\)\. Del"):
        fit_probes(probed, *task, **SETTINGS | {"learning_rate": 0.1}, checkpoint=path)
    nn.init.ones_(probed.network.head.bias)
    with pytest.raises(ValueError, match=r"was made with other settings \(network=\w+, now \w+\)\. Delete it to start"):
        fit_probes(probed, *task, **SETTINGS, checkpoint=path)


def mean_of(output):
    return output.flatten(2).mean(dim=2) if output.ndim == 4 else output


def maximum_of(output):
    return output.flatten(2).amax(dim=2) if output.ndim == 4 else output


OTHERS = {
    "inputs": lambda x, y: (LAYERS, mean_of, x.roll(1), y),
    "labels": lambda x, y: (LAYERS, mean_of, x, y.roll(1)),
    "layers": lambda x, y: ({"conv": "conv", "hidden": "dense.0"}, mean_of, x, y),  # as wide: only the path differs
    "layers names": lambda x, y: ({"conv": "conv", "later": "dense.1"}, mean_of, x, y),
    "pools": lambda x, y: (LAYERS, maximum_of, x, y),
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_checkpoint_knows_all_that_it_depends_on(task, tmp_path, what):
    def fit(layers, pool, inputs, labels):
        probed = ProbedNetwork(tiny_network(), layers, inputs[:1], 3, pool)
        fit_probes(probed, inputs, labels, **SETTINGS, checkpoint=tmp_path / "p.pt")

    fit(LAYERS, mean_of, *task)
    fit(LAYERS, mean_of, *task)
    with pytest.raises(ValueError, match=rf"made with other settings \({what.split()[0]}=.*, now .*Delete it"):
        fit(*OTHERS[what](*task))


def test_training_starts_from_zero_whatever_the_probes_were(probed, task):
    fit_probes(probed, *task, **SETTINGS)
    first = fingerprint(probed.probes)
    fit_probes(with_random_probes(probed), *task, **SETTINGS)
    assert fingerprint(probed.probes) == first


def test_a_diverging_probe_is_named(probed, task, tmp_path):
    nn.init.constant_(probed.network.dense[0].bias, torch.inf)
    with pytest.raises(FloatingPointError, match="the loss of hidden is not finite after epoch 1; lower learning_rate"):
        fit_probes(probed, *task, **SETTINGS, checkpoint=tmp_path / "p.pt")
    assert not (tmp_path / "p.pt").exists()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_trains_the_same_probes(probed, task, tmp_path):
    fit_probes(probed, *task, **SETTINGS, checkpoint=tmp_path / "cpu.pt")
    other = ProbedNetwork(tiny_network(), LAYERS, task[0][:1], 3)
    fit_probes(other, *task, **SETTINGS | {"device": torch.device("cuda")}, checkpoint=tmp_path / "gpu.pt")
    torch.testing.assert_close(other.cpu()(task[0]), probed(task[0]), atol=1e-3, rtol=1e-3)


# ---- mistakes ----


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.arange(120) % 3 + 1, r"label 3 of input 2 is out of range; expected 0 to 2, .* 3 classes"),
        (torch.full((120,), -1), "label -1 of input 0 is out of range"),
        (torch.arange(100) % 3, r"there are 120 inputs, but targets have the shape \(100,\)"),
        (torch.zeros(120, 3, dtype=torch.long), r"labels have the shape \(120, 3\); expected \(120,\).*argmax"),
        (torch.zeros(120), r"float targets of shape \(120,\) ask for a regression, but the network has 3 outputs"),
    ],
)
def test_labels_that_do_not_belong_are_refused_before_training(probed, task, labels, message, monkeypatch):
    monkeypatch.delattr(probes, "backpropagate")
    with pytest.raises(ValueError, match=message):
        fit_probes(probed, task[0], labels, **SETTINGS)
    with pytest.raises(ValueError, match=message):
        probe(tiny_network(), LAYERS, task[0], labels)


@pytest.mark.parametrize("convert", [lambda y: y.byte(), lambda y: y.int(), lambda y: y[:, None], lambda y: y.tolist()])
def test_labels_of_any_kind_are_accepted(probed, task, convert):
    fit_probes(probed, *task, **SETTINGS)
    first = fingerprint(probed.probes)
    fit_probes(probed, task[0].double().numpy(), convert(task[1]), **SETTINGS)
    assert fingerprint(probed.probes) == first


def test_probes_are_trained_in_inference_mode_as_well(probed, task):
    fit_probes(probed, *task, **SETTINGS)
    with torch.inference_mode():
        other = ProbedNetwork(tiny_network(), LAYERS, task[0][:1], 3)
        fit_probes(other, task[0] + 0, task[1] + 0, **SETTINGS)
    assert fingerprint(other.probes) == fingerprint(probed.probes)


# ---- at the optimum ----


def test_probes_at_the_optimum_are_those_of_scikit_learn(task):
    network, (inputs, labels) = tiny_network().train(), task
    before, modes = fingerprint(network), [m.training for m in network.modules()]
    probed = probe(network, LAYERS, inputs, labels, l2=0.1)
    assert probed.layers == ("conv", "hidden", "output")
    assert (probed.gradient <= 1e-6).all()
    assert list(probed.gradient["layer"].values) == ["conv", "hidden"]
    feature = network.dense(network.conv(inputs).flatten(1)).detach().double().numpy()
    scaler = StandardScaler().fit(feature)
    oracle = LogisticRegression(C=1 / (120 * 0.1), tol=1e-10, max_iter=10_000).fit(scaler.transform(feature), labels)
    expected = torch.from_numpy(oracle.predict_log_proba(scaler.transform(feature))).float()
    torch.testing.assert_close(probed(inputs)[1].log_softmax(dim=1), expected, atol=1e-3, rtol=1e-3)
    assert probed.accuracy.sel(layer="hidden").item() == pytest.approx(oracle.score(scaler.transform(feature), labels))
    assert probed.accuracy[-1].item() == accuracy(probed, inputs, labels)[-1].item()
    assert fingerprint(network) == before
    assert [m.training for m in network.modules()] == modes


def test_streamed_features_give_the_same_probes(task, monkeypatch):
    whole = probe(tiny_network(), LAYERS, *task, l2=0.1)
    monkeypatch.setattr(probes, "BATCH_SIZE", 50)
    for free in (0, 2 * 120 * 12 * 4):  # no layer fits in half of it; only the second one does
        monkeypatch.setattr(probes, "free_memory", lambda device, free=free: free)
        streamed = probe(tiny_network(), LAYERS, *task, l2=0.1)
        assert (streamed.gradient <= 1e-6).all()
        torch.testing.assert_close(streamed(task[0]), whole(task[0]), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("shape", [(200,), (200, 1)])
def test_a_regression_of_one_number(shape):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(200, 5, generator=generator)
    targets = (inputs @ torch.tensor([1.0, -2, 0, 0, 3]) + 10).reshape(shape)
    network = nn.Sequential(nn.Linear(5, 8), nn.Linear(8, 1))
    probed = probe(network, {"hidden": "0"}, inputs, targets, l2=1e-6)
    torch.testing.assert_close(probed(inputs)[0], targets.reshape(200, 1), atol=1e-2, rtol=1e-3)
    assert probed.accuracy[0] == pytest.approx(1, abs=1e-5)
    own = r2_score(targets.reshape(200), network(inputs).detach()[:, 0])
    assert probed.accuracy.sel(layer="output") == pytest.approx(own, abs=1e-5)


def test_a_single_logit_with_two_classes():
    inputs = torch.randn(80, 5, generator=torch.Generator().manual_seed(0))
    labels = (inputs[:, 0] > 0).long()
    network = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 1))
    probed = probe(network, {"hidden": "1"}, inputs, labels)
    assert probed(inputs).shape == (2, 80, 2)
    assert probed.accuracy.sel(layer="output") == pytest.approx(((network(inputs)[:, 0] > 0) == labels).float().mean())
    with pytest.raises(ValueError, match=r"label 5 .* \(a regression takes floats\)"):
        probe(network, {"hidden": "1"}, inputs, labels * 5)


def test_the_last_hidden_layer_reads_what_the_head_reads(task):
    inputs, _ = task
    network = tiny_network()
    labels = network(inputs).argmax(dim=1)
    probed = probe(network, {"last": "dense.1"}, inputs, labels, l2=1e-6)
    assert probed.accuracy.values.tolist() == [1.0, 1.0]


def test_the_cache_is_read_when_nothing_changed_and_only_then(task, tmp_path, monkeypatch):
    cache = tmp_path / "probes.pt"

    def make(labels=task[1], l2=0.1, **changed):
        return probe(tiny_network(), LAYERS, task[0], labels, l2=l2, cache=cache, **changed)

    first = make()
    with monkeypatch.context() as patch:
        patch.delattr(probes, "fit_to_optimum")
        again = make()
    assert fingerprint(again) == fingerprint(first)
    assert again.accuracy.equals(first.accuracy)
    assert again.gradient.equals(first.gradient)
    other = make(l2=0.2)  # starts from the cached probes, and ends where it ends without them
    torch.testing.assert_close(other(task[0]), probe(tiny_network(), LAYERS, *task, l2=0.2)(task[0]), atol=1e-3, rtol=0)
    rolled = make(labels=task[1].roll(1), l2=0.2)
    expected = probe(tiny_network(), LAYERS, task[0], task[1].roll(1), l2=0.2)
    torch.testing.assert_close(rolled(task[0]), expected(task[0]), atol=1e-3, rtol=0)
    pooled = make(pool="mean")
    assert pooled.probes[0].in_features == 4


def test_a_tokenizers_output_is_probed_and_padding_without_mask_is_warned_of():
    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.out = nn.Embedding(10, 4), nn.Linear(4, 2)
            self.config = SimpleNamespace(pad_token_id=0)

        def forward(self, input_ids, attention_mask=None):
            return SimpleNamespace(logits=self.out(self.embed(input_ids).mean(dim=1)))

    ids = torch.randint(1, 10, (40, 3), generator=torch.Generator().manual_seed(0))
    ids[::2, 2] = 0
    tokens = OrderedDict(input_ids=ids, attention_mask=(ids != 0).long())
    labels = (ids[:, 0] > 5).long()
    assert probe(Encoder(), "embed", tokens, labels, pool="mean").accuracy[0] > 0.7
    with pytest.warns(UserWarning, match=r"hold padding \(token 0\).*attention_mask"):
        probe(Encoder(), "embed", ids, labels, pool="mean")


def test_a_negative_penalty_is_refused():
    x, y = torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1])
    with pytest.raises(ValueError, match=r"l2=-1\.0; expected 0 or more"):
        probe(nn.Sequential(nn.Identity(), nn.Linear(1, 2)), "0", x, y, l2=-1.0)
