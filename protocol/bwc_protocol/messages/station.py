"""A docking station and its bays (spec: Station, Station commands, 0x0axx).

A station charges and switches; it never knows which camera stands in a bay, nor how it does. What it shows of that is
what a host told it, for as long as that host's lease runs and the camera stays.
"""

from typing import Final

from bwc_protocol.declare import (
    ANYONE,
    STATIONS,
    Effect,
    Event,
    Refusals,
    Request,
    Role,
    Subject,
    Unknown,
    Wire,
    boolean,
    choice,
    command,
    event,
    flags,
    i16,
    items,
    method,
    text,
    u16,
    u32,
    wire,
)
from bwc_protocol.frame import MAX_CHANNEL
from bwc_protocol.messages.battery import ChargeState
from bwc_protocol.versions import V1_2
from bwc_protocol.vocabulary import ErrorCode
from bwc_protocol.word import Word, Words

OPERATORS: Final = Role.TECHNICIAN | Role.DOCK_OFFLOAD | Role.BENCH
BAYS_MAX: Final = MAX_CHANNEL
"""Bays of one station: each is a channel of its uplink."""
BAY_PAGE_MAX: Final = 32
"""Bays of one page: 32 of at most 115 bytes are one message on any link."""
LABEL_MAX: Final = 64
"""Bytes of a label: the identity of a camera fits."""
LEASE_MAX_S: Final = 3_600
"""Longest lease: a host that is gone for an hour no longer speaks for the camera."""
IDENTIFY_MAX_S: Final = 600
"""Longest blinking: what nobody came to look at in ten minutes is switched off."""
LOCK_MAX_S: Final = 600
"""Longest lock: whoever needs a camera waits no longer than ten minutes for a host that is gone."""

_BAY: Final[Refusals] = ((ErrorCode.NOT_FOUND, "no such bay"),)
_USABLE: Final[Refusals] = (*_BAY, (ErrorCode.WRONG_STATE, "it is in quarantine"))
_PRESENT: Final[Refusals] = (*_USABLE, (ErrorCode.CONFLICT, "another docking, or nothing in it"))


class BayState(Word):
    """Where a bay stands."""

    EMPTY = 0
    DETECTED = 1
    """Something is in it, and no link has come about yet."""
    LINKED = 2
    """A camera answers: the bay's channel can be opened."""
    IDENTIFIED = 3
    """The same, and a host has told which camera it is; its lease runs."""
    BUSY = 4
    """A camera is in it, and another host has it by another way."""
    FAULT = 5
    """Something is in it that does not answer."""
    QUARANTINE = 6
    """Switched off by an alarm, until it is released."""


class LedMeaning(Word):
    """What the light of a bay says to whoever stands before it."""

    OFF = 0
    EMPTY = 1
    CHARGING = 2
    READY = 3
    """Charged. Whether it can be taken is a host's to say: TAKE_ME."""
    TRANSFERRING = 4
    """A host uses it; better left where it is."""
    ATTENTION = 5
    """It is there and cannot be used: no answer, or switched off."""
    QUARANTINE = 6
    """Do not take it, do not plug it in elsewhere: call somebody."""
    IDENTIFY = 7
    """Somebody looks for this bay."""
    TAKE_ME = 8, V1_2
    """A host's verdict, of a camera that passed its check; and nothing the station knows is against it."""
    IN_WORK = 9, V1_2
    """A host's verdict BUSY."""
    NEEDS_ATTENTION = 10, V1_2
    """A host's verdict."""
    DO_NOT_USE = 11, V1_2
    """A host's verdict."""


class BayVerdict(Word):
    """What a host says to whoever stands before a bay, of the camera in it."""

    NONE = 0
    """No host says anything: the light tells what the station knows by itself."""
    TAKE_ME = 1
    """It passed its check, and its footage is stored."""
    BUSY = 2
    """The host works with it; better left where it is."""
    NEEDS_ATTENTION = 3
    """Something is left that a person has to do; it may be used when nothing else is there."""
    DO_NOT_USE = 4
    """What it recorded would be no evidence, or it would not record: take another one."""


class BayAlarm(Words):
    """What is wrong with a bay; each of them switches it off and quarantines it."""

    OVER_TEMPERATURE = 1 << 0
    SWELLING = 1 << 1
    """The camera's case presses against the sensor: its cell has swollen."""


class StationFault(Words):
    """What is wrong with the station itself."""

    CLOCK_UNSET = 1 << 0
    SUPPLY = 1 << 1
    """The supply is outside its range; charging may be slow."""
    QUARANTINE = 1 << 2
    """At least one bay is quarantined."""


