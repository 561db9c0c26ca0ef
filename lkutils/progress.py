"""Progress bars."""

from __future__ import annotations

import os
from collections.abc import Iterable

from tqdm.auto import tqdm


def progress(iterable: Iterable | None = None, description: str = "", total: int | None = None) -> tqdm:
    """A progress bar on stderr, silent where no one watches (CI, or output sent to a file).

    Example:
        >>> sum(progress([1, 2, 3], "adding"))
        6
    """
    silent = True if os.environ.get("CI") else None
    return tqdm(iterable, description, total, leave=False, disable=silent, unit_scale=total is not None)
