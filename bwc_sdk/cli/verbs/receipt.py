"""`bwc receipt sign|show|verify`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bwc_protocol.declare import Role
from bwc_protocol.documents.receipt import RECEIPT_MAX, Receipt
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_sdk.cli.arguments.identity_choice import identity_to_sign
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output, Rows
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import common_options, local_verb, verbs
from bwc_sdk.identity.document_files import document_error, read_document

app = verbs(
    no_args_is_help=True,
    help="Sign receipts for what a store holds, and check them.\n\n"
    "A final destination signs; any dock delivers; the camera checks, and may be told to erase then.",
)
common_options(app)
_RIGHT_FILE = "is this the right file? A receipt is what 'bwc receipt sign' writes"


@app.command("sign")
@local_verb
def sign(
    settings: Settings,
    output: Output,
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", readable=False, help="The store: what offloads were written into."),
    ],
    destination: Annotated[
        str | None,
        typer.Option(
            "--destination",
            metavar="ID",
            help="Id of the destination. Without: the name in its certificate, which it has to be; a lab makes any.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            readable=False,
            help="Also put what was signed into this directory, from which docks deliver; made if it is missing.",
        ),
    ] = None,
) -> int:
    """Sign a receipt for each recording of a store that is whole.

    Manifest, its signature, chunk tables, all footage and the newest annotations are read back from the medium first.
    A receipt lies beside the recording, with the list of its objects; it is signed once for each head of the
    annotations, and nothing is ever replaced. The certificate has the role 'destination' alone. Exits with 10 if a
    recording got none.
    """
    from bwc_sdk.destination.receipt_signing import NotReceipted, ReceiptMade, sign_receipts

    identity = identity_to_sign(settings, Role.DESTINATION, destination)
    found = list(sign_receipts(path, identity, destination=destination))
    made = [one for one in found if isinstance(one, ReceiptMade)]
    refused = [one for one in found if isinstance(one, NotReceipted)]
    if out is not None:
        from bwc_sdk.destination.receipt_delivery import copy_receipts

        copy_receipts([one.path for one in made], out)
    for one in made:
        for name in one.passed_by:
            output.note(f"{name} is no receipt of this recording; it was not touched, and passed by")
        if one.manifest_signed is False:
            output.note(f"{one.name}: its manifest is not signed by a camera")
    output.show(
        {
            "receipts": [
                {
                    **_told(one.receipt, one.sha256),
                    "file": str(one.path),
                    "fresh": one.fresh,
                    "manifest_signed": one.manifest_signed,
                    "passed_by": list(one.passed_by),
                }
                for one in made
            ],
            "refused": [{"recording": one.name, "reason": one.reason} for one in refused],
        },
        Rows(
            title="receipts",
            headings=["recording", "receipt", "file or reason"],
            plain=[
                *([one.name, "signed" if one.fresh else "was there", str(one.path)] for one in made),
                *([one.name, "NONE", one.reason] for one in refused),
            ],
        ),
    )
    return int(ExitCode.INCOMPLETE) if refused else 0


@app.command("show")
@local_verb
def show(
    settings: Settings,
    output: Output,
    file: Annotated[Path, typer.Argument(metavar="FILE", readable=False, help="The receipt.")],
) -> None:
    """What a receipt says. Whether its signature is good, 'bwc receipt verify' finds."""
    try:
        document = SignedDocument.decode(read_document(file, RECEIPT_MAX))
        receipt = Receipt.decode(document.payload)
    except DocumentRefused as refused:
        raise document_error(refused, _RIGHT_FILE, what="the receipt") from refused
    told = _told(receipt, document.sha256)
    output.show({"receipt": told}, Facts("receipt", [fact(*one) for one in told.items()]))


@app.command("verify")
@local_verb
def verify(
    settings: Settings,
    output: Output,
    file: Annotated[Path, typer.Argument(metavar="FILE", readable=False, help="The receipt.")],
    store: Annotated[
        Path,
        typer.Option(
            "--store", metavar="PATH", readable=False, help="The store that it is for; all is read back."
        ),
    ],
) -> None:
    """Check a receipt: who signed it, its list of objects, and that the store has all of them, whole."""
    from bwc_sdk.destination.receipt_signing import verify_in_store

    data = read_document(file, RECEIPT_MAX)
    identity = identity_to_sign(settings, Role.TECHNICIAN, None)
    signed = verify_in_store(data, store, identity.anchors, identity.lab, identity.deny_lists)
    told = {**_told(signed.receipt, signed.sha256), "signed_by": signed.signer.name, "good": True}
    output.show({"receipt": told}, Facts("receipt", [fact(*one) for one in told.items()]))


def _told(receipt: Receipt, sha256: bytes) -> dict[str, Any]:
    return {
        "camera": receipt.camera,
        "recording": receipt.recording_id.hex(),
        "manifest_sha256": receipt.manifest_sha256.hex(),
        "annotations": receipt.annotations,
        "annotations_sha256": receipt.annotations_sha256.hex(),
        "size_bytes": receipt.size_bytes,
        "objects_sha256": receipt.objects_sha256.hex(),
        "destination": receipt.destination,
        "counter": receipt.counter,
        "signed_utc_ns": receipt.signed_utc_s * 1_000_000_000,
        "one_site": receipt.one_site,
        "lab": receipt.lab,
        "sha256": sha256.hex(),
    }
