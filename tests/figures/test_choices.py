"""Specification curves show every specification once, in order, and shares by choice."""

import numpy as np
import xarray as xr

from lkutils.figures import choices


def network(estimates, outcomes):
    axes = {"tau_ratio": [0.02, 0.05, 0.1]}
    values = np.array(estimates, float)
    parts = {"low": values - 0.1, "estimate": values, "high": values + 0.1, "outcome": np.array(outcomes)}
    return xr.Dataset({name: ("tau_ratio", part) for name, part in parts.items()}, axes)


def test_every_specification_is_a_dot_of_its_outcomes_colour_in_order():
    networks = [
        network([0.3, -0.2, 0.5], ["yes", "no", "yes"]),
        network([0.05, np.nan, 0.9], ["unclear", "too few", "yes"]),
    ]
    figure = choices.curves({"growth": networks}, {"growth": (0.0, np.inf)})
    [axis] = [axis for axis in figure.axes if axis.get_visible()]
    drawn = {}
    for line in axis.lines:
        if line.get_linestyle() == "None":
            drawn |= dict(zip(line.get_xdata().tolist(), line.get_ydata().tolist(), strict=True))
            assert line.get_color() in choices.OF_OUTCOME.values()
    assert [drawn[rank] for rank in sorted(drawn)] == [-0.2, 0.05, 0.3, 0.5, 0.9]
    [limit] = [line for line in axis.lines if line.get_linestyle() == "--"]
    assert limit.get_ydata()[0] == 0
    share = figure.table.set_index("series")["value"]
    assert share["yes"] == 0.5
    assert share["too few"] == 1 / 6


def test_the_heat_map_has_a_number_for_each_claim_and_choice():
    values = [[1.0, 0.25], [np.nan, 0.5]]
    axes = {"claim": ["Things grow", "Things shrink"], "choice": ["0.02", "all"]}
    shares = xr.DataArray(values, axes, ("claim", "choice"), "share")
    figure = choices.stands_by_choice(shares.assign_coords(chosen=("choice", ["ratio of tau", "samples"])))
    [axis] = figure.axes
    cells = {text.get_text() for text in axis.texts}
    assert {"100", "25", "50", "ratio of tau", "samples"} <= {cell.replace("\n", " ") for cell in cells}
    assert "nan" not in cells
    assert [label.get_text() for label in axis.get_yticklabels()] == ["Things grow", "Things shrink"]
