"""Certificates of hosts that a device must refuse, each with one thing wrong with it (spec: Certificates, Checks)."""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import Final

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from bwc_protocol.certificates.profile import CLIENT_AUTH, FACTORY_OID, KIND_OIDS, ROLE_OIDS, SERVER_AUTH
from bwc_protocol.declare import Role
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.lab.directory import open_lab
from bwc_protocol.messages.audit import AuditKind, ReadAudit
from bwc_protocol.messages.trust import ReadTrust
from bwc_protocol.session.preamble import NO_PROTECTION, SIZE
from bwc_protocol.vocabulary import PeerKind
from hil_tests.raw.other_tls import (
    AES_128_GCM_SHA256,
    ALPN,
    EARLY_DATA,
    KEY_SHARE,
    P_256,
    PRE_SHARED_KEY,
    RECORD_HEADER,
    SERVER_NAME,
    TLS_1_3_WIRE,
    Offer,
    OtherTls,
    context_of,
)
from hil_tests.raw.session import RawSession
from hil_tests.raw.wire import Wire
from hil_tests.rules.asking import log_head, supported
from hil_tests.testkit.odd_hosts import AUDITOR, NAME, OddHost, sessions_by
from hil_tests.testkit.tap import ALERT, CHANGE_CIPHER_SPEC, CLIENT_HELLO, SEALED, SEALED_ALERT_MAX, records
from hil_tests.verdicts import RuleBroken, not_applicable, not_tested

pytestmark = pytest.mark.bwc_read_only

AGAIN: Final = 2
"""Handshakes that fail at one check: a device may count the second, and log nothing."""
NEWEST: Final = 1_000
"""Entries that are looked at: within an hour a check need not be logged again."""
CHECK: Final = "purpose"


def lab_of(wire: Wire) -> LabAgency:
    """The lab of this host, which has the keys of its CA. Skips for a device of somebody else."""
    lab_or_agency(wire)
    if not wire.identities.by_lab:
        not_tested("only who has the keys of the CA can make such a host: of a lab")
    return open_lab().agency


def meeting(wire: Wire, host: OddHost, role: Role = Role.AUDITOR) -> RawSession:
    """A conversation with a device that was shown this certificate, and has said all that it says to it."""
    lab = lab_of(wire)
    session = wire.conversation(role)
    session.sessions = sessions_by(host.certified_by(lab), lab)
    session.local = replace(session.local, identity=host.names[0])
    session.greet()
    while session.session.peer is None and not session.over:
        if not session.listen():
            break
    return session


def is_refused(wire: Wire, host: OddHost, rule: str, what: str) -> None:
    """The device ends the handshake, and its certificate stays with it. Raises `RuleBroken`."""
    session = meeting(wire, host)
    expected = (
        f"a host refused that shows {what} ({rule}), and nothing of the device but its ClientHello (SES-024)"
    )
    said = bytes(session.channel.inbox[SIZE:])
    if session.session.peer is not None:
        raise RuleBroken(expected, f"the device went on, as {session.session.peer.identity}")
    if not said.startswith(CLIENT_HELLO):
        raise RuleBroken(expected, f"{said[:16].hex()}, which is no ClientHello")
    for kind, length in records(said)[1:]:
        silent = kind in (CHANGE_CIPHER_SPEC, ALERT) or (kind == SEALED and length <= SEALED_ALERT_MAX)
        if not silent:
            raise RuleBroken(expected, f"a record of type {kind} and {length} bytes")
    session.is_reset(expected)
    wire.hang_up()


@pytest.mark.bwc_fails_a_handshake
@pytest.mark.rule("ROL-003")
def test_a_device_in_service_takes_nobody_as_bench(wire: Wire) -> None:
    lab_or_agency(wire)
    if not wire.identities.has(Role.BENCH):
        not_tested("this bench has no identity for the role bench")
    locked = wire.session(Role.AUDITOR).ask(ReadTrust()).locked
    wire.hang_up()
    if not locked:
        not_applicable("the device says that it is not in service: it may take the role bench")
    session = wire.conversation(Role.BENCH)
    session.greet()
    while session.session.peer is None and not session.over:
        if not session.listen():
            break
    if session.session.peer is not None:
        raise RuleBroken("a host with the role bench refused by a device in service (ROL-003)", "it went on")
    session.is_reset("RESET of a host with the role bench, by a device in service (ROL-003)")


@pytest.mark.rule("CER-010")
def test_a_certificate_that_is_made_the_same_way_and_is_right_is_taken(wire: Wire) -> None:
    """Whatever else of these tests fails is about the one thing that is wrong."""
    session = meeting(wire, OddHost())
    if session.session.peer is None:
        raise RuleBroken("a host taken whose certificate is as it should be (CER-010)", session.told())
    session.inform()
    session.get_ready()
    session.goes_on("CER-010")


