"""Physical models: battery, clock, wear of the flash."""
