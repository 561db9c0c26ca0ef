import dataclasses

import pytest
import torch
from torch import nn

from lkutils.paper import training
from lkutils.paper.training import Schedule

DEVICE = torch.device("cpu")
SCHEDULE = Schedule(epochs=4, learning_rate=0.1, batch_size=16)


@pytest.fixture
def task():
    """Two well separated clouds of images."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(120) % 2
    return torch.randn(120, 1, 8, 8, generator=generator) + labels[:, None, None, None], labels


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))


def test_a_network_learns(task, tmp_path):
    learner = network()
    training.fit(learner, *task, SCHEDULE, tmp_path / "c.pt", DEVICE)
    assert (training.predict(learner, task[0], DEVICE) == task[1]).float().mean() > 0.95


class Killed(BaseException):
    """Stands for the machine going down."""


@pytest.mark.parametrize("augment", ["none", "shift", "shift-flip"])
def test_an_interrupted_training_ends_with_the_same_weights(task, tmp_path, monkeypatch, augment):
    schedule = dataclasses.replace(SCHEDULE, augment=augment)
    straight = network()
    training.fit(straight, *task, schedule, tmp_path / "straight.pt", DEVICE)

    calls = 0
    real = training.one_cycle

    def dies_in_the_third_epoch(*arguments):
        nonlocal calls
        calls += 1
        if calls == 2 * 8 + 3:
            raise Killed
        return real(*arguments)

    monkeypatch.setattr(training, "one_cycle", dies_in_the_third_epoch)
    with pytest.raises(Killed):
        training.fit(network(), *task, schedule, tmp_path / "resumed.pt", DEVICE)
    assert torch.load(tmp_path / "resumed.pt", weights_only=True)["epoch"] == 2
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []

    resumed = network()
    training.fit(resumed, *task, schedule, tmp_path / "resumed.pt", DEVICE)
    for name, weights in straight.state_dict().items():
        assert torch.equal(weights, resumed.state_dict()[name]), name


def test_a_checkpoint_of_other_settings_is_refused(task, tmp_path):
    training.fit(network(), *task, SCHEDULE, tmp_path / "c.pt", DEVICE)
    other = dataclasses.replace(SCHEDULE, learning_rate=0.2)
    with pytest.raises(ValueError, match=r"made with other settings.*learning_rate=0\.1.*now.*0\.2.*Delete it"):
        training.fit(network(), *task, other, tmp_path / "c.pt", DEVICE)


def test_a_loss_that_diverges_is_said(task, tmp_path):
    with pytest.raises(FloatingPointError, match="lower learning_rate"):
        training.fit(network(), *task, dataclasses.replace(SCHEDULE, learning_rate=1e30), tmp_path / "c.pt", DEVICE)
    assert not (tmp_path / "c.pt").exists()


def test_shifts_keep_the_picture_and_mirror_it():
    picture = torch.zeros(64, 1, 16, 16)
    picture[:, :, 8, 5] = 1.0
    moved = training.shifted(picture, torch.Generator().manual_seed(0))
    assert moved.sum(dim=(1, 2, 3)).eq(1).all()
    columns = moved.amax(dim=(1, 2)).argmax(dim=1)
    assert columns.unique().tolist() == [3, 4, 5, 6, 7]
    mirrored = training.shifted_and_flipped(picture, torch.Generator().manual_seed(0)).amax(dim=(1, 2)).argmax(dim=1)
    assert {3, 4, 5, 6, 7, 8, 9, 10, 11, 12} >= set(mirrored.tolist()) > {5, 10}


def test_the_learning_rate_rises_and_falls_to_zero():
    rates = [training.one_cycle(share, 1.0) for share in (0.0, 0.2, 0.6, 1.0)]
    assert rates == pytest.approx([0.05, 1.0, 0.5, 0.0])
