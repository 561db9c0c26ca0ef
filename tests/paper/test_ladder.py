"""Probes at the optimum: as scikit-learn finds them, with the penalty that is best on what was held out."""

from dataclasses import replace

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn

from lkutils.paper import ladder
from lkutils.paper.datasets import Dataset
from lkutils.paper.recipes import Recipe
from lkutils.probes import probe

CPU = torch.device("cpu")


@pytest.fixture
def recipe():
    """A small network, and labels that its hidden features tell only roughly."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3)).eval()
    inputs = torch.randn(400, 5)
    labels = (inputs[:, :3] + 0.8 * torch.randn(400, 3)).argmax(dim=1)
    players = torch.arange(5).repeat(400, 1)
    dataset = Dataset(inputs, labels, inputs, labels, inputs, labels, players, torch.zeros(5), 3, 5, "")
    return Recipe(dataset, network, "drawn here", True, {"hidden": "1"})


def test_probes_are_scikit_learns(recipe, tmp_path):
    probed, seconds = ladder.probe_at_optimum(recipe, 0, CPU, tmp_path / "probes.pt")
    assert seconds > 0
    inputs, labels = recipe.dataset.train_inputs, recipe.dataset.train_labels
    [l2] = ladder.load(tmp_path / "probes.pt")["penalties"].values()
    with torch.no_grad():
        features = recipe.network[:2](inputs).double().numpy()
        ours = probed(inputs)[0].double().softmax(dim=-1).numpy()
    scaled = StandardScaler().fit_transform(features)
    theirs = LogisticRegression(C=1 / (len(labels) * l2), tol=1e-8, max_iter=2000).fit(scaled, labels.numpy())
    assert abs(ours - theirs.predict_proba(scaled)).max() < 1e-3


def test_the_penalty_is_the_best_on_what_was_held_out(recipe, tmp_path):
    ladder.probe_at_optimum(recipe, 0, CPU, tmp_path / "probes.pt")
    [chosen] = ladder.load(tmp_path / "probes.pt")["penalties"].values()
    inputs, labels = recipe.dataset.train_inputs, recipe.dataset.train_labels
    order = torch.randperm(400, generator=torch.Generator().manual_seed(0))
    held, rest = order[:80], order[80:]
    losses = {}
    for l2 in ladder.PENALTIES:
        fitted = probe(recipe.network, recipe.layers, inputs[rest], labels[rest], l2=l2)
        with torch.no_grad():
            losses[l2] = nn.functional.cross_entropy(fitted(inputs[held])[0], labels[held]).item()
    assert chosen == min(losses, key=losses.get)
    assert max(losses.values()) > 1.01 * min(losses.values())  # otherwise any would do


def test_probes_are_read_again_and_made_anew_for_other_labels(recipe, tmp_path):
    path = tmp_path / "probes.pt"
    first, seconds = ladder.probe_at_optimum(recipe, 0, CPU, path)
    again, same_seconds = ladder.probe_at_optimum(recipe, 0, CPU, path)
    assert same_seconds == seconds
    torch.testing.assert_close(first.probes.state_dict(), again.probes.state_dict(), rtol=0, atol=0)
    flipped = replace(recipe.dataset, train_labels=recipe.dataset.train_labels.flip(0))
    other, _ = ladder.probe_at_optimum(recipe._replace(dataset=flipped), 0, CPU, path)
    assert not torch.equal(first.probes[0].weight, other.probes[0].weight)


def test_convolutions_are_averaged_over_positions():
    feature = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(ladder.averaged(feature), feature.mean(dim=(2, 3)))
    torch.testing.assert_close(ladder.averaged(feature[:, :, 0, 0]), feature[:, :, 0, 0])
