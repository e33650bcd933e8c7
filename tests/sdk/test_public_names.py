"""The public names: what programs may import, pinned, so that none goes or comes unnoticed."""

import ast
import functools
import importlib
import inspect
import re
import subprocess
import sys
import textwrap
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

import bwc_sdk
from bwc_protocol.declare import EVENTS, Wire
from bwc_sdk import errors
from bwc_sdk.sync import SyncCamera, SyncDockingStation
from tools.generate import sync_twin

PUBLIC = {
    "bwc_sdk": {
        "Annotation",
        "AnnotationKind",
        "AnnotationPage",
        "AnnotationState",
        "ErasedRecording",
        "KeptReceipt",
        "ReleaseState",
        "SignedTombstone",
        "TombstonePage",
        "Arrived",
        "AssignmentState",
        "AuditEntry",
        "AuditHead",
        "AuditKind",
        "AuditPage",
        "BatteryAlarm",
        "BatteryStatus",
        "BayAlarm",
        "BayAlarmed",
        "BayChanged",
        "BayPage",
        "BayState",
        "BayStatus",
        "BayVerdict",
        "BenchRecording",
        "BenchState",
        "BwcError",
        "Camera",
        "CameraState",
        "Capability",
        "CertificateFacts",
        "CertificateRequest",
        "ChannelCounters",
        "ChargeState",
        "ClockChanged",
        "ClockExchange",
        "ClockReading",
        "ClockReason",
        "ClockSet",
        "ClockState",
        "ClockSync",
        "ConfigApplied",
        "ConfigPage",
        "ConfigState",
        "ConfigView",
        "ConnectStage",
        "Counters",
        "Credentials",
        "Departed",
        "DeviceCapabilities",
        "DeviceIdentity",
        "DeviceStatus",
        "DiscardReason",
        "Docked",
        "DockingStation",
        "Done",
        "ErrorCode",
        "Event",
        "Fault",
        "Fingerprint",
        "HostIdentity",
        "HostTime",
        "IdentitySet",
        "IncomingStream",
        "ActivationEvent",
        "Circumstances",
        "GivenBy",
        "Purpose",
        "StopReason",
        "Interval",
        "LedMeaning",
        "LinkCounters",
        "LinkSeen",
        "ListPage",
        "AnnotationFile",
        "Manifest",
        "ManifestReply",
        "ManifestSigned",
        "SignedManifest",
        "Mark",
        "Measurement",
        "MessageCounters",
        "MessageDiscard",
        "OpeningChallenge",
        "OpeningProof",
        "OrderNonce",
        "RecipientKey",
        "PeerInfo",
        "PeerKind",
        "PreEol",
        "RebootAccepted",
        "RecordingClosed",
        "RecordingEntry",
        "RefusedFrame",
        "Remark",
        "ResetRecord",
        "Role",
        "SchemaPage",
        "SegmentFacts",
        "SelfTestReport",
        "SelfTestStep",
        "Setting",
        "SettingSchema",
        "SettingType",
        "Slot",
        "Standing",
        "StateChanged",
        "StationFault",
        "StationStatus",
        "StorageHealth",
        "StorageStatus",
        "StreamCounters",
        "StreamDiscard",
        "StreamSink",
        "TakesEffect",
        "TestResult",
        "TimeAssurance",
        "TimeClaim",
        "TimeSource",
        "TriggerReason",
        "TrustState",
        "Undocked",
        "Unknown",
        "World",
        "__version__",
        "connect",
        "connect_station",
        "find_identity",
        "remarks_on",
        "watch",
    },
    "bwc_sdk.offload": {
        "BayJudged",
        "BayRecovered",
        "BayTroubled",
        "Budget",
        "CameraEvent",
        "CameraFailed",
        "Check",
        "ChunkRejected",
        "Connected",
        "ConnectionLost",
        "DesiredStateDelivered",
        "DesiredStateRefused",
        "Erased",
        "NotErased",
        "ReceiptDelivered",
        "ReceiptNotDelivered",
        "ReceiptNotSigned",
        "ReceiptSigned",
        "DestinationBack",
        "DestinationLost",
        "DockStep",
        "DockWatch",
        "Finished",
        "FleetJob",
        "FleetResult",
        "FollowUp",
        "FollowUpFailed",
        "Found",
        "Interrupted",
        "Missing",
        "OffloadEvent",
        "OffloadJob",
        "OffloadPolicy",
        "OffloadResult",
        "Outcome",
        "Planned",
        "Progress",
        "Reconnected",
        "RecordingFinished",
        "RecordingPostponed",
        "RecordingStarted",
        "RecordingsMissing",
        "Refused",
        "Resumed",
        "SegmentStored",
        "SetClock",
        "StationBack",
        "StationLost",
        "StepDone",
        "StepFailed",
        "StillOnCamera",
        "StoredSegment",
        "StoredVerified",
        "Unfinished",
        "dock_watch",
        "offload",
        "offload_many",
        "offload_station",
        "outcome_word",
        "remove_unfinished",
        "unfinished",
    },
    "bwc_sdk.sync": {
        "BlockingIterator",
        "CallTimeout",
        "SyncCamera",
        "SyncDockWatch",
        "SyncDockingStation",
        "SyncFleetJob",
        "SyncOffloadJob",
        "check",
        "check_many",
        "check_station",
        "connect",
        "connect_station",
        "dock_watch",
        "enroll",
        "offload",
        "offload_many",
        "offload_station",
        "places_of",
        "provision",
        "renew",
        "take_back",
        "watch",
    },
    "bwc_sdk.enrolment": {
        "AgencyParts",
        "AlreadyEnrolled",
        "Authority",
        "ButtonWanted",
        "CaAuthority",
        "CertifiedKey",
        "Enrolled",
        "EnrolmentEvent",
        "EnrolmentFailed",
        "FileAuthority",
        "LabAuthority",
        "NotDue",
        "Renewed",
        "RenewalOutcome",
        "RequestWaits",
        "RequestWritten",
        "Vendor",
        "enroll",
        "renew",
    },
    "bwc_sdk.errors": {
        "AgencyBusy",
        "AgencyError",
        "AuditBroken",
        "BwcError",
        "CertificateExpired",
        "ClockImplausible",
        "ClockNotVerified",
        "ClockUnsteady",
        "CommandError",
        "CommandTimeout",
        "ConfigError",
        "ConfigFileError",
        "DestinationBusy",
        "DestinationError",
        "DestinationFull",
        "DestinationMoved",
        "DeviceBusy",
        "DeviceLost",
        "DocumentError",
        "EvidenceMismatch",
        "ForkedHandle",
        "HostExhausted",
        "HostFileError",
        "IdentityError",
        "IdentityMissing",
        "InvalidUri",
        "InvalidValue",
        "KeyFileLoose",
        "LinkError",
        "MissingExtra",
        "NoSuchRecording",
        "NotADevice",
        "NotEnrolled",
        "NotInVersion",
        "OutcomeUnknown",
        "PassphraseWrong",
        "PolicyError",
        "PortBusy",
        "PortForbidden",
        "PortNotFound",
        "ProgramFault",
        "ProtectionMismatch",
        "ProtocolViolation",
        "RecordsInUse",
        "RosterError",
        "SelfTestFailed",
        "SessionError",
        "SessionRefused",
        "SlowLink",
        "StreamStalled",
        "TimeStampError",
        "TimeStampUnavailable",
        "TransportError",
        "VersionMismatch",
        "WrongDevice",
        "WrongPart",
    },
    "bwc_sdk.provisioning": {
        "Done",
        "Found",
        "Looked",
        "Member",
        "NotHere",
        "NotProvisioned",
        "NotSigned",
        "Place",
        "Profile",
        "Provisioned",
        "ProvisioningEvent",
        "Record",
        "Records",
        "Roster",
        "Signed",
        "Step",
        "StepBegun",
        "TimeWord",
        "place_at",
        "places_of",
        "provision",
        "read_profile",
        "read_roster",
        "sign_desired_states",
        "take_back",
        "verify_record",
    },
    "bwc_sdk.fitness": {
        "Check",
        "Checked",
        "Facts",
        "Finding",
        "Limits",
        "Officer",
        "Standing",
        "Verdict",
        "ask",
        "check",
        "check_many",
        "check_station",
        "judge",
    },
    "bwc_sdk.policy": {
        "Answer",
        "Checked",
        "Compiled",
        "Difference",
        "Effective",
        "PolicyFault",
        "Library",
        "Pack",
        "check_all",
        "compile_policy",
        "difference",
        "effective",
        "lint",
        "read_pack",
        "shipped_pack",
    },
    "bwc_sdk.bridge": {"Bridge", "BridgeEvent", "ClientCame", "ClientLeft", "ClientRefused"},
}
HOMONYMS = {
    "Check": {"bwc_sdk.offload", "bwc_sdk.fitness"},  # a step at a dock, and what is looked at
    "Checked": {"bwc_sdk.fitness", "bwc_sdk.policy"},  # a camera, and a rule
    "Done": {"bwc_sdk", "bwc_sdk.provisioning"},  # a reply without fields, and a camera as it is now
    "Found": {"bwc_sdk.offload", "bwc_sdk.provisioning"},  # what a step found, and a camera as it was
    "Standing": {"bwc_sdk", "bwc_sdk.fitness"},  # of a remark on a link, and of a check
}
"""Names that two rooms had before they were published. There are to be no more."""
ALWAYS = {"BwcError", "Camera", "ErrorCode", "Role", "Unknown", "World", "__version__", "connect"}


