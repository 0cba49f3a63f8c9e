"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from . import wording
from .experiment import Experiment
from .probes.probe import Definition
from .registry import Loaded, Status
from .verify import CONFORMS, FAILS_AS_EXPECTED
from .worker import EMPTY

_VERDICT_STYLE = {"faster": "green", "slower": "red", "equivalent": "cyan", "undecided": "yellow"}


def arms(rows: Sequence[Loaded]) -> Table:
    """Implementations and references with what they say of themselves, or why they cannot be used."""
    table = Table(title="arms")
    for column in ("name", "kind", "language", "binding", "kernel", "contract", "from", "status"):
        table.add_column(column, overflow="fold")
    for row in rows:
        said = [row.build.get(key, "") for key in ("language", "binding", "kernel")]
        ready = row.status is Status.READY
        status = Text(str(row.status) if ready else f"{row.status}: {row.reason}", "green" if ready else "red")
        contract = row.contract if row.build and row.kind == "implementation" else ""
        table.add_row(row.name, row.kind, *said, contract, row.origin, status)
    return table


def experiments(known: Sequence[Experiment]) -> Table:
    """Experiments with their question, baseline, arms, cells, and whether a report measures them untold."""
    table = Table(title="experiments")
    for column in ("name", "question", "baseline", "arms", "cells", "in a report"):
        table.add_column(column, overflow="fold")
    for e in known:
        cells = ", ".join(cell.name for cell in e.cells)
        default = "by default" if e.default else "if asked for"
        table.add_row(e.name, e.question, e.baseline, ", ".join(e.arms), cells, default)
    return table


def probes(known: Sequence[Definition]) -> Table:
    """Experiments whose every measurement has a process of its own, with their question and arms."""
    table = Table(title="experiments with a process for every measurement")
    for column in ("name", "question", "arms", "measured with"):
        table.add_column(column, overflow="fold")
    for each in known:
        command = "measure" if each.in_all else f"callbot-lab {each.name}"
        table.add_row(each.name, each.question, ", ".join(each.arms), command)
    return table


def verification(found: dict[str, Any]) -> Table:
    """Implementation by section of the conformance suite."""
    table = Table(title="conformance: tests passed of those that apply")
    table.add_column("implementation")
    for section in found["sections"]:
        table.add_column(section, justify="right")
    table.add_column("verdict")
    for name, result in found["implementations"].items():
        cells = [_section(result["sections"].get(section)) for section in found["sections"]]
        style = {CONFORMS: "green", FAILS_AS_EXPECTED: "yellow"}.get(result["status"], "red")
        table.add_row(name, *cells, Text(result["status"], style))
    return table


def ratios(analysed: pd.DataFrame, note: dict[str, Any]) -> Table:
    """How many times as fast each arm is as its baseline, cell by cell, with the interval and the verdict."""
    profile = note["profile"]
    planned = f"{note['workers']['done']} of {profile['workers']} workers"
    table = Table(title=f"how many times as fast as the baseline (profile {profile['name']}, {planned})")
    for column in ("experiment", "cell", "arm", "against"):
        table.add_column(column)
    for column in ("ratio", "95 % interval", "smallest effect seen"):
        table.add_column(column, justify="right")
    table.add_column("verdict")
    previous = None
    for _, row in analysed.iterrows():
        place = (row["experiment"], row["cell"])
        if previous not in (None, place):
            table.add_section()
        # The empty call is a bound on what could be gained, not a competitor.
        word = "" if row["arm"] == EMPTY else row["verdict"]
        verdict = Text(word, _VERDICT_STYLE.get(word, ""))
        shown = place if previous != place else ("", "")
        previous = place
        table.add_row(
            *shown,
            row["arm"],
            row["baseline"],
            f"{row['ratio']:.3f}",
            f"{row['low']:.3f} to {row['high']:.3f}",
            f"{row['smallest'] - 1:.1%}",
            verdict,
        )
    return table


def server_costs(costs: pd.DataFrame, baseline: str) -> Table:
    """Server CPU per message by mix, as a share of the baseline; microseconds and the part of the kernel beside it."""
    table = Table(title=f"server CPU per message, against {baseline}")
    table.add_column("cell")
    table.add_column("mix")
    for column in ("CPU", "95 % interval", "us", "in the kernel"):
        table.add_column(column, justify="right")
    table.add_column("verdict")
    for cell, rows in costs.groupby("cell", sort=False):
        table.add_section()
        for _, row in rows.sort_values("share", ascending=False).iterrows():
            own = row["arm"] == baseline
            word = "baseline" if own else {"faster": "less", "slower": "more"}.get(row["verdict"], row["verdict"])
            table.add_row(
                str(cell),
                row["arm"],
                wording.ratio(row["share"]),
                "" if own else wording.interval(row["share_low"], row["share_high"]),
                wording.number(row["us"]),
                wording.percent(row["kernel"], 0),
                Text(word, _VERDICT_STYLE.get(row["verdict"], "") if not own else "dim"),
            )
    return table


def server_capacities(found: pd.DataFrame, baseline: str) -> Table:
    """Calls that one core carries by mix, with intervals over the searches."""
    table = Table(title=f"calls that one core carries, against {baseline}")
    table.add_column("mix")
    for column in ("calls", "95 % interval", "times", "95 % interval", "searches", "held"):
        table.add_column(column, justify="right")
    for _, row in found.iterrows():
        table.add_row(
            row["mix"],
            wording.number(row["calls"]),
            wording.span(row["low"], row["high"]),
            wording.ratio(row.get("times", float("nan"))),
            wording.interval(row.get("times_low", float("nan")), row.get("times_high", float("nan"))),
            str(row["searches"]),
            wording.number(row["held"]),
        )
    return table


def _section(counts: dict[str, Any] | None) -> Text:
    if counts is None:
        return Text("-")
    applicable = counts["passed"] + counts["failed"]
    if not applicable:
        return Text("n/a", "dim")
    return Text(f"{counts['passed']}/{applicable}", "red" if counts["failed"] else "green")
