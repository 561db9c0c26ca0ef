"""What App. B says of interactions beside attributions: where Shapley values come from, and who explains more."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from jaxtyping import Float

from lkutils import metrics
from lkutils.attribution import shapley_by_definition
from lkutils.axes import check_axes
from lkutils.claims.claim import Claim, Expected, Rule
from lkutils.claims.sparsity import ROUNDING
from lkutils.mobius import and_interactions, coalition_sizes, shapley_values

# ---- what the claims need from each sample ---------------------------------------------------------------------------


def identity_errors(values: xr.DataArray, interactions: xr.DataArray) -> xr.Dataset:
    """How far phi(i) = sum of I(S) / |S| over all S with i is from the definition of the Shapley value (App. B).

    Args:
        values: v(x_T) in log-odds (sample, coalition).
        interactions: as they were extracted, in log-odds (kind, sample, coalition); they explain v - delta.

    Returns:
        Largest differences over all players, in output ranges (sample): ``extracted``, of the extracted interactions
        from the definition on v - delta; ``harsanyi``, of the AND interactions of v from the definition on v;
        ``difference``, the larger of the two; ``efficiency``, of the sum of all values from v(x_N) - v(x_empty);
        ``noise``, what delta changes. And those of mistakes: ``shared by all n``, ``OR subtracted`` and ``players
        counted backwards``.

    Example:
        >>> v = xr.DataArray([[0.0, 1.0, 1.0, 4.0]], dims=("sample", "coalition"))
        >>> both = xr.DataArray([[[0.0, 1.0, 1.0, 2.0]], [[0.0] * 4]], {"kind": ["and", "or"]},
        ...                     ("kind", "sample", "coalition"))
        >>> found = identity_errors(v, both)
        >>> found["difference"].values, found["shared by all n"].values
        (array([0.]), array([0.125]))
    """
    check_axes(values, "sample", "coalition")
    check_axes(interactions, "kind", "sample", "coalition")
    v = values.transpose("sample", "coalition").values.astype(float)
    and_, or_ = interactions.transpose("kind", "sample", "coalition").sel(kind=["and", "or"]).values
    explained = metrics.matched_values(interactions).transpose("sample", "coalition").values
    of_values, of_explained = shapley_by_definition(v), shapley_by_definition(explained)
    found = shapley_values(and_, or_).numpy()
    harsanyi = shapley_values(and_interactions(v), np.zeros_like(v)).numpy()
    n = found.shape[-1]
    size = coalition_sizes(n).numpy()
    scale = metrics.output_range(values).item()
    errors = {
        "extracted": found - of_explained,
        "harsanyi": harsanyi - of_values,
        "efficiency": of_values.sum(-1, keepdims=True) - (v[:, -1:] - v[:, :1]),
        "noise": of_explained - of_values,
        "shared by all n": shapley_values(and_ * size / n, or_ * size / n).numpy() - of_explained,
        "OR subtracted": shapley_values(and_, -or_).numpy() - of_explained,
        "players counted backwards": found[:, ::-1] - of_explained,
    }
    largest = {name: ("sample", abs(error).max(-1) / scale) for name, error in errors.items()}
    both = np.maximum(largest["extracted"][1], largest["harsanyi"][1])
    return xr.Dataset({"difference": ("sample", both), **largest})


def matching_errors(
    values: xr.DataArray,
    interactions: xr.DataArray,
    attributions: Mapping[str, xr.DataArray],
    tau_ratio: float = metrics.TAU_RATIO,
) -> xr.Dataset:
    """How well explanations match all 2^n outputs: root mean square over T, in output ranges (sample).

    A set of interactions says what the output of T is by Eq. 4. An attribution says that it is v(x_empty) and the sum
    of the players in T, as there is nothing else in it.

    Args:
        values: v(x_T) in log-odds (sample, coalition).
        interactions: as they were extracted, in log-odds (kind, sample, coalition).
        attributions: of every method (sample, player), in log-odds.
        tau_ratio: an interaction is salient above this share of the strongest of its sample.

    Returns:
        ``salient interactions``, ``n interactions``, the strongest of them, as many as there are players; every method
        by its name; ``best sum``, that of any constant and any numbers of the players; ``n_salient``.

    Example:
        >>> v = xr.DataArray([[0.0, 1.0, 1.0, 4.0]], dims=("sample", "coalition"))
        >>> both = xr.DataArray([[[0.0, 1.0, 1.0, 2.0]], [[0.0] * 4]], {"kind": ["and", "or"]},
        ...                     ("kind", "sample", "coalition"))
        >>> errors = matching_errors(v, both, {"Shapley": xr.DataArray([[2.0, 2.0]], dims=("sample", "player"))})
        >>> errors["salient interactions"].values, errors["Shapley"].round(3).values
        (array([0.]), array([0.177]))
    """
    check_axes(values, "sample", "coalition")
    n = values.sizes["coalition"].bit_length() - 1
    v = values.transpose("sample", "coalition").values.astype(float)
    visible = (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(float)
    is_salient = metrics.salient(interactions, metrics.salience_threshold(interactions, tau_ratio, per_sample=True))
    constant = interactions["coalition"] == 0
    design = np.concatenate([np.ones((2**n, 1)), visible], axis=-1)
    best = design @ np.linalg.lstsq(design, v.T, rcond=None)[0]
    sums = {
        name: v[:, :1] + part.transpose("sample", "player").values @ visible.T for name, part in attributions.items()
    }
    scale = metrics.output_range(values).item()

    def error(matched: Float[np.ndarray, "sample coalition"]) -> tuple[str, np.ndarray]:
        return "sample", np.sqrt(((matched - v) ** 2).mean(-1)) / scale

    def of_interactions(part: xr.DataArray) -> tuple[str, np.ndarray]:
        return error(metrics.matched_values(part).transpose("sample", "coalition").values)

    return xr.Dataset(
        {
            "salient interactions": of_interactions(interactions.where(is_salient | constant, 0.0)),
            "n interactions": of_interactions(metrics.keep_strongest(interactions, n)),
            **{name: error(matched) for name, matched in sums.items()},
            "best sum": error(best.T),
            "n_salient": ("sample", is_salient.sum(["kind", "coalition"]).values),
        }
    )


def alignment(salient: xr.DataArray, low: str, high: str) -> xr.Dataset:
    """How much of a high layer's interactions a low layer has already (App. B, third perspective).

    Args:
        salient: `lkutils.salient_part` (kind, layer, sample, coalition).
        low, high: names of the layers.

    Returns:
        Shares of the high layer's overall strength (sample): ``shared`` with the low layer, ``other_sample`` with the
        low layer on the next sample; NaN where the high layer has no interaction.

    Example:
        >>> axes = {"kind": ["and"], "layer": ["a", "b"], "sample": [0, 1], "coalition": range(4)}
        >>> effects = [[[[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]], [[0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]]]
        >>> found = alignment(xr.DataArray(effects, axes, list(axes)), "a", "b")
        >>> found["shared"].values, found["other_sample"].values
        (array([0.5, 1. ]), array([0., 0.]))
    """
    here = metrics.nonempty(salient.sel(layer=high, drop=True))
    below = metrics.nonempty(salient.sel(layer=low, drop=True))
    axes = ["kind", "coalition"]
    strength = abs(here).sum(axes)
    strength = strength.where(strength > 0)
    rolled = below.roll(sample=1)  # the labels of samples stay
    return xr.Dataset(
        {
            "shared": abs(metrics.shared(here, below)).sum(axes) / strength,
            "other_sample": abs(metrics.shared(here, rolled)).sum(axes) / strength,
        }
    )


def background_share(found: xr.Dataset) -> xr.DataArray:
    """Share of the background in the sizes of all sums: |background| / (|background| + sum over players |sum|).

    Args:
        found: ``integrated`` (..., player) and ``background`` (...).

    Example:
        >>> found = xr.Dataset({"integrated": ("player", [1.0, -2.0]), "background": 1.0})
        >>> background_share(found).item()
        0.25
    """
    background = abs(found["background"])
    total = background + abs(found["integrated"]).sum("player")
    return background / total.where(total > 0)


# ---- the claims ------------------------------------------------------------------------------------------------------

SHAPLEY = Claim(
    id="claim-shapley-from-interactions",
    words="The Shapley value is each interaction's effect shared equally by its players",
    quotation="The Shapley value of each input variable can be rewritten as a re-allocation of AND-OR interactions",
    section="App. B",
    figure="",
    chapter="a1_attribution",
    rule=Rule(
        (
            Expected(
                "largest difference from the definition (in output ranges)",
                lambda found: found.difference,
                below=ROUNDING,
                every=True,
            ),
        ),
        set_before=False,
        changed="When the rule was written, the library's tests had checked the identity on random numbers.",
    ),
)

MORE_PRECISE = Claim(
    id="claim-interactions-explain-more",
    words="Interactions match the masked outputs better than Shapley values do",
    quotation="our method can provide a more precise explanation than attribution methods",
    section="App. B",
    figure="Fig. 6",
    chapter="a1_attribution",
    rule=Rule(
        (
            Expected(
                "error of the salient interactions less that of Shapley values (in output ranges)",
                lambda means: means["salient interactions"] - means["Shapley values"],
                below=0,
            ),
            Expected(
                "error of as many interactions as players less that of Shapley values (in output ranges)",
                lambda means: means["n interactions"] - means["Shapley values"],
                below=0,
            ),
        ),
        set_before=True,
    ),
)

ALIGNED = Claim(
    id="claim-high-layer-aligned",
    words="MLP-7: interactions of a high layer can be found in a low layer",
    quotation="interactions used for computing a high-layer feature can also be aligned with interactions for "
    "computing a low-layer feature",
    section="App. B",
    figure="Fig. 6",
    chapter="a1_attribution",
    rule=Rule(
        (
            Expected(
                "share of the high layer's strength that the low layer has", lambda means: means.shared, above=0.5
            ),
            Expected(
                "the same with the low layer on another sample, over it",
                lambda means: means.other_sample / means.shared,
                below=0.5,
            ),
        ),
        set_before=True,
    ),
)

RANKED_ALIKE = Claim(
    id="claim-attributions-agree",
    words="Integrated Gradients and Shapley values rank the players alike",
    quotation="",
    section="App. B",
    figure="Fig. 6",
    chapter="a1_attribution",
    rule=Rule((Expected("rank correlation", lambda means: means.correlation, above=0.5),), set_before=True),
)

BEYOND = (RANKED_ALIKE,)
