"""The kernel that chapters run in: this environment's Python, whatever the shell and the home folder say."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest import mock

KERNEL = "python3"


@contextlib.contextmanager
def own_kernel(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Let `KERNEL` be the present interpreter, with figures inside the notebook, as long as the context lasts.

    A kernel of the same name in a user's folders would run another environment. MPLBACKEND, matplotlibrc and start-up
    files of IPython would decide what figures look like and whether there are any.

    Args:
        folder: for what belongs to the kernel.
        environment: variables that the kernel has besides.
    """
    (folder / "matplotlibrc").touch()  # an empty one: matplotlib's own defaults
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
        "env": {
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "MATPLOTLIBRC": str(folder / "matplotlibrc"),
            "IPYTHONDIR": str(folder / "ipython"),
            **environment,
        },
    }
    path = folder / "kernels" / KERNEL / "kernel.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(spec))
    with mock.patch.dict(os.environ, JUPYTER_PATH=str(folder)):  # which comes before all other folders
        yield
