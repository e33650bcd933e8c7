"""Configuration: schema, values, staging, one apply, upload."""

import hashlib
from collections.abc import Sequence
from typing import Final, TypeVar

from bwc_protocol.declare import MalformedMessage, Unknown
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.config import (
    AbortConfig,
    ApplyConfig,
    ConfigDocument,
    ConfigPage,
    ConfigState,
    ReadConfig,
    ReadConfigState,
    ReadSchema,
    SchemaPage,
    StageConfig,
    UploadConfig,
)
from bwc_protocol.messages.core import Done, StreamOpened
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.session import CameraSession
from firmware_sim.device.refusal import Refusal
from firmware_sim.handlers.registry import CAMERA

SCHEMA_PAGE: Final = 32
VALUES_PAGE: Final = 64
T = TypeVar("T")


@ReadSchema.handler(CAMERA)
def schema(session: CameraSession, request: ReadSchema) -> SchemaPage:
    rules = [rule.schema() for rule in session.camera.settings.rules.values()]
    page, following = _page(rules, request.start, SCHEMA_PAGE)
    return SchemaPage(settings=page, next=following)


@ReadConfig.handler(CAMERA)
def read(session: CameraSession, request: ReadConfig) -> ConfigPage:
    if isinstance(request.view, Unknown):
        raise Refusal(ErrorCode.OUT_OF_RANGE, f"there is no view {int(request.view)}")
    settings = session.camera.settings
    page, following = _page(settings.view(request.view), request.start, VALUES_PAGE)
    return ConfigPage(revision=settings.revision, settings=page, next=following)


@ReadConfigState.handler(CAMERA)
def state(session: CameraSession, request: ReadConfigState) -> ConfigState:
    return session.camera.settings.state()


@StageConfig.handler(CAMERA)
def stage(session: CameraSession, request: StageConfig) -> ConfigState:
    settings = session.camera.settings
    settings.stage(request.revision, request.settings)
    return settings.state()


@ApplyConfig.handler(CAMERA)
def commit(session: CameraSession, request: ApplyConfig) -> ConfigState:
    camera = session.camera
    keys = [setting.key for setting in camera.settings.staged()]
    detail = f"revision {camera.settings.revision + 1}: {', '.join(keys)}"
    if camera.settings.commit(
        request.revision, lambda changes: session.audit(AuditKind.CONFIG_APPLIED, detail, *changes)
    ):
        camera.apply_settings()
        camera.report.config()
    return camera.settings.state()


@AbortConfig.handler(CAMERA)
def abort(session: CameraSession, request: AbortConfig) -> Done:
    session.camera.settings.abort()
    return Done()


@UploadConfig.handler(CAMERA)
def upload(session: CameraSession, request: UploadConfig) -> StreamOpened:
    settings = session.camera.settings
    settings.check_revision(request.revision)

    def finish(document: bytes) -> None:
        if hashlib.sha256(document).digest() != request.sha256:
            raise Refusal(ErrorCode.HASH_MISMATCH, "the document is not the one that was announced")
        try:
            values: ConfigDocument = ConfigDocument.codec.decode(document)
        except MalformedMessage as error:
            raise Refusal(ErrorCode.MALFORMED, str(error)) from error
        settings.stage(request.revision, values.settings)

    return session.take_upload(request.length, finish)


def _page(found: Sequence[T], start: int, size: int) -> tuple[tuple[T, ...], int]:
    """A page from `start`, and where the next one begins; 0 after the last."""
    end = start + size
    return tuple(found[start:end]), end if end < len(found) else 0
