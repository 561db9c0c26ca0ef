"""The metrics of App. H: symbol, formula and the function that computes each; and the same by the formulas alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float

from lkutils import generalization, metrics, mobius, stability


class Metric(NamedTuple):
    """A metric of the paper, and the function that computes it.

    Attributes:
        symbol: as the paper writes it, in LaTeX.
        formula: its definition, in LaTeX.
        function: that computes it.
        in_table: whether it is in the paper's own table (App. H).
    """

    symbol: str
    formula: str
    function: Callable
    in_table: bool = True

    @property
    def meaning(self) -> str:
        """What the function's docstring says first, up to a colon or full stop.

        Example:
            >>> METRICS[0].meaning
            'AND interactions, Eq. 1'
        """
        return self.function.__doc__.partition("\n")[0].partition(": ")[0].rstrip(".").replace("``", "")

    @property
    def name(self) -> str:
        """The full name of the function.

        Example:
            >>> METRICS[0].name
            'lkutils.mobius.and_interactions'
        """
        return f"{self.function.__module__}.{self.function.__qualname__}"


S_IN_OMEGA = r"\sum_{S \in \Omega^{(l),m}}"
SHARED = r"I_\text{shared}^{(l,L)}(S)"
SIGNS = r"(-1)^{\lvert S \rvert - \lvert T \rvert}"

METRICS = (
    Metric(r"I_\text{and}(S)", rf"\sum_{{T \subseteq S}} {SIGNS} v(x_T)", mobius.and_interactions),
    Metric(r"I_\text{or}(S)", rf"-\sum_{{T \subseteq S}} {SIGNS} v(x_{{N \backslash T}})", mobius.or_interactions),
    Metric(
        r"v(x_T)",
        r"\sum_{S \subseteq T} I_\text{and}(S) + \sum_{S \cap T \neq \emptyset} I_\text{or}(S)",
        mobius.values_from_interactions,
        False,
    ),
    Metric(
        r"\phi(i)", r"\sum_{S \ni i} (I_\text{and}(S) + I_\text{or}(S)) / \lvert S \rvert", mobius.shapley_values, False
    ),
    Metric(r"\tau", r"0.05 \max_S \lvert I(S) \rvert", metrics.salience_threshold, False),
    Metric(r"\Omega^{(l),m}", r"\{S : \lvert S \rvert = m, \lvert I(S) \rvert > \tau\}", metrics.salient, False),
    Metric(r"\text{all}^{(l),m}", rf"{S_IN_OMEGA} \lvert I^{{(l)}}(S) \rvert", metrics.strength),
    Metric(
        r"I_\text{shared}^{(l,L)}(S)",
        r"0 \text{ or } \text{sign}(I^{(l)}) \min(\lvert I^{(l)} \rvert, \lvert I^{(L)} \rvert)",
        metrics.shared,
        False,
    ),
    Metric(
        r"\text{overlap}^{(l),m}",
        rf"\sum_{{S \in \Omega^{{(l),m}} \cap \Omega^{{(L),m}}}} \lvert {SHARED} \rvert",
        metrics.overlap,
    ),
    Metric(r"\text{forget}^{(l),m}", rf"{S_IN_OMEGA} \lvert I^{{(l)}}(S) - {SHARED} \rvert", metrics.forget),
    Metric(
        r"\text{new}^{(l),m}",
        rf"\sum_{{S \in \Omega^{{(L),m}}}} \lvert I^{{(L)}}(S) - {SHARED} \rvert",
        metrics.new,
    ),
    Metric(r"\text{completeness}^{(l),m}", r"\text{overlap}^{(l),m} / \text{all}^{(L),m}", metrics.completeness, False),
    Metric(r"\text{redundancy}^{(l),m}", r"\text{forget}^{(l),m} / \text{all}^{(L),m}", metrics.redundancy, False),
    Metric(
        r"\text{IoU}(A^m, B^m)",
        r"\lvert A^m \cap B^m \rvert / \lvert A^m \cup B^m \rvert",
        generalization.overlap_of_sets,
    ),
    Metric(
        r"\text{stability}^{(l),m}",
        r"E_x E_{S \in \Omega^{(l),m}} [\lvert E(S, x) \rvert / \sqrt{\text{Var}(S, x)}]",
        stability.stability_ratio,
    ),
    Metric(
        r"\text{ratio}_\epsilon(S)",
        r"\lvert x^S - x_\epsilon^S \rvert_2 / \lvert x^S \rvert_2",
        stability.noise_ratio,
        False,
    ),
)


def parts_by_formula(layer: Mapping[int, float], last: Mapping[int, float], order: int) -> dict[str, float]:
    """The metrics of one order of one sample by the formulas of App. H, interaction by interaction.

    Args:
        layer, last: effects of the salient interactions of a layer and of the last one, by their coalition.
        order: m.

    Returns:
        ``all``, ``overlap``, ``forget``, ``new`` and ``iou``, which is NaN where neither layer has any.

    Example:
        >>> parts_by_formula({1: 3.0, 2: -1.0}, {1: 2.0, 2: 4.0, 3: 9.0}, order=1)
        {'all': 4.0, 'overlap': 2.0, 'forget': 2.0, 'new': 4.0, 'iou': 1.0}
    """
    here, there = ({S: effect for S, effect in part.items() if S.bit_count() == order} for part in (layer, last))

    def in_common(S: int) -> float:
        a, b = here.get(S, 0.0), there.get(S, 0.0)
        return 0.0 if a * b <= 0 else min(abs(a), abs(b)) * (1 if a > 0 else -1)

    union = here.keys() | there.keys()
    return {
        "all": math.fsum(map(abs, here.values())),
        "overlap": math.fsum(abs(in_common(S)) for S in here.keys() & there.keys()),
        "forget": math.fsum(abs(effect - in_common(S)) for S, effect in here.items()),
        "new": math.fsum(abs(effect - in_common(S)) for S, effect in there.items()),
        "iou": len(here.keys() & there.keys()) / len(union) if union else float("nan"),
    }


def metrics_by_formula(salient: xr.DataArray) -> tuple[dict[str, xr.DataArray], dict[str, xr.DataArray]]:
    """The metrics of a layer against the last one by the library, and the same by `parts_by_formula`.

    Args:
        salient: `lkutils.salient_part` of one kind (layer, sample, coalition).

    Returns:
        Twice ``all``, ``overlap``, ``forget``, ``new`` and ``iou`` (layer, sample, order).

    Example:
        >>> effects = [[[0.0, 3.0, -1.0, 0.0]], [[0.0, 2.0, 4.0, 9.0]]]
        >>> part = xr.DataArray(effects, dims=("layer", "sample", "coalition"))
        >>> library, formula = metrics_by_formula(part)
        >>> library["new"].values.tolist() == formula["new"].values.tolist()
        True
    """
    part = salient.transpose("layer", "sample", "coalition")
    tracked = metrics.track(part)
    sets = generalization.unsigned(generalization.signed_sets(part, part != 0))
    library = {"all": metrics.strength(part), **tracked.data_vars}
    library["iou"] = generalization.overlap_of_sets(sets, metrics.last_layer(sets))["iou"]
    library = {name: found.transpose("layer", "sample", "order") for name, found in library.items()}
    template = library["all"]
    formula = {name: template.copy(data=np.full(template.shape, np.nan)) for name in library}
    effects = [[effects_of(row) for row in of_layer] for of_layer in part.values]
    for layer, sample in np.ndindex(part.shape[:2]):
        for order in template["order"].values.tolist():
            for name, value in parts_by_formula(effects[layer][sample], effects[-1][sample], order).items():
                formula[name].values[layer, sample, order - 1] = value
    return library, formula


def effects_of(row: Float[np.ndarray, "coalition"]) -> dict[int, float]:
    """The interactions that are not zero, by their coalition.

    Example:
        >>> effects_of(np.array([5.0, 0.0, -1.0]))
        {2: -1.0}
    """
    return {int(S): float(row[S]) for S in np.flatnonzero(row) if S}
