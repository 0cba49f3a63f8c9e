"""Reads a run of the experiment `server` back, and says what it found."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..analysis import analyse_cell, interval, worker_ratios
from ..boundary import MARKS
from ..errors import LabError
from ..server.parsers import INGEST
from ..worker import NULL
from ..workload import FORMATS
from .mix import Mix
from .paced import COLUMNS
from .run import SCHEMA

CPU = "cpu_ns"
NONE = float("nan")

PARTS = ("receive", "parse", "store")
"""Parts of a message's cost: the frame until its text is there; the parser, and what the message says; decode, buffer,
journal and file."""

INGEST_PARTS = ("receive", "ingest")
"""The same where an implementation takes whole messages: what follows the frame is one part."""


@dataclass(frozen=True)
class ServerData:
    """A run: its note (server.json), one row a slot, and one row a rung of the searches."""

    folder: Path
    note: dict[str, Any]
    slots: pd.DataFrame
    rungs: pd.DataFrame

    @property
    def baseline(self) -> str:
        """The mix that all are compared with."""
        return str(self.note["definition"]["baseline"])

    def cell(self, name: str) -> pd.DataFrame:
        """The slots of a cell."""
        return self.slots[self.slots["cell"] == name]

    def language(self, mix: str) -> str:
        """The language that the implementation of a mix says it is written in; empty if it has none."""
        return str(self.note["builds"].get(Mix.parse(mix).implementation, {}).get("language", ""))

    def has(self, cell: str, *mixes: str) -> bool:
        """Whether there are slots of all those mixes in a cell."""
        return set(mixes) <= set(self.cell(cell)["arm"])


def read_server(folder: Path) -> ServerData:
    """Read a run of the experiment; LabError if the folder is not a whole one."""
    path = folder / "server.json"
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LabError(f"{folder} has no run of the experiment server") from None
    except (OSError, ValueError) as error:
        raise LabError(f"{path} is damaged ({error})") from None
    note = _renewed(note)
    if note.get("schema") != SCHEMA:
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


def _renewed(note: Any) -> dict[str, Any]:
    """A note of the first layout as one of today's: calls of one format were searched for, and nothing was sampled."""
    if not isinstance(note, dict):
        return {}
    if note.get("schema") != 1:
        return note
    definition = dict(note["definition"])
    form, mixes = definition.pop("capacity_format"), definition.pop("capacity_mixes")
    searched = {"format": form, "lag_ms": FORMATS[form].milliseconds, "mixes": mixes}
    definition |= {"capacity": [searched], "boundaries": []}
    rungs = {name: [{"format": form, **rung} for rung in note[name]] for name in ("rungs", "held")}
    return note | rungs | {"schema": SCHEMA, "definition": definition, "sampled": []}


def latest_server_run(folder: Path) -> Path | None:
    """The newest run of the experiment in a folder of runs; None if there is none."""
    return max((path.parent for path in folder.glob("*/server.json")), default=None)


def costs(run: ServerData) -> pd.DataFrame:
    """Server CPU per message: the columns of analyse_cell, where a `ratio` above 1 needs less CPU than the baseline.

    Besides `cell`; `share`, `share_low`, `share_high` (CPU as a share of the baseline's); and for orientation only `us`
    and `kernel` (microseconds per message, and the kernel's share of them).
    """
    definition, tables = run.note["definition"], []
    for cell in definition["cells"]:
        slots = run.cell(cell["name"])
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


def parts(run: ServerData, cell: str) -> pd.DataFrame:
    """What the parts of a message cost, as shares of the baseline's CPU per message in a cell.

    A row for each of PARTS, or of INGEST_PARTS, of every mix that was also run without its last parts: `mix`, `part`,
    `share`, `low`, `high` (t interval over workers). A part is the difference between two servers, so a small one may
    come out below 0.
    """
    shares = np.exp(-worker_ratios(run.cell(cell), run.baseline, CPU))
    shares[run.baseline] = 1.0
    rows = []
    for name in shares.columns:
        mix = Mix.parse(name) if name != NULL else Mix("")
        names: tuple[str, ...] = INGEST_PARTS
        stages = [replace(mix, parser="", implementation=""), mix]
        if mix.parser != INGEST:
            names, stages = PARTS, [stages[0], replace(mix, implementation=""), mix]
        plain = mix.implementation and mix.journal and not mix.decode_only
        if not plain or not {str(stage) for stage in stages} <= set(shares.columns):
            continue
        upto = shares[[str(stage) for stage in stages]]
        costs_of_parts = upto.diff(axis=1).assign(**{str(stages[0]): upto[str(stages[0])]})
        for part, stage in zip(names, stages, strict=True):
            share, low, high = interval(costs_of_parts[str(stage)].to_numpy())
            rows.append({"mix": name, "part": part, "share": share, "low": low, "high": high})
    return pd.DataFrame(rows, columns=["mix", "part", "share", "low", "high"])


