"""How much memory was taken at most."""

import re
from pathlib import Path

import torch


def peak_memory(device: torch.device | str = "cpu") -> int:
    """Most bytes that this process has ever held, on the GPU or in main memory."""
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated()
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
