"""A serial port: exclusive, in order however it is cut, and an unplug is one error.

Every test runs over both shells: the loop's own reads, and the threads that Windows needs.
"""

import asyncio
import os
import termios
import tty
from collections.abc import Awaitable, Callable, Iterator

import pytest
import serial

from bwc_sdk.errors import BwcError, DeviceLost, PortBusy, PortForbidden, PortNotFound
from bwc_sdk.transport import blocking, file_descriptor
from bwc_sdk.transport.registry import DESCRIPTORS, transport_for
from bwc_sdk.transport.serial import SerialTransport
from bwc_sdk.transport.serial_threads import ThreadedSerialTransport
from bwc_sdk.transport.uri import DeviceUri

BOUND_S = 30.0
"""What would never end is found by it; a busy machine takes its time."""


class Heard:
    """A receiver that keeps what it is told."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.pieces: list[int] = []
        self.errors: list[Exception] = []
        self.rooms = 0
        self.news = asyncio.Event()

    def received(self, data: bytes | memoryview) -> None:
        self.data += data
        self.pieces.append(len(data))
        self.news.set()

    def lost(self, error: Exception) -> None:
        self.errors.append(error)
        self.news.set()

    def writable(self) -> None:
        self.rooms += 1
        self.news.set()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(BOUND_S):
            while not true():
                self.news.clear()
                await self.news.wait()


@pytest.fixture
def pty() -> Iterator[tuple[int, str]]:
    """The device's end of a serial line, and the path of the host's."""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)
    try:
        os.close(master)
    except OSError:
        pass  # the test has pulled it


Shell = type[SerialTransport] | type[ThreadedSerialTransport]
AnySerial = SerialTransport | ThreadedSerialTransport
Scenario = Callable[[AnySerial, Heard], Awaitable[None]]


@pytest.fixture(params=[SerialTransport, ThreadedSerialTransport], ids=["by the loop", "by threads"])
def shell(request: pytest.FixtureRequest) -> Shell:
    return request.param


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last bytes have as long as they need: for what they are, not for how soon a busy machine reads them."""
    monkeypatch.setattr(blocking, "FAREWELL_S", BOUND_S)
    monkeypatch.setattr(file_descriptor, "FAREWELL_S", BOUND_S)


@pytest.fixture
def on_port(shell: Shell) -> Callable[[str, Scenario], None]:
    """Runs a scenario on the open port of that path."""

    def run(path: str, scenario: Scenario) -> None:
        async def main() -> None:
            transport, heard = shell(DeviceUri.parse(f"serial:{path}")), Heard()
            await transport.open(heard)
            try:
                await scenario(transport, heard)
            finally:
                await transport.close()

        asyncio.run(main())

    return run


def test_every_byte_arrives_in_order(pty: tuple[int, str], on_port: Callable[[str, Scenario], None]) -> None:
    master, path = pty
    sent = os.urandom(300_000)

    async def scenario(transport: AnySerial, heard: Heard) -> None:
        writing = asyncio.get_running_loop().run_in_executor(None, _write_all, master, sent)
        await heard.until(lambda: len(heard.data) >= len(sent))
        await writing
        assert heard.data == sent
        if isinstance(transport, SerialTransport):
            assert max(heard.pieces) <= 65_536  # then the loop's other work has its turn

    on_port(path, scenario)


def test_what_the_line_does_not_take_waits_and_nothing_is_lost(
    pty: tuple[int, str], on_port: Callable[[str, Scenario], None]
) -> None:
    master, path = pty
    sent = os.urandom(200_000)
    got = bytearray()

    async def scenario(transport: AnySerial, heard: Heard) -> None:
        left = memoryview(sent)
        reading = None
        while left:
            room = transport.room()
            if not room:
                loop = asyncio.get_running_loop()
                reading = reading or loop.run_in_executor(None, _read_into, master, got, len(sent))
                rooms = heard.rooms
                await heard.until(lambda rooms=rooms: heard.rooms > rooms)
                continue
            transport.write([bytes(left[:room])])
            left = left[room:]
        assert reading is not None  # the line was full at least once
        await reading
        assert got == sent

    on_port(path, scenario)


def test_an_unplug_is_told_once(pty: tuple[int, str], on_port: Callable[[str, Scenario], None]) -> None:
    master, path = pty

    async def scenario(transport: AnySerial, heard: Heard) -> None:
        os.write(master, b"last words")
        await heard.until(lambda: bool(heard.data))
        os.close(master)
        await heard.until(lambda: bool(heard.errors))
        transport.write([b"into the void"])
        await asyncio.sleep(0)
        (error,) = heard.errors
        assert isinstance(error, DeviceLost)
        assert path in str(error)
        assert heard.data == b"last words"

    on_port(path, scenario)


