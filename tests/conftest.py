"""Fixtures that the tests of the harness share."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .packages import make_package


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
