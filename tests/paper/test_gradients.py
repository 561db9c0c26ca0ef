"""Integrated Gradients where they are known, of token embeddings, and of what has no gradient."""

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from lkutils.masking import log_odds
from lkutils.paper.gradients import check_gradient, integrated_gradients
from lkutils.paper.grammar import grammar_tokenizer
from lkutils.paper.sentences import token_ids
from lkutils.paper.transformers import TextClassifier

ONE = torch.tensor(1)


class Product(nn.Module):
    """Logits 0 and x0 x1: along a line from 0, each factor has half of the product."""

    def forward(self, x):
        product = x[:, :1] * x[:, 1:2]
        return torch.cat([torch.zeros_like(product), product], dim=1)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    tokenizer = grammar_tokenizer()
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=1)
    return TextClassifier(BertForSequenceClassification(config), tokenizer)


def test_of_a_product_each_factor_has_half_and_what_does_not_move_has_nothing():
    found, ends = integrated_gradients(Product(), torch.tensor([[2.0, 3.0, 7.0]]), torch.tensor([[0.0, 0.0, 7.0]]), ONE)
    torch.testing.assert_close(found, torch.tensor([[3.0, 3.0, 0.0]]).double(), atol=1e-5, rtol=0)
    assert ends.tolist() == [0.0, 6.0]


def test_of_tokens_their_embeddings_move_and_padding_has_nothing(encoder):
    ids = token_ids([["the", "plot", "is", "not", "good"]], grammar_tokenizer())
    start = ids.clone()
    start[0, [4, 5]] = encoder.mask
    before = [weight.clone() for weight in encoder.parameters()]
    encoder.train()
    with torch.no_grad():
        found, ends = integrated_gradients(encoder.eval(), ids, start, ONE, steps=64)
    assert found.shape == ids.shape
    assert (found[0, [4, 5]] != 0).all()
    moved = torch.zeros_like(ids, dtype=torch.bool)
    moved[0, [4, 5]] = True
    assert (found[~moved] == 0).all()
    assert found.sum().item() == pytest.approx((ends[1] - ends[0]).item(), abs=1e-4)
    torch.testing.assert_close(ends[1], log_odds(encoder(ids), ONE)[0].double(), atol=1e-5, rtol=0)
    assert all(torch.equal(weight, old) for weight, old in zip(encoder.parameters(), before, strict=True))
    assert all(weight.grad is None for weight in encoder.parameters())


def test_inputs_and_mode_stay_as_they_are(encoder):
    ids = token_ids([["good"]], grammar_tokenizer())
    encoder.train()
    before = ids.clone()
    check_gradient(encoder, ids)
    assert encoder.training
    assert torch.equal(ids, before)
    x = torch.ones(1, 2)
    integrated_gradients(Product(), x, torch.zeros(1, 2), ONE)
    assert not x.requires_grad


class Detached(nn.Linear):
    def forward(self, x):
        return super().forward(x.detach())


class Constant(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    def forward(self, x):
        return self.weight.expand(len(x), 2)


@pytest.mark.parametrize("network", [Detached(2, 2), Constant()], ids=lambda network: type(network).__name__)
def test_without_a_gradient_it_says_why_and_what_works(network):
    with pytest.raises(ValueError, match=rf"{type(network).__name__} has none.*need outputs only"):
        integrated_gradients(network, torch.ones(1, 2), torch.zeros(1, 2), ONE)


def test_whole_numbers_have_no_line_between_them():
    with pytest.raises(ValueError, match=r"whole numbers \(torch\.int64\)"):
        check_gradient(nn.Linear(2, 2), torch.ones(1, 2, dtype=torch.int64))
