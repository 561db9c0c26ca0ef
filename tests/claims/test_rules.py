"""Each outcome of each rule, on samples that were planted for it; and the registry."""

import json
import re

import numpy as np
import pytest
import xarray as xr

from lkutils.claims import registry, verdicts
from lkutils.claims.sparsity import NOISE_TOLERANCE, ROUNDING
from lkutils.claims.tracking import SECTION
from lkutils.claims.verdicts import judge
from lkutils.games import Label
from lkutils.paper import paths

# ---- what is planted -------------------------------------------------------------------------------------------------
# For every claim that a chapter tests: a sample in which it is so, and for each of its tests one in which only that is
# not. Mixed half and half, such samples lie around the limit.

LAYER_NAMES = [*(f"block{k}" for k in range(1, 7)), "output"]


def numbers(**values: float) -> xr.Dataset:
    return xr.Dataset(values)


def layered(**values: list[float]) -> xr.Dataset:
    """One number for each layer, for the output that of the last layer."""
    return xr.Dataset({name: ("layer", [*by_layer, by_layer[-1]]) for name, by_layer in values.items()})


def parts(
    overlap: list[float],
    forget: list[float],
    high_overlap: list[float] | None = None,
    high_forget: list[float] | None = None,
    high: float = 0.0,
) -> xr.Dataset:
    """Overlap, forget and new of six layers whose output has a strength of 1 in order 1 and of ``high`` in order 4.

    The first two lists are of order 1, the others of order 4; both kinds are alike.
    """
    nothing = [0.0] * 7
    shared = [[*overlap, 1.0], nothing, nothing, [*(high_overlap or nothing[:6]), high]]
    gone = [[*forget, 0.0], nothing, nothing, [*(high_forget or nothing[:6]), 0.0]]
    coordinates = {"order": [1, 2, 3, 4], "layer": LAYER_NAMES}
    one_kind = xr.Dataset({"overlap": (("order", "layer"), shared), "forget": (("order", "layer"), gone)}, coordinates)
    one_kind["new"] = one_kind.overlap.isel(layer=-1) - one_kind.overlap
    return one_kind.expand_dims(kind=["and", "or"]).copy(deep=True)


def rising(low: float, middle: float, high: float) -> list[float]:
    return [low, low, middle, middle, high, high]


NONE, LITTLE = [0.0] * 6, [0.1] * 6
SWELLS = rising(0.1, 0.7, 0.1)
LATE = rising(0.3, 0.4, 0.45)  # completeness that starts low and rises

OF_KIND = {
    "claim-low-orders-stronger": (
        parts(NONE, NONE, high=0.25),
        [parts(NONE, NONE, high=1.75)],
    ),
    "claim-completeness-rises": (
        parts(rising(0.1, 0.5, 0.9), LITTLE),
        [parts(rising(0.9, 0.5, 0.1), LITTLE)],
    ),
    "claim-high-orders-incomplete": (
        parts([0.8] * 6, NONE, [0.2] * 6, high=1.0),
        [parts([0.2] * 6, NONE, [0.8] * 6, high=1.0)],
    ),
    "claim-middle-learned-most": (
        parts([0.7] * 6, LITTLE),
        [parts([0.3] * 6, LITTLE)],
    ),
    "claim-redundancy-rises-falls": (
        parts([0.5] * 6, rising(0.1, 0.5, 0.1)),
        [parts([0.5] * 6, rising(0.9, 0.5, 0.1)), parts([0.5] * 6, rising(0.1, 0.5, 0.9))],
    ),
}

TABULAR = {
    "claim-tabular-low-orders": OF_KIND["claim-low-orders-stronger"],
    "claim-tabular-middle-learned-most": OF_KIND["claim-middle-learned-most"],
    "claim-tabular-extreme-orders-late": (
        parts(NONE, NONE, high_overlap=rising(0.0, 0.2, 0.6), high=1.0),
        [parts(NONE, NONE, high_overlap=rising(0.0, 0.6, 0.2), high=1.0)],
    ),
    "claim-tabular-little-redundancy": (
        parts(rising(0.7, 0.3, 0.7), LITTLE),
        [
            parts(rising(0.3, 0.3, 0.7), LITTLE),
            parts(rising(0.7, 1.0, 0.7), rising(0.1, 0.9, 0.1)),
            parts(rising(0.7, 0.1, 0.7), rising(0.1, 0.3, 0.1)),
        ],
    ),
}

SHARED = (numbers(iou=0.2, corrected=0.1), [numbers(iou=-0.2, corrected=0.1), numbers(iou=0.2, corrected=-0.1)])


