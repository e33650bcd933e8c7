"""A verb loads what it needs and no more, and the overview loads no verb at all."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.messages import FILES
from bwc_sdk.cli.app import VERBS, load

PROBE = """
import json, sys
from bwc_sdk.__main__ import main
code = main(json.loads(sys.argv[1]))
sys.stderr.write("\\n" + json.dumps([code, sorted(sys.modules)]))
"""


def _loaded(*argv: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(argv)], capture_output=True, text=True, check=True
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    return set(modules)


def test_the_version_is_told_before_anything_is_loaded() -> None:
    loaded = _loaded("--version")
    assert not loaded & {"typer", "click", "rich", "asyncio", "construct", "bwc_protocol", "bwc_sdk.cli"}


def test_the_overview_loads_no_verb_and_no_protocol() -> None:
    loaded = _loaded("--help")
    assert not loaded & {
        "asyncio",
        "construct",
        "rich",
        "serial",
        "bwc_protocol",
        "bwc_sdk.cli.verbs.battery",
    }


def test_what_needs_no_device_loads_no_event_loop_and_no_protocol() -> None:
    assert not _loaded("devices") & {
        "asyncio",
        "construct",
        "rich",
        "bwc_protocol",
        "bwc_sdk.connection.connection",
    }


@pytest.fixture
def served() -> Iterator[str]:
    """A simulator of another process, with development firmware."""
    command = [
        sys.executable,
        "-m",
        "bwc_sdk",
        "sim",
        "--recordings",
        "0",
        "--footage",
        "synthetic",
        "--insecure",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


def test_info_loads_its_own_subject_and_no_package_that_it_does_not_use(served: str) -> None:
    loaded = _loaded("info", "--allow-insecure", "--device", served)
    subjects = {name for name in loaded if name.startswith("bwc_protocol.messages.")}
    assert subjects == {"bwc_protocol.messages.core", "bwc_protocol.messages.identity"}
    packages = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names
    ours = {name for name in packages if name.startswith("bwc_")}
    assert ours == {"bwc_protocol", "bwc_sdk"}
    wanted = {"typer", "construct", "crcmod", "google_crc32c", "click", "colorama", "shellingham"}
    allowed = wanted | {"typing_extensions", "annotated_doc", "sitecustomize", "usercustomize", "__mp_main__"}
    assert {name for name in packages - ours if not name.startswith("_")} <= allowed
    assert not loaded & {
        "pydantic",  # typer's, for values that need converting
        "cbor2",
        "tomllib",
        "importlib.metadata",
        "bwc_protocol.evidence",
        "bwc_sdk.capture.recorder",
        "bwc_sdk.clients.clock",
        "bwc_sdk.clients.recordings",
        "bwc_sdk.discovery.slots",
        "bwc_sdk.doctor",
        "bwc_sdk.host.time_service",
        "bwc_sdk.offload",
        "bwc_sdk.transport.serial_port",
    }


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A simulator of another process, which belongs to the lab."""
    monkeypatch.setenv("BWC_LAB", str(tmp_path))
    command = [sys.executable, "-m", "bwc_sdk", "sim", "--recordings", "0", "--footage", "synthetic"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


def test_a_secure_session_loads_what_reads_certificates_and_nothing_that_makes_documents(secure: str) -> None:
    loaded = _loaded("info", "--lab", "--device", secure)
    assert "cryptography" in loaded
    assert not loaded & {
        "bwc_protocol.documents",
        "bwc_protocol.evidence",
        "bwc_protocol.messages.trust",
        "bwc_sdk.enrolment",
        "bwc_sdk.identity.ca",
        "bwc_sdk.identity.inspection",
        "bwc_sdk.identity.key_file",
        "cryptography.hazmat.primitives.serialization.pkcs12",
        "cbor2",
        "tempfile",
    }


@pytest.mark.parametrize(
    "verb", [["--version"], ["--help"], ["devices"], ["identity", "--help"]], ids=" ".join
)
def test_what_proves_nothing_to_a_device_loads_nothing_that_could(verb: list[str]) -> None:
    assert not {name.partition(".")[0] for name in _loaded(*verb)} & {"cryptography", "_cffi_backend"}


@pytest.mark.parametrize(("given", "frozen"), [("None", True), ("['--help']", False)])
def test_only_a_process_that_ends_is_spared_its_last_look_for_garbage(given: str, frozen: bool) -> None:
    probe = f"""
import gc, sys
from bwc_sdk.__main__ import main
sys.argv = ["bwc", "--help"]
main({given})
sys.stderr.write(f"{{gc.get_freeze_count() > 1000}} {{gc.isenabled()}}")
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stderr == f"{frozen} True"


def test_a_pipe_loads_no_tables_and_a_camera_no_offload_engine() -> None:
    device = "sim:?seed=77&recordings=0&mib=1&insecure=1"
    loaded = _loaded("battery", "--allow-insecure", "--device", device)
    assert not loaded & {"rich", "bleak", "usb", "cryptography", "bwc_sdk.offload", "bwc_sdk.sync"}


@pytest.mark.parametrize("name", [name for name, verb in VERBS.items() if not verb.extra])
def test_the_overview_says_what_the_verb_says_of_itself(name: str) -> None:
    command: Any = load(name)
    assert (command.help or "").splitlines()[0] == VERBS[name].help


def test_a_verb_of_another_package_is_listed_and_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from bwc_sdk.cli.app import run

    ran: list[int] = []

    def conformance(count: int = 1) -> None:
        ran.append(count)

    class Plugin:
        name = "conformance"
        module = "elsewhere"
        dist = None

        def load(self) -> Any:
            return conformance

    monkeypatch.setattr(
        "bwc_sdk.cli.app._plugins", lambda name=None: [Plugin()] if name in (None, "conformance") else []
    )
    assert run(["conformance", "--count", "3"]) == 0
    assert ran == [3]
    assert run(["--help"]) == 0


def test_shell_completion_knows_verbs_options_and_values() -> None:
    def completed(line: str) -> str:
        words = line.split(" ")
        done = subprocess.run(
            [sys.executable, "-m", "bwc_sdk"],
            env={
                "_BWC_COMPLETE": "complete_bash",
                "COMP_WORDS": line,
                "COMP_CWORD": str(len(words) - 1),
                "PATH": "",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    assert "battery" in completed("bwc ba")
    assert "show" in completed("bwc config s") and "set" in completed("bwc config s")
    assert "dock-offload" in completed("bwc offload --role ")


def test_an_offload_has_loaded_every_subject_before_it_begins() -> None:
    """It goes on when this process can open no further file, and then nothing can be loaded any more."""
    probe = "import json, sys, bwc_sdk.offload; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert {f"bwc_protocol.messages.{name}" for name in FILES.values()} <= set(json.loads(done.stdout))
