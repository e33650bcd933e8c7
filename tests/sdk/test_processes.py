"""What a program does around the SDK: it forks, brings its own event loop, and asks name servers that do not answer."""

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
import bwc_sdk.bridge
from bwc_sdk import sync
from bwc_sdk.errors import ForkedHandle, HostExhausted, PortNotFound
from bwc_sdk.host import name_lookup
from bwc_sdk.host import unbounded_calls as errands
from bwc_sdk.host.unbounded_calls import UNBOUNDED_CALLS, UnboundedCalls
from bwc_sdk.host.workers import ThreadWorkers
from bwc_sdk.offload import StoredVerified, offload
from bwc_sdk.sync import loop as sync_loop
from bwc_sdk.sync.loop import loop_thread
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.pty import PtyPort
from firmware_sim.ports.tcp import TcpPort
from firmware_sim.scenarios import Footage, make_camera

CHILD_S = 60.0


@pytest.fixture
def served() -> Iterator[tuple[str, SimCamera]]:
    """A simulated camera behind TCP, on a loop in a thread of its own."""
    camera = make_camera(seed=7, recordings=2, mib=2, footage=Footage.SYNTHETIC)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> TcpPort:
        return TcpPort(camera)

    async def stop(port: TcpPort) -> None:
        port.close()
        await asyncio.sleep(0)

    port = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    yield port.uri, camera
    asyncio.run_coroutine_threadsafe(stop(port), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    camera.close()


def in_child(work: Callable[[], None]) -> int:
    """The exit code of a forked child that does `work`: 0, or 1 if it raised, 2 if it hung."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of what is tested here
        child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.signal(signal.SIGALRM, lambda *_: os._exit(2))
            signal.alarm(int(CHILD_S))
            work()
            code = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def store(uri: str, dest: Path) -> int:
    """Offloads everything, and says how much that was."""
    dest.mkdir()

    async def main() -> int:
        job = offload(uri, dest, allow_insecure=True)
        async for _ in job:
            pass
        assert job.result is not None
        return sum(isinstance(one, StoredVerified) for one in job.result.outcomes)

    return asyncio.run(main())


# Forks


def test_an_offload_works_in_a_child_whose_parent_has_made_one(
    served: tuple[str, SimCamera], tmp_path: Path
) -> None:
    """The parent's worker threads stay in the parent."""
    uri, _ = served
    assert store(uri, tmp_path / "parent") == 2
    assert in_child(lambda: _same(store(uri, tmp_path / "child"), 2)) == 0
    assert store(uri, tmp_path / "parent again") == 2


def test_the_blocking_twin_works_in_a_child_whose_parent_uses_it(
    served: tuple[str, SimCamera], tmp_path: Path
) -> None:
    uri, _ = served
    with sync.connect(uri, allow_insecure=True) as camera:
        serial = camera.device.identify().serial
    (tmp_path / "child").mkdir()

    def child() -> None:
        with sync.connect(uri, allow_insecure=True) as again:
            _same(again.device.identify().serial, serial)
        job = sync.offload(uri, tmp_path / "child", allow_insecure=True)
        for _ in job:
            pass
        assert job.result is not None
        _same(sum(isinstance(one, StoredVerified) for one in job.result.outcomes), 2)

    assert in_child(child) == 0
    with sync.connect(uri, allow_insecure=True) as camera:
        assert camera.device.identify().serial == serial


def test_the_loop_that_a_child_inherits_is_let_go_of_nowhere() -> None:
    """It would close itself, and take out of the selector that both share what the parent watches."""
    loop_thread().run(asyncio.sleep(0))
    inherited = weakref.ref(loop_thread().loop)

    def child() -> None:
        loop_thread().run(asyncio.sleep(0))
        gc.collect()
        loop = inherited()
        assert loop is not None and loop is not loop_thread().loop and not loop.is_closed()
        # Some Pythons happen to leave the frames of the threads that are not there; others let go of them.
        assert [one.loop for one in sync_loop._of_parents] == [loop]

    assert in_child(child) == 0
    loop_thread().run(asyncio.sleep(0))


def test_a_connection_of_the_parent_is_told_in_the_child(served: tuple[str, SimCamera]) -> None:
    """Its bytes would go out in the middle of the parent's."""
    uri, _ = served

    async def main() -> int:
        async with bwc_sdk.connect(uri, allow_insecure=True) as camera:

            def child() -> None:
                with pytest.raises(ForkedHandle, match="belongs to the process that was forked"):
                    asyncio.run(camera.device.status())

            code = in_child(child)
            await camera.device.status()
            return code

    assert asyncio.run(main()) == 0


def test_locks_that_other_threads_held_at_the_fork_hold_nobody_up(served: tuple[str, SimCamera]) -> None:
    from bwc_sdk.capture import file as capture_file
    from bwc_sdk.host import host_time
    from bwc_sdk.sync import loop
    from bwc_sdk.transport import usbip_backend

    uri, _ = served
    workers = ThreadWorkers(1)
    locks = (
        capture_file._lock,
        loop._lock,
        usbip_backend._backends_lock,
        workers._busy._lock,
        UNBOUNDED_CALLS._lock,
    )
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        for lock in locks:
            lock.acquire()
        held.set()
        done.wait()
        for lock in locks:
            lock.release()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()

    def child() -> None:
        usbip_backend.backend_for(("127.0.0.1", 1))
        host_time.host_time()
        _same(asyncio.run(workers.run(len, b"four")), 4)
        with sync.connect(uri, capture=Path(os.devnull), allow_insecure=True) as camera:
            camera.device.status()
        _same(UNBOUNDED_CALLS.submit(len, b"four").result(), 4)

    try:
        assert in_child(child) == 0
    finally:
        done.set()
        holder.join()


def _same(found: object, wanted: object) -> None:
    assert found == wanted, found


# Other event loops


class _Proxy:
    """A transport as that of another event loop is: it does what asyncio's does, and is none."""

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class ForeignLoop(asyncio.SelectorEventLoop):
    """An event loop whose transports are not asyncio's, as uvloop's are not."""

    async def create_connection(self, protocol_factory: Any, *args: Any, **kwargs: Any) -> Any:
        return await super().create_connection(_foreign(protocol_factory), *args, **kwargs)

    async def create_server(self, protocol_factory: Any, *args: Any, **kwargs: Any) -> Any:
        return await super().create_server(_foreign(protocol_factory), *args, **kwargs)


def _foreign(make: Callable[[], Any]) -> Callable[[], Any]:
    def made() -> Any:
        protocol = make()
        told = protocol.connection_made
        protocol.connection_made = lambda transport: told(_Proxy(transport))
        return protocol

    return made


def _uvloop() -> asyncio.AbstractEventLoop:
    return pytest.importorskip("uvloop").new_event_loop()


@pytest.mark.parametrize("loop", [ForeignLoop, _uvloop], ids=["foreign", "uvloop"])
@pytest.mark.parametrize("way", ["tcp", "pty", "bridge", "name"])
def test_it_works_on_another_event_loop(
    loop: Callable[[], asyncio.AbstractEventLoop], way: str, tmp_path: Path
) -> None:
    async def main() -> int:
        camera = make_camera(seed=7, recordings=2, mib=2, footage=Footage.SYNTHETIC)
        port = PtyPort(camera) if way == "pty" else TcpPort(camera)
        try:
            uri = port.uri.replace("127.0.0.1", "localhost") if way == "name" else port.uri
            if way != "bridge":
                return await stored(uri)
            async with bwc_sdk.bridge.Bridge(uri) as bridge:
                return await stored(bridge.uri)
        finally:
            port.close()
            camera.close()

    async def stored(uri: str) -> int:
        job = offload(uri, tmp_path, allow_insecure=True)
        async for _ in job:
            pass
        assert job.result is not None
        return sum(isinstance(one, StoredVerified) for one in job.result.outcomes)

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(main()) == 2


# Names


@pytest.fixture
def dead_name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A name server that never answers: whoever asks it waits, until the test is over."""
    asked, over = threading.Event(), threading.Event()

    def getaddrinfo(*args: Any, **kwargs: Any) -> Any:
        asked.set()
        over.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield asked
    over.set()


@pytest.mark.usefixtures("dead_name_server")
def test_a_name_server_that_does_not_answer_is_told_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_lookup, "RESOLVE_S", 0.05)

    async def main() -> None:
        with pytest.raises(PortNotFound, match="no name server answers within") as error:
            await bwc_sdk.connect("tcp:camera.example:7000", allow_insecure=True)
        assert "is the simulator" not in error.value.advice and "network" in error.value.advice
        with pytest.raises(PortNotFound, match="no name server answers within"):
            await bwc_sdk.bridge.Bridge("sim:", host="bench.example").open()

    asyncio.run(main())  # nor does the end of the loop wait for the thread


def test_a_name_that_leads_nowhere_is_told_as_that() -> None:
    async def main() -> None:
        for host in ("no-such-host.invalid", "a..b", "x" * 300):
            with pytest.raises(PortNotFound, match="leads nowhere"):
                await bwc_sdk.connect(f"tcp:{host}:7000", allow_insecure=True)

    asyncio.run(main())


def test_of_several_addresses_the_one_that_answers_is_taken(
    monkeypatch: pytest.MonkeyPatch, served: tuple[str, SimCamera]
) -> None:
    uri, _ = served
    number = int(uri.rpartition(":")[2])
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_, **__: [(2, 1, 6, "", (a, number)) for a in ("127.0.0.9", "127.0.0.1")],
    )

    async def main() -> int:
        async with bwc_sdk.connect(f"tcp:camera.example:{number}", allow_insecure=True) as camera:
            return (await camera.device.status()).boot_counter

    assert asyncio.run(main()) == 1


INTERRUPTED = """
    import asyncio, socket, threading, bwc_sdk

    def getaddrinfo(*args, **kwargs):
        print("asked", flush=True)
        threading.Event().wait()

    socket.getaddrinfo = getaddrinfo

    async def main():
        connecting = asyncio.ensure_future(bwc_sdk.connect("tcp:camera.example:7000"))
        while not connecting.done():  # a signal just before a wait is seen at its end: Python looks no sooner
            await asyncio.wait((connecting,), timeout=0.05)
        await connecting

    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("heard", flush=True)
    """


def test_while_a_name_server_does_not_answer_ctrl_c_is_heard_and_the_process_ends() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "heard\n"
        assert process.wait(CHILD_S) == 0, "nobody joins the thread that asks"


# UnboundedCalls


def test_errands_that_never_return_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "UNDER_WAY_MAX", 3)
    some, over = UnboundedCalls(), threading.Event()
    stuck = [some.submit(over.wait) for _ in range(3)]
    with pytest.raises(HostExhausted, match="3 calls of the system do not return"):
        some.submit(len, b"")
    over.set()
    assert all(one.result() for one in stuck)
    while some._under_way:
        pass  # each thread counts itself out after its result
    assert some.submit(len, b"four").result() == 4


def test_the_error_of_an_errand_comes_back() -> None:
    with pytest.raises(ZeroDivisionError):
        UnboundedCalls().submit(divmod, 1, 0).result()
