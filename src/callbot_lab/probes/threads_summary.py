"""What the rows of `threads` say: scaling, the price and the gain of releasing the GIL, and the waits of others.

The unit of inference is the process: the median over its rounds, then mean and Student t interval over processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table

from ..analysis import MIN_WORKERS, interval
from .threads import FAULT, IDLE, MACHINE, ONE, TWO, WAIT

Twin = tuple[str, str]
"""The arm that holds the GIL and the one that is the same but releases it."""

FREE = 1.8
"""Times what one thread does that two of the control do at least where both CPUs are free; 1.9 to 2.0 were seen."""


def scaling(rows: pd.DataFrame) -> pd.DataFrame:
    """Throughput of two threads against that of one in the same round, by size and arm.

    Columns: `size`, `arm`, `ratio`, `low`, `high`, `processes`, and for orientation `busy`, the median number of CPUs
    that two threads kept busy, and `chunk_ns`, the median time of a chunk in one thread.
    """
    timed = _measured(rows)
    table = _logs(timed)
    table = _over_processes(table[TWO] - table[ONE], ["size", "arm"], "")
    two, one = (timed[timed["kind"] == kind] for kind in (TWO, ONE))
    busy = (two["cpu_ns"] / two["wall_ns"]).groupby([two["size"], two["arm"]]).median()
    chunk = (one["wall_ns"] / one["chunks"]).groupby([one["size"], one["arm"]]).median()
    return table.assign(busy=busy, chunk_ns=chunk).reset_index()


def releasing(rows: pd.DataFrame, twins: Iterable[Twin]) -> pd.DataFrame:
    """How many times the throughput of an arm that holds the GIL its releasing twin has, with one and two threads.

    Columns: `size`, `arm` (the releasing one), `holding`, then `one`, `one_low`, `one_high` and the same for `two`, and
    `processes`. Below 1 releasing costs.
    """
    logs = _logs(_measured(rows))
    tables = []
    for holding, arm in twins:
        if not {holding, arm} <= set(logs.index.get_level_values("arm")):
            continue
        ratios = logs.xs(arm, level="arm") - logs.xs(holding, level="arm")
        one, two = (_over_processes(ratios[kind], ["size"], f"{kind}_") for kind in (ONE, TWO))
        columns = {"one_ratio": "one", "two_ratio": "two", "two_processes": "processes"}
        both = one.drop(columns="one_processes").join(two).rename(columns=columns)
        tables.append(both.reset_index().assign(arm=arm, holding=holding))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def pays_from(found: pd.DataFrame) -> dict[Twin, int | None]:
    """The smallest measured size from which releasing pays with two threads, by twins of `releasing`.

    At it and every larger size the interval lies above 1; None if that is so at no size.
    """
    answer: dict[Twin, int | None] = {}
    for twin, part in found.groupby(["holding", "arm"]) if len(found) else ():
        part = part.sort_values("size", ascending=False)
        gains = part["size"][(part["two_low"] > 1).cumprod().astype(bool)]
        answer[twin] = int(gains.min()) if len(gains) else None
    return answer


def waits(rows: pd.DataFrame) -> pd.DataFrame:
    """How much later a sleeping thread came back than beside nobody in the same round, by size and arm.

    Columns: `size`, `arm`, `ms`, `low`, `high` (of the median of a round), `longest_ms` (of all wake-ups, nothing taken
    off), `processes`.
    """
    slept = _measured(rows)
    slept = slept[slept["kind"].isin([WAIT, IDLE])]
    keys = ["size", "job", "round"]
    late = slept["late_ns"].map(np.median) / 1e6
    idle = late[slept["kind"] == IDLE].groupby([slept[key] for key in keys]).median()
    beside = slept[slept["kind"] == WAIT]
    excess = late[beside.index].groupby([beside[key] for key in (*keys, "arm")]).median()
    excess = excess - idle.reindex(excess.index.droplevel("arm")).to_numpy()
    table = _intervals(excess, ["size", "arm"]).rename(columns={"mean": "ms"})
    longest = beside["late_ns"].map(np.max).groupby([beside["size"], beside["arm"]]).max() / 1e6
    return table.assign(longest_ms=longest).reset_index()


def table_of(rows: pd.DataFrame, twins: Sequence[Twin]) -> Table:
    """All of that in one table; what releasing is worth stands beside the releasing twin."""
    table = Table(title="threads: throughput, and how long another thread waits", box=box.SIMPLE, padding=(0, 1, 0, 0))
    heads = ("two threads / one", "1 thread / twin's", "2 threads / twin's", "wait ms", "longest")
    table.add_column("bytes", justify="right")
    table.add_column("arm")
    for head in heads:
        table.add_column(head, justify="right")
    scaled, waited, found = scaling(rows), waits(rows), releasing(rows, twins)
    waited = waited.set_index(["size", "arm"])
    against = found.set_index(["size", "arm"]) if len(found) else pd.DataFrame()
    for size, part in scaled.groupby("size"):
        table.add_section()
        # The control's parenthesis sorts before every name: nothing below it can be expected to scale better.
        for place, (_, row) in enumerate(part.sort_values("arm").iterrows()):
            key = (size, row["arm"])
            twin = against.loc[key] if key in against.index else None
            wait = waited.loc[key] if key in waited.index else None
            table.add_row(
                f"{size:,}" if place == 0 else "",
                row["arm"],
                _cell(row["ratio"], row["low"], row["high"]),
                "" if twin is None else _cell(twin["one"], twin["one_low"], twin["one_high"]),
                "" if twin is None else _cell(twin["two"], twin["two_low"], twin["two_high"]),
                "" if wait is None else f"{round(wait['ms'], 2) + 0:.2f}",  # + 0: no minus before a nought
                "" if wait is None else f"{wait['longest_ms']:.1f}",
            )
    table.caption = "\n".join([*_answers(found), *_busy(scaled), *_faults(rows)]) or "nothing was measured"
    return table


def _answers(found: pd.DataFrame) -> list[str]:
    lines = []
    for (holding, arm), size in pays_from(found).items():
        if found["processes"].max() < MIN_WORKERS:
            words = f"where it pays takes {MIN_WORKERS} processes to say"
        elif size is None:
            words = "with two threads it pays not in the measured range"
        else:
            words = f"with two threads it pays from {size:,} B on"
        lines.append(f"{arm} for {holding}: {words}")
    return lines


def _busy(scaled: pd.DataFrame) -> list[str]:
    control = scaled[scaled["arm"] == MACHINE]
    busy = control[control["ratio"] < FREE]
    if not len(busy):
        return []
    return [
        f"at {len(busy)} of {len(control)} sizes two threads of {MACHINE} did less than {FREE} times what one did",
        f"(once {busy['ratio'].min():.2f}): the machine was busy, and neither scaling nor waits can be trusted there",
    ]


def _faults(rows: pd.DataFrame) -> list[str]:
    faults = rows[rows["kind"] == FAULT].sort_values(["size", "arm"])
    return [
        f"{arm}: {reason} ({', '.join(f'{size:,}' for size in sizes.unique())} B)"
        for (arm, reason), sizes in faults.groupby(["arm", "reason"])["size"]
    ]


def _cell(value: float, low: float, high: float) -> str:
    """A ratio with its interval, if it has one."""
    return f"{value:.2f} [{low:.2f}, {high:.2f}]" if np.isfinite(high) else f"{value:.2f}"


def _measured(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with numbers, without those of an arm that turned out wrong in the same process."""
    faults = rows[rows["kind"] == FAULT]
    wrong = set(zip(faults["job"], faults["arm"], strict=True))
    keep = [pair not in wrong for pair in zip(rows["job"], rows["arm"], strict=True)]
    return rows[np.array(keep, dtype=bool)]


