"""Files: written all or nothing, and told apart by the checksum of their content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xarray as xr


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to; rename it to ``path`` at the end, so that ``path`` is never half written.

    Example:
        >>> with replacing(Path("notes.txt")) as temporary:  # doctest: +SKIP
        ...     _ = temporary.write_text("all or nothing")
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def store(dataset: xr.Dataset, path: Path) -> None:
    """Write a netCDF file, compressed, all or nothing."""
    encoding = {name: {"zlib": True, "shuffle": True, "complevel": 6} for name in dataset.data_vars}
    with replacing(path) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)


def checksum(array: np.ndarray, *more: str) -> str:
    """The sha256 of an array's shape and content, and of any text given with it."""
    digest = hashlib.sha256(f"{array.shape} {array.dtype} {more}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
