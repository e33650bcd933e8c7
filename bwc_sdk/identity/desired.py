"""Desired state as this host has it: signed by a technician, kept in a directory that docks deliver from
(spec: Desired state).

A directory has one file a camera, under the camera's name. A later one takes its place, with a higher counter.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bwc_protocol.certificates.facts import read_certificate
from bwc_protocol.documents.desired_state import (
    DESIRED_MAX,
    DesiredAssignment,
    DesiredSetting,
    DesiredState,
    check_author,
)
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument, require_validity
from bwc_protocol.evidence import EvidenceError
from bwc_sdk.camera_name import camera_name
from bwc_sdk.errors import DocumentError, InvalidValue
from bwc_sdk.identity.document_files import document_error, read_document

if TYPE_CHECKING:
    from bwc_sdk.identity.host_identity import HostIdentity

SUFFIX: Final = ".desired"
COUNTER_MAX: Final = 0xFFFF_FFFF
SIGN_AGAIN: Final = "have it signed again: 'bwc desired sign'"
_ADVICE: Final[dict[DocumentCheck, str]] = {
    DocumentCheck.FORM: f"is this the right file? Otherwise {SIGN_AGAIN}",
    DocumentCheck.KIND: "is this the right file? A desired state is what 'bwc desired sign' writes",
    DocumentCheck.ROLE: "sign by the identity of a technician",
    DocumentCheck.TIME: "renew the certificate of whoever signs, or set this host's clock right",
}


def desired_path(directory: Path, camera: str) -> Path:
    """Where a directory has the desired state of a camera."""
    return directory / f"{camera_name(camera)}{SUFFIX}"


def read_desired(directory: Path, camera: str) -> tuple[DesiredState, bytes] | None:
    """The desired state that a directory has for a camera, and its document; None if there is none.

    No signature is verified: whoever delivers it need not be able to. Raises `HostFileError`, `DocumentError`.
    """
    path = desired_path(directory, camera)
    if not path.exists():
        return None
    data = read_document(path, DESIRED_MAX)
    state = read_state(data)
    if state.camera != camera:
        raise DocumentError(
            f"{path} is for {state.camera!r}, not for {camera!r}",
            check=DocumentCheck.DEVICE,
            advice=f"somebody renamed it: {SIGN_AGAIN}",
        )
    return state, data


def read_state(data: bytes) -> DesiredState:
    """What a desired state says; no signature is verified. Raises `DocumentError`."""
    try:
        return DesiredState.decode(SignedDocument.decode(data).payload)
    except DocumentRefused as refused:
        raise document_error(refused, _ADVICE[refused.check], what="the desired state") from refused


def next_counter(directory: Path, camera: str) -> int:
    """One above the counter of the file that is there; 1 where there is none. Raises as `read_desired`."""
    there = read_desired(directory, camera)
    return there[0].counter + 1 if there else 1


def same_generation(directory: Path, camera: str) -> int:
    """The generation of the file that is there; 0, a camera that was never reset, where there is none. Raises as
    `read_desired`."""
    there = read_desired(directory, camera)
    return there[0].generation if there else 0


def require_generation(state: DesiredState, generation: int, *, device: str) -> None:
    """Raises `DocumentError` if it is for another generation than the one that its camera is in."""
    if state.generation != generation:
        raise DocumentError(
            f"it is for generation {state.generation} of the camera, which is in {generation}: each reset counts one",
            check=DocumentCheck.GENERATION,
            device=device,
            advice=f"have it signed for the camera as it is now: 'bwc desired sign --generation {generation}'",
        )


def sign_desired(
    identity: HostIdentity,
    *,
    camera: str,
    counter: int,
    utc_s: int,
    settings: Mapping[str, bool | int | str],
    generation: int = 0,
    assignment: tuple[str, str] | None = None,
    profile: str = "",
) -> bytes:
    """A desired state for a camera, signed by `identity`, which has to be a technician's.

    `generation` is how often the camera was reset (`trust.read` says it). `assignment` is officer and unit, an empty
    officer for nobody; None leaves it as it is. Raises `InvalidValue` for what no camera can take, `DocumentError`,
    `IdentityError`.
    """
    try:
        state = DesiredState(
            lab=identity.lab,
            camera=camera,
            counter=counter,
            generation=generation,
            signed_utc_s=utc_s,
            profile=profile,
            settings=tuple(
                DesiredSetting(key=key, value=settings[key])
                for key in sorted(settings, key=lambda key: key.encode("utf-8", "surrogatepass"))
            ),
            assignment=None
            if assignment is None
            else DesiredAssignment(officer=assignment[0], unit=assignment[1]),
        )
        payload = state.encode()
    except EvidenceError as error:
        raise InvalidValue(f"that is no desired state: {error}") from error
    try:
        check_author(identity.certificate)
        require_validity(tuple(map(read_certificate, identity.credentials.chain)), utc_s)
    except DocumentRefused as refused:
        raise document_error(refused, _ADVICE[refused.check], what="the desired state") from refused
    return SignedDocument(payload).signed_by(identity.credentials).encode()
