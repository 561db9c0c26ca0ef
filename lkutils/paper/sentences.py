"""SST-2: sentences, their tokens and their players (App. M.1).

The rules:

- *Words* are what spaces separate. SST-2 comes with punctuation and clitics split off ("it 's", "does n't").
- A *content word* begins with a letter and is neither on scikit-learn's list of English stop words nor "n't". The list
  is compared without regard to case. Content words are the players, in reading order; each has all tokens of its word.
- Everything else is background: stop words, punctuation, numbers, and the tokens that mark beginning, end and padding.
- A masked word has every one of its tokens replaced by the tokenizer's mask token: the sentence keeps its length.
- *Casing* is the tokenizer's affair (BERT's lowers it, XLNet's keeps it), and so are *unknown words*: whatever tokens
  such a word gives, [UNK] or pieces, belong to its player.
- *Length*: a sentence has :data:`LENGTH` tokens at most, special ones included. What is too long for that loses its
  end, in training and for accuracy; a game's sentence may lose nothing and is refused.
- Games are played on sentences with exactly as many content words as there are players; *shorter and longer ones* have
  no part in them.
"""

from __future__ import annotations

import re

import torch
from jaxtyping import Int
from sentencepiece import SentencePieceProcessor
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from torch import Tensor
from transformers import AutoTokenizer, BertTokenizer, PreTrainedTokenizerBase, XLNetTokenizer

from lkutils.paper.datasets import Dataset
from lkutils.paper.files import checksum_of, read_file

LENGTH = 64
N_PLAYERS = 10
STOP_WORDS = ENGLISH_STOP_WORDS | {"n't"}

# How the sentence-level release writes what GLUE's files, which the networks are trained on, write as it is.
TREEBANK_ESCAPES = {"-lrb-": "(", "-rrb-": ")", "\\/": "/", "\\*": "*"}


def sst2_dataset(tokenizer: PreTrainedTokenizerBase) -> Dataset:
    """SST-2 (Socher et al., 2013): 67,349 phrases to train on, 872 dev sentences to test on, as token ids.

    The samples of games are the dev sentences and, after them, the 1,821 test sentences with exactly ten content
    words; a sample's number is its place among these, whatever the tokenizer is.

    Args:
        tokenizer: of the network that the sentences are for (:func:`tokenizer_of`).
    """
    train, dev = read_glue("train"), read_glue("dev")
    sentences, labels = sst2_samples()
    return Dataset(
        train_inputs=token_ids(train[0], tokenizer),
        train_labels=torch.tensor(train[1]),
        test_inputs=token_ids(dev[0], tokenizer),
        test_labels=torch.tensor(dev[1]),
        sample_inputs=token_ids(sentences, tokenizer),
        sample_labels=torch.tensor(labels),
        sample_players=players_of(sentences, [content_words(words) for words in sentences], tokenizer),
        baseline=torch.full((LENGTH,), tokenizer.mask_token_id),
        n_classes=2,
        n_players=N_PLAYERS,
        checksum=checksum_of("sst2"),
    )


def sst2_samples() -> tuple[list[list[str]], list[int]]:
    """The dev and test sentences with exactly ten content words, as words, and their labels.

    Example:
        >>> sentences, labels = sst2_samples()  # doctest: +SKIP
        >>> {len(content_words(words)) for words in sentences}  # doctest: +SKIP
        {10}
    """
    everything = zip(*(dev + test for dev, test in zip(read_glue("dev"), read_test(), strict=True)), strict=True)
    chosen = [(words, label) for words, label in everything if len(content_words(words)) == N_PLAYERS]
    return [words for words, _ in chosen], [label for _, label in chosen]


def content_words(words: list[str]) -> list[int]:
    """Places of the content words in a sentence.

    Example:
        >>> content_words("it 's a charming and often affecting journey .".split())
        [3, 6, 7]
    """
    return [place for place, word in enumerate(words) if word[0].isalpha() and word.lower() not in STOP_WORDS]


def token_ids(sentences: list[list[str]], tokenizer: PreTrainedTokenizerBase) -> Int[Tensor, "sentence token"]:
    """Token ids of sentences given as words, cut and padded to :data:`LENGTH`, on the side the tokenizer pads."""
    encoding = tokenizer(sentences, is_split_into_words=True, truncation=True, padding="max_length", max_length=LENGTH)
    return torch.tensor(encoding["input_ids"])


