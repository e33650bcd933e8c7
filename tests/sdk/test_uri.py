"""A device URI names one device in one form, or is refused with what to write instead (docs/links.md)."""

import re
from pathlib import Path

import pytest

from bwc_sdk.errors import InvalidUri, MissingExtra
from bwc_sdk.transport import Transport, registry
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.serial import SerialTransport
from bwc_sdk.transport.serial_port import ACM_PAYLOAD, UART_PAYLOAD
from bwc_sdk.transport.tcp import TcpTransport
from bwc_sdk.transport.uri import ANY_URI, URI_MAX, DeviceUri


@pytest.mark.parametrize(
    ("text", "scheme", "address", "options"),
    [
        ("serial:/dev/ttyACM0", "serial", "/dev/ttyACM0", {}),
        ("serial:/dev/ttyS1?baud=115200", "serial", "/dev/ttyS1", {"baud": "115200"}),
        ("tcp:127.0.0.1:7000", "tcp", "127.0.0.1:7000", {}),
        ("usb:1-4.2?bay=3", "usb", "1-4.2", {"bay": "3"}),
        ("sim:?seed=7&state=/tmp/a%26b", "sim", "", {"seed": "7", "state": "/tmp/a&b"}),
        ("SIM:", "sim", "", {}),
    ],
)
def test_a_uri_is_read_into_scheme_address_and_options(
    text: str, scheme: str, address: str, options: dict[str, str]
) -> None:
    assert DeviceUri.parse(text) == DeviceUri(scheme, address, options)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/dev/ttyACM0",
        ":address",
        "se rial:/dev/x",
        "tcp:127.0.0.1:7000\n",
        "tcp:127.0.0.1:7000\x1b[31m",
        "sim:" + "x" * URI_MAX,
        "sim:?seed",
        "sim:?seed=1&&x=2",
        "sim:?seed=1&seed=2",
    ],
)
def test_what_is_no_uri_is_refused_before_anything_is_opened(text: str) -> None:
    with pytest.raises(InvalidUri):
        DeviceUri.parse(text)


def test_a_refusal_never_repeats_control_characters_to_a_terminal() -> None:
    with pytest.raises(InvalidUri) as caught:
        DeviceUri.parse("tcp:\x1b]0;owned\x07")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("value", ["-1", "0x10", "300.5", "", "299", "12000001", "٣٠٠"])
def test_a_numeric_option_outside_its_range_is_refused(value: str) -> None:
    with pytest.raises(InvalidUri):
        transport_for(DeviceUri.parse(f"serial:/dev/ttyS0?baud={value}"))


def test_an_unknown_option_is_refused_instead_of_ignored() -> None:
    with pytest.raises(InvalidUri, match="boud") as caught:
        transport_for(DeviceUri.parse("serial:/dev/ttyS0?boud=9600"))
    assert "baud" in caught.value.advice


@pytest.mark.parametrize("address", ["", "host", "host:", ":7000", "host:0", "host:65536", "host:http"])
def test_a_tcp_address_without_host_or_port_is_refused(address: str) -> None:
    with pytest.raises(InvalidUri):
        transport_for(DeviceUri.parse(f"tcp:{address}"))


def test_each_scheme_opens_its_own_transport_with_its_own_limits() -> None:
    acm = transport_for(DeviceUri.parse("serial:/dev/ttyACM0"))
    uart = transport_for(DeviceUri.parse("serial:/dev/ttyS0?baud=115200"))
    assert isinstance(acm, SerialTransport)
    assert acm.limits.max_payload == ACM_PAYLOAD
    assert uart.limits.max_payload == UART_PAYLOAD
    assert uart.limits.initial_rate == 11_520
    assert isinstance(transport_for(DeviceUri.parse("tcp:[::1]:7000")), TcpTransport)


def test_a_transport_that_is_not_installed_names_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: ())
    with pytest.raises(MissingExtra) as caught:
        transport_for(DeviceUri.parse("sim:?seed=1"))
    assert caught.value.extra == "sim"
    assert "bwc-sdk[sim]" in caught.value.advice


def test_an_unknown_scheme_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(InvalidUri) as caught:
        transport_for(DeviceUri.parse("carrier:pigeon"))
    for scheme in (*registry.TRANSPORTS, "sim"):
        assert f"{scheme}:" in caught.value.advice


def test_one_registration_makes_a_transport_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "TRANSPORTS", dict(registry.TRANSPORTS))
    uri = DeviceUri.parse("pigeon:loft?bay=2")

    @registry.registered("pigeon")
    def _pigeon(named: DeviceUri) -> Transport:
        assert (named.address, named.bay) == ("loft", 0)  # the bay is not its affair
        return TcpTransport(DeviceUri.parse("tcp:127.0.0.1:7000"))

    assert transport_for(uri).name == "tcp:127.0.0.1:7000"
    with pytest.raises(InvalidUri) as caught:
        transport_for(DeviceUri.parse("carrier:loft"))
    assert "pigeon:" in caught.value.advice


def test_the_documents_have_an_example_of_each_transport() -> None:
    pages = "".join(
        page.read_text(encoding="utf-8") for page in (Path(__file__).parents[2] / "docs").glob("*.md")
    )
    for scheme in registry.TRANSPORTS:
        assert re.search(rf"\b{scheme}:\w", pages), scheme


def test_the_place_of_a_virtual_usb_bus_leads_to_the_device_on_it() -> None:
    with pytest.raises(InvalidUri) as caught:
        transport_for(DeviceUri.parse("usbip:127.0.0.1:3240"))
    assert "usb:1-1?usbip=127.0.0.1:3240" in caught.value.advice


@pytest.mark.parametrize(
    ("text", "advised"),
    [
        ("/dev/ttyACM0", "write serial:/dev/ttyACM0"),
        ("COM3", "write serial:COM3"),
        ("1-4.2", "write usb:1-4.2"),
        ("tcp://127.0.0.1:7000", "write tcp:127.0.0.1:7000"),
        ("serial://dev/ttyACM0", "write serial:/dev/ttyACM0"),
        ("sim://", "write sim:"),
    ],
)
def test_the_name_of_a_port_is_answered_with_its_uri(text: str, advised: str) -> None:
    with pytest.raises(InvalidUri) as caught:
        DeviceUri.parse(text)
    assert caught.value.advice == advised


@pytest.mark.parametrize("text", ["http://host:80", "ssh://host", "camera", "COM", "/srv/evidence"])
def test_what_is_advised_is_itself_a_uri(text: str) -> None:
    with pytest.raises(InvalidUri) as caught:
        DeviceUri.parse(text)
    assert caught.value.advice == ANY_URI
    for one in re.findall(r"[a-z]+:[^ ,]+", ANY_URI)[1:]:
        assert transport_for(DeviceUri.parse(one)).name == one