def gains(run: ServerData, cell: str) -> pd.DataFrame:
    """What an implementation gains in a server, beside how much of a message it could have gained anything of.

    A row for every mix that can be compared with the same server and parser on the baseline's implementation: `server`
    (SERVER+PARSER), `implementation`, `share` (of that other mix, spent on decode, buffer and journal; with `share_low`
    and `share_high`), `gain` (its CPU per message through that of this mix; with `gain_low` and `gain_high`), `bound`
    (the gain if the share cost nothing at all: Amdahl 1967).
    """
    # Log ratios of the experiment's baseline to every mix; the difference of two is the ratio of those.
    logs = worker_ratios(run.cell(cell), run.baseline, CPU)
    logs[run.baseline] = 0.0
    slow = Mix.parse(run.baseline).implementation
    rows = []
    for name in logs.columns:
        mix = Mix.parse(name) if name != NULL else Mix("")
        without, other = str(replace(mix, implementation="")), str(replace(mix, implementation=slow))
        odd = mix.implementation in ("", slow) or not mix.journal or mix.decode_only
        if odd or not {without, other} <= set(logs.columns):
            continue
        share = interval(1 - np.exp((logs[other] - logs[without]).to_numpy()))
        gain = np.exp(interval((logs[name] - logs[other]).to_numpy()))
        row = {"server": without, "implementation": mix.implementation, "bound": 1 / (1 - share[0])}
        row |= dict(zip(("share", "share_low", "share_high"), share, strict=True))
        rows.append(row | dict(zip(("gain", "gain_low", "gain_high"), gain, strict=True)))
    columns = ["server", "implementation", "share", "share_low", "share_high", "gain", "gain_low", "gain_high", "bound"]
    return pd.DataFrame(rows, columns=columns)


def ratio_of_costs(run: ServerData, cell: str, mix: str, against: str) -> tuple[float, float, float] | None:
    """How many times the CPU per message of `mix` goes into that of `against`, with the interval; None if one lacks."""
    logs = worker_ratios(run.cell(cell), run.baseline, CPU) if run.has(cell, run.baseline) else pd.DataFrame()
    logs[run.baseline] = 0.0
    if not {mix, against} <= set(logs.columns):
        return None
    ratio, low, high = np.exp(interval((logs[mix] - logs[against]).to_numpy()))
    return float(ratio), float(low), float(high)


def boundaries(run: ServerData) -> pd.DataFrame:
    """Whole servers by where compiled code begins and in which language, as boundary.MARKS: a panel is a cell in which
    every boundary was measured."""
    table, rows, places = costs(run), [], run.note["definition"]["boundaries"]
    for place in places:
        for cell, found in table.groupby("cell", sort=False) if len(table) else ():
            known, band = found.set_index("arm"), found["null_band"].max()
            for mix in (name for name in place["mixes"] if name in known.index):
                implementation = Mix.parse(mix).implementation
                own = {"ratio": 1.0, "low": 1.0, "high": 1.0} if mix == run.baseline else known.loc[mix].to_dict()
                rows.append(
                    {
                        "panel": cell,
                        "boundary": place["name"],
                        "arm": implementation,
                        "language": run.language(mix),
                        "native": run.note["builds"][implementation].get("binding", "none") != "none",
                        **{key: own[key] for key in ("ratio", "low", "high")},
                        "null_band": band,
                    }
                )
    found = pd.DataFrame(rows, columns=MARKS)
    return found[found.groupby("panel")["boundary"].transform("nunique") == len(places)].reset_index(drop=True)


def sampled(run: ServerData) -> pd.DataFrame:
    """Where the time of servers went, as it was sampled under load.

    A row a place: `mix`, `format`, `calls`, `place`, `share` of the CPU time, `samples` (in all).
    """
    rows = []
    for one in run.note["sampled"]:
        whole = sum(one["samples"].values())
        for place, count in one["samples"].items():
            known = {key: one[key] for key in ("mix", "format", "calls")}
            rows.append(known | {"place": place, "share": count / max(whole, 1), "samples": whole})
    return pd.DataFrame(rows, columns=["mix", "format", "calls", "place", "share", "samples"])


def capacities(run: ServerData, against: str = "", form: str = "") -> pd.DataFrame:
    """Calls of a format (by default the first) that one core carries.

    A row a mix: `mix`, `calls`, `low`, `high` (t interval over the searches, of the logarithm), `searches`, `times`,
    `times_low`, `times_high` (those of another mix, by default the baseline, in the same searches), `held` (calls that
    were held for longer, NaN if none was), and of that load `held_p99` (lag in ms) and `held_share` (of a core, by the
    server). A search in which no load passed counts for nothing.
    """
    if run.rungs.empty:
        return pd.DataFrame()
    form = form or run.note["definition"]["capacity"][0]["format"]
    passed = run.rungs[run.rungs["passed"].astype(bool) & (run.rungs["format"] == form)]
    most = passed.groupby(["mix", "repeat"])["calls"].max().unstack("mix")
    held = {rung["mix"]: rung for rung in run.note["held"] if rung["passed"] and rung["format"] == form}
    against, rows = against or run.baseline, []
    for mix in most.columns:
        mean, low, high = np.exp(interval(np.log(most[mix].to_numpy(float))))
        row = {"mix": mix, "calls": mean, "low": low, "high": high, "searches": int(most[mix].notna().sum())}
        if against in most:
            times = np.exp(interval(np.log((most[mix] / most[against]).to_numpy(float))))
            row |= dict(zip(("times", "times_low", "times_high"), times, strict=True))
        rung = held.get(mix, {})
        row |= {"held": rung.get("calls", NONE), "held_p99": rung.get("lag_p99", NONE)}
        rows.append(row | {"held_share": rung.get("server_share", NONE)})
    return pd.DataFrame(rows).sort_values("calls", ignore_index=True) if rows else pd.DataFrame()
