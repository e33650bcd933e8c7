"""What a camera or a station shows of itself on USB (spec: USB): one composite device with two functions.

A CDC-ACM function is a serial port everywhere without a driver; a vendor-specific interface with two bulk endpoints
is the fast pipe. Both carry the same frames. Nothing here tells one camera from another.
"""

from typing import Any, Final

import construct as c

TEST_VENDOR_ID: Final = 0x1209
TEST_PRODUCT_ID: Final = 0x0001
"""pid.codes' identifier for tests: for simulators and benches, never for a product."""

BULK_CLASS: Final = 0xFF
BULK_SUBCLASS: Final = 0x42
BULK_PROTOCOL: Final = 0x01
"""The triple by which a host knows the bulk interface, whoever made the device."""

SERIAL_INTERFACE: Final = 0
SERIAL_DATA_INTERFACE: Final = 1
BULK_INTERFACE: Final = 2
BULK_OUT: Final = 0x01
BULK_IN: Final = 0x81
SERIAL_NOTIFY: Final = 0x82
SERIAL_OUT: Final = 0x03
SERIAL_IN: Final = 0x83

BULK_PACKET: Final = 512
"""Bytes in a packet of a bulk endpoint at high speed: the USB specification allows no other value."""
NOTIFY_PACKET: Final = 16
NOTIFY_INTERVAL: Final = 9
"""2^(9-1) microframes, 32 ms: nothing is ever sent there."""
MAX_POWER_2MA: Final = 250
"""500 mA: a camera charges from the port that it is plugged into."""

DEVICE_TYPE: Final = 1
CONFIGURATION_TYPE: Final = 2
STRING_TYPE: Final = 3
INTERFACE_TYPE: Final = 4
ENDPOINT_TYPE: Final = 5
BOS_TYPE: Final = 15

MS_VENDOR_CODE: Final = 0x42
"""bRequest of the vendor request by which Windows fetches the Microsoft OS 2.0 descriptors."""
MS_OS_20_INDEX: Final = 7
INTERFACE_GUID: Final = "{8B1F2C9E-5D0A-4E57-9C38-2F6B7A41D3E0}"
"""By which programs on Windows find the bulk interface."""

_ENGLISH: Final = 0x0409
_MS_OS_20_PLATFORM: Final = bytes.fromhex("df60ddd8 8945 c74c 9cd2 659d9e648a9f")
_WINDOWS_8_1: Final = 0x06030000
_REG_MULTI_SZ: Final = 7

# Field names are those of the USB specification, so that both can be read side by side.

