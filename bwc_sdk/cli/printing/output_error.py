"""What is raised when nothing more can be printed."""

from bwc_sdk.errors import HostFileError


class OutputError(HostFileError):
    """Raised when standard output is closed, or takes nothing more."""

    layer = "output"
