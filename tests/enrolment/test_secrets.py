"""No private key and no passphrase is ever shown: in a log, an error, a capture, an event or a `repr`."""

import base64
import logging
import traceback
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key, pkcs12

from bwc_protocol.declare import Role
from bwc_protocol.evidence.sign1 import KeySigner
from bwc_protocol.lab.agency import LabAgency
from bwc_sdk.clients.connecting import connect
from bwc_sdk.enrolment import Enrolled, Renewed, Vendor, renew
from bwc_sdk.errors import BwcError, PassphraseWrong
from bwc_sdk.identity import key_file
from bwc_sdk.identity.identity_directory import IdentityDirectory
from bwc_sdk.identity.role_file import read_role_file
from bwc_sdk.offload import offload
from firmware_sim.camera.camera import SimCamera
from firmware_sim.virtual_time import run_virtual
from tests.enrolment.conftest import PASSPHRASE, Agency, enrolled, new_camera, reach, record

WRONG = b"a wrong but secret phrase"


def scalars(camera: SimCamera, agency: Agency, factory: LabAgency) -> list[bytes]:
    """The private keys of everybody in the room, 32 bytes each."""
    assert camera.trust is not None
    kept = camera.trust.kept
    keys: list[Any] = [load_der_private_key(one, None) for one in (kept.factory_key, kept.key) if one]
    for path in (*agency.directory.rglob("*.p12"), *agency.directory.parent.glob("*-host/*.p12")):
        found = pkcs12.load_pkcs12(
            path.read_bytes(), PASSPHRASE if agency.directory in path.parents else None
        )
        keys.append(found.key)
    keys += [one.key for one in (factory.root, factory.issuing, factory.factory_root, factory.factory)]
    assert len(keys) >= 9
    return [one.private_numbers().private_value.to_bytes(32) for one in keys]


def forms(secret: bytes) -> list[bytes]:
    """What it would look like, however it was written."""
    found = [secret, secret.hex().encode(), repr(secret)[2:-1].encode()]
    for cut in range(3):  # base64 of something longer in which it stands
        found.append(base64.b64encode(secret[cut:])[:20])
    return found


def shown(error: BaseException) -> str:
    """All that an error says, to whomever."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


def test_nothing_that_is_told_holds_a_key_or_a_passphrase(
    agency: Agency,
    factory: LabAgency,
    vendor: Vendor,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    camera, told = new_camera(factory), list[str]()
    captured = tmp_path / "session.bwccap"
    (tmp_path / "evidence").mkdir()

    async def scenario() -> None:
        events = await enrolled(camera, agency, vendor)
        assert isinstance(events[-1], Enrolled)
        record(camera)
        technician, dock = (
            connect(reach(camera)(), role=role, identity=agency.people(), world=agency.world, capture=file)
            for role, file in ((Role.TECHNICIAN, captured), (Role.DOCK_OFFLOAD, None))
        )
        async with technician as ours:
            told.append(repr((ours, ours.peer, ours.connection.identity)))
            told.append(repr(await renew(ours, agency.authority, within_days=9_999)))
        async with dock:
            pass
        job = offload(
            lambda: connect(
                reach(camera)(), role=Role.DOCK_OFFLOAD, identity=agency.people(), world=agency.world
            ),
            tmp_path / "evidence",
            world=agency.world,
        )
        told.append(repr(await job.run()))
        told.extend(map(repr, events))

    run_virtual(scenario())
    sealed = agency.directory.parent / "sealed.p12"
    held = read_role_file(agency.people().path / "technician.p12", lambda prompt: "")
    sealed.write_bytes(key_file.sealed(held.key, (held.leaf.der, held.issuing.der), PASSPHRASE))
    sealed.chmod(0o600)
    for passphrase in (WRONG, PASSPHRASE):
        try:
            told.append(repr(key_file.unsealed(sealed.read_bytes(), passphrase, name="sealed.p12")))
        except PassphraseWrong as error:
            told.append(shown(error))
    with pytest.raises(BwcError) as caught:
        read_role_file(sealed, lambda prompt: WRONG.decode())
    told.append(shown(caught.value))
    assert camera.trust is not None
    directory = IdentityDirectory(agency.people().path, lambda prompt: PASSPHRASE.decode())
    told += map(
        repr,
        (
            camera.trust.kept,
            camera.trust._showing(),
            agency.ca,
            agency.authority,
            factory,
            factory.root,
            held,
            directory.for_role(Role.TECHNICIAN, agency.now_s),
            directory,
            KeySigner((b"",), held.key),
            camera.audit.read(0, 64),
        ),
    )
    out = capfd.readouterr()
    everything = "\n".join((caplog.text, *told, out.out, out.err)).encode() + captured.read_bytes()
    assert Renewed.__name__.encode() in everything and len(everything) > 5_000
    for secret in (*scalars(camera, agency, factory), PASSPHRASE, WRONG):
        for form in forms(secret):
            assert form not in everything


def test_an_identity_in_a_log_is_a_line(agency: Agency) -> None:
    identity = agency.people().for_role(Role.TECHNICIAN, agency.now_s)
    assert repr(identity) == (
        f"<identity 'host technician' ({Role.TECHNICIAN}; Sheriff of X) from {agency.people().path}/technician.p12>"
    )
    assert "bytes" not in repr(agency.people()) and len(repr(agency.people())) < 300
    assert len(repr(identity.credentials)) < 100
