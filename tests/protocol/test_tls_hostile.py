"""Peers that mean harm, before and behind the handshake: a typed end, in bounded time and memory, and nothing gets out.

What is measured in memory is what Python holds for one end; OpenSSL's own buffers are bounded by a record.
"""

import gc
import ssl
import tracemalloc
import weakref
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bwc_protocol.conversation import Failed, FailReason, State
from bwc_protocol.conversation.machine import HANDSHAKE_S
from bwc_protocol.session.interface import Alert, Session, SessionFailed
from bwc_protocol.session.tls import HANDSHAKE_MAX, IDLE_MAX
from bwc_protocol.session.tls_records import PLAINTEXT_MAX
from tests.tiers import times
from tools.testkit.pair import Pair, device_end, host_end
from tools.testkit.secure_ends import (
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
    padded,
    raw_context,
    small_records,
    update_key,
)

HOME = agency()


def handshake_record(body: bytes) -> bytes:
    return b"\x16\x03\x03" + len(body).to_bytes(2, "big") + body


def flights() -> tuple[bytes, bytes, bytes]:
    """What passes in a good handshake: the device's first words, the host's, the device's last."""
    host, device = host_session(), device_session()
    device.start()
    passed = carry(host, device)
    assert host.peer is not None and [by_host for by_host, _ in passed] == [False, True, False]
    hello, answer, last = (data for _, data in passed)
    return hello, answer, last


def fed(session: Session, pieces: list[bytes]) -> SessionFailed | None:
    """What becomes of a session that gets these pieces."""
    session.start()
    try:
        for piece in pieces:
            assert session.receive(piece) == []
    except SessionFailed as error:
        assert session.failure is error
        assert session.receive(b"more") == []
    return session.failure


# Before the handshake is done


ENDLESS: dict[str, Callable[[], bytes]] = {
    "one message without end": lambda: handshake_record(b"\x01\xff\xff\xff" + bytes(1_000)),
    "empty records": lambda: handshake_record(b""),
    "changes of the cipher": lambda: b"\x14\x03\x03\x00\x01\x01",
    "bytes one by one": lambda: handshake_record(b"\x01"),
    "application data": lambda: b"\x17\x03\x03\x00\x20" + bytes(32),
    "warnings": lambda: b"\x15\x03\x03\x00\x02\x01\x5a",
}


@pytest.mark.rule("SES-012")
@pytest.mark.parametrize("end", [host_session, device_session], ids=["host", "device"])
@pytest.mark.parametrize("piece", ENDLESS.values(), ids=ENDLESS.keys())
def test_a_handshake_without_end_is_ended(end: Callable[[], Session], piece: Callable[[], bytes]) -> None:
    session = end()
    session.start()
    session.outgoing()
    one = piece()
    taken = 0
    with pytest.raises(SessionFailed) as raised:
        while taken <= 2 * HANDSHAKE_MAX:
            session.receive(one)
            taken += len(one)
    assert taken <= HANDSHAKE_MAX and session.peer is None
    assert raised.value.alert in (Alert.MALFORMED, Alert.REFUSED)


@pytest.mark.rule("SES-012")
@pytest.mark.parametrize("end", [host_session, device_session], ids=["host", "device"])
def test_a_record_beyond_the_bound_is_refused_by_its_header(end: Callable[[], Session]) -> None:
    error = fed(end(), [b"\x16\x03\x03" + (HANDSHAKE_MAX - 4).to_bytes(2, "big")])
    assert error is not None and error.detail == f"more than {HANDSHAKE_MAX} bytes of handshake"


def test_a_host_that_shows_a_hundred_certificates_is_cut_short() -> None:
    shown = host_credentials(HOME)
    many = type(shown)((*shown.chain, *[HOME.issuing.certificate] * 40), shown.key)
    host = RawEnd(raw_context(many, client=False), client=False)
    device = device_session()
    device.start()
    carry(host, device)
    assert device.failure is not None and "bytes of handshake" in device.failure.detail
    assert device.failure.alert is Alert.MALFORMED and host.certificate is None


