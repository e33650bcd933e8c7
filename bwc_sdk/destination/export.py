"""Gives recordings away as a bag (BagIt): with all that it takes to verify them off line, and what is left out
(spec: Exports).

Copied and verified < the source store says that it was exported, by its custody chain < the bag gets its name: nothing
goes out of which the store does not say so. All functions block.
"""

from __future__ import annotations

import datetime
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bwc_protocol.certificates.facts import MalformedCertificate, read_certificate
from bwc_protocol.evidence import sealing
from bwc_sdk.destination.custody_log import CustodyLog, Fact, append_waiting
from bwc_sdk.destination.derive import errors_of
from bwc_sdk.destination.destination import Destination
from bwc_sdk.destination.directory_store import DirectoryStore
from bwc_sdk.errors import DestinationError, HostFileError, IdentityError, InvalidValue
from bwc_sdk.evidence import sealed_json
from bwc_sdk.evidence.bag import PIECE, BagWriter, bag_at, lies_in_a_bag, taken
from bwc_sdk.evidence.bag_page import left_out_csv, page
from bwc_sdk.evidence.custody_line import Recorded
from bwc_sdk.evidence.decrypt import Opened, RecipientKey, content_key, decrypt
from bwc_sdk.evidence.derivation import TEXT_MAX, stem_of
from bwc_sdk.evidence.export_plan import Part, Plan, chains_in, encrypted, named_in, plan_export
from bwc_sdk.evidence.naming import DERIVATION_SUFFIX, LEFT_OUT_NAME, derived_name
from bwc_sdk.evidence.rewrap import rewrap, wraps_in
from bwc_sdk.evidence.verify import Progress, verify_stores
from bwc_sdk.host.world import World
from bwc_sdk.quantity import exact_utc
from bwc_sdk.version import __version__

if TYPE_CHECKING:
    from bwc_protocol.evidence import Manifest
    from bwc_sdk.evidence.findings import Report
    from bwc_sdk.evidence.search import Wanted
    from bwc_sdk.evidence.statements import Believed
    from bwc_sdk.evidence.store import Store

RECIPIENTS_MAX: Final = 16
"""Certificates for which keys are wrapped anew in one export."""
DECRYPTOR: Final = f"bwc evidence decrypt {__version__}"
_DRAWN: Final = 8
OPENED: Final = "opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be exported, for whom."""

    recordings: tuple[str, ...] = ()
    """Numbers, first digits of ids, or stored names; none: all."""
    wanted: Wanted | None = None
    recipients: tuple[bytes, ...] = ()
    """Certificates (DER) for which the content keys are wrapped anew."""
    decrypt: bool = False
    derived_only: bool = False
    given_to: str = ""
    """To whom it goes, in words."""
    by: str
    organization: str = ""


@dataclass(frozen=True, slots=True)
class Exported:
    """A bag that stands in its place."""

    path: Path
    document: dict[str, Any]
    report: Report
    """What a verification of the copies found."""
    left_out: tuple[str, ...]
    """What is not in it, a sentence for each reason."""


@dataclass(slots=True)
class _Recipient:
    name: str
    key: Any
    id: bytes = field(repr=False)


