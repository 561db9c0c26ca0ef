"""Downloads that go on where they broke off."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path

from lkutils.progress import progress

LARGEST = 256 * 2**20  # bytes; the archive of CIFAR-10, the largest, has 170 MB
TIMEOUT = 30  # seconds without an answer
PAUSES = (1, 4)  # seconds before it is tried again
STEP = 2**16  # bytes read at a time


def fetch(address: str, path: Path) -> None:
    """Download an address into a file; of what lies there from a download that broke off, only the rest is fetched.

    It is tried again after each of :data:`PAUSES`, and from the first of them on whenever more has come than before.
    What was sent is not verified: that is for those who know what it should be.

    Raises:
        OSError: there was no answer within :data:`TIMEOUT` seconds, or the last try broke off as well; what has come
            is kept. Or the server says no.
        ValueError: more than :data:`LARGEST` bytes; nothing is kept.
    """
    most, pauses = size_of(path), list(PAUSES)
    while True:
        try:
            return fetch_rest(address, path)
        except (OSError, http.client.HTTPException) as error:
            refused = isinstance(error, urllib.error.HTTPError) and error.code < HTTPStatus.INTERNAL_SERVER_ERROR
            if size_of(path) > most:
                most, pauses = size_of(path), list(PAUSES)
            if refused or not pauses:  # a server that says no will say it again
                raise OSError(f"{address}: {error}") from error
            time.sleep(pauses.pop(0))


def fetch_rest(address: str, path: Path) -> None:
    """As `fetch`, in one try. A server that knows no ranges sends all from the start, and it is written from there."""
    there = size_of(path)
    headers = {"User-Agent": "lkutils"} | ({"Range": f"bytes={there}-"} if there else {})
    try:
        answer = urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        if error.headers.get("Content-Range") != f"bytes */{there}":  # else all of it is there
            path.unlink()
            fetch_rest(address, path)
        return
    with answer:
        goes_on = (answer.headers.get("Content-Range") or "").startswith(f"bytes {there}-")
        there = there if goes_on else 0
        length = answer.headers.get("Content-Length")
        total = there + int(length) if length else None
        with path.open("ab" if goes_on else "wb") as file, progress(None, path.name, total) as bar:
            while piece := answer.read(STEP):
                file.write(piece)
                bar.update(len(piece))
                if file.tell() > LARGEST:
                    path.unlink()
                    raise ValueError(f"{address} sends more than {LARGEST:,} bytes, which no official file has")
    if total is not None and size_of(path) < total:
        raise ConnectionError(f"it broke off after {size_of(path):,} of {total:,} bytes, which are kept")


def size_of(path: Path) -> int:
    """Bytes of a file; none where there is no file."""
    return path.stat().st_size if path.exists() else 0
