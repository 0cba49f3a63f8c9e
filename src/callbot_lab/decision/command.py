"""The command `decide`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..errors import LabError
from ..paths import RESULTS, RUNS
from .settings import DECISION, read

# As on the other commands: without a terminal there is nobody to fit lines to.
console = Console(width=None if sys.stdout.isatty() else 200)


def decide(
    servers: Annotated[
        Path | None,
        typer.Option(help="Run of whole servers (measure -e server). Default: the newest.", show_default=False),
    ] = None,
    settings: Annotated[
        Path, typer.Option(help="Thresholds, prices and values. Default: data/decision.toml.", show_default=False)
    ] = DECISION,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE instead of what the settings say, such as load.calls=2000; repeatable."),
    ] = None,
    verified: Annotated[
        Path | None, typer.Option(help="Verdicts of the suite (verify --out FILE): only what conforms is considered.")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Run with a cost model (measure -e sizes), for the chunk size at which the answer flips."),
    ] = None,
) -> None:
    """Say which server, boundary and implementation to choose, how sure that is, and where it flips.

    Gates are passed in order, with the thresholds and prices of data/decision.toml: what conforms (G0), whether a whole
    server gains enough at all (G1), which rungs pay for themselves (G2), what a tie is decided by (G3), and what values
    change (G4). The prices there are guesses: put in your own.
    """
    # Not at the top: the other commands need no analysis of servers.
    from ..serverlab import sentences, summary
    from . import evidence, flips, gates, text

    found = read(settings, changes or [])
    folder = servers or summary.latest_server_run(RESULTS) or summary.latest_server_run(RUNS)
    if folder is None:
        raise LabError("there is no run of whole servers; make one with: callbot-lab measure -e server")
    run = summary.read_server(folder)
    conformance = evidence.verdicts(verified) if verified else None
    measured = evidence.measured(run, found.load.format)
    curves = evidence.curves(model) if model else None
    decision = gates.decide(measured, found, conformance)
    searches = flips.flips(measured, found, conformance, curves)
    _say(*text.lines(decision, measured, found), "")
    _say(*text.gate_lines(decision))
    if decision.rungs:
        rows = text.rung_rows(decision, found.currency)
        console.print(_table("rungs, each against the last accepted one", text.HEADS, rows))
    _say("", "Where the answer flips, one quantity moved while all others stay:")
    _say(*text.flip_lines(searches, found), "")
    _say(f"From {folder}: {sentences.origin(run)}; prices from {settings}.")


def _say(*lines: str) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _table(title: str, heads: tuple[str, ...], rows: list[list[str]]) -> Table:
    table = Table(title=title)
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
