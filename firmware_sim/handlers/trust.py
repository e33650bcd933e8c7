"""Trust: whom a device belongs to. One without an identity is development firmware, which is never enrolled."""

from typing import Any

from bwc_protocol.declare import Handlers, Request
from bwc_protocol.messages.trust import (
    CarryOut,
    Enroll,
    GiveNonce,
    InstallDenyList,
    ReadDenyList,
    ReadResetRecord,
    ReadTrust,
    Renew,
    RequestCertificate,
    TakeDesiredState,
    TrustState,
)
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.device.refusal import Refusal
from firmware_sim.device.session import DeviceSession
from firmware_sim.handlers.registry import CAMERA, STATION


def read(session: DeviceSession, request: ReadTrust) -> TrustState:
    return TrustState(
        enrolled=False,
        agency="",
        lab="",
        roots=(),
        issuer_key_id=b"",
        not_before_s=0,
        not_after_s=0,
        deny_counter=0,
        recipients=(),
        locked=False,
        floor_s=0,
        desired_counter=0,
        generation=0,
        requested=False,
        window_s=0,
    )


def never_enrolled(session: DeviceSession, request: Request[Any]) -> Any:
    raise Refusal(ErrorCode.WRONG_STATE, "this is development firmware: it is never enrolled")


def has_none(session: DeviceSession, request: Request[Any]) -> Any:
    raise Refusal(ErrorCode.NOT_FOUND, "there is none")


def answer(on: Handlers[Any]) -> None:
    """Registers what every kind of device answers."""
    ReadTrust.handler(on)(read)
    for missing in (ReadDenyList, ReadResetRecord):
        missing.handler(on)(has_none)
    for refused in (RequestCertificate, Enroll, Renew, InstallDenyList, GiveNonce, CarryOut):
        refused.handler(on)(never_enrolled)


answer(CAMERA)
answer(STATION)
TakeDesiredState.handler(CAMERA)(never_enrolled)
