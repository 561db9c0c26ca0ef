"""What tests of figures share: interactions to draw, and a look at what was drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from lkutils import metrics


def salient_interactions() -> xr.DataArray:
    """Random ones of four players, in six blocks and the output, of five samples."""
    values = np.random.default_rng(0).normal(size=(2, 7, 5, 16)) ** 5
    layers = [*(f"block{k}" for k in range(1, 7)), "output"]
    coordinates = {"kind": ["and", "or"], "layer": layers, "sample": range(5), "coalition": range(16)}
    return metrics.salient_part(xr.DataArray(values, coordinates, ("kind", "layer", "sample", "coalition")))


def drawn(figure: Figure) -> Figure:
    """Drawing it shows warnings, for example of a layout that does not fit."""
    figure.canvas.draw()
    return figure


def shown(figure: Figure) -> list[plt.Axes]:
    """The panels that are not hidden."""
    return [axis for axis in figure.axes if axis.get_visible()]
