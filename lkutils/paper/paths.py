"""Where things live. No other module knows a folder's name.

Data sets are looked for in the folder that the environment variable ``LKUTILS_DATA`` names, else in ``data/``.
What the project makes itself (checkpoints, caches, executed chapters) always goes inside the repository: the one that
the package lies in, else the one around the current directory, else the current directory itself.
"""

from __future__ import annotations

import os
from pathlib import Path


def repository(*places: Path) -> Path | None:
    """The first folder with this project's book and games, among some places and the folders around them.

    Example:
        >>> repository(Path("/")) is None
        True
    """
    around = (folder for place in places for folder in (place, *place.parents))
    return next((f for f in around if (f / "_config.yml").is_file() and (f / "data" / "games").is_dir()), None)


ROOT = repository(Path(__file__).resolve().parent, Path.cwd()) or Path.cwd()

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
