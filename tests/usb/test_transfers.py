"""Bytes pass the bulk endpoints whole, whatever the packets are, and what fails ends in the one error."""

import asyncio
import errno
import threading
from typing import Any

import pytest
import usb.core

from bwc_protocol.bindings import usb as descriptors
from bwc_sdk.errors import DeviceLost, TransportError
from bwc_sdk.transport import blocking
from bwc_sdk.transport import usb as transports
from bwc_sdk.transport.usb import MENDS_MAX, WRITE_MS
from bwc_sdk.transport.usbip_backend import UsbIpBackend

PACKET = descriptors.BULK_PACKET
TEXT = bytes(range(256)) * 4096


@pytest.mark.parametrize("size", [1, PACKET - 1, PACKET, PACKET + 1, 4 * PACKET, 65_536, 300_000])
def test_a_write_of_any_size_reaches_the_firmware_at_once(lab: Any, size: int) -> None:
    async def use(port: Any, firmware: Any, host: Any, transport: Any) -> None:
        transport.write([TEXT[:size]])
        assert await firmware.has(size) == TEXT[:size]

    lab.bare(use)


@pytest.mark.rule("USB-004")
def test_only_a_write_of_whole_packets_is_followed_by_an_empty_one(lab: Any) -> None:
    async def use(port: Any, firmware: Any, host: Any, transport: Any) -> tuple[int, int]:
        transport.write([TEXT[: PACKET - 1]])
        await firmware.has(PACKET - 1)
        without = port.device.bulk.zero_length_out
        transport.write([TEXT[:PACKET]])
        await firmware.has(2 * PACKET - 1)
        return without, port.device.bulk.zero_length_out

    assert lab.bare(use) == (0, 1)


@pytest.mark.rule("USB-004")
def test_a_device_controller_waits_for_the_end_of_a_transfer(lab: Any) -> None:
    """Why the empty packet matters: the promise above fails on this device without it."""

    async def use(port: Any, firmware: Any, host: Any, transport: Any) -> None:
        device = transport._device
        await asyncio.to_thread(device.write, descriptors.BULK_OUT, TEXT[:PACKET])
        assert not firmware.came
        await asyncio.to_thread(device.write, descriptors.BULK_OUT, b"")
        assert firmware.came == TEXT[:PACKET]

    lab.bare(use)


@pytest.mark.rule("USB-005")
@pytest.mark.parametrize("piece", [None, 1, PACKET - 1, PACKET, PACKET + 1])
def test_transfers_to_the_host_may_end_anywhere(lab: Any, piece: int | None) -> None:
    size = 500 if piece == 1 else len(TEXT)

    async def use(port: Any, firmware: Any, host: Any, transport: Any) -> None:
        port.device.bulk.piece = piece
        port.device.bulk.write([TEXT[:size]])
        assert await host.has(size) == TEXT[:size]

    lab.bare(use)


@pytest.mark.rule("USB-005")
def test_an_empty_transfer_to_the_host_is_not_its_end(lab: Any) -> None:
    async def use(port: Any, firmware: Any, host: Any, transport: Any) -> None:
        port.device.bulk.zero_length_in = 20
        port.device.bulk.write([b"after them"])
        assert await host.has(10) == b"after them"

    lab.bare(use)


class _InVain(UsbIpBackend):
    """Tells when a read has timed out."""

    def bulk_read(self, handle: Any, endpoint: int, interface: int, into: Any, timeout: int) -> int:
        try:
            return super().bulk_read(handle, endpoint, interface, into, timeout)
        except usb.core.USBTimeoutError:
            self.in_vain()
            raise

    def in_vain(self) -> None: ...


def test_a_read_that_times_out_loses_nothing(lab: Any) -> None:
    made: list[_InVain] = []
    rest = [TEXT[at : at + 100] for at in range(0, 1000, 100)]

    def backend(server: tuple[str, int]) -> _InVain:
        made.append(_InVain(server))
        return made[0]

    async def use(port: Any, firmware: Any, host: Any, transport: Any) -> None:
        loop = asyncio.get_running_loop()

        def write() -> None:
            if rest:
                port.device.bulk.write([rest.pop(0)])

        made[0].in_vain = lambda: loop.call_soon_threadsafe(write)
        assert await host.has(1000) == TEXT[:1000]

    lab.bare(use, backend)


@pytest.mark.rule("USB-009")
@pytest.mark.parametrize("endpoint", [descriptors.BULK_IN, descriptors.BULK_OUT])
def test_a_halt_is_cleared_and_what_was_queued_still_comes(lab: Any, endpoint: int) -> None:
    async def use(port: Any, firmware: Any, host: Any, transport: Any) -> None:
        port.device.bulk.halt(endpoint, again=MENDS_MAX - 1)
        transport.write([b"to the device"])
        assert await firmware.has(13) == b"to the device"
        port.device.bulk.write([b"to the host"])
        assert await host.has(11) == b"to the host"

    lab.bare(use)


@pytest.mark.rule("USB-009")
@pytest.mark.parametrize("endpoint", [descriptors.BULK_IN, descriptors.BULK_OUT])
def test_a_device_that_halts_for_ever_is_given_up(lab: Any, endpoint: int) -> None:
    async def use(port: Any, firmware: Any, host: Any, transport: Any) -> Exception:
        port.device.bulk.halt(endpoint, again=1000)
        transport.write([b"to the device"])
        return await host.ends()

    error = lab.bare(use)
    assert type(error) is TransportError
    assert "halts its endpoint" in error.rule


