"""Networks of all kinds, and mistakes that people make with them."""

import re
from types import SimpleNamespace

import jaxtyping
import numpy as np
import pytest
import torch
from torch import nn

from lkutils.probed import ProbedNetwork

X = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))


def dense():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))


class Returns(nn.Module):
    """A network that returns its logits in some form."""

    def __init__(self, form):
        super().__init__()
        self.net, self.form = dense(), form

    def forward(self, x):
        return self.form(self.net(x))


FORMS = {
    "tuple": lambda z: (z, z * 2),
    "list": lambda z: [z],
    "dict": lambda z: {"aux": z * 2, "logits": z},
    "dict of one": lambda z: {"out": z},
    "object": lambda z: SimpleNamespace(logits=z),
}


@pytest.mark.parametrize("form", FORMS)
def test_logits_are_found_in_what_a_network_returns(form):
    probed = ProbedNetwork(Returns(FORMS[form]), {"h": "net.1"}, X[:1], 3)
    torch.testing.assert_close(probed(X)[-1], dense()(X))


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (lambda z: {"a": z, "b": z}, "returns a dict with the keys a, b; expected logits .* wrap the network"),
        (lambda z: None, "returns a NoneType; expected logits"),
        (lambda z: z[:, None].expand(-1, 5, -1), r"shape \(2, 5, 3\); expected logits .*logits\[:, -1\] of a decoder"),
        (lambda z: z.argmax(dim=1), r"returns torch.int64 of shape \(2, 1\)"),
        (lambda z: z.T, r"\(3, 2\) for 2 inputs"),
    ],
)
def test_what_is_no_batch_of_logits_is_refused(form, message):
    with pytest.raises(ValueError, match=message):
        ProbedNetwork(Returns(form), {"h": "net.1"}, X[:1])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_networks_of_any_precision_take_inputs_of_any(dtype):
    probed = ProbedNetwork(dense().to(dtype), {"h": "1"}, X[:1], 3)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    assert probed(X).dtype == probed(X.double().numpy()).dtype == probed.probes[0].weight.dtype == wide
    expected = dense().to(dtype)(X.to(dtype)).to(wide)
    assert torch.equal(probed(X)[-1], expected)


def test_the_default_precision_does_not_matter():
    torch.set_default_dtype(torch.float64)
    try:
        probed = ProbedNetwork(dense().float(), {"h": "1"}, X[:1], 3)
        assert probed(X).dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)


