"""The secure session: what TLS promises is kept, and what it does not promise is added (spec: Secure session)."""

import os
import ssl
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bwc_protocol.certificates.checks import Check, Standing
from bwc_protocol.conversation import (
    Closed,
    Established,
    Failed,
    FailReason,
    RequestReceived,
    State,
    StreamReceived,
)
from bwc_protocol.conversation.stream import BytesSource
from bwc_protocol.declare import Role
from bwc_protocol.messages.core import StreamOpened
from bwc_protocol.messages.identity import ReadStatus
from bwc_protocol.messages.recordings import OpenSegment
from bwc_protocol.session import tls, tls_context
from bwc_protocol.session.interface import Alert, PeerCredentials, Session, SessionFailed, SessionSide
from bwc_protocol.session.tls_records import CIPHERTEXT_MAX, OVERHEAD, PLAINTEXT_MAX
from tests.tiers import times
from tools.generate import samples
from tools.testkit.pair import BENCH, CAMERA, Pair, device_end, host_end
from tools.testkit.secure_ends import (
    BEGAN_S,
    ENDS_S,
    NOW_S,
    Agency,
    RawEnd,
    accepting_context,
    agency,
    carry,
    device_credentials,
    device_session,
    device_sessions,
    host_credentials,
    host_session,
    host_sessions,
    only_groups,
    only_suite,
    raw_context,
)

LAB = agency("a lab", "lab-1")


def secure_pair(cut: Callable[[int], int] = lambda size: size) -> Pair:
    return Pair(host_end(session=host_sessions()), device_end(session=device_sessions()), cut=cut)


def joined() -> tuple[Session, Session]:
    """A host's and a device's session, both done with the handshake."""
    host, device = host_session(), device_session()
    host.start()
    device.start()
    carry(host, device)
    assert host.peer is not None and device.peer is not None
    return host, device


def only_failure(events: list[object]) -> Failed:
    (failure,) = [event for event in events if isinstance(event, Failed)]
    return failure


# What it is for


def test_both_ends_come_to_know_each_other() -> None:
    pair = secure_pair()
    pair.run()
    (host,) = [event.peer for event in pair.host_events if isinstance(event, Established)]
    (device,) = [event.peer for event in pair.device_events if isinstance(event, Established)]
    assert host.secure and device.secure
    assert (host.identity, device.identity) == (CAMERA, BENCH)
    assert device.roles == Role.BENCH
    for peer in (host, device):
        assert peer.certificate is not None and peer.certificate.agency == agency().name
        assert peer.standing is Standing.GOOD


@pytest.mark.parametrize("of", [agency(), LAB], ids=lambda of: of.name)
def test_a_handshake_costs_less_than_3_kib(of: Agency) -> None:
    host, device = host_session(of=of), device_session(of=of)
    device.start()
    passed = carry(host, device)
    assert host.peer is not None
    assert sum(len(data) for _, data in passed) < 3_072


@pytest.mark.rule("SES-013", "SES-023")
def test_who_listens_sees_no_identity() -> None:
    pair = secure_pair()
    pair.run()
    pair.host.request(ReadStatus())
    pair.run()
    assert [e for e in pair.device_events if isinstance(e, RequestReceived)]
    pair.host.close()
    pair.run()
    passed = b"".join(data for _, data in pair.passed)
    for name in (CAMERA, BENCH, agency().name):
        assert name.encode() not in passed
    for credentials in (host_credentials(agency()), device_credentials(agency())):
        for der in credentials.chain:
            assert not any(der[at : at + 16] in passed for at in range(0, len(der) - 16, 8))


# A host that is not trusted learns nothing; one that is refuses by itself


@pytest.mark.rule("SES-024")
def test_a_host_of_another_agency_is_told_so_and_learns_nothing() -> None:
    stranger = agency("Fake Dock Ltd")
    fake = RawEnd(raw_context(stranger.host(), client=False), client=False)
    device = device_session()
    device.start()
    carry(fake, device)
    assert device.failure is not None and device.failure.check is Check.CHAIN and not device.failure.by_peer
    assert "does not come from the agency" in device.failure.detail
    assert fake.error is not None and "UNKNOWN_CA" in str(fake.error)
    assert fake.certificate is None and not fake.done
    assert len(fake.heard) < 300, "a ClientHello and an alert"


