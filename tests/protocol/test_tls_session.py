"""The secure session: what TLS promises is kept, and what it does not promise is added (spec: Secure session)."""

from bwc_protocol.certificates.checks import Standing
from bwc_protocol.conversation import Established, RequestReceived
from bwc_protocol.declare import Role
from bwc_protocol.messages.identity import ReadStatus
from tools.testkit.pair import BENCH, CAMERA, Pair, device_end, host_end
from tools.testkit.secure_ends import (
    agency,
    device_sessions,
    host_sessions,
)


def secure_pair(**given: object) -> Pair:
    return Pair(host_end(session=host_sessions()), device_end(session=device_sessions()))


def established() -> Pair:
    pair = secure_pair()
    pair.run()
    pair.host_events.clear()
    pair.device_events.clear()
    return pair


def said(pair: Pair, *, by_host: bool) -> list[bytes]:
    return [data for from_host, data in pair.passed if from_host is by_host]


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


def test_a_handshake_costs_less_than_3_kib() -> None:
    pair = secure_pair()
    pair.run()
    assert sum(len(data) for _, data in pair.passed) < 3_072 + 2 * 32 + 2 * 200  # preambles, SESSION_INFO


def test_who_listens_sees_no_identity() -> None:
    pair = secure_pair()
    pair.run()
    request = pair.host.request(ReadStatus())
    pair.run()
    assert request and [e for e in pair.device_events if isinstance(e, RequestReceived)]
    pair.host.close()
    pair.run()
    passed = b"".join(data for _, data in pair.passed)
    for name in (CAMERA, BENCH, agency().name):
        assert name.encode() not in passed
    assert agency().issuing.certificate[20:60] not in passed
