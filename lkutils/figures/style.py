"""The one style of all figures: page width, fonts, and the colour of every network and every part of a strength."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lkutils.figures.described import described
from lkutils.games import Label

STYLE = Path(__file__).with_name("lk.mplstyle")

# By value: a name such as "C0" would be looked up when the figure is shown, in whatever style is in force then.
COLOURS = matplotlib.rc_params_from_file(STYLE, use_default_template=False)["axes.prop_cycle"].by_key()["color"]

# Networks of one kind share a hue and differ in lightness, so that they stay apart without colour vision too.
OF_NETWORK = {
    "MLP-5": "#3D8FC7",
    "MLP-7": "#005B96",
    "LeNet": "#7F7F7F",
    "AlexNet": "#8C510A",
    "VGG-11": "#D55E00",
    "VGG-13": "#7F3300",
    "ResNet-20": "#009E73",
    "ResNet-32": "#004D38",
    "MiniLM": "#56369E",
    "DistilBERT": "#C0649A",
    "BERT": "#882255",
    "XLNet": "#000000",
}
OF_NETWORK |= {f"{network}†": colour for network, colour in OF_NETWORK.items()}  # trained from scratch

# The same in Fig. 1, 3 and 7: shared with the last layer, forgotten by it, new in it.
OVERLAP, FORGET, NEW = "#8F8F8F", "#C47A00", "#0072B2"
KIND_NAMES = {"and": "AND", "or": "OR"}


def in_style(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in the book's style, and leave it to the caller to show the figure (a notebook would show it twice)."""

    @functools.wraps(draw)
    def drawn(*args, **kwargs) -> Figure:
        opened = set(plt.get_fignums())
        try:
            with plt.style.context(STYLE):
                return draw(*args, **kwargs)
        finally:
            for number in set(plt.get_fignums()) - opened:  # one, also if it was left half drawn
                plt.close(number)

    return drawn


def colours_of(networks: Iterable[str]) -> dict[str, str]:
    """The colour of each network: the paper's have theirs in every figure, others get those that are left, in turn.

    Example:
        >>> colours_of(["VGG-11", "mine", "yours"])
        {'VGG-11': '#D55E00', 'mine': '#0072B2', 'yours': '#009E73'}
    """
    names = list(dict.fromkeys(networks))
    left = [colour for colour in COLOURS if colour not in {OF_NETWORK.get(name) for name in names}]
    others = [name for name in names if name not in OF_NETWORK]
    chosen = OF_NETWORK | {name: left[k % len(left)] for k, name in enumerate(others)}
    return {name: chosen[name] for name in names}


def shades(count: int) -> list[tuple[float, ...]]:
    """Colours from light to dark for things in a sequence, such as layers or orders; the lightest is seen on white."""
    return [tuple(shade) for shade in plt.get_cmap("plasma")(np.linspace(0.62, 0, count))]


def by_dataset(labels: Iterable[Label]) -> dict[str, list[Label]]:
    """The games of each data set, which share a panel.

    Example:
        >>> list(by_dataset([Label("MNIST", "MLP-7"), Label("SST-2", "BERT"), Label("MNIST", "VGG-11")]))
        ['MNIST', 'SST-2']
    """
    labels = list(labels)
    return {dataset: [label for label in labels if label.dataset == dataset] for dataset, _ in labels}


def panels(count: int, height: float = 2.3, **kwargs) -> tuple[Figure, list[Axes]]:
    """``count`` equal panels, at most three in a row, on a figure as wide as the page."""
    columns = min(count, 3)
    rows = -(-count // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(7, height * rows + 0.3), squeeze=False, **kwargs)
    for axis in axes.flat[count:]:
        axis.set_visible(False)
    return figure, list(axes.flat[:count])


def sentence(words: str) -> Figure:
    """A figure that says why there is nothing to see."""
    figure = plt.figure(figsize=(7, 0.4))
    figure.subplots().set_axis_off()  # notebooks do not show a figure without axes
    figure.text(0.5, 0.5, words, ha="center", va="center")
    return described(figure, words.rstrip("."), {"numbers drawn": 0.0})


def label_left(axes: list[Axes], label: str) -> None:
    """Label the y axis of the first panel of each row."""
    for axis in axes:
        if axis.get_subplotspec().is_first_col():
            axis.set_ylabel(label)


def legend_above(figure: Figure) -> None:
    """One legend for all panels of a figure, above them, with every name once."""
    drawn = [axis.get_legend_handles_labels() for axis in figure.axes]
    handles = {name: handle for some, names in drawn for handle, name in zip(some, names, strict=True)}
    figure.legend(
        handles.values(), handles.keys(), loc="outside upper center", ncols=7, handlelength=1.2, columnspacing=1.2
    )


def plain(name: object) -> str:
    r"""A name as text that a figure shows as it is: none of its dollar signs begins a formula.

    Example:
        >>> plain("from $5 to $10")
        'from \\$5 to \\$10'
    """
    return str(name).replace("$", r"\$")


def two_lines(name: Label | str) -> str:
    r"""The title of a panel or row: the network, and below it the data set.

    Example:
        >>> two_lines(Label("CIFAR-10", "VGG-11"))
        'VGG-11\nCIFAR-10'
    """
    return plain(f"{name.network}\n{name.dataset}" if isinstance(name, Label) else name)
