"""Where things live. No other module knows a folder's name.

Data sets are looked for in the folder that the environment variable ``LKUTILS_DATA`` names, else in ``data/``.
What the project makes itself (checkpoints, caches, executed chapters) always goes inside the repository.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

NOTEBOOKS = ROOT / "notebooks"
BOOK = ROOT / "book"
EXECUTED = BOOK / "notebooks"
RUNS = ROOT / "runs"
HTML = ROOT / "_build" / "html"
STYLE = BOOK / "_static" / "lk.mplstyle"

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


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to; rename it to ``path`` at the end, so that ``path`` is never half written.

    Example:
        >>> with replacing(CACHE / "notes.txt") as temporary:
        ...     _ = temporary.write_text("all or nothing")
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
