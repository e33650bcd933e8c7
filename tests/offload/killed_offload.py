"""Offloads in processes that kill themselves: run by `test_killed_process.py`, not a test itself.

    python killed_offload.py URI [whole]

offloads, or goes the whole way: signs receipts by the lab, delivers them and has recordings erased. It reads lines of
`STEP DESTINATION` and answers each with one line of JSON: an offload into the destination that killed itself with
SIGKILL before file-system operation number STEP (`{"killed": true}`), or ended before that. One process imports
everything once and forks, so that a kill costs milliseconds.
"""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from bwc_protocol.declare import Role
from bwc_sdk.host.filesystem import OsFileSystem
from bwc_sdk.host.world import ThreadWorkers, World
from bwc_sdk.identity.lookup import find_identity, identity_for
from bwc_sdk.offload import OffloadPolicy, offload


class KillingFiles(OsFileSystem):
    """The operating system's, until operation `step`."""

    def __init__(self, step: int) -> None:
        self._step = step
        self._done = 0

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_"):
            self._done += 1
            if self._done == self._step:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().__getattribute__(name)


def policy(*, whole: bool) -> OffloadPolicy:
    """How far it goes."""
    if not whole:
        return OffloadPolicy(first_wait_s=0.05)
    found = find_identity(None, lab=True, allow_insecure=False)
    assert found is not None
    sign_by = identity_for(found, Role.DESTINATION, time.time())
    return OffloadPolicy(first_wait_s=0.05, sign_by=sign_by, erase=True)


async def run(uri: str, step: int, destination: Path, *, whole: bool) -> dict[str, Any]:
    files = KillingFiles(step)
    world = World(files=files, workers=ThreadWorkers(2))
    job = offload(uri, destination, world=world, policy=policy(whole=whole))
    result = await job.run()
    return {
        "killed": False,
        "complete": result.complete,
        "bytes_received": result.bytes_received,
        "bytes_kept": result.bytes_kept,
        "steps": files._done,
    }


def answer(uri: str, line: str, *, whole: bool) -> str:
    step, destination = line.split(maxsplit=1)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.write(
            writer, json.dumps(asyncio.run(run(uri, int(step), Path(destination), whole=whole))).encode()
        )
        os._exit(0)
    os.close(writer)
    said = os.read(reader, 65_536).decode()
    os.close(reader)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return json.dumps({"killed": True}) if status == -signal.SIGKILL else said


if __name__ == "__main__":
    for request in sys.stdin:
        sys.stdout.write(answer(sys.argv[1], request.strip(), whole="whole" in sys.argv[2:]) + "\n")
        sys.stdout.flush()
