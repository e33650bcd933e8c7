"""Numbers that more than one layer speaks of: error codes and device kinds (spec: Error codes)."""

from bwc_protocol.versions import V1_2
from bwc_protocol.word import Word


class PeerKind(Word):
    """What stands at one end of a conversation."""

    HOST = 1
    CAMERA = 2
    STATION = 3


class ErrorCode(Word):
    """Why a device did not do what a request asked. Nothing was changed unless the code says otherwise."""

    UNSUPPORTED = 1
    """The opcode is not known to this device: an older firmware, or a capability that it lacks."""
    MALFORMED = 2
    """The body breaks the declaration of its message, as its tables alone show, or the request's id is 0."""
    NOT_PERMITTED = 3
    """The role of the host does not carry this command."""
    NOT_READY = 4
    """The command came before READY."""
    BUSY = 5
    """Too much is outstanding, or the device does something that excludes this; ask again later."""
    NOT_FOUND = 6
    """The recording, segment, cell or setting does not exist."""
    CONFLICT = 7
    """The precondition does not hold: something changed since it was read."""
    OUT_OF_RANGE = 8
    """The body is well-formed; a value in it is outside what this device, its schema or the recording allows."""
    WRONG_STATE = 9
    """The device is in a state that does not allow this, such as rebooting while it records."""
    NEEDS_RECEIPT = 10
    """Erase needs a signed receipt of the final destination for exactly this recording."""
    HELD = 11
    """A hold protects the recording."""
    UNKNOWN_SETTING = 12
    """The configuration has a key that this device does not know."""
    WRONG_TYPE = 13
    """The configuration has a value of another type than its key takes."""
    IMPLAUSIBLE = 14
    """A clock step beyond the limit without a reason that allows it, or from an unsynchronised source."""
    STORAGE_FAULT = 15
    """The device's storage failed while it read or wrote."""
    FULL = 16
    """No room on the device."""
    HASH_MISMATCH = 17
    """What was uploaded does not hash to what was announced."""
    INTERNAL = 18
    """The firmware failed in a way that it has no better word for; it says so in its log."""
    UNTRUSTED = 19, V1_2, OUT_OF_RANGE
    """A certificate or a signed document does not pass a check, which the detail names."""
    PURPOSE_REFUSED = 20, V1_2, OUT_OF_RANGE
    """Recording solely First Amendment activity is no purpose that a device takes, in whatever field."""
