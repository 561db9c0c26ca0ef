"""Files: written all or nothing, and told apart by the checksum of their content."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xarray as xr


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to; rename it to ``path`` at the end, so that ``path`` is never half written.

    The name is random: processes in different containers may have the same number and share a disk. After an error
    nothing is left behind, and what was at ``path`` before is still there.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     notes = Path(folder, "notes.txt")
        ...     with replacing(notes) as temporary:
        ...         _ = temporary.write_text("all or nothing")
        ...     notes.read_text(), len(list(Path(folder).iterdir()))
        ('all or nothing', 1)
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def store(dataset: xr.Dataset, path: Path) -> None:
    """Write a netCDF file, compressed, all or nothing.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store(xr.Dataset({"values": ("coalition", [0.0, 1.5])}), Path(folder, "game.nc"))
        ...     xr.load_dataset(Path(folder, "game.nc"), engine="h5netcdf")["values"].values
        array([0. , 1.5])
    """
    encoding = {name: {"zlib": True, "shuffle": True, "complevel": 6} for name in dataset.data_vars}
    with replacing(path) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)


def checksum(array: np.ndarray, *more: str) -> str:
    """The sha256 of an array's shape, type and content, and of any text given with it.

    Example:
        >>> checksum(np.arange(3), "as counted")[:8] == checksum(np.arange(3.0), "as counted")[:8]
        False
    """
    digest = hashlib.sha256(f"{array.shape} {array.dtype} {more}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
