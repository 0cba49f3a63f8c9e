"""Reads the folder of a run back; a damaged one is an error of one line, never a guess."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from . import wording
from .errors import LabError
from .measure import SCHEMA

COLUMNS = {
    "worker", "experiment", "cell", "arm", "block", "position", "turns", "chunks", "wall_ns", "cpu_ns"
}  # fmt: skip


@dataclass(frozen=True)
class RunData:
    """A run: its note (run.json), one row a slot, and one row a worker."""

    folder: Path
    note: dict[str, Any]
    slots: pd.DataFrame
    workers: pd.DataFrame

    @property
    def origin(self) -> str:
        """Where the numbers come from, in one phrase."""
        return wording.origin(self.note["workers"]["done"], self.note["profile"]["name"], self.note["environment"])

    def experiment(self, name: str) -> dict[str, Any]:
        """The definition of one of the run's experiments; LabError if the run has none of that name."""
        for experiment in self.note["experiments"]:
            if experiment["name"] == name:
                found: dict[str, Any] = experiment
                return found
        names = ", ".join(experiment["name"] for experiment in self.note["experiments"])
        raise LabError(f"the run in {self.folder} has no experiment '{name}'; it has: {names}")


def read_run(folder: Path) -> RunData:
    """Read a run; LabError if the folder is not a whole one."""
    note = read_plan(folder)
    files = sorted((folder / "slots").glob("worker-*.parquet"))
    if not files:
        raise LabError(f"{folder} holds no slots: the run ended before its first worker did")
    tables, notes = [], []
    for file in files:
        try:
            table = pq.read_table(file)
            notes.append(json.loads(file.with_suffix(".json").read_text(encoding="utf-8")))
        except (OSError, ValueError, pa.ArrowException) as error:
            raise LabError(
                f"{file} is damaged ({_first_line(error)}); measure again, or delete both files of that worker"
            ) from None
        if COLUMNS - set(table.column_names):
            missing = ", ".join(sorted(COLUMNS - set(table.column_names)))
            raise LabError(f"{file} lacks the columns {missing}; it was not written by this version")
        tables.append(table)
    slots = pa.concat_tables([table.unify_dictionaries() for table in tables], promote_options="default").to_pandas()
    for column in ("experiment", "cell", "arm"):
        slots[column] = slots[column].astype(str)
    faults = [fault for worker in notes for fault in worker.pop("faults")]
    slots = _without_faults(slots, note["missing"] + faults)
    return RunData(folder, note, slots, pd.DataFrame(notes))


def read_verification(folder: Path) -> dict[str, Any] | None:
    """What the conformance suite said before the run, if it was asked; LabError if the file is damaged."""
    path = folder / "verification.json"
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if {"sections", "implementations"} <= set(found):
            return found
        raise LabError(f"{path} is damaged: it lacks sections or implementations")
    except (OSError, ValueError, TypeError) as error:
        raise LabError(f"{path} is damaged ({_first_line(error)})") from None


def runs_with(folder: Path, experiment: str = "") -> Iterator[Path]:
    """The runs in a folder of runs, or those with an experiment, the newest first."""
    for run in sorted((path.parent for path in folder.glob("*/run.json")), reverse=True):
        if not experiment or experiment in {one["name"] for one in read_plan(run)["experiments"]}:
            yield run


def latest_run(folder: Path, experiment: str = "") -> Path:
    """The newest run in a folder of runs, or the newest with an experiment; LabError if there is none."""
    for run in runs_with(folder, experiment):
        return run
    wanted, option = (f" with {experiment}", f" -e {experiment}") if experiment else ("", "")
    raise LabError(f"{folder} holds no run{wanted}; make one with: callbot-lab measure{option}")


def read_plan(folder: Path) -> dict[str, Any]:
    """What run.json says of a run, finished or not; LabError if there is none, or a damaged one."""
    path = folder / "run.json"
    if not path.is_file():
        raise LabError(f"{folder} is no run: it has no run.json")
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LabError(f"{path} is damaged ({_first_line(error)})") from None
    if not isinstance(note, dict) or note.get("schema") != SCHEMA:
        found = note.get("schema") if isinstance(note, dict) else "none"
        raise LabError(f"{path} has layout {found}; this version reads {SCHEMA}")
    wanted = ("status", "profile", "experiments", "arms", "missing", "environment", "warnings", "workers", "input")
    missing = [key for key in wanted if key not in note]
    if missing:
        raise LabError(f"{path} is damaged: it lacks {', '.join(missing)}")
    return note


def _without_faults(slots: pd.DataFrame, faults: list[dict[str, str]]) -> pd.DataFrame:
    """The slots without those of an arm that failed in a cell, in whichever worker: a status, never a number."""
    failed = {(fault["experiment"], fault["cell"], fault["arm"]) for fault in faults}
    if not failed:
        return slots
    keys = pd.MultiIndex.from_frame(slots[["experiment", "cell", "arm"]])
    return slots[~keys.isin(failed)].reset_index(drop=True)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
