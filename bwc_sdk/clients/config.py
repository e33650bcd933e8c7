"""The configuration: its single steps and the transaction that combines them (spec: Configuration)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from bwc_protocol.declare import sends
from bwc_protocol.messages import config
from bwc_protocol.messages.config import (
    MAX_SETTINGS,
    STAGE_BYTES,
    STAGE_MAX,
    AbortConfig,
    ApplyConfig,
    ConfigDocument,
    ConfigState,
    ConfigView,
    ReadConfig,
    ReadConfigState,
    ReadSchema,
    Setting,
    SettingSchema,
    StageConfig,
    UploadConfig,
)
from bwc_protocol.messages.identity import SMALLEST_REQUEST, DeviceCapabilities, ReadCapabilities
from bwc_sdk.clients.configuration import Value, fit, to_settings, value_of
from bwc_sdk.connection.connection import Connection
from bwc_sdk.errors import BwcError, ConfigError, ProtocolViolation

REREADS_MAX: Final = 16
"""How often settings are read again since others were applied between two pages. People are not that quick."""


class Config(config.Config):
    """The configuration: schema, values, and the transaction that changes them."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._connection = connection

    @sends(ReadSchema)
    async def schema_all(self) -> tuple[SettingSchema, ...]:
        """Every setting's type, range, unit, default and moment of effect."""
        found: list[SettingSchema] = []
        start = 0
        while True:
            page = await self.schema(start=start)
            found.extend(page.settings)
            if not page.next:
                return tuple(found)
            start = self._advance(page.next, start, len(found))

    @sends(ReadConfig)
    async def values(self, view: ConfigView = ConfigView.EFFECTIVE) -> dict[str, Value]:
        """All values of one view, by key."""
        return {s.key: value_of(s) for s in (await self._read_all(view))[1]}

    async def _read_all(self, view: ConfigView) -> tuple[int, list[Setting]]:
        found: list[Setting] = []
        start, revision, rereads = 0, -1, 0
        while True:
            page = await self.read(view=view, start=start)
            if revision not in (-1, page.revision):
                rereads += 1
                if rereads > REREADS_MAX:
                    raise ProtocolViolation("settings that never stay the same", device=self._connection.name)
                found, start, revision = [], 0, -1  # applied by somebody between two pages: read again
                continue
            revision = page.revision
            found.extend(page.settings)
            if not page.next:
                return revision, found
            start = self._advance(page.next, start, len(found))

    def _advance(self, following: int, start: int, count: int) -> int:
        if following <= start or count > MAX_SETTINGS:
            raise ProtocolViolation("a list of settings that never ends", device=self._connection.name)
        return following

    @sends(ReadSchema, ReadConfig, ReadConfigState, ReadCapabilities, StageConfig, ApplyConfig, AbortConfig)
    async def apply(self, values: Mapping[str, Value]) -> ConfigState:
        """Checks `values` against the schema, stages, applies and reads them back: all or nothing.

        Values that the device has already are not sent: the state is then the present one, and its revision the
        same. Safe to repeat. Raises `ConfigError` (nothing was sent), `CommandError` (CONFLICT: somebody else changed
        the configuration; nothing of it was applied), `ProtocolViolation` when what is read back differs.
        """
        settings = to_settings(await self.schema_all(), values, device=self._connection.name)
        if not await self._differing(values):
            return await self.state()
        before = await self.state()
        if before.staged:
            await self.abort()
        try:
            for piece in await self._pieces(settings):
                await self.stage(revision=before.revision, settings=piece)
            after = await self.commit(revision=before.revision)
        except BaseException:
            if self._connection.error is None:
                try:
                    await self.abort()
                except BwcError:
                    pass  # what went wrong first is what the caller has to know
            raise
        wrong = await self._differing(values)
        if wrong:
            rule = f"read back differently after apply: {', '.join(wrong)}"
            raise ProtocolViolation(rule, device=self._connection.name)
        return after

    async def _pieces(self, settings: Sequence[Setting]) -> list[tuple[Setting, ...]]:
        """The settings in requests that the device takes: it may have less room than the largest needs."""
        sizes = [2 + len(setting.codec.encode(setting)) for setting in settings]
        room = SMALLEST_REQUEST
        if STAGE_BYTES + sum(sizes) > room:  # else every device takes them at once
            capabilities: DeviceCapabilities = await self._connection.call(ReadCapabilities())
            room = capabilities.max_request or StageConfig.codec.size_max
        pieces: list[tuple[Setting, ...]] = []
        at = used = 0
        for index, size in enumerate(sizes):
            if index > at and (index - at == STAGE_MAX or STAGE_BYTES + used + size > room):
                pieces.append(tuple(settings[at:index]))
                at, used = index, 0
            used += size
        return [*pieces, tuple(settings[at:])]

    async def _differing(self, values: Mapping[str, Value]) -> tuple[str, ...]:
        """The keys of `values` that the device will have another value for."""
        pending = await self.values(ConfigView.PENDING)
        return tuple(sorted(key for key, value in values.items() if pending.get(key) != value))

    @sends(ReadSchema, ReadConfigState, UploadConfig)
    async def upload(self, values: Mapping[str, Value]) -> ConfigState:
        """Stages a whole configuration by one stream and gives what is staged; `commit` applies it."""
        settings = to_settings(await self.schema_all(), values, device=self._connection.name)
        document = ConfigDocument.codec.encode(ConfigDocument(settings=tuple(settings)))
        before = await self.state()
        request = UploadConfig(
            revision=before.revision, length=len(document), sha256=hashlib.sha256(document).digest()
        )
        await self._connection.upload(request, document)
        return await self.state()

    @sends(ReadSchema)
    async def check(self, values: Mapping[str, Value]) -> None:
        """Raises `ConfigError` when `values` do not fit the device's schema; changes nothing."""
        problems = fit(await self.schema_all(), values)
        if problems:
            raise ConfigError(problems, device=self._connection.name)
