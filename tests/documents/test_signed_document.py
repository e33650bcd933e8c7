"""What every signed document has: one form, a kind, and nothing in it that can be changed on the way."""

from collections.abc import Callable

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.documents import deny_list, desired_state, order
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.documents.signed_document import DOCUMENT_MAX, Document, SignedDocument
from bwc_protocol.evidence import EvidenceError, cbor
from tests.documents import test_checkpoint, test_deny_list, test_desired_state, test_order
from tests.tiers import times
from tools.testkit import fixed_agency as agency

ENTRY = deny_list.Denied(by=deny_list.DeniedBy.NAME, name="dock-9")
VERIFIERS: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "deny-list": (
        test_deny_list.signed(ENTRY, floor_utc_s=agency.BEGAN_S),
        lambda data: deny_list.verify_deny_list(data, agency.anchors()),
    ),
    "checkpoint": (test_checkpoint.signed(test_checkpoint.checkpoint()), test_checkpoint.verify),
    "order": (test_order.signed(test_order.order()), test_order.verify),
    "desired-state": (test_desired_state.signed(test_desired_state.state()), test_desired_state.verify),
}


@pytest.fixture(params=list(VERIFIERS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_document_is_its_payload_and_its_signatures(kind: str) -> None:
    data, verify = VERIFIERS[kind]
    verify(data)
    payload, signatures = cbor2.loads(data)
    assert SignedDocument.decode(data) == SignedDocument(payload, tuple(signatures))
    assert SignedDocument.decode(data).encode() == data
    assert cbor2.loads(payload)[0] == f"bwc-{kind}"


@pytest.mark.rule("DOC-002")
def test_no_changed_byte_of_a_document_verifies(kind: str) -> None:
    data, verify = VERIFIERS[kind]
    for at in range(len(data)):
        with pytest.raises(DocumentRefused):
            verify(data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :])


@pytest.mark.rule("DOC-002")
def test_no_changed_fact_of_a_document_verifies(kind: str) -> None:
    """Each field in turn has another value, the signatures stay: a dock would do no better."""
    data, verify = VERIFIERS[kind]
    document = SignedDocument.decode(data)
    content = cbor2.loads(document.payload)
    for key, value in content.items():
        other = value + 1 if type(value) is int else value + "x" if type(value) is str else None
        if type(value) is bytes:
            other = bytes(len(value))
        payload = cbor2.dumps(content | {key: other}, canonical=True)
        with pytest.raises(DocumentRefused):
            verify(SignedDocument(payload, document.signatures).encode())
    without = {key: value for key, value in content.items() if key != max(content)}
    with pytest.raises(DocumentRefused):
        verify(SignedDocument(cbor2.dumps(without, canonical=True), document.signatures).encode())


def test_truncated_and_lengthened_documents_are_refused(kind: str) -> None:
    data, verify = VERIFIERS[kind]
    for at in range(0, len(data), 7):
        with pytest.raises(DocumentRefused):
            verify(data[:at])
    with pytest.raises(DocumentRefused):
        verify(data + b"\x00")


@pytest.mark.rule("DOC-007")
def test_a_document_of_one_kind_is_none_of_another(kind: str) -> None:
    for other, (data, _) in VERIFIERS.items():
        if other != kind:
            with pytest.raises(DocumentRefused) as found:
                VERIFIERS[kind][1](data)
            assert found.value.check is DocumentCheck.KIND
            assert f"bwc-{other}" in str(found.value)


@pytest.mark.rule("DOC-007")
def test_something_else_that_its_signer_signed_is_no_document(kind: str) -> None:
    """A manifest, say: its first key holds a number, never the name of a document."""
    _, verify = VERIFIERS[kind]
    for payload in (cbor2.dumps({0: 1, 1: "BWC-000042"}), cbor2.dumps("bwc-order"), b"", b"\xa0"):
        data = SignedDocument(payload).signed_by(agency.signer("technician")).encode()
        with pytest.raises(DocumentRefused) as found:
            verify(data)
        assert found.value.check in (DocumentCheck.KIND, DocumentCheck.FORM)


@pytest.mark.rule("DOC-004")
@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        "x",
        [b""],
        [b"", [], 0],
        [b"", b""],
        [[], []],
        [b"", [b"", b"", b""]],
        [b"", ["x"]],
        [b"", [None]],
    ],
)
def test_any_other_shape_is_refused(content: object) -> None:
    with pytest.raises(DocumentRefused) as found:
        SignedDocument.decode(cbor2.dumps(content))
    assert found.value.check is DocumentCheck.FORM


