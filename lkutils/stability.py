"""Which interactions are stable to noise on the input (Sec. 3.3, Eq. 10, App. L).

Interactions have an axis ``draw``: draw 0 is the clean input, which says which interactions are salient and how strong
they are, all others are inputs with noise. The stability of an interaction is |E| / sqrt(Var), mean and variance over
the draws with noise (the unbiased variance).

The mean over interactions, as the paper has it, has a heavy tail: a few denominators near zero decide it. The median
over the interactions of a sample is beside it. An interaction that is the same in all draws has no ratio; these are
left out and counted. A ratio is above zero without any effect too: `no_effect` says how far.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import xarray as xr

from lkutils.axes import check_axes, check_finite, orders
from lkutils.mobius import and_interactions, or_interactions

# Bins of equal strength, |I(S)| over the strongest interaction of the same layer and sample; tau is at 0.05 of it.
STRENGTH_EDGES = (0.05, 0.1, 0.2, 0.4, 1.0)

# Within a factor of this, strengths count as equal: narrow enough that strength cannot pass for order within a bin.
EQUAL_STRENGTH = 1.25


def stability_ratio(interactions: xr.DataArray, salient: xr.DataArray) -> xr.DataArray:
    """|E| / sqrt(Var) of each salient interaction over the draws with noise (Eq. 10).

    Args:
        interactions: in log-odds (..., draw, coalition), draw 0 clean.
        salient: which of the clean input's interactions are salient (..., coalition).

    Returns:
        The ratio (..., coalition), without unit; NaN where not salient, infinite where there is no variance.

    Raises:
        ValueError: fewer than two draws with noise.

    Example:
        >>> game = xr.DataArray([[0.0, 9.0], [0.0, 1.0], [0.0, 3.0]], dims=("draw", "coalition"))
        >>> stability_ratio(game, game.isel(draw=0) > 1).round(3).values  # mean 2, standard deviation sqrt(2)
        array([  nan, 1.414])
    """
    deviation = deviation_over_draws(interactions)
    noisy = interactions.isel(draw=slice(1, None))
    constant = deviation <= 1e-12 * abs(noisy).max("draw")
    ratio = (abs(noisy.mean("draw")) / deviation.where(~constant, 1.0)).where(~constant, np.inf)
    return ratio.where(salient)


def deviation_over_draws(numbers: xr.DataArray) -> xr.DataArray:
    """Standard deviation over the draws with noise, sqrt(Var) of Eq. 10.

    Args:
        numbers: interactions or values in log-odds (..., draw, coalition), draw 0 clean.

    Raises:
        ValueError: fewer than two draws with noise, or numbers that are not finite.

    Example:
        >>> deviation_over_draws(xr.DataArray([[9.0], [1.0], [3.0]], dims=("draw", "coalition"))).round(3).values
        array([1.414])
    """
    check_axes(numbers, "draw", "coalition")
    check_finite(numbers)
    noisy = numbers.isel(draw=slice(1, None))
    if noisy.sizes["draw"] < 2:
        raise ValueError(
            f"{noisy.sizes['draw']} draw with noise has no variance: draw 0 is the clean input, and two or more others "
            "are needed, 20 for the figures"
        )
    return noisy.std("draw", ddof=1)


def independent_deviation(values: xr.DataArray) -> xr.DataArray:
    """Standard deviation of an AND interaction of each order if noise were independent in every v(x_T): s 2^(m/2).

    I_and(S) of Eq. 1 is a sum of 2^m outputs with signs, so its variance would be 2^m s^2. Here s^2 is the variance
    of v(x_T) over the draws with noise, mean over T.

    Args:
        values: in log-odds (..., draw, coalition), draw 0 clean.

    Returns:
        In log-odds (..., order).

    Raises:
        ValueError: fewer than two draws with noise.

    Example:
        >>> values = xr.DataArray([[0.0] * 4, [1.0] * 4, [3.0] * 4], dims=("draw", "coalition"))  # s = sqrt(2)
        >>> independent_deviation(values).round(3).values
        array([2.   , 2.828])
    """
    s = np.sqrt((deviation_over_draws(values) ** 2).mean("coalition"))
    order = np.arange(1, int(orders(values).max()) + 1)
    return s * xr.DataArray(2 ** (order / 2), {"order": order}, ("order",))


def without_new_extraction(values: xr.DataArray, clean: xr.DataArray) -> xr.DataArray:
    """Interactions of every draw with gamma and delta (Sec. 3.2.2) kept from the clean input.

    v_and = (v - delta) / 2 + gamma and v_or = (v - delta) / 2 - gamma, so interactions change by those of half of the
    change of v. Of single players, OR is counted as AND (App. M.4).

    Args:
        values: in log-odds (..., draw, coalition), draw 0 clean.
        clean: interactions of the clean input (kind, ..., coalition).

    Returns:
        Interactions (kind, ..., draw, coalition); those of draw 0 are the clean ones.

    Example:
        >>> values = xr.DataArray([[0.0, 1.0, 1.0, 2.0], [0.0, 1.0, 1.0, 4.0]], dims=("draw", "coalition"))
        >>> clean = xr.DataArray([[0.0, 1.0, 1.0, 0.0], [0.0] * 4], {"kind": ["and", "or"]}, ("kind", "coalition"))
        >>> without_new_extraction(values, clean).isel(draw=1).values  # of the change 2, half is an AND, half an OR
        array([[ 0.,  2.,  2.,  1.],
               [ 0.,  0.,  0., -1.]])
    """
    check_axes(values, "draw", "coalition")
    change = (values - values.isel(draw=0)).transpose(..., "coalition").astype(float)
    half = torch.from_numpy(change.values) / 2
    and_, or_ = and_interactions(half), or_interactions(half)
    single = torch.from_numpy(orders(values).values <= 1)
    both = torch.stack((and_ + or_ * single, or_ * ~single)).numpy()
    return clean + xr.DataArray(both, dims=("kind", *change.dims)).assign_coords(kind=["and", "or"])


def harsanyi(values: xr.DataArray) -> xr.DataArray:
    """AND interactions of v itself (Eq. 1), without any extraction; there is no OR.

    Args:
        values: in log-odds (..., coalition).

    Returns:
        The same axes with ``kind`` in front, "and" only.

    Example:
        >>> harsanyi(xr.DataArray([0.0, 1.0, 1.0, 4.0], dims="coalition")).values
        array([[0., 1., 1., 2.]])
    """
    check_axes(values, "coalition")
    values = values.transpose(..., "coalition").astype(float)
    return values.copy(data=and_interactions(torch.from_numpy(values.values)).numpy()).expand_dims(kind=["and"])


def by_order(ratios: xr.DataArray) -> xr.Dataset:
    """Stability of each order: over the salient interactions of each sample.

    Args:
        ratios: of `stability_ratio` (..., coalition), or that of a bin of `in_strength_bins`.

    Returns:
        ``median`` and ``mean`` over the interactions with variance, NaN where there is none; ``n_salient``; and
        ``without_variance``, how many of them have none (..., order).

    Example:
        >>> parts = by_order(xr.DataArray([np.nan, 1.0, 5.0, np.inf], dims="coalition"))
        >>> parts["median"].values, parts["without_variance"].values
        (array([ 3., nan]), array([0, 1]))
    """
    check_axes(ratios, "coalition")
    of_coalition = orders(ratios)
    salient, varying = ratios.notnull(), ratios.where(np.isfinite(ratios))
    parts = []
    for order in range(1, int(of_coalition.max()) + 1):
        members = {"coalition": np.flatnonzero(of_coalition == order)}
        n_salient, finite = salient.isel(members).sum("coalition"), varying.isel(members)
        numbers = {
            "median": median_of(finite),
            "mean": finite.sum("coalition") / finite.count("coalition").where(finite.count("coalition") > 0),
            "n_salient": n_salient,
            "without_variance": n_salient - finite.count("coalition"),
        }
        parts.append(xr.Dataset(numbers))
    return xr.concat(parts, xr.IndexVariable("order", np.arange(1, len(parts) + 1))).transpose(..., "order")


def median_of(values: xr.DataArray) -> xr.DataArray:
    """Median over coalitions, NaN left out; NaN where nothing is left, without a warning.

    Example:
        >>> median_of(xr.DataArray([[3.0, np.nan, 5.0], [np.nan] * 3], dims=("sample", "coalition"))).values
        array([ 4., nan])
    """
    ranked = np.sort(values.transpose(..., "coalition").values, axis=-1)  # NaN come last
    count = np.isfinite(ranked).sum(-1, keepdims=True)
    middle = [
        np.take_along_axis(ranked, np.maximum(place, 0), -1)
        for place in ((count - 1) // 2, count // 2 % ranked.shape[-1])
    ]
    return (
        values.isel(coalition=0, drop=True)
        .transpose(*(d for d in values.dims if d != "coalition"))
        .copy(data=np.where(count > 0, sum(middle) / 2, np.nan)[..., 0])
    )


def in_strength_bins(
    ratios: xr.DataArray, clean: xr.DataArray, edges: tuple[float, ...] = STRENGTH_EDGES
) -> xr.DataArray:
    """Ratios by strength of the clean input's interactions, since low orders are also stronger.

    Args:
        ratios: of `stability_ratio` (..., coalition).
        clean: interactions of the clean input (kind, ..., coalition).
        edges: of the bins, as shares of the strongest interaction of both kinds; a bin holds its upper edge.

    Returns:
        The ratios with the axis ``strength`` in front, labelled by the bins' lower edges; NaN outside of a bin.

    Raises:
        ValueError: edges that do not increase.

    Example:
        >>> clean = xr.DataArray([[0.0, 1.0, 5.0, 10.0]], dims=("kind", "coalition"))
        >>> in_strength_bins(clean * 0 + 2, clean, (0.0, 0.5, 1.0)).isel(kind=0).values
        array([[nan,  2.,  2., nan],
               [nan, nan, nan,  2.]])
    """
    check_axes(clean, "kind", "coalition")
    if len(edges) < 2 or (np.diff(edges) <= 0).any():
        raise ValueError(f"edges={edges} must increase, as {STRENGTH_EDGES} do")
    strength = abs(clean).where(clean["coalition"] > 0, 0)
    largest = strength.max(["kind", "coalition"])
    share = strength / largest.where(largest > 0, 1.0)
    low = xr.DataArray(list(edges[:-1]), {"strength": list(edges[:-1])}, ("strength",))
    high = low.copy(data=list(edges[1:]))
    return ratios.where((share > low) & (share <= high)).transpose("strength", ...)


def slope_on_order(means: xr.DataArray) -> xr.DataArray:
    """Least-squares slope of the logarithm of the stability on the order: below zero where high orders are unstable.

    Args:
        means: positive numbers (..., order), such as means over samples of ``median`` of `by_order`; NaN are left out.

    Returns:
        The slope, the change of the logarithm for each order; NaN with fewer than two orders.

    Example:
        >>> halved = xr.DataArray([8.0, 4.0, np.nan, 1.0], {"order": [1, 2, 3, 4]}, ("order",))
        >>> (slope_on_order(halved) / np.log(2)).round(6).item()
        -1.0
    """
    logarithm = np.log(means.where(means > 0))
    order = means["order"].where(logarithm.notnull())
    centred = order - order.mean("order")
    spread = (centred**2).sum("order")
    return (centred * logarithm).sum("order") / spread.where(spread > 0)


def slope_parts_at_equal_strength(ratios: xr.DataArray, clean: xr.DataArray) -> xr.Dataset:
    """How the logarithm of the stability goes with the order among interactions of one sample that are equally strong.

    Interactions are put into bins whose edges are a factor of `EQUAL_STRENGTH` apart, each with a level of its own; so
    neither strength nor sample can pass for order. The slope is the mean of ``products`` over the mean of ``spread``.

    Args:
        ratios: of `stability_ratio` (..., coalition).
        clean: interactions of the clean input, of the same axes.

    Returns:
        ``products``, the sum over interactions of (m - mean m) log(ratio), and ``spread``, that of (m - mean m)^2,
        both (...), with means within bins.

    Example:
        >>> ratios = xr.DataArray([np.nan, 8.0, 4.0, 2.0], dims="coalition")  # of orders 1, 1 and 2
        >>> parts = slope_parts_at_equal_strength(ratios, ratios * 0 + 1)
        >>> (parts["products"] / parts["spread"] / np.log(2)).round(6).item()
        -1.5
    """
    check_axes(ratios, "coalition")
    logarithm = np.log(ratios.where(np.isfinite(ratios) & (ratios > 0)))
    with np.errstate(divide="ignore"):
        bins = np.floor(np.log(abs(clean)) / math.log(EQUAL_STRENGTH)).where(logarithm.notnull())
    order, products, spread = orders(ratios), 0.0, 0.0
    for number in np.unique(bins.values[np.isfinite(bins.values)]):
        inside = bins == number
        centred = order.where(inside) - order.where(inside).mean("coalition")
        products = products + (centred * logarithm).sum("coalition")
        spread = spread + (centred**2).sum("coalition")
    nowhere = logarithm.sum("coalition") * 0  # where no interaction has a ratio
    return xr.Dataset({"products": nowhere + products, "spread": nowhere + spread})


def no_effect(n_draws: int) -> dict[str, float]:
    """What |E| / sqrt(Var) is on average and in the median if the true mean is 0, for normal noise.

    Without an effect sqrt(n) E / sqrt(Var) follows Student's t with n - 1 degrees of freedom.

    Args:
        n_draws: draws with noise, two or more.

    Returns:
        ``mean``, which is infinite for two draws, and ``median``.

    Example:
        >>> {name: round(value, 3) for name, value in no_effect(20).items()}
        {'mean': 0.186, 'median': 0.154}
    """
    if n_draws < 2:
        raise ValueError(f"n_draws={n_draws}: two draws or more have a variance")
    freedom = n_draws - 1
    t = np.linspace(0, 4, 400_001)  # the median of |t| is 1 for two draws, and smaller for more
    log_scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.log(freedom * math.pi) / 2
    density = 2 * np.exp(log_scale - (freedom + 1) / 2 * np.log1p(t**2 / freedom))
    below = np.concatenate(([0.0], np.cumsum((density[1:] + density[:-1]) / 2 * t[1])))
    mean = math.inf
    if freedom > 1:
        mean = math.sqrt(freedom / math.pi) * math.exp(math.lgamma((freedom - 1) / 2) - math.lgamma(freedom / 2))
    return {"mean": mean / math.sqrt(n_draws), "median": float(np.interp(0.5, below, t)) / math.sqrt(n_draws)}


def noise_ratio(inputs: np.ndarray, noise: np.ndarray, players: np.ndarray, n_players: int) -> xr.DataArray:
    """Norm of the noise on the input variables of S, over the norm of the input on them (App. L), for every S.

    Args:
        inputs: one sample, of any shape.
        noise: what was added to it, of the same shape.
        players: the player of each variable, -1 for background; of the shape of a sample, or of its last axes (an
            image's pixels without its channels).
        n_players: n.

    Returns:
        The ratio (coalition), without unit; NaN where the input is zero on all of S, and for the empty coalition.

    Raises:
        ValueError: shapes that do not fit.

    Example:
        >>> noise_ratio(np.array([3.0, 4.0]), np.array([0.3, 0.0]), np.array([0, 1]), 2).round(2).values
        array([ nan, 0.1 , 0.  , 0.06])
    """
    inputs, noise, players = (np.asarray(part) for part in (inputs, noise, players))
    if inputs.shape != noise.shape or players.shape != inputs.shape[inputs.ndim - players.ndim :]:
        raise ValueError(
            f"inputs have shape {inputs.shape}, noise {noise.shape} and players {players.shape}: noise must have the "
            "inputs' shape, players that of their last axes"
        )
    of_variable = np.broadcast_to(players, inputs.shape).ravel()
    squares = [
        np.bincount(of_variable + 1, part.ravel().astype(float) ** 2, minlength=n_players + 1)[1 : n_players + 1]
        for part in (noise, inputs)
    ]
    membership = np.arange(2**n_players)[:, None] >> np.arange(n_players) & 1
    of_noise, of_input = (membership @ square for square in squares)
    ratio = np.sqrt(of_noise / np.where(of_input > 0, of_input, np.nan))
    return xr.DataArray(ratio, {"coalition": np.arange(2**n_players)}, ("coalition",))
