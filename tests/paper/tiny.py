"""One tiny experiment that stands for the paper's, with all files in a folder of the test's."""

from pathlib import Path

import pytest

from lkutils.paper import experiments, making, paths, shipped
from lkutils.paper.experiments import Experiment, ProbeSchedule
from lkutils.paper.training import Schedule

TINY = Experiment(
    "digits",
    "mlp7",
    7,
    Schedule(epochs=12, learning_rate=0.1, batch_size=64),
    ProbeSchedule(2, 0.05, 128),
    width=1 / 16,
)


def stand_in(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let all files go to a folder, and let the tiny experiment be all that is known."""
    patch.setattr(paths, "GAMES", folder / "games")
    patch.setattr(paths, "CACHE", folder / "cache")
    for module in (experiments, making, shipped):
        patch.setattr(module, "EXPERIMENTS", {"digits/mlp7": TINY})
