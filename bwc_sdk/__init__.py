"""SDK for body-worn cameras and docking stations.

    async with bwc_sdk.connect("serial:/dev/ttyACM0") as camera:
        print(await camera.battery.status())

    async with bwc_sdk.connect_station("tcp:127.0.0.1:7000") as station:
        for bay in await station.bays.list():
            print(bay)

    connect            a camera by its URI: `Camera`, with one attribute a subject
    connect_station    a docking station by its URI: `DockingStation`
    watch              what is plugged in and what comes and goes: `Arrived`, `Departed`, each of a `Slot`
    Role               what this host asks to be
    ErrorCode          why a device refused a command
    Unknown            a number that a newer device sent and this SDK has no name for
    PeerInfo           what a device stated about itself when the session began; its kind is a `PeerKind`, its
                       certificate CertificateFacts
    HostIdentity       what proves who this host is: certificate, key, roots; an `IdentitySet` has one a role,
                       `find_identity` gives the configured one; `Credentials` is what a key elsewhere has to do
    BwcError           the root of all errors; `bwc_sdk.errors` has a class for each thing to do next
    World              clock, randomness, files and workers, to be replaced in tests
    __version__        of the SDK

What commands take and give, by subject; `help()` of each tells fields, units and ranges:

    identity           DeviceIdentity, DeviceCapabilities (Capability), DeviceStatus (CameraState, Fault),
                       SelfTestReport (SelfTestStep, TestResult), RebootAccepted
    battery, storage   BatteryStatus (ChargeState); StorageStatus, StorageHealth (PreEol)
    clock              ClockReading (ClockState), ClockExchange, ClockSet, ClockSync (TimeClaim), Measurement;
                       ClockReason, TimeSource, TimeAssurance; HostTime
    configuration      Setting, SettingSchema (SettingType, TakesEffect), ConfigView, ConfigState, ConfigPage,
                       SchemaPage
    recordings         RecordingEntry (Mark, TriggerReason), ListPage, Manifest (SegmentFacts, Interval,
                       Circumstances: ActivationEvent, StopReason, Purpose, GivenBy),
                       SignedManifest (ManifestSigned),
                       ManifestReply, Annotation (AnnotationKind), AnnotationPage, AnnotationState, AnnotationFile,
                       ReleaseState (KeptReceipt), TombstonePage (SignedTombstone), ErasedRecording;
                       StreamSink and IncomingStream for bytes of a segment
    assignment         AssignmentState
    audit              AuditEntry (AuditKind), AuditPage, AuditHead
    bench              BenchState, BenchRecording
    station            StationStatus (StationFault), BayStatus (BayState, BayAlarm, BayVerdict, LedMeaning), BayPage
    trust              TrustState (Fingerprint), CertificateRequest, OrderNonce, ResetRecord,
                       OpeningChallenge, OpeningProof; RecipientKey
    Done               of a command that gives nothing else

What `camera.counters` and `station.counters` give, and the result of an offload: Counters, made of LinkCounters,
ChannelCounters (DiscardReason), MessageCounters (MessageDiscard) and StreamCounters (StreamDiscard). `remarks_on` them
says which rules a device breaks without harm, each a `Remark`; `BwcError.seen` what was seen of one that could not be
connected to: LinkSeen (ConnectStage, RefusedFrame, Standing).

What `events()` gives, each an `Event`: StateChanged, BatteryAlarm, ClockChanged, ConfigApplied, RecordingClosed of a
camera; Docked, Undocked, BayAlarmed, BayChanged of a station.

    bwc_sdk.offload    copies recordings off a camera, verified and resumed: `offload`, its events and outcomes
    bwc_sdk.sync       all of it for programs without asyncio

Names load when they are first used, so that importing the package costs nothing.
"""

from bwc_sdk.version import __version__ as __version__

TYPE_CHECKING = False  # checkers know the name; `typing` would be half of the time of `bwc --version`

