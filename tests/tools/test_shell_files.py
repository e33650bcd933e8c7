"""The manual page and the completions are those of this command line, and a shell can use them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bwc_sdk.cli.app import VERBS
from bwc_sdk.cli.exit_codes import ExitCode
from tools.generate import shell_files

BWC = Path(sys.executable).with_name("bwc")


def test_they_are_up_to_date() -> None:
    for name, text in shell_files.files().items():
        assert (shell_files.SHARE / name).read_text(encoding="utf-8") == text, (
            f"{name}: 'make docs' writes it"
        )


def test_what_is_stale_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shell_files, "SHARE", tmp_path)
    monkeypatch.setattr("sys.argv", ["shell_files"])
    assert shell_files.main() == 0
    monkeypatch.setattr("sys.argv", ["shell_files", "--check"])
    assert shell_files.main() == 0
    (tmp_path / shell_files.MANUAL).write_text("old")
    assert shell_files.main() == 1 and shell_files.MANUAL in capsys.readouterr().out


def test_the_manual_has_every_verb_and_every_exit_code() -> None:
    page = shell_files.manual()
    for verb in VERBS:
        assert f".SS bwc {verb}".replace("-", r"\-") in page, verb
    for code in ExitCode:
        assert f"\\fB{int(code)}\\fR" in page


def test_no_word_of_it_is_taken_for_an_instruction() -> None:
    assert shell_files._text(".SH evil \\fB") == r"\&.SH evil \efB"
    for line in shell_files.manual().splitlines():
        if line.startswith((".", "'")):
            assert line.split(" ")[0] in {".TH", ".SH", ".SS", ".PP", ".TP"}, line


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff, which machines for people have")
def test_man_draws_it_without_a_warning() -> None:
    path = shell_files.SHARE / shell_files.MANUAL
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-P-cbou", "-ww", path], capture_output=True, text=True, check=True
    )
    assert done.stderr == "" and "bwc offload" in done.stdout


def test_bash_completes_by_the_file() -> None:
    path = shell_files.SHARE / shell_files.COMPLETIONS["bash"]
    asks = f'. {path}; COMP_WORDS=(bwc clo); COMP_CWORD=1; _bwc_completion {BWC}; echo "${{COMPREPLY[@]}}"'
    said = subprocess.run(["bash", "-c", asks], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["clock"] and said.stderr == ""
