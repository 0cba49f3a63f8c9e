"""The suite takes its subjects from outside, and tells one that is broken from one that is not for this machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from callbot_lab.paths import CONFORMANCE, ROOT

from . import packages


def run_suite(*arguments: str, section: str = "vectors") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", str(CONFORMANCE / f"test_{section}.py"), "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, "-rs", "--tb=line", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )


def test_one_that_is_not_registered_is_tested_by_its_path(install: Callable[..., Path]) -> None:
    folder = install("plain_module", packages.GOOD)
    (folder / "plain_module-1.0.dist-info" / "entry_points.txt").unlink()
    done = run_suite("--impl=plain_module")
    assert done.returncode == 0, done.stdout
    assert "module plain_module" in done.stdout


def test_one_that_is_not_for_this_machine_is_skipped_with_its_reason(install: Callable[..., Path]) -> None:
    install("absent_arm", packages.UNAVAILABLE)
    done = run_suite()
    assert done.returncode == 0, done.stdout
    assert "absent_arm: ImportError: this CPU lacks the instructions" in done.stdout


def test_one_that_was_asked_for_is_never_skipped(install: Callable[..., Path]) -> None:
    install("absent_arm", packages.UNAVAILABLE)
    done = run_suite("--impl=absent_arm")
    assert done.returncode == 1
    assert "absent_arm cannot be loaded" in done.stdout


def test_one_that_is_broken_fails(install: Callable[..., Path]) -> None:
    install("odd_arm", packages.UNIMPORTABLE)
    done = run_suite()
    assert done.returncode == 1
    assert "odd_arm cannot be loaded: ModuleNotFoundError" in done.stdout


def test_one_without_ingest_is_not_asked_for_messages(install: Callable[..., Path]) -> None:
    install("plain_arm", packages.WITHOUT_MESSAGES)
    done = run_suite("--impl=plain_arm", section="ingest_leaks")
    assert done.returncode == 0, done.stdout
    assert " passed" not in done.stdout
    assert "plain_arm does not offer AudioProcessor.ingest" in done.stdout


def test_one_of_ours_has_to_take_messages(install: Callable[..., Path]) -> None:
    install("callbot_cython", packages.WITHOUT_MESSAGES)  # in the place of the one that is installed
    done = run_suite("--impl=callbot_cython", section="ingest_leaks")
    assert done.returncode == 1
    assert " passed" not in done.stdout
    assert "callbot_cython does not offer AudioProcessor.ingest" in done.stdout


def test_a_name_that_is_none_is_one_line() -> None:
    done = run_suite("--impl=nix")
    assert done.returncode == 4
    assert "no implementation is called 'nix'; there are:" in done.stderr
