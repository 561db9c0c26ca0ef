import os
import warnings

import numpy as np
import pytest
import torch
from torch import nn
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


def test_a_single_logit_is_that_of_class_1():
    logit = torch.randn(50, 1, dtype=torch.float64)
    p = torch.sigmoid(logit[:, 0])
    torch.testing.assert_close(log_odds(logit, torch.tensor(1)), (p / (1 - p)).log())
    torch.testing.assert_close(log_odds(logit, torch.tensor(0)), ((1 - p) / p).log())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_before_differences_are_taken(dtype):
    logits = (torch.randn(200, 10) * 5).to(dtype)
    labels = torch.randint(10, (200,))
    found = log_odds(logits, labels)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), log_odds(logits.double(), labels), rtol=1e-6, atol=1e-6)


def test_complex_outputs_are_refused(game):
    with pytest.raises(TypeError, match="complex64"):
        log_odds(torch.ones(2, 3) * 1j, torch.tensor(0))
    with pytest.raises(TypeError, match="complex64"):
        coalition_values(TwoLayers(), *game, of=lambda logits, labels: logits[..., 0] * 1j)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_probabilities_in_half_precision_are_widened_before_their_logarithm(game, dtype):
    score = TwoLayers()

    def halved(x):
        return (0.1 * score(x)).softmax(-1).to(dtype)  # so that none is rounded to 0

    with pytest.warns(UserWarning, match="their logarithm is taken"):
        values = coalition_values(halved, *game)
    exact = coalition_values(lambda x: halved(x).double().log(), *game)
    torch.testing.assert_close(values, exact, rtol=1e-5, atol=1e-5)


def test_half_precision_does_not_overflow():
    assert log_odds(torch.tensor([0.0, 6e4, -6e4]).half(), torch.tensor(2)) == -120_000


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


# ---- arguments in all their forms ----


@pytest.fixture
def rgb():
    """Two RGB images of 3 x 3 pixels, a row of pixels for each of three players: the three axes could be mixed up."""
    players = torch.arange(3).repeat_interleave(3).reshape(3, 3).expand(2, 3, 3)
    return torch.randn(2, 3, 3, 3), players, torch.tensor([0.1, 0.5, 0.9])


def masks(inputs, baseline, players):
    """All masked versions of both samples, one after the other."""
    sample = torch.arange(2).repeat_interleave(8)
    rows = players if len(players) != 2 else torch.as_tensor(players)[sample]
    return mask_inputs(inputs[sample], baseline, rows, torch.arange(8).repeat(2))


def test_channel_means_lie_along_the_channels_and_never_along_x(rgb):
    inputs, players, means = rgb
    masked = masks(inputs, means, players)
    assert torch.equal(masked[0], means[:, None, None].expand(3, 3, 3))
    for form in (means.tolist(), means.numpy(), means.double(), means[:, None, None], means.reshape(1, 3, 1, 1)):
        assert torch.equal(masks(inputs, form, players), masked)


@pytest.mark.parametrize("form", [0, 0.0, False, torch.tensor(0), torch.zeros(3), torch.zeros(1, 3, 3, 3), [0, 0, 0]])
def test_a_baseline_of_zeros_in_any_form(rgb, form):
    inputs, players, _ = rgb
    masked = masks(inputs, form, players)
    assert masked.dtype == torch.float32
    assert torch.equal(masked, masks(inputs, torch.zeros(3, 3, 3), players))


def test_every_sample_may_have_its_own_baseline(rgb):
    inputs, players, _ = rgb
    own = torch.randn(2, 3, 3, 3)
    values = coalition_values(lambda x: x.flatten(1)[None], inputs, [0, 5], players, own, 3)
    for s in range(2):
        alone = coalition_values(lambda x: x.flatten(1)[None], inputs[s, None], [[0, 5][s]], players[:1], own[s], 3)
        assert torch.equal(values[:, s], alone[:, 0])


def test_players_in_any_form(rgb):
    inputs, players, means = rgb
    expected = masks(inputs, means, players)
    one = players[:1]
    for form in (one, one[0], one.numpy(), one.tolist(), one.float(), one.to(torch.int8), one[None].expand(1, 3, 3, 3)):
        assert torch.equal(masks(inputs, means, form), expected)


def test_the_callers_arguments_are_left_as_they_are(rgb):
    inputs, players, means = rgb
    arguments = [inputs.numpy(), np.array([0, 2]), players.numpy().copy(), means.numpy()]
    for argument in arguments:
        argument.setflags(write=False)
    before = [argument.copy() for argument in arguments]
    coalition_values(lambda x: x.sub_(0.5).div_(0.25).mean((2, 3))[None], *arguments, 3)
    assert all(map(np.array_equal, arguments, before))


def test_a_network_that_writes_to_its_input_has_the_right_values(rgb):
    inputs, players, means = rgb
    found = coalition_values(lambda x: x.sub_(0.5).mean((2, 3))[None], inputs, [0, 2], players, means, 3)
    assert torch.equal(
        found, coalition_values(lambda x: (x - 0.5).mean((2, 3))[None], inputs, [0, 2], players, means, 3)
    )