def test_an_unplug_under_a_write_is_told_after_the_write(
    pty: tuple[int, str], on_port: Callable[[str, Scenario], None]
) -> None:
    master, path = pty

    async def scenario(transport: AnySerial, heard: Heard) -> None:
        os.close(master)
        transport.write([b"into the void"])
        assert heard.errors == []  # never inside the writer's own call
        await heard.until(lambda: bool(heard.errors))
        assert isinstance(heard.errors[0], DeviceLost)

    on_port(path, scenario)


def test_a_farewell_goes_out_before_the_port_closes(
    pty: tuple[int, str], on_port: Callable[[str, Scenario], None], patient: None
) -> None:
    master, path = pty
    sent = os.urandom(20_000)  # several times what a pty takes
    got = bytearray()

    async def scenario(transport: AnySerial, heard: Heard) -> None:
        transport.write([sent])
        reading = asyncio.get_running_loop().run_in_executor(None, _read_into, master, got, len(sent))
        await transport.close()
        await reading
        assert got == sent
        assert heard.errors == []

    on_port(path, scenario)


@pytest.mark.rule("TRN-004")
def test_a_port_that_is_open_elsewhere_is_busy(
    pty: tuple[int, str], on_port: Callable[[str, Scenario], None]
) -> None:
    _, path = pty

    async def scenario(transport: AnySerial, heard: Heard) -> None:
        with pytest.raises(PortBusy):
            await type(transport)(DeviceUri.parse(f"serial:{path}")).open(Heard())

    on_port(path, scenario)


def test_a_port_that_is_not_there_is_named(shell: Shell) -> None:
    async def main() -> None:
        with pytest.raises(PortNotFound, match="/dev/no-such-port"):
            await shell(DeviceUri.parse("serial:/dev/no-such-port")).open(Heard())

    asyncio.run(main())


def test_a_device_that_takes_nothing_does_not_hold_the_close(
    pty: tuple[int, str], on_port: Callable[[str, Scenario], None]
) -> None:
    _, path = pty

    async def scenario(transport: AnySerial, heard: Heard) -> None:
        transport.write([bytes(60_000)])
        async with asyncio.timeout(BOUND_S):
            await transport.close()
        assert heard.errors == []

    on_port(path, scenario)


def test_a_port_can_be_opened_again_after_it_was_closed(pty: tuple[int, str], shell: Shell) -> None:
    master, path = pty

    async def main() -> None:
        for word in (b"first", b"second"):
            transport, heard = shell(DeviceUri.parse(f"serial:{path}")), Heard()
            await transport.open(heard)
            os.write(master, word)
            await heard.until(lambda heard=heard, word=word: heard.data == word)
            await transport.close()

    asyncio.run(main())


@pytest.mark.rule("TRN-004")
def test_the_line_is_raw_whatever_it_was_before(shell: Shell, patient: None) -> None:
    """Neither echo, nor line ends, nor characters with a meaning: a terminal has all of them at first."""
    master, slave = os.openpty()
    every = bytes(range(256)) * 4

    async def main() -> None:
        transport, heard = shell(DeviceUri.parse(f"serial:{os.ttyname(slave)}")), Heard()
        await transport.open(heard)
        os.write(master, every)
        await heard.until(lambda: len(heard.data) >= len(every))
        assert heard.data == every
        transport.write([every])
        await transport.close()
        got = bytearray()
        _read_into(master, got, len(every))
        assert got == every, "what came was not sent back, and what went was not changed"

    try:
        asyncio.run(main())
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.rule("TRN-001", "TRN-003")
@pytest.mark.parametrize(("options", "speed"), [("", termios.B115200), ("?baud=9600", termios.B9600)])
def test_a_line_has_8_data_bits_no_parity_1_stop_bit_and_no_flow_control(
    pty: tuple[int, str], shell: Shell, options: str, speed: int
) -> None:
    master, path = pty

    async def main() -> None:
        transport = shell(DeviceUri.parse(f"serial:{path}{options}"))
        await transport.open(Heard())
        took_in, _, control, _, in_speed, out_speed, _ = termios.tcgetattr(master)
        await transport.close()
        assert control & termios.CSIZE == termios.CS8
        assert not control & (termios.PARENB | termios.CSTOPB | termios.CRTSCTS)
        assert not took_in & (termios.IXON | termios.IXOFF | termios.IXANY)
        assert in_speed == out_speed == speed

    asyncio.run(main())


