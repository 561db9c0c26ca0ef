import os
import warnings

import pytest
import torch
from torch.nn import functional as F

from lkutils import masking
from lkutils.masking import coalition_values, log_odds, mask_inputs
from lkutils.progress import progress

# ---- log-odds ----


def test_log_odds_are_the_logarithm_of_the_odds():
    logits = torch.randn(3, 5, 7, dtype=torch.float64)
    labels = torch.randint(7, (5,))
    p = F.softmax(logits, dim=-1)[:, torch.arange(5), labels]
    torch.testing.assert_close(log_odds(logits, labels), (p / (1 - p)).log())


@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
def test_log_odds_of_float32_logits_are_exact_at_any_scale(scale):
    logits = torch.randn(1000, 10) * scale
    labels = torch.randint(10, (1000,))
    exact = log_odds(logits.double(), labels)
    assert exact.abs().max() > scale
    torch.testing.assert_close(log_odds(logits, labels).double(), exact, rtol=3e-7, atol=1e-6)


@pytest.mark.parametrize(
    ("logits", "label", "expected"),
    [
        ([40.0, 0.0, 0.0], 0, 40 - torch.tensor(2.0).log().item()),  # p rounds to 1 in float32
        ([-500.0, 0.0, -1e4], 0, -500.0),  # p rounds to 0
        ([10_000.0, 9_990.0, -10_000.0], 0, 10.0),  # exp overflows
        ([10_000.0, 9_990.0, -10_000.0], 2, -20_000.0),
        ([0.0, 0.0], 1, 0.0),
    ],
)
def test_log_odds_where_the_softmax_would_lose_them(logits, label, expected):
    assert log_odds(torch.tensor(logits), torch.tensor(label)).item() == pytest.approx(expected, abs=1e-4)


def test_log_odds_of_two_classes_are_the_difference_of_the_logits():
    logits = torch.randn(50, 2)
    assert torch.equal(log_odds(logits, torch.ones(50, dtype=torch.int64)), logits[:, 1] - logits[:, 0])


# ---- masked inputs ----


def mask_slowly(x, baseline, players, coalition):
    """One masked input, variable by variable."""
    masked = x.clone()
    for position in torch.ones_like(x).nonzero().tolist():
        player = players[tuple(position[x.ndim - players.ndim :])].item()
        if player != -1 and not coalition & (1 << player):
            masked[tuple(position)] = baseline[tuple(position)]
    return masked


def images():
    return torch.randn(4, 3, 6, 6), torch.randn(3, 6, 6), torch.randint(-1, 5, (4, 6, 6))


def tables():
    return torch.randn(4, 9), torch.randn(9), torch.randint(-1, 5, (4, 9))


def tokens():
    return torch.randint(1000, (4, 12)), torch.full((12,), 103), torch.randint(-1, 5, (4, 12))


@pytest.mark.parametrize("kind", [images, tables, tokens])
def test_masked_inputs_equal_a_slow_loop(kind):
    torch.manual_seed(0)
    inputs, baseline, players = kind()
    sample, coalitions = torch.randint(4, (40,)), torch.randint(2**5, (40,))
    masked = mask_inputs(inputs[sample], baseline, players[sample], coalitions)
    expected = [
        mask_slowly(inputs[s], baseline, players[s], c)
        for s, c in zip(sample.tolist(), coalitions.tolist(), strict=True)
    ]
    assert masked.dtype == inputs.dtype
    assert torch.equal(masked, torch.stack(expected))


@pytest.mark.parametrize("kind", [images, tables, tokens])
def test_one_input_is_masked_by_many_coalitions(kind):
    inputs, baseline, players = kind()
    masked = mask_inputs(inputs[:1], baseline, players[:1], torch.arange(2**5))
    assert torch.equal(masked[11], mask_slowly(inputs[0], baseline, players[0], 11))
    assert torch.equal(masked[-1], inputs[0])
    assert torch.equal(masked[0], torch.where(players[0] == -1, inputs[0], baseline))


