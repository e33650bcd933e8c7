"""What a raw test gets: pipes, links and sessions with the device under test, closed after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bwc_protocol.declare import Role
from bwc_protocol.session.interface import RECORD_MAX
from bwc_protocol.session.preamble import NO_PROTECTION, TLS_1_3, Preamble
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.errors import BwcError, TransportError
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from hil_tests.device.identities import BenchIdentities
from hil_tests.raw.link import RawChannel, RawLink
from hil_tests.raw.pipe import PipeLost, RawPipe
from hil_tests.raw.session import RawSession
from hil_tests.raw.transcript import Transcript
from hil_tests.verdicts import not_tested


class Wire:
    """The way to the device, beneath the SDK's link."""

    def __init__(
        self, uri: str, *, identities: Path | None, insecure: bool, role: Role, transcript: Transcript
    ) -> None:
        self.transcript = transcript
        self.role = role
        """Under which sessions are opened that name none."""
        self._uri = DeviceUri.parse(uri)
        self._insecure = insecure
        self._directory = identities
        self._identities: BenchIdentities | None = None
        self._pipes: list[RawPipe] = []
        self._links: list[RawLink] = []

    @property
    def uri(self) -> str:
        """By which the device is reached."""
        return str(self._uri)

    @property
    def protection(self) -> int:
        """What sessions are protected by."""
        return NO_PROTECTION if self._insecure else TLS_1_3

    @property
    def bay(self) -> int:
        """The channel that leads to the device under test: 0, or the bay of a docking station."""
        return self._uri.bay

    @property
    def identities(self) -> BenchIdentities:
        """By whom sessions are opened. Raises `IdentityError`."""
        if self._identities is None:
            self._identities = BenchIdentities(self._directory, insecure=self._insecure)
        return self._identities

    @property
    def ends_are_told(self) -> bool:
        """Whether a device learns that a pipe was closed; on a UART it cannot."""
        return self._uri.scheme in ("sim", "tcp", "usb", "ble")

    def pipe(self) -> RawPipe:
        """A new pipe on which nothing was said."""
        pipe = RawPipe(transport_for(self._uri), len(self._pipes) + 1, self.transcript)
        pipe.open()
        self._pipes.append(pipe)
        return pipe

    def another_pipe(self) -> RawPipe:
        """A second pipe beside those that are open. Skips where the way to the device takes one user at a time."""
        if self._uri.scheme not in ("sim", "tcp"):
            not_tested(f"a second pipe beside one over {self._uri.scheme}: this way takes one user at a time")
        try:
            return self.pipe()
        except TransportError as error:
            not_tested(f"a second pipe beside the first: {error}")

    def calling(self, pipe: RawPipe | None = None) -> RawLink:
        """A link that has said nothing yet, on a new pipe or on one that is there."""
        link = RawLink(pipe or self.pipe())
        self._links.append(link)
        return link

    def link(self, **offer: Any) -> RawLink:
        """A live link on a new pipe."""
        return self.calling().open(**offer)

    def preamble(self, **changes: Any) -> bytes:
        """A sound first payload of a channel."""
        usual: dict[str, Any] = {
            "kind": PeerKind.HOST,
            "protection": self.protection,
            "max_plaintext": RECORD_MAX,
            "random": bytes(range(16)),
        }
        return Preamble(**(usual | changes)).encode()

    def channel(self, **offer: Any) -> RawChannel:
        """The device's channel, opened with a preamble on a new link, and the opening acknowledged."""
        channel = self.link(**offer).channel(self.bay).open_when_taken(self.preamble())
        channel.wait_acknowledged()
        return channel

    def conversation(
        self, role: Role | None = None, link: RawLink | None = None, *, bay: int | None = None
    ) -> RawSession:
        """A session of which no step is done yet, on a new link or on one that is there; with the device under test,
        or at a station with the camera in another `bay`."""
        asked = self.role if role is None else role
        identity = self.identities.of(asked)
        channel = (link or self.link()).channel(self.bay if bay is None else bay)
        return RawSession(channel, identity, asked, self.transcript)

    def session(
        self, role: Role | None = None, link: RawLink | None = None, *, bay: int | None = None
    ) -> RawSession:
        """A session that is READY."""
        return self.conversation(role, link, bay=bay).open()

    def hang_up(self) -> None:
        """Ends what is open, links and pipes, so that another host can come, also where the way takes one at a time."""
        self.close()

    def close(self) -> None:
        """Ends what the test left open, so that the device is free."""
        for link in self._links:
            try:
                link.close()
            except PipeLost:
                pass
        for pipe in self._pipes:
            try:
                pipe.close()
            except BwcError as error:
                self.transcript.remark(f"closing pipe {pipe.number}: {error}")
