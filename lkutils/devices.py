"""What computes here: the GPU when there is one, and how much memory a device has left."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import torch


def default_device() -> torch.device:
    """The GPU when there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let PyTorch compute with so many threads for as long as the context lasts.

    Sums of other parts round otherwise: a network that one thread trains is not the one that two train.

    Example:
        >>> with threads(1):
        ...     torch.get_num_threads()
        1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def free_memory(device: torch.device) -> int:
    """Bytes that can be used without swapping."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
