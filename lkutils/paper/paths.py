"""Where things live. No other module knows a folder's name.

Data sets are looked for in the folder that the environment variable ``LKUTILS_DATA`` names, else in ``data/``.
What the project makes itself (checkpoints, caches, executed chapters) always goes inside the repository.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

NOTEBOOKS = ROOT / "notebooks"
BOOK = ROOT / "book"
EXECUTED = BOOK / "notebooks"
RUNS = ROOT / "runs"
HTML = ROOT / "_build" / "html"

MEASURED = ROOT / "benchmarks" / "results.json"

GAMES = ROOT / "data" / "games"
CACHE = ROOT / "data" / "cache"


def data_dir() -> Path:
    """Folder of the data sets: ``LKUTILS_DATA`` when it is set, else ``data/``.

    Raises:
        NotADirectoryError: if ``LKUTILS_DATA`` names no folder.
    """
    named = os.environ.get("LKUTILS_DATA")
    if not named:
        return ROOT / "data"
    if not Path(named).is_dir():
        raise NotADirectoryError(
            f"LKUTILS_DATA is {named!r}, which is no folder. Set it to a folder with the layout of data/README.md, "
            "or unset it to use data/."
        )
    return Path(named)