@pytest.mark.rule("DOC-004")
def test_no_document_is_longer_than_its_bound() -> None:
    with pytest.raises(DocumentRefused, match=str(DOCUMENT_MAX)):
        SignedDocument.decode(bytes(DOCUMENT_MAX + 1))
    for cls in (deny_list.DenyList, order.Order, desired_state.DesiredState):
        assert issubclass(cls, Document) and cls.size_max <= DOCUMENT_MAX
        assert cls.payload_max() > 0


@pytest.mark.rule("DOC-004")
def test_a_payload_is_no_longer_than_its_kind_may_be_whatever_is_in_it() -> None:
    for cls in (deny_list.DenyList, order.Order, desired_state.DesiredState):
        with pytest.raises(DocumentRefused, match=f"more than the {cls.payload_max()} of a {cls.label}"):
            cls.decode(bytes(cls.payload_max() + 1))


def test_nobody_makes_a_document_of_another_kind_or_with_a_third_signature() -> None:
    with pytest.raises(EvidenceError, match='must be "bwc-order"'):
        test_order.order(document="bwc-deny-list")
    kim = agency.signer("technician")
    twice = SignedDocument(b"").signed_by(kim).signed_by(kim)
    with pytest.raises(ValueError, match="at most 2"):
        twice.signed_by(kim)


@given(st.binary(max_size=300))
def test_no_bytes_are_more_than_refused(data: bytes) -> None:
    for _, verify in VERIFIERS.values():
        with pytest.raises(DocumentRefused):
            verify(data)


@settings(max_examples=times(100))
@given(st.data(), st.sampled_from(list(VERIFIERS)))
def test_damage_of_any_kind_is_refused(data: st.DataObject, kind: str) -> None:
    good, verify = VERIFIERS[kind]
    bad = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(bad) - 1))
        bad[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    if bytes(bad) != good:
        with pytest.raises(DocumentRefused):
            verify(bytes(bad))


def test_signatures_of_two_documents_cannot_be_exchanged() -> None:
    one = test_order.order()
    other = test_order.order(nonce=b"o" * order.NONCE_SIZE)
    signatures = SignedDocument.decode(test_order.signed(one)).signatures
    with pytest.raises(DocumentRefused) as found:
        order.verify_order(
            SignedDocument(other.encode(), signatures).encode(), agency.anchors(), Trust(), test_order.NOW
        )
    assert found.value.check is DocumentCheck.SIGNATURE


def test_nothing_of_a_payload_is_read_before_its_signatures_are_good(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quarter of a megabyte of empty maps takes a quarter of a second to walk: not for whoever can send bytes."""
    data, verify = VERIFIERS[kind]
    whole = SignedDocument.decode(data)
    seen: list[bytes] = []
    decode = cbor.decode
    monkeypatch.setattr(cbor, "decode", lambda some: seen.append(some) or decode(some))
    verify(data)
    assert whole.payload in seen
    bomb = cbor2.dumps({0: f"bwc-{kind}", 7: [{}] * 1000}, canonical=True)
    for signatures in (whole.signatures, ()):
        seen.clear()
        with pytest.raises(DocumentRefused) as found:
            verify(SignedDocument(bomb, signatures).encode())
        assert found.value.check is DocumentCheck.SIGNATURE and bomb not in seen


@pytest.mark.rule("DOC-004")
def test_what_is_beside_the_payload_is_bounded_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cbor, "decode", lambda some: pytest.fail("read"))
    for data in (
        cbor2.dumps([b"", [0] * 20_000]),
        cbor2.dumps([[0] * 20_000, []]),
        cbor2.dumps([b"", b"x" * 9_000]),
    ):
        with pytest.raises(DocumentRefused) as found:
            SignedDocument.decode(data)
        assert found.value.check is DocumentCheck.FORM
