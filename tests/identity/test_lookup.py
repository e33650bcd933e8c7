"""Which identity a host speaks by: what is given, what is configured, and never anything weaker than that."""

from pathlib import Path

import pytest

from bwc_protocol.declare import Role
from bwc_sdk.errors import HostFileError, IdentityError, IdentityMissing
from bwc_sdk.identity.identity_directory import IdentityDirectory
from bwc_sdk.identity.lab_identities import LabIdentities
from bwc_sdk.identity.lookup import IDENTITY_ENV, configured_directory, find_identity, identity_for
from tools.testkit.identity_files import host_identity, write_identity
from tools.testkit.secure_ends import NOW_S, agency


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user to whom nothing is configured."""
    for name in (IDENTITY_ENV, "XDG_CONFIG_HOME", "BWC_LAB"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def configure(home: Path) -> Path:
    directory = home / ".config" / "bwc" / "identity"
    directory.parent.mkdir(parents=True)
    write_identity(directory, agency(), Role.TECHNICIAN)
    return directory


def test_what_is_given_comes_first_then_the_environment_then_the_configuration(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured, named, given = configure(home), home / "named", home / "given"
    found = find_identity()
    assert isinstance(found, IdentityDirectory) and found.path == configured
    monkeypatch.setenv(IDENTITY_ENV, str(named))
    found = find_identity()
    assert isinstance(found, IdentityDirectory) and found.path == named
    found = find_identity(given)
    assert isinstance(found, IdentityDirectory) and found.path == given
    own = host_identity(agency(), Role.TECHNICIAN)
    assert find_identity(own) is own
    for one in (found, LabIdentities("x", home)):
        assert find_identity(one) is one


def test_the_configuration_is_where_the_system_has_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert configured_directory() is None
    (home / "elsewhere" / "bwc" / "identity").mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "elsewhere"))
    assert configured_directory() == home / "elsewhere" / "bwc" / "identity"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert configured_directory() is None


def test_a_user_without_a_home_has_no_configuration(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert configured_directory() is None


def test_a_configured_identity_never_falls_back(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither to the lab nor to no protection, whatever is wrong with it: a dock whose key file went would else speak
    to whatever answers."""
    for directory in (home / "none", configure(home)):
        monkeypatch.setenv(IDENTITY_ENV, str(directory))
        found = find_identity()
        assert isinstance(found, IdentityDirectory)
        with pytest.raises(IdentityMissing):
            identity_for(found, Role.DOCK_OFFLOAD, NOW_S)


def test_the_lab_and_the_insecure_session_are_asked_for_by_a_word(home: Path) -> None:
    configure(home)
    assert isinstance(find_identity(lab=True), LabIdentities)
    assert find_identity(allow_insecure=True) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"lab": True, "allow_insecure": True}, "lab and allow-insecure"),
        ({"given": Path("x"), "lab": True}, "identity and lab"),
        ({"given": Path("x"), "allow_insecure": True}, "identity and allow-insecure"),
    ],
)
def test_words_that_contradict_each_other_are_refused(words: dict[str, object], said: str) -> None:
    with pytest.raises(IdentityError, match=f"{said} exclude each other"):
        find_identity(**words)  # as a caller may


def test_one_identity_is_good_for_the_role_that_it_holds_alone() -> None:
    own = host_identity(agency(), Role.DOCK_OFFLOAD, name="dock-7")
    assert identity_for(own, Role.DOCK_OFFLOAD, NOW_S) is own
    with pytest.raises(IdentityMissing, match="'dock-7' holds dock-offload, not technician"):
        identity_for(own, Role.TECHNICIAN, NOW_S)


def test_all_connections_of_a_process_share_a_directory(home: Path) -> None:
    assert find_identity(home / "a") is find_identity(home / "a")
    assert find_identity(home / "a") is not find_identity(home / "b")
    assert find_identity(lab=True) is find_identity(lab=True)


@pytest.mark.parametrize("there", ["a link to nothing", "a file", "a directory of somebody else"])
def test_what_is_there_is_not_passed_over_for_the_lab(
    home: Path, monkeypatch: pytest.MonkeyPatch, there: str
) -> None:
    """Such as on a volume that is not mounted: the lab would be spoken by without a word."""
    directory = home / ".config" / "bwc" / "identity"
    directory.parent.mkdir(parents=True)
    if there == "a link to nothing":
        directory.symlink_to(home / "not mounted")
    elif there == "a file":
        directory.write_bytes(b"")
    else:

        def refused(path: Path) -> None:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(Path, "lstat", refused)
    assert configured_directory() == directory
    if there != "a directory of somebody else":
        found = find_identity()
        assert isinstance(found, IdentityDirectory)
        with pytest.raises((IdentityError, HostFileError)):
            found.for_role(Role.TECHNICIAN, NOW_S)
