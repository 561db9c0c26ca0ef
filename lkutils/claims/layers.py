"""The claims of Sec. 1 and 3.2.2 about what each layer encodes, and what claims about layers and orders mean by that.

Low, middle and high layers are thirds of the probed layers, the output not among them; low orders are those below n/2
and high orders those above it, of which there are equally many coalitions. "Most" and "lots of" mean more than half.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from lkutils import metrics
from lkutils.claims.claim import FIGURES_SEEN, Claim, Expected, Rule
from lkutils.games import Label

THIRDS = ("low", "middle", "high")


# ---- which layers, which orders -------------------------------------------------------------------------------------


def layer_third(values: xr.Dataset | xr.DataArray, which: str) -> xr.Dataset | xr.DataArray:
    """Mean over the "low", "middle" or "high" third of the probed layers; NaN where there are fewer than three.

    Example:
        >>> depth = xr.DataArray([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], dims="layer")  # the last one is the output
        >>> [layer_third(depth, which).item() for which in THIRDS]
        [1.5, 3.5, 5.5]
    """
    probed = values.sizes["layer"] - 1
    if probed < len(THIRDS):
        return values.isel(layer=0, drop=True) * np.nan
    layers = np.array_split(np.arange(probed), len(THIRDS))[THIRDS.index(which)]
    return values.isel(layer=layers).mean("layer")


def layer_mean(values: xr.Dataset | xr.DataArray) -> xr.Dataset | xr.DataArray:
    """Mean over all layers; where a layer stands for several, its coordinate ``n_layers`` says for how many.

    Example:
        >>> depth = xr.DataArray([1.0, 4.0], {"n_layers": ("layer", [2, 1])}, ("layer",))
        >>> layer_mean(depth).item()
        2.0
    """
    if "n_layers" not in values.coords:
        return values.mean("layer")
    return (values * values["n_layers"]).sum("layer") / values["n_layers"].sum("layer")


def low_orders(values: xr.Dataset | xr.DataArray) -> xr.Dataset | xr.DataArray:
    """Sum over the orders below n/2."""
    return values.sel(order=values["order"] < values.sizes["order"] / 2).sum("order")


def high_orders(values: xr.Dataset | xr.DataArray) -> xr.Dataset | xr.DataArray:
    """Sum over the orders above n/2, of which there are as many coalitions as below."""
    return values.sel(order=values["order"] > values.sizes["order"] / 2).sum("order")


def all_orders(values: xr.Dataset) -> xr.Dataset:
    """Sum over all orders, and over both kinds where both are there."""
    return values.sum([axis for axis in ("kind", "order") if axis in values.dims])


# ---- what the claims need from each sample ---------------------------------------------------------------------------


def layer_statistics(salient: xr.DataArray) -> xr.Dataset:
    """What the claims about single layers and pairs of layers need from each sample.

    Args:
        salient: `lkutils.metrics.salient_part` (kind, layer, sample, coalition).

    Returns:
        With the axes (layer, sample): ``strength``, and ``weighted_order``, the strength times its order, whose ratio
        is the mean order; ``high_orders``, the strength above n/2; ``to_output``, the similarity to the output. With
        the axis (sample): ``next_layer``, the mean similarity of a layer to the next one, and ``other_sample``, to the
        next layer of another sample, which shows what two unrelated sets of interactions have in common;
        ``high_layers``, the similarity of the first and the last of the high layers, NaN where there is only one.
    """
    strength = metrics.strength(salient).sum("kind")
    return xr.Dataset(
        {
            "strength": strength.sum("order"),
            "weighted_order": (strength * strength["order"]).sum("order"),
            "high_orders": high_orders(strength),
            "to_output": metrics.similarity(salient, metrics.last_layer(salient)),
            "next_layer": next_layer_similarity(salient, salient),
            "other_sample": next_layer_similarity(salient, salient.roll(sample=1)),
            "high_layers": high_layer_similarity(salient),
        }
    )


def high_layer_similarity(salient: xr.DataArray) -> xr.DataArray:
    """Similarity of the first and the last of the high layers (sample); NaN where there is only one."""
    layers = np.array_split(np.arange(salient.sizes["layer"] - 1), len(THIRDS))[-1]
    if len(layers) < 2:
        return salient["sample"] * np.nan
    first, last = (salient.isel(layer=k, drop=True) for k in layers[[0, -1]])
    return metrics.similarity(first, last)


def next_layer_similarity(salient: xr.DataArray, others: xr.DataArray) -> xr.DataArray:
    """Similarity of each layer to the next one of ``others``, mean over layers (sample)."""
    layers, following = salient.isel(layer=slice(-1)), others.isel(layer=slice(1, None))
    return metrics.similarity(layers, following.assign_coords(layer=layers["layer"])).mean("layer")


# ---- statistics ------------------------------------------------------------------------------------------------------


def mean_order(means: xr.Dataset) -> xr.DataArray:
    """Mean order of the interactions, each weighed by its strength; NaN where there are none."""
    return means.weighted_order / means.strength.where(means.strength > 0)


def rise(values: xr.DataArray) -> xr.DataArray:
    """High minus low layers."""
    return layer_third(values, "high") - layer_third(values, "low")


def rise_of_mean_order(means: xr.Dataset) -> xr.DataArray:
    """Mean order of high minus low layers."""
    return mean_order(layer_third(means, "high")) - mean_order(layer_third(means, "low"))


def has_high_orders(samples: xr.Dataset) -> xr.DataArray:
    """Whether a sample has a salient interaction of high order in low or high layers."""
    return (layer_third(samples.high_orders, "low") > 0) | (layer_third(samples.high_orders, "high") > 0)


# ---- the claims ------------------------------------------------------------------------------------------------------

ADJACENT_LAYERS = Claim(
    id="claim-adjacent-layers",
    words="Adjacent layers encode similar interactions",
    quotation="adjacent layers in a DNN usually encode similar sets of interactions",
    section="Sec. 1",
    figure="",
    chapter="02_layers",
    rule=Rule(
        (
            Expected("similarity to the next layer", lambda means: means.next_layer, above=0.5),
            Expected(
                "similarity to the next layer minus that to the next layer of another sample",
                lambda means: means.next_layer - means.other_sample,
                above=0,
            ),
        ),
        set_before=True,
    ),
)

EARLY_LESS_HIGH_ORDER = Claim(
    id="claim-early-less-high-order",
    words="Early layers encode less high-order interactions than later ones",
    quotation="classifiers trained on features of early layers encode less high-order interactions than later layers",
    section="Sec. 3.2.2",
    figure="Fig. 3",
    chapter="02_layers",
    rule=Rule(
        (
            Expected("mean order, high minus low layers", rise_of_mean_order, above=0),
            Expected(
                "strength of high orders, high minus low layers",
                lambda means: rise(means.high_orders),
                above=0,
                present=has_high_orders,
            ),
        ),
        set_before=False,
        changed="The strength of high orders was set before. The mean order was added after the first result of MLP-7, "
        "which has next to nothing above n/2 in any layer.",
    ),
)

LATER_LIKE_OUTPUT = Claim(
    id="claim-later-like-output",
    words="Later layers share more with the output",
    quotation="classifiers trained on features of later layers usually share more similar interactions with the final "
    "layer of the DNN",
    section="Sec. 3.2.2",
    figure="Fig. 3",
    chapter="02_layers",
    rule=Rule(
        (Expected("similarity to the output, high minus low layers", lambda means: rise(means.to_output), above=0),),
        set_before=True,
    ),
)

HIGH_LAYERS_SETTLED = Claim(
    id="claim-late-layers-settled",
    words="MLP-7 and VGG-11 on CIFAR-10: high layers do not change the interactions much",
    quotation="High layers did not change the interactions significantly",
    section="App. K",
    figure="",
    chapter="02_layers",
    rule=Rule(
        (Expected("similarity of the first and the last high layer", lambda means: means.high_layers, above=0.5),),
        set_before=False,
        changed=FIGURES_SEEN,
    ),
    networks=(Label("CIFAR-10", "MLP-7"), Label("CIFAR-10", "VGG-11")),
)

LAYERS = (ADJACENT_LAYERS, EARLY_LESS_HIGH_ORDER, LATER_LIKE_OUTPUT)
