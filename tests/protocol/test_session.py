"""The insecure session behaves as a secure one would: strict, bounded, without boundaries (spec: Session)."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bwc_protocol.declare import NO_ROLE, Role
from bwc_protocol.session.insecure import HANDSHAKE_MAX, RECORD_HEADER, RecordType, insecure_session
from bwc_protocol.session.interface import (
    RECORD_MAX,
    Alert,
    PeerCredentials,
    Session,
    SessionFailed,
    SessionSide,
    anybody,
)
from tests.tiers import times


def client(split: Callable[[int], int] | None = None) -> Session:
    return insecure_session(SessionSide(True, "camera", NO_ROLE, bytes), split)


def server(accept: Callable[[PeerCredentials], bool] = anybody) -> Session:
    return insecure_session(SessionSide(False, "bench", Role.BENCH, bytes, accept))


def established() -> tuple[Session, Session]:
    one, other = client(), server()
    one.start()
    other.start()
    other.receive(b"".join(one.outgoing()))
    one.receive(b"".join(other.outgoing()))
    return one, other


def record(kind: int, body: bytes = b"", length: int | None = None) -> bytes:
    return RECORD_HEADER.build({"type": kind, "length": len(body) if length is None else length}) + body


def test_the_device_is_the_client_and_speaks_first() -> None:
    one, other = client(), server()
    other.start()
    assert other.outgoing() == []
    one.start()
    assert one.outgoing() and one.peer is None


def test_both_sides_learn_identity_and_roles() -> None:
    one, other = established()
    assert one.peer == PeerCredentials("bench", Role.BENCH)
    assert other.peer == PeerCredentials("camera", NO_ROLE)
    assert not one.secure and not other.secure


@pytest.mark.rule("SES-011")
@settings(max_examples=times(60), deadline=None, database=None)
@given(st.lists(st.binary(max_size=50), max_size=5), st.integers(1, 20), st.integers(1, 9))
def test_plaintext_arrives_whole_however_records_are_cut(sent: list[bytes], split: int, cut: int) -> None:
    one, other = client(lambda size: min(size, split)), server()
    one.start()
    other.receive(b"".join(one.outgoing()))
    one.receive(b"".join(other.outgoing()))
    for plaintext in sent:
        one.seal(plaintext)
    pieces = one.outgoing()
    assert all(len(piece) <= split for piece in pieces)
    data = b"".join(pieces)
    found = [p for at in range(0, len(data), cut) for p in other.receive(data[at : at + cut])]
    assert b"".join(found) == b"".join(sent)


def test_the_client_is_done_before_the_server_refuses_it() -> None:
    one, other = client(), server(lambda peer: False)
    one.start()
    with pytest.raises(SessionFailed) as ours:
        other.receive(b"".join(one.outgoing()))
    assert ours.value.alert is Alert.REFUSED and not ours.value.by_peer
    flight = b"".join(other.outgoing())
    one.receive(flight[:-5])
    assert one.peer is not None, "the client believes that it is done"
    with pytest.raises(SessionFailed) as theirs:
        one.receive(flight[-5:])
    assert theirs.value.alert is Alert.REFUSED and theirs.value.by_peer


@pytest.mark.rule("SES-010", "SES-012", "SES-014")
@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (record(0), "record type 0"),
        (record(9), "record type 9"),
        (record(RecordType.DATA, length=RECORD_MAX + 1), "at most"),
        (record(RecordType.HANDSHAKE, length=HANDSHAKE_MAX), "bytes of handshake"),
        (record(RecordType.DATA, b"early"), "before the handshake"),
        (record(RecordType.ALERT, b""), "one byte"),
        (record(RecordType.HANDSHAKE, b"\x01"), "known field"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_record_that_breaks_a_rule_ends_the_session(data: bytes, rule: str) -> None:
    other = server()
    with pytest.raises(SessionFailed, match=rule) as failed:
        other.receive(data)
    assert failed.value.alert is Alert.MALFORMED
    assert b"".join(other.outgoing())[-5:] == record(RecordType.ALERT, bytes([Alert.MALFORMED]))
    assert other.receive(record(RecordType.DATA, b"more")) == [], "a failed session stays failed"


@pytest.mark.rule("SES-014")
def test_a_second_handshake_ends_the_session() -> None:
    one, other = established()
    one.start()
    with pytest.raises(SessionFailed, match="second handshake"):
        other.receive(b"".join(one.outgoing()))


@pytest.mark.rule("SES-015")
def test_nothing_after_a_close_is_the_peers_word() -> None:
    one, other = established()
    one.seal(b"before")
    one.close()
    one.seal(b"after")
    assert b"".join(other.receive(b"".join(one.outgoing()))) == b"before"
    assert other.closed


def test_an_unknown_alert_ends_the_session_too() -> None:
    one, _ = established()
    with pytest.raises(SessionFailed) as failed:
        one.receive(record(RecordType.ALERT, b"\xc8"))
    assert failed.value.by_peer


@settings(max_examples=times(150), deadline=None, database=None)
@given(st.binary(max_size=80))
def test_arbitrary_bytes_fail_the_session_and_nothing_else(data: bytes) -> None:
    for session in (client(), server(), established()[0]):
        try:
            session.receive(data)
        except SessionFailed:
            pass


def test_a_record_beyond_the_bound_ends_the_session_when_all_of_it_comes_at_once() -> None:
    _, host = established()
    with pytest.raises(SessionFailed, match=f"at most {RECORD_MAX}"):
        host.receive(record(RecordType.DATA, bytes(RECORD_MAX + 1)))


@pytest.mark.parametrize("alert", [Alert.CLOSE, Alert.REFUSED])
def test_a_whole_record_that_comes_after_the_end_is_nobodys_word(alert: Alert) -> None:
    _, host = established()
    if alert is Alert.CLOSE:
        host.receive(record(RecordType.ALERT, bytes([alert])))
    else:
        with pytest.raises(SessionFailed):
            host.receive(record(RecordType.ALERT, bytes([alert])))
    assert host.receive(record(RecordType.DATA, b"late")) == []
