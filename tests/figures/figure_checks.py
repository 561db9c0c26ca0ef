"""What tests of figures share: interactions to draw, and a look at what was drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from lkutils import metrics


def interactions(samples: int = 5) -> xr.Dataset:
    """Random ones of four players, in six blocks and the output, as `lkutils.interactions` returns them."""
    values = np.random.default_rng(0).normal(size=(2, 7, samples, 16)) ** 5
    layers = [*(f"block{k}" for k in range(1, 7)), "output"]
    coordinates = {"kind": ["and", "or"], "layer": layers, "sample": range(samples), "coalition": range(16)}
    return xr.Dataset({"interactions": (list(coordinates), values)}, coordinates)


def salient_interactions(samples: int = 5) -> xr.DataArray:
    """The salient part of `interactions`."""
    return metrics.salient_part(interactions(samples)["interactions"])


def drawn(figure: Figure) -> Figure:
    """Drawing it shows warnings, for example of a layout that does not fit."""
    figure.canvas.draw()
    return figure


def shown(figure: Figure) -> list[plt.Axes]:
    """The panels that are not hidden."""
    return [axis for axis in figure.axes if axis.get_visible()]
