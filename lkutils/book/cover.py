"""The picture of the book: the paper's Fig. 1 on one real sample, for the first page and for the README.

``python -m lkutils.book.cover picture.png`` draws it.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import NamedTuple

from lkutils.figures.followed import on_image
from lkutils.games import interactions as interactions_of
from lkutils.paper import pictures, shipped
from lkutils.storage import replacing

SIZE, DPI = (4.6, 2.7), 200  # inches


class Picture(NamedTuple):
    """A picture, with what stands in the place of it for those who do not see it."""

    png: bytes
    alt: str


def draw(profile: str = "paper", count: int = 2) -> Picture:
    """The strongest interactions of a sample in the output, the strongest forgotten ones, and their effect by layer.

    The sample is the first of the first convolutional network of a profile, in the order of its games.

    Args:
        profile: "paper" or "smoke".
        count: of interactions of each kind.
    """
    name = next(name for name in shipped.game_names(profile) if "mlp" not in name)
    game = shipped.load_game(name)
    sample = game["sample"].values[0].item()
    found = interactions_of(game, caches=shipped.CACHES)
    figure = on_image(found, game, sample, pictures.image_of(game, sample), count)
    figure.set_size_inches(*SIZE)
    figure.axes[0].set_ylabel("")
    figure.legends[0].remove()  # what stands around the picture says it
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return Picture(file.getvalue(), f"{shipped.label_of(game)}, no. {sample}. {figure.alt}")


if __name__ == "__main__":
    with replacing(Path(sys.argv[1])) as temporary:
        temporary.write_bytes(draw().png)
