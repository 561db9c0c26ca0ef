"""How much memory a device has left."""

import psutil
import torch


def free_memory(device: torch.device) -> int:
    """Bytes that can be used without swapping."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