@pytest.mark.rule("SES-024")
@pytest.mark.parametrize("kind", ["a technician where only docks may", "a host that asks for no certificate"])
def test_a_device_keeps_its_last_flight_until_the_host_has_passed(kind: str) -> None:
    """By TLS alone the handshake is done, and the device's certificate lies ready to be sent."""
    asks = kind.startswith("a technician")
    verify = ssl.CERT_OPTIONAL if asks else ssl.CERT_NONE
    context = raw_context(host_credentials(agency()), client=False, verify=verify)
    if asks:
        context.load_verify_locations(cadata=agency().root.certificate)
    fake = RawEnd(context, client=False)
    device = device_session(refused_roles=Role.BENCH)
    device.start()
    carry(fake, device)
    assert device.failure is not None and device.failure.alert is Alert.REFUSED
    assert device.failure.check is Check.LOCKED and "(check: locked)" in device.failure.detail
    assert device.peer is None and device.outgoing() == []
    assert fake.certificate is None and not fake.done
    assert len(fake.heard) < 250, "a ClientHello and nothing else"


def test_a_device_believes_that_the_session_stands_while_the_host_refuses_it() -> None:
    """Its client is done first. It executes nothing, and learns of the refusal by what comes next."""
    host = RawEnd(
        raw_context(host_credentials(agency()), client=False, verify=ssl.CERT_REQUIRED), client=False
    )
    device = device_end(session=device_sessions())
    pair = Pair(host_end(session=host_sessions()), device)  # this host says its preamble, and no more
    pair.carry(from_host=True)
    first = b"".join(pair.device.outgoing(0, 0))[32:]
    host.receive(first)
    device.receive(b"".join(host.outgoing()), 0.0)
    assert device.state is State.INFO and device.events() == []
    host.receive(b"".join(device.outgoing(0, 0)))
    assert host.error is not None and "CERTIFICATE_VERIFY_FAILED" in str(host.error)
    device.receive(b"".join(host.outgoing()), 0.0)
    failed = only_failure(device.events())
    assert (failed.reason, failed.check) == (FailReason.REFUSED, Check.CHAIN)
    assert "does not know the root of this device's certificate" in failed.detail


@pytest.mark.parametrize("by_device", [True, False], ids=["device", "host"])
def test_its_owner_may_refuse_whom_the_certificate_lets_in(by_device: bool) -> None:
    def nobody(peer: PeerCredentials) -> bool:
        return False

    picky = (device_sessions() if by_device else host_sessions())(
        SessionSide(by_device, "x", Role.BENCH, os.urandom, nobody)
    )
    host, device = (host_session(), picky) if by_device else (picky, device_session())
    device.start()
    carry(host, device)
    assert picky.failure is not None and picky.failure.alert is Alert.REFUSED
    assert "is not accepted" in picky.failure.detail and picky.peer is None
    assert (host.peer is None) if by_device else (device.peer is not None)


