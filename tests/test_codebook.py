"""The codebook names every column of every file with its type, and every key of every note."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from callbot_lab.paths import ROOT, RUNS
from callbot_lab.probes import probe

CODEBOOK = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
FILES = sorted(RUNS.rglob("*.parquet"))
NOTES = sorted([*RUNS.glob("*/run.json"), *RUNS.glob("*/probes.json"), *RUNS.glob("*/server.json")])
MOST_BYTES = 40 * 2**20


def section(title: str) -> list[list[str]]:
    """The cells of the table under a heading; a missing heading is an error."""
    found = re.search(rf"^### {re.escape(title)}$(.*?)(?=^##|\Z)", CODEBOOK, re.MULTILINE | re.DOTALL)
    assert found, f"the codebook has no section {title}"
    # A bar inside of a cell would be escaped; there is none.
    lines = [line for line in found[1].splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def columns(title: str) -> dict[str, str]:
    """Types of the columns that a section describes."""
    return {name: kind for names, kind, *_ in section(title) for name in re.findall(r"`(\w+)`", names)}


def keys(title: str) -> set[str]:
    """Keys that a section describes."""
    return {name for names, *_ in section(title) for name in re.findall(r"`(\w+)`", names)}


def types(schema: pa.Schema) -> dict[str, str]:
    """Types of columns as the codebook names them; a dictionary is how strings are stored."""
    kinds = {}
    for field in schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        # Parquet has a name of its own for what a list holds.
        kinds[field.name] = str(kind).removeprefix("large_").replace("list<element: ", "list<item: ")
    return kinds


def title_of(path: Path) -> str:
    """The section that is about a file."""
    return f"{path.parent.name}/{re.sub('[0-9]+$', lambda digits: 'N' * len(digits[0]), path.stem)}.parquet"


def test_there_are_recorded_runs() -> None:
    assert FILES
    assert NOTES


@pytest.mark.parametrize("title", sorted({title_of(path) for path in FILES}))
def test_a_recorded_file_has_the_columns_of_the_codebook(title: str) -> None:
    known = columns(title)
    for path in FILES:
        if title_of(path) == title:
            assert types(pq.read_schema(path)) == known, path


@pytest.mark.parametrize("name", probe.known())
def test_the_rows_of_a_probe_are_those_of_the_codebook(name: str) -> None:
    schema = probe.module(name).COLUMNS.insert(0, pa.field("job", pa.int32()))
    assert types(schema) == columns(f"{name}/job-NNNN.parquet")


@pytest.mark.parametrize("path", NOTES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_note_has_no_key_that_the_codebook_lacks(path: Path) -> None:
    note = json.loads(path.read_text(encoding="utf-8"))
    known = keys(path.name)
    assert set(note) <= known
    described = re.search(r"\| `environment` \|(.*)", CODEBOOK)
    assert described
    assert set(note["environment"]) <= set(re.findall(r"`(\w+)`", described[1]))


def test_what_is_recorded_is_small() -> None:
    for folder in {path.parent for path in NOTES}:
        assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < MOST_BYTES
