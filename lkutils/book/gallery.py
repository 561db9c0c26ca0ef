"""All figures of the book on one page: small, beside what the paper's figure of the same number shows."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode
from PIL import Image

from lkutils.book.cells import figure_cells
from lkutils.book.cover import Picture

FOLDER, WIDTH, HEIGHT = "gallery", 360, 250  # of the small pictures, beside the chapters; pixels
SHADES = 64  # of a small picture

# What the paper's figures show, in our words.
PAPER = {
    "1": "A sketch of one image's interactions through the layers of a network. Those of the output are there early, "
    "among many that later layers drop.",
    "2": "Strength of all interactions, from the strongest to the weakest, for networks on MNIST and CIFAR-10: a steep "
    "fall, with a few dozen of each sample standing out.",
    "3a": "Bars by order, a panel for each layer: how much strength of AND interactions it shares with the output, "
    "how much it has that the output lacks, and how much is still to come.",
    "3b": "Completeness and redundancy of AND interactions from layer to layer, by order.",
    "4": "IoU of the salient AND interactions of two networks by order. It falls as the order grows.",
    "5": "Stability of AND interactions to small noise, by order. It falls as the order grows.",
    "6": "Shapley values, Integrated Gradients and interactions of the same inputs side by side.",
    "7a": "As the paper's Fig. 3(a), for OR interactions.",
    "7b": "As the paper's Fig. 3(b), for OR interactions.",
    "8": "As the paper's Fig. 4, for OR interactions.",
    "9": "As the paper's Fig. 5, for OR interactions.",
    "10a": "As the paper's Fig. 3(a), for networks on two tabular data sets.",
    "10b": "As the paper's Fig. 3(b), for networks on two tabular data sets.",
    "11": "Interactions of ResNet-20 in several layers, from the strongest to the weakest, with three kappa that "
    "hardly differ.",
    "12": "Box plots by order: how large the noise on an interaction's pixels is against the pixels themselves.",
}


class Drawn(NamedTuple):
    """A figure of an executed chapter: its name, caption, and picture."""

    name: str
    caption: str
    picture: Picture


def drawn_in(chapter: NotebookNode) -> Iterator[Drawn]:
    """The figures of an executed chapter, in their order."""
    for name, cell in figure_cells(chapter):
        about = cell.metadata["mystnb"]
        caption = about["figure"].get("caption", "")
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                png = base64.b64decode(output["data"]["image/png"])
                yield Drawn(name, caption, Picture(png, about.get("image", {}).get("alt", caption)))


def small(png: bytes) -> bytes:
    """The upper part of a picture, as wide as the page of all figures has it."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture = picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.crop((0, 0, WIDTH, min(picture.height, HEIGHT))).quantize(SHADES).save(file, "PNG", optimize=True)
    return file.getvalue()


def small_pictures(executed: Iterable[Path]) -> dict[str, bytes]:
    """All small pictures, by the name of their file beside the chapters."""
    chapters = (nbformat.read(path, as_version=4) for path in executed)
    return {f"{FOLDER}/{found.name}.png": small(found.picture.png) for one in chapters for found in drawn_in(one)}


def gallery_page(executed: Iterable[Path]) -> str:
    """All figures by chapter, as Markdown."""
    parts, told = [], set()
    for path in executed:
        chapter = nbformat.read(path, as_version=4)
        if figures := list(drawn_in(chapter)):
            parts.append(f"## {heading(chapter, path.stem)}")
            for found in figures:
                number = number_of(found.name)
                parts.append(item(found, path, None if number in told else number))
                told.add(number)
    return "\n\n".join(parts) + "\n"


def heading(chapter: NotebookNode, name: str) -> str:
    """A chapter's title, or its name where it has none."""
    return next((found[1] for cell in chapter.cells if (found := re.match(r"# (.+)", cell.source))), name)


def number_of(name: str) -> str | None:
    """The paper's figure that one of ours belongs to, by its name; None where there is none.

    Example:
        >>> number_of("fig-3a-others"), number_of("fig-b1-cost")
        ('3a', None)
    """
    found = re.match(r"fig-(\d+[ab]?)-", name)
    return found[1] if found and found[1] in PAPER else None


def item(found: Drawn, chapter: Path, number: str | None) -> str:
    """One figure, which leads to its place in the chapter, and what the paper's figure of this number shows."""
    shown = f"\n\n**The paper's Fig. {label(number)}:** {PAPER[number]}" if number else ""
    return (
        f"::::{{div}} gallery\n```{{image}} notebooks/{FOLDER}/{found.name}.png\n"
        f":alt: {' '.join(found.picture.alt.split())}\n:target: notebooks/{chapter.stem}.html#{found.name}\n```\n\n"
        f":::{{div}} said\n{{numref}}`{found.name}` {first_sentences(found.caption)}{shown}\n:::\n::::"
    )


def label(number: str) -> str:
    """A figure's number as the paper prints it.

    Example:
        >>> label("3a"), label("12")
        ('3(a)', '12')
    """
    return re.sub(r"([ab])$", r"(\1)", number)


def first_sentences(caption: str, length: int = 240) -> str:
    """The beginning of a caption, up to a full stop, without the link to its data.

    Example:
        >>> first_sentences("Fig. 2 of the paper. Strength by order. And more {download}`data <x.csv>`", 40)
        'Fig. 2 of the paper. Strength by order.'
    """
    text = re.sub(r"\{download\}`[^`]*`", "", caption).strip()
    kept = ""
    for sentence in re.split(r"(?<=[.:])(?<!App\.)(?<!Fig\.)(?<!Eq\.)(?<!Sec\.)\s+(?=[A-Z])", text):
        if kept and len(kept) + len(sentence) > length:
            break
        kept = f"{kept} {sentence}".strip()
    return kept
