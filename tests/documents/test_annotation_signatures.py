"""The annotations of a recording beside its footage: one encoding, one chain, signed by the camera."""

from dataclasses import dataclass, replace
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwc_protocol.documents.annotation_file import AnnotationFile
from bwc_protocol.documents.annotation_head import AnnotationHead, verify_annotation_head
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.evidence import EvidenceError, annotation_head, annotation_root, sign1
from tools.testkit import fixed_agency as agency

ID, SHA = bytes(range(16)), bytes(range(32))


@dataclass(frozen=True)
class Said:
    utc_ns: int = 1
    kind: int = 4
    actor: str = "R. Holt"
    text: str = "court"
    hold: str = "h-1"
    case: str = "2026-17"
    authority: str = "DA"


SAID = (Said(), Said(utc_ns=2, kind=5, text="", case="", authority=""))


def made(said: tuple[Said, ...] = SAID, **changes: Any) -> AnnotationFile:
    file = AnnotationFile.of(said, b"", camera=agency.CAMERA, recording_id=ID, manifest_sha256=SHA)
    signature = sign1.sign(file.signed_head("").encode(), agency.signer("camera"))
    return replace(file, **{"signature": signature} | changes)


def verify(file: AnnotationFile) -> str:
    return verify_annotation_head(file.signed_head(""), file.signature, agency.anchors()).name


def test_what_was_said_can_be_read_and_is_the_cameras() -> None:
    file = AnnotationFile.decode(made().encode())
    assert file == made() and verify(file) == agency.CAMERA
    assert [(one.hold, one.case, one.authority) for one in file.said()] == [
        ("h-1", "2026-17", "DA"),
        ("h-1", "", ""),
    ]


@pytest.mark.rule("REC-039")
def test_its_head_is_that_of_the_chain() -> None:
    assert made().head == annotation_head(annotation_root(SHA), SAID)
    assert made().signed_head("ab12") == AnnotationHead(
        lab="ab12",
        camera=agency.CAMERA,
        recording_id=ID,
        manifest_sha256=SHA,
        count=2,
        head_sha256=made().head,
    )


def test_no_flipped_bit_is_left_unseen() -> None:
    data = made().encode()
    for at in range(len(data) * 8):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises((DocumentRefused, EvidenceError)):
            verify(AnnotationFile.decode(bytes(changed)))


def test_no_shortened_file_is_left_unseen() -> None:
    data = made().encode()
    for size in range(len(data)):
        with pytest.raises(DocumentRefused):
            AnnotationFile.decode(data[:size])


@pytest.mark.parametrize(
    "records", [lambda found: found[:1], lambda found: found[::-1], lambda found: (*found, found[0])]
)
def test_statements_left_out_moved_or_repeated_are_not_the_cameras(records: Any) -> None:
    file = made(records=records(made().records))
    with pytest.raises(DocumentRefused, match=r"^signature: "):
        verify(AnnotationFile.decode(file.encode()))


@pytest.mark.parametrize(
    "changes", [{"camera": "BWC-000043"}, {"recording_id": bytes(16)}, {"manifest_sha256": bytes(32)}]
)
def test_statements_about_another_recording_are_not_the_cameras(changes: dict[str, Any]) -> None:
    with pytest.raises(DocumentRefused):
        verify(AnnotationFile.decode(made(**changes).encode()))


def parts(**changes: Any) -> bytes:
    whole: dict[str, Any] = {
        "form": "bwc-annotations-1",
        "camera": agency.CAMERA,
        "recording": ID,
        "manifest": SHA,
        "records": list(made().records),
        "signature": b"",
    }
    return cbor2.dumps(list((whole | changes).values()), canonical=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"form": "bwc-annotations-2"},
        {"camera": ""},
        {"camera": 7},
        {"recording": b"x"},
        {"manifest": ""},
        {"records": []},
        {"records": [b"\xa0"]},
        {"records": ["x"]},
        {"records": [cbor2.dumps({0: 1, 1: 4, 2: "", 3: "", 4: "", 5: ""}, canonical=True)]},
        {"signature": bytes(9_000)},
        {"more": 1},
    ],
)
def test_anything_else_is_refused(changes: dict[str, Any]) -> None:
    AnnotationFile.decode(parts())
    with pytest.raises(DocumentRefused):
        AnnotationFile.decode(parts(**changes))


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(DocumentRefused):
        AnnotationFile.decode(data)


def test_nothing_said_is_no_file() -> None:
    with pytest.raises(DocumentRefused):
        AnnotationFile.of((), b"", camera="C", recording_id=ID, manifest_sha256=SHA).encode()
