"""How files of `.incoming` get their final names (spec: Recording, "Write path").

Nothing gets or loses a name before it was seen that the name leads to the file that is meant: what was verified is an
open file, and somebody may have put another one under its name. And nothing that was found, rather than written by this
process, is trusted before it was brought to the medium: equal bytes in memory are no file.
"""

import contextlib
import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bwc_sdk.destination.faults import NO_ROOM, Appeared, NotOurs
from bwc_sdk.destination.name_sync import NameSync
from bwc_sdk.host.filesystem import CannotRename, FileSystem, NotAFile, read_upto


class NameTaken(Exception):
    """Something else already stands under a final name; it was not touched."""


@dataclass(frozen=True, slots=True)
class Move:
    """An open file of `.incoming`, synced by this process, that is to have a final name."""

    file: int
    kept: str
    final: str
    same: Callable[[bytes], bool] | None = None
    """Whether a content that already has the final name will do; None: nothing may have it."""
    most: int = 0
    """Bytes that such a content may have."""


@dataclass(frozen=True, slots=True)
class FinalNames:
    """The two directories of a destination, and how names change in them. All methods block, and raise `OSError`."""

    files: FileSystem
    directory: int
    incoming: int
    syncs: NameSync = field(default_factory=NameSync, compare=False)
    """Of `directory`."""

    def place(self, moves: Sequence[Move]) -> None:
        """Gives open files of `.incoming` their final names, in this order, durable: all of them or none.

        Raises `NameTaken` if another content stands under one that has a `same`, `FileExistsError` under any other,
        `NotOurs` if one of them is not what stands under its name in `.incoming`.
        """
        placed: list[Move] = []
        mark = self.syncs.mark()
        try:
            for move in moves:
                self._give(move, placed)
            self.syncs.sync(lambda: self.files.sync_directory(self.directory), mark)
        except (OSError, NameTaken):
            # A sync that is repeated may report success for names that were lost. Taken back, they have to be
            # written anew, and so are synced anew.
            for move in reversed(placed):
                if not self._take_back(move):
                    break  # it stands, and so does what was placed before it: whoever finds it needs that
            raise
        for move in moves:
            self.drop(move.file, move.kept)

    def drop(self, file: int, name: str) -> None:
        """Removes a name from `.incoming` if it leads to this open file, and no other's."""
        if self.files.is_named(file, self.incoming, name):
            with contextlib.suppress(FileNotFoundError):  # gone meanwhile, which is what is wanted
                self.files.remove(self.incoming, name)

    def _give(self, move: Move, placed: list[Move]) -> None:
        """Gives one file its final name; it is in `placed` then, unless the right content has the name already."""
        here, there = (self.incoming, move.kept), (self.directory, move.final)
        if not self.files.is_named(move.file, *here):
            raise NotOurs(move.kept)
        placed.append(move)  # whatever fails from here on, it may have the name
        try:
            self._name(move.file, here, there)
        except OSError as error:
            # The answer may be to a call that was sent again, and was done before: network file systems do that.
            if not self.files.is_named(move.file, *there):
                placed.pop()
                self._refused(move, error)
                return
        if not self.files.is_named(move.file, *there):
            placed.pop()
            self._give_back(move)  # another file came under the name in the moment between
            raise NotOurs(move.kept)

    def _name(self, file: int, here: tuple[int, str], there: tuple[int, str]) -> None:
        roomless: OSError | None = None
        try:
            if self.files.link(file, *here, *there):
                return
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            roomless = error  # for one more name; a file that is renamed needs none
        try:
            self.files.rename(*here, *there)
        except CannotRename as error:
            raise roomless or error from None

    def _refused(self, move: Move, error: OSError) -> None:
        """Returns if the right content has the name, and raises what is wrong otherwise."""
        if not isinstance(error, FileExistsError):
            raise error
        found = self.read_final(move.final, move.most)
        if found is None:
            raise error  # nothing is there
        if move.same is None:
            raise Appeared(move.final) from error
        if not move.same(found):
            raise NameTaken(move.final) from error

    def _take_back(self, move: Move) -> bool:
        """Takes away a final name that was, or may have been, given; whether it is gone. The first error is what the
        caller has to know."""
        try:
            if self.files.is_named(move.file, self.directory, move.final):
                if self.files.is_named(move.file, self.incoming, move.kept):
                    self.files.remove(self.directory, move.final)
                else:
                    self.files.rename(self.directory, move.final, self.incoming, move.kept)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def _give_back(self, move: Move) -> None:
        """Takes a final name away that went to the file of another process, and leaves that its own."""
        with contextlib.suppress(OSError):
            there = self.files.reopen(self.directory, move.final, write=False)
            try:
                if self.files.is_named(there, self.incoming, move.kept):  # linked
                    self.files.remove(self.directory, move.final)
                else:
                    self.files.rename(self.directory, move.final, self.incoming, move.kept)
            finally:
                self.files.close(there)

    # What is there

    def reopen_final(self, name: str) -> int:
        """Opens the final file `name` so that it can be locked. Raises `NameTaken` if it is no file."""
        try:
            # Nothing is written to it, but NFS locks only what is open for writing.
            return self.files.reopen(self.directory, name, write=True)
        except NotAFile as error:
            raise NameTaken(name) from error
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ETXTBSY):
                raise
        return self.files.reopen(self.directory, name, write=False)

    def read_final(self, name: str, most: int) -> bytes | None:
        """What the small file `name` holds on the medium, or None if there is none; `most` + 1 bytes at most.

        Raises `NameTaken` if it is no file.
        """
        try:
            file = self.files.reopen(self.directory, name, write=False)
        except FileNotFoundError:
            return None
        except NotAFile as error:
            raise NameTaken(name) from error
        try:
            return self.settled(file, most)
        finally:
            self.files.close(file)

    def settled(self, file: int, most: int) -> bytes:
        """What a file holds on the medium: `most` + 1 bytes at most.

        Found in memory is not found on the medium: another process may have ended before its sync.
        """
        self.files.sync(file)
        self.files.drop_cache(file)
        return self.read(file, most)

    def read(self, file: int, most: int) -> bytes:
        """What a file holds as this process sees it."""
        content = bytearray(most + 1)
        return bytes(content[: read_upto(self.files, file, memoryview(content), 0)])
