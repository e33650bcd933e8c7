"""How a verb runs: from its command line and the common options to a device, and back to an exit code."""
