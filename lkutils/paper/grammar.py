"""A small grammar of our own, whose sentences are known to hold one AND or one OR: the sentences of the smoke profile.

A sentence has nine words, of which six are players; two of these, players 3 and 4, make the verdict:

- "honestly , the plot is not good , today" (or "so" in place of "not"): neither word says anything without the other,
  an AND;
- "honestly , the plot is good or great today": two adjectives of the same kind, of which one is enough, an OR.

One training label in twenty is wrong. The network that predicts best therefore answers with log-odds of log(19) = 2.9
where it knows the verdict and of 0 where it does not, and that is the strength of the interaction of players 3 and 4.
"""

from __future__ import annotations

import hashlib
import random

import torch
from transformers import BertTokenizer, PreTrainedTokenizerBase

from lkutils.paper.datasets import Dataset
from lkutils.paper.sentences import LENGTH, players_of, token_ids

OPENERS = ("honestly", "frankly", "overall", "indeed")
NOUNS = ("plot", "cast", "film", "story")
VERBS = ("is", "was", "seems", "feels")
GOOD, BAD = ("good", "great", "fine", "fun"), ("bad", "awful", "dull", "poor")
CLOSERS = ("today", "again", "throughout", "here")
BACKGROUND = (",", "the", "or")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

N_PLAYERS = 6
WRONG_LABELS = 0.05


def grammar_dataset(tokenizer: PreTrainedTokenizerBase, n_train: int = 6000) -> Dataset:
    """Sentences of the grammar as token ids; games are played on the test sentences.

    Example:
        >>> grammar_dataset(grammar_tokenizer()).sample_players[0, :12]  # [CLS] honestly , the plot is not good , today
        tensor([-1,  0, -1, -1,  1,  2,  3,  4, -1,  5, -1, -1])
    """
    train, train_labels = draw_sentences(n_train, seed=0)
    sentences, labels = grammar_samples()
    draw = random.Random(2)
    wrong = torch.tensor([draw.random() < WRONG_LABELS for _ in train])
    test_ids, test_labels = token_ids(sentences, tokenizer), torch.tensor(labels)
    return Dataset(
        train_inputs=token_ids(train, tokenizer),
        train_labels=torch.tensor(train_labels) ^ wrong,
        test_inputs=test_ids,
        test_labels=test_labels,
        sample_inputs=test_ids,
        sample_labels=test_labels,
        sample_players=players_of(sentences, [player_places(words) for words in sentences], tokenizer),
        baseline=torch.full((LENGTH,), tokenizer.mask_token_id),
        n_classes=2,
        n_players=N_PLAYERS,
        checksum=hashlib.sha256(repr((train, train_labels, sentences, wrong.tolist())).encode()).hexdigest(),
    )


def grammar_samples() -> tuple[list[list[str]], list[int]]:
    """The 600 sentences that accuracy is measured and games are played on, as words, and their verdicts."""
    return draw_sentences(600, seed=1)


def draw_sentences(count: int, seed: int) -> tuple[list[list[str]], list[int]]:
    """Random sentences and their verdicts."""
    draw = random.Random(seed)
    sentences, labels = zip(*(draw_sentence(draw) for _ in range(count)), strict=True)
    return list(sentences), list(labels)


def draw_sentence(draw: random.Random) -> tuple[list[str], int]:
    """A random sentence and its verdict, 1 if it is positive.

    Example:
        >>> draw_sentence(random.Random(1))
        (['honestly', ',', 'the', 'story', 'feels', 'so', 'fine', ',', 'here'], 1)
    """
    positive, negated = draw.random() < 0.5, draw.random() < 0.5
    adjectives = GOOD if positive else BAD
    if draw.random() < 0.5:
        first, second = draw.sample(adjectives, 2)
        verdict = [first, "or", second]
    else:
        verdict = ["not" if negated else "so", draw.choice(adjectives), ","]
        positive ^= negated
    words = [draw.choice(OPENERS), ",", "the", draw.choice(NOUNS), draw.choice(VERBS), *verdict, draw.choice(CLOSERS)]
    return words, int(positive)


def player_places(words: list[str]) -> list[int]:
    """Places of the words that are players: all but the background."""
    return [place for place, word in enumerate(words) if word not in BACKGROUND]


def grammar_tokenizer() -> BertTokenizer:
    """A tokenizer that knows the grammar's words, one token each."""
    words = (*SPECIAL, *BACKGROUND, *OPENERS, *NOUNS, *VERBS, "not", "so", *GOOD, *BAD, *CLOSERS)
    return BertTokenizer({word: number for number, word in enumerate(words)})
