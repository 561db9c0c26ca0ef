"""Where a result comes from: the machine, the versions and the state of the code."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

import torch

from lkutils.paper import paths

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "xarray", "transformers", "matplotlib")


def versions() -> dict[str, str]:
    """Versions of Python, of lkutils and of the packages that results may depend on.

    Example:
        >>> sorted(versions())[:3]
        ['lkutils', 'matplotlib', 'numpy']
    """
    return {"python": platform.python_version()} | {name: version(name) for name in ("lkutils", *PACKAGES)}


def version(package: str) -> str:
    """Version of a package; "unknown" of one that is not installed, as lkutils itself where only its path is known."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def machine() -> str:
    """What computes here: the GPU, or the processor and the number of its cores this process may use.

    Example:
        >>> machine()  # doctest: +SKIP
        'x86_64 CPU, 2 cores'
    """
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.machine()} CPU, {len(os.sched_getaffinity(0))} cores"


def git_hash() -> str:
    """Short hash of the commit the code is at, with "+" when tracked files differ; "unknown" outside a git clone.

    Example:
        >>> git_hash()  # doctest: +SKIP
        '9cfeef6+'
    """
    top = git("rev-parse", "--show-toplevel")
    if not top or Path(top).resolve() != paths.ROOT.resolve():
        return "unknown"  # a folder inside another project's clone
    return git("describe", "--always", "--exclude=*", "--dirty=+") or "unknown"


def git(*arguments: str) -> str:
    """What git says about the repository, whatever other one the shell's variables name; nothing when it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        command = ["git", "-C", str(paths.ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False).stdout.strip()
    except OSError:  # git is not installed
        return ""