def test_a_mask_token_stands_in_at_every_position():
    masked = mask_inputs(torch.tensor([[5, 6, 7]]), torch.tensor(103), torch.tensor([[0, -1, 1]]), torch.arange(4))
    assert masked.tolist() == [[103, 6, 103], [5, 6, 103], [103, 6, 7], [5, 6, 7]]


def test_many_players_do_not_overflow():
    players = torch.arange(60)[None]
    masked = mask_inputs(torch.ones(1, 60), torch.tensor(0.0), players, torch.tensor([2**60 - 1, 1 << 59]))
    assert masked.sum(dim=1).tolist() == [60, 1]
    assert masked[1, 59] == 1


# ---- values of all coalitions ----


class TwoLayers:
    """A score of two layers that counts what it scores."""

    def __init__(self, most=10**9, error=None):
        torch.manual_seed(3)
        self.weights = torch.randn(2, 3 * 6 * 6, 4)
        self.most, self.error, self.sizes = most, error, []

    def __call__(self, inputs):
        if len(inputs) > self.most:
            raise self.error
        self.sizes.append(len(inputs))
        return torch.einsum("bi,lic->lbc", inputs.flatten(1), self.weights)


@pytest.fixture
def game():
    """Three images with four players each: inputs, labels, players, baseline, n_players."""
    torch.manual_seed(2)
    players = torch.stack([torch.randperm(36).reshape(6, 6) % 5 - 1 for _ in range(3)])
    return torch.randn(3, 3, 6, 6), torch.tensor([0, 3, 1]), players, torch.randn(3, 6, 6), 4


def test_values_equal_a_slow_loop(game):
    inputs, labels, players, baseline, n = game
    score = TwoLayers()
    values = coalition_values(score, *game)
    assert values.shape == (2, 3, 2**n)
    for s in range(3):
        for coalition in range(2**n):
            logits = score(mask_slowly(inputs[s], baseline, players[s], coalition)[None])[:, 0]
            for layer in range(2):
                p = F.softmax(logits[layer].double(), dim=0)[labels[s]]
                assert values[layer, s, coalition].item() == pytest.approx((p / (1 - p)).log().item(), abs=1e-4)


@pytest.mark.parametrize("batch_size", [1, 5, 8, 16, 1000, None])
def test_every_masked_input_is_scored_once_in_batches_that_change_nothing(game, batch_size):
    score = TwoLayers()
    values = coalition_values(score, *game, batch_size=batch_size)
    assert sum(score.sizes) == 3 * 2**4
    assert max(score.sizes) <= (batch_size or 48)
    torch.testing.assert_close(values, coalition_values(TwoLayers(), *game))


def test_samples_computed_one_by_one_have_the_very_same_values(game):
    inputs, labels, players, baseline, n = game
    together = coalition_values(TwoLayers(), *game, batch_size=8)
    each = [
        coalition_values(TwoLayers(), inputs[s, None], labels[s, None], players[s, None], baseline, n, batch_size=8)
        for s in range(3)
    ]
    assert torch.equal(together, torch.cat(each, dim=1))


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_batches_have_the_memory_format_of_the_inputs(game, memory_format):
    inputs, labels, players, baseline, n = game
    formats = []

    def score(batch):
        formats.append(batch.is_contiguous(memory_format=memory_format))
        return batch.flatten(1)[None]

    coalition_values(score, inputs.contiguous(memory_format=memory_format), labels, players, baseline, n, 16)
    assert formats == [True] * 3


# ---- memory ----

CPU_ERROR = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 7 bytes")


