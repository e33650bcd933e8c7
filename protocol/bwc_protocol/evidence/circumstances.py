"""What a recording says of its circumstances: a closed vocabulary of a version, with a range free for agencies.

A number that this version does not name is kept as it came: it is of a later version, or, from `AGENCY_FIRST`, an
agency's own, which this protocol never names.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final, TypeVar

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence.record import Choice, Flag, Int, Octets, Record, Text, keyed
from bwc_protocol.evidence.vocabulary import EvidenceError
from bwc_protocol.versions import V1_2
from bwc_protocol.word import Word

VOCABULARY_VERSION: Final = 1
"""Raised when members are added; none is ever taken away or given another meaning."""
AGENCY_FIRST: Final = 128
"""Events, reasons and purposes from here to 255 are the agency's own."""
HOLDER_MAX: Final = 64
"""Bytes of who carried the camera: as many as an assignment has for the officer."""
SEALED_NAME_SIZE: Final = 144
"""Bytes of an encrypted name: 128, whatever the name's length, and the tag."""


class ActivationEvent(Word):
    """What a recording was begun for."""

    NOT_GIVEN = 0
    """Nobody said; reports list such recordings."""
    EMERGENCY_CALL = 1
    """An emergency call, or contact with the public in response to one."""
    PLANNED_ARREST = 2
    WARRANT = 3
    """A search or seizure warrant or order is executed."""
    CALL_FOR_SERVICE = 4
    ENFORCEMENT_CONTACT = 5
    """A stop, a frisk, or any other contact to enforce the law."""
    ENTERING_PREMISES = 6
    WELFARE_CHECK = 7
    ARREST = 8
    """One that was not planned."""
    SEARCH = 9
    REMOVAL_ORDER = 10
    FACILITY_PROTECTION = 11
    DISTURBANCE = 12
    SERVICE_OF_PAPERS = 13
    TRAFFIC_STOP = 14
    PURSUIT = 15
    USE_OF_FORCE = 16
    WEAPON_DRAWN = 17
    """What a holster's trigger says by itself."""
    EMERGENCY_DRIVE = 18
    """What a vehicle's trigger says by itself: light bar, siren or crash sensor."""
    TRAINING = 19
    TEST = 20
    """Of the camera itself; such a recording is no evidence."""


class StopReason(Word):
    """Why a recording ended, the microphone was muted, or lights and tones were switched off."""

    NOT_GIVEN = 0
    EVENT_OVER = 1
    VICTIM_OR_WITNESS_ASKED = 2
    CONFIDENTIAL_INFORMANT = 3
    PRIVACY = 4
    """A restroom, a break, counselling, a place where nobody may be recorded."""
    SUPERVISOR_ORDER = 5
    """The supervisor answers for it."""
    TACTICS = 6
    """What is said, or light and sound, would endanger somebody."""
    PRIVILEGED = 7
    """A lawyer, a physician or a cleric is spoken to."""
    OTHER_RECORDING = 8
    """A car's, a jail's or a court's camera records it."""
    EXPLOSIVES = 9
    """Nothing may transmit at the scene."""
    MISTAKE = 10
    """It was begun by accident."""
    STORAGE_FULL = 64
    """The camera itself: no room was left."""
    POWER_LOST = 65
    """The camera itself: as `cut` says, unless a reason had been given before."""
    SWITCHED_OFF = 66
    """The camera itself: it was switched off or restarted while it recorded."""
    CONTINUED = 67
    """The camera itself: a manifest holds no more segments; the next recording goes on without a gap."""


class Purpose(Word):
    """What footage is made for."""

    NOT_GIVEN = 0
    LAW_ENFORCEMENT = 1
    TRAINING = 2
    TEST = 3
    ADMINISTRATIVE = 4
    FIRST_AMENDMENT_ONLY = 127
    """Solely to record activity that the First Amendment protects: refused wherever it is set, and never recorded."""


class GivenBy(Word):
    """Who gave a word of the vocabulary."""

    NOBODY = 0
    BUTTON = 1
    """The wearer, at the camera."""
    TRIGGER = 2
    """A sensor, a vehicle, another camera or a person elsewhere."""
    DOCK = 3
    """Its configuration, as it was set before it was carried."""
    APP = 4
    """The wearer, by a device that is paired with the camera."""
    CAMERA = 5
    """The camera itself, of what it does by itself."""


W = TypeVar("W", bound=Word)


def word_of(of: type[W], text: str) -> W | Unknown | None:
    """What somebody typed: a word of this vocabulary, or the number of one that is the agency's own; None: neither."""
    for member in of:
        if str(member) == text:
            return member
    own = text.isascii() and text.isdecimal() and len(text) <= 3 and AGENCY_FIRST <= int(text) <= 0xFF
    return Unknown(int(text)) if own else None


def is_first_amendment_only(text: str) -> bool:
    """Whether a category's name says that nothing but First Amendment activity was recorded, however it is spelt."""
    letters = "".join(filter(str.isalnum, text.casefold()))
    return letters.startswith(("firstamendment", "1stamendment")) and letters.removesuffix("s").endswith(
        ("amendment", "only", "solely", "activity", "activitie")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances(Record):
    """What a recording was made for, by whom, and why it ended, as it was said when that happened."""

    label: ClassVar[str] = "circumstances"

    vocabulary: int = field(
        default=VOCABULARY_VERSION,
        metadata=keyed(0, Int(1, 255), "version of the vocabulary whose words it uses"),
    )
    event: ActivationEvent | Unknown = field(
        default=ActivationEvent.NOT_GIVEN,
        metadata=keyed(1, Choice(ActivationEvent), "what it was begun for"),
    )
    event_by: GivenBy | Unknown = field(
        default=GivenBy.NOBODY, metadata=keyed(2, Choice(GivenBy), "who said so")
    )
    ending: StopReason | Unknown = field(
        default=StopReason.NOT_GIVEN, metadata=keyed(3, Choice(StopReason), "why it ended")
    )
    ending_by: GivenBy | Unknown = field(
        default=GivenBy.NOBODY, metadata=keyed(4, Choice(GivenBy), "who said so")
    )
    purpose: Purpose | Unknown = field(
        default=Purpose.NOT_GIVEN, metadata=keyed(5, Choice(Purpose), "what it was made for")
    )
    holder: str = field(
        default="",
        metadata=keyed(6, Text(HOLDER_MAX), "who carried the camera when it began, or nothing"),
    )
    pseudonym: bool = field(
        default=False, metadata=keyed(7, Flag(), "the holder is a pseudonym, which the agency resolves")
    )
    generation: int = field(
        default=0, metadata=keyed(8, Int(0, 0xFFFF_FFFF), "physical resets of the camera before it")
    )
    sealed_name: bytes = field(
        default=b"",
        metadata=keyed(
            9,
            Octets(SEALED_NAME_SIZE),
            "officer and unit, encrypted under the content key; absent: not stated",
            since=V1_2,
        ),
    )

    def check_together(self) -> None:
        for name in ("event", "ending"):
            given, by = getattr(self, name), getattr(self, f"{name}_by")
            if (int(given) == 0) is not (int(by) == GivenBy.NOBODY):
                raise EvidenceError(f"circumstances-{name}", "a word and who gave it come together")
        if self.pseudonym and not self.holder:
            raise EvidenceError("circumstances-pseudonym", "a pseudonym of nobody")
        if self.sealed_name and (len(self.sealed_name) != SEALED_NAME_SIZE or not self.pseudonym):
            raise EvidenceError(
                "circumstances-sealed-name", f"{SEALED_NAME_SIZE} bytes, and beside a pseudonym alone"
            )
