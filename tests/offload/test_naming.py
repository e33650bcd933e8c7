"""Stored names: harmless whatever the camera calls itself, and never two contents for one name."""

import string

from hypothesis import example, given
from hypothesis import strategies as st

from bwc_sdk.camera_name import camera_name
from bwc_sdk.evidence.naming import recording_name, segment_name

HARMLESS = set(string.ascii_letters + string.digits + "-_")
WINDOWS_RESERVED = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"com{n}" for n in range(10)),
    *(f"lpt{n}" for n in range(10)),
}
ids = st.binary(min_size=16, max_size=16)
hashes = st.binary(min_size=32, max_size=32)


def test_a_plain_serial_number_stands_for_itself() -> None:
    name = segment_name("SIM-0001", bytes(range(16)), 2, bytes(range(32)))
    assert name == "SIM-0001_000102030405060708090a0b0c0d0e0f_002_0001020304050607"


@given(st.text(max_size=200), ids, st.integers(0, 95), hashes)
@example("../../etc/passwd", bytes(16), 0, bytes(32))
@example("A\0B", bytes(16), 0, bytes(32))
@example("CON", bytes(16), 0, bytes(32))
@example("nul.", bytes(16), 0, bytes(32))
@example("\u202egnp.4pm", bytes(16), 0, bytes(32))
@example("C:\\x:stream", bytes(16), 0, bytes(32))
@example("\ud800", bytes(16), 0, bytes(32))
@example("", bytes(16), 0, bytes(32))
def test_a_hostile_identity_gives_a_harmless_name(
    camera: str, recording: bytes, segment: int, sha: bytes
) -> None:
    for name in (segment_name(camera, recording, segment, sha), recording_name(camera, recording, sha)):
        assert set(name) <= HARMLESS
        assert name[0] not in "-_."
        assert len(name) < 128
        assert name.split(".")[0].lower() not in WINDOWS_RESERVED


@given(st.text(max_size=40), st.text(max_size=40))
@example("CAM", "cam")
@example("a/b", "a-b")
@example("é", "e\u0301")
@example("A" * 32, "A" * 33)
@example("", "CAMERA")
def test_two_identities_differ_even_where_case_does_not_count(one: str, other: str) -> None:
    if one != other:
        assert camera_name(one).lower() != camera_name(other).lower()


@given(ids, ids, hashes, hashes)
def test_two_recordings_or_manifests_differ(one: bytes, other: bytes, sha: bytes, other_sha: bytes) -> None:
    assert (segment_name("C", one, 0, sha) == segment_name("C", other, 0, sha)) == (one == other)
    same = segment_name("C", one, 0, sha) == segment_name("C", one, 0, other_sha)
    assert same == (sha[:8] == other_sha[:8])
    assert segment_name("C", one, 0, sha) != segment_name("C", one, 1, sha)
