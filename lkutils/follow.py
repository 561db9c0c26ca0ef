"""Interactions of a game as people read them: followed through the layers, the strongest by name, Shapley values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from lkutils import metrics
from lkutils.axes import check_axes, check_finite
from lkutils.metrics import TAU_PER_SAMPLE, TAU_RATIO
from lkutils.mobius import and_interactions, shapley_values
from lkutils.uncertainty import resampled_means, with_interval

if TYPE_CHECKING:
    import pandas as pd
    import shapiq


def follow(
    found: xr.Dataset,
    *,
    target_layer: str = "output",
    tau_ratio: float = TAU_RATIO,
    tau_per_sample: bool = TAU_PER_SAMPLE,
) -> xr.Dataset:
    """How the interactions of each layer become those of the target layer: shared, forgotten and new ones (Eq. 6-8).

    Args:
        found: what `lkutils.interactions` returns.
        target_layer: the layer L that all layers are compared with.
        tau_ratio, tau_per_sample: which interactions are salient, as in `lkutils.metrics.salience_threshold`.

    Returns:
        ``overlap``, ``forget`` and ``new`` (kind, layer, sample, order), strengths in units of the layer's output range
        (footnote 8); ``completeness`` and ``redundancy`` (kind, layer, order, bound), ratios of means over samples with
        "low", "estimate" and "high" of a 95 % interval, which is NaN for fewer than ten samples. The target layer is
        the last.

    Raises:
        TypeError, ValueError: no interactions with the axes kind, layer, sample, coalition; numbers that are not
            finite; an unknown layer.

    Example:
        >>> axes = ("kind", "layer", "sample", "coalition")
        >>> game = xr.DataArray([[[[0.0, 1.0]], [[0.0, 4.0]]], [[[0.0, 0.0]], [[0.0, 0.0]]]], dims=axes)
        >>> game = game.assign_coords(kind=["and", "or"], layer=["hidden", "output"])
        >>> found = follow(xr.Dataset({"interactions": game}))
        >>> found["completeness"].sel(kind="and", order=1, bound="estimate").values  # each layer is normalised
        array([1., 1.])
    """
    interactions = interactions_in(found)
    layers = [layer for layer in interactions["layer"].values.tolist() if layer != target_layer]
    if len(layers) == interactions.sizes["layer"]:
        raise ValueError(f"there is no layer {target_layer!r} to compare with; there are {', '.join(map(str, layers))}")
    ordered = interactions.sel(layer=[*layers, target_layer])
    tracked = metrics.track(metrics.salient_part(ordered, tau_ratio, tau_per_sample))
    return with_ratios(tracked).assign_attrs(
        target_layer=target_layer, tau_ratio=tau_ratio, tau_per_sample=int(tau_per_sample)
    )


def with_ratios(tracked: xr.Dataset, seed: int = 0) -> xr.Dataset:
    """Parts of `lkutils.metrics.track` with ``completeness`` and ``redundancy`` and their 95 % intervals over samples.

    Args:
        tracked: with the axes (sample, order), and any others.
        seed: of the bootstrap.

    Example:
        >>> axes = ("layer", "sample", "coalition")
        >>> parts = metrics.track(xr.DataArray([[[0.0, 1.0]], [[0.0, 4.0]]], dims=axes))
        >>> with_ratios(parts)["completeness"].sel(order=1, bound="estimate").values
        array([0.25, 1.  ])
    """
    means = resampled_means(tracked, seed=seed)
    return tracked.assign(
        completeness=with_interval(metrics.completeness(means)),
        redundancy=with_interval(metrics.redundancy(means)),
    )


def top(found: xr.Dataset, sample: object, k: int = 10, *, layer: str = "output") -> pd.DataFrame:
    """The strongest interactions of one sample, by name, with their effect in every layer.

    Args:
        found: what `lkutils.interactions` returns; the names of players are its ``player_name``, else their numbers.
        sample: the sample, by its label.
        k: how many interactions at most; those without effect are left out.
        layer: in which they are the strongest.

    Returns:
        A table with a row for each interaction, the strongest first, and the columns ``kind``, ``players``, ``order``,
        and the effect I(S|x) in log-odds in each layer.

    Raises:
        TypeError, ValueError: no interactions; an unknown sample or layer; k below 1.

    Example:
        >>> axes = ("kind", "layer", "sample", "coalition")
        >>> game = xr.DataArray([[[[0.0, 1.0, 0.0, -3.0]]], [[[0.0, 0.0, 0.0, 0.0]]]], dims=axes)
        >>> game = game.assign_coords(kind=["and", "or"], layer=["output"])
        >>> found = xr.Dataset({"interactions": game, "player_name": ("player", ["not", "good"])})
        >>> top(found, 0).values.tolist()
        [['and', 'not, good', 2, -3.0], ['and', 'not', 1, 1.0]]
    """
    if k < 1:
        raise ValueError(f"k={k}: ask for one interaction or more")
    of_sample = one(interactions_in(found), sample=sample)
    names = player_names(found, sample, of_sample.sizes["coalition"].bit_length() - 1)
    effects = metrics.nonempty(of_sample).transpose("layer", "kind", "coalition").stack(rank=["kind", "coalition"])
    strength = abs(one(effects, layer=layer))
    chosen = effects.isel(rank=np.argsort(-strength.values, kind="stable")[:k])
    chosen = chosen.isel(rank=(one(chosen, layer=layer) != 0).values)
    members = [[names[i] for i in range(len(names)) if coalition >> i & 1] for coalition in chosen["coalition"].values]
    columns = {
        "kind": chosen["kind"].values,
        "players": [", ".join(players) for players in members],
        "order": [len(players) for players in members],
        **{str(name): one(chosen, layer=name).values for name in chosen["layer"].values},
    }
    ranks = np.arange(1, len(members) + 1)
    return xr.Dataset({name: ("rank", column) for name, column in columns.items()}, {"rank": ranks}).to_dataframe()


def shapley(game_or_found: xr.Dataset) -> xr.DataArray:
    """Shapley values: what each player contributes, on average over all orders in which players may join (App. B).

    Args:
        game_or_found: a game, whose ``values`` they explain; or what `lkutils.interactions` returns, for which they are
            each interaction's effect shared out equally among its players (App. B), so that they explain v - delta.

    Returns:
        The values (layer, sample, player), in the unit of the game; NaN for players that a sample does not have. They
        sum to v(x_N) - v(x_empty).

    Raises:
        TypeError, ValueError: neither values nor interactions, or numbers that are not finite.

    Example:
        >>> game = xr.Dataset({"values": (("layer", "sample", "coalition"), [[[1.0, 2.0, 4.0, 9.0]]])})
        >>> shapley(game).values
        array([[[3., 5.]]])
    """
    if "interactions" in game_or_found:
        table = interactions_in(game_or_found).transpose("kind", "layer", "sample", ..., "coalition")
        check_finite(table)
        and_, or_ = table.sel(kind=["and", "or"]).fillna(0).values
        table = table.isel(kind=0, drop=True)
    else:
        if not isinstance(game_or_found, xr.Dataset) or "values" not in game_or_found:
            raise TypeError("a game with values or what lkutils.interactions returns was expected, neither is there")
        table = game_or_found["values"]
        check_axes(table, "layer", "sample", "coalition")
        check_finite(table)
        table = table.transpose("layer", "sample", ..., "coalition")
        and_ = and_interactions(table.fillna(0).values.astype(float)).numpy() * table.notnull().values
        or_ = np.zeros_like(and_)
    shares = table.isel(coalition=0).drop_vars(["coalition", "order"], errors="ignore").expand_dims("player", -1)
    values = shapley_values(and_, or_).numpy()
    labelled = xr.DataArray(values, shares.drop_vars("player", errors="ignore").coords, shares.dims, name="shapley")
    labelled = labelled.assign_coords(player=np.arange(values.shape[-1])).assign_attrs(table.attrs)
    if "n_players" in game_or_found:
        labelled = labelled.where(labelled["player"] < game_or_found["n_players"])
    if "player_name" in game_or_found:
        labelled = labelled.assign_coords(player_name=game_or_found["player_name"])
    return labelled


def to_shapiq(found: xr.Dataset, sample: object, layer: str = "output") -> shapiq.InteractionValues:
    """The Möbius transform of what the interactions of one sample and layer explain, for use with shapiq.

    An OR is written as the ANDs that it consists of, since shapiq has no sparse AND-OR form. From this, shapiq's
    converters and plots give every other index (Shapley values, k-SII, ...).

    Args:
        found: what `lkutils.interactions` returns.
        sample: the sample, by its label.
        layer: the layer, by its name.

    Raises:
        ImportError: shapiq is not installed.
        TypeError, ValueError: no interactions; an unknown sample or layer.

    Example:
        >>> axes = ("kind", "layer", "sample", "coalition")
        >>> game = xr.DataArray([[[[1.0, 0.0, 0.0, 0.0]]], [[[0.0, 0.0, 0.0, 3.0]]]], dims=axes)  # 3 for player 0 or 1
        >>> found = xr.Dataset({"interactions": game.assign_coords(kind=["and", "or"], layer=["output"])})
        >>> to_shapiq(found, sample=0).dict_values[(0, 1)]
        -3.0
    """
    try:
        import shapiq  # an extra: only this function needs it
    except ImportError as error:
        raise ImportError("to_shapiq needs the package shapiq: pip install shapiq") from error

    chosen = one(one(interactions_in(found), sample=sample), layer=layer)
    effects = and_interactions(metrics.matched_values(chosen).values).numpy()
    n_players = len(effects).bit_length() - 1
    members = [tuple(i for i in range(n_players) if coalition >> i & 1) for coalition in range(len(effects))]
    return shapiq.InteractionValues(
        effects,
        index="Moebius",
        min_order=0,
        max_order=n_players,
        n_players=n_players,
        interaction_lookup={players: coalition for coalition, players in enumerate(members)},
        estimated=False,
        baseline_value=float(effects[0]),
    )


# ---- labels ----------------------------------------------------------------------------------------------------------


def interactions_in(found: xr.Dataset) -> xr.DataArray:
    """The labelled interactions of what `lkutils.interactions` returns, after a check of their axes.

    Example:
        >>> interactions_in(xr.Dataset({"values": ("coalition", [1.0, 2.0])}))
        Traceback (most recent call last):
        TypeError: these are values, not interactions: extract them with lkutils.interactions(game)
    """
    if isinstance(found, xr.Dataset) and "interactions" not in found:
        raise TypeError(
            f"these are {', '.join(map(str, found))}, not interactions: extract them with lkutils.interactions(game)"
        )
    interactions = found["interactions"] if isinstance(found, xr.Dataset) else found
    check_axes(interactions, "kind", "layer", "sample", "coalition")
    return interactions.assign_coords(coalition=np.arange(interactions.sizes["coalition"]))


def one(array: xr.DataArray, **place: object) -> xr.DataArray:
    """The part of an array at one label of an axis.

    Example:
        >>> one(xr.DataArray([1.0], {"layer": ["output"]}, ("layer",)), layer="ouput")
        Traceback (most recent call last):
        ValueError: there is no layer 'ouput'; there are 'output'
    """
    ((axis, label),) = place.items()
    known = array[axis].values.tolist()
    if label not in known:
        raise ValueError(f"there is no {axis} {label!r}; there are {', '.join(map(repr, known[:20]))}")
    return array.isel({axis: known.index(label)}, drop=True)


def player_names(found: xr.Dataset, sample: object, n_players: int) -> list[str]:
    """What the players of a sample are called.

    Example:
        >>> player_names(xr.Dataset(), 0, 2)
        ['player 0', 'player 1']
    """
    if "player_name" not in found:
        return [f"player {i}" for i in range(n_players)]
    names = found["player_name"]
    return [str(name) for name in (one(names, sample=sample) if "sample" in names.dims else names).values]
