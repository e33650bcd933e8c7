"""`bwc renew`: new certificates for a device, or for a docking station and what stands in its bays."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from bwc_protocol.declare import Role
from bwc_sdk.cli.arguments.authority import AuthorityOptions, CaDir, Certificates, CsrOut, authority_of
from bwc_sdk.cli.arguments.ca.options import Today
from bwc_sdk.cli.arguments.ca.passphrases import IssuingFile
from bwc_sdk.cli.arguments.ca.values import day
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.output import Output, Rows
from bwc_sdk.cli.running.interruption import Interrupted
from bwc_sdk.cli.running.on_camera import connecting_any, identity_of, role_for
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb, verbs
from bwc_sdk.cli.verbs.enroll import error_document
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.enrolment.authority import Authority
from bwc_sdk.enrolment.events import RequestWritten
from bwc_sdk.enrolment.renewing import WITHIN_DAYS, RenewalOutcome, Renewed, renew
from bwc_sdk.errors import BwcError
from bwc_sdk.identity.lookup import identity_for

app = verbs()
STOPPED = "every device keeps the certificate that it has, or has its new one"


@app.command("renew")
@local_verb
def renew_verb(
    settings: Settings,
    output: Output,
    ca: CaDir = None,
    csr_out: CsrOut = None,
    certificates: Certificates = None,
    within: Annotated[
        int,
        typer.Option("--within", metavar="DAYS", min=0, help="Leave alone who has more days left than this."),
    ] = WITHIN_DAYS,
    today: Today = None,
    passphrase_file: IssuingFile = None,
) -> int | None:
    """Renew the certificate of a device, and with a docking station of all cameras in its bays. Without a button.

    Footage stays, and one whose certificate has ended is renewed alike. With a CA elsewhere --csr-out DIR collects
    requests, and --certificates DIR brings what was issued at the next docking; give both, and each docking does what
    it can. One that fails stops no other.
    """
    role = role_for(settings, Role.TECHNICIAN)
    chosen = identity_of(settings, role)["identity"]
    host = identity_for(chosen, role, time.time()) if chosen is not None else None
    given = AuthorityOptions(ca, csr_out, certificates, None, passphrase_file, today)
    authority = authority_of(settings, given, host)
    rows: list[dict[str, Any]] = []
    errors: list[BwcError] = []

    async def one(slot: str, work: Callable[[], Awaitable[RenewalOutcome]]) -> None:
        try:
            rows.append({"slot": slot, **_document(await work()), "error": None})
        except BwcError as error:
            errors.append(error)
            rows.append({"slot": slot, "outcome": "failed", "error": error_document(error)})

    async def whole() -> None:
        async with connecting_any(settings, Role.TECHNICIAN) as device:
            kind = "station" if isinstance(device, DockingStation) else "camera"
            await one(kind, lambda: renew(device, authority, within_days=within))
            if isinstance(device, DockingStation):
                for bay in await device.bays.list():
                    if bay.present:
                        number = bay.bay
                        await one(f"bay {number}", lambda n=number: _in_bay(device, n, authority, within))  # type: ignore[misc]  # a default keeps the number

    try:
        asyncio.run(whole())
    except KeyboardInterrupt as stop:
        raise Interrupted(STOPPED) from stop
    if len(errors) == len(rows) == 1:
        raise errors[0]
    output.show(
        {"devices": rows},
        Rows(
            title="",
            headings=["slot", "outcome", "serial", "until, or where"],
            plain=[
                [
                    row["slot"],
                    row["outcome"],
                    row.get("serial", ""),
                    row.get("until") or row.get("path") or (row["error"] or {}).get("rule", ""),
                ]
                for row in rows
            ],
        ),
    )
    for row in rows:
        if row["error"]:
            output.note(f"{row['slot']}: {row['error']['rule']}; try: {row['error']['advice']}")
    return ExitCode.INCOMPLETE if errors else ExitCode.SUCCESS


async def _in_bay(station: DockingStation, bay: int, authority: Authority, within: int) -> RenewalOutcome:
    async with station.camera(bay) as camera:
        return await renew(camera, authority, within_days=within)


def _document(outcome: RenewalOutcome) -> dict[str, Any]:
    if isinstance(outcome, RequestWritten):
        return {"outcome": "request written", "serial": outcome.serial, "path": str(outcome.path)}
    word = "renewed" if isinstance(outcome, Renewed) else "not due"
    return {"outcome": word, "serial": outcome.serial, "until": day(outcome.until_s)}
