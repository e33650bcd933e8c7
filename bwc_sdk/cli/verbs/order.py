"""`bwc order make|sign|show|run`."""

import enum
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.declare import Role, to_plain
from bwc_protocol.documents.order import (
    ORDER_MAX,
    ClockStep,
    Decommission,
    EndSeizure,
    Order,
    Sanitise,
    Transfer,
)
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.evidence.record import Record
from bwc_protocol.word import label
from bwc_sdk.cli.arguments.host_time_word import SourceName
from bwc_sdk.cli.arguments.identity_choice import identity_to_sign
from bwc_sdk.cli.arguments.time_span import span_ns
from bwc_sdk.cli.printing import text
from bwc_sdk.cli.printing.facts import Fact, fact
from bwc_sdk.cli.printing.output import Facts, Output
from bwc_sdk.cli.running.on_camera import run_on_device
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import UNCHANGED, UNSURE, common_options, local_verb, verbs
from bwc_sdk.clients.connecting import AnyDevice
from bwc_sdk.errors import WrongDevice
from bwc_sdk.identity.document_files import read_document, require_new, write_document

app = verbs(
    no_args_is_help=True,
    help="Give a device away, end its service, empty it, move its clock: by two people.\n\n"
    "'make' asks the device and writes a file; two people 'sign' it, each by a key of their own; 'run' has the device "
    "carry it out, within a week.",
)
common_options(app)

_AFTERWARDS: Final[dict[type[Record], str]] = {
    Transfer: "it boots without its footage, and belongs to nobody: the next agency enrols it",
    Decommission: "it boots without its footage, and nobody enrols it any more",
    Sanitise: "its footage is gone, and a tombstone stays of each: 'bwc recordings tombstones'",
    EndSeizure: "it is in service again",
    ClockStep: "'bwc clock show' measures its clock; 'bwc clock sync' sets it to the millisecond",
}
"""What comes after an order that was carried out."""

OrderFile = Annotated[Path, typer.Argument(metavar="FILE", readable=False, help="The order.")]
Named = Annotated[
    str | None,
    typer.Argument(metavar="IDENTITY", help="The device that it is for, so that it is the right one."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="For whichever device it is.")]


class Action(enum.StrEnum):
    """What can be ordered."""

    TRANSFER = "transfer"
    DECOMMISSION = "decommission"
    CLOCK_STEP = "clock-step"
    SANITISE = "sanitise"
    END_SEIZURE = "end-seizure"


@app.command("make")
@local_verb
def make(
    settings: Settings,
    output: Output,
    action: Annotated[
        Action,
        typer.Argument(
            help="transfer: it leaves the agency. decommission: it leaves service for ever. clock-step: its clock goes "
            "to this host's time, however far that is. sanitise: all footage goes, and it stays what it is. "
            "end-seizure: a seized camera is in service again."
        ),
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", readable=False, help="File to write.")],
    to_agency: Annotated[
        str, typer.Option("--to", metavar="AGENCY", help="Of a transfer: who gets it, for the record.")
    ] = "",
    lose_held: Annotated[
        bool,
        typer.Option("--lose-held", help="Recordings that are held may be lost: as many as are held now."),
    ] = False,
    lose_undelivered: Annotated[
        bool,
        typer.Option(
            "--lose-undelivered", help="Recordings without a receipt may be lost: as many as there are now."
        ),
    ] = False,
    source: Annotated[
        SourceName | None,
        typer.Option(help="Of a clock step: where this host has its time from; see 'bwc clock sync'."),
    ] = None,
    uncertainty: Annotated[
        str | None, typer.Option(metavar="TIME", help="Of a clock step: how far this host's time may be off.")
    ] = None,
) -> int | None:
    """Ask a device for a nonce, and write an order that nobody has signed yet. Changes nothing on the device.

    Whatever was ordered of it before, and not carried out, is void from then on.
    """
    stepping = action is Action.CLOCK_STEP
    if stepping and (to_agency or lose_held or lose_undelivered):
        raise typer.BadParameter("a clock step takes --source and --uncertainty alone")
    if action is Action.END_SEIZURE and (lose_held or lose_undelivered):
        raise typer.BadParameter("the end of a seizure loses nothing")
    if not stepping and (source or uncertainty):
        raise typer.BadParameter("--source and --uncertainty are for a clock step")
    if to_agency and action is not Action.TRANSFER:
        raise typer.BadParameter("--to is for a transfer")
    stated_ns = None if uncertainty is None else span_ns(uncertainty)
    require_new(file)  # before the device is asked, whose earlier order would be void for nothing

    async def work(device: AnyDevice, out: Output) -> None:
        from bwc_protocol.messages.clock import TimeSource
        from bwc_sdk.clients.order_making import (
            EndingSeizure,
            Leaving,
            Sanitising,
            Stepping,
            Wanted,
            make_order,
        )

        wanted: Wanted | Stepping
        if stepping:
            wanted = Stepping(TimeSource[source.name] if source else None, stated_ns)
        elif action is Action.SANITISE:
            wanted = Sanitising(lose_held, lose_undelivered)
        elif action is Action.END_SEIZURE:
            wanted = EndingSeizure()
        else:
            to = to_agency if action is Action.TRANSFER else None
            wanted = Leaving(to, lose_held, lose_undelivered)
        made = await make_order(device, wanted)
        write_document(file, SignedDocument(made.order.encode()).encode())
        _show(out, made.order, (), {"file": str(file), "recordings": made.recordings, "held": made.held})
        out.note(f"nothing has happened yet: two people sign {file} ('bwc order sign'), then 'bwc order run'")

    return run_on_device(settings, Role.TECHNICIAN, work, interrupted=UNCHANGED)


@app.command("show")
@local_verb
def show(settings: Settings, output: Output, file: OrderFile) -> None:
    """What an order says, and who is said to have signed it; whether that is true is found by 'sign' and 'run'."""
    from bwc_sdk.identity.orders import read_order, stated_signers

    order, document = read_order(read_document(file, ORDER_MAX))
    _show(output, order, stated_signers(document), {"file": str(file)})


@app.command("sign")
@local_verb
def sign(
    settings: Settings,
    output: Output,
    file: OrderFile,
    named: Named = None,
    yes: Yes = False,
    as_name: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="In a lab: the name to sign under. It takes two people."),
    ] = None,
) -> None:
    """Sign an order, under technician or, with --role records, for the records section.

    Needs the device's identity, as 'bwc order show' shows it, or --yes. Look at the order first: what it says is what
    you sign. The file is replaced by the signed one.
    """
    from bwc_sdk.identity.orders import read_order, sign_order, stated_signers, what_is_missing

    if named is None and not yes:
        raise typer.BadParameter(
            "name the device that it is for, as 'bwc order show' shows it, or give --yes"
        )
    data = read_document(file, ORDER_MAX)
    order, _ = read_order(data)
    _require(named, order.device)
    identity = identity_to_sign(settings, Role.TECHNICIAN, as_name)
    signed = sign_order(data, identity, int(time.time()))
    write_document(file, signed, over=True)
    signers = stated_signers(SignedDocument.decode(signed))
    _show(output, order, signers, {"file": str(file)})
    missing = what_is_missing(order, signers)
    output.note(
        f"it still takes {missing}"
        if missing
        else "it is complete: 'bwc order run' has the device carry it out"
    )