@pytest.mark.parametrize("form", [[0, 2], (0, 2), np.array([0, 2], np.uint8), torch.tensor([0.0, 2.0]), [[0], [2]]])
def test_labels_in_any_form(rgb, form):
    inputs, players, means = rgb
    found = coalition_values(lambda x: x.mean((2, 3))[None], inputs, form, players, means, 3)
    expected = coalition_values(lambda x: x.mean((2, 3))[None], inputs, torch.tensor([0, 2]), players, means, 3)
    assert torch.equal(found, expected)


def test_one_label_for_all_samples(rgb):
    inputs, players, means = rgb
    found = coalition_values(lambda x: x.mean((2, 3))[None], inputs, 2, players, means, 3)
    assert torch.equal(found, coalition_values(lambda x: x.mean((2, 3))[None], inputs, [2, 2], players, means, 3))


def test_integers_keep_their_type_and_take_a_whole_baseline():
    masked = mask_inputs(np.array([[200, 7]], np.uint8), 255.0, [0, -1], [0, 1])
    assert (masked.dtype, masked.tolist()) == (torch.uint8, [[255, 7], [200, 7]])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"labels": [0]}, ValueError, r"labels have shape \(1,\), but there are 2 samples"),
        ({"labels": [[1, 0, 0], [0, 0, 1]]}, ValueError, r"of a one-hot code, give labels.argmax\(1\)"),
        ({"labels": [0, 3]}, ValueError, "label of sample 1 is 3, but score returns 3 classes, numbered 0 to 2"),
        ({"labels": [0, -1]}, ValueError, "label of sample 1 is negative"),
        ({"labels": [0, 0.5]}, ValueError, "labels must be whole numbers, but 0.5"),
        ({"labels": ["cat", "dog"]}, TypeError, "labels: a tensor, an array.* was expected, not 'list'"),
        ({"players": torch.arange(3).expand(5, 3)}, ValueError, r"players have shape \(5, 3\), .*give \(2, 3, 3\)"),
        ({"players": [[1, 1, 1], [2, 2, 2], [3, 3, 3]]}, ValueError, "1 to 3, .* number players from 0 without gaps"),
        ({"players": [[0, 0, 0], [0, 0, 0], [2, 2, 2]]}, ValueError, "no input variable of player 1; lower n_players"),
        ({"players": torch.full((3, 3), 0.5)}, ValueError, "players must be whole numbers, but 0.5"),
        (
            {"baseline": None},
            TypeError,
            "baseline: .* not None; give 0, the data's mean or a mask token's id",
        ),
        ({"baseline": "mean.npy"}, TypeError, "not 'mean.npy'; read the file first"),
        ({"baseline": [0.0, 0.0]}, ValueError, r"baseline has shape \(2,\), .* give a number, 3 numbers"),
        ({"baseline": torch.zeros(5, 3, 3, 3)}, ValueError, r"baseline has shape \(5, 3, 3, 3\)"),
        ({"inputs": torch.zeros(3)}, ValueError, r"shape \(3,\): no axis of variables .* inputs\[None\]"),
        ({"inputs": torch.zeros(0, 3, 3, 3)}, ValueError, r"shape \(0, 3, 3, 3\): there is no sample"),
        ({"inputs": torch.zeros(2, 1, 3, 3)}, ValueError, r"baseline has shape \(3, 1, 1\)"),
        ({"inputs": [[1.0], [1.0, 2.0]]}, TypeError, "inputs: .* a list of equal rows"),
        ({"inputs": torch.zeros(2, 3, 3, 3).byte(), "baseline": -1}, ValueError, "uint8.* not in their range"),
        ({"inputs": torch.zeros(2, 3, 3, 3).long(), "baseline": 0.5}, ValueError, "whole numbers .* baseline is not"),
        ({"inputs": torch.zeros(2, 3, 3, 3).half(), "baseline": 1e6}, ValueError, "too large for inputs of type"),
        ({"n_players": 0}, ValueError, "n_players=0: a game has one player or more"),
        ({"batch_size": 0}, ValueError, "batch_size=0: a whole number of 1 or more"),
        ({"batch_size": -1}, ValueError, "batch_size=-1"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_before_anything_is_scored(rgb, change, error, message):
    inputs, players, means = rgb
    arguments = {
        "inputs": inputs,
        "labels": [0, 2],
        "players": players,
        "baseline": means[:, None, None],
        "n_players": 3,
    }
    scored = []

    def score(x):
        scored.append(len(x))
        return x.float().mean((2, 3))[None]

    with pytest.raises(error, match=message):
        coalition_values(score, **arguments | change)
    assert len(scored) <= ("but score returns" in message)  # how many classes there are is known from the first batch


def test_vectors_at_positions_must_say_which_axis_is_meant():
    inputs = torch.randn(5, 4, 4)
    with pytest.raises(ValueError, match=r"either axis .* give \(5, 4, 1\) or \(5, 1, 4\)"):
        mask_inputs(inputs, 0, torch.arange(4).expand(5, 4), torch.zeros(5))
    with pytest.raises(ValueError, match=r"baseline has shape \(4,\)"):
        mask_inputs(inputs, torch.randn(4), torch.arange(4)[:, None], torch.zeros(5))
    masked = mask_inputs(inputs, 0, torch.arange(4)[:, None], [1, 2, 4, 8, 15])
    assert torch.equal(masked[2], inputs[2] * torch.tensor([0.0, 0.0, 1.0, 0.0])[:, None])


def test_coalitions_must_be_as_many_as_inputs():
    with pytest.raises(ValueError, match=r"inputs of shape \(2, 3\) and coalitions of shape \(4,\)"):
        mask_inputs(torch.zeros(2, 3), 0, [0, 1, 2], range(4))


# ---- a tokenizer's output ----


def test_of_a_tokenizers_output_the_ids_are_masked_and_the_rest_stays():
    encoding = {
        "attention_mask": torch.tensor([[1, 1, 1], [1, 1, 0]]),
        "input_ids": torch.tensor([[5, 6, 7], [8, 9, 0]]),
    }
    players = torch.tensor([[0, 1, 1], [1, 0, -1]])
    seen = []

    def score(inputs):
        seen.append({name: tensor.tolist() for name, tensor in inputs.items()})
        return torch.randn(1, len(inputs["input_ids"]), 2)

    coalition_values(score, encoding, [0, 1], players, 103, 2)
    assert len(seen) == 1
    ids = [[103, 103, 103], [5, 103, 103], [103, 6, 7], [5, 6, 7], [103, 103, 0], [103, 9, 0], [8, 103, 0], [8, 9, 0]]
    assert seen[0]["input_ids"] == ids
    assert seen[0]["attention_mask"] == [[1, 1, 1]] * 4 + [[1, 1, 0]] * 4


def test_dicts_that_are_no_tokenizers_output_are_refused():
    with pytest.raises(ValueError, match="has the keys image; one of input_ids, inputs_embeds, pixel_values must be"):
        coalition_values(len, {"image": torch.zeros(1, 2)}, 0, [0, 1], 0, 2)
    with pytest.raises(ValueError, match=r"inputs\['attention_mask'\] has 2 rows, but inputs\['input_ids'\] has 1"):
        coalition_values(len, {"input_ids": [[1, 2]], "attention_mask": [[1, 1], [1, 1]]}, 0, [0, 1], 0, 2)


# ---- what a score is and returns ----


def test_probabilities_are_noticed_and_count_as_their_logarithm(game):
    score = TwoLayers()
    expected = coalition_values(score, *game)
    with pytest.warns(UserWarning, match="layer 1 .* sum to 1.* their logarithm is taken"):
        values = coalition_values(lambda x: torch.stack([score(x)[0] / 9, score(x)[1].softmax(-1)]), *game)
    torch.testing.assert_close(values[1], expected[1], atol=1e-3, rtol=1e-4)
    log_softmax = coalition_values(lambda x: score(x).log_softmax(-1), *game)  # no warning
    torch.testing.assert_close(log_softmax, expected, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda x: (x.flatten(1)[None], None), r"a tuple with 0: \(1, 32, 108\), 1: NoneType, not a tensor"),
        (lambda x: {"logits": x}, r"a dict with 'logits': \(32, 3, 6, 6\)"),
        (lambda x: [x], "a list with 0"),
        (lambda x: None, "a NoneType, not a tensor"),
    ],
)
def test_a_score_must_return_a_tensor(game, returned, message):
    with pytest.raises(TypeError, match=message):
        coalition_values(returned, *game)