@pytest.mark.rule("SES-011")
@pytest.mark.parametrize("cut_flight", [0, 1, 2], ids=["hello", "answer", "last"])
def test_a_flight_may_be_cut_at_every_byte(cut_flight: int) -> None:
    """Once at each place; and then into single bytes, with as many handshakes as there are places."""
    size = len(flights()[cut_flight])
    for at in range(1, size + 40, 7):
        host, device = host_session(), device_session()
        device.start()
        ends = (host, device, host)
        says = (device, host, device)
        for number in range(3):
            data = b"".join(says[number].outgoing())
            pieces = [data]
            if number == cut_flight:
                pieces = [data[:at], data[at:]] if at < len(data) else [bytes([one]) for one in data]
            for piece in pieces:
                ends[number].receive(piece)
        assert host.peer is not None and device.peer is not None, at


@pytest.mark.rule("SES-005")
@pytest.mark.parametrize("part", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("flight", [0, 1, 2], ids=["hello", "answer", "last"])
def test_a_flight_that_breaks_off_is_waited_for_and_no_longer(flight: int, part: float) -> None:
    """Nobody is let in, nothing gets out, and the channel is given up in time."""
    pair = Pair(host_end(session=host_sessions()), device_end(session=device_sessions()))
    pair.carry(from_host=True)
    for number in range(flight):
        pair.carry(from_host=number == 1)
    says, hears = (pair.host, pair.device) if flight == 1 else (pair.device, pair.host)
    data = b"".join(says.outgoing(0, 0))
    begins = 0 if flight else 32  # behind the preamble
    hears.receive(data[: begins + int(part * (len(data) - begins))], pair.now)
    pair.tick(HANDSHAKE_S - 0.1)
    assert pair.host_events == pair.device_events == []
    pair.tick(0.1)
    assert pair.host.state is pair.device.state is State.OVER
    for events in (pair.host_events, pair.device_events):
        assert [type(event) for event in events] == [Failed]
        assert events[0].reason is FailReason.TIMEOUT


@pytest.mark.parametrize("flight", [0, 1, 2], ids=["hello", "answer", "last"])
def test_a_changed_byte_of_a_handshake_is_found_wherever_it_is(flight: int) -> None:
    """Nobody is taken for somebody on changed words, and what fails says how."""
    size = len(flights()[flight])
    for at in range(0, size, 11):
        host, device = host_session(), device_session()
        device.start()
        ends, says = (host, device, host), (device, host, device)
        failed = None
        for number in range(3):
            data = bytearray(b"".join(says[number].outgoing()))
            if number == flight:
                data[min(at, len(data) - 1)] ^= 0x40  # a signature has 70 to 72 bytes
            try:
                ends[number].receive(bytes(data))
            except SessionFailed as error:
                failed = error
                break
        if failed is None:  # the last of its words was incomplete: a length that was changed
            assert host.peer is None or device.peer is None
        else:
            assert failed.detail and failed.alert is not Alert.CLOSE


@given(st.binary(min_size=1, max_size=600), st.booleans(), st.integers(0, 2))
@settings(max_examples=times(120), deadline=None, database=None)
def test_garbage_at_any_time_ends_it_or_waits(garbage: bytes, to_host: bool, after: int) -> None:
    host, device = host_session(), device_session()
    device.start()
    for number in range(after):
        one, other = ((device, host), (host, device), (device, host))[number]
        for data in one.outgoing():
            other.receive(data)
    error = fed_on(host if to_host else device, garbage)
    if error is not None:
        assert not error.by_peer or "alert" in error.detail or "refuses" in error.detail


def fed_on(session: Session, data: bytes) -> SessionFailed | None:
    try:
        session.receive(data)
    except SessionFailed as error:
        return error
    return session.failure


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x80\x2e\x01\x03\x01", b"AT+CGMI\r\n", b"\0" * 8]
)
@pytest.mark.parametrize("end", [host_session, device_session], ids=["host", "device"])
def test_what_is_not_tls_is_told_as_such(end: Callable[[], Session], garbage: bytes) -> None:
    error = fed(end(), [garbage])
    assert error is not None and "begins no record of TLS" in error.detail and error.alert is Alert.MALFORMED


def test_data_before_the_handshake_is_done_is_no_data() -> None:
    """Early data, or somebody in between who puts words of his own behind a good ClientHello."""
    hello, _, _ = flights()
    host = host_session()
    error = fed(host, [hello, b"\x17\x03\x03\x00\x30" + bytes(48)])
    assert error is not None and host.peer is None


