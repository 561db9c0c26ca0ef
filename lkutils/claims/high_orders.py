"""The claims of Sec. 3.2.2 and 3.3 about interactions of high and extremely high orders."""

from __future__ import annotations

import xarray as xr

from lkutils.claims.claim import FIGURES_SEEN, Claim, Expected, Rule
from lkutils.claims.layers import high_orders, layer_third
from lkutils.games import Label
from lkutils.metrics import all_of_last_layer, last_layer

CHAPTER = "03_tracking"
HIGHEST = 4  # "interactions of extremely high orders" are those of the highest four


def extreme_share(means: xr.Dataset) -> xr.DataArray:
    """Strength of the highest four orders of the output, AND and OR together, over that of all orders."""
    strength = last_layer(means.overlap).sum("kind")
    highest = strength.sel(order=strength["order"] > strength.sizes["order"] - HIGHEST).sum("order")
    return highest / strength.sum("order")


def high_orders_forgotten(means: xr.Dataset) -> xr.DataArray:
    """Share of high orders in what the high layers have and the output has not; NaN where that is nothing."""
    forgotten = layer_third(means.forget.sum("kind"), "high")
    total = forgotten.sum("order")
    return high_orders(forgotten) / total.where(total > 0)


def new_after_high_layers(means: xr.Dataset) -> xr.DataArray:
    """Strength that the output has and the high layers have not, over the output's."""
    late = layer_third(means.sum(["kind", "order"]), "high")
    return late.new / all_of_last_layer(late)


NO_EXTREME_ORDERS = Claim(
    id="claim-no-extreme-orders",
    words="Almost no interactions of the highest four orders are learned",
    quotation="almost no interactions of extremely high orders were learned",
    section="Sec. 3.2.2",
    figure="Fig. 3",
    chapter=CHAPTER,
    rule=Rule(
        (Expected("share of the highest four orders in the strength of the output", extreme_share, below=0.01),),
        set_before=False,
        changed=FIGURES_SEEN,
    ),
)

EXTREME_ORDERS_LATE = Claim(
    id="claim-extreme-orders-late",
    words="Extremely high orders are learned in later layers, but not stably",
    quotation="extremely high-order interactions are learned in later layers, but the learning is unstable",
    section="Sec. 3.2.2",
    figure="Fig. 3(b)",
    chapter=None,  # games and noise games have other samples, and a rule reads one of them
    rule=Rule(
        (
            Expected("completeness of the highest quarter of orders, high minus middle layers", above=0),
            Expected("stability of the highest quarter of orders over that of all", below=1),
        ),
        set_before=False,
        changed=FIGURES_SEEN,
    ),
)

RESNET20_NOTHING_NEW = Claim(
    id="claim-resnet20-nothing-new",
    words="ResNet-20: later layers forget redundant high orders and gain nothing new",
    quotation="later layers usually exclusively forgot redundant high-order interactions without encoding new "
    "interactions",
    section="Sec. 3.3",
    figure="Fig. 3, 4, 5",
    chapter=CHAPTER,
    rule=Rule(
        (
            Expected(
                "share of high orders in what is forgotten after the high layers", high_orders_forgotten, above=0.5
            ),
            Expected("strength that is new after the high layers over the output's", new_after_high_layers, below=0.1),
        ),
        set_before=False,
        changed=FIGURES_SEEN,
    ),
    networks=(Label("MNIST", "ResNet-20"), Label("CIFAR-10", "ResNet-20")),
)
