"""The package of docs/bring-your-own.md, installed from a folder elsewhere, takes part with no change to anything."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from callbot_lab.paths import ROOT

CommandLine = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def fourth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the page, written to a folder outside the repository and installed by pip."""
    page = (ROOT / "docs" / "bring-your-own.md").read_text(encoding="utf-8")
    project, source = re.search(r"```toml\n(.*?)```", page, re.S), re.search(r"```python\n(.*?)```", page, re.S)
    assert project
    assert source
    assert len(source[1].splitlines()) < 45
    folder, site = tmp_path_factory.mktemp("fourth"), tmp_path_factory.mktemp("site")
    (folder / "pyproject.toml").write_text(project[1], encoding="utf-8")
    (folder / "callbot_fourth.py").write_text(source[1], encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-build-isolation"]
    subprocess.run([*pip, "--no-deps", "--target", str(site), str(folder)], check=True)
    return site


@pytest.fixture
def on_path(fourth: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The site of the package, on the path of processes started by the test."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(fourth), os.environ.get("PYTHONPATH", "")]))
    return fourth


def test_it_is_not_part_of_the_environment() -> None:
    names = [point.name for point in importlib.metadata.entry_points(group="callbot_lab.implementations")]
    assert "fourth" not in names


def test_it_is_listed(on_path: Path, callbot_lab: CommandLine) -> None:
    (line,) = [line for line in callbot_lab("list").stdout.splitlines() if "callbot-fourth 0.1.0" in line]
    assert "fourth" in line
    assert "ready" in line


def test_it_conforms(on_path: Path, callbot_lab: CommandLine) -> None:
    done = callbot_lab("verify", "fourth")
    assert done.returncode == 0, done.stdout
    assert any("fourth" in line and "conforms" in line for line in done.stdout.splitlines())


def test_it_is_measured_and_drawn(on_path: Path, callbot_lab: CommandLine, tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "page"
    # Unnamed: it takes part because it is there.
    done = callbot_lab("measure", "-e", "best", "-s", "160", "-p", "glance", "--out", str(run))
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if re.search(r"│ fourth +│", line)]
    assert re.search(r"\d\.\d{3} to \d+\.\d{3}", line)
    assert "not measured: fourth in best append-160-warm: not offered: it offers decode only" in done.stdout
    done = callbot_lab("report", "--run", str(run), "--out", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    page = (out / "index.html").read_text(encoding="utf-8")
    figures = "".join(re.findall(r"<svg.*?</svg>", page, re.S))
    assert "fourth" in re.sub(r"<svg.*?</svg>", "", page, flags=re.S)
    assert "fourth" in figures