def by_order(overlap: list[float], forget: list[float], output: list[float]) -> xr.Dataset:
    """Six equal layers and the output, orders 1 to 6, both kinds alike."""
    coordinates = {"layer": LAYER_NAMES, "order": range(1, 7)}
    found = xr.Dataset(
        {
            "overlap": (("layer", "order"), [overlap] * 6 + [output]),
            "forget": (("layer", "order"), [forget] * 6 + [[0.0] * 6]),
        },
        coordinates,
    )
    found["new"] = found.overlap.isel(layer=-1) - found.overlap
    return found.expand_dims(kind=["and", "or"]).copy(deep=True)


SIMPLE, COMPLEX = [1.0, 0, 0, 0, 0, 0], [0.98, 0, 0, 0, 0, 0.02]


def stable(median: list[float], products: float) -> xr.Dataset:
    """Median stability by order, and the slope at equal strength."""
    return xr.Dataset({"median": ("order", median), "products": products, "spread": 1.0}, {"order": [1, 2, 3, 4]})


STABLE = (stable([8, 4, 2, 1], -1.0), [stable([1, 2, 4, 8], -1.0), stable([8, 4, 2, 1], 1.0)])


def near(at_003: float, at_005: float) -> xr.Dataset:
    """Similarity to the interactions with 0.04; that of a second solution with 0.04 is 0.8."""
    similarity = xr.DataArray([at_003, 1.0, at_005], {"kappa": [0.03, 0.04, 0.05]}, ("kappa",))
    return xr.Dataset({"similarity": similarity, "similarity_again": 0.8})


PLANTED: dict[str, tuple[xr.Dataset, list[xr.Dataset]]] = {
    "claim-universal-matching": (
        numbers(harsanyi=1e-14, split=1e-14, noise=1.0),
        [
            numbers(harsanyi=1e-3, split=1e-14, noise=1.0),
            numbers(harsanyi=1e-14, split=1e-3, noise=1.0),
            numbers(harsanyi=1e-14, split=1e-14, noise=1.1),
        ],
    ),
    "claim-small-set-matches": (numbers(error=5.0), [numbers(error=15.0)]),
    "claim-few-salient": (numbers(share=3.0), [numbers(share=7.0)]),
    "claim-salient-count": (numbers(to_paper=1.0), [numbers(to_paper=1.6)]),
    "claim-others-small": (numbers(median=0.05), [numbers(median=0.15)]),
    "claim-no-extreme-orders": (by_order(SIMPLE, NONE, SIMPLE), [by_order(SIMPLE, NONE, COMPLEX)]),
    "claim-resnet20-nothing-new": (
        by_order(SIMPLE, [0.1, 0, 0, 0.2, 0.2, 0], SIMPLE),
        [
            by_order(SIMPLE, [0.7, 0, 0, 0.2, 0.2, 0], SIMPLE),
            by_order(SIMPLE, [0.1, 0, 0, 0.2, 0.2, 0], [1.3, 0, 0, 0, 0, 0]),
        ],
    ),
    "claim-late-layers-settled": (numbers(high_layers=0.7), [numbers(high_layers=0.3)]),
    "claim-adjacent-layers": (
        numbers(next_layer=0.7, other_sample=0.1),
        [numbers(next_layer=0.3, other_sample=0.1), numbers(next_layer=0.7, other_sample=1.3)],
    ),
    "claim-early-less-high-order": (
        layered(strength=[1.0] * 6, weighted_order=rising(1, 1.5, 2), high_orders=rising(0.1, 0.2, 0.3)),
        [
            layered(strength=[1.0] * 6, weighted_order=rising(2, 1.5, 1), high_orders=rising(0.1, 0.2, 0.3)),
            layered(strength=[1.0] * 6, weighted_order=rising(1, 1.5, 2), high_orders=rising(0.3, 0.2, 0.1)),
        ],
    ),
    "claim-later-like-output": (layered(to_output=rising(0.2, 0.4, 0.8)), [layered(to_output=rising(0.8, 0.4, 0.2))]),
    "claim-low-orders-shared-and": SHARED,
    "claim-low-orders-shared-or": SHARED,
    "claim-low-orders-stable-and": STABLE,
    "claim-low-orders-stable-or": STABLE,
    "claim-parts-add-up": (numbers(missed=0.0), [numbers(missed=0.02)]),
    "claim-interactions-explain-more": (
        xr.Dataset({"salient interactions": 0.1, "n interactions": 0.2, "Shapley values": 0.3}),
        [
            xr.Dataset({"salient interactions": 0.5, "n interactions": 0.2, "Shapley values": 0.3}),
            xr.Dataset({"salient interactions": 0.1, "n interactions": 0.4, "Shapley values": 0.3}),
        ],
    ),
    "claim-shapley-from-interactions": (numbers(difference=1e-15), [numbers(difference=1e-3)]),
    "claim-high-layer-aligned": (
        numbers(shared=0.7, other_sample=0.1),
        [numbers(shared=0.3, other_sample=0.1), numbers(shared=0.7, other_sample=0.6)],
    ),
    "claim-or-is-and": (numbers(difference=1e-15), [numbers(difference=1e-3)]),
    "claim-noise-ratio-constant": (
        xr.Dataset({"own": ("order", [0.04, 0.045, 0.04])}),
        [xr.Dataset({"own": ("order", [0.04, 0.055, 0.04])})],
    ),
    "claim-kappa-robust": (near(0.9, 0.9), [near(0.7, 0.9), near(0.9, 0.7)]),
    **{f"{claim.id}-{kind}": OF_KIND[claim.id] for claim in SECTION for kind in ("and", "or")},
    **{f"{id_}-{kind}": planted for id_, planted in TABULAR.items() for kind in ("and", "or")},
    "claim-usual-way": (
        parts([0.7] * 6, SWELLS),
        [
            parts([0.3] * 6, SWELLS),
            parts([0.7] * 6, rising(0.1, 0.3, 0.1)),
            parts([0.7] * 6, rising(0.1, 0.7, 1.3)),
        ],
    ),
    "claim-mnist-quickly": (parts([0.7] * 6, LITTLE), [parts([0.3] * 6, LITTLE)]),
    "claim-resnet20": (
        parts([0.7] * 6, NONE, high_forget=SWELLS),
        [
            parts([0.3] * 6, NONE, high_forget=SWELLS),
            parts([0.7] * 6, rising(0.0, 0.0, 1.2), high_forget=SWELLS),
            parts([0.7] * 6, SWELLS),
        ],
    ),
    "claim-late-without-redundancy": (
        parts(LATE, LITTLE),
        [
            parts(rising(0.7, 0.8, 0.9), LITTLE),
            parts(rising(0.3, 0.2, 0.15), LITTLE),
            parts(LATE, rising(0.1, 0.9, 0.1)),
            parts(LATE, rising(0.1, 0.1, 0.9)),
        ],
    ),
    "claim-transformers": (
        parts(LATE, NONE, high_forget=SWELLS),
        [
            parts(rising(0.7, 0.8, 0.9), NONE, high_forget=SWELLS),
            parts(rising(0.3, 0.2, 0.15), NONE, high_forget=SWELLS),
            parts(LATE, NONE, high_forget=rising(0.1, 0.3, 0.1)),
            parts(LATE, rising(0.0, 0.0, 1.2), high_forget=SWELLS),
            parts(LATE, SWELLS),
        ],
    ),
}

