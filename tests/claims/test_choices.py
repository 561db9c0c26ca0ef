"""What is kept of a game gives the same verdicts as the game; and how far verdicts depend on choices, by hand."""

import itertools

import numpy as np
import pytest
import xarray as xr

from lkutils import metrics
from lkutils.claims import choices, layers, sparsity, standing
from lkutils.claims.judging import bounds
from lkutils.claims.tracking import TRACKING_OR
from lkutils.claims.verdicts import judge
from lkutils.games import Label

LABEL = Label("CIFAR-10", "MLP-7")


def random_game(n_players, n_layers=6, n_samples=12):
    """Interactions that grow from layer to layer and are mostly small, and values near to what they match."""
    random = np.random.default_rng(n_players)
    names = [*(f"layer{k}" for k in range(n_layers)), "output"]
    shape = (2, n_layers + 1, n_samples, 2**n_players)
    growth = np.linspace(0.3, 1, n_layers + 1)[None, :, None, None]
    numbers = random.standard_normal(shape) ** 5 * growth
    numbers[1, ..., 0] = 0
    coordinates = {"kind": ["and", "or"], "layer": names, "sample": range(n_samples), "coalition": range(2**n_players)}
    interactions = xr.DataArray(numbers, coordinates, ("kind", "layer", "sample", "coalition"))
    return metrics.matched_values(interactions.isel(layer=-1, drop=True)) + 0.1, interactions


def as_chapters_read_it(values, interactions, ratio, per_sample):
    """What chapters 01 to 03 give to the rules."""
    output = interactions.isel(layer=-1, drop=True)
    tau = metrics.salience_threshold(output, ratio, per_sample)
    salient = metrics.salient_part(interactions, ratio, per_sample)
    return {
        "layers": layers.layer_statistics(salient),
        "sparsity": sparsity.salience_statistics(values, output, tau, LABEL),
    }, metrics.track(salient)


@pytest.mark.parametrize("n_players", [4, 5])
def test_what_is_kept_gives_the_verdicts_of_the_chapters(n_players):
    values, interactions = random_game(n_players)
    found = choices.for_claims(choices.measured(values, interactions), LABEL)
    found = found.expand_dims(extraction=["kappa 0.04"], variant=1)
    claims = [c for some in choices.FAMILIES.values() for c in some if c.networks is None or LABEL in c.networks]
    together = choices.judged({key: [0] for key in claims}, found, resamples=2000)
    assert len(together) == len(claims) > 12
    for (rule, per_sample), ratio in itertools.product(choices.TAU_RULES.items(), choices.TAU_RATIOS):
        read, tracked = as_chapters_read_it(values, interactions, ratio, per_sample)
        for family, some in choices.FAMILIES.items():
            for claim in set(some) & set(claims):
                [tests] = judge(claim, {LABEL: read.get(family, tracked)}).measured.values()
                if claim is layers.LATER_LIKE_OUTPUT and not per_sample:
                    continue  # what is kept are means over layers, and here samples without similarity are left out
                here = together[claim.id].sel(tau_rule=rule, tau_ratio=ratio, extraction="kappa 0.04", variant=0)
                for k, test in enumerate(tests):
                    one = here.isel(test=k)
                    expected = [test.low, test.estimate, test.high]
                    np.testing.assert_allclose([one.low, one.estimate, one.high], expected, rtol=1e-5, atol=1e-6)
                    assert one["each"].item() == test.outcome, (claim.id, test)


def test_and_interactions_alone_say_nothing_of_or():
    values, interactions = random_game(4)
    found = choices.for_claims(choices.measured(values, interactions), LABEL)
    both = xr.concat([found, found], xr.IndexVariable("extraction", ["kappa 0.04", "AND alone"])).expand_dims("variant")
    heard = choices.judged({key: [0] for key in [TRACKING_OR[0], layers.ADJACENT_LAYERS]}, both, resamples=100)
    assert heard[TRACKING_OR[0].id]["extraction"].values.tolist() == ["kappa 0.04"]
    assert heard[layers.ADJACENT_LAYERS.id].sizes["extraction"] == 2


