"""The CA of an agency at work: its directory, its keys, and what it issues with them.

Every call blocks, some for half a second (a passphrase is slow to try on purpose). What is issued is in the register,
and on the medium, before it is given out; so a process that is killed anywhere leaves at most an entry for a
certificate that nobody has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bwc_protocol.certificates.facts import CertificateFacts, MalformedCertificate, read_certificate
from bwc_protocol.declare import Role
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.errors import AgencyError, IdentityError
from bwc_sdk.identity.ca.commit_lock import commit_lock
from bwc_sdk.identity.ca.layout import issuing_file
from bwc_sdk.identity.ca.lifetimes import (
    BACKDATED_S,
    DAY_S,
    DAYS_MAX,
    DEVICE_DAYS,
    HOST_DAYS,
    RECIPIENT_DAYS,
    staggered,
)
from bwc_sdk.identity.ca.register import Issued, Register
from bwc_sdk.identity.durable_files import telling_files
from bwc_sdk.identity.key_file import unsealed
from bwc_sdk.identity.private_files import check_directory, read_secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from bwc_protocol.certificates.issue import Issuer

ROTATE: Final = "make a new issuing CA from the root: 'bwc ca rotate DIR'"

BY_ISSUER: Final = "its issuing CA"

Passphrase = Callable[[Path], bytes]
"""Gives the passphrase of a key file. Raises `IdentityError` where there is none to be had."""
Clock = Callable[[int | None], int]
"""Gives the time to write down in certificates, by when the register's last entry was made; in seconds since 1970.
Raises `ClockImplausible`. See `clock_check`."""


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate and what stands above it, all DER."""

    leaf: bytes = field(repr=False)
    issuing: bytes = field(repr=False)
    roots: tuple[bytes, ...] = field(repr=False)
    """Root and standby root."""
    facts: CertificateFacts

    @property
    def chain(self) -> tuple[bytes, ...]:
        """What its holder shows."""
        return self.leaf, self.issuing


