"""What computes here: the GPU when there is one, and how much memory a device has left."""

import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch

# What a container may use and what it uses, in both versions of cgroups.
CGROUPS = [
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
]


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
    """Bytes that can be used without swapping, and within the limits of the container and of ``ulimit -v``."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return max(0, min([psutil.virtual_memory().available, *left_by_limits()]))


def left_by_limits() -> list[int]:
    """Bytes that are left of each limit on memory that this process has."""
    left = []
    for group, limit, used in CGROUPS:
        try:
            files = re.search(r"^inactive_file (\d+)", (group / "memory.stat").read_text(), re.MULTILINE)
            cached = int(files[1]) if files else 0  # of files, given back when it is needed
            left.append(int((group / limit).read_text()) - int((group / used).read_text()) + cached)
        except (OSError, ValueError):  # not in such a group, or one without a limit ("max")
            continue
    address_space = resource.getrlimit(resource.RLIMIT_AS)[0]
    if address_space != resource.RLIM_INFINITY:
        left.append(address_space - psutil.Process().memory_info().vms)
    return left
