"""Players: which input variables act together: patches and superpixels, columns of a table, words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


class Players(NamedTuple):
    """The players of some samples, and what people call them.

    Attributes:
        map: for each input variable the number of its player, 0..n-1, or -1 for background; the axes after the first
            are the last ones of an input's. One row for each sample, or a single one for all of them.
        names: for each row of ``map`` the names of its players.
    """

    map: Int[Tensor, "#sample ..."]
    names: list[list[str]]


# ---- images ---------------------------------------------------------------------------------------------------------


def patches(shape: Sequence[int], size: int, n: int, samples: int, seed: int = 0) -> Players:
    """Square patches of images, drawn at random for each sample and numbered in reading order.

    Args:
        shape: of an image, (y, x) or (channel, y, x).
        size: of a patch in pixels; what it leaves over at the right and the bottom is background.
        n: patches of each sample; all others are background.
        samples: how many there are.
        seed: of the draw; sample k has the same patches whatever ``samples`` is.

    Returns:
        Players with a map (sample, y, x), each called by the row and column of its patch.

    Raises:
        ValueError: more players than patches.

    Example:
        >>> drawn = patches((1, 4, 4), size=2, n=3, samples=1)
        >>> drawn.map
        tensor([[[ 0,  0,  1,  1],
                 [ 0,  0,  1,  1],
                 [-1, -1,  2,  2],
                 [-1, -1,  2,  2]]])
        >>> drawn.names
        [['row 0, column 0', 'row 0, column 1', 'row 1, column 1']]
    """
    height, width = shape[-2:]
    rows, columns = height // size, width // size
    if not 1 <= n <= rows * columns:
        raise ValueError(
            f"n={n} players asked for, but an image of {height}x{width} pixels has {rows * columns} patches of "
            f"{size}x{size}"
        )
    chosen = draw_patches(torch.arange(rows * columns), n, samples, seed)
    names = [[f"row {place // columns}, column {place % columns}" for place in row] for row in chosen.tolist()]
    return Players(player_map(chosen, rows, columns, size, height, width), names)


def segments(label_map: Int[Tensor, "sample y x"] | Int[np.ndarray, "sample y x"] | Any) -> Players:
    """Superpixels, or other regions, of each image: another number of players in each sample.

    Args:
        label_map: for each pixel the label of its segment, whatever the labels are; -1 is background. One map
            (sample, y, x) for each sample, or (y, x) for all of them.

    Returns:
        Players with the map numbered from 0 without gaps, in the order of the labels, which are the names.

    Raises:
        ValueError: a map of other axes, labels below -1, or a sample that is all background.

    Example:
        >>> players = segments([[[1, 1, 7], [1, 3, 3]], [[-1, -1, 2], [5, 5, 5]]])
        >>> players.map
        tensor([[[ 0,  0,  2],
                 [ 0,  1,  1]],
        <BLANKLINE>
                [[-1, -1,  0],
                 [ 1,  1,  1]]])
        >>> players.names
        [['1', '3', '7'], ['2', '5']]
    """
    labels = torch.as_tensor(np.asarray(label_map)).long()
    if labels.ndim not in (2, 3):
        raise ValueError(f"label_map has shape {tuple(labels.shape)}, not (sample, y, x), or (y, x) for all samples")
    if labels.min() < -1:
        raise ValueError(f"label_map holds {labels.min()}; labels are 0 or more, and -1 is background")
    maps, names = [], []
    for sample, row in enumerate(labels if labels.ndim == 3 else labels[None]):
        known, number = row.unique(return_inverse=True)
        background = int(known[0] == -1)
        if len(known) == background:
            raise ValueError(f"sample {sample} is all background: its label_map is -1 everywhere")
        maps.append(number - background)
        names.append([str(label) for label in known[background:].tolist()])
    return Players(torch.stack(maps), names)


# ---- tables and texts -----------------------------------------------------------------------------------------------


def columns(names: Iterable[str | None]) -> Players:
    """The columns of a table: those of the same name act together, as one player.

    Args:
        names: for each column the name of its player, such as "job" for each of the columns that a one-hot code of
            the job takes; None for background.

    Returns:
        Players with one map (1, column) for all samples, numbered as their names first appear.

    Raises:
        ValueError: no name at all, or a string instead of a list of them.

    Example:
        >>> columns(["age", "job", "job", None, "income"])
        Players(map=tensor([[ 0,  1,  1, -1,  2]]), names=[['age', 'job', 'income']])
    """
    of_column = [] if isinstance(names, str) else [name if name is None else str(name) for name in names]
    distinct = [name for name in dict.fromkeys(of_column) if name is not None]
    if not distinct:
        raise ValueError(f"names={names!r}: give a list with the name of the player of each column")
    number = {None: -1} | {name: player for player, name in enumerate(distinct)}
    return Players(torch.tensor([[number[name] for name in of_column]]), [distinct])


def has_letter_or_digit(word: str) -> bool:
    """Whether a word is more than punctuation.

    Example:
        >>> [has_letter_or_digit(word) for word in ("4th", "...")]
        [True, False]
    """
    return any(character.isalnum() for character in word)


def words(
    texts: Sequence[str] | Sequence[Sequence[str]],
    tokenizer: Callable,
    n: int | None = None,
    keep: Callable[[str], bool] = has_letter_or_digit,
) -> Players:
    """The words of texts, each with all its sub-tokens; special tokens and padding are background.

    Positions are those of ``tokenizer(texts, padding=True)``.

    Args:
        texts: as strings, which the tokenizer splits into words, or as lists of words.
        tokenizer: a fast one of Hugging Face's, which knows the word of each token.
        n: the first ``n`` words of each text that ``keep`` lets through are its players; all of them when None, so
            that each text may have another number of players.
        keep: which words become players; the others are background.

    Returns:
        Players with a map (text, position), numbered in reading order and called by their words.

    Raises:
        ValueError: a single string, a tokenizer without word ids or one that does not split at spaces, or a text
            with too few words.

    Example:
        >>> from tokenizers import Tokenizer, models, pre_tokenizers
        >>> from transformers import PreTrainedTokenizerFast
        >>> wordpiece = Tokenizer(models.WordPiece({"[UNK]": 0, "[PAD]": 1, "so": 2, "un": 3, "##usual": 4, "!": 5}))
        >>> wordpiece.pre_tokenizer = pre_tokenizers.Whitespace()
        >>> tokenizer = PreTrainedTokenizerFast(tokenizer_object=wordpiece, unk_token="[UNK]", pad_token="[PAD]")
        >>> words(["so unusual!", "so so"], tokenizer)
        Players(map=tensor([[ 0,  1,  1, -1],
                [ 0,  1, -1, -1]]), names=[['so', 'unusual'], ['so', 'so']])
    """
    if isinstance(texts, str):
        raise ValueError(f"texts is the single string {texts!r}: give a list of texts")
    if not getattr(tokenizer, "is_fast", False):
        raise ValueError(f"{type(tokenizer).__name__} does not know the word of a token: take a fast tokenizer")
    split = not isinstance(texts[0], str)
    encoding = tokenizer(list(texts), padding=True, is_split_into_words=split)
    maps, names = [], []
    for row, text in enumerate(texts):
        of_token = encoding.word_ids(row)
        place = {}
        for word in dict.fromkeys(word for word in of_token if word is not None):
            place[word] = text[word] if split else text[slice(*encoding.word_to_chars(row, word))].strip()
        if not split and any(len(word.split()) > 1 for word in place.values()):
            raise ValueError("the tokenizer does not split at spaces: give each text as a list of words")
        chosen = [word for word, name in place.items() if keep(name)][:n]
        if len(chosen) < (n or 1):
            raise ValueError(f"text {row} has {len(chosen)} words that become players, not {n or 'one'}: {text!r}")
        number = {word: player for player, word in enumerate(chosen)}
        maps.append([number.get(word, -1) for word in of_token])
        names.append([place[word] for word in chosen])
    return Players(torch.tensor(maps), names)


# ---- as in the paper ------------------------------------------------------------------------------------------------


def patches_with_most_ink(ink: Float[Tensor, "sample y x"], patch: int, n_players: int) -> Int[Tensor, "sample y x"]:
    """Players of MNIST (App. M.1): the ``n_players`` square patches with the most ink of each sample, in reading order.

    Returns:
        For every pixel the number of its player, -1 where it belongs to none. Pixels that the patch size leaves over
        at the right and the bottom belong to none; patches with equal ink are taken in reading order.

    Raises:
        ValueError: more players than patches.

    Example:
        >>> patches_with_most_ink(torch.eye(6)[None], 3, 2)[0, 0]
        tensor([ 0,  0,  0, -1, -1, -1])
    """
    n_samples, height, width = ink.shape
    rows, columns = height // patch, width // patch
    blocks = ink[:, : rows * patch, : columns * patch].reshape(n_samples, rows, patch, columns, patch)
    strength = blocks.sum(dim=(2, 4)).flatten(1)
    if n_players > strength.shape[1]:
        raise ValueError(f"{n_players} players asked for, but a {height}x{width} image has {rows * columns} patches")
    chosen = strength.argsort(dim=1, descending=True, stable=True)[:, :n_players].sort(dim=1).values
    return player_map(chosen, rows, columns, patch, height, width)


def patches_at_random(
    n_samples: int, size: int, patch: int, n_players: int, margin: int, seed: int
) -> Int[Tensor, "sample y x"]:
    """Players of CIFAR-10 (App. M.1): ``n_players`` random patches of each sample, away from the border.

    Args:
        size: height and width of the image, a multiple of ``patch``.
        margin: patches left out on every side; 1 of 8 leaves the central 6x6.
        seed: of the draw; sample k draws the same patches whatever ``n_samples`` is.

    Raises:
        ValueError: more players than patches.

    Example:
        >>> patches_at_random(1, 32, 4, 12, 1, seed=0).unique().numel()
        13
    """
    grid = size // patch
    inside = torch.arange(grid * grid).reshape(grid, grid)[margin : grid - margin, margin : grid - margin].flatten()
    if n_players > len(inside):
        raise ValueError(f"{n_players} players asked for, but only {len(inside)} patches lie inside the margin")
    chosen = draw_patches(inside, n_players, n_samples, seed)
    return player_map(chosen, grid, grid, patch, size, size)


# ---- patches --------------------------------------------------------------------------------------------------------


def draw_patches(
    places: Int[Tensor, "place"], n_players: int, n_samples: int, seed: int
) -> Int[Tensor, "sample player"]:
    """Some of the places for each sample, in reading order."""
    generator = torch.Generator().manual_seed(seed)
    draws = [places[torch.randperm(len(places), generator=generator)[:n_players]] for _ in range(n_samples)]
    return torch.stack(draws).sort(dim=1).values


def player_map(
    chosen: Int[Tensor, "sample player"], rows: int, columns: int, patch: int, height: int, width: int
) -> Int[Tensor, "sample y x"]:
    """From the patches of each player (numbered in reading order) to the player of each pixel."""
    n_samples, n_players = chosen.shape
    of_patch = torch.full((n_samples, rows * columns), -1)
    of_patch.scatter_(1, chosen, torch.arange(n_players).expand(n_samples, -1))
    of_pixel = of_patch.reshape(n_samples, rows, columns).repeat_interleave(patch, 1).repeat_interleave(patch, 2)
    players = torch.full((n_samples, height, width), -1)
    players[:, : rows * patch, : columns * patch] = of_pixel
    return players
