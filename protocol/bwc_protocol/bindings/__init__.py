"""How the protocol shows itself on a bus: descriptors of USB, services of BLE."""
