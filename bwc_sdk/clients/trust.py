"""Whom a device belongs to: its single steps, and what goes by streams (spec: Trust)."""

from __future__ import annotations

import hashlib

from bwc_protocol.declare import sends
from bwc_protocol.documents.deny_list import DENY_LIST_MAX
from bwc_protocol.messages import trust
from bwc_protocol.messages.trust import (
    CarryOut,
    ChallengeRecipient,
    Enroll,
    InstallDenyList,
    OpeningProof,
    ProveOpening,
    ReadDenyList,
    Renew,
    Seize,
    TakeDesiredState,
)
from bwc_sdk.connection.connection import Connection
from bwc_sdk.evidence.decrypt import RecipientKey


class Trust(trust.Trust):
    """Whom the device belongs to, its certificate, and the signed documents that it takes."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._connection = connection

    @sends(Enroll)
    async def enroll(self, installation: bytes) -> None:
        """Makes the device one of an agency (spec: Enrolment). Then the session ends: connect again."""
        await self._connection.upload(
            Enroll(length=len(installation), sha256=sha256(installation)), installation
        )

    @sends(Renew)
    async def renew(self, renewal: bytes) -> None:
        """Gives the device a new certificate of its agency (spec: Renewal); this session stays as it is."""
        await self._connection.upload(Renew(length=len(renewal), sha256=sha256(renewal)), renewal)

    @sends(InstallDenyList)
    async def install_deny_list(self, document: bytes) -> None:
        """Gives the device a newer deny list, as its agency's root signed it (spec: Signed documents)."""
        await self._connection.upload(
            InstallDenyList(length=len(document), sha256=sha256(document)), document
        )

    @sends(ReadDenyList)
    async def deny_list(self) -> bytes:
        """The device's deny list, as it was signed. Raises `CommandError` (NOT_FOUND) where it has none."""
        return await self._connection.read_stream(ReadDenyList(), max_bytes=DENY_LIST_MAX)

    @sends(CarryOut)
    async def order(self, document: bytes, *, nonce: bytes) -> None:
        """Has the device carry out an order that two people signed for this `nonce` (spec: Signed documents)."""
        await self._connection.upload(
            CarryOut(nonce=nonce, length=len(document), sha256=sha256(document)), document
        )

    @sends(TakeDesiredState)
    async def take_desired_state(self, document: bytes) -> None:
        """Gives a camera the configuration and assignment that a technician signed (spec: Signed documents)."""
        await self._connection.upload(
            TakeDesiredState(length=len(document), sha256=sha256(document)), document
        )

    @sends(Seize)
    async def seize(self, document: bytes) -> None:
        """Seizes a camera by what the records section signed (spec: Seizures): from then on nobody changes it."""
        await self._connection.upload(Seize(length=len(document), sha256=sha256(document)), document)

    @sends(ChallengeRecipient, ProveOpening)
    async def prove_opening(self, recipient: RecipientKey, camera: str) -> OpeningProof:
        """Proves to a camera that footage which it encrypts for this recipient can be opened (spec: Encryption).

        `camera` is its identity. Raises `EvidenceMismatch` if what it sends is no challenge of that camera to this
        key, `CommandError` (NOT_FOUND) if it encrypts nothing for it.
        """
        from bwc_protocol.evidence import EvidenceError, sealing
        from bwc_sdk.errors import EvidenceMismatch

        named = sealing.recipient_id(recipient.key.public_key())
        given = await self.challenge(recipient=named)
        try:
            opened = sealing.answer(given.sealed, recipient.key, camera)
        except EvidenceError as error:
            raise EvidenceMismatch(f"the challenge does not open: {error.detail}", device=camera) from error
        return await self.prove(recipient=named, opened=opened)


def sha256(data: bytes) -> bytes:
    """By which an upload is announced."""
    return hashlib.sha256(data).digest()
