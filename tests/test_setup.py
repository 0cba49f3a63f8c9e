"""The set-up says what is missing, and its lock names packages and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from callbot_lab.paths import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_locked_package_has_a_version_and_hashes(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    packages = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert len(packages) > 50
    for package in packages:
        assert re.match(r"[a-z0-9._-]+==\S+", package), package
        assert "--hash=sha256:" in package, package


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_host(lock: Path) -> None:
    assert not re.search(r"://|--index-url|--find-links|--trusted-host", lock.read_text(encoding="utf-8"))


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder with the tools that make itself needs, and no compiler, cargo or Python."""
    for tool in ("sh", "make", "find", "sort", "env"):
        found = shutil.which(tool)
        assert found, tool
        (tmp_path / tool).symlink_to(found)
    return tmp_path


def make(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = [str(path / "make"), "-n", "-C", str(ROOT), *arguments]
    return subprocess.run(
        command, env={**environment, "PATH": str(path)}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("goal", ["report", "test", "setup"])
def test_without_cargo_one_line_says_how_to_go_on(bare_path: Path, goal: str) -> None:
    (bare_path / "cc").symlink_to("/bin/true")
    done = make(bare_path, goal)
    assert done.returncode != 0
    assert "cargo not found, which impls/rust needs" in done.stderr
    assert f'make {goal} IMPLS="python cython"' in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_python_one_line_names_the_remedy(bare_path: Path) -> None:
    done = make(bare_path, "setup", "IMPLS=python")
    assert done.returncode != 0
    assert "no Python 3.11 or newer with venv" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_implementation_that_is_not_there_is_named(bare_path: Path) -> None:
    done = make(bare_path, "setup", "IMPLS=python nix")
    assert "no implementation 'nix'; there are:" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_subset_asked_for_needs_no_more_than_its_tools(bare_path: Path) -> None:
    # Not what is first on the path: that may be a script which needs more than itself.
    (bare_path / "python3").symlink_to(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
    done = make(bare_path, "setup", "IMPLS=python")
    assert done.returncode == 0, done.stderr
