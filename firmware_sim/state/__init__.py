"""The directory in which a device lives on between runs."""