# Claims about every sample are unclear only at the very limit.
AT_THE_LIMIT = {
    "claim-universal-matching": [
        numbers(harsanyi=ROUNDING, split=1e-14, noise=1.0),
        numbers(harsanyi=1e-14, split=ROUNDING, noise=1.0),
        numbers(harsanyi=1e-14, split=1e-14, noise=NOISE_TOLERANCE),
    ],
    "claim-parts-add-up": [numbers(missed=1e-6)],
    "claim-shapley-from-interactions": [numbers(difference=ROUNDING)],
    "claim-or-is-and": [numbers(difference=ROUNDING)],
}


# ---- each outcome of each rule ---------------------------------------------------------------------------------------

TESTED = [claim for claim in registry.CLAIMS if claim.chapter]
UNTESTED = [claim for claim in registry.CLAIMS if not claim.chapter]
PARTS_OF_RULES = [(claim, k) for claim in TESTED for k in range(len(claim.rule.tests))]


def samples(*planted: xr.Dataset, n: int = 40) -> xr.Dataset:
    """As many samples, the planted ones in turn."""
    return xr.concat([planted[k % len(planted)] for k in range(n)], "sample")


def outcome(claim, found: xr.Dataset) -> str:
    label = claim.networks[0] if claim.networks else Label("MNIST", "MLP-7")
    return judge(claim, {label: found}).outcomes[label]


def name(value) -> str:
    return value.id if hasattr(value, "id") else str(value)


def test_every_tested_claim_is_planted():
    assert set(PLANTED) == {claim.id for claim in TESTED}
    assert all(len(PLANTED[claim.id][1]) == len(claim.rule.tests) for claim in TESTED)


@pytest.mark.parametrize("claim", TESTED, ids=name)
def test_yes(claim):
    assert outcome(claim, samples(PLANTED[claim.id][0])) == "yes"


@pytest.mark.parametrize(("claim", "k"), PARTS_OF_RULES, ids=name)
def test_no_where_one_part_is_refuted(claim, k):
    found = judge(claim, {(claim.networks or [Label("a", "b")])[0]: samples(PLANTED[claim.id][1][k])})
    (measured,) = found.measured.values()
    assert [test.outcome for test in measured] == ["no" if i == k else "yes" for i in range(len(measured))]
    assert list(found.outcomes.values()) == ["no"]