@dataclass(slots=True)
class Ca:
    """The CA in a directory."""

    directory: Path
    passphrase: Passphrase
    clock: Clock
    entropy: Callable[[int], bytes]
    _issuer: Issuer | None = field(default=None, init=False, repr=False)
    _register: Register | None = field(default=None, init=False, repr=False)

    def register(self) -> Register:
        """The register as it is now, without waiting for anybody. Raises `AgencyError`."""
        if self._register is None:
            self._register = Register.read(self.directory)
        else:
            self._register.catch_up()
        return self._register

    @contextmanager
    def changing(self) -> Iterator[tuple[Register, int]]:
        """The register to be appended to, and the time to write down: for one process at a time.

        Raises `AgencyError`, `AgencyBusy`, `ClockImplausible`, `HostFileError`, and `KeyFileLoose` for a directory that
        others may change.
        """
        self.register()  # before a lock is made in what may be no CA at all
        check_directory(self.directory)
        with telling_files(self.directory), commit_lock(self.directory):
            register = self.register()
            yield register, self.clock(register.last_s)

    def unlock(self) -> None:
        """Opens the key of the issuing CA and looks at the clock: what is in the way is told now, and a passphrase
        asked for, not when somebody stands at a button. Raises as `issue_device`."""
        register = self.register()
        self.clock(register.last_s)
        self._issuer_of(register)

    # Issuing

    def issue_host(
        self, name: str, role: Role, key: ec.EllipticCurvePublicKey, *, days: int | None = None
    ) -> IssuedCertificate:
        """Issues a certificate for a host under one role, good for `days` (a year; ten for an evidence recipient).

        Raises `AgencyError`, `AgencyBusy`, `ClockImplausible`, and `IdentityError` for a key file that does not open.
        """
        from bwc_protocol.certificates.issue import Issuance, make_host

        default = RECIPIENT_DAYS if role == Role.EVIDENCE_RECIPIENT else HOST_DAYS
        lasts_s = _days(default if days is None else days) * DAY_S

        def make(issuer: Issuer, issuance: Issuance) -> bytes:
            return make_host(issuer, key, name, role, issuance)

        return self._issue(make, lasts_s)

    def issue_device(
        self, serial: str, kind: PeerKind, key: ec.EllipticCurvePublicKey, *, days: int | None = None
    ) -> IssuedCertificate:
        """Issues a certificate for a camera or a station, good for `days` less a part that chance decides.

        Raises as `issue_host`, also for a device that is denied.
        """
        from bwc_protocol.certificates.issue import Issuance, make_device

        lasts_s = staggered(_days(DEVICE_DAYS if days is None else days), self.entropy)

        def make(issuer: Issuer, issuance: Issuance) -> bytes:
            return make_device(issuer, key, serial, kind, issuance)

        return self._issue(make, lasts_s)

    def _issue(self, make: Callable[..., bytes], lasts_s: int) -> IssuedCertificate:
        from bwc_protocol.certificates.issue import Issuance

        self._issuer_of(self.register())  # whoever types a passphrase keeps nobody waiting at the lock
        with self.changing() as (register, now_s):
            issuer = self._issuer_of(register)
            ends_s = register.issuing.not_after_s
            if now_s >= ends_s:
                raise AgencyError("the issuing CA has ended: nothing was issued", advice=ROTATE)
            issuance = Issuance(
                not_before_s=now_s - BACKDATED_S,
                not_after_s=min(now_s + lasts_s, ends_s),
                entropy=self.entropy,
            )
            try:
                leaf = make(issuer, issuance)
                facts = read_certificate(leaf)
            except (ValueError, MalformedCertificate) as error:
                raise AgencyError(f"this cannot be certified: {error}") from error
            denied = Denials(register).of(facts)
            if denied is not None:
                raise AgencyError(
                    f"{facts.name!r} is denied ({denied}): nothing was issued",
                    advice="a device that was found again gets another name, or is decommissioned; who is denied by "
                    "name stays so",
                )
            register.append(now_s, Issued(certificate=leaf))
            begun = register.begun
            return IssuedCertificate(leaf, issuer.certificate, (begun.root, begun.standby), facts)

    def _issuer_of(self, register: Register) -> Issuer:
        """The key of today's issuing CA: another process may have made a new one."""
        from bwc_protocol.certificates.issue import Issuer

        issuing = register.issuing
        if self._issuer is None or self._issuer.certificate != issuing.der:
            path = self.directory / issuing_file(issuing.key_id)
            held = opened(path, self.passphrase)
            if held.certificate != issuing.der:
                raise AgencyError(f"{path} is not the issuing CA that the register names", advice=ROTATE)
            self._issuer = Issuer(issuing.der, held.key)
        return self._issuer

    def recipients(self) -> tuple[bytes, ...]:
        """Certificates of the evidence recipients (DER), the newest of each name, without those that are denied."""
        register = self.register()
        found: dict[str, CertificateFacts] = {}
        for facts in register.issued():
            if facts.roles == Role.EVIDENCE_RECIPIENT:
                found[facts.name] = facts
        denials = Denials(register)
        return tuple(facts.der for facts in found.values() if denials.of(facts) is None)

    def recipients_to_install(self) -> tuple[bytes, ...]:
        """The same, all by the issuing CA of today, as a device wants them: whoever has a certificate of an earlier one
        is certified anew, for the same key."""
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec

        today = self.register().issuing.key_id
        found = []
        for der in self.recipients():
            facts = read_certificate(der)
            if facts.issuer_key_id != today:
                key = x509.load_der_x509_certificate(der).public_key()
                assert isinstance(key, ec.EllipticCurvePublicKey)
                der = self.issue_host(facts.name, facts.roles, key).leaf
            found.append(der)
        return tuple(found)


def opened(path: Path, passphrase: Passphrase) -> Issuer:
    """The key of a CA with its certificate. Raises `IdentityError`, `HostFileError`."""
    from bwc_protocol.certificates.issue import Issuer

    data = read_secret(path)
    held = unsealed(data, passphrase(path), name=str(path))
    return Issuer(held.chain[0], held.key)


class Denials:
    """Whom a register denies, for many questions."""

    def __init__(self, register: Register) -> None:
        denied = register.denied()
        self._keys = {one.key_sha256 for one in denied if one.key_sha256}
        self._issuers = {one.issuer_key_id for one in denied if one.issuer_key_id}
        self._names = {
            (one.name, one.of_kind) for one in denied if not one.key_sha256 and not one.issuer_key_id
        }

    def of(self, facts: CertificateFacts) -> str | None:
        """By what a certificate is denied; None when it is not."""
        if facts.key_sha256 in self._keys:
            return "its key"
        if facts.issuer_key_id in self._issuers:
            return BY_ISSUER
        named = {(facts.name, ""), (facts.name, _kind(facts))}
        return "its name" if named & self._names else None


def _kind(facts: CertificateFacts) -> str:
    return facts.kind.name.lower() if facts.kind is not None else ""


def _days(days: int) -> int:
    if not 1 <= days <= DAYS_MAX:
        raise IdentityError(f"a certificate lasts 1 to {DAYS_MAX} days, not {days}")
    return days
