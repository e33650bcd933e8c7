"""`bwc evidence show STORE RECORDING`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bwc_protocol.declare import Unknown
from bwc_sdk.cli.printing.facts import Fact, fact
from bwc_sdk.cli.printing.output import Facts, Output, rows_of
from bwc_sdk.cli.printing.text import off_by, time_of, utc
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb
from bwc_sdk.cli.verbs.evidence.decrypting import Keys

if TYPE_CHECKING:
    from bwc_protocol.evidence import Manifest
    from bwc_sdk.evidence.catalogue import Described
    from bwc_sdk.evidence.corrected_time import Correction, NotKnown
    from bwc_sdk.evidence.store import Store


@local_verb
def show(
    settings: Settings,
    output: Output,
    path: Annotated[
        Path, typer.Argument(readable=False, metavar="STORE|FILE", help="A store, or any file of one in it.")
    ],
    recording: Annotated[
        str | None,
        typer.Argument(
            metavar="RECORDING", help="Number, first digits of the id, or stored name; not with a FILE."
        ),
    ] = None,
    key: Keys = None,
) -> None:
    """Who recorded it, when, by which clock, why it is held, who signed it, and who has it: from the store alone.

    Where the camera encrypted officer and unit they are told to whoever has the key of one of its recipients.
    What it says is what the files say: 'bwc evidence verify' tells whether that is true.
    """
    from bwc_sdk.evidence.description import document
    from bwc_sdk.evidence.search import the_one
    from bwc_sdk.evidence.store import Store as Opened

    is_store = path.is_dir()
    if is_store is (recording is None):
        raise typer.BadParameter(
            "say which recording of the store, or name one of its files"
            if is_store
            else "a file names its recording: leave the second word out"
        )
    with Opened.open(path if is_store else path.parent) as store:
        found = the_one(store, recording or path.name)
        name, closed = _carried_by(settings, store, found, key or ())
    recorded = list(_recorded(found))
    if name:
        recorded.append(fact("carried_by_name", name))
    output.show(
        document(found) | {"carried_by": name or None},
        Facts(found.files.name, recorded),
        Facts("signature and copies", list(_proofs(found)), section="proof"),
        rows_of("held", _holds(found), section="hold", empty=_NO_HOLD[found.head is not None]),
        rows_of("said since", _said(found), section="said", empty="nothing that is here"),
        rows_of("copies made from it", _copies(found), section="copy", empty="none that is registered"),
        rows_of("how it came here", _custody(found), section="custody", empty="nothing says so"),
    )
    for trouble in (*found.trouble, *closed):
        output.note(trouble)


def _carried_by(
    settings: Settings, store: Store, found: Described, given: Sequence[Path]
) -> tuple[str, tuple[str, ...]]:
    """Officer and unit where they are encrypted and a key is at hand; else why they are not told."""
    manifest = found.manifest
    said = manifest.circumstances if manifest is not None else None
    if manifest is None or said is None or not said.sealed_name:
        return "", ()
    from bwc_sdk.cli.running.on_camera import ask_on_terminal
    from bwc_sdk.errors import EvidenceMismatch, IdentityError
    from bwc_sdk.evidence.decrypt import carried_by
    from bwc_sdk.evidence.recipient_keys import keys_at_hand
    from bwc_sdk.evidence.rewrap import wraps_in

    try:
        keys = keys_at_hand(given, settings.identity, lab=settings.lab, ask=ask_on_terminal)
        return carried_by(manifest, keys, wraps_in(store)), ()
    except EvidenceMismatch as error:
        found.trouble.append(f"who carried the camera is not told: {error.rule}")
        return "", ()
    except IdentityError as error:
        if given or settings.identity is not None or settings.lab:
            raise
        return "", (f"who carried the camera is encrypted: {error.rule}; {error.advice}",)


_NO_HOLD: Final = {
    True: "nothing holds it, as far as the store knows",
    False: "not known: nothing is here that was said of it",
}


def _recorded(found: Described) -> Iterator[Fact]:
    manifest = found.manifest
    if manifest is None:
        yield fact("recording", found.files.recording.hex())
        return
    yield fact("camera", manifest.camera)
    yield fact("sequence", manifest.sequence)
    yield fact("recording", manifest.recording_id.hex())
    yield from _when(manifest)
    yield from _true_time(manifest, found.correction)
    said = manifest.circumstances
    if said is not None:
        yield fact("holder", said.holder, f"{said.holder} (a pseudonym)" if said.pseudonym else None)
        yield fact("event", said.event)
        yield fact("event_by", said.event_by)
        yield fact("purpose", said.purpose)
        yield fact("ending", said.ending)
        yield fact("generation", said.generation)
    yield fact("trigger", manifest.trigger)
    yield fact("policy_id", manifest.policy_id)
    yield fact("size_bytes", manifest.size_bytes, unit="byte")
    yield fact("segments", len(manifest.segments))
    yield fact("segments_here", found.segments_here)
    yield fact("encrypted_for", len(manifest.protection.wraps) if manifest.protection is not None else 0)
    standing = found.standing
    if found.head is not None:
        yield fact("category", standing.category)
        yield fact("cases", standing.cases)
        yield fact("marked", standing.marked)
        yield fact("carried_by", tuple(standing.carriers))


def _when(manifest: Manifest) -> Iterator[Fact]:
    from bwc_protocol.evidence import UNBOUNDED_MS

    unbounded = manifest.clock_uncertainty_ms == UNBOUNDED_MS
    yield fact("started_utc_ns", manifest.started_utc_ns, unit="ns")
    yield fact("ended_utc_ns", manifest.ended_utc_ns, unit="ns")
    yield fact("duration_ms", manifest.duration_ms, unit="ms")
    yield fact("cut", manifest.cut)
    yield fact("clock_state", manifest.clock_state)
    yield fact(
        "clock_uncertainty_ms",
        manifest.clock_uncertainty_ms,
        "no bound is known" if unbounded else None,
        unit="ms",
    )


def _true_time(manifest: Manifest, known: Correction | NotKnown | None) -> Iterator[Fact]:
    """When it was by the clock of whoever measured the camera's; what the camera wrote stands above it."""
    from bwc_sdk.evidence.corrected_time import NotKnown

    if known is None:
        return
    if isinstance(known, NotKnown):
        yield fact("clock_offset_unknown", str(known), known.sentence)
        return
    begin, end = known.span_ns(manifest)
    clock, error = known.clock, f" within {time_of(known.uncertainty_ns)}"
    yield fact("true_started_utc_ns", begin, utc(begin) + error)
    yield fact("true_ended_utc_ns", end, utc(end) + error)
    yield fact("clock_offset_ns", known.offset_ns, f"the camera was {off_by(known.offset_ns)}")
    yield fact("clock_offset_uncertainty_ns", known.uncertainty_ns, time_of(known.uncertainty_ns))
    yield fact("clock_measured_by", clock.measured_by)
    yield fact("clock_measured_utc_ns", clock.measured_utc_ns, unit="ns")
    yield fact("host_clock_synchronised", known.host_synchronised, str(clock.host_time))


