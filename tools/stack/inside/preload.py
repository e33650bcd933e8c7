"""What the programs import that run here: loaded once, since to import it takes fifteen seconds in this machine."""

import bleak
import bleak.backends.bluezdbus.client
import bleak.backends.bluezdbus.scanner
import pytest

import bwc_sdk.__main__
import bwc_sdk.cli.app
import bwc_sdk.offload
import bwc_sdk.sync
import bwc_sdk.transport.ble
import bwc_sdk.transport.serial
import bwc_sdk.transport.usb
import firmware_sim.cli
import firmware_sim.ports.ble_listen
import hil_tests.device.bench

__all__ = ["bleak", "bwc_sdk", "firmware_sim", "hil_tests", "pytest"]
