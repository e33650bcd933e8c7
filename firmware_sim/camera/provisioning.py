"""A camera's configuration as it comes from the factory or the agency: values set before anybody connects."""

from collections.abc import Mapping
from typing import Final

from bwc_protocol.messages.config import SettingType, TakesEffect
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.setting_rules import Value
from firmware_sim.device.nearest import meant
from firmware_sim.device.refusal import Refusal

_BOOLS: Final = {"true": True, "false": False}


def provision(camera: SimCamera, values: Mapping[str, str]) -> None:
    """Puts settings, given as text, into effect at once. Raises `ValueError` for what the device would refuse."""
    settings = camera.settings
    try:
        wire = [settings.rules[key].to_wire(_value(camera, key, text)) for key, text in values.items()]
        settings.stage(settings.revision, wire)
        settings.commit(settings.revision)
    except KeyError as error:
        key = str(error.args[0])
        raise ValueError(f"there is no setting {key[:64]!r}{meant(key, settings.rules)}") from error
    except Refusal as refusal:
        raise ValueError(refusal.detail) from refusal
    settings.take_effect(TakesEffect.ON_UNDOCK, TakesEffect.ON_REBOOT)
    camera.apply_settings()
    camera.radio.notify()


def _value(camera: SimCamera, key: str, text: str) -> Value:
    match camera.settings.rules[key].type:
        case SettingType.BOOL:
            if text not in _BOOLS:
                raise ValueError(f"{key} is true or false, not {text!r}")
            return _BOOLS[text]
        case SettingType.INT:
            try:
                return int(text)
            except ValueError:
                raise ValueError(f"{key} takes a whole number, not {text[:60]!r}") from None
        case _:
            return text