if TYPE_CHECKING:
    from bwc_protocol.certificates.facts import CertificateFacts as CertificateFacts
    from bwc_protocol.conversation import MessageCounters as MessageCounters
    from bwc_protocol.conversation import MessageDiscard as MessageDiscard
    from bwc_protocol.conversation import PeerInfo as PeerInfo
    from bwc_protocol.conversation import StreamCounters as StreamCounters
    from bwc_protocol.conversation import StreamDiscard as StreamDiscard
    from bwc_protocol.declare import Event as Event
    from bwc_protocol.declare import Role as Role
    from bwc_protocol.declare import Unknown as Unknown
    from bwc_protocol.documents.annotation_file import AnnotationFile as AnnotationFile
    from bwc_protocol.evidence import ActivationEvent as ActivationEvent
    from bwc_protocol.evidence import Circumstances as Circumstances
    from bwc_protocol.evidence import ClockState as ClockState
    from bwc_protocol.evidence import GivenBy as GivenBy
    from bwc_protocol.evidence import Interval as Interval
    from bwc_protocol.evidence import Manifest as Manifest
    from bwc_protocol.evidence import Purpose as Purpose
    from bwc_protocol.evidence import SegmentFacts as SegmentFacts
    from bwc_protocol.evidence import StopReason as StopReason
    from bwc_protocol.evidence import TriggerReason as TriggerReason
    from bwc_protocol.link import ChannelCounters as ChannelCounters
    from bwc_protocol.link import DiscardReason as DiscardReason
    from bwc_protocol.link import LinkCounters as LinkCounters
    from bwc_protocol.link import RefusedFrame as RefusedFrame
    from bwc_protocol.link import Standing as Standing
    from bwc_protocol.messages.assignment import AssignmentState as AssignmentState
    from bwc_protocol.messages.audit import AuditEntry as AuditEntry
    from bwc_protocol.messages.audit import AuditHead as AuditHead
    from bwc_protocol.messages.audit import AuditKind as AuditKind
    from bwc_protocol.messages.audit import AuditPage as AuditPage
    from bwc_protocol.messages.battery import BatteryAlarm as BatteryAlarm
    from bwc_protocol.messages.battery import BatteryStatus as BatteryStatus
    from bwc_protocol.messages.battery import ChargeState as ChargeState
    from bwc_protocol.messages.bench import BenchRecording as BenchRecording
    from bwc_protocol.messages.bench import BenchState as BenchState
    from bwc_protocol.messages.clock import ClockChanged as ClockChanged
    from bwc_protocol.messages.clock import ClockExchange as ClockExchange
    from bwc_protocol.messages.clock import ClockReading as ClockReading
    from bwc_protocol.messages.clock import ClockReason as ClockReason
    from bwc_protocol.messages.clock import ClockSet as ClockSet
    from bwc_protocol.messages.clock import TimeAssurance as TimeAssurance
    from bwc_protocol.messages.clock import TimeSource as TimeSource
    from bwc_protocol.messages.config import ConfigApplied as ConfigApplied
    from bwc_protocol.messages.config import ConfigPage as ConfigPage
    from bwc_protocol.messages.config import ConfigState as ConfigState
    from bwc_protocol.messages.config import ConfigView as ConfigView
    from bwc_protocol.messages.config import SchemaPage as SchemaPage
    from bwc_protocol.messages.config import Setting as Setting
    from bwc_protocol.messages.config import SettingSchema as SettingSchema
    from bwc_protocol.messages.config import SettingType as SettingType
    from bwc_protocol.messages.config import TakesEffect as TakesEffect
    from bwc_protocol.messages.core import Done as Done
    from bwc_protocol.messages.identity import CameraState as CameraState
    from bwc_protocol.messages.identity import Capability as Capability
    from bwc_protocol.messages.identity import DeviceCapabilities as DeviceCapabilities
    from bwc_protocol.messages.identity import DeviceIdentity as DeviceIdentity
    from bwc_protocol.messages.identity import DeviceStatus as DeviceStatus
    from bwc_protocol.messages.identity import Fault as Fault
    from bwc_protocol.messages.identity import RebootAccepted as RebootAccepted
    from bwc_protocol.messages.identity import SelfTestReport as SelfTestReport
    from bwc_protocol.messages.identity import SelfTestStep as SelfTestStep
    from bwc_protocol.messages.identity import StateChanged as StateChanged
    from bwc_protocol.messages.identity import TestResult as TestResult
    from bwc_protocol.messages.recordings import Annotation as Annotation
    from bwc_protocol.messages.recordings import AnnotationKind as AnnotationKind
    from bwc_protocol.messages.recordings import AnnotationPage as AnnotationPage
    from bwc_protocol.messages.recordings import AnnotationState as AnnotationState
    from bwc_protocol.messages.recordings import KeptReceipt as KeptReceipt
    from bwc_protocol.messages.recordings import ListPage as ListPage
    from bwc_protocol.messages.recordings import ManifestReply as ManifestReply
    from bwc_protocol.messages.recordings import Mark as Mark
    from bwc_protocol.messages.recordings import RecordingClosed as RecordingClosed
    from bwc_protocol.messages.recordings import RecordingEntry as RecordingEntry
    from bwc_protocol.messages.recordings import ReleaseState as ReleaseState
    from bwc_protocol.messages.recordings import SignedTombstone as SignedTombstone
    from bwc_protocol.messages.recordings import TombstonePage as TombstonePage
    from bwc_protocol.messages.station import BayAlarm as BayAlarm
    from bwc_protocol.messages.station import BayAlarmed as BayAlarmed
    from bwc_protocol.messages.station import BayChanged as BayChanged
    from bwc_protocol.messages.station import BayPage as BayPage
    from bwc_protocol.messages.station import BayState as BayState
    from bwc_protocol.messages.station import BayStatus as BayStatus
    from bwc_protocol.messages.station import BayVerdict as BayVerdict
    from bwc_protocol.messages.station import Docked as Docked
    from bwc_protocol.messages.station import LedMeaning as LedMeaning
    from bwc_protocol.messages.station import StationFault as StationFault
    from bwc_protocol.messages.station import StationStatus as StationStatus
    from bwc_protocol.messages.station import Undocked as Undocked
    from bwc_protocol.messages.storage import PreEol as PreEol
    from bwc_protocol.messages.storage import StorageHealth as StorageHealth
    from bwc_protocol.messages.storage import StorageStatus as StorageStatus
    from bwc_protocol.messages.trust import CertificateRequest as CertificateRequest
    from bwc_protocol.messages.trust import Fingerprint as Fingerprint
    from bwc_protocol.messages.trust import OpeningChallenge as OpeningChallenge
    from bwc_protocol.messages.trust import OpeningProof as OpeningProof
    from bwc_protocol.messages.trust import OrderNonce as OrderNonce
    from bwc_protocol.messages.trust import ResetRecord as ResetRecord
    from bwc_protocol.messages.trust import TrustState as TrustState
    from bwc_protocol.session.tls import Credentials as Credentials
    from bwc_protocol.vocabulary import ErrorCode as ErrorCode
    from bwc_protocol.vocabulary import PeerKind as PeerKind
    from bwc_sdk.clients.camera import Camera as Camera
    from bwc_sdk.clients.clock_sync import ClockSync as ClockSync
    from bwc_sdk.clients.clock_sync import Measurement as Measurement
    from bwc_sdk.clients.connecting import connect as connect
    from bwc_sdk.clients.connecting import connect_station as connect_station
    from bwc_sdk.clients.station import DockingStation as DockingStation
    from bwc_sdk.clients.tombstones import ErasedRecording as ErasedRecording
    from bwc_sdk.connection.counters import Counters as Counters
    from bwc_sdk.connection.remarks import Remark as Remark
    from bwc_sdk.connection.remarks import remarks_on as remarks_on
    from bwc_sdk.connection.streams import IncomingStream as IncomingStream
    from bwc_sdk.connection.streams import StreamSink as StreamSink
    from bwc_sdk.discovery.slots import Slot as Slot
    from bwc_sdk.discovery.watching import Arrived as Arrived
    from bwc_sdk.discovery.watching import Departed as Departed
    from bwc_sdk.discovery.watching import watch as watch
    from bwc_sdk.errors import BwcError as BwcError
    from bwc_sdk.evidence.decrypt import RecipientKey as RecipientKey
    from bwc_sdk.evidence.signed_manifest import ManifestSigned as ManifestSigned
    from bwc_sdk.evidence.signed_manifest import SignedManifest as SignedManifest
    from bwc_sdk.host.host_time import HostTime as HostTime
    from bwc_sdk.host.time_claim import TimeClaim as TimeClaim
    from bwc_sdk.host.world import World as World
    from bwc_sdk.identity.host_identity import HostIdentity as HostIdentity
    from bwc_sdk.identity.host_identity import IdentitySet as IdentitySet
    from bwc_sdk.identity.lookup import find_identity as find_identity
    from bwc_sdk.link_seen import ConnectStage as ConnectStage
    from bwc_sdk.link_seen import LinkSeen as LinkSeen