@pytest.mark.bwc_fails_a_handshake
@pytest.mark.parametrize(
    ("what", "rule", "host"),
    [
        pytest.param(
            "its name in 65 bytes", "CER-004", OddHost(names=("x" * 65,)), marks=pytest.mark.rule("CER-004")
        ),
        pytest.param(
            "two names", "CER-004", OddHost(names=(NAME, "another")), marks=pytest.mark.rule("CER-004")
        ),
        pytest.param(
            "more than 2,048 bytes", "CER-004", OddHost(padding=2_000), marks=pytest.mark.rule("CER-004")
        ),
        pytest.param(
            "a key on P-384",
            "CER-005",
            OddHost(curve=ec.SECP384R1),
            marks=pytest.mark.rule("CER-005"),
        ),
        pytest.param(
            "a signature with SHA-384",
            "CER-005",
            OddHost(digest=hashes.SHA384()),
            marks=pytest.mark.rule("CER-005"),
        ),
        pytest.param("no purpose", "CER-006", OddHost(purposes=None), marks=pytest.mark.rule("CER-006")),
        pytest.param("that of a CA", "CER-006", OddHost(is_ca=True), marks=pytest.mark.rule("CER-006")),
        pytest.param(
            "no name of its issuer's key",
            "CER-007",
            OddHost(names_issuer=False),
            marks=pytest.mark.rule("CER-007"),
        ),
        pytest.param(
            "one of a factory",
            "CER-008",
            OddHost(purposes=(*AUDITOR, FACTORY_OID)),
            marks=pytest.mark.rule("CER-008"),
        ),
        pytest.param("no lab", "CER-009", OddHost(lab=None), marks=pytest.mark.rule("CER-009")),
        pytest.param("another lab", "CER-009", OddHost(lab="00000000"), marks=pytest.mark.rule("CER-009")),
        pytest.param(
            "a lab that is not critical",
            "CER-009",
            OddHost(lab_critical=False),
            marks=pytest.mark.rule("CER-009"),
        ),
        pytest.param(
            "that of a camera that also has a role",
            "CER-010",
            OddHost(purposes=(*AUDITOR, CLIENT_AUTH, KIND_OIDS[PeerKind.CAMERA])),
            marks=pytest.mark.rule("CER-010"),
        ),
        pytest.param(
            "no role under which there are sessions",
            "CER-011",
            OddHost(purposes=(SERVER_AUTH, ROLE_OIDS[Role.EVIDENCE_RECIPIENT])),
            marks=pytest.mark.rule("CER-011"),
        ),
        pytest.param(
            "destination beside another role",
            "CER-011",
            OddHost(purposes=(*AUDITOR, ROLE_OIDS[Role.DESTINATION])),
            marks=pytest.mark.rule("CER-011"),
        ),
    ],
)
def test_a_host_is_refused_whose_certificate_has_one_thing_wrong(
    failing_wire: Wire, what: str, rule: str, host: OddHost
) -> None:
    is_refused(failing_wire, host, rule, what)


@pytest.mark.bwc_fails_a_handshake
@pytest.mark.rule("TRU-010")
def test_a_handshake_that_failed_is_logged_by_the_name_of_its_check(failing_wire: Wire) -> None:
    lab_of(failing_wire)
    for _ in range(AGAIN):
        is_refused(failing_wire, OddHost(purposes=None), "CER-006", "no purpose")
    session = failing_wire.session()
    head = log_head(session).sequence
    after, found = max(0, head - NEWEST), []
    while after < head:
        page = supported(session, ReadAudit(after=after)).entries
        found += [entry for entry in page if entry.kind is AuditKind.HANDSHAKE_FAILED]
        after = page[-1].sequence if page else head
    if not any(entry.detail.startswith(CHECK) for entry in found):
        last = found[-1].detail if found else "no handshake that failed"
        raise RuleBroken(f"an entry that names the check {CHECK!r} among the last {NEWEST} (TRU-010)", last)


# What a device offers, and what it does not go on with


@pytest.mark.rule("SES-023")
def test_a_device_offers_tls_1_3_alone_and_tells_a_listener_nothing_beside(wire: Wire) -> None:
    lab_or_agency(wire)
    channel = wire.link().channel(wire.bay).open_when_taken(wire.preamble())
    header = channel.wait_inbox(SIZE + RECORD_HEADER, "a ClientHello behind the preamble")[SIZE:]
    size = SIZE + RECORD_HEADER + int.from_bytes(header[3:5])
    offer = Offer.read(channel.wait_inbox(size, "a whole ClientHello")[SIZE:])
    if offer.versions != (TLS_1_3_WIRE,):
        raise RuleBroken("TLS 1.3 and no older version (SES-023)", str([hex(one) for one in offer.versions]))
    if AES_128_GCM_SHA256 not in offer.cipher_suites or P_256 not in offer.groups:
        raise RuleBroken(
            "TLS_AES_128_GCM_SHA256 and secp256r1 among what is offered (SES-023)",
            f"{[hex(one) for one in offer.cipher_suites]}, groups {offer.groups}",
        )
    told = {SERVER_NAME, ALPN, PRE_SHARED_KEY, EARLY_DATA} & set(offer.extensions)
    if told or KEY_SHARE not in offer.extensions:
        raise RuleBroken(
            "a key share, and no server name, ALPN, pre-shared key or early data (SES-023)",
            f"extensions {sorted(offer.extensions)}",
        )


@pytest.mark.bwc_fails_a_handshake
@pytest.mark.rule("SES-023")
@pytest.mark.parametrize(
    ("what", "newest", "group"),
    [
        pytest.param("TLS 1.2", ssl.TLSVersion.TLSv1_2, "prime256v1", id="TLS 1.2"),
        pytest.param("a key exchange on P-384", ssl.TLSVersion.TLSv1_3, "secp384r1", id="P-384"),
    ],
)
def test_a_device_does_not_go_on_with_another_tls(
    failing_wire: Wire, what: str, newest: ssl.TLSVersion, group: str
) -> None:
    lab = lab_of(failing_wire)
    shown = OddHost().certified_by(lab)
    session = failing_wire.conversation()
    session.sessions = lambda side: OtherTls(shown, context_of(newest=newest, group=group))
    session.greet()
    expected = f"no handshake by {what} (SES-023)"
    session.is_reset(expected)
    if session.session.peer is not None:
        raise RuleBroken(expected, "the device's Finished")


def lab_or_agency(wire: Wire) -> None:
    """Skips for a device without certificates."""
    if wire.protection == NO_PROTECTION:
        not_applicable("an insecure session has no certificates")
