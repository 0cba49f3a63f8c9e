"""The stubs of every implementation are what the contract's types ask for."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

from callbot_lab.protocol import IMPLEMENTATION_GROUP

ENTRY_POINTS = {
    point.name: point.value
    for point in importlib.metadata.entry_points(group=IMPLEMENTATION_GROUP)
    if "report" not in point.name
}


def mypy(folder: Path, source: str) -> subprocess.CompletedProcess[str]:
    """Check a user's file, away from the repository's settings."""
    (folder / "user.py").write_text(source, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "user.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def test_every_implementation_has_the_types_of_the_contract(tmp_path: Path) -> None:
    lines = ["from callbot_lab.protocol import Implementation"]
    lines += [f"import {path.partition(':')[0]}" for path in ENTRY_POINTS.values()]
    names = (path.replace(":", ".") for path in ENTRY_POINTS.values())
    lines += [f"_{index}: Implementation = {name}" for index, name in enumerate(names)]
    done = mypy(tmp_path, "\n".join(lines) + "\n")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_type_that_does_not_fit_is_found(tmp_path: Path) -> None:
    source = "from callbot_lab.protocol import Implementation\nimport binascii\nx: Implementation = binascii\n"
    done = mypy(tmp_path, source)
    assert done.returncode == 1
    assert "Incompatible types in assignment" in done.stdout
