"""Parts of a game that are finished already: what was interrupted goes on there, and several processes share it."""

from __future__ import annotations

import hashlib
import io
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from jaxtyping import Int, Shaped
from torch import Tensor

from lkutils.epochs import fingerprint
from lkutils.inputs import content_hash
from lkutils.probes import ProbedNetwork
from lkutils.progress import progress
from lkutils.storage import is_intact, seal_in_cache, unseal

Chunks = Mapping[Path, Callable[[], Tensor]]  # where each chunk of a game lies, and what computes it


def network_key(probed: ProbedNetwork) -> str:
    """A key of a network and its probes; it takes a moment for large ones, so it is computed once for all chunks."""
    nothing = torch.empty(0)
    return repr((*probed.key(nothing, nothing).values(), fingerprint(probed.probes)))


def chunk_key(
    network: str,
    samples: Int[Tensor, "sample"],
    inputs: Shaped[Tensor, "sample *shape"],
    labels: Int[Tensor, "sample"],
    players: Int[Tensor, "sample ..."],
    baseline: Shaped[Tensor, "..."],
    *more: str,
) -> str:
    """A key of all that a chunk's values depend on: the content of the arguments, the network and its probes.

    Args:
        network: of `network_key`.
        samples: their numbers.
        inputs, labels, players, baseline: as `lkutils.masking.coalition_values` takes them.
        more: whatever else the values depend on.
    """
    parts = (network, *map(content_hash, (inputs, labels, samples, players, baseline)), *more)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def lock_of(path: Path) -> FileLock:
    """The lock of a file or folder, held by one process at a time; a process that dies lets go of it.

    Example:
        >>> with lock_of(Path("checkpoints", "network.pt")) as held:
        ...     held.is_locked
        True
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path.with_name(f"{path.name}.lock"), is_singleton=True)


def remembered(path: Path, compute: Callable[[], Tensor]) -> tuple[np.ndarray, float]:
    """What ``compute`` gives as float32, computed once and then read from its file; and the seconds it took."""
    with lock_of(path.parent):  # another process may be clearing the folder away
        content = unseal(path) if is_intact(path) else None
    if content is None:
        began, memory = time.perf_counter(), io.BytesIO()
        values = compute().float().cpu().numpy()
        np.savez(memory, values=values, seconds=time.perf_counter() - began)
        content = memory.getvalue()
        with lock_of(path.parent):
            seal_in_cache(content, path)
    with np.load(io.BytesIO(content)) as chunk:
        return chunk["values"], float(chunk["seconds"])


def compute_part(chunks: Chunks, part: tuple[int, int], description: str) -> None:
    """Compute every m-th chunk from the k-th on, counted from 0, as far as they are not there yet.

    Args:
        chunks: of the whole game.
        part: (k, m).
        description: for the progress bar.
    """
    for path in progress(list(chunks)[part[0] :: part[1]], description):
        remembered(path, chunks[path])


@contextmanager
def merging(chunks: Chunks, part: tuple[int, int]) -> Iterator[tuple[list[np.ndarray], float] | None]:
    """The values of all chunks and the seconds they took, to one process at a time; None while other parts are missing.

    They are cleared away at the end, unless there was an error. Another process that had all chunks as well may have
    done so just before; what is missing then is computed again.

    Args:
        chunks: of the whole game.
        part: (k, m), what this process has computed of them.
    """
    folder = next(iter(chunks)).parent
    with lock_of(folder):
        if part != (0, 1) and not all(path.exists() for path in chunks):
            yield None
            return
        found = [remembered(path, compute) for path, compute in chunks.items()]
        yield [values for values, _ in found], sum(seconds for _, seconds in found)
        shutil.rmtree(folder, ignore_errors=True)


def check_part(part: tuple[int, int]) -> None:
    """A part is (k, m) with k from 0 to m - 1.

    Raises:
        ValueError: it is not.
    """
    if not 0 <= part[0] < part[1]:
        raise ValueError(f"part={part} is none: expected (k, m) with k from 0 to m - 1")
