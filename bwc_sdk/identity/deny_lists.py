"""The newest deny list that this host knows of an agency, kept in a file and only ever replaced by a newer one."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bwc_protocol.certificates.facts import CertificateFacts
from bwc_sdk.errors import HostFileError, IdentityError
from bwc_sdk.identity.vain_exchanges import VainExchanges

if TYPE_CHECKING:
    from bwc_protocol.documents.deny_list import DenyList

log = logging.getLogger(__name__)


class Watcher(Protocol):
    """Who wants to know of a newer list, such as a connection to a device that it may deny."""

    def denied_anew(self) -> None:
        """A newer list is there; called by the thread that took it."""


class DenyLists:
    """The newest deny list of one agency. `path` is its file, None for one that is only remembered.

    All identities of a directory share one, and so do all connections by them.
    """

    def __init__(self, path: Path | None, roots: Sequence[bytes], lab: str) -> None:
        self.path = path
        self.roots = tuple(roots)
        self.lab = lab
        self.vain = VainExchanges()
        self._list: DenyList | None = None
        self._data = b""
        self._stamp: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self._watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()

    @property
    def counter(self) -> int:
        """Counter of the newest list; 0 = there is none. Raises `IdentityError`, `HostFileError`."""
        known = self.current()
        return 0 if known is None else known.counter

    @property
    def data(self) -> bytes:
        """The newest list as it is carried; b"" = there is none."""
        self.current()
        return self._data

    def current(self) -> DenyList | None:
        """The newest list, from the file where that has changed. Raises `IdentityError`, `HostFileError`."""
        if self.path is None:
            return self._list
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return self._list
        except OSError as error:
            raise HostFileError(
                f"{self.path} cannot be read: {error.strerror}",
                advice="let this user read it and its directory, or name another identity by --identity: who is "
                "denied cannot be told without it",
            ) from error
        stamp = found.st_mtime_ns, found.st_size
        if stamp != self._stamp:
            self._read(self.path)
            self._stamp = stamp
        return self._list

    def _read(self, path: Path) -> None:
        from bwc_protocol.documents.deny_list import DENY_LIST_MAX, verify_deny_list
        from bwc_protocol.documents.refusal import DocumentRefused
        from bwc_sdk.identity.private_files import read_trusted

        data = read_trusted(path, most=DENY_LIST_MAX)
        try:
            found = verify_deny_list(data, self.roots, lab=self.lab)
        except DocumentRefused as error:
            raise IdentityError(
                f"{path} is no deny list of this agency: {error}",
                advice="move it away: the next device that has a list brings it again",
            ) from error
        if self._list is None or found.counter > self._list.counter:  # never back, whatever the file says
            self._list, self._data = found, data

    def denies(self, certificate: CertificateFacts) -> str | None:
        """Why a certificate is denied; None when it is not."""
        known = self.current()
        return None if known is None else known.denies(certificate)

    def take(self, data: bytes, own_issuer: bytes) -> DenyList:
        """Takes a list that somebody has brought and gives it.

        `own_issuer` is the key id of the CA that issued this host: a list that denies it would shut out every device
        that the same CA issued, and with them whoever could bring a better list. Raises `DocumentRefused`,
        `HostFileError`, `IdentityError`.
        """
        from bwc_protocol.documents.deny_list import accept_deny_list
        from bwc_sdk.identity.durable_files import replace

        with self._lock:  # of several devices that bring one at once the newest stays
            held = self.current()
            found = accept_deny_list(
                data, self.roots, lab=self.lab, held=held, carrier=None, last_dock_issuer=own_issuer
            )
            if self.path is not None:
                try:
                    replace(self.path, data)
                except OSError as error:  # such as a directory that a service may only read
                    log.warning("deny list %d is remembered, and not kept: %s", found.counter, error)
            self._list, self._data = found, data
        for watcher in list(self._watchers):
            watcher.denied_anew()
        return found

    def watch(self, watcher: Watcher) -> None:
        """Tells `watcher` of newer lists, as long as it lives."""
        self._watchers.add(watcher)