def test_specifications_have_all_ways_and_halves_of_samples():
    values, interactions = random_game(4, n_samples=24)
    found = choices.for_claims(choices.measured(values, interactions), LABEL).expand_dims(extraction=["kappa 0.04"])
    weaker = found.assign({name: 0.5 * found[name] for name in ("to_output", "next_layer", "other_sample")})
    claim = layers.ADJACENT_LAYERS
    other = Label("MNIST", "VGG-11")
    networks = {other: {"as shipped": weaker}, LABEL: {"as shipped": found, "seed 1": weaker}}
    of_networks = choices.specifications([claim], networks, resamples=100)[claim.id]
    assert of_networks[other].sizes["training"] == 1
    elsewhere = next(claim for claim in choices.FAMILIES["readings of App. K"] if claim.id == "claim-transformers")
    assert choices.specifications([claim, elsewhere], networks, resamples=100)[elsewhere.id] == {}
    one = of_networks[LABEL]
    assert {*one["outcome"].dims} == {*choices.MAIN}
    pick = {"tau_rule": "each sample", "tau_ratio": 0.05, "extraction": "kappa 0.04", "test": 0}
    expected = {
        ("as shipped", "all"): found.next_layer,
        ("as shipped", "first half"): found.next_layer.isel(sample=slice(12)),
        ("seed 1", "second half"): 0.5 * found.next_layer.isel(sample=slice(12, None)),
    }
    for (training, which), similarity in expected.items():
        estimate = one["estimate"].sel(pick | {"training": training, "samples": which})
        mean = similarity.sel(tau_rule="each sample", tau_ratio=0.05, extraction="kappa 0.04").mean()
        assert estimate.item() == pytest.approx(mean.item())


def outcomes(**by_choice):
    """A network's outcomes along one axis, the book's own choices on all others."""
    [(axis, words)] = by_choice.items()
    names = {name: [choice] for name, choice in choices.MAIN.items()}
    names[axis] = {"tau_ratio": [0.02, 0.05, 0.1], "training": ["as shipped", "seed 1", "seed 2"]}[axis]
    shape = [len(values) for values in names.values()]
    return xr.Dataset({"outcome": (tuple(names), np.array(words).reshape(shape))}, names)


def test_standing_by_hand():
    networks = [outcomes(tau_ratio=["no", "yes", "yes"]), outcomes(training=["no", "unclear", "no"])]
    found = standing.standing(networks)
    assert (found.specifications, found.stands, found.reversed) == (4, 0.5, 0.25)
    assert found.changing == {"tau_ratio": 0.5, "training": 0.5}


def test_shares_by_choice_by_hand():
    claim = layers.LATER_LIKE_OUTPUT
    shares = standing.shares_by_choice([claim], {claim.id: {LABEL: outcomes(tau_ratio=["no", "yes", "yes"])}})
    by_choice = dict(zip(shares["choice"].values.tolist(), shares.values[0].tolist(), strict=True))
    assert by_choice["0.02"] == 0
    assert by_choice["0.1"] == 1
    assert by_choice["kappa 0.04"] == pytest.approx(2 / 3)
    assert set(shares["chosen"].values) == {*standing.CHOSEN.values()}


def test_findings_name_what_stands_and_what_is_reversed():
    stable, fickle = layers.ADJACENT_LAYERS, layers.LATER_LIKE_OUTPUT
    found = {
        stable.id: standing.Standing(100, 0.95, 0.0, {"tau_ratio": 1.0}),
        fickle.id: standing.Standing(100, 0.4, 0.3, {"tau_ratio": 0.5}),
    }
    lines = standing.findings([stable, fickle], found).splitlines()
    assert f"1 of 2 verdicts stand in at least nine of ten specifications: {stable.words} (95%)" in lines[0]
    assert f"{fickle.words} (40%)" in lines[2]
    assert lines[3].endswith(f"in a tenth or more: {fickle.words} (30%).")
    assert "ratio of tau 75%" in lines[4]


def test_a_statistic_is_judged_alike_with_and_without_further_axes():
    values, interactions = random_game(4)
    found = choices.for_claims(choices.measured(values, interactions), LABEL)
    means = choices.uncertainty.resampled_means(found, 200)
    for test in layers.LATER_LIKE_OUTPUT.rule.tests:
        together = bounds(test, found, means)
        alone = {"tau_rule": "all samples", "tau_ratio": 0.1}
        xr.testing.assert_identical(
            together.sel(alone, drop=True), bounds(test, found.sel(alone, drop=True), means.sel(alone, drop=True))
        )
