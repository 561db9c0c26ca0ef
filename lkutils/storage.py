"""Files: written all or nothing, sealed with a checksum of all their bytes, and refused when that does not fit.

A sealed file ends in one line of text, `SEAL` and the sha256 of its name and of everything before that line. Readers of
netCDF, which know nothing of it, are not disturbed by a line at the end.
"""

from __future__ import annotations

import errno
import hashlib
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xarray as xr

from lkutils.unfinished import unfinished

SEAL = b"\nsha256 "
DIGITS = 64  # of a sha256
FOLDED = "signs"  # the attribute of whole numbers whose signs are folded
NOT_WRITTEN = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # no bugs of ours


class DamagedFileError(ValueError):
    """A file does not hold what was written to it, or is another file's copy."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to; rename it to ``path`` at the end, so that ``path`` is never half written.

    After an error nothing is left behind, and what was at ``path`` before is still there.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     notes = Path(folder, "notes.txt")
        ...     with replacing(notes) as temporary:
        ...         _ = temporary.write_text("all or nothing")
        ...     notes.read_text(), len(list(Path(folder).iterdir()))
        ('all or nothing', 1)
    """
    with unfinished(path.parent, path.name) as temporary:
        yield temporary
        temporary.replace(path)


def seal(content: bytes, path: Path) -> None:
    """Write bytes and their seal, all or nothing.

    Raises:
        OSError: the disk is full, or there is no permission; what was at ``path`` before is still there.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     seal(b"1, 2, 3", Path(folder, "list.txt"))
        ...     unseal(Path(folder, "list.txt"))
        b'1, 2, 3'
    """
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(content + SEAL + digest_of(path, content))
    except OSError as error:
        raise OSError(
            error.errno, error.strerror, str(path)
        ) from error  # the file that is wanted, not the temporary one


def seal_in_cache(content: bytes, path: Path) -> None:
    """As `seal`, of what can be made again: where it cannot be written, one line on stderr says so."""
    try:
        seal(content, path)
    except OSError as error:
        if error.errno not in NOT_WRITTEN:
            raise
        print(f"{path} is not kept ({error.strerror}); it will be made again", file=sys.stderr)


def unseal(path: Path) -> bytes:
    """The bytes that were sealed.

    Raises:
        DamagedFileError: the file has no seal, or not that of its name and content.
        FileNotFoundError, PermissionError: there is no such file, or it may not be read.
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
    seal(as_netcdf(dataset), path)


def load(path: Path) -> xr.Dataset:
    """Read what was stored; HDF5 sees nothing of a file whose seal does not fit.

    Raises:
        DamagedFileError, FileNotFoundError, PermissionError: as :func:`unseal`.
    """
    return from_netcdf(unseal(path))


def as_netcdf(dataset: xr.Dataset) -> bytes:
    """A dataset as the content of a compressed netCDF file; whole numbers have their signs folded."""
    dataset = dataset.assign({name: signs_folded(part) for name, part in dataset.items() if part.dtype.kind == "i"})
    encoding = {name: {"zlib": True, "shuffle": True, "complevel": 6} for name in dataset.data_vars}
    memory = io.BytesIO()
    dataset.to_netcdf(memory, engine="h5netcdf", encoding=encoding)
    return memory.getvalue()


def from_netcdf(content: bytes) -> xr.Dataset:
    """The dataset in the content of a netCDF file."""
    dataset = xr.load_dataset(io.BytesIO(content), engine="h5netcdf")
    return dataset.assign({name: signs_unfolded(part) for name, part in dataset.items() if FOLDED in part.attrs})


def signs_folded(numbers: xr.DataArray) -> xr.DataArray:
    """Whole numbers 0, -1, 1, -2, ... as 0, 1, 2, 3, ...: small ones of both signs have leading zeros, which compress.

    Example:
        >>> signs_folded(xr.DataArray([3, -3, 0, -1])).values
        array([6, 5, 0, 1], dtype=uint64)
    """
    signed = numbers.values
    folded = (signed << 1) ^ (signed >> (8 * signed.itemsize - 1))
    return numbers.copy(data=folded.view(f"u{signed.itemsize}")).assign_attrs({FOLDED: "in the lowest bit"})


def signs_unfolded(numbers: xr.DataArray) -> xr.DataArray:
    """What `signs_folded` was given.

    Example:
        >>> signs_unfolded(signs_folded(xr.DataArray([3, -3, 0, -1]))).values
        array([ 3, -3,  0, -1])
    """
    folded = numbers.values.view(f"i{numbers.dtype.itemsize}")
    unfolded = numbers.copy(data=((folded >> 1) & np.iinfo(folded.dtype).max) ^ -(folded & 1))
    unfolded.attrs.pop(FOLDED)
    return unfolded


def cached(path: Path) -> bytes | None:
    """The bytes that were sealed at a place where they can be made again; None where they have to be.

    One line on stderr says when that is because they are damaged.
    """
    try:
        return unseal(path)
    except FileNotFoundError:
        return None
    except DamagedFileError as error:
        print(f"{error} (made again now)", file=sys.stderr)
        return None


def is_intact(path: Path) -> bool:
    """Whether `cached` bytes are there."""
    return cached(path) is not None


def found_or_made(places: Sequence[Path], make: Callable[[], xr.Dataset]) -> xr.Dataset:
    """The dataset at the first of some places that has it, else what ``make`` returns, kept at the last of them.

    The last place is a cache: what is damaged there is made again, and where nothing can be written nothing is kept.
    What lies at the others was shipped: damaged, it is refused.

    Raises:
        DamagedFileError: a damaged file at a place that is no cache.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     places = Path(folder, "shipped.nc"), Path(folder, "cached.nc")
        ...     for number in (1, 2):
        ...         found_or_made(places, lambda: xr.Dataset({"number": number}))["number"].item()
        1
        1
    """
    *shipped, cache = places
    for place in shipped:
        if place.exists():
            return load(place)
    content = cached(cache)
    if content is None:
        content = as_netcdf(make())
        seal_in_cache(content, cache)
    return from_netcdf(content)


def checksum(array: np.ndarray, *more: str) -> str:
    """The sha256 of an array's shape, type and content, and of any text given with it.

    Example:
        >>> checksum(np.arange(3), "as counted")[:8] == checksum(np.arange(3.0), "as counted")[:8]
        False
    """
    digest = hashlib.sha256(f"{array.shape} {array.dtype} {more}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