def test_a_flight_of_another_handshake_is_refused() -> None:
    """Replayed whole: fresh numbers of both ends are under every signature."""
    _, answer, last = flights()
    device = device_session()
    assert fed(device, [answer]) is not None and device.peer is None
    hello, _, _ = flights()
    host = host_session()
    assert fed(host, [hello, last]) is not None and host.peer is None


def test_a_host_that_has_a_certificate_and_not_its_key_is_refused() -> None:
    """A man in the middle has the certificate of any host, from its handshakes; not what it proves itself by."""
    mallory = HOME.host(name="mallory")
    context = raw_context(mallory, client=False)
    host = RawEnd(context, client=False)
    device = device_session()
    device.start()
    hello = b"".join(device.outgoing())
    host.receive(hello)
    answer = bytearray(b"".join(host.outgoing()))
    answer[-40] ^= 1  # inside the last records, where signature and Finished are
    error = fed_on(device, bytes(answer))
    assert error is not None and device.peer is None
    device.close()
    assert len(b"".join(device.outgoing())) < 64, "an alert at most"


# Behind it


def met(*, device: bool, context: ssl.SSLContext | None = None) -> tuple[RawEnd, Session]:
    """A raw end and one of ours, `device`: that one is the device's; both done."""
    shown = host_credentials(HOME) if device else device_credentials(HOME)
    raw = RawEnd(context or accepting_context(HOME, shown, client=not device), client=not device)
    ours = device_session() if device else host_session()
    ours.start()
    if not device:
        raw.step()
    carry(*((raw, ours) if device else (ours, raw)))
    assert raw.done and ours.peer is not None
    return raw, ours


@pytest.mark.rule("SES-027")
@pytest.mark.parametrize("device", [True, False], ids=["device", "host"])
@pytest.mark.parametrize("asking", [True, False], ids=["asking", "telling"])
def test_key_updates_are_taken_and_not_for_ever(device: bool, asking: bool) -> None:
    raw, ours = met(device=device)
    updates = 0
    while ours.failure is None and updates <= IDLE_MAX:
        for _ in range(100):
            update_key(raw, asking=asking)
            updates += 1
        raw.tls.write(b"still here")
        try:
            assert b"".join(ours.receive(b"".join(raw.outgoing()))) == b"still here"
        except SessionFailed:
            break
        ours.seal(b"too")
        raw.receive(b"".join(ours.outgoing()))
        if ours.failure is not None:
            break
        assert raw.error is None and raw.read.endswith(b"too"), "it has answered by keys of its own"
    assert ours.failure is not None and "that are no plaintext" in ours.failure.detail
    assert 100 < updates <= IDLE_MAX // 5 + 100, "each has five bytes inside"


@pytest.mark.rule("SES-027")
@pytest.mark.parametrize("tickets", [1, 2, 100])
def test_tickets_are_no_use_to_a_host(tickets: int) -> None:
    context = accepting_context(HOME, host_credentials(HOME), client=False)
    context.options &= ~ssl.OP_NO_TICKET
    context.num_tickets = tickets
    host = RawEnd(context, client=False)
    device = device_session()
    device.start()
    carry(host, device)
    assert host.done
    if tickets < 10:
        assert device.failure is None and device.peer is not None
    else:
        assert device.failure is not None and "that are no plaintext" in device.failure.detail


@pytest.mark.rule("SES-027")
def test_padding_is_taken_and_not_for_ever() -> None:
    context = accepting_context(HOME, host_credentials(HOME), client=False)
    padded(context, 1_024)
    raw, ours = met(device=True, context=context)
    heard = 0
    while ours.failure is None and heard < 100:
        raw.tls.write(b"x")
        heard += len(b"".join(ours.receive(b"".join(raw.outgoing()))))
    assert ours.failure is not None and heard == IDLE_MAX // 1_023 + 1


