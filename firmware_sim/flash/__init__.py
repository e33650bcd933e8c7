"""The flash of a device: the one place through which everything that it keeps is written."""
