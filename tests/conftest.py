"""Fixtures that the tests of the harness share."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .packages import make_package
from .servers import Server


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Announce an arm, for this process and for those that it starts: `install(name, source, arm=..., group=...)`."""

    def announce(name: str, source: str, **settings: str) -> Path:
        folder = make_package(tmp_path / f"site-{name}", name, source, **settings)
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        importlib.invalidate_caches()
        monkeypatch.delitem(sys.modules, name, raising=False)
        return folder

    return announce


@pytest.fixture
def callbot_lab() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in a process of its own."""

    def run(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "callbot_lab", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)

    return run


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start a server of the test's own."""
    running: list[Server] = []

    def begin(*arguments: str, **settings: Any) -> Server:
        running.append(Server(tmp_path / f"recordings-{len(running)}", *arguments, **settings))
        return running[-1]

    yield begin
    for one in running:
        one.__exit__()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 256 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        assert not os.environ.get("CI"), "CI has to be able to mount a tmpfs"
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