@app.command("run")
@local_verb
def run(
    settings: Settings, output: Output, file: OrderFile, named: Named = None, yes: Yes = False
) -> int | None:
    """Have the device carry out an order that two people signed.

    Needs the device's identity or --yes. It is refused when the device closed a recording or set its clock since, or
    when more recordings would be lost than the order says; then make it again.
    """
    from bwc_sdk.identity.orders import check_order, read_order

    if named is None and not yes:
        raise typer.BadParameter(
            "name the device that it is for, as 'bwc order show' shows it, or give --yes"
        )
    data = read_document(file, ORDER_MAX)
    order, _ = read_order(data)
    _require(named, order.device)
    identity = identity_to_sign(settings, Role.TECHNICIAN, None)

    async def work(device: AnyDevice, out: Output) -> None:
        found = check_order(data, identity, device.identity)
        await device.trust.order(data, nonce=found.order.nonce)
        _show(out, order, found.signers, {"file": str(file), "carried_out": True})
        out.note(_AFTERWARDS[type(order.terms)])

    return run_on_device(settings, Role.TECHNICIAN, work, interrupted=UNSURE)


def _require(named: str | None, device: str) -> None:
    if named is not None and named != device:
        raise WrongDevice(
            f"the order is for {device!r}, not for {named!r}",
            advice="'bwc order show' says what an order is for",
        )


def _show(output: Output, order: Order, signers: tuple[CertificateFacts, ...], more: dict[str, Any]) -> None:
    from bwc_sdk.identity.orders import what_is_missing

    told = {
        **more,
        "action": order.terms.label,
        "device": order.device,
        "kind": to_plain(order.kind),
        "lab": order.lab,
        "made_utc_ns": order.signed_utc_s * 1_000_000_000,
        **_terms(order),
        "signers": [{"name": one.name, "agency": one.agency, "roles": _roles(one)} for one in signers],
        "missing": what_is_missing(order, signers),
    }
    output.show({"order": told}, Facts("order", [_fact(name, value) for name, value in told.items()]))


def _terms(order: Order) -> dict[str, Any]:
    match order.terms:
        case Transfer() as terms:
            losing = {"loses_held": terms.loses_held, "loses_undelivered": terms.loses_undelivered}
            return {"to_agency": terms.to_agency, **losing}
        case EndSeizure() as terms:
            return {"case": terms.case}
        case Decommission() | Sanitise() as terms:
            return {"loses_held": terms.loses_held, "loses_undelivered": terms.loses_undelivered}
        case ClockStep() as terms:
            return {"step_ns": terms.step_ns, "uncertainty_ms": terms.uncertainty_ms}


def _fact(name: str, value: Any) -> Fact:
    if name == "signers":
        people = [f"{one['name']} ({', '.join(one['roles'])})" for one in value]
        return fact(name, people)
    if name == "step_ns":
        way = "ahead" if value > 0 else "back"
        return fact(name, value, f"{text.duration(abs(value) / 1e9)} {way} ({value / 1e9:+.3f} s)")
    units = {"made_utc_ns": "ns", "uncertainty_ms": "ms"}
    return fact(name, value, unit=units.get(name, ""))


def _roles(certificate: CertificateFacts) -> list[str]:
    return [label(role) for role in certificate.roles]
