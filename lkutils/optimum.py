"""Linear classifiers and regressions at the optimum of their convex objective.

For standardised features z of n samples, and for weights W and a bias b, the objective is

    1/n sum_i loss(W z_i + b, y_i) + l2/2 |W|^2,

where the loss is the softmax cross-entropy of a class y_i, or half the squared distance to standardised numbers y_i. It
is scikit-learn's ``LogisticRegression(C=1/(n * l2))`` and ``Ridge(alpha=n * l2)`` behind a ``StandardScaler``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from lkutils.progress import progress

TOLERANCE = 1e-6  # largest absolute gradient of the objective at which a fit is done
MOST_STEPS = 2000

# A feature that varies less than this share of its layer's is not stretched to unit variance: what hardly moves on the
# samples may move far on masked ones.
LEAST_DEVIATION = 1e-3

# Passes over the samples: for each batch the features of some layers, and the targets.
Batches = Callable[[], Iterable[tuple[Sequence[Tensor], Tensor]]]


def fit_linear(
    batches: Batches, probes: Sequence[nn.Linear], names: Sequence[str], l2: float, *, warm: bool = False
) -> list[float]:
    """Fit linear probes in place, by L-BFGS with a strong Wolfe line search in float64.

    Several probes share every pass over the batches.

    Args:
        batches: gives a new pass at every call. Integer targets are classes, others numbers (sample, output).
        probes: one for each feature of a batch.
        names: of the probes, for messages.
        l2: weight of the penalty, at least 0.
        warm: start from the probes as they are, not from zero.

    Returns:
        The largest absolute gradient of each probe's objective.

    Raises:
        FloatingPointError: a feature is not finite.

    Example:
        >>> x, y, line = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([[1.0], [3.0], [5.0]]), nn.Linear(1, 1)
        >>> _ = fit_linear(lambda: [([x], y)], [line], ["line"], l2=0.0)
        >>> line(torch.tensor([[3.0]])).round(decimals=3).tolist()
        [[7.0]]
    """
    n_samples, features, targets = measure(batches, names)
    weights = [standardised(probe, *moments, *targets, warm) for probe, moments in zip(probes, features, strict=True)]
    parameters = [parameter for pair in weights for parameter in pair]
    optimizer = torch.optim.LBFGS(
        parameters,
        max_iter=MOST_STEPS,
        max_eval=2 * MOST_STEPS,
        tolerance_grad=TOLERANCE,
        tolerance_change=1e-16,
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    def objective() -> Float[Tensor, ""]:
        optimizer.zero_grad()
        total = sum(l2 / 2 * weight.square().sum() for weight, _ in weights)
        if l2:
            total.backward()
        for xs, y in batches():
            for x, (mean, scale), (weight, bias) in zip(xs, features, weights, strict=True):
                slope = weight / scale
                loss = loss_of(F.linear(x.double(), slope, bias - slope @ mean), y, *targets) / n_samples
                loss.backward()
                total = total + loss.detach()
        bar.update()
        return total.detach()

    with torch.enable_grad(), progress(description=f"optimum of {', '.join(names)}") as bar:
        optimizer.step(objective)
        objective()
    gradients = [max(parameter.grad.abs().max().item() for parameter in pair) for pair in weights]
    for name, gradient in zip(names, gradients, strict=True):
        if not gradient <= TOLERANCE:
            warnings.warn(
                f"the probe of {name} has a gradient of {gradient:.1e}, not {TOLERANCE}; {l2=} is too small",
                stacklevel=3,
            )
    with torch.no_grad():
        for probe, (weight, bias), (mean, scale) in zip(probes, weights, features, strict=True):
            target_mean, target_scale = targets
            slope = weight * target_scale[:, None] / scale
            probe.weight.copy_(slope)
            probe.bias.copy_(bias * target_scale + target_mean - slope @ mean)
    return gradients


def loss_of(
    predicted: Float[Tensor, "batch output"],
    targets: Shaped[Tensor, "batch ..."],
    mean: Float[Tensor, "#output"],
    scale: Float[Tensor, "#output"],
) -> Float[Tensor, ""]:
    """Sum over the batch: cross-entropy of classes, or half the squared distance to standardised numbers."""
    if targets.is_floating_point():
        return (predicted - (targets - mean) / scale).square().sum() / 2
    return F.cross_entropy(predicted, targets, reduction="sum")


def standardised(
    probe: nn.Linear,
    mean: Float[Tensor, "width"],
    scale: Float[Tensor, "width"],
    target_mean: Float[Tensor, "..."],
    target_scale: Float[Tensor, "..."],
    warm: bool,
) -> tuple[Tensor, Tensor]:
    """Weights and bias for standardised features (and numbers to predict), to start from."""
    slope, bias = probe.weight.detach().double(), probe.bias.detach().double()
    weight = slope * scale / target_scale[:, None]
    bias = (bias + slope @ mean - target_mean) / target_scale
    return (warm * weight).requires_grad_(), (warm * bias).requires_grad_()


def measure(batches: Batches, names: Sequence[str]) -> tuple[int, list[tuple[Tensor, Tensor]], tuple[Tensor, Tensor]]:
    """Number of samples, and mean and deviation of every feature and of the numbers to predict.

    Raises:
        FloatingPointError: a feature is not finite; the message names the layer.
    """
    n_samples, sums = 0, None
    for xs, y in batches():
        columns = [x.double() for x in (*xs, y if y.is_floating_point() else y[:, None])]
        if sums is None:
            shifts = [column.mean(dim=0) for column in columns]  # against cancellation
            sums = [torch.zeros(2, column.shape[1], dtype=torch.float64, device=column.device) for column in columns]
        for total, column, shift in zip(sums, columns, shifts, strict=True):
            total += torch.stack([(column - shift).sum(dim=0), (column - shift).square().sum(dim=0)])
        n_samples += len(y)
    for name, total in zip(names, sums, strict=False):
        if not total.isfinite().all():
            raise FloatingPointError(f"the feature of {name} is not finite; look for NaN or infinity in the inputs")
    moments = []
    for total, shift in zip(sums, shifts, strict=True):
        mean, square = total / n_samples
        variance = (square - mean.square()).clamp(min=0)
        least = LEAST_DEVIATION * variance.mean().sqrt()
        moments.append((mean + shift, variance.sqrt().clamp(min=least if least > 0 else 1.0)))
    *features, targets = moments
    if not y.is_floating_point():
        targets = (torch.zeros_like(targets[0]), torch.ones_like(targets[1]))  # classes stay as they are
    return n_samples, features, targets