@pytest.mark.parametrize("error", [CPU_ERROR, torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_a_batch_that_does_not_fit_is_halved_with_a_warning(game, error):
    score = TwoLayers(most=5, error=error)
    with pytest.warns(UserWarning, match="out of memory; going on with batches of") as warned:
        values = coalition_values(score, *game, batch_size=16)
    assert [str(w.message).split()[8] for w in warned] == ["8", "4"]
    assert score.sizes == [4] * 12
    torch.testing.assert_close(values, coalition_values(TwoLayers(), *game))


def test_a_single_input_that_does_not_fit_is_an_error(game):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(RuntimeError, match="can't allocate"):
            coalition_values(TwoLayers(most=0, error=CPU_ERROR), *game)


def test_other_errors_of_the_network_come_through(game):
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        coalition_values(TwoLayers(most=0, error=RuntimeError("mat1 and mat2 do not fit")), *game)


@pytest.mark.parametrize("n", [40, 80])
def test_too_many_players_are_refused_with_the_bytes_they_need(n):
    inputs, players = torch.zeros(1, n), torch.arange(n)[None]
    with pytest.raises(MemoryError, match=rf"1 layers .* need {4 * 2**n:,} bytes, but [\d,]+ are free; take fewer"):
        coalition_values(lambda x: x[None], inputs, torch.tensor([0]), players, torch.tensor(0.0), n)


def test_the_need_grows_with_the_layers(game, monkeypatch):
    monkeypatch.setattr(masking, "free_memory", lambda device: 300)
    with pytest.raises(MemoryError, match="the values of 2 layers on 48 masked inputs need 384 bytes, but 300 are"):
        coalition_values(TwoLayers(), *game, batch_size=4)


def test_large_inputs_make_small_batches(monkeypatch):
    monkeypatch.setattr(masking, "free_memory", lambda device: 10 * masking.WORKING_COPIES * 4 * 100)
    assert masking.sensible_batch_size(torch.zeros(3, 100)) == 10
    assert masking.sensible_batch_size(torch.zeros(3, 10_000)) == 1
    assert masking.sensible_batch_size(torch.zeros(3, 1)) == masking.LARGEST_BATCH["cpu"]


# ---- errors ----


def test_a_player_without_variables_is_named(game):
    inputs, labels, players, baseline, n = game
    players[1][players[1] == 2] = -1
    with pytest.raises(ValueError, match="sample 1 has no input variable of player 2"):
        coalition_values(TwoLayers(), inputs, labels, players, baseline, n)


@pytest.mark.parametrize("number", [4, -2])
def test_a_player_that_cannot_be_is_refused(game, number):
    inputs, labels, players, baseline, n = game
    players[2, 0, 0] = number
    with pytest.raises(ValueError, match=r"but n_players=4 allows 0 to 3"):
        coalition_values(TwoLayers(), inputs, labels, players, baseline, n)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_inputs_and_baseline_must_be_finite(game, value):
    inputs, labels, players, baseline, n = game
    broken = inputs.clone()
    broken[2, 0, 1, 3] = value
    with pytest.raises(ValueError, match="sample 2 is not finite, first at its variable 9"):
        coalition_values(TwoLayers(), broken, labels, players, baseline, n)
    baseline[0, 0, 5] = value
    with pytest.raises(ValueError, match="baseline is not finite, first at variable 5"):
        coalition_values(TwoLayers(), inputs, labels, players, baseline, n)


def test_values_that_are_not_finite_name_layer_and_sample(game):
    score = TwoLayers()
    score.weights[1, :, 3] = torch.nan
    with pytest.raises(FloatingPointError, match=r"layer 1 \(counted from 0\), sample 0, coalition 0 are not finite"):
        coalition_values(score, *game)


def test_logits_without_a_layer_axis_are_refused(game):
    with pytest.raises(ValueError, match=r"shape \(32, 108\) for 32 inputs, not \(layer, batch, class\)"):
        coalition_values(lambda x: x.flatten(1), *game)


def test_the_progress_bar_is_silent_in_ci(monkeypatch, capsys):
    monkeypatch.setitem(os.environ, "CI", "true")
    with progress(total=10) as bar:
        bar.update(5)
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same_values(game):
    inputs, labels, players, baseline, n = (x.cuda() if torch.is_tensor(x) else x for x in game)
    score = TwoLayers()
    expected = coalition_values(score, *game)
    score.weights = score.weights.cuda()
    values = coalition_values(score, inputs, labels, players, baseline, n)
    torch.testing.assert_close(values, expected, atol=1e-4, rtol=1e-4)
