"""The chain of what was said of a recording: one head for one history."""

import dataclasses
import hashlib

import cbor2
import pytest

from bwc_protocol import evidence as ev
from bwc_protocol.evidence.annotations import annotation_head, annotation_root

SAID = (
    ev.AnnotationRecord(
        utc_ns=-5, kind=3, actor="SIM-1", text="unclassified", hold="", case="", authority=""
    ),
    ev.AnnotationRecord(
        utc_ns=7, kind=4, actor="K. Jäger", text="asked for", hold="h1", case="24-7", authority="court"
    ),
)
ROOT = annotation_root(bytes(range(32)))


@pytest.mark.rule("REC-033")
def test_the_head_is_what_the_specification_says_with_a_cbor_reader_alone() -> None:
    head = hashlib.sha256(b"BWC-ANNOTATIONS1" + bytes(range(32))).digest()
    assert annotation_head(ROOT, ()) == head
    for one in SAID:
        fields = [one.utc_ns, one.kind, one.actor, one.text, one.hold, one.case, one.authority]
        head = hashlib.sha256(head + cbor2.dumps(dict(enumerate(fields)), canonical=True)).digest()
    assert annotation_head(ROOT, SAID) == head
    assert annotation_head(annotation_head(ROOT, SAID[:1]), SAID[1:]) == head


def test_another_history_has_another_head() -> None:
    heads = {annotation_head(ROOT, SAID)}
    other_values = {
        "utc_ns": 8,
        "kind": 5,
        "actor": "x",
        "text": "y",
        "hold": "z",
        "case": "a",
        "authority": "b",
    }
    for name, value in other_values.items():
        heads.add(annotation_head(ROOT, (SAID[0], dataclasses.replace(SAID[1], **{name: value}))))
    heads |= {annotation_head(ROOT, said) for said in ((), SAID[:1], SAID[1:], SAID[::-1], SAID * 2)}
    heads.add(annotation_head(annotation_root(bytes(32)), SAID))
    assert len(heads) == 1 + len(other_values) + 5 + 1


def test_what_is_beyond_its_limits_is_no_statement() -> None:
    for changes in ({"hold": "h" * 33}, {"actor": "a\n"}, {"kind": 256}, {"case": "c" * 65}):
        with pytest.raises(ev.EvidenceError):
            dataclasses.replace(SAID[1], **changes)