DEVICE: Final = c.Struct(
    "bLength" / c.Const(18, c.Int8ul),
    "bDescriptorType" / c.Const(DEVICE_TYPE, c.Int8ul),
    "bcdUSB" / c.Int16ul,
    "bDeviceClass" / c.Int8ul,
    "bDeviceSubClass" / c.Int8ul,
    "bDeviceProtocol" / c.Int8ul,
    "bMaxPacketSize0" / c.Int8ul,
    "idVendor" / c.Int16ul,
    "idProduct" / c.Int16ul,
    "bcdDevice" / c.Int16ul,
    "iManufacturer" / c.Int8ul,
    "iProduct" / c.Int8ul,
    "iSerialNumber" / c.Int8ul,
    "bNumConfigurations" / c.Int8ul,
)
_CONFIGURATION: Final = c.Struct(
    "bLength" / c.Const(9, c.Int8ul),
    "bDescriptorType" / c.Const(CONFIGURATION_TYPE, c.Int8ul),
    "wTotalLength" / c.Int16ul,
    "bNumInterfaces" / c.Int8ul,
    "bConfigurationValue" / c.Int8ul,
    "iConfiguration" / c.Int8ul,
    "bmAttributes" / c.Int8ul,
    "bMaxPower" / c.Int8ul,
)
_ASSOCIATION: Final = c.Struct(
    "bLength" / c.Const(8, c.Int8ul),
    "bDescriptorType" / c.Const(11, c.Int8ul),
    "bFirstInterface" / c.Int8ul,
    "bInterfaceCount" / c.Int8ul,
    "bFunctionClass" / c.Int8ul,
    "bFunctionSubClass" / c.Int8ul,
    "bFunctionProtocol" / c.Int8ul,
    "iFunction" / c.Int8ul,
)
_INTERFACE: Final = c.Struct(
    "bLength" / c.Const(9, c.Int8ul),
    "bDescriptorType" / c.Const(INTERFACE_TYPE, c.Int8ul),
    "bInterfaceNumber" / c.Int8ul,
    "bAlternateSetting" / c.Const(0, c.Int8ul),
    "bNumEndpoints" / c.Int8ul,
    "bInterfaceClass" / c.Int8ul,
    "bInterfaceSubClass" / c.Int8ul,
    "bInterfaceProtocol" / c.Int8ul,
    "iInterface" / c.Int8ul,
)
_ENDPOINT: Final = c.Struct(
    "bLength" / c.Const(7, c.Int8ul),
    "bDescriptorType" / c.Const(ENDPOINT_TYPE, c.Int8ul),
    "bEndpointAddress" / c.Int8ul,
    "bmAttributes" / c.Int8ul,
    "wMaxPacketSize" / c.Int16ul,
    "bInterval" / c.Int8ul,
)
_STRING: Final = c.Struct(
    "bLength" / c.Rebuild(c.Int8ul, lambda this: 2 + 2 * len(this.text)),
    "bDescriptorType" / c.Const(STRING_TYPE, c.Int8ul),
    "text" / c.GreedyString("utf-16-le"),
)
_BOS: Final = c.Struct(
    "bLength" / c.Const(5, c.Int8ul),
    "bDescriptorType" / c.Const(BOS_TYPE, c.Int8ul),
    "wTotalLength" / c.Rebuild(c.Int16ul, lambda this: 5 + 28),
    "bNumDeviceCaps" / c.Const(1, c.Int8ul),
    "platform"
    / c.Struct(
        "bLength" / c.Const(28, c.Int8ul),
        "bDescriptorType" / c.Const(16, c.Int8ul),
        "bDevCapabilityType" / c.Const(5, c.Int8ul),
        "bReserved" / c.Const(0, c.Int8ul),
        "PlatformCapabilityUUID" / c.Const(_MS_OS_20_PLATFORM),
        "dwWindowsVersion" / c.Const(_WINDOWS_8_1, c.Int32ul),
        "wMSOSDescriptorSetTotalLength" / c.Int16ul,
        "bMS_VendorCode" / c.Int8ul,
        "bAltEnumCode" / c.Const(0, c.Int8ul),
    ),
)
_COMPATIBLE_ID: Final = c.Struct(
    "wLength" / c.Const(20, c.Int16ul),
    "wDescriptorType" / c.Const(3, c.Int16ul),
    "CompatibleID" / c.PaddedString(8, "ascii"),
    "SubCompatibleID" / c.PaddedString(8, "ascii"),
)
_REGISTRY_PROPERTY: Final = c.Struct(
    "wLength" / c.Rebuild(c.Int16ul, lambda this: 10 + len(this.PropertyName) + len(this.PropertyData)),
    "wDescriptorType" / c.Const(4, c.Int16ul),
    "wPropertyDataType" / c.Const(_REG_MULTI_SZ, c.Int16ul),
    "PropertyName" / c.Prefixed(c.Int16ul, c.GreedyBytes),
    "PropertyData" / c.Prefixed(c.Int16ul, c.GreedyBytes),
)
_MS_OS_20_SET: Final = c.Struct(
    "wLength" / c.Const(10, c.Int16ul),
    "wDescriptorType" / c.Const(0, c.Int16ul),
    "dwWindowsVersion" / c.Const(_WINDOWS_8_1, c.Int32ul),
    "wTotalLength" / c.Rebuild(c.Int16ul, lambda this: 26 + len(this.features)),
    # The configuration subset names the configuration by its index, not by bConfigurationValue.
    "configuration"
    / c.Struct(
        "wLength" / c.Const(8, c.Int16ul),
        "wDescriptorType" / c.Const(1, c.Int16ul),
        "bConfigurationValue" / c.Const(0, c.Int8ul),
        "bReserved" / c.Const(0, c.Int8ul),
        "wTotalLength" / c.Rebuild(c.Int16ul, lambda this: 16 + len(this._.features)),
    ),
    "function"
    / c.Struct(
        "wLength" / c.Const(8, c.Int16ul),
        "wDescriptorType" / c.Const(2, c.Int16ul),
        "bFirstInterface" / c.Int8ul,
        "bReserved" / c.Const(0, c.Int8ul),
        "wSubsetLength" / c.Rebuild(c.Int16ul, lambda this: 8 + len(this._.features)),
    ),
    "features" / c.GreedyBytes,
)


def device_descriptor(
    vendor_id: int = TEST_VENDOR_ID, product_id: int = TEST_PRODUCT_ID, *, release: int = 0x0100
) -> bytes:
    """18 bytes. `release` is the firmware's, binary-coded decimal; there is never a serial number."""
    return bytes(
        DEVICE.build(
            {
                # From 2.01 on a host asks for the BOS; 2.10 is what such devices say by custom.
                "bcdUSB": 0x0210,
                # Miscellaneous, common class, interface association: Windows splits it into functions.
                "bDeviceClass": 0xEF,
                "bDeviceSubClass": 2,
                "bDeviceProtocol": 1,
                "bMaxPacketSize0": 64,
                "idVendor": vendor_id,
                "idProduct": product_id,
                "bcdDevice": release,
                "iManufacturer": 1,
                "iProduct": 2,
                "iSerialNumber": 0,
                "bNumConfigurations": 1,
            }
        )
    )