def test_an_overlong_packet_is_lost_and_no_more(lab: Any) -> None:
    async def use(port: Any, firmware: Any, host: Any, transport: Any) -> None:
        port.device.bulk.babbles = MENDS_MAX
        port.device.bulk.write([b"x" * PACKET])
        while port.device.bulk.babbles:  # noqa: ASYNC110  # the device model has no events of its own
            await asyncio.sleep(0)
        port.device.bulk.write([b"whole"])
        assert await host.has(5) == b"whole"

    lab.bare(use)


def test_a_device_that_babbles_for_ever_is_given_up(lab: Any) -> None:
    async def use(port: Any, firmware: Any, host: Any, transport: Any) -> Exception:
        port.device.bulk.babbles = 1000
        port.device.bulk.write([b"x"])
        return await host.ends()

    error = lab.bare(use)
    assert type(error) is TransportError
    assert "larger than its descriptors say" in error.rule


class _Failing(UsbIpBackend):
    """libusb as it is when the cable goes: `number` says how."""

    number: int | None = None
    failing = False

    def bulk_read(self, handle: Any, endpoint: int, interface: int, into: Any, timeout: int) -> int:
        if self.failing:
            raise usb.core.USBError("gone", None, self.number)
        return super().bulk_read(handle, endpoint, interface, into, timeout)

    def bulk_write(self, handle: Any, endpoint: int, interface: int, data: Any, timeout: int) -> int:
        if self.failing:
            raise usb.core.USBError("gone", None, self.number)
        return super().bulk_write(handle, endpoint, interface, data, timeout)


@pytest.mark.parametrize(
    "number", [errno.EIO, errno.ENODEV, errno.ENOENT, errno.EPROTO, errno.ESHUTDOWN, errno.EILSEQ, None]
)
def test_each_error_of_an_unplug_is_the_one_disconnect_error(lab: Any, number: int | None) -> None:
    made: list[_Failing] = []

    def backend(server: tuple[str, int]) -> _Failing:
        made.append(_Failing(server))
        made[0].number = number
        return made[0]

    async def use(port: Any, firmware: Any, host: Any, transport: Any) -> Exception:
        made[0].failing = True
        transport.write([b"x"])
        return await host.ends()

    assert type(lab.bare(use, backend)) is DeviceLost


def test_a_halt_that_cannot_be_cleared_because_the_cable_is_out_is_a_disconnect(lab: Any) -> None:
    class Halted(_Failing):
        number = errno.EPIPE

        def clear_halt(self, handle: Any, endpoint: int) -> None:
            raise usb.core.USBError("gone", None, errno.ENODEV)

    made: list[Halted] = []

    async def use(port: Any, firmware: Any, host: Any, transport: Any) -> Exception:
        made[0].failing = True
        return await host.ends()

    error = lab.bare(use, lambda server: made.append(Halted(server)) or made[0])
    assert type(error) is DeviceLost


def test_an_unplug_ends_what_is_under_way_and_is_reported_once(lab: Any) -> None:
    async def use(port: Any, firmware: Any, host: Any, transport: Any) -> Exception:
        transport.write([TEXT])
        port.device.bulk.write([TEXT])
        await host.has(1)
        port.unplug()
        return await host.ends()

    assert type(lab.bare(use)) is DeviceLost


def test_a_device_that_takes_nothing_does_not_hold_the_close(lab: Any) -> None:
    tried, closing = threading.Event(), threading.Event()
    after_the_close: list[int] = []

    class Full(UsbIpBackend):
        def bulk_write(self, handle: Any, endpoint: int, interface: int, data: Any, timeout: int) -> int:
            if closing.is_set():
                after_the_close.append(timeout)
            tried.set()
            closing.wait(timeout / 1000)
            raise usb.core.USBTimeoutError("full", -7, errno.ETIMEDOUT)

    async def use(port: Any, firmware: Any, host: Any, transport: Any) -> None:
        transport.write([TEXT])
        assert transport.room() < transport.high_water
        await asyncio.to_thread(tried.wait)
        transport._closing = True  # as the first step of the close, which is of a thread of its own, sets it
        closing.set()
        await transport.close()
        assert host.error is None, "a close of one's own is no loss"

    lab.bare(use, Full)
    assert sum(after_the_close) <= WRITE_MS, "one more transfer at most"


def test_a_farewell_still_goes_out_when_the_pipe_is_closed_at_once(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocking, "FAREWELL_S", 15.0)  # a busy machine needs longer for so much

    async def use(port: Any, firmware: Any, host: Any, transport: Any) -> bytes:
        transport.write([TEXT])
        await transport.close()
        return bytes(firmware.came)

    assert lab.bare(use) == TEXT


def test_what_an_earlier_owner_left_in_the_endpoint_is_not_for_the_next(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transports, "DRAIN_MS", 1_000)  # a device of this process may be slow to answer

    async def use(port: Any, firmware: Any, host: Any, transport: Any) -> None:
        handle = transport._device._ctx.backend.open_device(transport._device._ctx.dev)
        try:
            await transport.close()  # as after a crash: the device is still attached, and does not know
            port.device.bulk.write([TEXT])
            await transport.open(host)
            port.device.bulk.write([b"fresh"])
            assert await host.has(5) == b"fresh"
        finally:
            transport._device._ctx.backend.close_device(handle)

    lab.bare(use)


def test_a_host_that_comes_back_is_a_new_host_to_the_firmware(lab: Any) -> None:
    async def use(port: Any, firmware: Any, host: Any, transport: Any) -> None:
        port.device.bulk.write([TEXT])
        await transport.close()
        left = firmware.hosts_left
        await transport.open(host)
        assert firmware.hosts_left > left
        assert port.device.bulk.room() > len(TEXT)

    lab.bare(use)
