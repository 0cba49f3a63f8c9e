"""What the user gets wrong is one line and a status, on every command."""

from __future__ import annotations

import json
import subprocess
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from . import packages

CommandLine = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["measure", "-e", "nix"], "unknown experiment 'nix'; there are: ablation, best, "),
        (["report", "-e", "nix"], "unknown experiment 'nix'; there are: ablation, best, "),
        (["report", "-e", "all", "--run", "x"], "--run reports on all that the run holds"),
        (["compare", "stdlib", "python@nix"], "unknown operation 'nix' of the arm 'python@nix'"),
        (["measure", "-s", "77x"], "unknown size '77x'; accepted are callbot"),
        (["measure", "-p", "nix"], "unknown profile 'nix'; there are: quick, full"),
        (["measure", "-e", "reproduce", "-i", "nix"], "no experiment of reproduce has an arm 'nix'"),
        (["measure", "--input", "none.wav"], "cannot read the recording none.wav: No such file"),
        (["measure", "--input", "pyproject.toml"], "accepted is a WAV file of mono 16-bit PCM"),
        (["measure", "--out", "tests"], "tests is not empty"),
        (["measure", "--out", "pyproject.toml/run"], "cannot make the folder"),
        (["compare", "stdlib", "stdlib"], "compared with itself"),
        (["compare", "stdlib", "python", "--margin", "3"], "a margin of 3 makes no sense"),
        (["verify", "nix"], "no implementation is called 'nix'; there are: "),
        (["report", "--run", "tests"], "tests is no run: it has no run.json"),
        (["report", "--profile", "nix"], "unknown profile 'nix'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(callbot_lab: CommandLine, arguments: list[str], words: str) -> None:
    done = callbot_lab(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stdout + done.stderr


def test_a_failed_command_leaves_no_empty_folder(callbot_lab: CommandLine, tmp_path: Path) -> None:
    eight_bit = tmp_path / "eight.wav"
    with wave.open(str(eight_bit), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(bytes(8000))
    done = callbot_lab("measure", "--input", str(eight_bit), "--out", str(tmp_path / "run"))
    assert "8-bit samples" in done.stderr
    assert not (tmp_path / "run").exists()


def test_help_names_every_command(callbot_lab: CommandLine) -> None:
    said = callbot_lab("--help").stdout
    for command in ("list", "verify", "measure", "compare", "report", "decide", "doctor"):
        assert command in said
        assert callbot_lab(command, "--help").returncode == 0


def test_all_experiments_may_be_asked_for_by_that_word(callbot_lab: CommandLine, tmp_path: Path) -> None:
    chosen = ["-e", "all", "-i", "pybase64", "-s", "160", "-p", "glance"]
    done = callbot_lab("measure", *chosen, "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stdout + done.stderr
    note = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    # Those that have the arm.
    assert {"best", "matched"} <= {each["name"] for each in note["experiments"]}
    assert all("pybase64" in each["arms"] for each in note["experiments"])


def test_list_shows_arms_with_their_status(callbot_lab: CommandLine, install: Callable[..., Path]) -> None:
    install("odd_arm", packages.UNAVAILABLE)
    done = callbot_lab("list")
    assert done.returncode == 0
    assert "stdlib" in done.stdout
    assert "this CPU lacks the instructions" in done.stdout
    assert "reproduce" in done.stdout


def test_doctor_gives_a_line_for_each_finding(callbot_lab: CommandLine, install: Callable[..., Path]) -> None:
    install("odd_arm", packages.DEBUG)
    done = callbot_lab("doctor")
    assert all(line.split()[0] in ("ok", "warning", "missing") for line in done.stdout.splitlines())
    assert any("odd_arm: debug build" in line for line in done.stdout.splitlines())


def test_verify_tells_a_wrong_implementation(callbot_lab: CommandLine, install: Callable[..., Path]) -> None:
    install("lenient_arm", packages.LENIENT)
    done = callbot_lab("verify", "lenient_arm")
    assert done.returncode == 1
    assert "lenient_arm fails" in done.stdout


def test_verify_tells_what_an_implementation_leaves_out(callbot_lab: CommandLine, install: Callable[..., Path]) -> None:
    install("plain_arm", packages.WITHOUT_MESSAGES)
    done = callbot_lab("verify", "plain_arm")
    assert done.returncode == 0, done.stdout
    assert "not tested: plain_arm does not offer AudioProcessor.ingest" in done.stdout


def test_verify_tells_one_that_cannot_be_loaded(callbot_lab: CommandLine, install: Callable[..., Path]) -> None:
    install("odd_arm", packages.UNIMPORTABLE)
    done = callbot_lab("verify", "odd_arm")
    assert done.returncode == 1
    assert "odd_arm not loaded: it cannot be imported" in done.stdout


def test_measuring_a_wrong_implementation_ends_with_status_1(
    callbot_lab: CommandLine, install: Callable[..., Path], tmp_path: Path
) -> None:
    install("lenient_arm", packages.LENIENT)
    chosen = ["-e", "best", "-i", "lenient_arm", "-i", "pybase64", "-s", "160", "-p", "glance"]
    done = callbot_lab("measure", *chosen, "--out", str(tmp_path / "run"))
    assert done.returncode == 1
    assert "lenient_arm: does not conform: " in done.stdout
    assert any("pybase64" in line and "faster" in line for line in done.stdout.splitlines())
