"""What `bwc` exits with; the table in docs/errors.md is this one. Numbers are never given a new meaning."""

import enum


class ExitCode(enum.IntEnum):
    """One number for each thing that a script may want to do next."""

    SUCCESS = 0
    UNEXPECTED = 1
    """A fault of the program; or, where a verb says so (`config diff --exit-code`, `doctor`), a difference."""
    USAGE = 2
    """The command line is wrong; nothing was sent. Or it names a recording that the camera does not list."""
    UNREACHABLE = 3
    """No such port, not allowed to open it, or nobody answers at that address."""
    NOT_A_DEVICE = 4
    """What answers is no such device, breaks the protocol, or the session with it failed."""
    LOST = 5
    """The device went away or fell silent while it was in use."""
    REFUSED = 6
    """The device refused the command; nothing was changed."""
    BUSY = 7
    """The port, the device or the destination is in use by somebody else; try again later."""
    BAD_CONFIG = 8
    """A configuration does not fit the device's schema, or a policy pack or a roster is none; nothing was changed."""
    BAD_DESTINATION = 9
    """A file or directory of this host cannot be used, or is full; or the host has run out of descriptors, threads or
    memory."""
    INCOMPLETE = 10
    """The offload ended, and not every recording is stored and verified, or some that the camera closed are missing; or
    of several cameras some are left, as it lists."""
    MISSING_PART = 11
    """A package that is needed is not installed, is another one of that name, too old, or cannot be loaded."""
    OUTCOME_UNKNOWN = 12
    """A command that changes something got no reply: it may have taken effect."""
    CLOCK_IMPLAUSIBLE = 13
    """A clock must not be set by what was measured, or by a host that does not know its time to be right."""
    EVIDENCE_MISMATCH = 14
    """A hash does not match: of footage, of a manifest, or in the device's log."""
    SLOW_LINK = 15
    """Footage would take too long over this link; `--allow-slow` lets it. Nothing was copied."""
    CLOCK_NOT_VERIFIED = 16
    """The clock was set, and does not read as it should: it is to be taken for wrong."""
    BAD_IDENTITY = 17
    """A key, a passphrase, a certificate or the agency of this host cannot be used; nothing was sent to any device."""
    BAD_DOCUMENT = 18
    """A signed document, such as an order or a desired state, is not what it has to be; nothing was sent."""
    HASHES_ONLY = 19
    """What is stored agrees with its hashes, and nobody has shown that a camera of the agency made it, or all of it
    is there: so says only whoever exported it."""
    NOT_CONFORMING = 20
    """The device breaks a rule of the specification; of a `conformance diff`, something is worse than before; of a
    `replay`, something was not as recorded; of a `soak`, an invariant does not hold."""
    INCONCLUSIVE = 21
    """No rule was found broken, and of some that were to be tested nobody knows: the bench, the host or a device that
    vanished came between."""
    NOT_MET = 22
    """A policy falls short of another, has faults, or a camera or its recordings do not keep to it."""
    BENCH_NOT_READY = 23
    """A bench would not come through its night: `bwc bench check` says what is in the way."""
    NOT_FIT = 24
    """A camera is not fit for the shift, or does not tell what it takes to know, or was not reached."""
    INTERRUPTED = 130
    """Ctrl-C."""
    READER_GONE = 141
    """Whoever read the output closed it, as `head` does."""
