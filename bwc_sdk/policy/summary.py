"""What leaves an agency: how its policy stands to the department's, and counts. No footage, no names, no camera, no
sentence that anybody wrote but the names of its sites; signed by its auditor.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field, StrictBool, StrictInt, ValidationError

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.certificates.profile import LAB_MAX
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused, require
from bwc_protocol.documents.signed_document import DOCUMENT_VERSION, UTC_S, Document
from bwc_protocol.evidence.record import Int, Literal, Octets, Text, keyed
from bwc_sdk.errors import PolicyError
from bwc_sdk.identity.document_files import read_document
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.policy import auditor_signed
from bwc_sdk.policy.check import Checked, Kind
from bwc_sdk.policy.comparison import QUERY_VERSION as DIFF_VERSION
from bwc_sdk.policy.comparison import Difference, Verdict
from bwc_sdk.policy.comparison import document as diff_document
from bwc_sdk.policy.demands import Part
from bwc_sdk.policy.figures import SITES_MAX, Count, Figures, Site, Training
from bwc_sdk.policy.order import Answer
from bwc_sdk.policy.pack import ID_MAX, PackId, Sha256, canonical_json

SUMMARY_VERSION: Final = 1
"""Raised when an older reader would misread."""
BODY_MAX: Final = 196_608
"""Bytes of what a summary says: a thousand sites in several phases, and all rules."""
SUMMARY_MAX: Final = 204_800
"""Bytes of a document: the body, what stands around it, and one signature with two certificates."""
CHECK_MAX: Final = 33_554_432
"""Bytes of a check's JSON that is counted: a fleet of ten thousand cameras with a finding each has some MiB."""
_CONFIGURATION: Final = frozenset({Kind.SETTING, Kind.SETTING_ABSENT, Kind.DRIFT, Kind.NOT_THIS_POLICY})


class Named(Part):
    """A pack by its id and its hash."""

    id: PackId
    sha256: Sha256


class RuleAnswer(Part):
    """One rule of the comparison."""

    rule: Annotated[str, Field(max_length=64)]
    answer: Answer
    blocks: StrictBool
    waived_until: datetime.date | None = None


class Recordings(Part):
    """What a check of recordings came to, in numbers."""

    recordings: Count
    cameras: Count
    late: Count
    tally: Annotated[dict[Annotated[str, Field(max_length=64)], Count], Field(max_length=64)]


class Configured(Part):
    """How many cameras were looked at, and how many are not as the policy asks."""

    cameras: Count
    drifted: Count


class Summary(Part):
    """The whole of it."""

    summary: Annotated[StrictInt, Field(ge=SUMMARY_VERSION, le=SUMMARY_VERSION)] = SUMMARY_VERSION
    diff_version: StrictInt = DIFF_VERSION
    agency: Named
    department: Named
    on: datetime.date
    due: datetime.date | None
    verdict: Verdict
    inputs_sha256: Sha256
    rules: Annotated[tuple[RuleAnswer, ...], Field(max_length=256)]
    troubles: Annotated[dict[Annotated[str, Field(max_length=64)], Count], Field(max_length=16)]
    recordings: Recordings | None = None
    configured: Configured | None = None
    sites: Annotated[tuple[Site, ...], Field(max_length=SITES_MAX)] = ()
    training: Training | None = None

    @property
    def meets(self) -> bool:
        """Whether its policy meets or exceeds the department's."""
        return self.verdict is not Verdict.FALLS_SHORT


def summarise(
    found: Difference,
    *,
    checked: Checked | None = None,
    configured: Configured | None = None,
    figures: Figures | None = None,
) -> Summary:
    """What is said of an agency."""
    ours, theirs = found.ours.pack, found.theirs.pack
    return Summary(
        agency=Named(id=ours.id, sha256=ours.sha256),
        department=Named(id=theirs.id, sha256=theirs.sha256),
        on=found.on,
        due=found.due,
        verdict=found.verdict,
        inputs_sha256=_inputs(found, checked, configured, figures),
        rules=tuple(
            RuleAnswer(
                rule=row.rule,
                answer=row.answer,
                blocks=row.blocks,
                waived_until=None if row.waived is None else row.waived.until,
            )
            for row in found.rows
        ),
        troubles=dict(sorted(Counter(str(one.trouble) for one in found.remarks).items())),
        recordings=None
        if checked is None
        else Recordings(
            recordings=checked.recordings,
            cameras=len(checked.cameras),
            late=checked.late,
            tally=checked.tally,
        ),
        configured=configured,
        sites=() if figures is None else figures.sites,
        training=None if figures is None else figures.training,
    )


