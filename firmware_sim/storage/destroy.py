"""Destroys the footage of a camera, and all that is known of it. What a loss of power leaves goes at the next start."""

from firmware_sim.state.directory import StateDirectory
from firmware_sim.storage.recording_files import ROOM
from firmware_sim.storage.storage import JOURNAL, SEQUENCE


def destroy_footage(directory: StateDirectory) -> None:
    """Raises `OSError`; to be repeated then."""
    directory.remove(JOURNAL)
    directory.remove(SEQUENCE)
    if directory.flash.exists(ROOM):
        directory.flash.remove_tree(ROOM)
        directory.flash.sync_directory()