def export(
    paths: Sequence[Path],
    to: Path,
    asked: Asked,
    *,
    keys: Callable[[], Sequence[RecipientKey]] = tuple,
    believed: Believed | None = None,
    world: World | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Exported:
    """Writes the bag `to`, where nothing is yet, of stores or of recordings in them.

    `keys` are asked for only if something encrypted is to be opened or wrapped anew. What is damaged goes out as it is,
    and the report says so. Raises `InvalidValue`, `HostFileError`, `NoSuchRecording`, `IdentityError` and its kinds,
    `EvidenceMismatch`, `DestinationError`.
    """
    _check(asked)
    recipients = tuple(map(_recipient, asked.recipients))
    world = world or World()
    to = Path(os.path.abspath(to))  # noqa: PTH100 - a link to the place is the caller's choice
    with ExitStack() as held:
        stores: list[tuple[Store, frozenset[str] | None]] = []
        chains: dict[Path, dict[str, int]] = {}
        for path in paths:
            directory = path if path.is_dir() else path.parent
            chains.setdefault(directory, chains_in(directory))
            store, named = named_in(path, asked.recordings)
            held.callback(store.close)
            stores.append((store, named))
        stores = _together(stores)
        if os.path.lexists(to):
            raise taken(to)
        if any(to.parent.exists() and to.parent.samefile(store.path) for store, _ in stores):
            raise InvalidValue(f"{to} would lie in the store", advice="name a place outside of it")
        plan = plan_export(stores, asked.wanted, derived_only=asked.derived_only, chains=chains)
        opened = _content_keys(plan, asked, recipients, keys)
        opened_stores = []
        for store, _ in stores:
            if not lies_in_a_bag(store.path):
                opened_stores.append(Destination.open(world.files, store.path))
                held.callback(opened_stores[-1].close)
        with bag_at(to) as bag:
            return _Export(bag, plan, asked, recipients, opened, world, believed, progress).run(opened_stores)


def _together(
    stores: Sequence[tuple[Store, frozenset[str] | None]],
) -> list[tuple[Store, frozenset[str] | None]]:
    """Each store once, however often it was named."""
    found: dict[tuple[int, int], tuple[Store, frozenset[str] | None]] = {}
    for store, named in stores:
        identity = os.fstat(store.directory)
        key = (identity.st_dev, identity.st_ino)
        _, before = found.get(key, (store, frozenset()))
        both = None if before is None or named is None else before | named
        found[key] = (found.get(key, (store, None))[0], both)
    return list(found.values())


def _check(asked: Asked) -> None:
    if asked.derived_only and (asked.decrypt or asked.recipients):
        raise InvalidValue(
            "copies alone have no originals that could be decrypted or wrapped for anybody",
            advice="leave --derived-only out, or --decrypt and --recipient",
        )
    if len(asked.recipients) > RECIPIENTS_MAX:
        raise InvalidValue(f"more than {RECIPIENTS_MAX} recipients", advice="make several exports")
    for name, text in (("by", asked.by), ("for", asked.given_to), ("organization", asked.organization)):
        if len(text) > TEXT_MAX or (text and not text.isprintable()):
            raise InvalidValue(f"{name}: a text of at most {TEXT_MAX} printable characters says it")


def _recipient(certificate: bytes) -> _Recipient:
    try:
        key = sealing.public_key_of(certificate)
        name = read_certificate(certificate).name
    except (ValueError, MalformedCertificate) as error:
        raise IdentityError(
            f"nothing can be wrapped for this certificate: {error}",
            advice="a recipient has a certificate with a key on P-256, as 'bwc ca issue DIR evidence-recipient' makes",
        ) from error
    return _Recipient(name, key, sealing.recipient_id(key))


def _content_keys(
    plan: Plan,
    asked: Asked,
    recipients: Sequence[_Recipient],
    keys: Callable[[], Sequence[RecipientKey]],
) -> list[RecipientKey]:
    """The keys that open what has to be opened; that they do is tried before anything is written."""
    if not (asked.decrypt or recipients) or not any(encrypted(plan.parts)):
        return []
    at_hand = list(keys())
    for part in encrypted(plan.parts):
        assert part.manifest is not None
        content_key(part.manifest, at_hand, wraps_in(part.store))
    return at_hand


class _Export:
    """One export on its way."""

    def __init__(
        self,
        bag: BagWriter,
        plan: Plan,
        asked: Asked,
        recipients: Sequence[_Recipient],
        keys: Sequence[RecipientKey],
        world: World,
        believed: Believed | None,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self._bag, self._plan, self._asked = bag, plan, asked
        self._recipients, self._keys = recipients, keys
        self._world, self._believed, self._progress = world, believed, progress
        self._names: dict[str, str] = {}
        """Those that are taken, without capitals: some systems do not tell them apart."""
        self._copied = 0
        self._utc_ns = world.utc_ns()

    def run(self, sources: Sequence[Destination]) -> Exported:
        for store, name, size in self._plan.beside:
            self._copy(store, name, most=size)
        for count, part in enumerate(self._plan.parts):
            for name in part.files:
                self._copy(part.store, name, count)
            if part.manifest is not None and part.manifest.protection is not None:
                self._for_others(part, part.manifest)
        left_out = self._plan.left_out
        if left_out.count or left_out.files:
            self._bag.add(LEFT_OUT_NAME, [left_out.encode()])
        report = verify_stores([self._bag.data], believed=self._believed, progress=self._progress)
        document = self._document(report)
        self._describe(document, report)
        self._record(document, sources)
        self._bag.publish()
        return Exported(self._bag.target, document, report, tuple(left_out.reasons()))

    # The payload

    def _copy(self, store: Store, name: str, done: int = 0, most: int | None = None) -> None:
        """Copies a file (`most` bytes of it), unless another store had the same; what a store has otherwise under one
        name stays out."""
        there = self._names.get(name.casefold())
        if there is not None:
            self._twice(store, name, there)
            return
        self._names[name.casefold()] = name
        try:
            pieces = _pieces(store, name, most)
            first = next(pieces, b"")
        except OSError as error:
            self._leave(name, f"it cannot be read: {error.strerror or error}")
            return
        self._bag.add(name, self._counted(first, pieces, store, name, done))

    def _counted(
        self, first: bytes, pieces: Iterator[bytes], store: Store, name: str, done: int
    ) -> Iterator[bytes]:
        yield first
        self._tell(len(first), done)
        try:
            for piece in pieces:
                yield piece
                self._tell(len(piece), done)
        except OSError as error:  # in the midst: half a file is none
            raise HostFileError(
                f"{store.path / name} cannot be read: {error.strerror or error}",
                advice="have the medium looked at; the other recordings can be named and exported",
            ) from error

    def _tell(self, count: int, done: int) -> None:
        self._copied += count
        if self._progress is not None:
            self._progress(Progress(done, len(self._plan.parts), self._copied))

    def _twice(self, store: Store, name: str, there: str) -> None:
        if name != there:
            self._leave(name, f"on some systems it is the same name as {there}")
            return
        digest = hashlib.sha256()
        try:
            for piece in _pieces(store, name):
                digest.update(piece)
        except OSError as error:
            self._leave(name, f"it cannot be read in {store.path}: {error.strerror or error}")
            return
        if self._bag.payload[there] != digest.hexdigest():
            self._leave(name, "another store has another file of this name, which is here")

    def _leave(self, name: str, why: str) -> None:
        self._plan.left_out.files[name] = why

    def _for_others(self, part: Part, manifest: Manifest) -> None:
        """The content key for each recipient, and the films, as they are asked for."""
        if not self._keys:
            return
        _, key = content_key(manifest, self._keys, wraps_in(part.store))
        for one in self._recipients:
            name, content = rewrap(key, manifest, one.key)
            if name.casefold() not in self._names:
                self._names[name.casefold()] = name
                self._bag.add(name, [content])
        if self._asked.decrypt:
            self._films(part, manifest)

    def _films(self, part: Part, manifest: Manifest) -> None:
        """What was filmed, as copies that are registered: of which segment, and who opened it."""
        opened = self._bag.part / OPENED
        opened.mkdir(mode=0o700, exist_ok=True)
        path = part.store.path / f"{part.name}.manifest"
        for found in decrypt([path], opened, self._keys):
            if not isinstance(found, Opened):
                why = str(getattr(found, "error", "it is not encrypted"))
                self._leave(f"{getattr(found, 'name', part.name)}, decrypted", why)
                continue
            facts = manifest.segments[found.segment]
            name, sha256, size = self._bag.take(
                found.path, lambda sha256: derived_name(part.name, sha256, "mp4")
            )
            record = {
                "sdk": __version__,
                "camera": manifest.camera,
                "recording": manifest.recording_id.hex(),
                "sequence": manifest.sequence,
                "manifest_sha256": manifest.sha256.hex(),
                "sources": [
                    {
                        "file": f"{found.path.name}.sealed",
                        "segment": found.segment,
                        "size_bytes": facts.size_bytes,
                        "table_sha256": facts.table_sha256.hex(),
                    }
                ],
                "copy": {
                    "file": name,
                    "sha256": sha256.hex(),
                    "size_bytes": size,
                    "named": found.path.name,
                },
                "tool": DECRYPTOR,
                "reason": f"decrypted for {self._asked.given_to or 'an export'}",
                "by": self._asked.by,
                **self._when(),
            }
            own = stem_of(part.name, sha256) + DERIVATION_SUFFIX
            if own not in self._bag.payload:
                self._bag.add(own, [sealed_json.encode(record)])
        opened.rmdir()

    # What is said of it

    def _when(self) -> dict[str, Any]:
        return {
            "utc_ns": self._utc_ns,
            "utc": exact_utc(self._utc_ns),
            "clock": self._world.host_time().plain(),
        }

    def _document(self, report: Report) -> dict[str, Any]:
        manifests = [part.manifest for part in self._plan.parts]
        roots = self._believed.roots if self._believed is not None else ()
        return {
            "sdk": __version__,
            "payload_manifest_sha256": hashlib.sha256(self._bag.manifest().encode()).hexdigest(),
            "recordings": [
                {
                    "name": part.name,
                    "camera": manifest.camera if manifest is not None else None,
                    "sequence": manifest.sequence if manifest is not None else None,
                    "manifest_sha256": manifest.sha256.hex() if manifest is not None else None,
                }
                for part, manifest in zip(self._plan.parts, manifests, strict=True)
            ],
            "given_to": self._asked.given_to,
            "recipients": [{"name": one.name, "key_sha256": one.id.hex()} for one in self._recipients],
            "decrypted": self._asked.decrypt,
            "derived_only": self._asked.derived_only,
            "left_out": self._plan.left_out.count,
            "by": self._asked.by,
            "organization": self._asked.organization,
            "verdict": str(report.verdict),
            "roots_sha256": [hashlib.sha256(root).hexdigest() for root in roots],
            **self._when(),
        }

    def _describe(self, document: dict[str, Any], report: Report) -> None:
        bag, asked = self._bag, self._asked
        bag.tag("export.json", sealed_json.encode(document))
        bag.tag("left-out.csv", left_out_csv(self._plan.left_out))
        bag.tag("README.txt", page(document, report, self._plan.left_out))
        day = datetime.datetime.fromtimestamp(self._utc_ns // 10**9, datetime.UTC).date().isoformat()
        info = [
            ("Bag-Software-Agent", f"bwc_sdk {__version__}"),
            ("Bagging-Date", day),
            ("External-Description", "Recordings of body-worn cameras; README.txt says how to verify them"),
        ]
        if asked.organization:
            info.append(("Source-Organization", asked.organization))
        info += [("External-Identifier", part.name) for part in self._plan.parts]
        bag.finish(info)

    def _record(self, document: dict[str, Any], sources: Sequence[Destination]) -> None:
        """Each store says that it was exported, to whom, by whom and when; durable before the bag has its name."""
        name = f"export_{self._world.entropy(_DRAWN).hex()}.json"
        content = sealed_json.encode(document | {"bag": self._bag.target.name})
        for source in sources:
            with errors_of(source, "recording that it was exported"):
                if not DirectoryStore(source).create(name, content):
                    raise DestinationError(f"{name} is there already", device=str(source.path))
                fact = Fact(Recorded.EXPORT, name, hashlib.sha256(content).digest(), fresh=True)
                append_waiting(CustodyLog(source, self._world), [fact])


def _pieces(store: Store, name: str, most: int | None = None) -> Iterator[bytes]:
    file = store.open_file(name)
    left = os.fstat(file).st_size if most is None else most
    try:
        while piece := os.read(file, min(PIECE, left)):
            left -= len(piece)
            yield piece
    finally:
        os.close(file)
