"""The notebook runs from top to bottom, on a recorded run and on one whose truth is known."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from callbot_lab import paths, results

from .synthetic import Plan, make_run, reproduce

NOTEBOOK = paths.ROOT / "notebooks" / "01-explore.ipynb"


def execute(run: Path) -> list[dict[str, Any]]:
    """Run the notebook on a run; the code cells with their outputs. A cell that raises fails the test."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    parameters = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert [cell.source for cell in parameters] == ["RUN = None"]
    parameters[0].source = f"RUN = {str(run)!r}"
    # The kernel python3 is that of the interpreter that runs this test.
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute(cwd=str(NOTEBOOK.parent))
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text_of(cells: list[dict[str, Any]]) -> str:
    """All that the cells printed or showed as text."""
    outputs = [output for cell in cells for output in cell["outputs"]]
    return "\n".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs)


def test_runs_on_the_newest_recorded_run() -> None:
    newest = results.latest_run(paths.RUNS, "best")  # LabError, and so a failure, if none is recorded
    assert newest.name in text_of(execute(newest))


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


@pytest.mark.parametrize("path", sorted(NOTEBOOK.parent.glob("*.ipynb")), ids=lambda path: path.name)
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
