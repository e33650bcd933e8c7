"""A slot in JSON, the same in a list and in a watch."""

from bwc_sdk.discovery.slot import Slot


def document(slot: Slot) -> dict[str, object]:
    """A slot in JSON."""
    return {
        "uri": slot.uri,
        "port_path": slot.port_path,
        "usb_id": slot.usb_id,
        "description": slot.description,
        "accessible": slot.accessible,
        "others": list(slot.others),
    }