def _proofs(found: Described) -> Iterator[Fact]:
    if found.manifest is not None:
        yield fact("manifest_sha256", found.manifest.sha256.hex())
    yield fact("signer", found.signer, None if found.signer else "nobody signed it")
    for one in found.receipts:
        yield fact("receipt", one.destination, f"{one.destination}, {one.annotations} annotations")
    if found.tombstone is not None:
        erased_ns = found.tombstone.utc_ns
        yield fact("erased_utc_ns", erased_ns, f"{utc(erased_ns)}, by the camera's clock")
        yield fact("erased_by", found.tombstone.actor)
        yield fact("erased_for", found.tombstone.reason)


def _holds(found: Described) -> Iterator[list[Fact]]:
    for one in found.standing.holds.values():
        yield [
            fact("id", one.id),
            fact("case", one.case),
            fact("authority", one.authority),
            fact("reason", one.reason),
        ]


def _said(found: Described) -> Iterator[list[Fact]]:
    from bwc_sdk.evidence.description import kind_of

    for one, true_ns in zip(found.said, found.said_utc_ns, strict=True):
        kind = kind_of(one.kind)
        yield [
            fact("utc_ns", one.utc_ns, unit="ns"),
            fact("true_utc_ns", true_ns, unit="ns"),
            fact("kind", kind if isinstance(kind, Unknown) else str(kind)),
            fact("actor", one.actor),
            fact("text", one.text),
            fact("hold", one.hold),
            fact("case", one.case),
            fact("authority", one.authority),
        ]


def _copies(found: Described) -> Iterator[list[Fact]]:
    for one in found.derivations:
        yield [
            fact("utc", _text(one["utc"])),
            fact("tool", _text(one["tool"])),
            fact("reason", _text(one["reason"])),
            fact("by", _text(one["by"])),
            fact("file", _text(one["copy"]["file"])),
        ]


def _custody(found: Described) -> Iterator[list[Fact]]:
    for number, one in sorted(found.custody.items()):
        yield [
            fact("segment", number),
            fact("stored_utc", _text(one.get("stored_utc"))),
            fact("host_clock", _clock(one.get("stored_clock"))),
            fact("camera_clock", _measured(one)),
            fact("secure_session", one.get("secure_session") is True),
            fact("simulator", one.get("simulator") is True),
            fact("file", _text(one.get("file"))),
        ]


def _measured(record: dict[str, Any]) -> str:
    """What was measured of the camera's clock, of a record that anybody may have written."""
    from bwc_sdk.evidence.camera_clock import WHY_KEY, MalformedClock, clock_of

    try:
        clock = clock_of(record)
    except MalformedClock as error:
        return f"damaged: {error}"
    if clock is None:
        return f"not measured: {_text(record.get(WHY_KEY)) or 'nothing is said of it'}"
    return f"{off_by(clock.offset_ns)}, measured at revision {clock.revision}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _clock(value: Any) -> str:
    """What was known of the host's clock, of a record that anybody may have written."""
    if not isinstance(value, dict):
        return ""
    synchronised = value.get("synchronised")
    if not isinstance(synchronised, bool):
        return "not known"
    by = value.get("said_by")
    state = "synchronised" if synchronised else "not synchronised"
    return f"{state}, says {by}" if isinstance(by, str) else state
