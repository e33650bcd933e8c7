"""Defects of the frame layer (spec: Frame)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bwc_protocol.frame import HELLO, Frame, FrameType
from bwc_protocol.link import Link
from firmware_sim.camera.camera import SimCamera
from firmware_sim.defects.defect import Defect
from firmware_sim.defects.parser import KeepsWhatWasLeft, breaking
from firmware_sim.defects.parts import parts


def _parser(**breaks: bool) -> Callable[[SimCamera], None]:
    return parts(parser=breaking(**breaks))


def _keeps_what_was_left(camera: SimCamera) -> None:
    parts(parser=type("ItsParser", (KeepsWhatWasLeft,), {"left": bytearray()}))(camera)


class _RefusesReserved(Link):
    def _about_link(self, frame: Frame, now: float) -> None:
        if frame.type is not FrameType.HELLO or not any(frame.payload[HELLO.sizeof() - 3 :]):
            super()._about_link(frame, now)


class _RefusesLongHello(Link):
    def _about_link(self, frame: Frame, now: float) -> None:
        if frame.type is not FrameType.HELLO or len(frame.payload) == HELLO.sizeof():
            super()._about_link(frame, now)


class _TakesShortHello(Link):
    def _about_link(self, frame: Frame, now: float) -> None:
        if frame.type is FrameType.HELLO:
            frame = frame._replace(payload=frame.payload.ljust(HELLO.sizeof(), b"\0"))
        super()._about_link(frame, now)


class _ReadsVoidFields(Link):
    def _about_link(self, frame: Frame, now: float) -> None:
        if not (frame.channel or frame.seq or frame.ack or frame.epoch):
            super()._about_link(frame, now)


DEFECTS: Final = (
    Defect("bad-header", "FRM-001", "takes a frame whose header CRC is wrong", _parser(header_crc=True)),
    Defect("bad-payload", "FRM-001", "takes a frame whose payload CRC is wrong", _parser(payload_crc=True)),
    Defect("jumps-headers", "FRM-002", "goes on behind a bad header", _parser(jumps_headers=True)),
    Defect("jumps-payloads", "FRM-002", "goes on behind a bad payload", _parser(jumps_payloads=True)),
    Defect("waits-for-all", "FRM-003", "waits for a payload that is too long", _parser(waits_for_all=True)),
    Defect("waits-for-ever", "FRM-004", "waits for the rest of a cut frame", _parser(waits_for_ever=True)),
    Defect("keeps-what-was-left", "FRM-005", "goes on with what the pipe before left", _keeps_what_was_left),
    Defect("deaf-after-noise", "FRM-006", "loses a frame after noise", _parser(frame_after_noise=True)),
    Defect("payload-alone", "FRM-007", "leaves the header out of a payload CRC", _parser(payload_alone=True)),
    Defect(
        "refuses-reserved", "FRM-008", "refuses reserved bytes that are set", parts(link=_RefusesReserved)
    ),
    Defect("refuses-longer", "FRM-009", "refuses a HELLO that is longer", parts(link=_RefusesLongHello)),
    Defect("takes-shorter", "FRM-009", "takes a HELLO that is cut off", parts(link=_TakesShortHello)),
    Defect("reads-void-fields", "FRM-010", "reads fields that are void", parts(link=_ReadsVoidFields)),
    Defect(
        "into-unknown",
        "FRM-011",
        "looks into a frame of a type it knows not",
        _parser(looks_into_unknown=True),
    ),
)