def _inputs(
    found: Difference, checked: Checked | None, configured: Configured | None, figures: Figures | None
) -> str:
    made_of = [
        diff_document(found)["inputs_sha256"],
        None if checked is None else checked.inputs_sha256,
        None if configured is None else configured.model_dump(mode="json"),
        None if figures is None else figures.model_dump(mode="json"),
    ]
    return hashlib.sha256(canonical_json(made_of)).hexdigest()


def configured_by(paths: Iterable[Path], policy_sha256: str) -> Configured:
    """What checks of cameras came to that were kept as JSON ('bwc policy check --json'); each camera once.

    Raises `HostFileError`, `DocumentError`, and `PolicyError` for what is no such check, or of another policy.
    """
    cameras: set[str] = set()
    drifted: set[str] = set()
    for path in paths:
        said = _check_of(path, policy_sha256)
        there = {said["device"]["identity"]} if isinstance(said.get("device"), dict) else set()
        cameras |= there
        drifted |= {
            one["camera"] for one in said["findings"] if one["kind"] in _CONFIGURATION and one["counts"]
        } & there
    return Configured(cameras=len(cameras), drifted=len(drifted))


def _check_of(path: Path, policy_sha256: str) -> dict[str, Any]:
    data = read_document(path, CHECK_MAX)
    try:
        said: dict[str, Any] = json.loads(data)
        named = said["query"]["name"], said["sha256"]
        said["findings"] = [
            {"camera": str(one["camera"]), "kind": str(one["kind"]), "counts": bool(one["counts"])}
            for one in said["findings"]
        ]
        if isinstance(said.get("device"), dict):
            said["device"] = {"identity": str(said["device"]["identity"])}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PolicyError((f"{path.name}: no check of cameras",), advice=_CHECK) from error
    if named[0] != "policy-check" or not isinstance(said.get("device"), dict):
        raise PolicyError((f"{path.name}: no check of a camera",), advice=_CHECK)
    if named[1] != policy_sha256:
        raise PolicyError(
            (f"{path.name}: a check against another policy, or another version of it",), advice=_CHECK
        )
    return said


_CHECK: Final = "give what 'bwc policy check PACK --device URI --json' printed, with this pack"


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryDocument(Document):
    """A summary as it is signed: its body is JSON, so that anybody can read it."""

    label: ClassVar[str] = "policy-summary"
    size_max: ClassVar[int] = SUMMARY_MAX
    signatures: ClassVar[int] = 1

    document: str = field(
        default="bwc-policy-summary", metadata=keyed(0, Literal("bwc-policy-summary"), "what this is")
    )
    version: int = field(
        default=DOCUMENT_VERSION,
        metadata=keyed(1, Int(DOCUMENT_VERSION, DOCUMENT_VERSION), "version of this form"),
    )
    lab: str = field(
        default="", metadata=keyed(2, Text(LAB_MAX), "id of the lab that it is of; of an agency empty")
    )
    agency: str = field(metadata=keyed(3, Text(ID_MAX, min=1), "policy that it is about"))
    body: bytes = field(metadata=keyed(4, Octets(BODY_MAX, min=2), "what it says, as JSON"))
    signed_utc_s: int = field(metadata=keyed(5, UTC_S, "when it was signed", unit="s"))


@dataclass(frozen=True, slots=True)
class SignedSummary:
    """A summary that somebody signed."""

    summary: Summary
    signer: CertificateFacts
    signed_utc_s: int
    sha256: str
    """Of the payload."""


def sign_summary(identity: HostIdentity, summary: Summary, utc_s: int) -> bytes:
    """The summary, signed by an auditor of the agency. Raises `InvalidValue`, `DocumentError`, `IdentityError`."""
    body = canonical_json(summary.model_dump(mode="json"))

    def make() -> SummaryDocument:
        return SummaryDocument(lab=identity.lab, agency=summary.agency.id, body=body, signed_utc_s=utc_s)

    return auditor_signed.sign(identity, make, what="summary")


def verify_summary(data: bytes, roots: Sequence[bytes], trust: Trust) -> SignedSummary:
    """The summary of a document, and who signed it. Raises `DocumentRefused`."""
    found, signer, document = auditor_signed.read(data, SummaryDocument, roots, trust, what="summary")
    summary = _body(found.body)
    require(summary.agency.id == found.agency, DocumentCheck.FORM, "it is about another policy than it says")
    return SignedSummary(summary, signer, found.signed_utc_s, document.sha256.hex())


def _body(data: bytes) -> Summary:
    try:
        return Summary.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DocumentRefused(DocumentCheck.FORM, f"{where}: {first['msg']}") from error
