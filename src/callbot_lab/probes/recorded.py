"""Runs of probes that were read back, for the page, the ledger and documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from .. import wording
from . import instructions_summary, latency_summary, memory_summary, ownership_summary, threads_summary
from .run import NOTE, read_note, read_rows
from .shown import Shown

SHOWN: dict[str, Callable[[pd.DataFrame, Mapping[str, Any], Mapping[str, str]], Shown]] = {
    "latency": latency_summary.shown,
    "memory": memory_summary.shown,
    "threads": threads_summary.shown,
    "ownership": ownership_summary.shown,
    "instructions": instructions_summary.shown,
}
"""What each probe shows, in the order of the page. The self-test has a section of its own."""


@dataclass(frozen=True)
class ProbeData:
    """A run of probes: its folder, its note, and the rows of those that brought any, by name."""

    folder: Path
    note: dict[str, Any]
    rows: dict[str, pd.DataFrame]

    def definition(self, name: str) -> dict[str, Any]:
        """The definition of a probe as it was when it was run."""
        found: dict[str, Any] = next(one for one in self.note["probes"] if one["name"] == name)
        return found

    @cached_property
    def languages(self) -> dict[str, str]:
        """The language of every arm that says it."""
        return {arm["name"]: arm["build"]["language"] for arm in self.note["arms"] if arm["build"].get("language")}

    @property
    def about(self) -> str:
        """What the run was made with, in one phrase."""
        found = self.note["environment"]
        where = f"{found['cpu']['name']}, {wording.interpreter(found['python'])}, {wording.commit(found['commit'])}"
        return f"profile {self.note['profile']}, {where}"

    @property
    def origin(self) -> str:
        """Where the run is from, in one phrase."""
        return f"{self.folder.name}: {self.about}"

    def shown(self, name: str) -> Shown:
        """What a probe shows."""
        return SHOWN[name](self.rows[name], self.definition(name), self.languages)


def read_probes(folder: Path) -> ProbeData | None:
    """The probes of a run, if it has rows of one that is shown; LabError if they are damaged."""
    if not (folder / NOTE).is_file():
        return None
    note = read_note(folder)
    found = {name: read_rows(folder, name) for name in SHOWN if name in {one["name"] for one in note["probes"]}}
    rows = {name: table for name, table in found.items() if len(table)}
    return ProbeData(folder, note, rows) if rows else None


def latest(*folders: Path) -> ProbeData | None:
    """Of the first folder of runs that holds any, the run with the most probes, of equals the newest; None without one.

    All of them come from one run, so that no two machines are mixed.
    """
    for folder in folders:
        notes = sorted(folder.glob(f"*/{NOTE}"), reverse=True)
        found = [made for note in notes if (made := read_probes(note.parent))]
        if found:
            return max(found, key=lambda made: len(made.rows))
    return None


def page_part(made: ProbeData) -> dict[str, Any]:
    """The part of the page: `origin`, `status`, `warnings`, `faults`, and a `probes` entry for each that is shown."""
    entries = []
    for name in made.rows:
        shown = made.shown(name)
        entries.append(
            {
                "name": name,
                "question": made.definition(name)["question"],
                "lines": shown.lines,
                "figures": shown.figures,
                "tables": shown.tables,
            }
        )
    faults = [f"{one['probe']}, {one['arm'] or 'all arms'}: {one['reason']}" for one in made.note["faults"]]
    return {
        "origin": made.origin,
        "status": made.note["status"],
        "warnings": made.note["warnings"],
        "faults": faults,
        "probes": entries,
    }


def instruction_counts(made: ProbeData | None) -> dict[tuple[str, str, str], str]:
    """Instructions of a chunk in words, by arm, operation and size; empty without such a probe."""
    if made is None or "instructions" not in made.rows:
        return {}
    counted = instructions_summary.per_chunk(made.rows["instructions"])
    return {
        (row["arm"], row["operation"], row["size"]): wording.number(row["instructions"])
        for row in counted.to_dict("records")
    }
