"""The certified extraction beside a general solver of linear programmes: HiGHS' interior point method, inside SciPy.

Both solve the same games, to gaps that are measured against the same bound. HiGHS takes one game at a time.
"""

import itertools
import math

import numpy as np
import torch
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, hstack, kron
from torch import Tensor

from benchmarks.bench_extraction import shipped_games, timed
from lkutils.extraction import KAPPA_RATIO, extract_interactions

GAMES = {"mnist/mlp7": 5, "cifar10/resnet20": 2}  # a game and how many of its samples: n = 10 and n = 12
GAPS = (5e-3, 1e-4, 1e-6)
BOUND_GAP = 1e-7  # of the bound that all are measured against


def main() -> list[dict]:
    """Measure; returns the rows of a table: seconds a game, alone and in a batch, and how far from the optimum."""
    rows = []
    for game, count in GAMES.items():
        values = torch.from_numpy(shipped_games(count, game).values)
        bound = extract_interactions(values, gap=BOUND_GAP).lower_bound

        def row(method: str, objective: Tensor, spent: float, game: str = game, bound: Tensor = bound) -> dict:
            excess = (objective - bound) / objective
            return {"games": game, "method": method, "seconds a game": spent, "largest gap": excess.max().item()}

        for gap in GAPS:
            found, spent = timed(lambda v, gap=gap: extract_interactions(v, gap=gap), values)
            rows.append(row(f"ours to {gap:g}, {count} together", found.objective, spent / count))
            found, spent = timed(lambda v, gap=gap: extract_interactions(v, gap=gap), values[:1])
            rows.append(row(f"ours to {gap:g}, the first alone", found.objective, spent, bound=bound[:1]))
        objective, spent = timed(lambda v: torch.stack([by_highs(one) for one in v]), values)
        rows.append(row("HiGHS, interior point", objective, spent / count))
    return rows


def by_highs(values: Tensor, kappa_ratio: float = KAPPA_RATIO) -> Tensor:
    """Smallest sum of |I_and| + |I_or| of one game, Sec. 3.2.2.

    Z a + Z'c + delta = v - v(x_empty) with a = a_+ - a_- and c likewise, all of them at least 0, |delta| <= kappa.

    Example:
        >>> by_highs(torch.tensor([0.0, 5.0, 5.0, 7.0]), kappa_ratio=0.0)
        tensor(7., dtype=torch.float64)
    """
    v = values.double().numpy() - float(values[0])
    size = len(v)
    zeta = csr_array([[1.0]])
    for _ in range(size.bit_length() - 1):
        zeta = kron(csr_array([[1.0, 0.0], [1.0, 1.0]]), zeta, format="csr")
    price = np.ones(4 * size + size)
    price[[0, size]] = 0  # a(empty)
    price[4 * size :] = 0
    noise = np.full(size, kappa_ratio * abs(v[-1]))
    noise[0] = 0
    limits = itertools.chain([(0, math.inf)] * (4 * size), zip(-noise, noise, strict=True))
    equation = hstack([zeta, -zeta, zeta.T, -zeta.T, eye_array(size)], format="csr")
    solved = linprog(price, A_eq=equation, b_eq=v, bounds=list(limits), method="highs-ipm")
    if not solved.success:
        raise RuntimeError(f"HiGHS found no optimum: {solved.message}")
    return torch.tensor(solved.fun, dtype=torch.float64)


if __name__ == "__main__":
    for line in main():
        print(line)
