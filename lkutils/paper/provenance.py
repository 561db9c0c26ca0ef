"""Where a result comes from: the machine, the versions and the state of the code."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess

import torch

from lkutils.paper import paths

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "xarray", "transformers", "matplotlib")


def versions() -> dict[str, str]:
    """Versions of Python, of lkutils and of the packages that results may depend on.

    Example:
        >>> sorted(versions())[:3]
        ['lkutils', 'matplotlib', 'numpy']
    """
    installed = {name: importlib.metadata.version(name) for name in ("lkutils", *PACKAGES)}
    return {"python": platform.python_version()} | installed


def machine() -> str:
    """What computes here: the GPU, or the processor and the number of its cores this process may use.

    Example:
        >>> machine()
        'x86_64 CPU, 2 cores'
    """
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.machine()} CPU, {len(os.sched_getaffinity(0))} cores"


def git_hash() -> str:
    """Short hash of the commit the code is at, with "+" when tracked files differ; "unknown" outside a git clone.

    Example:
        >>> git_hash()
        '9cfeef6+'
    """
    command = ["git", "-C", str(paths.ROOT), "describe", "--always", "--exclude=*", "--dirty=+"]
    described = subprocess.run(command, capture_output=True, text=True, check=False)
    return described.stdout.strip() or "unknown"