@pytest.mark.parametrize("module", PUBLIC)
def test_a_package_exports_exactly_what_is_published(module: str) -> None:
    assert set(importlib.import_module(module).__all__) == PUBLIC[module]


def test_a_name_has_one_home() -> None:
    """Of two things that share a name one would be imported for the other; the blocking twins are meant to share it."""
    homes: dict[str, set[str]] = {}
    for module, names in PUBLIC.items():
        for name in names:
            homes.setdefault(name, set()).add(module)
    twins = {
        "connect",
        "connect_station",
        "watch",
        "offload",
        "offload_many",
        "offload_station",
        "dock_watch",
        "enroll",
        "renew",
        "places_of",
        "provision",
        "take_back",
        "check",
        "check_many",
        "check_station",
    }
    for name, found in homes.items():
        if name in twins:
            assert "bwc_sdk.sync" in found and len(found) == 2, name
        elif name in HOMONYMS:
            assert found == HOMONYMS[name], name
        elif name != "BwcError":  # the root is at hand everywhere
            assert len(found) == 1, (name, found)


def test_every_home_has_its_page_in_the_reference() -> None:
    pages = Path(__file__).parents[2] / "docs" / "reference"
    told = set()
    for page in pages.glob("*.md"):
        told |= set(re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert told == set(PUBLIC)


def test_the_first_published_names_stay() -> None:
    assert set(bwc_sdk.__all__) >= ALWAYS


@pytest.mark.parametrize("name", sorted(bwc_sdk.__all__))
def test_every_name_can_be_had_and_documents_itself(name: str) -> None:
    found = getattr(bwc_sdk, name)
    assert isinstance(found, str) or inspect.getdoc(found)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = bwc_sdk.no_such_name


def _classes() -> list[type[errors.BwcError]]:
    found, todo = [], [errors.BwcError]
    while todo:
        one = todo.pop()
        found.append(one)
        todo.extend(one.__subclasses__())
    return found


def test_there_is_one_root_of_errors_and_each_says_when_it_is_raised() -> None:
    for one in _classes():
        assert one.__doc__, one.__name__
        assert one is errors.BwcError or "Raised when" in one.__doc__, one.__name__
        assert one.layer, one.__name__


def test_an_error_names_device_layer_and_rule() -> None:
    error = errors.DeviceLost("the cable was pulled", device="serial:/dev/ttyACM0")
    assert str(error) == "serial:/dev/ttyACM0: transport: the cable was pulled"
    assert str(errors.InvalidUri("no scheme")) == "uri: no scheme"


def _named(hint: object) -> Iterator[type[object]]:
    """The classes in a type hint, those in the fields of declared ones included."""
    if inspect.isclass(hint) and typing.get_origin(hint) is None:
        yield hint
        if issubclass(hint, Wire):
            for spec in hint.codec.fields.values():
                for inner in (spec.enum, spec.of):
                    yield from _named(inner)
    for one in typing.get_args(hint):
        yield from _named(one)


def _given_and_taken() -> Iterator[type[object]]:
    for client in dict.fromkeys([*sync_twin.CAMERA.values(), *sync_twin.STATION.values()]):
        for name, member in inspect.getmembers(client, inspect.isfunction):
            if name.startswith("_"):
                continue
            if hasattr(member, "request"):
                for spec in member.request.codec.fields.values():
                    yield from _named(spec.enum)
                    yield from _named(spec.of)
                yield from _named(member.request.reply)
            else:
                for hint in typing.get_type_hints(member, vars(sys.modules[member.__module__])).values():
                    yield from _named(hint)
    for told in EVENTS.values():
        yield from _named(told)
    for known in (bwc_sdk.Camera, bwc_sdk.DockingStation):
        for name, member in inspect.getmembers(known, lambda one: isinstance(one, property)):
            if not name.startswith("_"):
                yield from _named(typing.get_type_hints(member.fget)["return"])
    for change in (bwc_sdk.Arrived, bwc_sdk.Departed, bwc_sdk.Counters):
        for hint in typing.get_type_hints(change).values():
            yield from _named(hint)


def test_what_methods_and_events_take_and_give_comes_from_bwc_sdk() -> None:
    for kind in _given_and_taken():
        if kind.__module__.partition(".")[0] in ("bwc_protocol", "bwc_sdk"):
            assert getattr(bwc_sdk, kind.__name__, None) is kind, kind.__name__


@pytest.mark.parametrize(
    "page", ["README.md", "docs/dock-programs.md", "docs/benches.md", "hil_tests/README.md"]
)
def test_examples_import_what_is_published(page: str) -> None:
    text = (Path(__file__).parents[2] / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        for node in ast.walk(ast.parse(f"async def example():\n{textwrap.indent(block, '    ')}")):
            if isinstance(node, ast.ImportFrom):
                assert node.module is not None
                known = getattr(importlib.import_module(node.module), "__all__", None)
                assert not node.module.startswith("bwc_protocol")
                for name in node.names:
                    assert known is None or name.name in known, name.name
            elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "bwc_sdk":
                assert node.attr in {*bwc_sdk.__all__, "sync", "offload"}, node.attr


# What `help()` shows


@pytest.mark.parametrize("client", [bwc_sdk.Camera, bwc_sdk.DockingStation, SyncCamera, SyncDockingStation])
def test_a_client_documents_every_one_of_its_subjects(client: type[object]) -> None:
    documented = inspect.getdoc(client) or ""
    late = {
        name: kind
        for cls in client.__mro__
        for name, kind in vars(cls).items()
        if isinstance(kind, functools.cached_property)
    }
    assert {"device", "clock", "audit"} < late.keys() | client.__annotations__.keys()
    for subject in late.keys() | client.__annotations__.keys():
        own = inspect.getdoc(late[subject]) if subject in late else None
        assert own or f"\n    {subject}: " in documented, subject


def test_the_package_documents_every_public_name() -> None:
    for name in bwc_sdk.__all__:
        assert name in (bwc_sdk.__doc__ or ""), name
    assert set(bwc_sdk.__all__) <= set(dir(bwc_sdk))


def test_the_page_of_errors_names_every_error_that_a_program_may_catch() -> None:
    page = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
    tree = page.partition("## Errors and outcomes")[2].partition("## ")[0]
    for kind in _classes():
        if kind.__module__ == errors.__name__:
            assert kind.__name__ in tree, kind.__name__


@pytest.mark.parametrize("room", ["errors", "offload", "sync"])
def test_what_the_pages_name_is_there_after_a_mere_import(room: str) -> None:
    said = f"import bwc_sdk; assert {room!r} in dir(bwc_sdk); print(bwc_sdk.{room}.__name__)"
    ran = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == (f"bwc_sdk.{room}\n", "")
