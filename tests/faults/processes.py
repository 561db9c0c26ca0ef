"""Processes that are forked from the tests, so that they start at once, and that are killed at a chosen moment."""

import importlib
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

# What a game imports when it first needs it: here, once, and not for ten seconds in each process.
for module in ("h5netcdf", "sklearn.datasets", "torch._dynamo"):
    importlib.import_module(module)

WRITES = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"}


class Forked:
    """A function that runs in a child process; what it prints goes to a file."""

    def __init__(self, function: Callable[[], object], output: Path = Path(os.devnull)) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads that are waiting only (Python 3.12 on)
            self.pid = os.fork()
        if not self.pid:
            status = 1
            try:
                descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                os.dup2(descriptor, 1)
                os.dup2(descriptor, 2)
                sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
                function()
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)

    def status(self) -> int:
        """How it ended: 0 without an error, 1 with one, minus the signal that killed it."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self) -> int:
        """Kill it, unless it has ended; returns its status."""
        os.kill(self.pid, signal.SIGKILL)
        return self.status()


def watched(function: Callable[[], object], folder: Path, at: Callable[[int], None]) -> Callable[[], object]:
    """The function, with ``at`` called before everything that changes a folder, and in the middle of a file's bytes.

    Args:
        function: run in a process of its own.
        folder: what happens elsewhere does not count.
        at: gets the number of the event, from 0.
    """

    def run() -> object:
        count = 0

        def event() -> None:
            nonlocal count
            count += 1
            at(count - 1)

        def hook(name: str, arguments: tuple) -> None:
            if name in WRITES and str(arguments[0]).startswith(str(folder)):
                reads = name == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
                if not reads:
                    event()

        write = Path.write_bytes

        def write_slowly(path: Path, content: bytes) -> int:
            write(path, content[: len(content) // 2])
            event()
            return write(path, content)

        Path.write_bytes = write_slowly
        sys.addaudithook(hook)
        return function()

    return run


def count_events(function: Callable[[], object], folder: Path, note: Path) -> int:
    """How many events there are in an undisturbed run."""
    output = note.with_name("output")
    ran = Forked(watched(function, folder, lambda number: note.write_text(str(number + 1))), output)
    assert ran.status() == 0, output.read_text()
    return int(note.read_text())


def killed_at(function: Callable[[], object], folder: Path, number: int) -> None:
    """Run a function that is killed at an event; it may end before where events come in another order."""

    def at(event: int) -> None:
        if event == number:
            os.kill(os.getpid(), signal.SIGKILL)

    assert Forked(watched(function, folder, at)).status() in (0, -signal.SIGKILL)


def killed_after(function: Callable[[], object], seconds: float) -> None:
    """Run a function that is killed after a time."""
    running = Forked(function)
    time.sleep(seconds)
    assert running.kill() in (0, -signal.SIGKILL)