_HOMES = {
    "find_identity": "bwc_sdk.identity.lookup",
    "IdentitySet": "bwc_sdk.identity.host_identity",
    "HostIdentity": "bwc_sdk.identity.host_identity",
    "CertificateFacts": "bwc_protocol.certificates.facts",
    "Credentials": "bwc_protocol.session.tls",
    "Annotation": "bwc_protocol.messages.recordings",
    "AnnotationKind": "bwc_protocol.messages.recordings",
    "AnnotationPage": "bwc_protocol.messages.recordings",
    "AnnotationState": "bwc_protocol.messages.recordings",
    "ErasedRecording": "bwc_sdk.clients.tombstones",
    "Arrived": "bwc_sdk.discovery.watching",
    "AssignmentState": "bwc_protocol.messages.assignment",
    "AuditEntry": "bwc_protocol.messages.audit",
    "AuditHead": "bwc_protocol.messages.audit",
    "AuditKind": "bwc_protocol.messages.audit",
    "AuditPage": "bwc_protocol.messages.audit",
    "BatteryAlarm": "bwc_protocol.messages.battery",
    "BatteryStatus": "bwc_protocol.messages.battery",
    "BayAlarm": "bwc_protocol.messages.station",
    "BayAlarmed": "bwc_protocol.messages.station",
    "BayChanged": "bwc_protocol.messages.station",
    "BayPage": "bwc_protocol.messages.station",
    "BayState": "bwc_protocol.messages.station",
    "BayStatus": "bwc_protocol.messages.station",
    "BayVerdict": "bwc_protocol.messages.station",
    "BenchRecording": "bwc_protocol.messages.bench",
    "BenchState": "bwc_protocol.messages.bench",
    "BwcError": "bwc_sdk.errors",
    "Camera": "bwc_sdk.clients.camera",
    "CameraState": "bwc_protocol.messages.identity",
    "Capability": "bwc_protocol.messages.identity",
    "CertificateRequest": "bwc_protocol.messages.trust",
    "ChannelCounters": "bwc_protocol.link",
    "ChargeState": "bwc_protocol.messages.battery",
    "ClockChanged": "bwc_protocol.messages.clock",
    "ClockExchange": "bwc_protocol.messages.clock",
    "ClockReading": "bwc_protocol.messages.clock",
    "ClockReason": "bwc_protocol.messages.clock",
    "ClockSet": "bwc_protocol.messages.clock",
    "ClockState": "bwc_protocol.evidence",
    "ClockSync": "bwc_sdk.clients.clock_sync",
    "ConfigApplied": "bwc_protocol.messages.config",
    "ConfigPage": "bwc_protocol.messages.config",
    "ConfigState": "bwc_protocol.messages.config",
    "ConfigView": "bwc_protocol.messages.config",
    "Counters": "bwc_sdk.connection.counters",
    "ConnectStage": "bwc_sdk.link_seen",
    "Fingerprint": "bwc_protocol.messages.trust",
    "LinkSeen": "bwc_sdk.link_seen",
    "OpeningChallenge": "bwc_protocol.messages.trust",
    "OpeningProof": "bwc_protocol.messages.trust",
    "OrderNonce": "bwc_protocol.messages.trust",
    "RecipientKey": "bwc_sdk.evidence.decrypt",
    "RefusedFrame": "bwc_protocol.link",
    "ResetRecord": "bwc_protocol.messages.trust",
    "Standing": "bwc_protocol.link",
    "Remark": "bwc_sdk.connection.remarks",
    "TrustState": "bwc_protocol.messages.trust",
    "remarks_on": "bwc_sdk.connection.remarks",
    "Departed": "bwc_sdk.discovery.watching",
    "DeviceCapabilities": "bwc_protocol.messages.identity",
    "DeviceIdentity": "bwc_protocol.messages.identity",
    "DeviceStatus": "bwc_protocol.messages.identity",
    "DiscardReason": "bwc_protocol.link",
    "Docked": "bwc_protocol.messages.station",
    "DockingStation": "bwc_sdk.clients.station",
    "Done": "bwc_protocol.messages.core",
    "ErrorCode": "bwc_protocol.vocabulary",
    "Event": "bwc_protocol.declare",
    "Fault": "bwc_protocol.messages.identity",
    "HostTime": "bwc_sdk.host.host_time",
    "TimeClaim": "bwc_sdk.host.time_claim",
    "IncomingStream": "bwc_sdk.connection.streams",
    "ActivationEvent": "bwc_protocol.evidence",
    "Circumstances": "bwc_protocol.evidence",
    "GivenBy": "bwc_protocol.evidence",
    "Purpose": "bwc_protocol.evidence",
    "StopReason": "bwc_protocol.evidence",
    "Interval": "bwc_protocol.evidence",
    "KeptReceipt": "bwc_protocol.messages.recordings",
    "LedMeaning": "bwc_protocol.messages.station",
    "LinkCounters": "bwc_protocol.link",
    "ListPage": "bwc_protocol.messages.recordings",
    "AnnotationFile": "bwc_protocol.documents.annotation_file",
    "Manifest": "bwc_protocol.evidence",
    "ManifestReply": "bwc_protocol.messages.recordings",
    "ManifestSigned": "bwc_sdk.evidence.signed_manifest",
    "Mark": "bwc_protocol.messages.recordings",
    "Measurement": "bwc_sdk.clients.clock_sync",
    "MessageCounters": "bwc_protocol.conversation",
    "MessageDiscard": "bwc_protocol.conversation",
    "PeerInfo": "bwc_protocol.conversation",
    "PeerKind": "bwc_protocol.vocabulary",
    "PreEol": "bwc_protocol.messages.storage",
    "RebootAccepted": "bwc_protocol.messages.identity",
    "RecordingClosed": "bwc_protocol.messages.recordings",
    "RecordingEntry": "bwc_protocol.messages.recordings",
    "ReleaseState": "bwc_protocol.messages.recordings",
    "Role": "bwc_protocol.declare",
    "SchemaPage": "bwc_protocol.messages.config",
    "SegmentFacts": "bwc_protocol.evidence",
    "SelfTestReport": "bwc_protocol.messages.identity",
    "SelfTestStep": "bwc_protocol.messages.identity",
    "Setting": "bwc_protocol.messages.config",
    "SettingSchema": "bwc_protocol.messages.config",
    "SettingType": "bwc_protocol.messages.config",
    "SignedTombstone": "bwc_protocol.messages.recordings",
    "SignedManifest": "bwc_sdk.evidence.signed_manifest",
    "Slot": "bwc_sdk.discovery.slot",
    "StateChanged": "bwc_protocol.messages.identity",
    "StationFault": "bwc_protocol.messages.station",
    "StationStatus": "bwc_protocol.messages.station",
    "StorageHealth": "bwc_protocol.messages.storage",
    "StorageStatus": "bwc_protocol.messages.storage",
    "StreamCounters": "bwc_protocol.conversation",
    "StreamDiscard": "bwc_protocol.conversation",
    "StreamSink": "bwc_sdk.connection.streams",
    "TakesEffect": "bwc_protocol.messages.config",
    "TestResult": "bwc_protocol.messages.identity",
    "TimeAssurance": "bwc_protocol.messages.clock",
    "TimeSource": "bwc_protocol.messages.clock",
    "TombstonePage": "bwc_protocol.messages.recordings",
    "TriggerReason": "bwc_protocol.evidence",
    "Undocked": "bwc_protocol.messages.station",
    "Unknown": "bwc_protocol.declare",
    "World": "bwc_sdk.host.world",
    "connect": "bwc_sdk.clients.connecting",
    "connect_station": "bwc_sdk.clients.connecting",
    "watch": "bwc_sdk.discovery.watching",
}