class InPlace(nn.Module):
    """Normalises the inputs it is given, in place."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 3)

    def forward(self, x, scale=None):
        x.sub_(0.5)
        return self.linear(x if scale is None else x.mul_(scale.mul_(2)))


def test_the_callers_inputs_stay_as_they_are():
    given = {"x": X.clone(), "scale": torch.ones(6, 1)}
    probed = ProbedNetwork(InPlace(), {"l": "linear"}, given, 3)
    first = probed(given)
    assert torch.equal(given["x"], X)
    assert (given["scale"] == 1).all()
    assert torch.equal(probed(given), first)
    assert torch.equal(probed((X, given["scale"])), first)
    torch.testing.assert_close(first[-1], probed.network.linear((X - 0.5) * 2))


def test_batch_normalisation_learns_nothing_and_modes_return_after_an_error():
    network = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 3))
    network[2].eval()
    modes, statistics = [m.training for m in network.modules()], network[1].running_mean.clone()
    probed = ProbedNetwork(network, {"h": "1"}, X[:1], 3)
    assert torch.equal(probed(X), probed(X))
    with pytest.raises(RuntimeError):
        probed(torch.zeros(2, 9))
    assert [m.training for m in network.modules()] == modes
    assert torch.equal(network[1].running_mean, statistics)
    assert not any(m._forward_hooks for m in network.modules())


class WithView(nn.Module):
    """Fails on images whose channels are last in memory."""

    def __init__(self):
        super().__init__()
        self.conv, self.out = nn.Conv2d(3, 4, 3), nn.Linear(144, 3)

    def forward(self, x):
        return self.out(self.conv(x).view(-1, 144))


def test_networks_with_view_work_and_keep_their_memory_format():
    network, images = WithView(), torch.randn(2, 3, 8, 8)
    expected = network(images)
    probed = ProbedNetwork(network, {"c": "conv"}, images[:1], 3)
    assert not probed.channels_last
    torch.testing.assert_close(probed(images.contiguous(memory_format=torch.channels_last))[-1], expected)
    assert network.conv.weight.is_contiguous()
    other = ProbedNetwork(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 3)), {}, images, 3)
    assert other.channels_last


def test_a_network_without_parameters_or_layers():
    probed = ProbedNetwork(nn.Flatten(), {}, X[:1])
    assert torch.equal(probed(X)[0], X)


def test_a_single_logit_of_two_classes():
    probed = ProbedNetwork(nn.Linear(8, 1), {}, X[:1], 2)
    logits = probed(X)[0]
    assert (logits[:, 0] == 0).all()
    torch.testing.assert_close(logits[:, 1:], probed.network(X))
    assert ProbedNetwork(nn.Linear(8, 1), {}, X[:1]).n_classes == 1


# ---- layers ----


def nested():
    blocks = [nn.Sequential(nn.Linear(8, 8), nn.ReLU()) for _ in range(3)]
    return nn.Sequential(nn.Sequential(*blocks[:2]), blocks[2], nn.Linear(8, 3))


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        ("0.?", ("0.0", "0.1")),
        ("*", ("0", "1", "2")),
        ("0.*.1", ("0.0.1", "0.1.1")),
        ("1", ("1",)),
        (["1", "0.0"], ("1", "0.0")),
        ({"a": "1"}, ("a",)),
    ],
)
def test_layers_are_named_by_glob_list_or_mapping(layers, names):
    assert ProbedNetwork(nested(), layers, X[:1]).layers == (*names, "output")


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"a": "0.7"}, r"no module '0.7'; it has 0, 0.0, .*Nearest: 0"),
        (["one"], "layer 'one': the network has no module 'one'"),
        ("layer*.?", r"no module 'layer\*.\?'; it has"),
        ({"output": "1"}, "called 'output', which is the network's own"),
    ],
)
def test_layers_that_do_not_exist_are_refused(layers, message):
    with pytest.raises(ValueError, match=message):
        ProbedNetwork(nested(), layers, X[:1])


def test_paths_inside_a_wrapper_are_offered():
    with pytest.raises(ValueError, match=r"Nearest: module\.1"):
        ProbedNetwork(nn.DataParallel(dense()), {"h": "1"}, X[:1])


def test_what_attention_bypasses_is_explained():
    class Attends(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention, self.out = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 3)

        def forward(self, x):
            return self.out(self.attention(x, x, x)[0][:, 0])

    x = torch.randn(2, 4, 8)
    with pytest.raises(ValueError, match=r"runs 0 times .*not once; probe its parent 'attention' .*bypass"):
        ProbedNetwork(Attends(), {"a": "attention.out_proj"}, x)
    assert ProbedNetwork(Attends(), {"a": "attention"}, x)(x).shape == (2, 2, 3)


class Recurrent(nn.Module):
    """Puts the position before the batch."""

    def __init__(self):
        super().__init__()
        self.lstm, self.out = nn.LSTM(2, 5), nn.Linear(5, 3)

    def forward(self, x):
        return self.out(self.lstm(x.transpose(0, 1))[0][-1])


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
@pytest.mark.parametrize("pool", ["flatten", "mean"])
def test_a_layer_whose_first_axis_is_not_the_batch_is_refused(steps, pool):
    x = torch.randn(steps, steps, 2)  # as many samples as steps: sizes agree by accident
    with pytest.raises(ValueError, match=r"layer 'l': module 'lstm' gives .* its first axis is not the batch"):
        ProbedNetwork(Recurrent(), {"l": "lstm"}, x, 3, pool)
    fixed = ProbedNetwork(Recurrent(), {"l": "lstm"}, x, 3, lambda output, inputs: output.movedim(1, 0))
    assert fixed.probes[0].in_features == 5 * steps


# ---- inputs and pools ----


class Encoder(nn.Module):
    """Token ids and their attention mask, as Hugging Face's networks take them."""

    def __init__(self):
        super().__init__()
        self.embed, self.out = nn.Embedding(10, 4), nn.Linear(4, 2)

    def forward(self, input_ids, attention_mask):
        hidden = self.embed(input_ids)
        return {"logits": self.out((hidden * attention_mask[:, :, None]).sum(dim=1)), "hidden": hidden}


TOKENS = {"input_ids": torch.tensor([[1, 2, 3], [4, 5, 0]]), "attention_mask": torch.tensor([[1, 1, 1], [1, 1, 0]])}


