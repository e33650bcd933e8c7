"""By whom the bench connects: one identity a role, all there before the first test, and told when one ends soon."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.declare import Role
from bwc_protocol.word import label
from bwc_sdk.connection.validity import RENEW_DEVICE, RENEW_HOST, day, days_left
from bwc_sdk.errors import IdentityMissing
from bwc_sdk.evidence.decrypt import RecipientKey
from bwc_sdk.evidence.recipient_keys import keys_at_hand
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.identity.identity_directory import IdentityDirectory
from bwc_sdk.identity.lab_identities import LabIdentities
from bwc_sdk.identity.lookup import find_identity, identity_for
from hil_tests.device.ending import EndsSoon

SOON_DAYS: Final = 14
"""Below this a certificate is warned of: a bench runs every night, and whoever renews has two weeks of reports."""
ON_ANY_DEVICE: Final = (Role.AUDITOR,)
"""What read-only tests connect as."""
ON_ONE_TO_CHANGE: Final = (Role.AUDITOR, Role.BENCH, Role.TECHNICIAN, Role.DOCK_OFFLOAD)
"""What the tests connect as that change a device. The other roles are tried where they are there."""


class BenchIdentities:
    """The key files in `directory`, or without one the lab; with `insecure` none at all."""

    def __init__(self, directory: Path | None, *, insecure: bool) -> None:
        self._known = find_identity(
            directory, lab=directory is None and not insecure, allow_insecure=insecure
        )
        self._told: list[str] = []

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was warned of until now."""
        return tuple(self._told)

    def of(self, role: Role) -> HostIdentity | None:
        """The identity that holds a role; warns if it ends soon. None without protection. Raises `IdentityError`."""
        if self._known is None:
            return None
        found = identity_for(self._known, role, time.time())
        self._look(found.certificate, f"this bench's identity {found.name!r} ({found.source})", RENEW_HOST)
        return found

    def has(self, role: Role) -> bool:
        """Whether the bench can connect as this role."""
        return role in self.roles()

    @property
    def by_lab(self) -> bool:
        """Whether it connects by the lab of this host, of whose CA it has the keys."""
        return self._known is not None and not isinstance(self._known, IdentityDirectory)

    def roles(self) -> Role:
        """The roles for which there is something; of the lab all. Raises `IdentityMissing` without a directory."""
        if not isinstance(self._known, IdentityDirectory):
            return ~Role(0)
        found = Role(0)
        for role in self._known.roles():
            found |= role
        return found

    def recipients(self) -> tuple[RecipientKey, ...]:
        """Keys by which the bench opens what devices encrypt: of the lab its one, of a directory those that it has."""
        if isinstance(self._known, IdentityDirectory):
            return keys_at_hand(identity=self._known.path) if self.has(Role.EVIDENCE_RECIPIENT) else ()
        return () if self._known is None else keys_at_hand(lab=True)

    def two_people(self) -> tuple[HostIdentity, HostIdentity] | None:
        """A technician and one of the records section, under two names: who signs what one person must not order."""
        if self._known is None or not self.has(Role.RECORDS):
            return None
        first, second = self.of(Role.TECHNICIAN), self.of(Role.RECORDS)
        assert first is not None and second is not None
        if first.lab and first.name == second.name:
            second = LabIdentities(f"{first.name[:40]}, a second").for_role(Role.RECORDS, time.time())
        return None if first.name == second.name else (first, second)

    def need(self, roles: Iterable[Role]) -> None:
        """Raises `IdentityMissing` unless there is one for each of the roles, and names all that are not."""
        missing = [label(role) for role in roles if not self.has(role)]
        if missing:
            assert isinstance(self._known, IdentityDirectory)
            where, several = self._known.path, "s" if len(missing) > 1 else ""
            raise IdentityMissing(
                f"{where} has no key file for the role{several} {', '.join(missing)}, which the tests connect as",
                advice=f"have one issued for each: 'bwc ca issue CA {missing[0]} --name NAME --out {where}'",
            )
        for role in roles:
            self.of(role)

    def look_at_device(self, certificate: CertificateFacts | None) -> None:
        """Warns if the certificate of the device ends soon."""
        if certificate is not None:
            self._look(certificate, f"the certificate of {certificate.name}", RENEW_DEVICE)

    def _look(self, certificate: CertificateFacts, whose: str, advice: str) -> None:
        left = days_left(certificate, time.time())
        if left is None or left >= SOON_DAYS:
            return
        ends = f"ends in {left} days, on" if left > 0 else "ends today," if left == 0 else "ended on"
        told = f"{whose} {ends} {day(certificate.not_after_s)}; {advice}"
        if told not in self._told:
            self._told.append(told)
            warnings.warn(told, EndsSoon, stacklevel=2)
