"""Hosts that a device must not take: of a CA that anybody could have made, and with more roles than they hold."""

from __future__ import annotations

import os
from dataclasses import dataclass

from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.certificates.issue import (
    Issuance,
    Issuer,
    make_host,
    make_issuing,
    make_root,
    new_key,
)
from bwc_protocol.declare import Role
from bwc_protocol.session.tls import KeyCredentials
from bwc_sdk.identity.host_identity import HostIdentity


def impostor(own: CertificateFacts, role: Role) -> tuple[HostIdentity, Issuer]:
    """A host that says of itself what `own` says, name, agency, lab and times, under roots that it made itself; and
    its root."""
    issuance = Issuance(
        not_before_s=own.not_before_s, not_after_s=own.not_after_s, entropy=os.urandom, lab=own.lab
    )
    root_key, issuing_key, key = new_key(), new_key(), new_key()
    root = Issuer(make_root(root_key, own.agency, f"{own.agency} root", issuance), root_key)
    issuing = Issuer(
        make_issuing(root, issuing_key.public_key(), f"{own.agency} issuing", issuance), issuing_key
    )
    leaf = make_host(issuing, key.public_key(), own.name, role, issuance)
    credentials = KeyCredentials((leaf, issuing.certificate), key)
    return HostIdentity.of(credentials, (root.certificate,), source="a CA of its own"), root


@dataclass(frozen=True, slots=True)
class WhateverItHolds:
    """One identity for every role that is asked for: the device itself has to look at what it holds."""

    identity: HostIdentity

    @property
    def source(self) -> str:
        return self.identity.source

    def for_role(self, role: Role, utc_s: float) -> HostIdentity:
        """See `IdentitySet.for_role`."""
        return self.identity
