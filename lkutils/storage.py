"""Files: written all or nothing, sealed with a checksum of all their bytes, and refused when that does not fit.

A sealed file ends in one line of text, `SEAL` and the sha256 of its name and of everything before that line. Readers of
netCDF, which know nothing of it, are not disturbed by a line at the end.
"""

from __future__ import annotations

import hashlib
import io
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xarray as xr

SEAL = b"\nsha256 "
DIGITS = 64  # of a sha256


class DamagedFileError(ValueError):
    """A file does not hold what was written to it, or is another file's copy."""


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


def seal(content: bytes, path: Path) -> None:
    """Write bytes and their seal, all or nothing.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     seal(b"1, 2, 3", Path(folder, "list.txt"))
        ...     unseal(Path(folder, "list.txt"))
        b'1, 2, 3'
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content + SEAL + digest_of(path, content))


def unseal(path: Path) -> bytes:
    """The bytes that were sealed.

    Raises:
        DamagedFileError: the file has no seal, or not that of its name and content.
        FileNotFoundError: there is no such file.
    """
    sealed = path.read_bytes()
    content, seal_found, digest = sealed[: -DIGITS - len(SEAL)], sealed[-DIGITS - len(SEAL) : -DIGITS], sealed[-DIGITS:]
    if seal_found != SEAL or digest != digest_of(path, content):
        raise DamagedFileError(
            f"{path} is truncated, altered, or the copy of a file of another name; restore or delete it"
        )
    return content


def digest_of(path: Path, content: bytes) -> bytes:
    """The sha256 of a file's name and content, in hexadecimal digits."""
    return hashlib.sha256(path.name.encode() + b"\0" + content).hexdigest().encode()


def store(dataset: xr.Dataset, path: Path) -> None:
    """Write a sealed netCDF file, compressed, all or nothing.

    It is put together in memory: HDF5 itself crashes when a disk is full.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store(xr.Dataset({"values": ("coalition", [0.0, 1.5])}), Path(folder, "game.nc"))
        ...     load(Path(folder, "game.nc"))["values"].values
        array([0. , 1.5])
    """
    encoding = {name: {"zlib": True, "shuffle": True, "complevel": 6} for name in dataset.data_vars}
    memory = io.BytesIO()
    dataset.to_netcdf(memory, engine="h5netcdf", encoding=encoding)
    seal(memory.getvalue(), path)


def load(path: Path) -> xr.Dataset:
    """Read what was stored; HDF5 sees nothing of a file whose seal does not fit.

    Raises:
        DamagedFileError, FileNotFoundError: as :func:`unseal`.
    """
    return xr.load_dataset(io.BytesIO(unseal(path)), engine="h5netcdf")


def is_intact(path: Path) -> bool:
    """Whether a file that can be made again is there and undamaged; one line on stderr says when it is damaged."""
    try:
        unseal(path)
    except FileNotFoundError:
        return False
    except DamagedFileError as error:
        print(f"{error} (made again now)", file=sys.stderr)
        return False
    return True


def remembered(path: Path, make: Callable[[], xr.Dataset]) -> xr.Dataset:
    """What ``make`` returns, made once and then read from its file, or made again where that is damaged.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "cached.nc")
        ...     for number in (1, 2):
        ...         remembered(path, lambda: xr.Dataset({"number": number}))["number"].item()
        1
        1
    """
    if not is_intact(path):
        store(make(), path)
    return load(path)


def checksum(array: np.ndarray, *more: str) -> str:
    """The sha256 of an array's shape, type and content, and of any text given with it.

    Example:
        >>> checksum(np.arange(3), "as counted")[:8] == checksum(np.arange(3.0), "as counted")[:8]
        False
    """
    digest = hashlib.sha256(f"{array.shape} {array.dtype} {more}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
