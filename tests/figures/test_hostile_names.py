"""Names that look like formulas: every figure shows them as they are."""

import numpy as np
import pytest
import xarray as xr
from figure_checks import drawn, interactions, salient_interactions
from matplotlib.text import Text

from lkutils import metrics
from lkutils.figures import attribution, changes, followed, generalization, layers, sparsity
from lkutils.games import Label

NAME = r"$\frac{ <b>$x$"  # which mathtext cannot read
HOSTILE = Label(NAME, f"net {NAME}")
PLAYERS = np.kron([[0, 1], [2, 3]], np.ones((2, 2), dtype=int))
WORDS = [f"{NAME}{k}" for k in range(4)]


def strengths():
    return {HOSTILE: metrics.sorted_strength(interactions()["interactions"].isel(layer=-1))}


def image_sample():
    return attribution.ExplainedImage(NAME, PLAYERS, {NAME: np.arange(4.0)}, [(3, NAME)])


def text_sample():
    return attribution.ExplainedSentence(NAME, WORDS, {NAME: np.arange(4.0)}, [("and", 3, 1.0)])


def lines():
    bounds = {"order": [1, 2], "bound": ["low", "estimate", "high"]}
    return {HOSTILE: {"one": xr.DataArray([[0.4, 0.5, 0.6], [0.1, 0.2, 0.3]], bounds, ("order", "bound"))}}


def depth():
    return {HOSTILE: xr.DataArray([0.5, 0.75], {"layer": ["1", "output"]}, ("layer",))}


FIGURES = {
    "Fig. 1": lambda: followed.followed_images(
        [followed.FollowedImage(NAME, salient_interactions().isel(sample=0), PLAYERS, None)], 2
    ),
    "Fig. 1, sentences": lambda: followed.followed_sentences(
        [followed.FollowedSentence(NAME, salient_interactions().isel(sample=0), WORDS, f"{NAME} again {NAME}")], 2
    ),
    "Fig. 2": lambda: sparsity.strength_descending(strengths(), {HOSTILE: 0.5}),
    "Fig. 3": lambda: changes.tracking({HOSTILE: metrics.track(salient_interactions())}, "and"),
    "Fig. 4": lambda: generalization.lines_by_order(lines(), "IoU"),
    "Fig. 6": lambda: attribution.explained_images([image_sample()]),
    "Fig. 6, sentences": lambda: attribution.explained_sentences([text_sample()]),
    "by depth": lambda: layers.by_depth(depth(), "share"),
    "similarity": lambda: layers.similarity_map(
        {HOSTILE: metrics.layer_similarity(salient_interactions()).mean("sample")}
    ),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_a_name_is_shown_as_it_is(draw):
    figure = drawn(draw())
    texts = [text for text in figure.findobj(Text) if NAME[2:6] in text.get_text()]
    assert texts
    for text in texts:
        assert text._preprocess_math(text.get_text())[1] is False, text.get_text()
