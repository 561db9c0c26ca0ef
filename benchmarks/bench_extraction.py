"""The certified extraction against the laboratory's subgradient descent, on planted games and on a shipped one."""

import functools
import itertools
import multiprocessing
import re
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from lkutils.extraction import Interactions, extract_interactions, extract_sgd
from lkutils.mobius import coalition_sizes, values_from_interactions
from lkutils.paper.shipped import load_game

LEARNING_RATES = (1e-5, 1e-4)
GAME = "mnist/mlp7"


def against_sgd() -> list[dict]:
    """Both methods on the same games: time, final L1, certified gap, salient interactions, IoU with the planted."""
    cases = [(f"planted, n = {n}", *planted_games(n, count)) for n, count in ((8, 10), (10, 10), (12, 4))]
    cases.append((f"{GAME}, output", shipped_games(10), None))
    methods: dict[str, Callable[[Tensor], Interactions]] = {"exact": extract_interactions}
    for lr in LEARNING_RATES:
        methods[f"sgd, lr {lr:g}"] = functools.partial(extract_sgd, lr=lr)
    rows = []
    for name, values, planted in cases:
        for method, extract in methods.items():
            found, spent = timed(extract, values)
            if method == "exact":
                lower_bound = found.lower_bound  # holds for every method
            salient = is_salient(torch.stack((found.and_, found.or_), -2))
            rows.append(
                {
                    "games": f"{len(values)} x {name}",
                    "method": method,
                    "seconds a game": spent / len(values),
                    "L1": found.objective.mean().item(),
                    "largest certified gap": ((found.objective - lower_bound) / found.objective).max().item(),
                    "salient": salient.sum((-1, -2)).double().mean().item(),
                    "IoU with planted": "" if planted is None else overlap(salient, is_salient(planted)),
                }
            )
    return rows


def gap_over_time() -> list[dict]:
    """How far from the optimum a method may still be after so many seconds, on the shipped game."""
    values = shipped_games(10)
    optimum = extract_interactions(values, gap=1e-5).lower_bound
    runs = [("exact", functools.partial(extract_interactions, gap=gap)) for gap in (0.1, 0.03, 0.01, 5e-3, 1e-3, 1e-4)]
    runs += [
        (f"sgd, lr {lr:g}", functools.partial(extract_sgd, lr=lr, iterations=iterations))
        for lr, iterations in itertools.product(LEARNING_RATES, (100, 300, 1000, 3000, 10_000))
    ]
    rows = []
    for method, extract in runs:
        found, spent = timed(extract, values)
        excess = (found.objective - optimum) / found.objective
        rows.append(
            {
                "method": method,
                "seconds a game": spent / len(values),
                "mean gap": excess.mean().item(),
                "largest gap": excess.max().item(),
            }
        )
    return rows


def cost_over_players() -> list[dict]:
    """Time and memory for planted games as the number of players grows."""
    return [measured(n, 10 if n < 12 else 4 if n == 12 else 2) for n in (6, 7, 8, 9, 10, 11, 12, 13, 14)]


def cost_over_problems() -> list[dict]:
    """Time and memory for planted games of ten and of twelve players as their number grows."""
    sizes = {10: (1, 3, 10, 30, 100, 300, 1000), 12: (30, 240)}
    return [measured(n, count) for n, counts in sizes.items() for count in counts]


def planted_games(n: int, count: int, noise: float = 0.02) -> tuple[Tensor, Tensor]:
    """Values of random sparse games, and the AND and OR interactions (game, kind, coalition) they were made of.

    30 AND interactions of orders 1 to 6, 10 OR interactions of orders 2 to 6, strengths normal with deviation 1.5.
    """
    generator = torch.Generator().manual_seed(n)
    planted = torch.zeros(count, 2, 2**n, dtype=torch.float64)
    for game in planted:
        for table, terms, lowest in zip(game, (30, 10), (1, 2), strict=True):
            for _ in range(terms):
                order = torch.randint(lowest, min(n, 6) + 1, (), generator=generator)
                coalition = (1 << torch.randperm(n, generator=generator)[:order]).sum()
                table[coalition] += 1.5 * torch.randn((), generator=generator, dtype=torch.float64)
    values = values_from_interactions(planted[:, 0], planted[:, 1])
    return values + noise * torch.randn(values.shape, generator=generator, dtype=torch.float64), planted


def shipped_games(count: int) -> Tensor:
    """The network's output on the first samples of the shipped game."""
    return torch.from_numpy(load_game(GAME)["values"].sel(layer="output").values[:count]).double()


def is_salient(interactions: Tensor) -> Tensor:
    """Stronger than a twentieth of the strongest of the game, the empty coalition aside; (game, kind, coalition)."""
    strength = interactions.abs() * (coalition_sizes(interactions.shape[-1].bit_length() - 1) > 0)
    return strength > 0.05 * strength.amax((-1, -2), keepdim=True)


def overlap(found: Tensor, planted: Tensor) -> float:
    """Mean intersection over union of two sets of interactions for each game."""
    return ((found & planted).sum((-1, -2)) / (found | planted).sum((-1, -2))).mean().item()


def timed(extract: Callable[[Tensor], Interactions], values: Tensor) -> tuple[Interactions, float]:
    """The result and the seconds it took."""
    start = time.perf_counter()
    found = extract(values)
    return found, time.perf_counter() - start


def measured(n: int, count: int) -> dict:
    """Seconds and memory of one extraction, in a process of its own so that its peak is seen."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, n, count).result()


def _measured(n: int, count: int) -> dict:
    values = planted_games(n, count)[0]
    extract_interactions(values[:1, :16])  # pays for what is loaded only once
    before = peak_memory()
    found, spent = timed(extract_interactions, values)
    return {
        "players": n,
        "problems": count,
        "seconds": spent,
        "seconds a problem": spent / count,
        "MiB on top": (peak_memory() - before) / 2**20,
        "largest gap": found.gap.max().item(),
    }


def peak_memory() -> int:
    """Most bytes that this process has ever held."""
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