def test_logits_at_every_position_are_refused(game):
    with pytest.raises(ValueError, match=r"shape \(1, 32, 5, 7\) for 32 inputs.*positions? lambda x: network\(x\)"):
        coalition_values(lambda x: torch.zeros(1, len(x), 5, 7), *game)


def test_a_network_in_training_mode_is_noticed(game):
    network = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(108, 4))
    with pytest.warns(UserWarning, match="Sequential is in training mode: its Dropout make the values"):
        coalition_values(lambda x: network(x)[None], *game)
    network.eval()
    coalition_values(lambda x: network(x)[None], *game)  # no warning
    harmless = nn.Sequential(nn.Flatten(), nn.Linear(108, 4)).train()
    coalition_values(lambda x: harmless(x)[None], *game)


def test_something_else_than_the_log_odds_may_be_explained(game):
    inputs, labels, players, baseline, _ = game
    products = coalition_values(TwoLayers(), *game, of=lambda logits, labels: logits.prod(-1) * labels)
    for coalition in (0, 5, 15):
        x = mask_slowly(inputs[1], baseline, players[1], coalition)
        torch.testing.assert_close(products[:, 1, coalition], TwoLayers()(x[None])[:, 0].prod(-1) * labels[1])


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
        with pytest.raises(MemoryError, match=r"shape \(3, 6, 6\) does not fit in the memory of cpu.*can't allocate"):
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
