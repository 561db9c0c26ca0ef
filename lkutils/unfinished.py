"""Files and folders that are still being written, and the sweeping of what killed processes left of theirs.

The name of an unfinished one is random: processes in different containers may have the same number and share a disk.
Its process holds a lock on it for as long as it lives. So what nobody holds is rubbish, and is removed when the next
unfinished file appears in the same folder.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = ".unfinished-"


@contextmanager
def unfinished(folder: Path, name: str) -> Iterator[Path]:
    """An empty file in a folder for as long as the context lasts, unless it is moved away before.

    Args:
        folder: made where it does not exist; unfinished files and folders of dead processes in it are removed.
        name: what the file's own name ends in.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with unfinished(Path(folder), "notes.txt") as path:
        ...         _ = path.write_text("to be moved to where it belongs")
        ...     list(Path(folder).iterdir())
        []
    """
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    path = folder / f"{PREFIX}{secrets.token_hex(8)}-{name}"
    lock = locked(path, lambda: os.open(path, os.O_RDWR | os.O_CREAT, 0o666))
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        os.close(lock)


@contextmanager
def unfinished_folder(parent: Path) -> Iterator[Path]:
    """As `unfinished`, a folder, which is removed with all that is in it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as parent, unfinished_folder(Path(parent)) as folder:
        ...     folder.is_dir()
        True
    """
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    path = parent / f"{PREFIX}{secrets.token_hex(8)}"

    def make() -> int:
        path.mkdir(exist_ok=True)
        return os.open(path, os.O_RDONLY)

    lock = locked(path, make)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def locked(path: Path, make: Callable[[], int]) -> int:
    """Make a file or folder and lock it; again where a sweep came between the two. Returns its descriptor."""
    while True:
        descriptor = make()
        with suppress(OSError):  # file systems without locks: nothing is swept there
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if path.exists():
            return descriptor
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove the unfinished files and folders that no living process holds."""
    for path in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):  # another process sweeps as well, or the file is not ours
            descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while its process lives
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            finally:
                os.close(descriptor)
