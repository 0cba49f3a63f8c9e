"""How many instructions and branches a chunk costs, as Python calls it, and how many of them in native code.

What a count is taken with stands in its row: the CPU's own counters where the machine shows them, else callgrind, and
single steps for a kernel that callgrind's CPU does not run. A count of one method is not compared with another's: the
interpreter and the C library choose their copies by the CPU that they see. Native code is the same to all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.table import Table

from ..environment import interpreter_line
from ..errors import LabError
from ..registry import Loaded, Status
from ..workload import cut, parse_size, pool_of, read_recording
from .counting import Answer, Callgrind, Events, Hardware, Method, Task
from .probe import Definition, Job, Row
from .stepping import SingleStep

METHODS: dict[str, Method] = {"hardware": Hardware(), "callgrind": Callgrind(), "single-step": SingleStep()}
"""Ways to count, the best first."""

NOT_COUNTED = "not counted"
"""Status of a cell that the arm offers and no method here can count."""

COLUMNS = pa.schema(
    [
        ("arm", pa.string()),
        ("operation", pa.string()),
        ("size", pa.string()),
        ("repetition", pa.int32()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("method", pa.string()),
        ("tool", pa.string()),
        ("kernel", pa.string()),
        ("build", pa.string()),
        ("python", pa.string()),
        ("turns", pa.int32()),
        ("chunks", pa.int32()),
        ("instructions", pa.float64()),
        ("branches", pa.float64()),
        ("native_instructions", pa.float64()),
        ("native_branches", pa.float64()),
        ("mispredicts", pa.float64()),
    ]
)


def jobs(definition: Definition, rows: Sequence[Loaded], profile: str) -> list[Job]:
    """A process for each arm and repetition."""
    data = definition.data
    return [
        {
            "arm": row.name,
            "repetition": repetition,
            "kernel": row.build["kernel"],
            "build": "; ".join(filter(None, (row.build["version"], row.build["compiler"], row.build["flags"]))),
            "methods": list(METHODS),
            "turns": data["turns"],
            "pool": data["pool"],
            "cells": data["cells"],
        }
        for row in rows
        for repetition in range(data["repetitions"][profile])
    ]


def perform(job: Job, say: Callable[[str], None]) -> list[Row]:
    """Count the cells of an arm, with the first of the job's methods that runs it as it runs without one."""
    # In the cells' order: how the process's memory lies depends on it.
    texts = {cell["size"]: _texts(job["input"], cell["size"], job["pool"]) for cell in job["cells"]}
    refused = []
    for name in job["methods"]:
        method = METHODS[name]
        task = Task(job["arm"], job["cells"], texts, job["turns"][name])
        why = method.lacking()
        if not why:
            say(f"{job['arm']} with {method.tool()}")
            try:
                answer = method.count(task)
            except LabError as error:
                why = str(error)
            else:
                why = _differs(answer, job["kernel"])
        if not why:
            return _rows(job, task, name, answer)
        refused.append(f"{name}: {why}")
    common = _common(job, "", "")
    return [{**common, **cell, "status": NOT_COUNTED, "reason": "; ".join(refused)} for cell in job["cells"]]


@cache
def _texts(source: str, size: str, pool: str) -> tuple[str, ...]:
    return pool_of(cut(read_recording(Path(source)), parse_size(size)), pool).texts


def _differs(answer: Answer, kernel: str) -> str:
    """Why what was counted is not what runs without the method: its CPU may lack what a kernel needs."""
    if answer.status != Status.READY:
        return f"the arm is {answer.status} there: {answer.reason}"
    return "" if answer.kernel == kernel else f"the kernel is {answer.kernel} there, and {kernel} without it"


def _common(job: Job, method: str, tool: str) -> Row:
    return {
        **{name: job[name] for name in ("arm", "repetition", "kernel", "build")},
        "method": method,
        "tool": tool,
        "python": interpreter_line(),
    }


def _rows(job: Job, task: Task, method: str, answer: Answer) -> list[Row]:
    common = _common(job, method, METHODS[method].tool())
    made = []
    for cell, counted in zip(task.cells, answer.cells, strict=True):
        chunks = len(task.texts[cell["size"]])
        row = {**common, **cell, "status": counted.status, "reason": counted.reason}
        row |= {"turns": task.turns, "chunks": chunks}
        for name in Events.__dataclass_fields__ if counted.events else ():
            events = getattr(counted.events, name)
            row[name] = None if events is None else events / chunks
        made.append(row)
    return made


def table(rows: Any) -> Table:
    """Per arm and cell the instructions of a chunk and its branches, as `instructions / branches`."""
    cells = sorted(set(zip(rows["operation"], rows["size"], strict=True)))
    made = Table("arm", "kernel", "method", title="A chunk: instructions / branches, and instructions in native code")
    for operation, size in cells:
        made.add_column(f"{operation} {size}", justify="right")
    for (arm, kernel, method), of_arm in rows.groupby(["arm", "kernel", "method"]):
        shown = [_shown(of_arm[(of_arm["operation"] == o) & (of_arm["size"] == s)]) for o, s in cells]
        made.add_row(arm, kernel, method, *shown)
    return made


def _shown(rows: Any) -> str:
    """One cell of the table: the median over repetitions, or why there is none."""
    if rows.empty:
        return ""
    counted = rows[rows["instructions"].notna()]
    if counted.empty:
        return str(rows["status"].iloc[0])
    middle = counted[["instructions", "branches", "native_instructions"]].median()
    native = middle["native_instructions"]
    shown = f"{middle['instructions']:,.0f} / {middle['branches']:,.0f}"
    return shown if native != native else f"{shown}, {native:,.0f}"
