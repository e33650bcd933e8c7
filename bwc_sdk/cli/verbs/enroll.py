"""`bwc enroll`: a factory-new camera or docking station becomes the agency's."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bwc_protocol.declare import Role
from bwc_sdk.cli.advice import advice_for
from bwc_sdk.cli.arguments.authority import (
    AuthorityOptions,
    CaDir,
    Certificates,
    CsrOut,
    Recipients,
    authority_of,
)
from bwc_sdk.cli.arguments.ca.options import Today
from bwc_sdk.cli.arguments.ca.passphrases import IssuingFile
from bwc_sdk.cli.arguments.ca.values import day
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.output import Output
from bwc_sdk.cli.printing.readable import dumps
from bwc_sdk.cli.running.interruption import Interrupted
from bwc_sdk.cli.running.on_camera import ask_on_terminal, require_device
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb, verbs
from bwc_sdk.enrolment import (
    AlreadyEnrolled,
    ButtonWanted,
    Enrolled,
    EnrolmentEvent,
    EnrolmentFailed,
    RequestWritten,
    Vendor,
    enroll,
)
from bwc_sdk.enrolment.enrolling import WAIT_S
from bwc_sdk.enrolment.vendor import read_serials
from bwc_sdk.errors import BwcError, IdentityError
from bwc_sdk.evidence.decrypt import RecipientKey
from bwc_sdk.identity.lookup import find_identity, identity_for

app = verbs()
SIMULATOR: Final = "simulator"
"""Instead of a file: the factory of this user's simulator."""
VendorRoot = Annotated[
    str | None,
    typer.Option(
        "--vendor-root",
        metavar="FILE",
        help="Root of the devices' factory (PEM), by which a device proves to be genuine; "
        f"'{SIMULATOR}' for simulated ones.",
    ),
]
Serials = Annotated[
    Path | None,
    typer.Option("--serials", metavar="FILE", help="Serial numbers that may be enrolled, one a line."),
]
NO_RECIPIENT: Final = "there is no evidence recipient: footage will be encrypted for nobody (docs/agency.md)"
STOPPED: Final = "what was told as enrolled is; 'bwc enroll' goes on with the others"


@app.command("enroll")
@local_verb
def enroll_verb(
    settings: Settings,
    output: Output,
    ca: CaDir = None,
    vendor_root: VendorRoot = None,
    serials: Serials = None,
    csr_out: CsrOut = None,
    certificates: Certificates = None,
    recipient: Recipients = None,
    bench: Annotated[
        bool,
        typer.Option("--bench", help="Let it take the role bench, too: it is for tests, not for service."),
    ] = False,
    wait: Annotated[
        float,
        typer.Option("--wait", metavar="SECONDS", min=1, max=3600, help="How long a button is waited for."),
    ] = WAIT_S,
    today: Today = None,
    passphrase_file: IssuingFile = None,
) -> int:
    """Make a factory-new device one of the agency: a camera, or a docking station and then what stands in its bays.

    Says whose enrolment button to press. By a cable, within two minutes after the press, on a camera without footage.
    Needs a technician's identity of the same agency. One that fails stops no other. With a CA elsewhere its request is
    written first; run it again with --certificates, and press again. A camera of the lab is also shown that what it
    encrypts can be opened; of an agency whoever has the key does that: 'bwc evidence prove'.
    """
    uri = require_device(settings)
    identities = find_identity(settings.identity, lab=settings.lab, ask=ask_on_terminal)
    technician = identity_for(identities, Role.TECHNICIAN, time.time()) if identities is not None else None
    if technician is None:
        raise IdentityError(
            "nobody enrols without a technician's identity",
            advice="--identity DIR names one ('bwc ca issue DIR technician'); --lab enrols for the lab",
        )
    given = AuthorityOptions(ca, csr_out, certificates, recipient, passphrase_file, today)
    authority = authority_of(settings, given, technician)
    vendor = vendor_of(settings, vendor_root, serials)
    told: list[EnrolmentEvent] = []
    proving = lab_keys() if settings.lab else ()

    async def whole() -> None:
        async for event in enroll(
            uri, authority, vendor=vendor, identity=technician, bench=bench, wait_s=wait, proving=proving
        ):
            told.append(event)
            tell(output, event)

    if not authority.parts().recipients:
        output.note(NO_RECIPIENT)
    try:
        asyncio.run(whole())
    except KeyboardInterrupt as stop:
        raise Interrupted(STOPPED) from stop
    return _outcome(told, output)


