"""`bwc recordings erase|release|tombstones`: what goes, against which receipts, and what is left of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bwc_protocol.declare import Role, to_plain
from bwc_protocol.messages.recordings import RecordingEntry, ReleaseState
from bwc_sdk.cli.arguments.recording_choice import Which, choose
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output, Rows
from bwc_sdk.cli.running.verb import UNSURE, camera_verb
from bwc_sdk.clients.camera import Camera
from bwc_sdk.errors import CommandError, DocumentError
from bwc_sdk.identity.document_files import read_document


@camera_verb(Role.DOCK_OFFLOAD, interrupted=UNSURE)
async def erase(
    camera: Camera,
    output: Output,
    recordings: Annotated[
        list[str],
        typer.Argument(metavar="RECORDING...", help="Sequence numbers, or the first digits of ids."),
    ],
    receipt: Annotated[
        list[Path] | None,
        typer.Option(
            "--receipt",
            metavar="FILE",
            readable=False,
            help="Receipt of a final destination, delivered first; may be given several times.",
        ),
    ] = None,
) -> None:
    """Erase recordings against receipts: those that are given, and those that the camera keeps.

    The camera refuses what is held, what has fewer receipts than its configuration asks for, and what was said more of
    since. Of each that goes it keeps a signed tombstone. Those that it refuses are told, receipts and recordings, and
    the others go.
    """
    listed = await camera.recordings.list()
    wanted = [choose(listed, which, device=camera.name) for which in recordings]
    given = [(path, *_receipt_of(camera, wanted, path)) for path in receipt or ()]
    told: list[dict[str, Any]] = []
    uncounted: list[dict[str, str]] = []
    refused: CommandError | None = None
    for path, recording, document in given:
        try:
            await camera.recordings.deliver_receipt(recording, document)
        except CommandError as error:
            refused = refused or error
            uncounted.append({"file": str(path), "why": str(error.code), "detail": error.detail})
            output.note(f"{path} does not count: {error.detail or error.code}")
    for entry in wanted:
        one: dict[str, Any] = {"sequence": entry.sequence, "recording": entry.recording.hex(), "erased": True}
        try:
            await camera.recordings.erase_entry(entry)
        except CommandError as error:
            refused = refused or error
            one |= {"erased": False, "why": str(error.code), "lacks": await _lacks(camera, entry)}
        told.append(one)
    output.show(
        {"recordings": told, "receipts_refused": uncounted},
        Rows(
            title="",
            headings=["sequence", "erased", "lacks"],
            plain=[[one["sequence"], one["erased"], one.get("lacks", "")] for one in told],
        ),
    )
    if refused is not None:
        raise refused


def _receipt_of(camera: Camera, wanted: list[RecordingEntry], path: Path) -> tuple[bytes, bytes]:
    """The recording that a receipt is for, and the receipt. Raises `DocumentError` for one of none of these."""
    from bwc_protocol.documents.receipt import RECEIPT_MAX, Receipt
    from bwc_protocol.documents.refusal import DocumentRefused
    from bwc_protocol.documents.signed_document import SignedDocument

    data = read_document(path, RECEIPT_MAX)
    try:
        receipt = Receipt.decode(SignedDocument.decode(data).payload)
    except DocumentRefused as error:
        raise DocumentError(
            f"{path}: {error.detail}", check=error.check, advice="is this the right file?"
        ) from error
    if receipt.recording_id not in {entry.recording for entry in wanted}:
        raise DocumentError(
            f"{path} is for recording {receipt.recording_id.hex()} of {receipt.camera}, none of those that are named",
            device=camera.name,
            advice="name that recording as well, or leave this receipt out: nothing was erased",
        )
    return receipt.recording_id, data


async def _lacks(camera: Camera, entry: RecordingEntry) -> str:
    try:
        return what_it_lacks(await camera.recordings.release_state(entry.recording))
    except CommandError as error:
        return error.detail


def what_it_lacks(state: ReleaseState) -> str:
    """What keeps a recording on its camera, for people; what it is now, where nothing does."""
    lacks = []
    if state.holds:
        lacks.append(f"{state.holds} hold{'' if state.holds == 1 else 's'} to be lifted")
    if len(state.receipts) < state.needed:
        lacks.append(f"{state.needed - len(state.receipts)} of {state.needed} receipts")
    if state.proof_needed:
        lacks.append("a proof that it can be opened")
    if state.left_min:
        lacks.append(f"{state.left_min} more minutes of the camera running")
    return ", ".join(lacks) or "nothing: it may be erased"


@camera_verb(Role.TECHNICIAN, any_role=True)
async def release(
    camera: Camera,
    output: Output,
    recording: Which,
    reason: Annotated[str, typer.Option(hidden=True)] = "",
    hold: Annotated[str, typer.Option("--id", hidden=True)] = "",
) -> None:
    """Whether a recording may be erased, and what it lacks. A hold is lifted by 'bwc recordings lift'."""
    if reason or hold:
        raise typer.BadParameter("'release' tells whether it may be erased; 'lift' lifts a hold")
    entry = choose(await camera.recordings.list(), recording, device=camera.name)
    state = await camera.recordings.release_state(entry.recording)
    output.show(
        {"recording": entry.recording.hex(), "sequence": entry.sequence, "release": to_plain(state)},
        Facts(
            f"recording {entry.sequence}",
            [
                fact("released", state.released),
                fact("lacks", what_it_lacks(state)),
                fact("receipts", [one.destination for one in state.receipts]),
                fact("needed", state.needed),
                fact("holds", state.holds),
            ],
        ),
    )


@camera_verb(Role.TECHNICIAN, any_role=True)
async def tombstones(camera: Camera, output: Output) -> None:
    """What the camera erased, by its own signed word: verified, and in order."""
    found = [one.tombstone for one in await camera.recordings.read_tombstones()]
    output.show(
        {"tombstones": [to_plain(one) for one in found]},
        Rows(
            title="",
            headings=["counter", "sequence", "utc_ns", "reason", "actor", "receipts"],
            plain=[
                [one.counter, one.sequence, one.utc_ns, str(one.reason), one.actor, len(one.receipts)]
                for one in found
            ],
            empty="nothing was erased",
        ),
    )
