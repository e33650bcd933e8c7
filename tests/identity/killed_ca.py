"""Kills a CA at every step of an operation: `killed_ca.py DIRECTORY OPERATION` leaves DIRECTORY-0, -1, … behind.

A process is forked for each step and ends itself in the middle of it, as by SIGKILL: no `finally`, no buffer written.
The last line of the output says how many steps the operation has.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bwc_protocol.certificates.issue import new_key
from bwc_protocol.declare import Role
from bwc_sdk.identity import key_file
from bwc_sdk.identity.ca import founding
from bwc_sdk.identity.ca.authority import Ca
from bwc_sdk.identity.ca.handing_out import hand_out, renew_identity

PASSPHRASE = b"correct horse battery"
NOW_S = 1_796_000_000
STEPS = ("write", "fsync", "link", "rename", "replace", "ftruncate", "unlink", "mkdir", "rmdir")
STEPS_MAX = 200
KILLED = 9


def ca_in(directory: Path) -> Ca:
    return Ca(directory, lambda path: PASSPHRASE, lambda last: NOW_S + 60, os.urandom)


def issue(directory: Path) -> None:
    issued = ca_in(directory).issue_host("dock 2", Role.DOCK_OFFLOAD, new_key().public_key())
    (directory.parent / f"{directory.name}.given").write_bytes(issued.leaf)


def identity(directory: Path) -> None:
    hand_out(ca_in(directory), directory / "out", "dock 3", Role.AUDITOR, PASSPHRASE)


def renew(directory: Path) -> None:
    renew_identity(ca_in(directory), directory / "identity" / "dock-offload.p12", lambda path: PASSPHRASE)


def rotate(directory: Path) -> None:
    founding.rotate(ca_in(directory), directory / "offline" / "root.p12", lambda: PASSPHRASE)


def revoke(directory: Path) -> None:
    from bwc_sdk.identity.ca.denying import publish
    from bwc_sdk.identity.ca.register import Denied

    publish(ca_in(directory), directory / "offline" / "root.p12", [Denied(name="dock 1")])


def init(directory: Path) -> None:
    founding.found(
        directory / "new",
        "Rangers",
        passphrase=lambda path: PASSPHRASE,
        clock=lambda last: NOW_S,
        entropy=os.urandom,
    )


def many(directory: Path, name: str) -> None:
    """Issues twenty certificates, as another process may do at the same time."""
    ca = ca_in(directory)
    for turn in range(20):
        ca.issue_host(f"{name} {turn}", Role.AUDITOR, new_key().public_key())


def rebuild(directory: Path) -> None:
    founding.rebuild(
        directory / "new",
        directory,
        passphrase=lambda path: PASSPHRASE,
        clock=lambda last: NOW_S,
        entropy=os.urandom,
    )


OPERATIONS: dict[str, Callable[[Path], None]] = {
    one.__name__: one for one in (issue, identity, renew, rotate, revoke, init, rebuild)
}


def kill_at(step: int) -> None:
    """Lets this process end itself before its step of that number, or in the middle of it, where there is one."""
    done = 0

    def watched(original: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal done
            done += 1
            if done == step:
                if name == "write":  # half of it is there
                    original(args[0], bytes(args[1])[: len(args[1]) // 2])
                os._exit(KILLED)
            return original(*args, **options)

        return call

    for name in STEPS:
        setattr(os, name, watched(getattr(os, name), name))


def main(source: Path, operation: str) -> None:
    key_file.ROUNDS = key_file.SEAL_ROUNDS = 1000
    if operation.startswith("many-"):  # nobody is killed
        many(source, operation)
        return
    for step in range(1, STEPS_MAX):
        copy = source.with_name(f"{source.name}-{step - 1}")
        shutil.copytree(source, copy)
        child = os.fork()
        if not child:
            try:
                kill_at(step)
                OPERATIONS[operation](copy)
            except BaseException as error:
                sys.stderr.write(f"step {step}: {error!r}\n")
                os._exit(1)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code == 0:
            sys.stdout.write(f"{step}\n")
            return
        if code != KILLED:
            sys.exit(f"step {step} failed with {code}")
    sys.exit("it does not end")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