@pytest.mark.parametrize("verify", [ssl.CERT_REQUIRED, ssl.CERT_OPTIONAL])
def test_a_device_that_shows_no_certificate_is_refused(
    verify: ssl.VerifyMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By OpenSSL; and where somebody has told it not to insist, by what is looked at afterwards."""
    monkeypatch.setattr(tls_context, "VERIFY_MODE", verify)
    device, host = RawEnd(raw_context(None, client=True), client=True), host_session()
    device.step()
    carry(host, device)
    assert host.failure is not None and host.failure.check is Check.CHAIN and host.peer is None


# Bytes that somebody changes, leaves out, repeats, cuts off


def sealed(session: Session, text: bytes) -> bytes:
    session.seal(text)
    return b"".join(session.outgoing())


def changed(record: bytes, bit: int) -> bytes:
    at = 5 + bit // 8
    return record[:at] + bytes([record[at] ^ 1 << bit % 8]) + record[at + 1 :]


def dead(session: Session, data: bytes) -> SessionFailed:
    """What the session says of the data; nothing that comes later is given."""
    with pytest.raises(SessionFailed) as raised:
        session.receive(data)
    assert session.failure is raised.value
    assert session.receive(data) == [] and not session.closed
    return raised.value


@pytest.mark.rule("SES-010")
@pytest.mark.parametrize("bit", [0, 7, 60, 131, -1])
def test_a_changed_bit_ends_the_session(bit: int) -> None:
    host, device = joined()
    record = sealed(host, b"open the locker")
    error = dead(device, changed(record, bit % (8 * (len(record) - 5))))
    assert error.alert is Alert.MALFORMED and not error.by_peer
    assert error.detail == "a record was changed, left out, repeated or made up on the way"
    with pytest.raises(SessionFailed, match="TLS alert bad record mac") as told:
        host.receive(device.outgoing()[0])
    assert told.value.by_peer and told.value.alert is Alert.MALFORMED


@pytest.mark.rule("SES-010")
@pytest.mark.parametrize("order", [[1], [1, 0], [0, 0], [0, 1, 1], [0, 2]], ids=str)
def test_records_left_out_repeated_or_exchanged_end_the_session(order: list[int]) -> None:
    host, device = joined()
    records = [sealed(host, b"%d" % n) for n in range(3)]
    good = 0
    while order[good] == good:
        assert b"".join(device.receive(records[good])) == b"%d" % good
        good += 1
    assert "left out, repeated" in dead(device, records[order[good]]).detail


def test_records_of_another_session_end_it() -> None:
    (host, _), (_, device) = joined(), joined()
    dead(device, sealed(host, b"from yesterday"))


def test_what_came_before_a_broken_record_counts() -> None:
    host, device = joined()
    good, bad = sealed(host, b"first"), sealed(host, b"second")
    assert b"".join(device.receive(good + changed(bad, 9))) == b"first"
    assert device.failure is not None
    assert device.receive(good) == []


@pytest.mark.rule("SES-028")
def test_a_stream_that_is_cut_off_is_no_orderly_end() -> None:
    """Whoever holds the cable can end a session; nobody can make that look as if the peer had closed it."""
    host, device = joined()
    record = sealed(host, bytes(1_000))
    for at in range(len(record) - 1):
        assert device.receive(record[at : at + 1]) == []
        assert not device.closed and device.failure is None


def test_an_orderly_end_is_seen_by_both() -> None:
    host, device = joined()
    device.seal(b"the last word")
    host.close()
    host.close()
    late, end = device.outgoing(), host.outgoing()
    assert len(end) == 1 and device.receive(end[0]) == [] and device.closed
    assert device.receive(bytes(40)) == [] and device.failure is None, "what follows is nobody's word"
    assert b"".join(host.receive(late[0])) == b"the last word", "it was under way"
    device.close()
    assert not host.closed
    for data in device.outgoing():
        assert host.receive(data) == []
    assert host.closed and host.failure is None
    assert device.receive(b"anything at all") == [] and device.failure is None


def test_an_end_that_crosses_another_is_seen_by_both() -> None:
    host, device = joined()
    host.close()
    device.close()
    ours, theirs = host.outgoing(), device.outgoing()
    for data in theirs:
        host.receive(data)
    for data in ours:
        device.receive(data)
    assert host.closed and device.closed and host.failure is device.failure is None


@pytest.mark.rule("SES-028")
def test_only_an_orderly_end_is_said_as_one() -> None:
    """Python can send no alert but that of an orderly end. The other ends are told by RESET."""
    for alert in (Alert.REFUSED, Alert.MALFORMED):
        host, _ = joined()
        host.close(alert)
        assert not host.pending and host.outgoing() == []
    early = device_session()
    early.start()
    early.outgoing()
    early.close()
    assert not early.pending


# What both ends may speak


def by(raw: ssl.SSLContext, *, device: bool) -> SessionFailed | None:
    """What our end says of a peer with this context; `device`: our end is the device's."""
    ours = device_session() if device else host_session()
    theirs = RawEnd(raw, client=not device)
    ours.start()
    if not device:
        theirs.step()
    host, client = (theirs, ours) if device else (ours, theirs)
    carry(host, client)
    assert ours.peer is None or ours.failure is None
    return ours.failure


def usual(*, device: bool) -> ssl.SSLContext:
    """Of the peer of a device or of a host, which is good in every way."""
    shown = host_credentials(agency()) if device else device_credentials(agency())
    return accepting_context(agency(), shown, client=not device)


@pytest.mark.parametrize("device", [True, False], ids=["device", "host"])
def test_the_usual_peer_passes(device: bool) -> None:
    assert by(usual(device=device), device=device) is None


@pytest.mark.rule("SES-023")
@pytest.mark.parametrize("device", [True, False], ids=["device", "host"])
def test_older_versions_of_tls_are_refused(device: bool) -> None:
    context = usual(device=device)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    error = by(context, device=device)
    assert error is not None and error.check is Check.PROTOCOL and "TLS 1.3" in error.detail


@pytest.mark.rule("SES-023")
@pytest.mark.parametrize("device", [True, False], ids=["device", "host"])
@pytest.mark.parametrize("groups", ["X25519", "P-384", "X448"])
def test_another_key_exchange_than_on_p_256_is_refused(device: bool, groups: str) -> None:
    context = usual(device=device)
    only_groups(context, groups)
    error = by(context, device=device)
    assert error is not None and error.check is Check.PROTOCOL, error


@pytest.mark.rule("SES-023")
@pytest.mark.parametrize("device", [True, False], ids=["device", "host"])
def test_a_peer_that_prefers_another_group_is_brought_to_p_256(device: bool) -> None:
    context = usual(device=device)
    only_groups(context, "X25519:P-256")
    assert by(context, device=device) is None


@pytest.mark.rule("SES-023")
@pytest.mark.parametrize("device", [True, False], ids=["device", "host"])
def test_another_cipher_than_aes_gcm_is_refused(device: bool) -> None:
    """Python cannot say which suites it takes: OpenSSL finds the handshake good."""
    context = usual(device=device)
    only_suite(context, "TLS_CHACHA20_POLY1305_SHA256")
    error = by(context, device=device)
    assert error is not None and error.check is Check.CIPHER and "not by AES-GCM" in error.detail


@pytest.mark.rule("SES-023")
@pytest.mark.parametrize("device", [True, False], ids=["device", "host"])
def test_a_cipher_that_openssl_does_not_offer_is_refused(device: bool) -> None:
    context = usual(device=device)
    only_suite(context, "TLS_AES_128_CCM_SHA256")
    error = by(context, device=device)
    assert error is not None and error.check is (Check.PROTOCOL if device else Check.CIPHER)


@pytest.mark.parametrize("device", [True, False], ids=["device", "host"])
@pytest.mark.parametrize("suite", tls.CIPHERS)
def test_either_size_of_aes_gcm_is_taken(device: bool, suite: str) -> None:
    context = usual(device=device)
    only_suite(context, suite)
    assert by(context, device=device) is None


@pytest.mark.rule("SES-023")
def test_nothing_of_a_session_is_kept_for_a_next_one() -> None:
    """No tickets: what resumes a session would stand above every check of it."""
    device = RawEnd(usual(device=False), client=True)
    host = host_session()
    device.step()
    carry(host, device)
    assert device.done and host.peer is not None
    assert device.tls.session is None or not device.tls.session.has_ticket


# Times are judged here, not by TLS


@pytest.mark.rule("SES-025")
@pytest.mark.parametrize(
    ("times_s", "standing"),
    [
        ({"began_s": BEGAN_S, "ends_s": int(NOW_S) - 1}, Standing.EXPIRED),
        ({"began_s": int(NOW_S) + 1, "ends_s": ENDS_S}, Standing.NOT_YET_VALID),
        ({"began_s": BEGAN_S, "ends_s": ENDS_S}, Standing.GOOD),
    ],
    ids=["expired", "not yet valid", "good"],
)
def test_a_certificate_out_of_its_time_stands_and_is_told_for_what_it_is(
    times_s: dict[str, int], standing: Standing
) -> None:
    """Its footage has to come off; and a device whose clock was reset knows no time at all."""
    device = agency().device(**times_s)
    host = agency().host(**times_s)
    pair = Pair(
        host_end(session=host_sessions(credentials=host)),
        device_end(session=device_sessions(credentials=device)),
    )
    pair.run()
    for end in (pair.host, pair.device):
        assert end.peer is not None and end.peer.standing is standing


def test_a_device_refuses_below_its_floor_alone() -> None:
    host, device = host_session(), device_session(floor_s=ENDS_S + 1)
    device.start()
    carry(host, device)
    assert device.failure is not None and device.failure.check is Check.FLOOR


# How it is cut, and how much it may carry


@given(st.lists(st.integers(1, 700), min_size=1, max_size=40), st.lists(st.integers(0, 40_000), max_size=4))
@settings(max_examples=times(40), deadline=None, database=None)
def test_a_stream_has_no_boundaries(cuts: list[int], lengths: list[int]) -> None:
    turn = iter(range(10**9))
    pair = secure_pair(cut=lambda size: min(size, cuts[next(turn) % len(cuts)]))
    pair.run()
    assert pair.host.state is pair.device.state is State.READY
    host, device = joined()
    said = [bytes([n]) * length for n, length in enumerate(lengths)]
    for one in said:
        device.seal(one)
    data, at, heard = b"".join(device.outgoing()), 0, []
    while at < len(data):
        take = cuts[next(turn) % len(cuts)]
        heard += host.receive(data[at : at + take])
        at += take
    assert b"".join(heard) == b"".join(said) and host.failure is None


@pytest.mark.parametrize(
    "length", [1, 2, PLAINTEXT_MAX - 1, PLAINTEXT_MAX, PLAINTEXT_MAX + 1, 65_536, 65_537]
)
def test_it_knows_what_sealing_costs(length: int) -> None:
    host, _ = joined()
    assert len(sealed(host, bytes(length))) == length + host.overhead(length)
    assert host.overhead(length) == OVERHEAD * -(-length // PLAINTEXT_MAX)


def test_sealing_nothing_says_nothing() -> None:
    host, device = joined()
    assert sealed(host, b"") == b""
    host.seal(b"in ", memoryview(b"parts "), b"")
    assert b"".join(device.receive(host.outgoing()[0])) == b"in parts "


def test_plaintext_stays_when_the_bytes_that_came_are_used_again() -> None:
    """A driver reads into one buffer, again and again."""
    host, device = joined()
    buffer = bytearray(sealed(host, bytes(range(256)) * 300))
    (piece,) = device.receive(memoryview(buffer))
    buffer[:] = bytes(len(buffer))
    assert bytes(piece) == bytes(range(256)) * 300


@pytest.mark.rule("SES-021")
@pytest.mark.parametrize("sealing", [True, False], ids=["seals", "opens"])
def test_a_session_that_has_carried_all_that_it_may_ends(
    sealing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = secure_pair()
    pair.run()
    monkeypatch.setattr(tls, "RECORDS_MAX", 40)
    footage = bytes(40 * PLAINTEXT_MAX)
    stream = pair.host.request(samples.typical(OpenSegment))
    pair.run()
    pair.device.reply(stream, StreamOpened(length=len(footage)))
    pair.device.send_stream(stream, BytesSource(footage), len(footage))
    pair.run()
    pair.host.grant(stream, len(footage))
    pair.size = 60_000
    pair.carry(from_host=True)
    if sealing:
        pair.device.outgoing(len(footage), 60_000)
        pair.collect()
        assert only_failure(pair.device_events).reason is FailReason.LIMIT
    else:
        pair.device._session._records[1] = -1_000  # of the two it is the host that counts right
        pair.budget = len(footage)
        pair.carry(from_host=False)
        assert only_failure(pair.host_events).reason is FailReason.LIMIT
        assert [e for e in pair.host_events if isinstance(e, StreamReceived)], "what came counts"
        pair.run()
        assert any(isinstance(event, Closed) for event in pair.device_events)


def test_a_record_beyond_the_bound_of_tls_is_not_even_kept() -> None:
    host, device = joined()
    header = b"\x17\x03\x03" + (CIPHERTEXT_MAX + 1).to_bytes(2, "big")
    assert "at most" in dead(device, header).detail
    assert host.peer is not None
