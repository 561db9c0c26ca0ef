"""The certified extraction against the laboratory's subgradient descent, on planted games and on a shipped one."""

import functools
import itertools
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import torch
import xarray as xr
from torch import Tensor

from benchmarks.memory import peak_memory
from lkutils.extraction import Interactions, extract_interactions, extract_sgd
from lkutils.paper.planted import planted_games, recovery
from lkutils.paper.procedures import with_axes
from lkutils.paper.shipped import load_game

LEARNING_RATES = (1e-5, 1e-4)
GAME = "mnist/mlp7"

Found = TypeVar("Found")


def against_sgd() -> list[dict]:
    """Both methods on the same games: time, final L1, certified gap, salient interactions, IoU with the planted."""
    planted = {f"planted, n = {n}": planted_games(n, count) for n, count in ((8, 10), (10, 10), (12, 4))}
    cases = [*planted.items(), (f"{GAME}, output", xr.Dataset({"values": shipped_games(10)}))]
    methods: dict[str, Callable[[Tensor], Interactions]] = {"exact": extract_interactions}
    for lr in LEARNING_RATES:
        methods[f"sgd, lr {lr:g}"] = functools.partial(extract_sgd, lr=lr)
    rows = []
    for name, games in cases:
        values = torch.from_numpy(games["values"].values)
        for method, extract in methods.items():
            found, spent = timed(extract, values)
            if method == "exact":
                lower_bound = found.lower_bound  # holds for every method
            both = with_axes(found, games["values"])["interactions"]
            same = recovery(both, games.get("interactions", both)).mean()
            rows.append(
                {
                    "games": f"{len(values)} x {name}",
                    "method": method,
                    "seconds a game": spent / len(values),
                    "L1": found.objective.mean().item(),
                    "largest certified gap": ((found.objective - lower_bound) / found.objective).max().item(),
                    "salient": same["salient"].item(),
                    "IoU with planted": same["iou"].item() if "interactions" in games else "",
                }
            )
    return rows


def gap_over_time() -> list[dict]:
    """How far from the optimum a method may still be after so many seconds, on the shipped game."""
    values = torch.from_numpy(shipped_games(10).values)
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
    counts = {6: 10, 7: 10, 8: 10, 9: 10, 10: 10, 11: 10, 12: 4, 13: 2, 14: 2, 15: 1, 16: 1}
    return [measured(n, count) for n, count in counts.items()]


def cost_over_problems() -> list[dict]:
    """Time and memory for planted games of ten and of twelve players as their number grows."""
    sizes = {10: (1, 3, 10, 30, 100, 300, 1000), 12: (30, 240)}
    return [measured(n, count) for n, counts in sizes.items() for count in counts]


def shipped_games(count: int, game: str = GAME) -> xr.DataArray:
    """The network's output on the first samples of a shipped game (sample, coalition)."""
    return load_game(game)["values"].sel(layer="output", drop=True)[:count].astype(float)


def timed(extract: Callable[[Tensor], Found], values: Tensor) -> tuple[Found, float]:
    """The result and the seconds it took."""
    start = time.perf_counter()
    found = extract(values)
    return found, time.perf_counter() - start


def measured(n: int, count: int) -> dict:
    """Seconds and memory of one extraction, in a process of its own so that its peak is seen."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, n, count).result()


def _measured(n: int, count: int) -> dict:
    values = torch.from_numpy(planted_games(n, count)["values"].values)
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
