"""Figures: labelled data in, a matplotlib figure out, all in one style.

For a network of your own, as `lkutils.plot`:

- `tracking`, `ratios`: what each layer keeps, forgets and gains (Fig. 3), from `lkutils.follow(found)`;
- `on_image`, `in_words`: single interactions of a sample, followed through the layers (Fig. 1), from `found`;
- `similarity`: how much every two layers have in common, from `found = lkutils.interactions(game)`;
- `STYLE`: the style of all of them, for `with matplotlib.pyplot.style.context(lkutils.plot.STYLE)`.

Each returns a figure: a notebook shows it, `figure.savefig("figure.png")` keeps it.
"""

from lkutils.figures.changes import ratios, tracking
from lkutils.figures.followed import in_words, on_image
from lkutils.figures.layers import similarity
from lkutils.figures.style import STYLE

__all__ = ["STYLE", "in_words", "on_image", "ratios", "similarity", "tracking"]
