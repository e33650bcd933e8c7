"""What to do about a file of this host that cannot be opened."""

import errno

_RIGHTS = "give this user the right to it, or name another one"
_STEPS = {
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: "that file system is read-only: name a file elsewhere",
    errno.EISDIR: "name a file: this is a directory",
    errno.ENOTDIR: "is the path right? what stands before the last / is no directory",
    errno.ENOSPC: "make room there, or name a file elsewhere",
    errno.EDQUOT: "make room there, or name a file elsewhere",
}


def file_advice(error: OSError) -> str:
    """The next step after `error`."""
    return _STEPS.get(error.errno or 0, "is the path right?")
