"""Each scenario of evidence, receipts, seizures and orders can fail: a camera with that one defect is caught by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from bwc_protocol.documents.refusal import DocumentCheck
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.camera.camera import SimCamera
from firmware_sim.faulty_evidence import FAULTY_EVIDENCE
from firmware_sim.personalities import PERSONALITIES
from firmware_sim.ports.memory import forget_sims, open_sim
from tools.testkit.checks_taken_away import document_check_taken_away

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.timeout(150)  # alone each takes five seconds

DEVICE = "sim:?seed=79&recordings=3&mib=1&footage=synthetic"
SERIAL = "SIM-0000004F"

CAUGHT_BY = {
    "unsigned-manifests": "test_every_manifest_is_signed_by_the_device_that_gives_it",
    "borrowed-signature": "test_every_manifest_is_signed_by_the_device_that_gives_it",
    "broken-chain": "test_every_number_is_a_recording_or_a_tombstone_and_names_the_one_before",
    "forgotten-generation": "test_manifests_state_the_generation_that_the_device_is_in",
    "hidden-recording": "test_every_number_is_a_recording_or_a_tombstone_and_names_the_one_before",
    "hidden-tombstone": "test_a_receipt_and_an_erase_leave_a_tombstone_that_the_device_signed",
    "unsigned-annotations": "test_each_word_more_is_signed_at_once",
    "stale-annotations": "test_each_word_more_is_signed_at_once",
    "unencrypted": "test_recordings_are_encrypted_for_every_recipient_or_for_nobody",
    "other-recipients": "test_recordings_are_encrypted_for_every_recipient_or_for_nobody",
    "one-wrap": "test_recordings_are_encrypted_for_every_recipient_or_for_nobody",
    "one-content-key": "test_each_recording_has_a_key_of_its_own_that_is_bound_to_it",
    "other-footage": "test_stored_chunks_are_in_the_table_and_open_with_a_recipient_s_key",
    "believes-any-opening": "test_other_bytes_prove_nothing_and_use_the_challenge_up",
    "forgets-proofs": "test_who_gives_the_bytes_back_has_proved_it_and_the_device_keeps_when",
    "one-challenge": "test_a_challenge_is_fresh_answered_once_and_ends_the_one_before",
    "key-as-challenge": "test_who_gives_the_bytes_back_has_proved_it_and_the_device_keeps_when",
    "believes-any-receipt": "test_a_receipt_that_is_foreign_forged_or_old_is_not_kept",
    "counts-old-receipts": "test_a_receipt_that_comes_late_counts_for_nothing",
    "logs-receipts-again": "test_a_receipt_that_comes_again_adds_nothing",
    "cuts-receipts": "test_a_receipt_that_is_too_long_is_not_taken",
    "erases-on-demand": "test_nothing_is_erased_without_a_receipt",
    "believes-any-seizure": "test_a_seizure_of_somebody_else_or_for_another_camera_is_not_taken",
    "seized-in-name": "test_a_seized_camera_is_changed_by_nobody_and_gives_its_footage_as_before",
    "seized-until-restart": "test_a_camera_is_still_seized_after_a_restart",
    "sanitised-in-name": "test_two_people_have_a_camera_sanitised_and_a_tombstone_stays_of_each_recording",
    "no-tombstones": "test_two_people_have_a_camera_sanitised_and_a_tombstone_stays_of_each_recording",
}
"""Which scenario notices which defect."""

SANITISING = "test_two_people_have_a_camera_sanitised_and_a_tombstone_stays_of_each_recording"
UNCHECKED = [
    (DocumentCheck.ROLE, "test_nobody_but_a_destination_signs_receipts"),
    (DocumentCheck.SUBJECTS, "test_a_receipt_that_is_foreign_forged_or_old_is_not_kept"),
    (DocumentCheck.DEVICE, "test_a_receipt_that_is_foreign_forged_or_old_is_not_kept"),
    (DocumentCheck.RECORDING, "test_a_receipt_that_is_foreign_forged_or_old_is_not_kept"),
    (DocumentCheck.ANNOTATIONS, "test_a_receipt_that_comes_late_counts_for_nothing"),
    (DocumentCheck.TIME, "test_a_receipt_that_was_signed_outside_of_its_certificate_s_time_is_not_kept"),
    (DocumentCheck.ROLE, "test_a_seizure_of_somebody_else_or_for_another_camera_is_not_taken"),
    (DocumentCheck.DEVICE, "test_a_seizure_of_somebody_else_or_for_another_camera_is_not_taken"),
    (DocumentCheck.TIME, "test_a_seizure_of_somebody_else_or_for_another_camera_is_not_taken"),
    (
        DocumentCheck.REVISION,
        "test_a_seizure_ends_by_an_order_of_two_people_for_its_case_and_does_not_come_back",
    ),
    (
        DocumentCheck.COUNTER,
        "test_a_seizure_ends_by_an_order_of_two_people_for_its_case_and_does_not_come_back",
    ),
    (DocumentCheck.SUBJECTS, SANITISING),
    (DocumentCheck.NONCE, SANITISING),
    (DocumentCheck.DEVICE, SANITISING),
    (DocumentCheck.CHAIN_HEAD, SANITISING),
    (DocumentCheck.FOOTAGE, SANITISING),
]
"""A check of documents that a device does not make, and the scenario that notices."""


FAULTS: list[tuple[str | DocumentCheck | None, str]] = [*CAUGHT_BY.items(), *UNCHECKED]
FILES = ("test_encryption", "test_erasing", "test_orders", "test_signatures")


@pytest.fixture(autouse=True)
def _no_devices() -> Iterator[None]:
    yield
    forget_sims()


class WithDefects:
    """A plugin: each scenario meets a new camera for each defect that it is to catch, or none with any."""

    def __init__(self, faults: Sequence[tuple[str | DocumentCheck | None, str]]) -> None:
        self._faults = faults

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        found = [fault for fault, scenario in self._faults if scenario == metafunc.function.__name__]
        metafunc.parametrize("bwc_defect", found, indirect=True, ids=str)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if not item.get_closest_marker("skip")]  # of no defect

    @pytest.fixture(autouse=True)
    def bwc_defect(self, request: pytest.FixtureRequest) -> Iterator[None]:
        forget_sims()
        camera = open_sim(DeviceUri.parse(DEVICE)).camera
        assert isinstance(camera, SimCamera)
        request.getfixturevalue("bwc_bench").note_health()  # of another one than the test before had
        match request.param:
            case DocumentCheck() as check:
                with document_check_taken_away(check):
                    yield
            case None:
                yield
            case name:
                PERSONALITIES[name](camera)
                yield


def outcomes_of(
    pytester: pytest.Pytester, faults: list[tuple[str | DocumentCheck | None, str]]
) -> dict[str, str]:
    """How each scenario ends, by its name and the defect."""
    done = pytester.inline_run(
        "--bwc-seed=0", "--bwc-device", DEVICE, "--bwc-expendable", SERIAL, "-q", "-p", "no:cacheprovider",
        "--pyargs", *(f"hil_tests.{name}" for name in FILES), plugins=[WithDefects(faults)],
    )  # fmt: skip
    reports = [
        one for one in done.getreports("pytest_runtest_logreport") if isinstance(one, pytest.TestReport)
    ]
    return {report.nodeid.partition("::")[2]: report.outcome for report in reports if report.when == "call"}


def test_every_defect_that_a_camera_can_have_is_named_with_who_catches_it() -> None:
    assert set(CAUGHT_BY) == {one.__name__.replace("_", "-") for one in FAULTY_EVIDENCE}


def test_a_camera_with_a_defect_fails_the_scenario_that_is_to_catch_it(pytester: pytest.Pytester) -> None:
    ended = outcomes_of(pytester, FAULTS)
    assert {name: how for name, how in ended.items() if how != "failed"} == {}
    assert len(ended) >= len(FAULTS)


def test_a_camera_without_a_defect_passes_all_of_them(pytester: pytest.Pytester) -> None:
    """So that it is the defect which they notice."""
    scenarios = {scenario for _, scenario in FAULTS}
    ended = outcomes_of(pytester, [(None, scenario) for scenario in scenarios])
    assert {name: how for name, how in ended.items() if how != "passed"} == {}
    assert len(ended) >= len(scenarios)
