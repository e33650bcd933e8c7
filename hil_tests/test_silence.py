"""Before a host has proved who it is, a device says nothing of itself (spec: Session, Secure session)."""

from typing import Any

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.lab.agency import BEGAN_S as LAB_BEGAN_S
from bwc_protocol.lab.directory import open_lab
from bwc_protocol.session.interface import RECORD_MAX
from bwc_protocol.session.preamble import NO_PROTECTION, SIZE, TLS_1_3, Preamble
from bwc_protocol.session.tls import KeyCredentials
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.errors import ProtectionMismatch, SessionRefused
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.sync import connect, connect_station
from bwc_sdk.sync.loop import loop_thread
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from hil_tests.device.bench import AnyDevice, Bench
from hil_tests.testkit.strangers import WhateverItHolds, impostor
from hil_tests.testkit.tap import (
    ALERT,
    CHANGE_CIPHER_SPEC,
    CLIENT_HELLO,
    SEALED,
    SEALED_ALERT_MAX,
    RawHost,
    Tap,
    records,
)
from hil_tests.verdicts import not_applicable, not_tested

pytestmark = [pytest.mark.bwc_read_only, pytest.mark.bwc_any_device]

A_WHILE_S = 0.3
"""How long a device is listened to that should say nothing: what it does say, it says at once."""
ANSWER_S = 10.0


