"""The lab's identities: one a role, made when it is first asked for, with nothing to be kept (spec: Lab agency)."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bwc_protocol.certificates.facts import read_certificate
from bwc_protocol.declare import Role
from bwc_sdk.errors import IdentityError
from bwc_sdk.identity.deny_lists import DenyLists
from bwc_sdk.identity.host_identity import HostIdentity

if TYPE_CHECKING:
    from bwc_protocol.lab.directory import Lab


@dataclass(slots=True)
class LabIdentities:
    """The identities of the lab in a directory; `name` is how this host calls itself there."""

    name: str
    directory: Path | None = None
    """None = `BWC_LAB`, or the user's own."""
    _made: dict[tuple[str, Role], HostIdentity] = field(default_factory=dict, repr=False)
    _lists: dict[str, DenyLists] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def source(self) -> str:
        return f"the lab in {self._lab().where}"

    def for_role(self, role: Role, utc_s: float) -> HostIdentity:
        """See `IdentitySet.for_role`. There is a lab as soon as somebody asks."""
        with self._lock:  # of a fleet that begins all cameras meet the same host
            lab = self._lab()
            made = self._made.get((lab.agency.id, role))
            if made is None:
                made = self._made[lab.agency.id, role] = self._make(lab, role)
            return made

    def _make(self, lab: Lab, role: Role) -> HostIdentity:
        from bwc_protocol.session.tls import KeyCredentials

        certified = lab.agency.host(self.name, role)
        return HostIdentity(
            credentials=KeyCredentials(certified.chain, certified.key),
            certificate=read_certificate(certified.chain[0]),
            anchors=lab.agency.anchors,
            source=self.source,
            deny_lists=self._lists_of(lab),
        )

    def _lists_of(self, lab: Lab) -> DenyLists:
        path = None if lab.path is None else lab.path.with_name("deny-list.cose")
        return self._lists.setdefault(lab.agency.id, DenyLists(path, lab.agency.anchors, lab.agency.id))

    def _lab(self) -> Lab:
        from bwc_protocol.lab.directory import LabUnusable, open_lab

        try:
            return open_lab(self.directory)
        except LabUnusable as error:
            raise IdentityError(str(error)) from error
