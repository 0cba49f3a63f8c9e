"""Holds the instructions of every kernel against those that were recorded: a check of their cost without a clock.

    python -m callbot_lab.probes.baseline            counts again, and fails if a count has changed
    python -m callbot_lab.probes.baseline --record   counts, and writes data/instructions.csv

What is held is the native part: the interpreter and the C library, whose instructions depend on the CPU as well, are
not in it. It depends on the compiler, so that nothing can be said where that is another one; this is a finding too.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..environment import interpreter_line
from ..errors import LabError
from ..paths import ROOT, SPEECH, require
from ..registry import Status, load_all
from . import instructions
from .probe import read

BASELINE = ROOT / "data" / "instructions.csv"

METHOD = "callgrind"
"""What the recorded counts are taken with: it needs no special hardware, and repeats to the instruction."""

AGAIN = "python -m callbot_lab.probes.baseline --record"

TOLERANCE = 0.01
"""What a count may differ by. It would be nought, but for memory that lies otherwise; and it has to be less than what a
kernel may grow by, since what surrounds the kernel is counted with it."""

CELL = ("arm", "operation", "size")
TOOLCHAIN = ("method", "kernel", "build", "python")
COUNTS = ("native_instructions", "native_branches")

SAME, MORE, FEWER = "same", "more", "fewer"
OTHER_TOOLCHAIN, NOT_RECORDED, NOT_COUNTED = "other toolchain", "not recorded", instructions.NOT_COUNTED

CellRow = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """What came of holding one cell against the baseline: a status from above, and in words."""

    cell: str
    status: str
    words: str

    def __str__(self) -> str:
        return f"{self.cell}: {self.status}: {self.words}"


def count(arms: Sequence[str] = ()) -> list[CellRow]:
    """Count the cells of the arms that are held, or of some; LabError if one of them cannot run here."""
    definition = read("instructions")
    rows = load_all(arms or definition.data["held"])
    for row in rows:
        if row.status is not Status.READY:
            raise LabError(f"{row.name} cannot be counted: it is {row.status}: {row.reason}")
    source = str(require(SPEECH))
    jobs = [{**job, "methods": [METHOD], "input": source} for job in instructions.jobs(definition, rows, "glance")]
    # Counts do not mind company.
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda job: instructions.perform(job, lambda text: None), jobs))
    return [row for of_arm in done for row in of_arm]


def compare(counted: Iterable[CellRow], recorded: Iterable[CellRow]) -> list[Finding]:
    """Hold counts against recorded ones, cell by cell."""
    known = {tuple(row[name] for name in CELL): row for row in recorded}
    return [_held(row, known.get(tuple(row[name] for name in CELL))) for row in counted]


def _held(row: CellRow, before: CellRow | None) -> Finding:
    cell = " ".join(row[name] for name in CELL)
    if row["status"] != Status.READY:
        said = [row["reason"]] if row["status"] == NOT_COUNTED else [row["status"], row["reason"]]
        return Finding(cell, NOT_COUNTED, ": ".join(said))
    if before is None:
        return Finding(cell, NOT_RECORDED, f"record it: {AGAIN}")
    other = [f"{name} is {row[name]}, recorded was {before[name]}" for name in TOOLCHAIN if row[name] != before[name]]
    if other:
        return Finding(cell, OTHER_TOOLCHAIN, f"nothing can be said ({'; '.join(other)}); record anew: {AGAIN}")
    now, then = row["native_instructions"], before["native_instructions"]
    change = now / then - 1
    words = f"{now:.1f} native instructions a chunk, recorded were {then:.1f} ({change:+.2%})"
    if abs(change) <= TOLERANCE:
        return Finding(cell, SAME, words)
    return Finding(cell, MORE if change > 0 else FEWER, f"{words}; if that is meant, record anew: {AGAIN}")


def read_baseline(path: Path = BASELINE) -> list[dict[str, Any]]:
    """The recorded counts; LabError if they cannot be read."""
    try:
        with require(path).open(encoding="utf-8", newline="") as file:
            rows: list[dict[str, Any]] = [
                {**row, **{name: float(row[name]) for name in COUNTS}} for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise LabError(f"{path} is damaged ({type(error).__name__}: {error}); record it anew: {AGAIN}") from None
    if not rows or not all(row["native_instructions"] > 0 for row in rows):
        raise LabError(f"{path} is damaged (a count is missing); record it anew: {AGAIN}")
    return rows


def write_baseline(rows: Iterable[CellRow], path: Path = BASELINE) -> None:
    """Record counts; LabError if one is missing, since a baseline with holes would pass over what is in them."""
    rows = sorted(rows, key=lambda row: [row[name] for name in CELL])
    for row in rows:
        if row["status"] != Status.READY:
            raise LabError(f"nothing is recorded: {_held(row, None)}")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*CELL, *TOOLCHAIN, *COUNTS], extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, **{name: round(row[name], 3) for name in COUNTS}} for row in rows)


def main() -> int:
    """Check, or record."""
    parser = argparse.ArgumentParser(prog="python -m callbot_lab.probes.baseline", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write the counts instead of comparing them")
    chosen = parser.parse_args()
    try:
        if chosen.record:
            write_baseline(count())
            print(f"recorded in {BASELINE.relative_to(ROOT)}, with {interpreter_line()}")
            return 0
        findings = compare(count(), read_baseline())
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    print(*findings, sep="\n")
    return any(finding.status != SAME for finding in findings)


if __name__ == "__main__":
    sys.exit(main())