@wire
class StationStatus(Wire):
    """The station as a whole."""

    bays: int = u16("bays, numbered from 1", min=1, max=BAYS_MAX)
    present: int = u16("bays with something in them", max=BAYS_MAX)
    quarantined: int = u16("bays in quarantine", max=BAYS_MAX)
    supply_mv: int = u16("supply voltage", unit="mV")
    supply_ma: int = u32("supply current, all bays together", unit="mA")
    temperature_dc: int = i16("temperature inside the station, tenths of a degree", unit="0.1 °C")
    faults: StationFault = flags(StationFault, "faults that are present")


@command(0x0A01, "station.status", roles=ANYONE, answered_by=STATIONS, while_expired=True)
class ReadStation(Request[StationStatus]):
    """Read the state of the station as a whole."""


@wire
class BayStatus(Wire):
    """One bay."""

    bay: int = u16("bay, from 1", min=1, max=BAYS_MAX)
    state: BayState | Unknown = choice(BayState, "where it stands")
    present: bool = boolean("whether something is in it")
    docking: int = u32("counts dockings in this bay; names what is in it")
    power: bool = boolean("whether its power is switched on")
    data: bool = boolean("whether its data lines are switched on")
    charge: ChargeState | Unknown = choice(ChargeState, "what its charger does")
    charge_ma: int = u16("current into the camera", unit="mA")
    temperature_dc: int = i16("temperature at the contacts, tenths of a degree", unit="0.1 °C")
    led: LedMeaning | Unknown = choice(LedMeaning, "what its light says")
    alarms: BayAlarm = flags(BayAlarm, "alarms that are present")
    incident: int = u32("counts quarantines of this bay; the precondition of its release")
    retry_after_ms: int = u32("while BUSY: when the camera may be free; else 0", unit="ms")
    label: str = text("which camera it is, as a host told; nothing without a lease", max=LABEL_MAX)
    lease_s: int = u16("what is left of that host's lease", unit="s", max=LEASE_MAX_S)
    verdict: BayVerdict | Unknown = choice(
        BayVerdict, "a host's verdict that is in force", since=V1_2, default=BayVerdict.NONE
    )
    verdict_lease_s: int = u16(
        "what is left of its lease; 0 = none", unit="s", max=LEASE_MAX_S, since=V1_2, default=0
    )
    lock_s: int = u16("what is left of its lock; 0 = open", unit="s", max=LOCK_MAX_S, since=V1_2, default=0)


@wire
class BayPage(Wire):
    """A page of bays, in the order of their numbers."""

    bays: tuple[BayStatus, ...] = items(BayStatus, "bays", max=BAY_PAGE_MAX)
    next: int = u16("bay with which the next page begins; 0 = this was the last", max=BAYS_MAX)


@command(0x0A02, "station.bays", roles=ANYONE, answered_by=STATIONS, while_expired=True)
class ListBays(Request[BayPage]):
    """Read a page of bays."""

    start: int = u16("first bay wanted", min=1, max=BAYS_MAX, default=1)


@command(0x0A03, "station.bay", roles=ANYONE, answered_by=STATIONS, errors=_BAY, while_expired=True)
class ReadBay(Request[BayStatus]):
    """Read one bay; NOT_FOUND if the station has no such bay."""

    bay: int = u16("bay, from 1", min=1, max=BAYS_MAX)


@command(
    0x0A04, "station.power", roles=OPERATORS, effect=Effect.REPEATABLE, answered_by=STATIONS, errors=_USABLE
)
class SwitchPower(Request[BayStatus]):
    """Switch the power of a bay; WRONG_STATE while it is in quarantine."""

    bay: int = u16("bay, from 1", min=1, max=BAYS_MAX)
    on: bool = boolean("on or off")


@command(
    0x0A05, "station.data", roles=OPERATORS, effect=Effect.REPEATABLE, answered_by=STATIONS, errors=_USABLE
)
class SwitchData(Request[BayStatus]):
    """Switch the data lines of a bay, which ends what runs on its channel; WRONG_STATE while in quarantine."""

    bay: int = u16("bay, from 1", min=1, max=BAYS_MAX)
    on: bool = boolean("on or off")


@command(
    0x0A06, "station.identify", roles=OPERATORS, effect=Effect.REPEATABLE, answered_by=STATIONS, errors=_BAY
)
class IdentifyBay(Request[BayStatus]):
    """Let the light of a bay blink, so that somebody finds it."""

    bay: int = u16("bay, from 1", min=1, max=BAYS_MAX)
    seconds: int = u16("for how long; 0 = stop", unit="s", max=IDENTIFY_MAX_S, default=30)


@command(
    0x0A07,
    "station.release",
    roles=Role.TECHNICIAN | Role.BENCH,
    effect=Effect.GUARDED,
    guard="incident",
    answered_by=STATIONS,
    errors=(
        *_BAY,
        (ErrorCode.CONFLICT, "it is not in quarantine, or for another incident"),
        (ErrorCode.WRONG_STATE, "its alarm is not over"),
    ),
)
class ReleaseBay(Request[BayStatus]):
    """Release a bay from quarantine, if its alarm is over; WRONG_STATE otherwise."""

    bay: int = u16("bay, from 1", min=1, max=BAYS_MAX)
    incident: int = u32("incident that the caller looked into")


