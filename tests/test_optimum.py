import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from torch import nn

from lkutils.optimum import LEAST_DEVIATION, TOLERANCE, fit_linear


@pytest.fixture
def data():
    """Correlated features of very different size, and three classes that overlap."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(90, 6, generator=generator) @ torch.randn(6, 6, generator=generator)
    y = (x[:, :3] + torch.randn(90, 3, generator=generator)).argmax(dim=1)
    return x * torch.tensor([1.0, 30.0, 0.2, 1.0, 5.0, 1.0]) + torch.tensor([0.0, 100.0, -3.0, 0.0, 1.0, 2.0]), y


def linear(n_outputs, dtype=torch.float64):
    return nn.Linear(6, n_outputs, dtype=dtype)


def batches(x, y, size=90):
    return lambda: [([x[k : k + size]], y[k : k + size]) for k in range(0, len(y), size)]


@pytest.mark.parametrize("l2", [1.0, 1e-3])
def test_a_classifier_is_that_of_scikit_learn(data, l2):
    x, y = data
    probe = linear(3)
    [gradient] = fit_linear(batches(x, y), [probe], ["a"], l2)
    assert gradient <= TOLERANCE
    scaler = StandardScaler().fit(x.double().numpy())
    oracle = LogisticRegression(C=1 / (90 * l2), tol=1e-10, max_iter=10_000).fit(scaler.transform(x.double()), y)
    expected = torch.from_numpy(oracle.decision_function(scaler.transform(x.double())))
    logits = probe(x.double())
    torch.testing.assert_close(
        logits - logits.mean(dim=1, keepdim=True), expected - expected.mean(dim=1, keepdim=True), atol=1e-3, rtol=1e-3
    )


@pytest.mark.parametrize("l2", [1.0, 1e-3])
def test_a_regression_is_that_of_scikit_learn(data, l2):
    x = data[0].double()
    y = torch.stack([x[:, 0] * 50 + 7, x[:, 1] * 1e-3 + x[:, 2].sin()], dim=1)
    probe = linear(2)
    fit_linear(batches(x, y), [probe], ["a"], l2)
    scaled = StandardScaler().fit_transform(x)
    expected = torch.from_numpy(Ridge(alpha=90 * l2).fit(scaled, y).predict(scaled))
    torch.testing.assert_close(probe(x), expected, atol=1e-4, rtol=1e-4)


def test_the_gradient_is_that_of_the_stated_objective(data):
    x, y = data
    probe, l2 = linear(3), 0.01
    fit_linear(batches(x, y), [probe], ["a"], l2)
    z, scale = (
        (x.double() - x.double().mean(dim=0)) / x.double().std(dim=0, correction=0),
        x.double().std(0, correction=0),
    )
    weight = (probe.weight.detach() * scale).requires_grad_()
    bias = (probe.bias + probe.weight @ x.double().mean(dim=0)).detach().requires_grad_()
    objective = nn.functional.cross_entropy(z @ weight.T + bias, y) + l2 / 2 * weight.square().sum()
    objective.backward()
    assert max(weight.grad.abs().max(), bias.grad.abs().max()) <= 2 * TOLERANCE
    assert weight.detach().abs().max() > 0.1


def test_several_probes_share_passes_and_batches_change_nothing(data):
    x, y = data
    alone, one, other = linear(3), linear(3), linear(3)
    fit_linear(batches(x, y), [alone], ["a"], 0.01)
    passes = []

    def both():
        passes.append(1)
        return [([x[k : k + 25], x[k : k + 25].flip(1)], y[k : k + 25]) for k in range(0, 90, 25)]

    gradients = fit_linear(both, [one, other], ["a", "b"], 0.01)
    assert max(gradients) <= TOLERANCE
    assert len(passes) > 5
    torch.testing.assert_close(one(x.double()), alone(x.double()), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(other(x.flip(1).double()), alone(x.double()), atol=1e-3, rtol=1e-3)


def test_a_warm_start_ends_the_same_in_fewer_passes(data):
    x, y = data

    def fit(probe, warm):
        counted = []
        fit_linear(lambda: counted.append(1) or [([x], y)], [probe], ["a"], 0.01, warm=warm)
        return len(counted)

    probe, again = linear(3), linear(3)
    cold = fit(probe, False)
    again.load_state_dict(probe.state_dict())
    assert fit(again, True) <= 4 < cold
    torch.testing.assert_close(again(x.double()), probe(x.double()), atol=1e-4, rtol=1e-4)


def test_what_hardly_moves_is_not_blown_up(data):
    x, y = data
    x = x.clone()
    x[:, 0], x[:, 1] = 5.0, 3.0 + 1e-6 * y  # a constant, and one that gives the class away by next to nothing
    probe = linear(3)
    fit_linear(batches(x, y), [probe], ["a"], 1e-3)
    assert probe.weight[:, 0].abs().max() < 1e-6
    spread = x.double().std(dim=0, correction=0).square().mean().sqrt()
    assert probe.weight[:, 1].abs().max() * LEAST_DEVIATION * spread < 1
    assert probe.bias.isfinite().all()


def test_classes_that_are_separable_have_an_optimum_by_the_penalty():
    x, y = torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1])
    probe = nn.Linear(1, 2)
    [gradient] = fit_linear(lambda: [([x], y)], [probe], ["a"], l2=1e-3)
    assert gradient <= TOLERANCE
    assert probe(x).diff(dim=1).abs().max() < 20


def test_a_feature_that_is_not_finite_names_its_layer(data):
    x, y = data
    x[3, 2] = torch.nan
    with pytest.raises(FloatingPointError, match="the feature of block7 is not finite"):
        fit_linear(batches(x, y), [linear(3)], ["block7"], 1e-3)
