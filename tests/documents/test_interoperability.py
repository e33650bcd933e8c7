"""Signatures against two other implementations of COSE, each way; they live in an environment of their own."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bwc_protocol.evidence import sign1
from tools.testkit import fixed_agency as agency

PAYLOAD = b"what others verify"
PACKAGES = ("cwt==3.3.0", "pycose==1.1.0")
"""Both ask for a cbor2 that is older than ours may become, and so cannot be installed beside it."""
OTHERS = textwrap.dedent(
    """
    import json, sys
    import cbor2
    from cryptography.hazmat.primitives.serialization import load_der_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cwt import COSE, COSEKey
    from pycose.algorithms import Es256
    from pycose.headers import Algorithm, X5chain
    from pycose.keys import EC2Key
    from pycose.messages import Sign1Message

    given = {name: bytes.fromhex(value) for name, value in json.load(sys.stdin).items()}
    private = load_der_private_key(given["key"], None)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    cwt_key = COSEKey.from_pem(pem, alg="ES256")
    numbers = private.private_numbers()
    x, y = (n.to_bytes(32, "big") for n in (numbers.public_numbers.x, numbers.public_numbers.y))
    pycose_key = EC2Key(crv="P_256", x=x, y=y, d=numbers.private_value.to_bytes(32, "big"))
    chain = [given["leaf"], given["issuing"]]

    def verifies(check):
        try:
            return bool(check())
        except Exception as error:
            return type(error).__name__

    def by_cwt(payload):  # which takes the tagged form alone
        return COSE.new().decode(b"\\xd2" + given["ours"], cwt_key, detached_payload=payload) == payload

    def by_pycose(payload):
        message = Sign1Message.from_cose_obj(cbor2.loads(given["ours"]), True)
        message.key = pycose_key
        return message.verify_signature(detached_payload=payload)

    payload, other = given["payload"], given["payload"] + b"!"
    made = COSE.new().encode(payload, cwt_key, protected={1: -7, 33: chain}, unprotected={})
    of_pycose = Sign1Message(phdr={Algorithm: Es256, X5chain: chain}, uhdr={}, payload=payload, key=pycose_key)
    print(json.dumps({
        "cwt": [verifies(lambda: by_cwt(payload)), verifies(lambda: by_cwt(other))],
        "pycose": [verifies(lambda: by_pycose(payload)), verifies(lambda: by_pycose(other))],
        "made by cwt": cbor2.dumps(cbor2.loads(made).value).hex(),
        "made by pycose": of_pycose.encode(tag=False, sign=True).hex(),
    }))
    """
)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the others say of a signature of ours, and what they sign themselves."""
    place = tmp_path_factory.mktemp("others")
    subprocess.run([sys.executable, "-m", "venv", place], check=True, timeout=120)
    python = place / "bin" / "python"
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
    installed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if installed.returncode:
        pytest.skip(f"not installed: {installed.stderr[-300:]}")
    leaf, issuing = agency.signer("technician").chain
    key = agency.key("technician").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    ours = sign1.sign(PAYLOAD, agency.signer("technician"))
    given = {"key": key, "leaf": leaf, "issuing": issuing, "payload": PAYLOAD, "ours": ours}
    script = Path(place / "others.py")
    script.write_text(OTHERS, encoding="utf-8")
    done = subprocess.run(
        [python, script],
        input=json.dumps({name: value.hex() for name, value in given.items()}),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.ci
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ["cwt", "pycose"])
def test_others_verify_what_we_sign(others: dict[str, Any], name: str) -> None:
    good, bad = others[name]
    assert good is True and bad is not True


@pytest.mark.ci
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ["cwt", "pycose"])
def test_we_verify_what_others_sign_once_its_payload_is_detached(others: dict[str, Any], name: str) -> None:
    protected, unprotected, payload, signature = cbor2.loads(bytes.fromhex(others[f"made by {name}"]))
    assert (unprotected, payload) == ({}, PAYLOAD)
    detached = cbor2.dumps([protected, {}, None, signature], canonical=True)
    assert sign1.verify(PAYLOAD, detached, agency.anchors()).name == "Kim Lopez"
