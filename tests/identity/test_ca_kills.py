"""A CA that is killed at any step, and two at once: what is in the world is in the register, and nothing goes back."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bwc_protocol.certificates.chain import verify_chain
from bwc_protocol.certificates.issue import new_key
from bwc_protocol.declare import Role
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.identity.ca import founding
from bwc_sdk.identity.ca.authority import Ca
from bwc_sdk.identity.ca.denying import publish, unpublished
from bwc_sdk.identity.ca.handing_out import hand_out
from bwc_sdk.identity.ca.register import Denied, Register
from bwc_sdk.identity.key_file import unsealed
from tests.identity.conftest import NOW_S, PASSPHRASE, Agency

Killed = Callable[[str], list[Path]]


@pytest.fixture
def killed(agency: Agency) -> Killed:
    """A directory for each step of an operation, killed there; the last one went to its end."""
    made = hand_out(agency.ca, agency.directory / "identity", "dock 1", Role.DOCK_OFFLOAD, PASSPHRASE)
    assert made.path.exists()
    publish(agency.ca, agency.made.root_file)

    def run(operation: str) -> list[Path]:
        script = Path(__file__).with_name("killed_ca.py")
        done = subprocess.run(
            [sys.executable, script, agency.directory, operation], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        steps = int(done.stdout.split()[-1])
        return [agency.directory.with_name(f"{agency.directory.name}-{step}") for step in range(steps)]

    return run


def _ca(directory: Path) -> Ca:
    return Ca(directory, lambda path: PASSPHRASE, lambda last: NOW_S + 120, os.urandom)


def _goes_on(directory: Path) -> Register:
    """Whatever happened, the next one issues, and what it issues verifies."""
    before = Register.read(directory)
    issued = _ca(directory).issue_host("dock 9", Role.DOCK_OFFLOAD, new_key().public_key())
    verify_chain(issued.leaf, issued.issuing, issued.roots)
    after = Register.read(directory)
    assert after.lines[: len(before.lines)] == before.lines
    return after


def test_a_certificate_that_was_given_out_is_in_the_register(killed: Killed) -> None:
    directories = killed("issue")
    assert len(directories) > 3
    for directory in directories:
        given = directory.parent / f"{directory.name}.given"
        register = _goes_on(directory)
        if given.exists():
            assert given.read_bytes() in [facts.der for facts in register.issued()]
    assert given.exists()  # in the end


@pytest.mark.parametrize("operation", ["identity", "renew"])
def test_a_key_file_is_whole_and_its_certificate_in_the_register(killed: Killed, operation: str) -> None:
    directories = killed(operation)
    for directory in directories:
        register = _goes_on(directory)
        files = [*directory.glob("out/*.p12"), *directory.glob("identity/*.p12")]
        for path in files:
            held = unsealed(path.read_bytes(), PASSPHRASE, name="x")
            assert held.chain[0] in [facts.der for facts in register.issued()]
        assert directory / "identity" / "dock-offload.p12" in files


def test_an_issuing_ca_that_counts_has_its_key(killed: Killed) -> None:
    directories = killed("rotate")
    numbers = set()
    for directory in directories:
        _goes_on(directory)
        numbers.add(Register.read(directory).issuing.name[-1])
        founding.rotate(_ca(directory), directory / "offline" / "root.p12", lambda: PASSPHRASE)
        assert len(list(directory.glob("issuing-*.p12"))) == 1
    assert numbers == {"1", "2"}


def test_a_deny_list_never_goes_back(killed: Killed, agency: Agency) -> None:
    """Its counter is above any that was signed before, and whoever was denied in the register is denied in the next."""
    from bwc_protocol.documents.deny_list import verify_deny_list

    roots = agency.made.root.der, agency.made.standby.der
    first = verify_deny_list((agency.directory / "deny-list.cose").read_bytes(), roots)
    halfway = 0
    for directory in killed("revoke"):
        there = verify_deny_list((directory / "deny-list.cose").read_bytes(), roots)
        register = Register.read(directory)
        assert register.listed is not None and there.counter <= register.listed.counter
        assert there.counter >= first.counter
        assert bool(there.entries) == (there.counter > first.counter)
        halfway += unpublished(directory, register)
        again = publish(_ca(directory), directory / "offline" / "root.p12")
        assert again.counter > register.listed.counter
        assert len(verify_deny_list(again.data, roots).entries) == len(register.denied())
        assert not unpublished(directory, Register.read(directory))
    assert halfway  # some were killed between register and list


def test_a_ca_is_rebuilt_wholly_or_not_at_all(killed: Killed) -> None:
    for directory in killed("rebuild"):
        new = directory / "new"
        if not new.exists():
            founding.rebuild(
                new,
                directory,
                passphrase=lambda path: PASSPHRASE,
                clock=lambda last: NOW_S,
                entropy=os.urandom,
            )
        assert "dock 1" in [facts.name for facts in _goes_on(new).issued()]
        assert (new / "deny-list.cose").read_bytes() == (directory / "deny-list.cose").read_bytes()


def test_an_agency_is_there_wholly_or_not_at_all(killed: Killed) -> None:
    for directory in killed("init"):
        new = directory / "new"
        if not new.exists():
            founding.found(
                new,
                "Rangers",
                passphrase=lambda path: PASSPHRASE,
                clock=lambda last: NOW_S,
                entropy=os.urandom,
            )
        _goes_on(new)
        founding.rotate(_ca(new), new / "offline" / "root.p12", lambda: PASSPHRASE)
        assert [path.name for path in directory.glob("new*")] == ["new"]


def test_two_at_once_lose_nothing(agency: Agency) -> None:
    """Each has an open register of its own, as two processes have."""
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            ca = agency.ca
            for turn in range(8):
                ca.issue_host(f"dock {number}-{turn}", Role.DOCK_OFFLOAD, new_key().public_key())
                if turn % 4 == 3:
                    publish(ca, agency.made.root_file, [Denied(name=f"dock {number}-{turn}")])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    register = Register.read(agency.directory)
    assert len(register.issued()) == 32
    assert len(register.denied()) == 8
    counters = [line.entry.counter for line in register.lines if hasattr(line.entry, "counter")]
    assert counters == sorted(set(counters)) and len(counters) == 8


def test_many_cameras_at_once_share_one_ca(agency: Agency) -> None:
    """As a program has it that enrols a whole station: its workers are threads, and the CA is one."""
    ca = agency.ca
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(12):
                issued = ca.issue_device(f"CAM-{number}-{turn}", PeerKind.CAMERA, new_key().public_key())
                assert ca.register().issued_to(issued.facts.name) == [issued.facts]
        except BaseException as error:
            failures.append(error)

    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switch)
    assert not failures
    assert len(Register.read(agency.directory).issued()) == len(ca.register().issued()) == 72


def test_two_processes_at_once_lose_nothing(agency: Agency) -> None:
    script = Path(__file__).with_name("killed_ca.py")
    running = [
        subprocess.Popen([sys.executable, script, agency.directory, f"many-{number}"], stderr=subprocess.PIPE)
        for number in range(2)
    ]
    for process in running:
        assert process.wait() == 0, process.stderr.read() if process.stderr else ""
        if process.stderr:
            process.stderr.close()
    names = [facts.name for facts in Register.read(agency.directory).issued()]
    assert sorted(names) == sorted(f"many-{number} {turn}" for number in range(2) for turn in range(20))
