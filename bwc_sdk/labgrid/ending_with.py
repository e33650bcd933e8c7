"""Runs a program in the place of this one, and has the kernel end it when its parent ends, however that ends.

    python ending_with.py PROGRAM ARGUMENT…

An exporter that is killed has no time to end its bridges: they would go on, and hold devices that no place has any
more. By itself, since it is run by its path: it loads nothing of ours.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(line: list[str]) -> None:
    """Becomes that program."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(1)  # it ended before the kernel was told
    os.execv(line[0], line)


if __name__ == "__main__":
    main(sys.argv[1:])
