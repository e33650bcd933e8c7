"""`bwc conformance --listen`: a device at a TCP port that judges whoever connects."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any, Final, cast

import typer

from bwc_protocol.lab.directory import LabUnusable, open_lab
from bwc_sdk.cli.printing.output import Output
from bwc_sdk.cli.printing.text import clean
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.errors import IdentityError, TransportError
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.ports.tcp import TcpPipe, TcpPort
from hil_tests.conformance.folder import prepare, write
from hil_tests.conformance.host_report import Reporter
from hil_tests.conformance.report import Report
from hil_tests.device.identities import BenchIdentities
from hil_tests.hosts.cases import CASES
from hil_tests.hosts.listener import Listener
from hil_tests.hosts.visit import Case
from hil_tests.judging.rules import Scope, all_rules

PORTS: Final = range(65_536)
INTERRUPTED: Final = "it was interrupted"


class ListeningPort(TcpPort):
    """A TCP port behind which the present case stands."""

    def __init__(self, listener: Listener, host: str, port: int) -> None:
        self._listener = listener
        super().__init__(cast(Any, None), host, port)  # the listener has the cameras

    def _admit(self, sock: socket.socket) -> TcpPipe:
        pipe = TcpPipe(sock, self)
        watched = self._listener.admit(pipe, self.uri)
        if watched is None:
            asyncio.get_running_loop().call_soon(pipe.pull)
        else:
            pipe.user = pipe.link = watched
        return pipe


def judge_hosts(
    settings: Settings, output: Output, listen: str, folder: Path, only: str
) -> tuple[Report, Path]:
    """Plays the cases and writes the report. Raises `InvalidUri`, `InvalidValue`, `HostFileError`, `IdentityError`,
    `TransportError` for an address that cannot be had; `KeyboardInterrupt` after the report of a run that somebody
    ended."""
    host, port = listening_address(listen)
    scope = Scope.parse(only)
    identities = BenchIdentities(settings.identity, insecure=settings.allow_insecure)
    prepare(folder)
    cases = [case for case in CASES if not scope.wanted or any(map(scope.has, _numbered(case)))]
    if not cases:
        raise typer.BadParameter(f"no case of a device that listens is about {only}")
    secure = not settings.allow_insecure
    try:
        agency = open_lab().agency if secure else None
    except LabUnusable as error:
        raise IdentityError(str(error)) from error
    session = f"LAB session (lab {agency.id})" if agency is not None else "INSECURE session"

    made: list[Report] = []

    async def main() -> None:
        def tell(case: Case, number: int) -> None:
            _say(
                output,
                f"case {number} of {len(cases)}, {case.name}: the device {case.what}. Host: {case.tries}",
            )

        listener = Listener(cases, agency, tell)
        try:
            at = ListeningPort(listener, host, port)
        except OSError as error:
            raise cannot_listen(listen, error) from error
        reporter = Reporter(at.uri, session, secure=secure, scope=scope)
        _say(output, f"listening at {at.uri}", always=True)
        ended = ""
        try:
            await listener.run()
            ended = listener.ended_early
        except asyncio.CancelledError:
            ended = INTERRUPTED
        finally:
            at.close()
        made.append(reporter.made(cases, listener.visits, ended))

    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        for report in made:
            write(report, folder, identities)
        raise KeyboardInterrupt(f"the report in {folder} says how far it came") from None
    return write(made[0], folder, identities), folder


def _numbered(case: Case) -> list[str]:
    return [rule for rule in case.rules if rule in all_rules()]


def cannot_listen(listen: str, error: OSError) -> TransportError:
    """The error for an address that cannot be had."""
    return TransportError(
        f"cannot listen at {listen}: {error.strerror or error}",
        advice="name an address of this host and a free port: tcp:127.0.0.1:0 takes any",
    )


def listening_address(listen: str) -> tuple[str, int]:
    """Host and port of `tcp:HOST:PORT`. Raises `InvalidUri`, `BadParameter`."""
    uri = DeviceUri.parse(listen)
    host, _, port = uri.address.rpartition(":")
    if uri.scheme != "tcp" or not host or not port.isdigit() or int(port) not in PORTS:
        raise typer.BadParameter(
            f"--listen takes tcp:HOST:PORT, such as tcp:127.0.0.1:0, not {listen[:60]!r}"
        )
    return host.strip("[]"), int(port)


def _say(output: Output, line: str, *, always: bool = False) -> None:
    """On stderr, where progress goes; the address also where a program reads the result."""
    if always or not output.as_json:
        sys.stderr.write(clean(line) + "\n")
        sys.stderr.flush()
