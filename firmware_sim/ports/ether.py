"""Virtual Bluetooth: controllers that hear each other in this process, and adapters for hosts outside it.

bumble brings the controllers. What is mended here was found by driving them with the Linux kernel and BlueZ, and
by unplugging adapters in the middle of everything.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, cast

from bumble import core, hci, ll
from bumble.controller import Connection, Controller
from bumble.link import LocalLink
from bumble.transport.common import PacketParser

log = logging.getLogger(__name__)

ACL_BYTES: Final = 527
"""One packet between host and controller: the longest value whole. bumble's default of 27 cuts it into twenty."""
_BEYOND: Final = (
    hci.LeFeatureMask.LL_PRIVACY
    | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
    | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
)
"""Features that are announced by bumble's controller and not carried out: Linux waits 4 s for their events."""
CALM_S: Final = 0.03
"""How late a kernel is told of connections and their ends: BlueZ races with answers that come at once."""
_LATE: Final = (
    hci.HCI_LE_Connection_Complete_Event,
    hci.HCI_LE_Read_Remote_Features_Complete_Event,
    hci.HCI_Disconnection_Complete_Event,
)


class Ether(LocalLink):
    """What the controllers of one process share in place of the air."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # bumble does not annotate this one

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: core.PhysicalTransport,
        data: bytes,
    ) -> None:
        # By the address of the connection: a sender may have connected from its public one, and its private one
        # may have changed since.
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if connection is not None and receiver is not None:
            source = connection.self_address
            asyncio.get_running_loop().call_soon(receiver.on_link_acl_data, source, transport, data)

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        try:
            super().send_ll_control_pdu(sender_address, receiver_address, packet)
        except core.InvalidArgumentError:
            log.debug("nobody at %s hears a %s", receiver_address, type(packet).__name__)  # it left just now


class Adapter(Controller):
    """One Bluetooth adapter in an `Ether`; `calm` for a real kernel behind it."""

    le_features = Controller.le_features & ~_BEYOND
    le_acl_data_packet_length = ACL_BYTES

    def __init__(self, name: str, ether: Ether, address: str, *, calm: bool = False) -> None:
        super().__init__(name, link=ether, public_address=f"{address}/P")
        self._ether = ether
        self._calm = calm

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        if self.host is None:
            return
        loop = asyncio.get_running_loop()
        if self._calm and isinstance(packet, _LATE):
            loop.call_later(CALM_S, self.host.on_packet, bytes(packet))
        else:
            loop.call_soon(self.host.on_packet, bytes(packet))

    def on_hci_packet(self, packet: hci.HCI_Packet) -> None:
        if isinstance(packet, hci.HCI_AclDataPacket):
            # bumble would first make a line of log, wanted or not, which takes as long as all the rest.
            self.on_hci_acl_data_packet(packet)
        else:
            super().on_hci_packet(packet)

    def on_hci_reset_command(self, command: hci.HCI_Reset_Command) -> Any:
        self._forget(hci.HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR)
        return super().on_hci_reset_command(command)

    def on_hci_le_create_connection_cancel_command(
        self, command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> Any:
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is not None:
            self.send_hci_packet(
                hci.HCI_LE_Connection_Complete_Event(
                    status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                    connection_handle=0,
                    role=hci.Role.CENTRAL,
                    peer_address_type=pending.peer_address.address_type,
                    peer_address=pending.peer_address,
                    connection_interval=0,
                    peripheral_latency=0,
                    supervision_timeout=0,
                    central_clock_accuracy=0,
                )
            )
        return super().on_hci_le_create_connection_cancel_command(command)

    def on_le_disconnected(self, connection: Connection, reason: int) -> None:
        if self.le_connections.get(connection.peer_address) is connection:  # else both ends hung up at once
            super().on_le_disconnected(connection, reason)

    def unplug(self) -> None:
        """The adapter leaves the machine: to its peers, a supervision time-out."""
        self._forget(hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)
        self.host = None
        self._ether.controllers.discard(self)

    def _forget(self, reason: int) -> None:
        self.le_legacy_advertiser.stop()
        self.le_scan_enable = False
        self.pending_le_connection = None
        for connection in list(self.le_connections.values()):
            connection.send_ll_control_pdu(ll.TerminateInd(reason))
        self.le_connections.clear()


class AdapterServer:
    """Adapters by HCI over TCP: each client gets a fresh one in the `Ether`, for as long as it is connected."""

    def __init__(self, ether: Ether) -> None:
        self._ether = ether
        self._server: asyncio.Server | None = None
        self._count = 0
        self._clients: set[_Client] = set()
        self.address = ""
        """`host:port`, once it listens."""

    async def listen(self, host: str, port: int) -> None:
        """Raises `OSError`."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Client(self), host, port)
        bound = self._server.sockets[0].getsockname()
        self.address = f"{bound[0]}:{bound[1]}"

    def plug_in(self, client: _Client) -> Adapter:
        """A new adapter, with an address that no other one has."""
        self._count += 1
        self._clients.add(client)
        octets = self._count.to_bytes(3, "big").hex(":").upper()
        return Adapter(f"adapter {self._count}", self._ether, f"F0:57:B3:{octets}")

    def left(self, client: _Client) -> None:
        """Its connection ended."""
        self._clients.discard(client)

    def close(self) -> None:
        """Ends all."""
        if self._server is not None:
            self._server.close()
        for client in list(self._clients):
            client.close()


class _Client(asyncio.Protocol):
    """A host on the other end of a TCP connection, and its adapter."""

    def __init__(self, server: AdapterServer) -> None:
        self._server = server
        self._parser = PacketParser()
        self._adapter: Adapter | None = None
        self._transport: asyncio.Transport | None = None
        self._to_host: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # No `isinstance`: the transports of other loops, such as uvloop's, behave so and are none.
        self._transport = cast(asyncio.Transport, transport)
        self._adapter = self._server.plug_in(self)
        self._adapter.host = self
        self._parser.set_packet_sink(self._adapter)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except core.InvalidPacketError as error:
            log.warning("no HCI on this connection: %s", error)
            self.close()

    def on_packet(self, packet: bytes) -> None:
        """From the adapter to its host: what comes in one turn of the loop in one piece."""
        if not self._to_host:
            asyncio.get_running_loop().call_soon(self._flush)
        self._to_host.append(packet)

    def _flush(self) -> None:
        data, self._to_host = b"".join(self._to_host), []
        if self._transport is not None:
            self._transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._server.left(self)
        if self._adapter is not None:
            self._adapter.unplug()

    def close(self) -> None:
        """Ends the connection."""
        if self._transport is not None:
            self._transport.close()
