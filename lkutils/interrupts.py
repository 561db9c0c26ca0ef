"""Ctrl-C on the command line: one line on stderr and exit status 130, whenever it is pressed.

Imports take seconds, and libraries swallow a KeyboardInterrupt in theirs or make another error of it. So until a
command begins, an interrupt ends the process at once; nothing is half written yet. While it runs, it is the usual
KeyboardInterrupt, at which all that is unfinished is removed. Afterwards there is nothing left to interrupt.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

STATUS = 130  # as shells have it
TOLD = "lkutils: interrupted; the same command goes on from here"


def guard_imports() -> None:
    """Let an interrupt end the process at once, if the package is imported for ``python -m lkutils``.

    Python writes "-m" where the module's path will stand until it has found the module. Where interrupts are ignored,
    as shells have it for what they start in the background, they stay so.
    """
    if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end_at_once)


def end_at_once(*_: object) -> None:
    """A handler of signals that tells the user, and cleans nothing up."""
    os.write(2, f"{TOLD}\n".encode())
    os._exit(STATUS)


@contextmanager
def raised() -> Iterator[None]:
    """In a process whose imports were guarded, let interrupts be raised in the context, and ignored after it."""
    if signal.getsignal(signal.SIGINT) is not end_at_once:
        yield
        return
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
