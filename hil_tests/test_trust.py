"""Whom a device belongs to, and until when: what it says is what its session proved (spec: Trust, Certificates)."""

import hashlib
import time

import pytest

from bwc_protocol.certificates.profile import FOREVER_S
from bwc_protocol.documents.deny_list import DenyList, verify_deny_list
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.evidence.sign1 import KeySigner
from bwc_sdk import ErrorCode, Role
from bwc_sdk.errors import CertificateExpired
from bwc_sdk.host.world import World
from bwc_sdk.sync import SyncCamera, connect
from hil_tests.device.bench import Bench
from hil_tests.testkit.refusals import refused
from hil_tests.testkit.strangers import impostor
from hil_tests.verdicts import not_applicable

BEYOND_S = 86_400
"""How far beyond a certificate's time the clock of a host is."""


@pytest.mark.bwc_stack
@pytest.mark.bwc_read_only
def test_the_device_says_of_its_trust_what_its_certificate_says(camera: SyncCamera, bwc_bench: Bench) -> None:
    state, shown = camera.trust.read(), camera.peer.certificate
    own = bwc_bench.identities.of(Role.AUDITOR)
    assert state.deny_counter == camera.peer.deny_counter
    assert state.window_s == 0, "one that is in an agency has no button to be enrolled by"
    if own is None:
        assert shown is None and not camera.peer.secure
        return
    assert shown is not None and camera.peer.secure
    assert state.enrolled
    assert shown.name == camera.identity
    assert (state.agency, state.lab) == (shown.agency, shown.lab) == (own.agency, own.lab)
    assert (state.not_before_s, state.not_after_s) == (shown.not_before_s, shown.not_after_s)
    assert state.issuer_key_id == shown.issuer_key_id
    roots = {hashlib.sha256(root).digest() for root in own.anchors}
    assert {root.sha256 for root in state.roots} & roots, "none of its roots is one that this bench holds"


@pytest.mark.bwc_read_only
def test_a_device_beyond_its_time_gives_up_its_footage_and_nothing_is_changed_on_it(
    bwc_guarded: Bench,
) -> None:
    """By the clock of a host that is a day beyond; a device judges nobody by a clock, and so lets it in."""
    shown = bwc_guarded.peer.certificate
    if shown is None:
        not_applicable("an insecure session has no certificates, and nothing that ends")
    ends = shown.not_after_s < FOREVER_S
    now_s = shown.not_after_s + BEYOND_S if ends else shown.not_before_s - BEYOND_S
    began_ns = time.monotonic_ns()

    def utc_ns() -> int:
        return now_s * 1_000_000_000 + time.monotonic_ns() - began_ns

    with bwc_guarded.when_free(
        lambda: connect(
            bwc_guarded.uri,
            role=Role.AUDITOR,
            identity=bwc_guarded.key_files,
            lab=bwc_guarded.lab,
            world=World(utc_ns=utc_ns),
        )
    ) as camera:
        listing = camera.recordings.list()
        for entry in listing[:1]:
            camera.recordings.read_manifest(entry)
        assert camera.trust.read().not_after_s == shown.not_after_s
        with pytest.raises(CertificateExpired) as caught:
            camera.config.state()
        assert caught.value.command == "config.state"
        assert any(shown.name in notice for notice in camera.notices), "it is told at the connect"
        camera.audit.head()


@pytest.mark.rule("DOC-002")
@pytest.mark.bwc_read_only
def test_the_deny_list_is_the_agency_s_and_the_one_that_is_named(
    camera: SyncCamera, bwc_bench: Bench
) -> None:
    counter = camera.peer.deny_counter
    if not counter:
        with refused(ErrorCode.NOT_FOUND):
            camera.trust.deny_list()
        return
    own = bwc_bench.identities.of(Role.AUDITOR)
    assert own is not None, "without an agency there is nobody who denies"
    assert verify_deny_list(camera.trust.deny_list(), own.anchors, lab=own.lab).counter == counter


@pytest.mark.rule("DOC-009")
def test_a_deny_list_of_somebody_else_is_not_taken(camera: SyncCamera, bwc_bench: Bench) -> None:
    """It says that it is the agency's and newer, and denies nobody."""
    own = bwc_bench.identities.of(Role.BENCH)
    if own is None:
        with refused(ErrorCode.WRONG_STATE):
            camera.trust.install_deny_list(b"one that is in no agency takes none")
        return
    before = camera.trust.read().deny_counter
    _, root = impostor(own.certificate, Role.AUDITOR)
    listed = DenyList(
        lab=own.lab, agency=own.agency, counter=before + 1, signed_utc_s=own.certificate.not_before_s
    )
    forged = SignedDocument(listed.encode()).signed_by(KeySigner((root.certificate,), root.key)).encode()
    with refused(ErrorCode.UNTRUSTED):
        camera.trust.install_deny_list(forged)
    with refused(ErrorCode.MALFORMED):
        camera.trust.install_deny_list(forged[:-1])
    assert camera.trust.read().deny_counter == before
