"""`bwc recordings list|show|mark|categorise|case|review|hold|lift|release|erase|tombstones`."""

from typing import Annotated, Any, Final

import typer

from bwc_protocol.declare import Role, to_plain
from bwc_protocol.evidence import Circumstances, Manifest, StopReason
from bwc_protocol.messages.recordings import Annotation, AnnotationState, RecordingEntry
from bwc_sdk.cli.arguments.ca.values import day
from bwc_sdk.cli.arguments.recording_choice import Which
from bwc_sdk.cli.arguments.recording_choice import choose as choose
from bwc_sdk.cli.printing.facts import NOTHING, Fact, fact, facts, label, later_fields, show
from bwc_sdk.cli.printing.output import Facts, Output, Rows, rows_of
from bwc_sdk.cli.running.verb import UNSURE, camera_verb, common_options, verbs
from bwc_sdk.cli.verbs.recordings_erase import erase, release, tombstones
from bwc_sdk.clients.camera import Camera
from bwc_sdk.errors import EvidenceMismatch
from bwc_sdk.evidence.signed_manifest import ManifestSigned, SignedManifest

COLUMNS: Final = (
    "sequence",
    "started_utc_ns",
    "duration_ms",
    "size_bytes",
    "trigger",
    "marks",
    "category",
)
ID_DIGITS_SHOWN: Final = 8
"""On a terminal; enough to tell the recordings of one camera apart."""
LATER: Final = "later"
"""Fields of a newer form of the manifest that this SDK has no names for."""

Reason = Annotated[str, typer.Option(help="Why; goes into the device's log.")]
HoldId = Annotated[
    str, typer.Option("--id", help="The hold's id: several may hold a recording, and are lifted one by one.")
]

app = verbs(no_args_is_help=True, help="List, inspect, mark, hold and erase recordings.")
common_options(app)


@app.command("list")
@camera_verb(Role.TECHNICIAN, any_role=True)
async def list_recordings(camera: Camera, output: Output) -> None:
    """All closed recordings, in the order in which they were made."""
    entries = await camera.recordings.list()
    output.show(
        {"recordings": [to_plain(entry) for entry in entries]},
        rows_of("", (_row(entry) for entry in entries), empty="no recordings"),
    )


@app.command("show")
@camera_verb(Role.TECHNICIAN, any_role=True)
async def show_recording(camera: Camera, output: Output, recording: Which) -> None:
    """Manifest, signature and annotations of one recording."""
    entry = await _find(camera, recording)
    signed = await camera.recordings.read_signed_manifest(entry)
    manifest, signature = signed.manifest, _signature(camera, signed)
    annotations = await camera.recordings.read_annotations(entry)
    output.show(
        {
            "recording": to_plain(entry),
            "manifest": to_plain(manifest),
            "signature": signature,
            "annotations": [to_plain(annotation) for annotation in annotations],
        },
        Facts(f"recording {entry.sequence}", list(facts(entry))),
        Facts("manifest", _manifest(manifest), section="manifest"),
        Facts("signature", [fact(*one) for one in signature.items()], section="signature"),
        *_circumstances(manifest),
        *_protection(manifest),
        _segments(manifest),
        rows_of("annotations", _annotations(annotations), section="annotation"),
    )


@app.command("mark")
@camera_verb(Role.TECHNICIAN, interrupted=UNSURE)
async def mark(
    camera: Camera,
    output: Output,
    recording: Which,
    remove: Annotated[bool, typer.Option("--remove", help="Take the mark away.")] = False,
) -> None:
    """Mark a recording, so that it is offloaded first."""
    entry = await _find(camera, recording)
    state = await camera.recordings.mark(
        recording=entry.recording, manifest_sha256=entry.manifest_sha256, marked=not remove
    )
    _tell(camera, output, entry, state)


@app.command("categorise")
@camera_verb(Role.TECHNICIAN, interrupted=UNSURE)
async def categorise(
    camera: Camera,
    output: Output,
    recording: Which,
    category: Annotated[str, typer.Argument(help="Category of the agency's list.")],
) -> None:
    """Give a recording a category."""
    entry = await _find(camera, recording)
    state = await camera.recordings.categorise(
        recording=entry.recording, manifest_sha256=entry.manifest_sha256, category=category
    )
    _tell(camera, output, entry, state)


@app.command("hold")
@camera_verb(Role.TECHNICIAN, interrupted=UNSURE)
async def hold(
    camera: Camera,
    output: Output,
    recording: Which,
    reason: Reason,
    hold: HoldId = "",
    case: Annotated[str, typer.Option(help="Case that it is for.")] = "",
    authority: Annotated[str, typer.Option(help="On whose authority.")] = "",
) -> None:
    """Protect a recording from erasure, at once."""
    entry = await _find(camera, recording)
    state = await camera.recordings.hold(
        recording=entry.recording,
        manifest_sha256=entry.manifest_sha256,
        reason=reason,
        hold=hold,
        case=case,
        authority=authority,
    )
    _tell(camera, output, entry, state)


@app.command("lift")
@camera_verb(Role.RECORDS, interrupted=UNSURE)
async def lift(camera: Camera, output: Output, recording: Which, reason: Reason, hold: HoldId = "") -> None:
    """Lift one hold, as the records office does; others stay."""
    entry = await _find(camera, recording)
    state = await camera.recordings.lift(
        recording=entry.recording, manifest_sha256=entry.manifest_sha256, reason=reason, hold=hold
    )
    _tell(camera, output, entry, state)