@pytest.mark.parametrize(("claim", "k"), PARTS_OF_RULES, ids=name)
def test_unclear_where_one_part_is(claim, k):
    yes, no = PLANTED[claim.id]
    found = samples(AT_THE_LIMIT[claim.id][k]) if claim.rule.tests[k].every else samples(yes, no[k])
    assert outcome(claim, found) == "unclear"


@pytest.mark.parametrize("claim", TESTED, ids=name)
def test_too_few(claim):
    yes = PLANTED[claim.id][0]
    if claim.rule.tests[0].every:
        assert outcome(claim, samples(yes, n=1)) == "yes"
        assert outcome(claim, samples(yes) * np.nan) == "too few"
    else:
        assert outcome(claim, samples(yes, n=9)) == "too few"


def test_one_sample_in_a_hundred_refutes_a_claim_about_every_sample():
    claim = registry.find_claim("claim-universal-matching")
    yes, (_, _, noisy) = PLANTED[claim.id]
    assert outcome(claim, xr.concat([samples(yes, n=99), samples(noisy, n=1)], "sample")) == "no"


@pytest.mark.parametrize(("count", "expected"), [(0.5, "no"), (0.81, "yes"), (1.24, "yes"), (1.3, "no")])
def test_a_count_is_the_papers_within_a_factor_both_ways(count, expected):
    assert outcome(registry.find_claim("claim-salient-count"), samples(numbers(to_paper=count))) == expected


def test_a_wide_interval_around_the_papers_count_is_unclear():
    claim = registry.find_claim("claim-salient-count")
    assert outcome(claim, samples(numbers(to_paper=0.0), numbers(to_paper=2.0))) == "unclear"


def test_orders_that_hardly_any_sample_has_are_too_few():
    claim = registry.find_claim("claim-high-orders-incomplete-and")
    without = parts([0.8] * 6, [0.0] * 6)
    some = [PLANTED[claim.id][0]] * 9 + [without] * 31
    assert outcome(claim, xr.concat(some, "sample")) == "too few"
    early = registry.find_claim("claim-early-less-high-order")
    yes = PLANTED[early.id][0]
    some = [yes] * 9 + [yes.assign(high_orders=0 * yes.high_orders)] * 31
    assert outcome(early, xr.concat(some, "sample")) == "too few"


def test_networks_without_thirds_have_too_few():
    claim = registry.find_claim("claim-redundancy-rises-falls-and")
    shallow = samples(PLANTED[claim.id][0]).isel(layer=[0, 2, 6])
    assert outcome(claim, shallow) == "too few"


def test_a_kind_is_judged_by_its_own_interactions():
    found = samples(PLANTED["claim-completeness-rises-and"][0])
    backwards = found.isel(layer=[5, 4, 3, 2, 1, 0, 6]).assign_coords(layer=LAYER_NAMES)
    found = xr.concat([found.sel(kind=["and"]), backwards.sel(kind=["or"])], "kind")
    assert outcome(registry.find_claim("claim-completeness-rises-and"), found) == "yes"
    assert outcome(registry.find_claim("claim-completeness-rises-or"), found) == "no"


# ---- the registry


def test_the_registry_is_complete_data():
    ids = [claim.id for claim in registry.CLAIMS + registry.BEYOND]
    assert len(registry.CLAIMS) >= 20
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"claim-[a-z0-9-]+", id_) for id_ in ids)
    for claim in registry.CLAIMS:
        assert all([claim.words, claim.quotation, claim.section, claim.rule.tests]), claim.id
        assert all(test.limits for test in claim.rule.tests), claim.id
        assert claim.rule.set_before or claim.rule.changed, claim.id


def test_tested_claims_have_functions_and_others_have_none():
    assert all(test.statistic for claim in TESTED for test in claim.rule.tests)
    assert not any(test.statistic for claim in UNTESTED for test in claim.rule.tests)
    assert UNTESTED


def test_chapters_of_claims_exist():
    chapters = {claim.chapter for claim in TESTED}
    assert chapters == {
        "01_sparsity",
        "02_layers",
        "03_tracking",
        "04_generalization",
        "05_stability",
        "a1_attribution",
        "a2_theory",
        "a3_tabular",
        "a4_kappa",
        "a5_noise_ratio",
    }
    assert all((paths.ROOT / "notebooks" / f"{chapter}.py").exists() for chapter in chapters)


def test_verdicts_are_read_back_from_a_notebook():
    claim = registry.find_claim("claim-salient-count")
    found = judge(claim, {claim.networks[0]: samples(PLANTED[claim.id][0])}, setting="tau of App. M.4")
    (entry,) = json.loads(json.dumps(verdicts.metadata([found])))["verdicts"]
    assert registry.read_verdict(entry) == found
    with pytest.raises(KeyError, match="claim-unknown"):
        registry.read_verdict({**entry, "claim": "claim-unknown"})
