"""Destroys the footage of a camera, and all that is known of it. What a loss of power leaves goes at the next start."""

from firmware_sim.state.directory import StateDirectory
from firmware_sim.storage.open_footage import CHUNKS, FOOTAGE
from firmware_sim.storage.recording_files import ROOM
from firmware_sim.storage.storage import JOURNAL, SANITISING, SEQUENCE
from firmware_sim.storage.tombstones import NAME as TOMBSTONES


def destroy_footage(directory: StateDirectory) -> None:
    """Raises `OSError`; to be repeated then."""
    directory.remove(JOURNAL)
    directory.remove(SEQUENCE)
    flash = directory.flash
    directory.remove(SANITISING)
    for name in (FOOTAGE, CHUNKS, TOMBSTONES):
        if flash.exists(name):
            flash.remove(name)
    if flash.exists(ROOM):
        flash.remove_tree(ROOM)
    flash.sync_directory()
