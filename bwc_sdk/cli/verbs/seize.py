"""`bwc seize`."""

import time
from pathlib import Path
from typing import Annotated

import typer

from bwc_protocol.declare import Role
from bwc_sdk.cli.arguments.identity_choice import identity_to_sign
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output
from bwc_sdk.cli.running.on_camera import run_on_camera
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import UNSURE, local_verb, verbs
from bwc_sdk.clients.camera import Camera
from bwc_sdk.errors import DocumentError, WrongDevice
from bwc_sdk.identity.document_files import read_document, require_new, write_document

app = verbs()


@app.command("seize")
@local_verb
def seize(
    settings: Settings,
    output: Output,
    camera: Annotated[str, typer.Argument(metavar="IDENTITY", help="The camera, as 'bwc info' names it.")],
    case: Annotated[str | None, typer.Option(help="Case that it is seized for.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", readable=False, help="File to write the signed seizure to."),
    ] = None,
    signed: Annotated[
        Path | None,
        typer.Option(
            "--signed",
            metavar="FILE",
            readable=False,
            help="Deliver this one, which the records section signed elsewhere, and sign none.",
        ),
    ] = None,
) -> int | None:
    """Seize a camera for a case: nobody changes it any more.

    It is signed, and delivered where --device names the camera. Who signs need not be where the camera is: --out writes
    what --signed delivers, under any role that delivers documents. From then on the camera takes no setting,
    assignment, time, update or erasure from anybody, and erases nothing to make room; footage is offloaded and read as
    before. It ends by an order of two people: 'bwc order make end-seizure'.
    """
    if signed is not None:
        if out is not None:
            raise typer.BadParameter("--signed delivers a file, --out writes one: give one of them")
        return _deliver(settings, output, signed, camera, case)
    if case is None:
        raise typer.BadParameter("name the case with --case, or with --signed the file of a seizure")
    if out is None and settings.device is None:
        raise typer.BadParameter("name the camera with --device, or a file with --out, or both")
    return _sign(settings, output, camera, case, out)


def _sign(settings: Settings, output: Output, camera: str, case: str, out: Path | None) -> int | None:
    from bwc_sdk.identity.seizing import sign_seizure

    if out is not None:
        require_new(out)
    identity = identity_to_sign(settings, Role.RECORDS, None)
    document = sign_seizure(identity, camera=camera, case=case, utc_s=int(time.time()))
    if out is not None:
        write_document(out, document)
    told = {"camera": camera, "case": case, "by": identity.name, "file": str(out) if out else ""}
    if settings.device is None:
        _tell(output, told, delivered=False)
        output.note(
            f"the camera does not know it yet: 'bwc seize {camera} --signed {out}' where it is delivers it"
        )
        return None
    return _give(settings, Role.RECORDS, document, told)


def _deliver(settings: Settings, output: Output, file: Path, camera: str, case: str | None) -> int | None:
    from bwc_protocol.documents.seizure import SEIZURE_MAX
    from bwc_sdk.identity.seizing import check_seizure

    document = read_document(file, SEIZURE_MAX)
    found = check_seizure(document, identity_to_sign(settings, Role.DOCK_OFFLOAD, None), camera)
    if case is not None and case != found.seizure.case:
        raise DocumentError(
            f"the seizure is for case {found.seizure.case!r}, not for {case!r}",
            advice="leave --case out, or have another one signed: 'bwc seize IDENTITY --case N --out FILE'",
        )
    told = {"camera": camera, "case": found.seizure.case, "by": found.signer.name, "file": str(file)}
    return _give(settings, Role.DOCK_OFFLOAD, document, told)


def _give(settings: Settings, role: Role, document: bytes, told: dict[str, str]) -> int | None:
    async def work(there: Camera, out: Output) -> None:
        if there.identity != told["camera"]:
            raise WrongDevice(
                f"this is {there.identity!r}, not {told['camera']!r}",
                device=there.name,
                advice="'bwc info' names it",
            )
        await there.trust.seize(document)
        _tell(out, told, delivered=True)

    return run_on_camera(settings, role, work, interrupted=UNSURE)


def _tell(output: Output, told: dict[str, str], *, delivered: bool) -> None:
    shown = {**told, "delivered": delivered}
    output.show({"seizure": shown}, Facts("seizure", [fact(*one) for one in shown.items()]))
