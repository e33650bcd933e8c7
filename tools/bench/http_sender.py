"""The other end of the HTTP download: a plain server whose files are random bytes, kept in memory.

    python -m tools.bench.http_sender

Prints its address. `GET /SIZE` answers that many bytes, and their SHA-256 is nobody's affair: a download has none.
"""

import os
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

BLOCK: Final = os.urandom(1_048_576)


class Files(BaseHTTPRequestHandler):
    """Answers every size."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = re.fullmatch(r"/(\d{1,12})", self.path)
        if asked is None:
            self.send_error(404)
            return
        left = int(asked[1])
        self.send_response(200)
        self.send_header("Content-Length", str(left))
        self.end_headers()
        while left:
            piece = memoryview(BLOCK)[: min(left, len(BLOCK))]
            self.connection.sendall(piece)
            left -= len(piece)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the address alone is printed."""


if __name__ == "__main__":
    try:
        with ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
            print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
            server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)