def test_pools_attend_to_what_the_network_attends_to():
    network = Encoder()
    hidden = network.embed.weight.detach()
    expected = {
        "mean": torch.stack([hidden[[1, 2, 3]].mean(dim=0), hidden[[4, 5]].mean(dim=0)]),
        "last": hidden[[3, 5]],
        "first": hidden[[1, 4]],
        "flatten": hidden[TOKENS["input_ids"]].flatten(1),
    }
    for pool, feature in expected.items():
        seen = {}
        probed = ProbedNetwork(network, {"e": "embed"}, TOKENS, 2, {"e": pool})
        probed.visit_features(TOKENS, seen.__setitem__)
        torch.testing.assert_close(seen[0], feature)
    seen = {}
    padded_left = {"input_ids": TOKENS["input_ids"].flip(1), "attention_mask": TOKENS["attention_mask"].flip(1)}
    ProbedNetwork(network, "embed", TOKENS, 2, "first").visit_features(padded_left, seen.__setitem__)
    torch.testing.assert_close(seen[0], hidden[[3, 5]])


def test_pools_of_images():
    images, seen = torch.randn(2, 3, 8, 8), {}
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 3))
    ProbedNetwork(network, "0", images, pool="mean").visit_features(images, seen.__setitem__)
    torch.testing.assert_close(seen[0], network[0](images).mean(dim=(2, 3)).detach())
    with pytest.raises(ValueError, match=r"layer '0': pool='first' needs \(batch, position, width\)"):
        ProbedNetwork(network, "0", images, pool="first")


@pytest.mark.parametrize(
    ("pool", "message"),
    [("max", "pool='max'; expected 'flatten', 'mean'"), ({"b": "mean"}, "pool names 'b', which is not among .*0")],
)
def test_unknown_pools_are_refused(pool, message):
    with pytest.raises(ValueError, match=message):
        ProbedNetwork(dense(), "0", X, pool=pool)


def test_a_layer_with_several_tensors_needs_a_function():
    class Two(nn.Module):
        def forward(self, x):
            return {"a": x, "b": x * 2}

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.two, self.net = Two(), dense()

        def forward(self, x):
            return self.net(self.two(x)["a"])

    with pytest.raises(ValueError, match=r"layer 'two': a dict without a single tensor: give a pool"):
        ProbedNetwork(Network(), "two", X)
    seen = {}
    ProbedNetwork(Network(), "two", X, pool=lambda output: output["b"]).visit_features(X, seen.__setitem__)
    torch.testing.assert_close(seen[0], X * 2)


def test_inputs_of_another_length_are_refused():
    network = nn.Sequential(nn.Embedding(10, 4), nn.AdaptiveAvgPool2d((1, 3)), nn.Flatten())
    probed = ProbedNetwork(network, "0", torch.ones(2, 5, dtype=torch.long))
    with pytest.raises(ValueError, match=r"layer '0' has 24 features in this batch, but had 20 in the example"):
        probed(torch.ones(2, 6, dtype=torch.long))


@pytest.mark.parametrize(
    ("inputs", "kind", "message"),
    [
        (["some", "words"], TypeError, "not numbers; a tokenizer gives them with return_tensors='pt'"),
        ({"a": X, "b": X[:2]}, ValueError, r"inputs have the shapes \(6, 8\), \(2, 8\)"),
        (X[:0], ValueError, r"expected one or more samples"),
        (
            torch.zeros(2, 9),
            ValueError,
            r"the network fails on an example of 2 inputs, torch.float32 of shape \(2, 9\)",
        ),
        (np.float32(3), ValueError, "expected one or more samples"),
    ],
)
def test_inputs_that_are_none_are_refused(inputs, kind, message):
    with pytest.raises(kind, match=message):
        ProbedNetwork(dense(), "0", inputs)


def test_a_wrong_number_of_classes_is_found_at_once():
    with pytest.raises(ValueError, match=re.escape("n_classes=2, but the network returns 3 logits for each input")):
        ProbedNetwork(dense(), "0", X, 2)


def test_what_is_no_module_is_refused(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as readers run it, who do not check types
    with pytest.raises(TypeError, match=r"network is a function; expected a torch\.nn\.Module"):
        ProbedNetwork(lambda x: x, "0", X, 2)
    network = dense()
    with pytest.raises(TypeError, match="layer 'a' is a ReLU; expected the path of a module, like '1'"):
        ProbedNetwork(network, {"a": network[1]}, X)
