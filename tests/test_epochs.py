import pytest
import torch
from torch import nn

from lkutils.epochs import batches_of, fingerprint, identity, run_epochs

X = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))


def train(checkpoint, learn_more=lambda losses: losses, **changed):
    """A linear layer that learns X under dropout and noise."""
    torch.manual_seed(5)
    module = nn.Sequential(nn.Dropout(0.2), nn.Linear(3, 3))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)

    def learn(batch, done, generator):
        noise = torch.randn(len(batch), 3, generator=generator)
        loss = (module(X[batch] + 0.1 * noise) - X[batch]).square().mean() * (1 - done)
        loss.backward()
        return learn_more(loss.detach()[None])

    settings = {"n_samples": 40, "epochs": 4, "batch_size": 16, "seed": 3, "key": {"learning_rate": 0.1}} | changed
    return run_epochs(learn, module, optimizer, checkpoint=checkpoint, **settings), module


class Killed(BaseException):
    """Stands for the machine going down."""


@pytest.mark.parametrize("step", [1, 3, 4, 10])
def test_an_interrupted_training_ends_the_same(tmp_path, step):
    calls = []

    def dies(losses):
        calls.append(1)
        if len(calls) == step:
            raise Killed
        return losses

    with pytest.raises(Killed):
        train(tmp_path / "c.pt", dies)
    seconds, resumed = train(tmp_path / "c.pt")
    assert fingerprint(resumed) == fingerprint(train(None)[1])
    assert seconds > 0
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]


def test_what_is_finished_is_not_done_again(tmp_path):
    seconds, module = train(tmp_path / "c.pt")
    again, same = train(tmp_path / "c.pt", lambda losses: pytest.fail("trained again"))
    assert again == seconds
    assert fingerprint(same) == fingerprint(module)


def test_the_callers_random_state_stays_as_it_is():
    torch.manual_seed(1)
    module = nn.Linear(3, 3)
    state = torch.get_rng_state()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)

    def learn(batch, done, generator):
        return torch.rand(1)

    run_epochs(learn, module, optimizer, n_samples=4, epochs=1, batch_size=2, seed=0, checkpoint=None, key={})
    assert torch.equal(torch.get_rng_state(), state)


def test_every_sample_is_drawn_once_an_epoch_in_the_seeds_order():
    drawn, shares = [], []
    module = nn.Linear(1, 1)

    def learn(batch, done, generator):
        drawn.append(batch.tolist())
        shares.append(done)
        return torch.zeros(1)

    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    run_epochs(learn, module, optimizer, n_samples=5, epochs=2, batch_size=2, seed=7, checkpoint=None, key={})
    orders = [torch.randperm(5, generator=torch.Generator().manual_seed(seed)) for seed in (7, 8)]
    assert drawn == [part.tolist() for order in orders for part in order.split(2)]
    assert shares == pytest.approx([k / 6 for k in range(6)])


def test_another_key_is_refused_and_what_differs_is_named(tmp_path):
    train(tmp_path / "c.pt", key={"learning_rate": 0.1, "labels": "abc", "seed": 3})
    with pytest.raises(ValueError, match=r"c.pt was made with other settings \(labels=abc, now def\). Delete it to"):
        train(tmp_path / "c.pt", key={"learning_rate": 0.1, "labels": "def", "seed": 3})
    with pytest.raises(ValueError, match=r"other settings \(labels=abc, now None\)"):
        train(tmp_path / "c.pt", key={"learning_rate": 0.1, "seed": 3})


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_damaged_checkpoint_is_refused(tmp_path, share):
    path = tmp_path / "c.pt"
    train(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ValueError, match=r"c.pt is damaged, or of an earlier version. Delete it"):
        train(path)


def test_a_checkpoint_without_a_key_is_refused(tmp_path):
    torch.save({"settings": "epochs=4", "module": {}}, tmp_path / "c.pt")
    with pytest.raises(ValueError, match=r"of an earlier version. Delete it"):
        train(tmp_path / "c.pt")


def test_a_loss_that_is_not_finite_is_named(tmp_path):
    two = {"losses_of": ("early", "late"), "epochs": 1}
    with pytest.raises(FloatingPointError, match=r"loss of late is not finite after epoch 1; lower learning_rate=0\.1"):
        train(tmp_path / "c.pt", lambda losses: torch.tensor([1.0, torch.nan]), **two)
    assert not (tmp_path / "c.pt").exists()


@pytest.mark.parametrize("changed", [{"epochs": 0}, {"batch_size": 0}])
def test_no_epochs_or_samples_are_refused(changed):
    with pytest.raises(ValueError, match="expected at least 1 of each"):
        train(None, **changed)


def test_samples_of_similar_length_share_a_batch():
    order, lengths = torch.randperm(12, generator=torch.Generator().manual_seed(0)), torch.arange(12) % 3
    drawn = batches_of(order, 4, lengths)
    assert sorted(torch.cat(drawn).tolist()) == list(range(12))
    assert [lengths[batch].unique().tolist() for batch in drawn] == [[0], [1], [2]]


def test_an_identity_knows_weights_and_modules():
    layer = nn.Linear(2, 2)
    relu, gelu = nn.Sequential(layer, nn.ReLU()), nn.Sequential(layer, nn.GELU())
    assert fingerprint(relu) == fingerprint(gelu)
    assert identity(relu) != identity(gelu)
    before = identity(relu)
    with torch.no_grad():
        layer.bias += 1
    assert identity(relu) != before