@app.command("case")
@camera_verb(Role.TECHNICIAN, interrupted=UNSURE)
async def case(
    camera: Camera,
    output: Output,
    recording: Which,
    number: Annotated[str, typer.Argument(metavar="CASE", help="Case number.")],
) -> None:
    """Say which case a recording belongs to."""
    entry = await _find(camera, recording)
    state = await camera.recordings.case(
        recording=entry.recording, manifest_sha256=entry.manifest_sha256, case=number
    )
    _tell(camera, output, entry, state)


@app.command("review")
@camera_verb(Role.TECHNICIAN, interrupted=UNSURE)
async def review(
    camera: Camera,
    output: Output,
    recording: Which,
    note: Annotated[str, typer.Option(help="What was found.")] = "",
) -> None:
    """Say that a recording was reviewed."""
    entry = await _find(camera, recording)
    state = await camera.recordings.review(
        recording=entry.recording, manifest_sha256=entry.manifest_sha256, note=note
    )
    _tell(camera, output, entry, state)


app.command("release")(release)
app.command("erase")(erase)
app.command("tombstones")(tombstones)


async def _find(camera: Camera, which: str) -> RecordingEntry:
    return choose(await camera.recordings.list(), which, device=camera.name)


def _row(entry: RecordingEntry) -> list[Fact]:
    named = {one.name: one for one in facts(entry)}
    identity = named["recording"]
    short = Fact(identity.name, identity.plain, "id", identity.shown[:ID_DIGITS_SHOWN])
    return [*(named[name] for name in COLUMNS), short]


def _annotations(annotations: tuple[Annotation, ...]) -> list[list[Fact]]:
    """Without the columns in which nothing stands: most recordings have no hold, and terminals are narrow."""
    empty = {
        name for name in ("hold", "case", "authority") if not any(getattr(one, name) for one in annotations)
    }
    return [[one for one in facts(said) if one.name not in empty] for said in annotations]


def _tell(camera: Camera, output: Output, entry: RecordingEntry, state: AnnotationState) -> None:
    unsaid = later_fields(state, camera.peer.version)
    said = {name: value for name, value in to_plain(state).items() if name not in unsaid}
    output.show(
        {"recording": entry.recording.hex(), "sequence": entry.sequence, "annotation": said},
        Facts(f"recording {entry.sequence}", list(facts(state, but=unsaid))),
    )


_MANIFEST_UNITS: Final = {"_utc_ns": "ns", "_ms": "ms", "_s": "s", "_bytes": "byte", "chunk_size": "byte"}


def _unit(name: str) -> str:
    return next((unit for suffix, unit in _MANIFEST_UNITS.items() if name.endswith(suffix)), "")


def _signature(camera: Camera, found: SignedManifest) -> dict[str, Any]:
    """Who signed the manifest, by the roots of the identity that this session was opened with."""
    identity = camera.connection.identity
    if not found.signature:
        return {"state": str(ManifestSigned.ABSENT)}
    if identity is None or not camera.peer.secure:
        return {"state": str(ManifestSigned.NOT_CHECKED)}
    try:
        signer = found.signed_by(identity.anchors, identity.lab)
    except EvidenceMismatch as error:
        return {"state": "NOT GOOD", "why": error.rule}
    return {
        "state": str(ManifestSigned.VERIFIED),
        "signer": signer.name,
        "agency": signer.agency,
        "certificate": f"{signer.serial:x}",
        **({"lab": signer.lab} if signer.lab else {"valid_to": day(signer.not_after_s)}),
    }


def _manifest(manifest: Manifest) -> list[Fact]:
    plain: dict[str, Any] = to_plain(manifest)
    return [
        fact(
            name,
            getattr(manifest, name),
            _intervals(value) if name in ("mute", "stealth") else None,
            unit=_unit(name),
        )
        for name, value in plain.items()
        if name not in ("segments", "circumstances", "protection", LATER)
    ]


def _circumstances(manifest: Manifest) -> list[Facts]:
    """What it was made for, and by whom; nothing of cameras that do not state it."""
    stated = manifest.circumstances
    if stated is None:
        return []
    lines = [
        fact(name, getattr(stated, name), _sealed_name(stated) if name == "sealed_name" else None)
        for name in to_plain(stated)
        if name != LATER
    ]
    return [Facts("circumstances", lines, section="circumstances")]


def _sealed_name(stated: Circumstances) -> str:
    """Nothing of what nobody can read here."""
    return "encrypted; 'bwc evidence decrypt' tells it" if stated.sealed_name else NOTHING


def _protection(manifest: Manifest) -> list[Facts]:
    """For whom it is encrypted; nothing where it is for nobody."""
    if manifest.protection is None:
        return []
    lines = [
        fact(f"recipient.{number}", wrap.recipient)
        for number, wrap in enumerate(manifest.protection.wraps, 1)
    ]
    return [Facts("encrypted for", lines, section="protection")]


def _intervals(intervals: list[dict[str, Any]]) -> str:
    return ", ".join(_interval(one) for one in intervals) or "none"


def _interval(one: dict[str, Any]) -> str:
    why = "" if one["reason"] == str(StopReason.NOT_GIVEN) else f" ({one['reason']})"
    return f"{one['start_ms'] / 1000:g} to {one['end_ms'] / 1000:g} s{why}"


def _segments(manifest: Manifest) -> Rows:
    plain: list[dict[str, Any]] = to_plain(manifest)["segments"]
    names = [name for name in plain[0] if name not in (LATER, "table_sha256")] + ["table_sha256"]
    return Rows(
        title="segments",
        section="segment",
        headings=[label(name) for name in names],
        plain=[[one[name] for name in names] for one in plain],
        shown=[
            [show(name, getattr(segment, name), _unit(name)) for name in names]
            for segment in manifest.segments
        ],
    )
