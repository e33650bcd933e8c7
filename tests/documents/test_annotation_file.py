"""What was said of a recording, as a store keeps it: one encoding, bounds, and refusals for anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwc_protocol.documents import annotation_file
from bwc_protocol.documents.annotation_file import AnnotationFile
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.evidence import annotation_head, annotation_root, cbor
from bwc_protocol.evidence.annotations import AnnotationRecord

MANIFEST = bytes(range(32))
SAID = tuple(
    AnnotationRecord(utc_ns=at, kind=4, actor="A", text="why", hold=f"h{at}", case="24-7", authority="court")
    for at in range(3)
)
FILE = AnnotationFile(
    camera="C-1",
    recording_id=b"\x07" * 16,
    manifest_sha256=MANIFEST,
    records=tuple(one.encode() for one in SAID),
    signature=b"s",
)


@pytest.mark.rule("REC-039")
def test_it_is_read_as_it_was_written_and_its_head_is_counted_again() -> None:
    read = AnnotationFile.decode(FILE.encode())
    assert read == FILE and read.said() == SAID
    assert read.head == annotation_head(annotation_root(MANIFEST), SAID)


def test_no_flip_of_a_bit_leaves_what_was_said() -> None:
    whole = FILE.encode()
    for at in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[at // 8] ^= 1 << at % 8
        try:
            read = AnnotationFile.decode(bytes(changed))
        except DocumentRefused:
            continue
        facts = (read.camera, read.recording_id, read.head, read.signature)
        assert facts != (FILE.camera, FILE.recording_id, FILE.head, FILE.signature), at


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(DocumentRefused):
        AnnotationFile.decode(data)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, "bwc-annotations-2"),
        (0, 1),
        (1, ""),
        (1, "x" * 200),
        (2, b""),
        (3, b"\0" * 31),
        (4, []),
        (4, ["text"]),
        (4, [b"\xa0"]),
        (5, b"\0" * 10_000),
        (5, None),
    ],
)
def test_each_part_has_its_form_and_its_bounds(place: int, value: object) -> None:
    content = cbor.decode(FILE.encode())
    content[place] = value
    with pytest.raises(DocumentRefused):
        AnnotationFile.decode(cbor.encode(content))


def test_more_than_it_may_hold_is_neither_written_nor_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = FILE.encode()
    monkeypatch.setattr(annotation_file, "ANNOTATIONS_MAX", 2)
    with pytest.raises(DocumentRefused):
        FILE.encode()
    with pytest.raises(DocumentRefused):
        AnnotationFile.decode(data)
    monkeypatch.setattr(annotation_file, "FILE_MAX", len(data) - 1)
    with pytest.raises(DocumentRefused, match="more than"):
        AnnotationFile.decode(data)
