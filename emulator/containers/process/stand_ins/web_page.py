"""Serves the files of a folder on the port that LISTEN names, and prints each request.

python web_page.py FOLDER
"""

from __future__ import annotations

import http.server
import os
import signal
import sys
from functools import partial
from types import FrameType


class PageHandler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "stand-in"
    sys_version = ""

    def list_directory(self, path: str | os.PathLike[str]) -> None:
        """A folder without an index.html is not shown."""
        self.send_error(http.HTTPStatus.FORBIDDEN)

    def log_message(self, format: str, *args: object) -> None:
        """The combined log format, on standard output."""
        agent = self.headers.get("User-Agent", "-") if hasattr(self, "headers") else "-"
        when = self.log_date_time_string()
        line = f'{self.address_string()} - - [{when}] {format % args} "-" "{agent}"'
        print(line, flush=True)


def end(_number: int, _frame: FrameType | None) -> None:
    os._exit(0)


def main() -> None:
    signal.signal(signal.SIGTERM, end)
    # 0 where no port leads here, as nobody was told it.
    address = (os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("LISTEN", "0")))
    handler = partial(PageHandler, directory=sys.argv[1])
    with http.server.ThreadingHTTPServer(address, handler) as server:
        print(f"listening on port {os.environ.get('LISTEN_AS', '80')}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