@pytest.mark.rule("SES-027")
@pytest.mark.parametrize(
    ("record", "words"),
    [
        (b"\x16\x03\x03\x00\x04\x01\x00\x00\x00", "type 22 in the open"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "type 21 in the open"),
        (b"\x14\x03\x03\x00\x01\x01", "type 20 in the open"),
        (b"\x17\x03\x03\x41\x01", "at most 16640"),
        (b"\x17\x03\x03\xff\xff", "at most 16640"),
        (b"BWC\x01\x00", "begins no record"),
        (b"\x17\x03\x03\x00\x00", "changed, left out, repeated or made up"),
        (b"\x17\x03\x03\x00\x10" + bytes(16), "changed, left out, repeated or made up"),
        (b"\x17\x03\x03\x00\x40" + bytes(64), "changed, left out, repeated or made up"),
    ],
    ids=lambda given: given if isinstance(given, str) else None,
)
@pytest.mark.parametrize("cut", [1, 3, 1_000])
def test_what_is_no_sealed_record_ends_the_session(record: bytes, words: str, cut: int) -> None:
    raw, ours = met(device=True)
    raw.tls.write(b"before")
    data = b"".join(raw.outgoing()) + record
    heard: list[bytes] = []
    for at in range(0, len(data), cut):
        try:
            heard += [bytes(piece) for piece in ours.receive(data[at : at + cut])]
        except SessionFailed:
            break
    assert b"".join(heard) == b"before"
    assert ours.failure is not None and words in ours.failure.detail and not ours.closed


def test_a_second_handshake_is_not_one() -> None:
    raw, ours = met(device=False)
    hello, _, _ = flights()
    error = fed_on(ours, hello)
    assert error is not None and ours.failure is error
    assert raw.done


@pytest.mark.parametrize("code", [1, 2, 3, 4])
def test_a_device_with_little_memory_gets_small_records(code: int) -> None:
    """From the host's certificate on: no record is larger than it has room for."""
    context = accepting_context(HOME, device_credentials(HOME), client=True)
    small_records(context, code)
    raw, ours = met(device=False, context=context)
    ours.seal(bytes(10_000))
    data = b"".join(ours.outgoing())
    raw.receive(data)
    assert raw.read == bytes(10_000)
    heard, most = raw.heard, 0
    while heard:
        length = int.from_bytes(heard[3:5], "big")
        most = max(most, length)
        heard = heard[5 + length :]
    assert most == (256 << code) + 17


@pytest.mark.parametrize("flight", [0, 1, 2], ids=["hello", "answer", "last"])
def test_what_openssl_holds_for_a_session_that_failed_is_given_back(flight: int) -> None:
    """At once, without the collector: it is 30 KiB for each, and a peer may fail as often as it is let."""
    host, device = host_session(), device_session()
    device.start()
    says, hears = (device, host, device), (host, device, host)
    for number in range(flight):
        hears[number].receive(b"".join(says[number].outgoing()))
    data = bytearray(b"".join(says[flight].outgoing()))
    data[-20] ^= 1
    kept = weakref.ref(hears[flight]._tls)
    gc.disable()
    try:
        assert fed_on(hears[flight], bytes(data)) is not None
        hears[flight].failure.__traceback__ = hears[flight].failure.__cause__.__traceback__ = None
        assert kept() is None
    finally:
        gc.enable()
    hears[flight].close()
    hears[flight].outgoing()


def test_what_openssl_holds_for_a_session_that_has_ended_is_given_back() -> None:
    host, device = host_session(), device_session()
    device.start()
    carry(host, device)
    kept = [weakref.ref(end._tls) for end in (host, device)]
    host.close()
    carry(host, device)
    device.close()
    carry(host, device)
    assert host.closed and device.closed and [ref() for ref in kept] == [None, None]
    assert host.receive(b"more") == []


def test_a_flood_of_data_is_kept_nowhere() -> None:
    raw, ours = met(device=False)
    tracemalloc.start()
    try:
        for _ in range(200):
            raw.tls.write(bytes(PLAINTEXT_MAX))
            for data in raw.outgoing():
                ours.receive(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * PLAINTEXT_MAX


def test_64_handshakes_at_once_need_no_more_than_64() -> None:
    pairs = [(host_session(), device_session()) for _ in range(64)]
    for _, device in pairs:
        device.start()
    for host, device in pairs:
        for data in device.outgoing():
            host.receive(data)
    for host, device in reversed(pairs):
        carry(host, device)
        assert host.peer is not None and device.peer is not None
