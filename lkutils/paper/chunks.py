"""Parts of a game that are finished already: what was interrupted goes on from there."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Int, Shaped
from torch import Tensor

from lkutils.epochs import fingerprint
from lkutils.inputs import content_hash
from lkutils.probes import ProbedNetwork
from lkutils.storage import is_intact, seal, unseal


def chunk_key(
    probed: ProbedNetwork,
    samples: Int[Tensor, "sample"],
    inputs: Shaped[Tensor, "sample *shape"],
    labels: Int[Tensor, "sample"],
    players: Int[Tensor, "sample ..."],
    baseline: Shaped[Tensor, "..."],
    *more: str,
) -> str:
    """A key of all that a chunk's values depend on: the content of the arguments, the network and its probes.

    Args:
        probed: what values are read from.
        samples: their numbers.
        inputs, labels, players, baseline: as `lkutils.masking.coalition_values` takes them.
        more: whatever else the values depend on.
    """
    contents = map(content_hash, (samples, players, baseline))
    parts = (*probed.key(inputs, labels).values(), fingerprint(probed.probes), *contents, *more)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def remembered(path: Path, compute: Callable[[], Tensor]) -> tuple[np.ndarray, float]:
    """What ``compute`` gives as float32, computed once and then read from its file; and the seconds it took."""
    if not is_intact(path):
        began, memory = time.perf_counter(), io.BytesIO()
        values = compute().float().cpu().numpy()
        np.savez(memory, values=values, seconds=time.perf_counter() - began)
        seal(memory.getvalue(), path)
    with np.load(io.BytesIO(unseal(path))) as chunk:
        return chunk["values"], float(chunk["seconds"])
