"""Devices behind pipes: bytes become the conversation of a device."""
