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

from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.evidence import sign1
from tools.generate import write_vectors
from tools.testkit import fixed_agency as agency

PAYLOAD = b"what others verify"
VECTORS = json.loads((write_vectors.FOLDER / "evidence.json").read_text(encoding="utf-8"))


def _cases() -> dict[str, tuple[bytes, bytes]]:
    """What is signed, and our signature over it: of each kind that lies in a store."""
    found = {"bytes": (PAYLOAD, sign1.sign(PAYLOAD, agency.signer("technician")))}
    for kind, vector in (
        ("manifest", VECTORS["manifests"][1]),
        ("annotation head", VECTORS["annotation_heads"][1]),
    ):
        data = vector.get("payload") or vector["hex"]
        found[kind] = bytes.fromhex(data), bytes.fromhex(vector["signature"])
    for kind in ("receipts", "checkpoints"):
        document = SignedDocument.decode(bytes.fromhex(VECTORS[kind][0]["hex"]))
        found[kind] = document.payload, document.signatures[0]
    return found


CASES = _cases()
PACKAGES = ("cwt==3.3.0", "pycose==1.1.0")
"""Both ask for a cbor2 that is older than ours may become, and so cannot be installed beside it."""
OTHERS = textwrap.dedent(
    """
    import json, sys
    import cbor2
    from cryptography.x509 import load_der_x509_certificate
    from cryptography.hazmat.primitives.serialization import load_der_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
    from cwt import COSE, COSEKey
    from pycose.algorithms import Es256
    from pycose.headers import Algorithm, X5chain
    from pycose.keys import EC2Key
    from pycose.messages import Sign1Message

    read = json.load(sys.stdin)
    cases = read.pop("cases")
    given = {name: bytes.fromhex(value) for name, value in read.items()}
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

    def by_cwt(signature, payload, public):  # which takes the tagged form alone
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        found = COSE.new().decode(b"\\xd2" + signature, COSEKey.from_pem(pem, alg="ES256"), detached_payload=payload)
        return found == payload

    def by_pycose(signature, payload, public):
        message = Sign1Message.from_cose_obj(cbor2.loads(signature), True)
        numbers = public.public_numbers()
        x, y = (n.to_bytes(32, "big") for n in (numbers.x, numbers.y))
        message.key = EC2Key(crv="P_256", x=x, y=y)
        return message.verify_signature(detached_payload=payload)

    def judged(case):
        signature, payload = bytes.fromhex(case["signature"]), bytes.fromhex(case["payload"])
        protected = cbor2.loads(cbor2.loads(signature)[0])
        public = load_der_x509_certificate(protected[33][0]).public_key()
        return {
            name: [verifies(lambda: by(signature, said, public)) for said in (payload, payload + b"!")]
            for name, by in (("cwt", by_cwt), ("pycose", by_pycose))
        }

    payload = given["payload"]
    made = COSE.new().encode(payload, cwt_key, protected={1: -7, 33: chain}, unprotected={})
    of_pycose = Sign1Message(phdr={Algorithm: Es256, X5chain: chain}, uhdr={}, payload=payload, key=pycose_key)
    print(json.dumps({
        "judged": {name: judged(case) for name, case in cases.items()},
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
    given = {"key": key, "leaf": leaf, "issuing": issuing, "payload": PAYLOAD}
    cases = {
        name: {"payload": payload.hex(), "signature": signature.hex()}
        for name, (payload, signature) in CASES.items()
    }
    script = Path(place / "others.py")
    script.write_text(OTHERS, encoding="utf-8")
    done = subprocess.run(
        [python, script],
        input=json.dumps({"cases": cases} | {name: value.hex() for name, value in given.items()}),
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
@pytest.mark.parametrize("case", list(CASES))
def test_others_verify_what_we_sign(others: dict[str, Any], case: str, name: str) -> None:
    good, bad = others["judged"][case][name]
    assert good is True and bad is not True


@pytest.mark.ci
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ["cwt", "pycose"])
def test_we_verify_what_others_sign_once_its_payload_is_detached(others: dict[str, Any], name: str) -> None:
    protected, unprotected, payload, signature = cbor2.loads(bytes.fromhex(others[f"made by {name}"]))
    assert (unprotected, payload) == ({}, PAYLOAD)
    detached = cbor2.dumps([protected, {}, None, signature], canonical=True)
    assert sign1.verify(PAYLOAD, detached, agency.anchors()).name == "Kim Lopez"
