"""The notebooks run from top to bottom, on recorded runs and on some whose truth is known."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from callbot_lab import paths, results
from callbot_lab.serverlab.summary import latest_server_run

from .synthetic import Plan, make_run, matched, reproduce
from .synthetic_servers import make_server_run

FOLDER = paths.ROOT / "notebooks"
EXPERIMENTS = {"01-explore": "best", "02-is-it-the-language": "matched", "03-the-report-checked": "reproduce"}
"""Notebooks on runs of loops, with an experiment that their run needs; all others are on runs of whole servers."""

NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))


def execute(run: Path, name: str = "01-explore") -> list[dict[str, Any]]:
    """Run a notebook on a run; the code cells with their outputs. A cell that raises fails the test."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    parameters = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert [cell.source for cell in parameters] == ["RUN = None"]
    parameters[0].source = f"RUN = {str(run)!r}"
    # The kernel python3 is that of the interpreter that runs this test.
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute(cwd=str(FOLDER))
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text_of(cells: list[dict[str, Any]]) -> str:
    """All that the cells printed or showed as text."""
    outputs = [output for cell in cells for output in cell["outputs"]]
    return "\n".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs)


def newest(name: str) -> Path:
    """The recorded run that a notebook takes by itself; LabError, and so a failure, if there is none."""
    if name in EXPERIMENTS:
        return results.latest_run(paths.RUNS, EXPERIMENTS[name])
    found = latest_server_run(paths.RUNS)
    assert found is not None
    return found


@pytest.mark.parametrize("name", NAMES)
def test_runs_on_the_newest_recorded_run(name: str) -> None:
    assert newest(name).name in text_of(execute(newest(name), name))


@pytest.mark.parametrize("name", NAMES)
def test_is_committed_with_the_outputs_of_the_newest_recorded_run(name: str) -> None:
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)
    assert newest(name).name in text_of(cells)


def test_shows_what_is_true(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [Plan(ratios={"rust": 4.0, "cython": 4.0}), reproduce(2.66)])
    cells = execute(run)
    text = text_of(cells)
    assert "best: rust (rust) against python (plain): faster in 1 of 1 cell" in text
    assert "With the same kernel (scalar), rust against cython: equivalent in 1 of 1 cell" in text
    assert "equivalent in 1 of 1 cell" in text
    assert "reproduced" in text
    pictures = [output for cell in cells for output in cell["outputs"] if "image/png" in output.get("data", {})]
    assert len(pictures) == 2


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.name)
def test_imports_of_our_own_only_the_harness(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    lines = [line for source in code for line in source.splitlines() if not line.startswith("%")]
    imported = set()
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.Import):
            imported |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
    assert {name for name in imported if name.startswith("callbot")} == {"callbot_lab"}


def test_the_language_is_told_from_the_kernel(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [matched(rust_over_cython=1.3)])
    said = text_of(execute(run, "02-is-it-the-language"))
    assert "With the same kernel (scalar), rust-scalar against cython-scalar: faster in 3 of 3 cells" in said


def test_whole_servers_and_a_decision_on_a_run_of_ones_own(tmp_path: Path) -> None:
    run = make_server_run(tmp_path / "server")
    assert run.name in text_of(execute(run, "04-the-whole-server"))
    text = text_of(execute(run, "05-the-decision"))
    assert "Decided by G" in text
    assert "Calls at a time" in text