def string_descriptor(text: str | None) -> bytes:
    """A string of at most 126 characters; None is string 0, the list of languages (English alone)."""
    if text is None:
        return bytes((4, STRING_TYPE)) + _ENGLISH.to_bytes(2, "little")
    return bytes(_STRING.build({"text": text[:126]}))


def _interface(number: int, endpoints: int, triple: tuple[int, int, int]) -> bytes:
    fields = dict(zip(("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol"), triple, strict=True))
    return _build(_INTERFACE, bInterfaceNumber=number, bNumEndpoints=endpoints, iInterface=0, **fields)


def _endpoint(address: int, attributes: int, packet: int, interval: int = 0) -> bytes:
    fields = {"bmAttributes": attributes, "wMaxPacketSize": packet, "bInterval": interval}
    return _build(_ENDPOINT, bEndpointAddress=address, **fields)


def _build(form: Any, **fields: int) -> bytes:
    return bytes(form.build(fields))


def _configuration() -> bytes:
    bulk, interrupt = 2, 3
    body = b"".join(
        (
            # Communications, ACM, protocol 0: no modem commands, so nothing probes it for a modem.
            _build(
                _ASSOCIATION,
                bFirstInterface=SERIAL_INTERFACE,
                bInterfaceCount=2,
                bFunctionClass=2,
                bFunctionSubClass=2,
                bFunctionProtocol=0,
                iFunction=0,
            ),
            _interface(SERIAL_INTERFACE, 1, (2, 2, 0)),
            bytes((5, 0x24, 0x00, 0x10, 0x01)),  # CDC header, CDC 1.10
            bytes((5, 0x24, 0x01, 0x00, SERIAL_DATA_INTERFACE)),  # no call management
            bytes((4, 0x24, 0x02, 0x02)),  # ACM: takes line coding and control line state, and ignores them
            bytes((5, 0x24, 0x06, SERIAL_INTERFACE, SERIAL_DATA_INTERFACE)),  # union
            _endpoint(SERIAL_NOTIFY, interrupt, NOTIFY_PACKET, NOTIFY_INTERVAL),
            _interface(SERIAL_DATA_INTERFACE, 2, (10, 0, 0)),
            _endpoint(SERIAL_OUT, bulk, BULK_PACKET),
            _endpoint(SERIAL_IN, bulk, BULK_PACKET),
            _interface(BULK_INTERFACE, 2, (BULK_CLASS, BULK_SUBCLASS, BULK_PROTOCOL)),
            _endpoint(BULK_OUT, bulk, BULK_PACKET),
            _endpoint(BULK_IN, bulk, BULK_PACKET),
        )
    )
    head = _build(
        _CONFIGURATION,
        wTotalLength=9 + len(body),
        bNumInterfaces=3,
        bConfigurationValue=1,
        iConfiguration=0,
        bmAttributes=0x80,  # powered by the bus, no remote wake-up
        bMaxPower=MAX_POWER_2MA,
    )
    return head + body


def _ms_os_20_set() -> bytes:
    property_ = {
        "PropertyName": "DeviceInterfaceGUIDs\0".encode("utf-16-le"),
        "PropertyData": f"{INTERFACE_GUID}\0\0".encode("utf-16-le"),
    }
    features = _COMPATIBLE_ID.build({"CompatibleID": "WINUSB", "SubCompatibleID": ""})
    features += _REGISTRY_PROPERTY.build(property_)
    fields = {
        "configuration": {},
        "function": {"bFirstInterface": BULK_INTERFACE},
        "features": features,
    }
    return bytes(_MS_OS_20_SET.build(fields))


CONFIGURATION: Final = _configuration()
"""The whole configuration as it is sent: with its interfaces, endpoints and class descriptors."""
MS_OS_20_SET: Final = _ms_os_20_set()
"""Binds WinUSB to the bulk function alone; the serial function gets Windows' own driver by its class."""
BOS: Final = bytes(
    _BOS.build(
        {
            "platform": {
                "wMSOSDescriptorSetTotalLength": len(MS_OS_20_SET),
                "bMS_VendorCode": MS_VENDOR_CODE,
            }
        }
    )
)
"""Names the Microsoft OS 2.0 descriptors, and no WebUSB: a web page has no business with a camera."""
