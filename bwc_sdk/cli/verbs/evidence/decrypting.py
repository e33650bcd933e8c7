"""`bwc evidence decrypt`: plain films of encrypted recordings, each proved to be the one of its manifest."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.output import Output, Rows
from bwc_sdk.cli.printing.text import size
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb

if TYPE_CHECKING:
    from bwc_sdk.evidence.decrypt import Opened

Keys = Annotated[
    list[Path] | None,
    typer.Option(
        "--key",
        readable=False,
        metavar="FILE",
        help="Key file of an evidence recipient; repeatable. Default: those of this host's identity directory, or the "
        "lab's where none is configured.",
    ),
]


@local_verb
def decrypt(
    settings: Settings,
    output: Output,
    paths: Annotated[
        list[Path],
        typer.Argument(
            readable=False,
            metavar="DIR|FILE...",
            help="Directories that offloads stored into, or encrypted segments or manifests in one.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", readable=False, metavar="DIR", help="Where the plain films go; it exists."),
    ],
    key: Keys = None,
) -> int:
    """Decrypt recordings, and prove that each is the one of its manifest.

    Where the camera encrypted officer and unit they are told. Nothing of a film that does not hold gets a final name,
    and nothing is replaced. The files are readable by their owner alone. Exits with 14 if a chunk, a table or a
    manifest is not what the camera stored, with 17 if no key at hand opens a recording, with 9 if a file cannot be read
    or written; what can be decrypted is, whatever else cannot.
    """
    from bwc_sdk.cli.running.failure import report
    from bwc_sdk.cli.running.on_camera import ask_on_terminal
    from bwc_sdk.evidence.decrypt import NotEncrypted, NotOpened, Opened
    from bwc_sdk.evidence.decrypt import decrypt as decrypted
    from bwc_sdk.evidence.recipient_keys import keys_at_hand

    keys = keys_at_hand(key or (), settings.identity, lab=settings.lab, ask=ask_on_terminal)
    done: list[Opened] = []
    failed: list[NotOpened] = []
    for found in decrypted(paths, out, keys):
        match found:
            case Opened():
                done.append(found)
            case NotEncrypted(manifest):
                output.note(
                    f"recording {manifest.sequence} of {manifest.camera} is not encrypted: it is as it was filmed"
                )
            case NotOpened():
                failed.append(found)
    named = any(one.carried_by for one in done)
    output.show(
        {
            "decrypted": [_document(one) for one in done],
            "failed": [{"name": one.name, "error": str(one.error)} for one in failed],
        },
        Rows(
            title="",
            headings=[
                "recording",
                "segment",
                "size",
                "opened by",
                *(["carried by"] if named else []),
                "file",
            ],
            plain=[_row(one, one.size_bytes, named) for one in done],
            shown=[[str(value) for value in _row(one, size(one.size_bytes), named)] for one in done],
            empty="nothing was decrypted",
        ),
    )
    codes = [report(one.error, as_json=settings.as_json) for one in failed]
    if ExitCode.EVIDENCE_MISMATCH in codes:
        return ExitCode.EVIDENCE_MISMATCH
    return codes[0] if codes else ExitCode.SUCCESS


def _row(one: "Opened", how_long: object, named: bool) -> list[Any]:
    carried_by = [one.carried_by] if named else []
    return [one.manifest.sequence, one.segment, how_long, one.recipient, *carried_by, str(one.path)]


def _document(one: "Opened") -> dict[str, Any]:
    return {
        "camera": one.manifest.camera,
        "sequence": one.manifest.sequence,
        "recording": one.manifest.recording_id.hex(),
        "manifest_sha256": one.manifest.sha256.hex(),
        "segment": one.segment,
        "size_bytes": one.size_bytes,
        "recipient": one.recipient,
        "carried_by": one.carried_by,
        "file": str(one.path),
        "already_there": one.already_there,
    }
