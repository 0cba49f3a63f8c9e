"""Reads a run of the experiment `server` back, and says what it found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..analysis import analyse_cell, interval
from ..errors import LabError
from ..worker import NULL
from .paced import COLUMNS
from .run import SCHEMA

CPU = "cpu_ns"


@dataclass(frozen=True)
class ServerData:
    """A run: its note (server.json), one row a slot, and one row a rung of the searches."""

    folder: Path
    note: dict[str, Any]
    slots: pd.DataFrame
    rungs: pd.DataFrame


def read_server(folder: Path) -> ServerData:
    """Read a run of the experiment; LabError if the folder is not a whole one."""
    path = folder / "server.json"
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LabError(f"{folder} has no run of the experiment server") from None
    except (OSError, ValueError) as error:
        raise LabError(f"{path} is damaged ({error})") from None
    if not isinstance(note, dict) or note.get("schema") != SCHEMA:
        raise LabError(f"{path} has another layout than {SCHEMA}, which this version reads")
    files = sorted((folder / "server").glob("worker-*.parquet"))
    try:
        tables = [pd.read_parquet(file) for file in files]
    except (OSError, ValueError) as error:
        raise LabError(f"{folder / 'server'} is damaged ({error})") from None
    for file, table in zip(files, tables, strict=True):
        if set(COLUMNS) - set(table.columns):
            raise LabError(f"{file} lacks columns; it was not written by this version")
    slots = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))
    failed = {(fault["cell"], fault["arm"]) for fault in note["faults"]}
    slots = slots[~pd.MultiIndex.from_frame(slots[["cell", "arm"]]).isin(failed)] if failed else slots
    return ServerData(folder, note, slots.reset_index(drop=True), pd.DataFrame(note["rungs"]))


def costs(run: ServerData) -> pd.DataFrame:
    """Server CPU per message: the columns of analyse_cell, where a `ratio` above 1 needs less CPU than the baseline.

    Besides `cell`; `share`, `share_low`, `share_high` (CPU as a share of the baseline's); and for orientation only `us`
    and `kernel` (microseconds per message, and the kernel's share of them).
    """
    definition, tables = run.note["definition"], []
    for cell in definition["cells"]:
        slots = run.slots[run.slots["cell"] == cell["name"]]
        if not {definition["baseline"], NULL} <= set(slots["arm"]):
            continue
        table = analyse_cell(slots, definition["baseline"], definition["margin"], CPU)
        sums = slots.groupby("arm")[["user_ns", "kernel_ns"]].sum()
        base = slots[slots["arm"] == definition["baseline"]]
        own = {
            "arm": definition["baseline"],
            "ratio": 1.0,
            "us": float((base[CPU] / base["chunks"]).median()) / 1e3,
        }
        table = table.assign(us=table["p50"] / 1e3)
        table = pd.concat([pd.DataFrame([own]), table], ignore_index=True)
        table["kernel"] = [float(sums.loc[arm, "kernel_ns"] / max(sums.loc[arm].sum(), 1)) for arm in table["arm"]]
        table["share"] = 1 / table["ratio"]
        table["share_low"], table["share_high"] = 1 / table["high"], 1 / table["low"]
        tables.append(table.assign(cell=cell["name"]))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def capacities(run: ServerData) -> pd.DataFrame:
    """Calls that one core carries: `mix`, `calls`, `low`, `high` (t interval over the searches, of the logarithm),
    `searches`, `times`, `times_low`, `times_high` (against the baseline in the same searches), `held` (calls that were
    held for longer, NaN if none passed)."""
    if run.rungs.empty:
        return pd.DataFrame()
    passed = run.rungs[run.rungs["passed"].astype(bool)]
    most = passed.groupby(["mix", "repeat"])["calls"].max().unstack("mix")
    held = {rung["mix"]: rung["calls"] for rung in run.note["verified"] if rung["passed"]}
    base, rows = run.note["definition"]["baseline"], []
    for mix in most.columns:
        mean, low, high = np.exp(interval(np.log(most[mix].to_numpy(float))))
        row = {"mix": mix, "calls": mean, "low": low, "high": high, "searches": int(most[mix].notna().sum())}
        if base in most:
            times = np.exp(interval(np.log((most[mix] / most[base]).to_numpy(float))))
            row |= dict(zip(("times", "times_low", "times_high"), times, strict=True))
        rows.append(row | {"held": held.get(mix, float("nan"))})
    return pd.DataFrame(rows).sort_values("calls", ignore_index=True)
