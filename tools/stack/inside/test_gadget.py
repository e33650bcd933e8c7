"""A camera behind the kernel's own USB gadget: an independent implementation of both functions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bwc_sdk.offload import ConnectionLost
from bwc_sdk.sync import connect, offload
from tools.stack.inside.camera import both_functions, link_of, nothing, simulator
from tools.stack.inside.gadget import Gadget
from tools.stack.inside.program import until
from tools.stack.inside.pulling import lost_while_read


@pytest.fixture(scope="module")
def gadget() -> Iterator[Gadget]:
    """A board that is a camera."""
    gadget = Gadget("board")
    camera = simulator("--listen", f"tty:{gadget.line}", "--listen", "tcp:127.0.0.1:0")
    assert camera.line(0) == f"tty:{gadget.line}"
    gadget.serve(int(camera.line(1).rpartition(":")[2]))
    yield gadget
    gadget.close()
    camera.kill()
    until(nothing, "end of the gadget")


def reached(link: str) -> str:
    """The URI of one of its two links, once it has both."""
    return link_of(until(both_functions, "camera with both its functions"), link)


@pytest.mark.parametrize("link", ["serial", "usb"])
def test_footage_comes_whole_out_of_a_gadget(gadget: Gadget, link: str, tmp_path: Path) -> None:
    gadget.bind()
    job = offload(reached(link), tmp_path)
    assert ConnectionLost not in [type(event) for event in job]
    assert job.result.complete
    gadget.unbind()
    until(nothing, "end of the gadget")


@pytest.mark.parametrize("link", ["serial", "usb"])
def test_a_gadget_that_is_unbound_while_it_is_read_is_lost_once_and_comes_back_under_its_names(
    gadget: Gadget, link: str
) -> None:
    gadget.bind()
    uri = reached(link)
    lost_while_read(uri, gadget.unbind)
    until(nothing, "end of the gadget")
    gadget.bind()
    assert reached(link) == uri, "the same name, since it is the same port"
    with connect(uri) as again:
        assert again.device.status().boot_counter == 1, "the camera had another host, and no reboot"
    gadget.unbind()
    until(nothing, "end of the gadget")
