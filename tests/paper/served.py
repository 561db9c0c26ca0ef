"""A web server of one folder on this machine, which breaks off when it is told to."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Server(http.server.ThreadingHTTPServer):
    """What it serves, how it behaves, and what it was asked for.

    Attributes:
        folder: whose files are served.
        address: ends in "/".
        cuts: how many bytes it sends before it breaks off, answer by answer; all of them where the list has ended.
        ranges: whether it knows ranges.
        tells_length: whether it says how long an answer is.
        status: of every answer, 200 unless it was set to an error.
        asked: the range that each request asked for, or None.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.folder, self.address = folder, f"http://127.0.0.1:{self.server_port}/"
        self.cuts, self.asked, self.ranges, self.tells_length, self.status = [], [], True, True, 200


class Answer(http.server.BaseHTTPRequestHandler):
    """An answer to one request."""

    def do_GET(self) -> None:
        server, asked = self.server, self.headers.get("Range")
        server.asked.append(asked)
        path = server.folder / self.path.removeprefix("/")
        if server.status != 200 or not path.exists():
            self.send_error(server.status if server.status != 200 else 404)
            return
        content, first = path.read_bytes(), 0
        if asked and server.ranges:
            first = int(asked.removeprefix("bytes=").rstrip("-"))
            self.send_response(206 if first < len(content) else 416)
            self.send_header(
                "Content-Range",
                f"bytes {f'{first}-{len(content) - 1}' if first < len(content) else '*'}/{len(content)}",
            )
        else:
            self.send_response(200)
        if server.tells_length:
            self.send_header("Content-Length", str(len(content) - first if first < len(content) else 0))
        self.end_headers()
        self.wfile.write(content[first:][: server.cuts.pop(0) if server.cuts else None])

    def log_message(self, *arguments) -> None:
        """Not a word."""


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A server for as long as the context lasts."""
    with Server(folder) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()
