"""A time-stamping authority of its own: OpenSSL's responder behind a small HTTP server (RFC 3161)."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

CONFIGURATION: Final = """
[tsa]
default_tsa = here
[here]
dir = {place}
serial = $dir/serial
signer_cert = $dir/tsa.pem
signer_key = $dir/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
[name]
[leaf]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
"""


@dataclass
class Authority:
    """One that runs. `status` is what it answers over HTTP, `body` what it says in place of a time stamp."""

    place: Path
    url: str = ""
    status: int = 200
    body: bytes | None = None
    queries: list[bytes] = field(default_factory=list)

    @property
    def root(self) -> bytes:
        """Certificate of its root (DER)."""
        return self.openssl("x509", "-in", "root.pem", "-outform", "DER")

    def openssl(self, *words: str, given: bytes = b"") -> bytes:
        """Runs OpenSSL where its files are."""
        done = subprocess.run(
            ["openssl", *words], cwd=self.place, input=given, capture_output=True, check=True, timeout=60
        )
        return done.stdout

    def reply(self, query: bytes) -> bytes:
        """What it answers to a query."""
        (self.place / "query.tsq").write_bytes(query)
        words = ("-config", "ts.cnf", "-section", "here", "-queryfile", "query.tsq", "-out", "reply.tsr")
        self.openssl("ts", "-reply", *words)
        return (self.place / "reply.tsr").read_bytes()


@contextlib.contextmanager
def authority(place: Path) -> Iterator[Authority]:
    """An authority with its own root, at a URL of this host, as long as it lasts."""
    made = Authority(place)
    (place / "ts.cnf").write_text(CONFIGURATION.format(place=place))
    (place / "serial").write_text("01\n")
    for name, subject in (("root", "/CN=TSA root"), ("tsa", "/CN=TSA 1")):
        made.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")
        made.openssl("req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr")
    days = ("-days", "3650", "-extfile", "ts.cnf")
    made.openssl("x509", "-req", "-in", "root.csr", "-signkey", "root.key", "-out", "root.pem", *days,
                 "-extensions", "root")  # fmt: skip
    made.openssl("x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
                 "-out", "tsa.pem", *days, "-extensions", "leaf")  # fmt: skip

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            made.queries.append(query)
            body = made.body if made.body is not None else made.reply(query)
            self.send_response(made.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