def _logs(rows: pd.DataFrame) -> pd.DataFrame:
    """Logarithm of the chunks per nanosecond: one row for size, process, round and arm, one column a kind."""
    timed = rows[rows["kind"].isin([ONE, TWO])]
    logs = np.log(timed["chunks"] / timed["wall_ns"])
    keys = [timed[key] for key in ("size", "job", "round", "arm", "kind")]
    return logs.groupby(keys).mean().unstack("kind").reindex(columns=[ONE, TWO])


def _over_processes(logs: pd.Series, keys: list[str], prefix: str) -> pd.DataFrame:
    """Ratios with their intervals, by `keys`, from log ratios by those, process and round."""
    table = _intervals(logs, keys)
    ratios = np.exp(table[["mean", "low", "high"]]).rename(columns={"mean": "ratio"})
    return ratios.join(table["processes"]).add_prefix(prefix)


def _intervals(values: pd.Series, keys: list[str]) -> pd.DataFrame:
    """Mean, t interval and number of processes, by `keys`, from values by those, process and round."""
    processes = values.dropna().groupby([*keys, "job"]).median()
    groups = {key: part.to_numpy() for key, part in processes.groupby(keys)}
    index = processes.groupby(keys).size().index
    columns = ["mean", "low", "high", "processes"]
    return pd.DataFrame([[*interval(part), len(part)] for part in groups.values()], index=index, columns=columns)
