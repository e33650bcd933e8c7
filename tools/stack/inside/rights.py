"""Who may open a device: tried by processes that give up root's rights."""

import grp
import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from typing import Final

from bwc_protocol.declare import Role
from bwc_sdk.errors import BwcError
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.identity.lookup import find_identity, identity_for
from bwc_sdk.sync import connect
from tools.stack.inside.program import PATIENCE_S

NOBODY: Final = 65534
OPENED: Final = ("opened", "")


def opened_by_nobody(uri: str, *groups: str) -> tuple[str, str]:
    """What becomes of a connection by a user without rights, but for these groups: `OPENED`, or error and advice."""
    forks = multiprocessing.get_context("forkserver")
    here, there = forks.Pipe(duplex=False)
    numbers = [grp.getgrnam(name).gr_gid for name in groups]
    process = forks.Process(target=_opens, args=(there, uri, numbers), daemon=True)
    process.start()
    assert here.poll(PATIENCE_S)
    outcome: tuple[str, str] = here.recv()
    process.join(PATIENCE_S)
    return outcome


def _opens(there: "Connection[tuple[str, str], None]", uri: str, groups: list[int]) -> None:
    # Once as root: whatever is loaded late may be out of reach for anybody else. So is all that lies in root's lab.
    identities = find_identity(lab=True)
    assert identities is not None
    of_lab = identity_for(identities, Role.TECHNICIAN, time.time())
    identity = HostIdentity.of(of_lab.credentials, of_lab.anchors)
    connect(uri, identity=identity).close()
    os.setgroups(groups)
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    try:
        connect(uri, identity=identity).close()
    except BwcError as error:
        there.send((type(error).__name__, error.advice))
    else:
        there.send(OPENED)
