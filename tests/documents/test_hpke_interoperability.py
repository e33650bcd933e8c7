"""Wrapped content keys against another implementation of HPKE, each way; it lives in an environment of its own."""

import json
import subprocess
import sys
import textwrap
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bwc_protocol.evidence import sealing
from firmware_sim.device.seeded_wrap import seeded_wrap
from tools.testkit import fixed_agency as agency

PACKAGE = "pyhpke==0.6.5"
KEY = bytes(range(32))
INFO = sealing.CONTENT_KEY + b"R" * 16 + b"H" * 32
OTHER = textwrap.dedent(
    """
    import json, sys
    from cryptography.hazmat.primitives.serialization import load_der_private_key
    from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey

    given = {name: bytes.fromhex(value) for name, value in json.load(sys.stdin).items()}
    suite = CipherSuite.new(KEMId.DHKEM_P256_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES256_GCM)
    private = load_der_private_key(given["private"], None)
    mine, theirs = KEMKey.from_pyca_cryptography_key(private), KEMKey.from_pyca_cryptography_key(private.public_key())

    def opened(sealed, info):
        try:
            return suite.create_recipient_context(sealed[:65], mine, info=info).open(sealed[65:]).hex()
        except Exception as error:
            return type(error).__name__

    enc, sender = suite.create_sender_context(theirs, info=given["info"])
    print(json.dumps({
        "library": opened(given["library"], given["info"]),
        "simulator": opened(given["simulator"], given["info"]),
        "other info": opened(given["library"], given["info"] + b"!"),
        "made": (enc + sender.seal(given["key"])).hex(),
    }))
    """
)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the other one opens of ours, and what it seals itself."""
    place = tmp_path_factory.mktemp("pyhpke")
    subprocess.run([sys.executable, "-m", "venv", place], check=True, timeout=120)
    python = place / "bin" / "python"
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]
    installed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if installed.returncode:
        pytest.skip(f"not installed: {installed.stderr[-300:]}")
    private = agency.key("recipient")
    given = {
        "private": private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        "info": INFO,
        "key": KEY,
        "library": sealing.hpke_wrap(KEY, private.public_key(), INFO),
        "simulator": seeded_wrap(KEY, private.public_key(), INFO),
    }
    stated = json.dumps({name: value.hex() for name, value in given.items()})
    ran = subprocess.run(
        [python, "-c", OTHER], input=stated, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.timeout(400)
@pytest.mark.rule("REC-049")
def test_another_implementation_opens_what_is_wrapped_and_nothing_else(other: dict[str, Any]) -> None:
    assert other["library"] == other["simulator"] == KEY.hex()
    assert other["other info"] != KEY.hex()


@pytest.mark.timeout(400)
@pytest.mark.rule("REC-049")
def test_what_another_implementation_wraps_opens(other: dict[str, Any]) -> None:
    sealed = bytes.fromhex(other["made"])
    assert len(sealed) == 113
    assert sealing.hpke_open(sealed, agency.key("recipient"), INFO) == KEY
    assert sealing.hpke_open(sealed, agency.key("recipient"), INFO + b"!") is None
