"""The Möbius transform against shapiq, against a dense matrix and against a plain copy.

What is compared runs in turns in one process, and ratios are taken turn by turn.
"""

import statistics
import timeit
from collections.abc import Callable

import numpy as np
import shapiq
import torch

from lkutils.mobius import and_interactions, or_interactions, values_from_interactions

TURNS = 15
SHAPIQ_TURNS = 3  # each takes seconds
RUNS = 5  # in a turn


def main() -> list[dict]:
    """Measure; returns the rows of a table: what was measured, its median, and what is wanted of it."""
    n = 12
    game = torch.randn(2**n, dtype=torch.float64)
    batch = torch.randn(1000, 2**n, dtype=torch.float64)
    dense = and_interactions(torch.eye(2**n, dtype=torch.float64)).T.contiguous()

    by_shapiq = ratios(lambda: shapiq_moebius(game, n), lambda: and_interactions(game), SHAPIQ_TURNS)
    by_matrix = ratios(lambda: dense @ game, lambda: and_interactions(game), TURNS)
    by_matrix_batch = ratios(lambda: batch @ dense.T, lambda: and_interactions(batch), SHAPIQ_TURNS)
    rows = [
        row("shapiq's ExactComputer / and_interactions, one game, n = 12", by_shapiq, "at least 1,000"),
        row("dense matrix / and_interactions, one game, n = 12", by_matrix),
        row("dense matrix / and_interactions, 1,000 games, n = 12", by_matrix_batch),
    ]
    for transform in (and_interactions, or_interactions):
        against_copy = ratios(lambda transform=transform: transform(batch), batch.clone, TURNS)
        rows.append(row(f"{transform.__name__} / a plain copy, 1,000 games, n = 12", against_copy, "at most 5"))
    back = ratios(lambda: values_from_interactions(batch, batch), lambda: (batch.clone(), batch.clone()), TURNS)
    return [*rows, row("values_from_interactions / copies of both its tables, 1,000 games, n = 12", back)]


def row(what: str, turns: list[float], wanted: str = "") -> dict:
    """One row of the table."""
    return {"what": what, "median": statistics.median(turns), "wanted": wanted}


def ratios(slow: Callable[[], object], fast: Callable[[], object], turns: int) -> list[float]:
    """How many times longer the first takes than the second, turn by turn; the first turn warms up."""
    return [seconds(slow) / seconds(fast) for _ in range(turns + 1)][1:]


def seconds(run: Callable[[], object]) -> float:
    """How long a run takes: the median of several, because the first one finds the processor's caches empty."""
    return statistics.median(timeit.repeat(run, number=1, repeat=RUNS))


def shapiq_moebius(game: torch.Tensor, n: int) -> shapiq.InteractionValues:
    """The same transform by shapiq; its coalitions are rows of booleans."""
    values, weights = game.numpy(), 1 << np.arange(n)
    return shapiq.ExactComputer(game=lambda X: values[np.asarray(X).astype(int) @ weights], n_players=n)("Moebius")


if __name__ == "__main__":
    for line in main():
        print(f"{line['what']:<70}{line['median']:>12,.1f}  {line['wanted']}")