class Listened:
    """A way to the device on which all is heard that it says."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._uri = DeviceUri.parse(bench.uri)
        self.channel = self._uri.bay
        self.taps: list[Tap] = []

    def tap(self) -> Tap:
        """A new pipe to it."""
        self.taps.append(Tap(transport_for(self._uri)))
        return self.taps[-1]

    def connect(self, **access: Any) -> AnyDevice:
        """Connects over a new pipe; waits for an earlier host to be gone."""
        if self._bench.is_station:
            return self._bench.when_free(lambda: connect_station(self.tap(), **access))
        return self._bench.when_free(lambda: connect(self.tap(), bay=self.channel, **access))

    @property
    def said(self) -> bytes:
        """What it said on its channel over the last pipe."""
        return self.taps[-1].said(self.channel)

    def says_nothing_of_itself(self) -> None:
        """No byte over any pipe tells one device from another of its model, or which model it is."""
        heard = b"".join(bytes(tap.heard) for tap in self.taps)
        for fact, text in self._bench.who_it_is().items():
            assert text not in heard, f"the {fact} came before anybody had proved who it is"

    def heard_a_client_hello_at_most(self) -> None:
        """The device has kept its last flight back, in which its certificate is."""
        said = self.said[SIZE:]
        assert said.startswith(CLIENT_HELLO), "the first word behind the preamble is a ClientHello"
        for kind, length in records(said)[1:]:
            silent = kind in (CHANGE_CIPHER_SPEC, ALERT) or (kind == SEALED and length <= SEALED_ALERT_MAX)
            assert silent, f"a record of type {kind} and {length} bytes left it before its checks had passed"
        self.says_nothing_of_itself()


@pytest.fixture
def listened(bwc_guarded: Bench) -> Listened:
    return Listened(bwc_guarded)


@pytest.mark.rule("LNK-001")
@pytest.mark.rule("SES-001")
def test_nothing_is_said_before_hello_and_nothing_before_the_whole_preamble(
    listened: Listened, bwc_bench: Bench
) -> None:
    protection = TLS_1_3 if bwc_bench.secure else NO_PROTECTION
    preamble = Preamble(
        kind=PeerKind.HOST, protection=protection, max_plaintext=RECORD_MAX, random=bytes(16)
    ).encode()
    tap, channel = listened.tap(), listened.channel

    async def scenario() -> None:
        host = RawHost(tap)
        await host.open()
        try:
            assert not await host.waited(lambda: bool(tap.heard), A_WHILE_S), "it spoke before a HELLO"
            await host.connect(channel)
            host.say(channel, preamble[:-1])
            assert not await host.waited(lambda: bool(tap.said(channel)), A_WHILE_S), (
                "half a preamble was enough"
            )
            host.say(channel, preamble[-1:])
            assert await host.waited(lambda: len(tap.said(channel)) >= SIZE, ANSWER_S), "no preamble came"
        finally:
            await host.close()

    loop_thread().run(scenario())
    assert Preamble.decode(listened.said[:SIZE]).protection == protection
    if bwc_bench.secure:  # in the insecure session the device's name is the next that it says
        listened.says_nothing_of_itself()


@pytest.mark.rule("SES-013")
@pytest.mark.rule("CER-003")
def test_a_host_with_a_ca_of_its_own_learns_nothing(listened: Listened, bwc_bench: Bench) -> None:
    """It says of itself all that a good one says, and hears a ClientHello."""
    own = bwc_bench.identities.of(Role.AUDITOR)
    if own is None:
        with pytest.raises(ProtectionMismatch):  # of a device without certificates it is told that much
            listened.connect(lab=True)
        return
    stranger, _ = impostor(own.certificate, Role.AUDITOR)
    with pytest.raises(SessionRefused):
        listened.connect(role=Role.AUDITOR, identity=stranger)
    listened.heard_a_client_hello_at_most()


@pytest.mark.rule("SES-024")
@pytest.mark.rule("CER-012")
def test_a_host_whose_signatures_hold_and_who_fails_another_check_learns_no_more(
    listened: Listened, bwc_bench: Bench
) -> None:
    """Its certificate ended before the device's floor: no TLS stack asks for that, so that the flight is written by
    then."""
    if not bwc_bench.lab:
        not_tested("only who holds the keys of the CA can make such a host: of a lab")
    with listened.connect(role=Role.AUDITOR, lab=True) as camera:
        floor_s = camera.trust.read().floor_s
    lab = open_lab().agency
    if floor_s <= LAB_BEGAN_S + 1:
        not_tested("no certificate of the lab ends before the floor of this device")
    late = lab.host("one of yesterday", Role.AUDITOR, lab.issuance(LAB_BEGAN_S, floor_s - 1))
    identity = HostIdentity.of(KeyCredentials(late.chain, late.key), lab.anchors)
    with pytest.raises(SessionRefused):
        listened.connect(role=Role.AUDITOR, identity=identity)
    listened.taps = listened.taps[-1:]
    listened.heard_a_client_hello_at_most()


@pytest.mark.rule("SES-010")
@pytest.mark.rule("SES-019")
def test_an_end_of_another_protection_gets_a_preamble_and_no_weaker_session(
    listened: Listened, bwc_bench: Bench
) -> None:
    """Nobody has to be asked for what is safe; what is not is not had from a device that protects its sessions."""
    with pytest.raises(ProtectionMismatch):
        if bwc_bench.secure:
            listened.connect(allow_insecure=True)
        else:
            listened.connect(lab=True)
    assert len(listened.said) == SIZE, "it sends its preamble, and waits for the host to leave"
    assert Preamble.decode(listened.said).protection == (TLS_1_3 if bwc_bench.secure else NO_PROTECTION)
    listened.says_nothing_of_itself()


@pytest.mark.rule("SES-020")
def test_nobody_gets_a_role_that_the_certificate_does_not_hold(listened: Listened, bwc_bench: Bench) -> None:
    own = bwc_bench.identities.of(Role.AUDITOR)
    if own is None:
        not_applicable("in an insecure session roles are the host's own word")
    for role in (Role.DOCK_OFFLOAD, Role.AUDITOR | Role.RECORDS):
        with (
            pytest.raises(SessionRefused),  # a host may hear of it only with its first request
            listened.connect(role=role, identity=WhateverItHolds(own)) as camera,
        ):
            camera.device.status()


@pytest.mark.rule("ROL-003")
@pytest.mark.rule("SES-024")
def test_the_bench_gets_in_where_the_device_says_so_and_nowhere_else(
    listened: Listened, bwc_bench: Bench
) -> None:
    """A device in service refuses the role, and keeps its flight back."""
    if not bwc_bench.identities.has(Role.BENCH):
        not_tested("this bench has no identity for the role bench")
    if bwc_bench.may_change:
        bwc_bench.connect_either(Role.BENCH)
        return
    if not bwc_bench.locked:
        not_tested("this device takes the role bench, and nobody said that tests may have it")
    with pytest.raises(SessionRefused):
        listened.connect(role=Role.BENCH, identity=bwc_bench.key_files, lab=bwc_bench.lab)
    listened.heard_a_client_hello_at_most()
