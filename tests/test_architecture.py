"""Imports run one way, and the harness knows no implementation by name."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest

from callbot_lab import registry
from callbot_lab.paths import ROOT

HARNESS = sorted((ROOT / "src" / "callbot_lab").rglob("*.py"))
IMPLEMENTATIONS = sorted(path for path in (ROOT / "impls").rglob("*.py*") if path.suffix in (".py", ".pyi", ".pyx"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
OURS = {"callbot_lab", "callbot_python", "callbot_cython", "callbot_rust"}


def imported(source: str) -> set[str]:
    """Top-level packages that Python source imports; what it imports of its own package is given as that."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." if node.level else (node.module or "").split(".")[0])
    return found


def compared_words(source: str) -> set[str]:
    """The strings that source compares something with, alone or in a collection, and those of its match cases."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        sides += [node.value] if isinstance(node, ast.MatchValue) else []
        for side in sides:
            leaves = side.elts if isinstance(side, (ast.Tuple, ast.List, ast.Set)) else [side]
            found |= {leaf.value for leaf in leaves if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)}
    return found


def test_the_protocol_imports_nothing_of_ours() -> None:
    source = (ROOT / "src" / "callbot_lab" / "protocol.py").read_text(encoding="utf-8")
    assert not imported(source) & {*OURS, "."}


@pytest.mark.parametrize("path", IMPLEMENTATIONS, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_implementation_imports_nothing_of_the_harness(path: Path) -> None:
    # Cython is no Python to the parser, so this looks at words.
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    heads = [line[1] for line in lines if len(line) > 1 and line[0] in ("import", "from", "cimport")]
    assert not [head for head in heads if head.split(".")[0] == "callbot_lab"]


@pytest.mark.parametrize("path", HARNESS, ids=lambda path: path.name)
def test_the_harness_imports_no_implementation(path: Path) -> None:
    assert not imported(path.read_text(encoding="utf-8")) & (OURS - {"callbot_lab"})


@pytest.mark.parametrize("path", HARNESS, ids=lambda path: path.name)
def test_the_harness_compares_with_no_name_of_an_arm(path: Path) -> None:
    names = set(registry.find_arms())
    assert {"python", "stdlib"} <= names
    assert not compared_words(path.read_text(encoding="utf-8")) & names


def test_a_comparison_with_a_name_is_found() -> None:
    assert compared_words('if name == "rust" or name in ("cython", "c"): ...') == {"rust", "cython", "c"}
    assert compared_words('if build["python"] == 3: ...') == set()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_imports_of_ours_only_the_harness(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    lines = [line for cell in notebook.cells if cell.cell_type == "code" for line in cell.source.splitlines()]
    source = "\n".join(line for line in lines if not line.startswith("%"))
    assert imported(source) & OURS == {"callbot_lab"}
