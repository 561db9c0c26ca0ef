"""The claims of Sec. 3.2.2 and App. K about what layers keep, forget and gain.

Their statistics are computed from means over samples of `lkutils.metrics.track`: ``overlap``, ``forget`` and ``new``
with the axes (kind, layer, sample, order). What is meant by low, middle and high layers, by low and high orders and by
"most" is in `lkutils.claims.layers`.
"""

from __future__ import annotations

from dataclasses import replace

import xarray as xr

from lkutils import metrics
from lkutils.claims.claim import Claim, Expected, Rule
from lkutils.claims.layers import all_orders, high_orders, layer_mean, layer_third, low_orders
from lkutils.games import Label
from lkutils.metrics import all_of_last_layer, completeness, redundancy

CHAPTER = "03_tracking"


# ---- statistics ------------------------------------------------------------------------------------------------------


def completeness_of(means: xr.Dataset, which: str) -> xr.DataArray:
    """Completeness of a third of the layers, all orders together."""
    return completeness(layer_third(all_orders(means), which))


def redundancy_of(means: xr.Dataset, which: str) -> xr.DataArray:
    """Redundancy of a third of the layers, all orders together."""
    return redundancy(layer_third(all_orders(means), which))


def low_order_share(means: xr.Dataset) -> xr.DataArray:
    """Strength of low orders as a share of low and high ones, over all layers and the output."""
    strength = layer_mean(means.overlap + means.forget)
    return low_orders(strength) / (low_orders(strength) + high_orders(strength))


def low_order_lead(means: xr.Dataset) -> xr.DataArray:
    """Completeness of low orders minus that of high ones, in the high layers."""
    late = layer_third(means, "high")
    return completeness(low_orders(late)) - completeness(high_orders(late))


def removal_of_high_orders(means: xr.Dataset) -> xr.DataArray:
    """What redundancy falls by between middle and high layers, high orders minus low orders."""
    removed = (layer_third(means, "middle").forget - layer_third(means, "high").forget).sum("kind")
    return (high_orders(removed) - low_orders(removed)) / all_of_last_layer(layer_third(all_orders(means), "high"))


# ---- tests -----------------------------------------------------------------------------------------------------------

LOW_ORDERS_STRONGER = Expected("share of low orders in the strength of low and high ones", low_order_share, above=0.5)
COMPLETENESS_RISES = Expected(
    "completeness, high minus low layers",
    lambda means: completeness_of(means, "high") - completeness_of(means, "low"),
    above=0,
)
LEARNED_IN_THE_MIDDLE = Expected(
    "completeness of the middle layers", lambda means: completeness_of(means, "middle"), above=0.5
)
LEARNED_EARLY = Expected("completeness of the low layers", lambda means: completeness_of(means, "low"), above=0.5)
NOT_LEARNED_EARLY = Expected("completeness of the low layers", lambda means: completeness_of(means, "low"), below=0.5)
HIGH_ORDERS_BEHIND = Expected("completeness of low minus high orders, high layers", low_order_lead, above=0)
REDUNDANCY_RISES = Expected(
    "redundancy, middle minus low layers",
    lambda means: redundancy_of(means, "middle") - redundancy_of(means, "low"),
    above=0,
)
REDUNDANCY_FALLS = Expected(
    "redundancy, middle minus high layers",
    lambda means: redundancy_of(means, "middle") - redundancy_of(means, "high"),
    above=0,
)
REDUNDANT_IN_THE_MIDDLE = Expected(
    "redundancy of the middle layers", lambda means: redundancy_of(means, "middle"), above=0.5
)
LITTLE_REDUNDANCY = tuple(
    Expected(f"redundancy of the {which} layers", lambda means, which=which: redundancy_of(means, which), below=0.5)
    for which in ("middle", "high")
)
HIGH_ORDERS_REMOVED = Expected(
    "redundancy that high layers remove, high minus low orders", removal_of_high_orders, above=0
)


# ---- Sec. 3.2.2, second half: Fig. 3 (AND) and 7 (OR) ---------------------------------------------------------------

