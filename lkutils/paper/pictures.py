"""What the samples of a game look like: an image, or words. None where the data set is not at hand."""

from __future__ import annotations

import functools

import numpy as np
import xarray as xr
from jaxtyping import Float

from lkutils.paper import datasets
from lkutils.paper.datasets import at_hand

CLASS_NAMES = {"sst2": ("negative", "positive"), "grammar": ("negative", "positive")}


def image_of(game: xr.Dataset, sample: int) -> Float[np.ndarray, "y x 3"] | None:
    """A sample's image, grey values or colours from 0 to 1; None of a game that is not of images.

    Args:
        game: as `lkutils.paper.shipped.load_game` returns it.
        sample: its number, as in ``game["sample"]``.

    Example:
        >>> game = xr.Dataset({"players": (("sample", "y", "x"), np.zeros((1, 8, 8)))}, attrs={"dataset": "digits"})
        >>> image_of(game, 0).shape
        (8, 8, 3)
    """
    images = images_at_hand(game.attrs["dataset"]) if "y" in game["players"].dims else None
    if images is None:
        return None
    image = np.moveaxis(images[sample], 0, -1)
    return np.repeat(image, 3 // image.shape[-1], axis=-1)


def words_of(game: xr.Dataset, sample: int) -> list[str] | None:
    """The word of each player of a sentence, in the players' order; None of a game that is not of sentences.

    Args:
        game: as `lkutils.paper.shipped.load_game` returns it.
        sample: its number, as in ``game["sample"]``.

    Example:
        >>> game = xr.Dataset({"players": (("sample", "position"), np.zeros((1, 64)))}, attrs={"dataset": "grammar"})
        >>> words_of(game, 0)
        ['honestly', 'story', 'feels', 'so', 'fine', 'here']
    """
    known = sentences_at_hand(game.attrs["dataset"]) if "position" in game["players"].dims else None
    if known is None:
        return None
    words, places = known[sample]
    return [words[place] for place in places]


def sentence_of(game: xr.Dataset, sample: int) -> str | None:
    """The whole sentence, words and punctuation joined by blanks; arguments and None as of :func:`words_of`."""
    known = sentences_at_hand(game.attrs["dataset"]) if "position" in game["players"].dims else None
    return None if known is None else " ".join(known[sample][0])


def class_name(game: xr.Dataset, label: int) -> str:
    """What a class of a game's data set is called: "positive"; its number where classes have no names."""
    names = CLASS_NAMES.get(game.attrs["dataset"])
    return names[label] if names else str(label)


@functools.cache
def images_at_hand(dataset: str) -> Float[np.ndarray, "sample channel y x"] | None:
    """The images that the samples of a data set are drawn from."""
    return datasets.sample_images(dataset).numpy() if dataset in at_hand() else None


@functools.cache
def sentences_at_hand(dataset: str) -> list[tuple[list[str], list[int]]] | None:
    """Words of the sentences that a data set's samples are drawn from, and the places of the players among them."""
    from lkutils.paper import grammar, sentences  # takes seconds to import, and only sentences need it

    if dataset == "grammar":
        return [(words, grammar.player_places(words)) for words in grammar.grammar_samples()[0]]
    if dataset not in at_hand():
        return None
    return [(words, sentences.content_words(words)) for words in sentences.sst2_samples()[0]]