__all__ = [
    "ActivationEvent",
    "Annotation",
    "AnnotationFile",
    "AnnotationKind",
    "AnnotationPage",
    "AnnotationState",
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
    "Circumstances",
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
    "ErasedRecording",
    "ErrorCode",
    "Event",
    "Fault",
    "Fingerprint",
    "GivenBy",
    "HostIdentity",
    "HostTime",
    "IdentitySet",
    "IncomingStream",
    "Interval",
    "KeptReceipt",
    "LedMeaning",
    "LinkCounters",
    "LinkSeen",
    "ListPage",
    "Manifest",
    "ManifestReply",
    "ManifestSigned",
    "Mark",
    "Measurement",
    "MessageCounters",
    "MessageDiscard",
    "OpeningChallenge",
    "OpeningProof",
    "OrderNonce",
    "PeerInfo",
    "PeerKind",
    "PreEol",
    "Purpose",
    "RebootAccepted",
    "RecipientKey",
    "RecordingClosed",
    "RecordingEntry",
    "RefusedFrame",
    "ReleaseState",
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
    "SignedManifest",
    "SignedTombstone",
    "Slot",
    "Standing",
    "StateChanged",
    "StationFault",
    "StationStatus",
    "StopReason",
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
    "TombstonePage",
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
]


_ROOMS = frozenset({"errors", "offload", "sync"})
"""What the pages name as `bwc_sdk.…` beside the names: there after a mere `import bwc_sdk`, loaded when first used."""


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name in _ROOMS:
        return import_module(f"bwc_sdk.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'bwc_sdk' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