def players_of(
    sentences: list[list[str]], places: list[list[int]], tokenizer: PreTrainedTokenizerBase
) -> Int[Tensor, "sentence token"]:
    """The player of each token: the number of its word among the players, -1 where it belongs to none.

    Args:
        sentences: their words.
        places: for each sentence the places of the words that are players.
        tokenizer: as in :func:`sst2_dataset`.

    Raises:
        ValueError: a sentence is too long for :data:`LENGTH`.

    Example:
        >>> from lkutils.paper.grammar import grammar_tokenizer
        >>> players_of([["not", "good"]], [[1]], grammar_tokenizer())[0, :5]  # [CLS] not good [SEP] [PAD]
        tensor([-1, -1,  0, -1, -1])
    """
    encoding = tokenizer(sentences, is_split_into_words=True, padding="max_length", max_length=LENGTH)
    players = []
    for row, (words, chosen) in enumerate(zip(sentences, places, strict=True)):
        of_token = encoding.word_ids(row)
        if len(of_token) > LENGTH:
            raise ValueError(
                f"{' '.join(words)!r} has {len(of_token)} tokens, but a network reads {LENGTH}: leave it out"
            )
        player = {place: number for number, place in enumerate(chosen)}
        players.append([player.get(place, -1) for place in of_token])
    return torch.tensor(players)


def check_known(
    ids: Int[Tensor, "sentence token"], tokenizer: PreTrainedTokenizerBase, weights: str, limit: float = 0.1
) -> None:
    """The tokenizer must know the words of the data set.

    Args:
        ids: tokens of sentences.
        tokenizer: what made them.
        weights: where it comes from, for the message.
        limit: the largest share of unknown tokens among those that are not padding.

    Raises:
        ValueError: more of them are unknown, as with a folder that has no tokenizer files.
    """
    unknown = (ids == tokenizer.unk_token_id).sum().item() / (ids != tokenizer.pad_token_id).sum().item()
    if unknown > limit:
        raise ValueError(
            f"the tokenizer of {weights} does not know {unknown:.0%} of the tokens of the data set. Its files "
            "(tokenizer.json, or vocab.txt, or spiece.model) are missing or of another language: save them beside the "
            "weights with tokenizer.save_pretrained"
        )


# ---- files ----------------------------------------------------------------------------------------------------------


def read_glue(part: str) -> tuple[list[list[str]], list[int]]:
    """Sentences as words, and labels (1 is positive), of GLUE's "train" or "dev" file."""
    lines = read_lines(f"sst2/glue/{part}.tsv")[1:]
    sentences, labels = zip(*(line.split("\t") for line in lines), strict=True)
    return [sentence.split() for sentence in sentences], [int(label) for label in labels]


def read_test() -> tuple[list[list[str]], list[int]]:
    """The 1,821 test sentences as words, and labels, of the sentence-level release: GLUE's own have no labels."""
    lines = read_lines("sst2/sentence-level/stsa.binary.test")
    escapes = re.compile("|".join(map(re.escape, TREEBANK_ESCAPES)))
    plain = [escapes.sub(lambda found: TREEBANK_ESCAPES[found[0]], line) for line in lines]
    return [line[2:].split() for line in plain], [int(line[0]) for line in plain]


def read_lines(name: str) -> list[str]:
    """Lines of a text file; unlike ``str.splitlines`` it leaves the rarer separators of Unicode alone."""
    return read_file(name).decode().removesuffix("\n").split("\n")


def tokenizer_of(network: str, weights: str | None = None) -> PreTrainedTokenizerBase:
    """The tokenizer of a network: with its real vocabulary, or the one that comes with pretrained weights.

    Args:
        network: "distilbert" or "bert" (WordPiece, lower case), or "xlnet" (SentencePiece).
        weights: a model's name on the Hugging Face hub or its folder.

    Raises:
        ValueError: unknown network, or a tokenizer that cannot tell which word a token belongs to or has no mask token.

    Example:
        >>> len(tokenizer_of("bert"))  # doctest: +SKIP
        30522
    """
    if weights:
        tokenizer = AutoTokenizer.from_pretrained(weights, trust_remote_code=False)
        if not tokenizer.is_fast or tokenizer.mask_token_id is None:
            raise ValueError(f"the tokenizer of {weights} has no {'mask token' if tokenizer.is_fast else 'word ids'}")
        return tokenizer
    if network in ("distilbert", "bert"):
        vocabulary = read_lines("vocab/bert-base-uncased-vocab.txt")
        return BertTokenizer({token: number for number, token in enumerate(vocabulary)})
    if network == "xlnet":
        return xlnet_tokenizer(read_file("vocab/xlnet-base-cased-spiece.model"))
    raise ValueError(f"unknown network {network!r}; known are distilbert, bert, xlnet")


def xlnet_tokenizer(model: bytes) -> XLNetTokenizer:
    """XLNet's tokenizer from the content of its SentencePiece file."""
    pieces = SentencePieceProcessor(model_proto=model)
    vocabulary = [(pieces.id_to_piece(number), pieces.get_score(number)) for number in range(len(pieces))]
    return XLNetTokenizer(vocabulary, unk_id=pieces.unk_id())