@command(
    0x0A08,
    "station.lease",
    roles=OPERATORS,
    effect=Effect.REPEATABLE,
    answered_by=STATIONS,
    errors=(
        *_BAY,
        (
            ErrorCode.CONFLICT,
            "another docking, nothing in it, or, with `seconds` above 0, another bay shows that label",
        ),
        (ErrorCode.OUT_OF_RANGE, "`seconds` above 0 with a label that is empty, or blanks alone"),
    ),
    while_expired=True,
)
class LeaseBay(Request[BayStatus]):
    """Tell which camera is in a bay, for a time; CONFLICT if it changed, or if another bay shows that label."""

    bay: int = u16("bay, from 1", min=1, max=BAYS_MAX)
    docking: int = u32("docking that the host speaks of")
    label: str = text("which camera it is", max=LABEL_MAX)
    seconds: int = u16("how long the host speaks for it; 0 = no longer", unit="s", max=LEASE_MAX_S)


@command(
    0x0A09,
    "station.verdict",
    roles=OPERATORS,
    effect=Effect.REPEATABLE,
    answered_by=STATIONS,
    errors=(
        (ErrorCode.UNSUPPORTED, "a station without the capability BAY_LIGHTS"),
        *_PRESENT,
        (ErrorCode.OUT_OF_RANGE, "`seconds` above 0 with the verdict NONE, or one that it does not know"),
    ),
    while_expired=True,
    since=V1_2,
)
class JudgeBay(Request[BayStatus]):
    """Say for a time what whoever stands there may do with the camera in a bay; CONFLICT if it is another docking."""

    bay: int = u16("bay, from 1", min=1, max=BAYS_MAX)
    docking: int = u32("docking that the host speaks of")
    verdict: BayVerdict | Unknown = choice(BayVerdict, "what it says; without meaning when `seconds` is 0")
    seconds: int = u16("how long it holds unless it is said again; 0 = no longer", unit="s", max=LEASE_MAX_S)


@command(
    0x0A0A,
    "station.lock",
    roles=OPERATORS,
    effect=Effect.REPEATABLE,
    answered_by=STATIONS,
    errors=((ErrorCode.UNSUPPORTED, "a station without the capability BAY_LOCKS"), *_PRESENT),
    since=V1_2,
)
class LockBay(Request[BayStatus]):
    """Hold the camera in a bay for a time, or let it go; CONFLICT if it is another docking."""

    bay: int = u16("bay, from 1", min=1, max=BAYS_MAX)
    docking: int = u32("docking that the host speaks of")
    seconds: int = u16("how long it is held unless it is said again; 0 = let go", unit="s", max=LOCK_MAX_S)


@event(0x0AF0, "station.docked")
class Docked(Event):
    """Something was put into a bay."""

    bay: int = u16("bay, from 1", min=1, max=BAYS_MAX)
    docking: int = u32("its number among the dockings of this bay")


@event(0x0AF1, "station.undocked")
class Undocked(Event):
    """A bay was emptied."""

    bay: int = u16("bay, from 1", min=1, max=BAYS_MAX)
    docking: int = u32("the docking that ended")


@event(0x0AF2, "station.alarm")
class BayAlarmed(Event):
    """A bay was switched off and quarantined."""

    bay: int = u16("bay, from 1", min=1, max=BAYS_MAX)
    alarms: BayAlarm = flags(BayAlarm, "why")
    temperature_dc: int = i16("temperature at the contacts, tenths of a degree", unit="0.1 °C")
    incident: int = u32("its number among the quarantines of this bay")


@event(0x0AF3, "station.bay_changed")
class BayChanged(Event):
    """A bay changed its state; since 1.2 also: its verdict or its lock."""

    bay: int = u16("bay, from 1", min=1, max=BAYS_MAX)
    state: BayState | Unknown = choice(BayState, "where it stands now")
    docking: int = u32("the docking that this is about")
    verdict: BayVerdict | Unknown = choice(
        BayVerdict, "a host's verdict that is in force", since=V1_2, default=BayVerdict.NONE
    )
    locked: bool = boolean("whether it is locked", since=V1_2, default=False)


class Station(Subject):
    """The single steps; `DockingStation.bays` adds the list of all bays."""

    status = method(ReadStation)
    bays = method(ListBays)
    bay = method(ReadBay)
    power = method(SwitchPower)
    data = method(SwitchData)
    identify = method(IdentifyBay)
    release = method(ReleaseBay)
    lease = method(LeaseBay)
    verdict = method(JudgeBay)
    lock = method(LockBay)
