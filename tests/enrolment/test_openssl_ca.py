"""An agency with a CA of its own: everything is issued by OpenSSL's command line, as docs/agency.md says it."""

import subprocess
from pathlib import Path

import pytest

from bwc_protocol.certificates.profile import KIND_OIDS, ROLE_OIDS
from bwc_protocol.declare import Role
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.clients.connecting import connect
from bwc_sdk.enrolment import (
    AgencyParts,
    ButtonWanted,
    Enrolled,
    EnrolmentEvent,
    EnrolmentFailed,
    FileAuthority,
    Renewed,
    RequestWritten,
    Vendor,
    enroll,
    renew,
)
from bwc_sdk.errors import IdentityError
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.identity.ca.agency_file import read_certificates
from bwc_sdk.identity.identity_directory import IdentityDirectory
from firmware_sim.camera.camera import SimCamera
from firmware_sim.virtual_time import run_virtual
from tests.enrolment.conftest import new_camera, reach

CA = "basicConstraints=critical,CA:TRUE,pathlen:{path}\nkeyUsage=critical,digitalSignature,keyCertSign\n"
LEAF = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage={purposes}\n"
IDS = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"


class OpenSsl:
    """A site's own CA: a directory of PEM files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        for name in ("root", "standby"):
            self.key(name)
            self._extensions(name, CA.format(path=1) + "subjectKeyIdentifier=hash\n")
            self._run(
                "req", "-x509", "-new", "-key", f"{name}.key", "-subj", f"/O=County/CN=County {name}",
                "-days", "5000", "-config", f"{name}.cnf", "-extensions", "ext", "-out", f"{name}.pem",
            )  # fmt: skip
        self.key("issuing")
        self.request("issuing")
        self.sign("issuing", "County issuing", CA.format(path=0), by="root")
        roots = [(directory / f"{name}.pem").read_text() for name in ("root", "standby")]
        (directory / "agency.pem").write_text("".join(roots))

    def _run(self, *argv: str) -> None:
        subprocess.run(["openssl", *argv], cwd=self.directory, check=True, capture_output=True)

    def _extensions(self, name: str, lines: str) -> None:
        head = "[req]\ndistinguished_name=dn\n[dn]\n[ext]\n"
        (self.directory / f"{name}.cnf").write_text(head + lines)

    def key(self, name: str) -> None:
        self._run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")

    def request(self, name: str) -> None:
        self._run("req", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-out", f"{name}.csr")

    def sign(
        self, name: str, subject: str, lines: str, *, by: str = "issuing", csr: Path | None = None
    ) -> str:
        self._extensions(name, lines + IDS)
        self._run(
            "x509", "-req", "-in", str(csr or f"{name}.csr"), "-CA", f"{by}.pem", "-CAkey", f"{by}.key",
            "-CAcreateserial", "-subj", f"/O=County/CN={subject}", "-days", "700", "-sha256",
            "-extfile", f"{name}.cnf", "-extensions", "ext", "-out", f"{name}.pem",
        )  # fmt: skip
        return (self.directory / f"{name}.pem").read_text()

    def technician(self, into: Path) -> IdentityDirectory:
        self.key("anna")
        self.request("anna")
        purposes = f"serverAuth,{ROLE_OIDS[Role.TECHNICIAN]}"
        leaf = self.sign("anna", "Anna", LEAF.format(purposes=purposes))
        into.mkdir(mode=0o700)
        file = into / "technician.pem"
        file.touch(mode=0o600)
        file.write_text(
            (self.directory / "anna.key").read_text() + leaf + (self.directory / "issuing.pem").read_text()
        )
        (into / "agency.pem").write_text((self.directory / "agency.pem").read_text())
        return IdentityDirectory(into)

    def answer(self, request: Path, serial: str, into: Path, *, purposes: str = "") -> None:
        """Certifies what a device asks for."""
        purposes = purposes or f"clientAuth,{KIND_OIDS[PeerKind.CAMERA]}"
        leaf = self.sign("device", serial, LEAF.format(purposes=purposes), csr=request)
        into.mkdir(exist_ok=True)
        (into / f"{request.stem}.pem").write_text(leaf + (self.directory / "issuing.pem").read_text())


async def _pressed(
    camera: SimCamera, files: FileAuthority, vendor: Vendor, technician: IdentityDirectory
) -> EnrolmentEvent:
    told = []
    world = World(workers=InlineWorkers())
    async for event in enroll(reach(camera), files, vendor=vendor, identity=technician, world=world):
        told.append(event)
        if isinstance(event, ButtonWanted):
            camera.press_enroll()
    return told[-1]


def test_openssl_is_all_that_an_agency_needs(factory: LabAgency, vendor: Vendor, tmp_path: Path) -> None:
    site = OpenSsl(tmp_path / "site")
    technician = site.technician(tmp_path / "anna")
    out, back = tmp_path / "out", tmp_path / "back"
    roots = read_certificates(tmp_path / "site" / "agency.pem")
    files = FileAuthority(AgencyParts(roots=roots), out, back)
    camera = new_camera(factory)
    world = World(workers=InlineWorkers())

    async def scenario() -> None:
        first = await _pressed(camera, files, vendor, technician)
        assert isinstance(first, RequestWritten)
        site.answer(first.path, camera.serial, back)
        done = await _pressed(camera, files, vendor, technician)
        assert isinstance(done, Enrolled), done
        async with connect(reach(camera)(), identity=technician, world=world) as ours:
            asked = await renew(ours, files, within_days=9_999)
            assert isinstance(asked, RequestWritten)
            site.answer(asked.path, camera.serial, back)
            assert isinstance(await renew(ours, files, within_days=9_999), Renewed)

    run_virtual(scenario())


@pytest.mark.parametrize("purposes", ["clientAuth", "serverAuth", "clientAuth,1.2.3.4"])
def test_what_openssl_issues_beside_the_profile_is_told_and_not_installed(
    factory: LabAgency, vendor: Vendor, tmp_path: Path, purposes: str
) -> None:
    site = OpenSsl(tmp_path / "site")
    technician = site.technician(tmp_path / "anna")
    out, back = tmp_path / "out", tmp_path / "back"
    files = FileAuthority(AgencyParts(roots=read_certificates(tmp_path / "site" / "agency.pem")), out, back)
    camera = new_camera(factory)

    async def scenario() -> None:
        first = await _pressed(camera, files, vendor, technician)
        assert isinstance(first, RequestWritten)
        site.answer(first.path, camera.serial, back, purposes=purposes)
        failed = await _pressed(camera, files, vendor, technician)
        assert isinstance(failed, EnrolmentFailed) and isinstance(failed.error, IdentityError)
        assert "profile" in failed.error.advice
        assert camera.trust is not None and not camera.trust.enrolled

    run_virtual(scenario())
