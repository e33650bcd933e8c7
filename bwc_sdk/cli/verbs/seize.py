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
from bwc_sdk.errors import WrongDevice
from bwc_sdk.identity.document_files import require_new, write_document

app = verbs()


@app.command("seize")
@local_verb
def seize(
    settings: Settings,
    output: Output,
    camera: Annotated[str, typer.Argument(metavar="IDENTITY", help="The camera, as 'bwc info' names it.")],
    case: Annotated[str, typer.Option(help="Case that it is seized for.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", readable=False, help="File to write the signed seizure to."),
    ] = None,
) -> int | None:
    """Seize a camera for a case: nobody changes it any more.

    It is signed, and delivered where --device names the camera. From then on it takes no setting, assignment, time,
    update or erasure from anybody, and erases nothing to make room; footage is offloaded and read as before. It ends by
    an order of two people: 'bwc order make end-seizure'.
    """
    from bwc_sdk.identity.seizing import sign_seizure

    if out is None and settings.device is None:
        raise typer.BadParameter("name the camera with --device, or a file with --out, or both")
    if out is not None:
        require_new(out)
    identity = identity_to_sign(settings, Role.RECORDS, None)
    document = sign_seizure(identity, camera=camera, case=case, utc_s=int(time.time()))
    if out is not None:
        write_document(out, document)
    told = {"camera": camera, "case": case, "by": identity.name, "file": str(out) if out else ""}

    def tell(output: Output, delivered: bool) -> None:
        shown = {**told, "delivered": delivered}
        output.show({"seizure": shown}, Facts("seizure", [fact(*one) for one in shown.items()]))

    if settings.device is None:
        tell(output, False)
        output.note(f"the camera does not know it yet: {out} is to be delivered, such as by 'trust.seize'")
        return None

    async def work(there: Camera, out: Output) -> None:
        if there.identity != camera:
            raise WrongDevice(
                f"this is {there.identity!r}, not {camera!r}", device=there.name, advice="'bwc info' names it"
            )
        await there.trust.seize(document)
        tell(out, True)

    return run_on_camera(settings, Role.RECORDS, work, interrupted=UNSURE)