def test_a_system_whose_loop_watches_no_ports_gets_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = DeviceUri.parse("serial:COM3?baud=9600")
    assert DESCRIPTORS and isinstance(transport_for(uri), SerialTransport)
    monkeypatch.setattr("bwc_sdk.transport.registry.DESCRIPTORS", False)
    transport = transport_for(uri)
    assert isinstance(transport, ThreadedSerialTransport)
    assert transport.name == "serial:COM3" and transport.limits == SerialTransport(uri).limits


def _windows(error: str, number: int, words: str, winerror: int) -> str:
    """How pyserial words an error of Windows: without any number but those inside the text."""
    return f"could not open port 'COM3': {error}({number}, {words!r}, None, {winerror})"


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (_windows("PermissionError", 13, "Access is denied.", 5), PortBusy, "Access is denied."),
        (_windows("PermissionError", 13, "Zugriff verweigert", 5), PortBusy, "Zugriff verweigert"),
        (_windows("PermissionError", 13, "it's in use", 32), PortBusy, "it's in use"),
        (_windows("OSError", 22, "blocked by group policy", 1260), PortForbidden, "group policy"),
        (
            _windows("FileNotFoundError", 2, "The system cannot find the file specified.", 2),
            PortNotFound,
            "The system cannot find the file specified.",
        ),
        (_windows("OSError", 22, "A device is not functioning.", 31), PortNotFound, "not functioning"),
    ],
)
def test_what_windows_says_is_told_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, said: str, kind: type[BwcError], words: str
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise serial.SerialException(said)

    monkeypatch.setattr(serial, "Serial", refuse)

    async def main() -> None:
        with pytest.raises(kind, match=f"COM3.*{words}"):
            await ThreadedSerialTransport(DeviceUri.parse("serial:COM3")).open(Heard())

    asyncio.run(main())


class _Unplugged(serial.SerialBase):
    """A port whose device goes away right behind a byte, as pyserial of any system tells it."""

    timeout = None

    def __init__(self, *args: object, **options: object) -> None:
        self.left = [b"!"]

    def read(self, size: int = 1) -> bytes:
        if not self.left:
            raise serial.SerialException(
                "ReadFile failed (PermissionError(13, 'Access is denied.', None, 5))"
            )
        return self.left.pop()

    @property
    def in_waiting(self) -> int:
        raise serial.SerialException("ClearCommError failed (OSError(22, 'The device is gone.', None, 22))")

    def cancel_read(self) -> None: ...

    def cancel_write(self) -> None: ...

    def close(self) -> None: ...

    def __del__(self) -> None: ...


def test_what_came_before_an_unplug_is_handed_over_by_threads_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial, "Serial", _Unplugged)

    async def main() -> None:
        transport, heard = ThreadedSerialTransport(DeviceUri.parse("serial:COM3")), Heard()
        await transport.open(heard)
        await heard.until(lambda: bool(heard.errors))
        await transport.close()
        assert heard.data == b"!"
        (error,) = heard.errors
        assert isinstance(error, DeviceLost) and "Access is denied." in str(error)

    asyncio.run(main())


def test_a_file_that_is_no_port_is_told_as_that(shell: Shell) -> None:
    async def main() -> None:
        with pytest.raises(PortNotFound, match="/dev/null: transport: it is no serial port"):
            await shell(DeviceUri.parse("serial:/dev/null")).open(Heard())

    asyncio.run(main())


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _read_into(file: int, got: bytearray, size: int) -> None:
    while len(got) < size:
        got += os.read(file, 65_536)


class _Plugged:
    """What pyserial knows of a port."""

    def __init__(self, device: str, location: str | None) -> None:
        self.device, self.location = device, location


@pytest.mark.parametrize("place", ["1-4.2", "1-4.2:1.0"])
def test_a_port_is_found_by_its_usb_port_under_whatever_name_it_comes_back(
    pty: tuple[int, str],
    shell: Shell,
    on_port: Callable[[str, Scenario], None],
    place: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    master, path = pty
    there = [_Plugged("/dev/soldered", None), _Plugged("/dev/neighbour", "1-4.21:1.0")]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: there)
    with pytest.raises(PortNotFound, match=rf"^serial:{place}: .*no serial port is at USB port {place}"):
        asyncio.run(shell(DeviceUri.parse(f"serial:{place}")).open(Heard()))
    there += [_Plugged("/dev/second", "1-4.2:1.2"), _Plugged(path, "1-4.2:1.0")]  # it is plugged in

    async def scenario(transport: AnySerial, heard: Heard) -> None:
        os.write(master, b"here")
        await heard.until(lambda: bytes(heard.data) == b"here")

    on_port(place, scenario)