def lab_keys() -> tuple[RecipientKey, ...]:
    """Everybody in a lab can open its footage, so that a camera is shown it at once."""
    from bwc_sdk.evidence.recipient_keys import keys_at_hand

    return keys_at_hand(lab=True)


def _outcome(told: list[EnrolmentEvent], output: Output) -> int:
    failed = [event.error for event in told if isinstance(event, EnrolmentFailed)]
    done = [event for event in told if isinstance(event, Enrolled | AlreadyEnrolled | RequestWritten)]
    if len(failed) == 1 and not done:
        raise failed[0]
    return ExitCode.INCOMPLETE if failed else ExitCode.SUCCESS


def vendor_of(settings: Settings, root: str | None, serials: Path | None) -> Vendor:
    """Whose devices are let in, by `--vendor-root` and `--serials`."""
    if root == SIMULATOR or (root is None and settings.lab):
        from bwc_protocol.lab.directory import LabUnusable, open_lab

        try:
            factory = open_lab().agency.factory_root.certificate
        except LabUnusable as error:
            raise IdentityError(str(error)) from error
        return Vendor((factory,), None if serials is None else read_serials(serials))
    if root is None:
        raise typer.BadParameter(
            "--vendor-root FILE has to say whose devices are let in: the maker gives the root of its factory"
        )
    return Vendor.of_files(Path(root), serials)


def tell(output: Output, event: EnrolmentEvent) -> None:
    """Writes one event, as a line or as JSON."""
    if output.as_json:
        output.write(dumps(_document(event)))
    else:
        output.line(event.slot, *_words(event))
    output.flush()


def _words(event: EnrolmentEvent) -> list[str]:
    match event:
        case ButtonWanted():
            return [f"press its enrolment button now; waiting up to {event.wait_s:.0f} s"]
        case Enrolled():
            proved = [f"{', '.join(event.proved)} can open its footage"] if event.proved else []
            return ["enrolled", event.serial, f"until {day(event.until_s)}", *proved]
        case AlreadyEnrolled():
            return ["enrolled already", event.serial, f"until {day(event.until_s)}"]
        case RequestWritten():
            return ["request written", event.serial, str(event.path)]
        case EnrolmentFailed():
            return ["failed", event.error.rule, f"try: {advice_for(event.error)}"]


def _document(event: EnrolmentEvent) -> Mapping[str, Any]:
    match event:
        case ButtonWanted():
            return {"event": "button-wanted", "slot": event.slot, "wait_s": event.wait_s}
        case Enrolled() | AlreadyEnrolled():
            word = "enrolled" if isinstance(event, Enrolled) else "already-enrolled"
            return {
                "event": word,
                "slot": event.slot,
                "kind": event.kind.name.lower(),
                "serial": event.serial,
                "until": day(event.until_s),
                **({"proved": list(event.proved)} if isinstance(event, Enrolled) else {}),
            }
        case RequestWritten():
            return {
                "event": "request-written",
                "slot": event.slot,
                "serial": event.serial,
                "path": str(event.path),
            }
        case EnrolmentFailed():
            return {"event": "failed", "slot": event.slot, "error": error_document(event.error)}


def error_document(error: BwcError) -> dict[str, str]:
    """An error of one of several devices."""
    return {
        "class": type(error).__name__,
        "layer": error.layer,
        "device": error.device,
        "rule": error.rule,
        "advice": advice_for(error),
    }
