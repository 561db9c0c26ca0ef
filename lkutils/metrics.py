"""What interactions say about layers: salience, strength by order, and what is kept, forgotten and new (Eq. 6-8).

Every function takes plain tensors with the axes ``kind, layer, sample, coalition`` in this order, kind 0 being AND and
kind 1 OR, or a part of them where the docstring says so. Results by order have the axis ``order`` last: entry k is
order k + 1. The empty coalition is no interaction between players (its entry is v(x_empty), Theorem 3.3), so that it is
never salient and no metric counts it.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor


class Interval(NamedTuple):
    """An estimate and the percentile interval around it, all of the same shape."""

    estimate: Tensor
    low: Tensor
    high: Tensor


def tau(
    interactions: Float[Tensor, "kind *layer sample coalition"], ratio: float = 0.05, pooled: bool = False
) -> Float[Tensor, "1 *layer sample 1"]:
    """Threshold of salience, in the unit of the interactions.

    tau = ratio * max over S of (|I_and(S)|, |I_or(S)|): one maximum for both kinds and for each layer and sample, as
    footnote 7 writes it for one x, or, pooled, one for each layer, the largest over all samples, as App. M.4 says.
    The empty coalition has no part in the maximum.

    Args:
        interactions: axis 0 is the kind; the maximum is over both kinds.
        ratio: share of the maximum; 0.05 in the paper.
        pooled: one threshold for all samples of a layer (App. M.4) in place of one for each (footnote 7).

    Raises:
        ValueError: a ratio outside [0, 1).

    Example:
        >>> tau(torch.tensor([[[9.0, 2.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, -4.0]]])).item()
        0.2
    """
    if not 0 <= ratio < 1:
        raise ValueError(f"tau is a share of the largest interaction, in [0, 1), but the ratio is {ratio}.")
    largest = interactions[..., 1:].abs().amax((0, -1), keepdim=True)
    if pooled:
        largest = largest.amax(-2, keepdim=True).expand_as(largest)
    return ratio * largest


def salient(
    interactions: Float[Tensor, "kind *layer sample coalition"], ratio: float = 0.05, pooled: bool = False
) -> Bool[Tensor, "kind *layer sample coalition"]:
    """Omega: which interactions are stronger than `tau`; the empty coalition never is.

    Example:
        >>> salient(torch.tensor([[[9.0, 2.0, 0.1, 0.0]], [[0.0, 0.0, 0.0, -4.0]]])).sum().item()
        2
    """
    mask = interactions.abs() > tau(interactions, ratio, pooled)
    mask[..., 0] = False
    return mask


def bootstrap_interval(
    per_sample: Float[Tensor, "..."],
    denominator: Float[Tensor, "..."] | None = None,
    dim: int = -1,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Mean over samples, or the ratio of two such means, with its percentile bootstrap interval.

    Samples are drawn anew with replacement, the same draws for every entry of the other axes and for both parts of a
    ratio. A draw in which a denominator is 0 says nothing and is left out; with a denominator of 0 throughout, the
    estimate and both bounds are NaN.

    Args:
        per_sample: one value for each sample along ``dim``; more samples of it than one make an interval.
        denominator: the other part of a ratio of means, of the same shape.
        dim: the axis of the samples, gone in the result.
        confidence: share of the draws inside the interval.
        resamples: number of draws.
        seed: of the draws.

    Example:
        >>> estimate, low, high = bootstrap_interval(torch.tensor([1.0, 2.0, 3.0]))
        >>> estimate.item(), low.item(), high.item()
        (2.0, 1.0, 3.0)
    """
    means = _resampled_means(per_sample, dim, resamples, seed)
    if denominator is not None:
        means = means / _resampled_means(denominator, dim, resamples, seed)
        means = torch.where(means.isfinite(), means, torch.nan)
    tail = (1 - confidence) / 2
    low, high = torch.nanquantile(means[1:], torch.tensor([tail, 1 - tail], dtype=means.dtype), dim=0)
    return Interval(means[0], low, high)


def _resampled_means(per_sample: Tensor, dim: int, resamples: int, seed: int) -> Float64[Tensor, "..."]:
    """Row 0: the mean over ``dim``; the rows after it: the mean of each draw with replacement."""
    n = per_sample.shape[dim]
    drawn = torch.randint(n, (resamples, n), generator=torch.Generator().manual_seed(seed))
    counts = torch.zeros(resamples, n, dtype=torch.float64).scatter_add_(1, drawn, torch.ones(drawn.shape).double())
    weights = torch.cat((torch.ones(1, n, dtype=torch.float64), counts)) / n
    return torch.tensordot(weights, per_sample.to(torch.float64), ([1], [dim % per_sample.ndim]))