SECTION = (
    Claim(
        id="claim-low-orders-stronger",
        words="Low-order interactions are stronger than high-order ones",
        quotation="DNNs usually encode stronger low-order (simple) interactions than high-order (complex) interactions",
        section="Sec. 3.2.2",
        figure="(a)",
        chapter=CHAPTER,
        rule=Rule((LOW_ORDERS_STRONGER,), set_before=True),
    ),
    Claim(
        id="claim-completeness-rises",
        words="Completeness rises through the layers",
        quotation="completeness values of most interactions start increasing at early layers",
        section="Sec. 3.2.2",
        figure="(b)",
        chapter=CHAPTER,
        rule=Rule((COMPLETENESS_RISES,), set_before=True),
    ),
    Claim(
        id="claim-high-orders-incomplete",
        words="High orders stay less complete than low ones even in later layers",
        quotation="Unlike low-order interactions, high-order interactions do not reach high completeness even in later "
        "layers",
        section="Sec. 3.2.2",
        figure="(b)",
        chapter=CHAPTER,
        rule=Rule((HIGH_ORDERS_BEHIND,), set_before=True),
    ),
    Claim(
        id="claim-middle-learned-most",
        words="Early and middle layers have learned most target interactions",
        quotation="the early and middle layers usually had already learned most target interactions that were finally "
        "used by DNNs",
        section="Sec. 3.2.2",
        figure="(b)",
        chapter=CHAPTER,
        rule=Rule((LEARNED_IN_THE_MIDDLE,), set_before=True),
    ),
    Claim(
        id="claim-redundancy-rises-falls",
        words="Redundancy first rises and then falls",
        quotation="redundancy values of most interactions first rise and then fall through layers",
        section="Sec. 3.2.2",
        figure="(b)",
        chapter=CHAPTER,
        rule=Rule((REDUNDANCY_RISES, REDUNDANCY_FALLS), set_before=True),
    ),
)


def of_kind(claim: Claim, kind: str, figure: str) -> Claim:
    """The claim about interactions of one kind, whose statistics look at this kind alone.

    Example:
        >>> of_kind(SECTION[0], "or", "Fig. 7").words
        'Low-order interactions are stronger than high-order ones (OR)'
    """

    def test_of_kind(test: Expected) -> Expected:
        return test._replace(statistic=lambda means: test.statistic(means.sel(kind=kind)))

    return replace(
        claim,
        id=f"{claim.id}-{kind}",
        words=f"{claim.words} ({kind.upper()})",
        figure=f"{figure}{claim.figure}",
        rule=replace(claim.rule, tests=tuple(map(test_of_kind, claim.rule.tests))),
    )


TRACKING_AND = tuple(of_kind(claim, "and", "Fig. 3") for claim in SECTION)
TRACKING_OR = tuple(of_kind(claim, "or", "Fig. 7") for claim in SECTION)

PARTS_ADD_UP = Claim(
    id="claim-parts-add-up",
    words="Eq. 7 taken to the letter decomposes the strength of a layer as Eq. 8 says",
    quotation="formed a decomposition of overall interaction strength",
    section="Sec. 3.2.2, Eq. 8",
    figure="",
    chapter=CHAPTER,
    rule=Rule(
        (
            Expected(
                "strength of a layer that overlap and forget miss (share)",
                lambda found: found.missed,
                below=1e-6,
                every=True,
            ),
        ),
        set_before=False,
        changed="The rule was written when it was known that the equations do not fit together to the letter; the "
        "other claims use a reading with which they do.",
    ),
)


# ---- App. K: each network's way, AND and OR together ----------------------------------------------------------------


def app_k(
    name: str, words: str, quotation: str, tests: tuple[Expected, ...], networks: tuple[Label, ...] | None = None
) -> Claim:
    """A claim of App. K, all of whose rules were set before the numbers."""
    return Claim(f"claim-{name}", words, quotation, "App. K", "", CHAPTER, Rule(tests, set_before=True), networks)


READINGS = (
    app_k(
        "usual-way",
        "Most networks: low and middle layers learn target interactions at the cost of redundant ones, which high "
        "layers remove",
        "low layers and middle layers usually learned to fit target interactions that were finally used by DNNs at the "
        "cost of encoding lots of redundant interactions. Such redundant interactions would be removed in high layers",
        (LEARNED_IN_THE_MIDDLE, REDUNDANT_IN_THE_MIDDLE, REDUNDANCY_FALLS),
    ),
    app_k(
        "mnist-quickly",
        "On MNIST, target interactions are learned quickly",
        "for DNNs trained on the MNIST dataset, they usually learned the target interactions for inference quickly",
        (LEARNED_EARLY,),
        tuple(Label("MNIST", network) for network in ("MLP-7", "VGG-11", "ResNet-20")),
    ),
    app_k(
        "resnet20",
        "ResNet-20: low and middle layers mainly learn target interactions, high layers mainly forget high orders",
        "its low layers and middle layers mainly learned target interactions for inference, while high layers mainly "
        "forgot high-order interactions",
        (LEARNED_IN_THE_MIDDLE, REDUNDANCY_FALLS, HIGH_ORDERS_REMOVED),
        (Label("MNIST", "ResNet-20"), Label("CIFAR-10", "ResNet-20")),
    ),
    app_k(
        "late-without-redundancy",
        "MLP-7 and VGG-11 on CIFAR-10: low layers cannot learn the target interactions; middle and high layers do, "
        "without redundant ones",
        "low layers were unable to learn interactions that could be directly used for classification [...]. Then, "
        "middle layers and high layers gradually learned the target interactions for inference without generating "
        "redundant interactions",
        (NOT_LEARNED_EARLY, COMPLETENESS_RISES, *LITTLE_REDUNDANCY),
        (Label("CIFAR-10", "MLP-7"), Label("CIFAR-10", "VGG-11")),
    ),
    app_k(
        "transformers",
        "Transformers: low layers cannot encode target interactions; middle layers learn them with redundant ones; "
        "high layers forget these, mainly high orders",
        "low layers usually could not encode target interactions. Then, middle layers gradually learned the target "
        "interactions for inference, but also brought in lots of redundant interactions. High layers usually forgot "
        "redundant interactions, which were mainly high-order and unstable",
        (NOT_LEARNED_EARLY, COMPLETENESS_RISES, REDUNDANT_IN_THE_MIDDLE, REDUNDANCY_FALLS, HIGH_ORDERS_REMOVED),
        tuple(Label("SST-2", network) for network in ("MiniLM", "DistilBERT", "BERT", "DistilBERT†", "BERT†")),
    ),
)


# ---- what the choices change ----------------------------------------------------------------------------------------


def counted_to_the_letter(interactions: xr.DataArray, salient: xr.DataArray) -> xr.Dataset:
    """How much of a layer's strength overlap + forget contain if Eq. 7 is taken to the letter.

    To the letter, an interaction that is salient in layer l but not in the output counts as forgotten less the small
    effect that it still has in the output, and that rest is not in the overlap. With the choice of `lkutils.metrics`
    nothing is missed.

    Args:
        interactions: all of them, in log-odds (kind, layer, sample, coalition).
        salient: `lkutils.metrics.salient_part` of them.

    Returns:
        With the axis (sample), in output ranges and over all layers: ``strength``, ``counted``, the part of it that is
        in overlap or forget, and ``missed``, the share that is not.
    """
    everything, in_layer, in_output = metrics.normalised(interactions), salient != 0, metrics.last_layer(salient) != 0
    in_common = metrics.shared(everything, metrics.last_layer(everything))
    counted = abs(in_common).where(in_layer & in_output, 0) + abs(everything - in_common).where(in_layer, 0)
    axes = ["kind", "layer", "coalition"]
    parts = xr.Dataset({"strength": abs(salient).sum(axes), "counted": counted.sum(axes)})
    return parts.assign(missed=1 - parts.counted / parts.strength)


def opposite_signs(salient: xr.DataArray) -> float:
    """Of the strength of layers in interactions that are salient in the output too, the share with opposite sign."""
    probed, in_output = salient.isel(layer=slice(-1)), metrics.last_layer(salient)
    in_both = abs(probed).where(in_output != 0, 0)
    return float(in_both.where(probed * in_output < 0, 0).sum() / in_both.sum())


def completeness_by_choice(interactions: xr.DataArray, ratio: float, per_sample: bool) -> dict[str, float]:
    """Completeness of the middle layers in AND interactions: as it is here, and with either choice made otherwise.

    Args:
        interactions: in log-odds (kind, layer, sample, coalition).
        ratio, per_sample: of `lkutils.metrics.salience_threshold`, as they are here.
    """
    here, otherwise = (
        metrics.track(metrics.salient_part(interactions, ratio, rule)).sel(kind="and")
        for rule in (per_sample, not per_sample)
    )
    return {
        "as here": float(completeness_of(here.mean("sample"), "middle")),
        "the other tau": float(completeness_of(otherwise.mean("sample"), "middle")),
        "mean of ratios": float(completeness_of(here, "middle").mean("sample")),
    }
