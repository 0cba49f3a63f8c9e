"""One worker of a run: a fresh process that times every arm of every cell, slot by slot.

Reads its job as one line of JSON from standard input, says what it is doing as lines of JSON on standard output, and
leaves two files: the slots as Parquet and a note on itself as JSON. An interrupt keeps the cells that are done.
"""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import operations, registry
from .loops import Bound
from .operations import name_of, operation_of
from .workload import Workload, cut, parse_size, pool_of, read_recording

NULL = "(null)"
"""The null arm: the baseline once more, with a buffer and a loop of its own."""

EMPTY = "(empty call)"
"""The empty-call arm: the same loop around a C function that does nothing."""

SLOT_NS = 500_000
"""Most a slot lasts, unless one turn takes longer."""

ROUNDS = 20
"""Visits to each cell of a cost model, which share their time."""

MIN_BLOCKS = 5
"""Blocks that every cell gets, however long one takes: a median needs a few."""


@dataclass
class Timed:
    """An arm while it is timed: its loop and the number of turns in a slot."""

    name: str
    bound: Bound
    turns: int


@dataclass
class Prepared:
    """A cell whose arms were checked: its chunks in a turn and its number of blocks."""

    cell: dict[str, Any]
    arms: list[Timed]
    chunks: int
    blocks: int


class Columns:
    """The slots of a worker, column by column, as they go into Parquet."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, int, int, int, int, int, int]] = []

    def write(self, path: Path, worker: int) -> None:
        """Write the slots; units are nanoseconds for the sum of a slot's turns."""
        # Not at the top: the worker should be as bare as can be while it times.
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = list(zip(*self.rows, strict=True)) or [()] * 9
        texts = [pa.array(column, pa.string()).dictionary_encode() for column in columns[:3]]
        kinds = [pa.int16(), pa.int16(), pa.int32(), pa.int32(), pa.int64(), pa.int64()]
        numbers = [pa.array(column, kind) for column, kind in zip(columns[3:], kinds, strict=True)]
        names = ["experiment", "cell", "arm", "block", "position", "turns", "chunks", "wall_ns", "cpu_ns"]
        table = pa.table(dict(zip(names, [*texts, *numbers], strict=True)))
        table = table.add_column(0, "worker", pa.array([worker] * len(self.rows), pa.int16()))
        pq.write_table(table, path, compression="zstd")


class Worker:
    """Runs the cells of a job."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        self.random = random.Random(job["seed"])
        self.columns = Columns()
        self.faults: list[dict[str, str]] = []
        self.recording = read_recording(Path(job["input"]))
        self.workloads: dict[tuple[str, str], Workload] = {}
        names = dict.fromkeys(name_of(arm) for cell in job["cells"] for arm in (cell["baseline"], *cell["arms"]))
        self.arms = {row.name: row for row in registry.load_all(names)}

    def run(self) -> None:
        """Time every cell, in an order of this worker's own; the cells of a cost model together."""
        groups: dict[object, list[dict[str, Any]]] = {}
        for cell in self.job["cells"]:
            groups.setdefault(cell["experiment"] if cell["model"] else (cell["experiment"], cell["name"]), []).append(
                cell
            )
        order = list(groups.values())
        self.random.shuffle(order)
        for cells in order:
            self.run_cells(cells)

    def run_cells(self, cells: list[dict[str, Any]]) -> None:
        """Check, calibrate, time and check again the arms of cells.

        Several cells take turns, a part of their blocks in each round: a machine's pace changes from minute to minute,
        and sizes that are timed one after the other would not lie on one line even if the costs did.
        """
        ready = [found for cell in cells if (found := self.prepare(cell))]
        say(event="timing", cells=[one.cell["name"] for one in ready])
        rounds = ROUNDS if len(cells) > 1 else 1
        rows = []
        for number in range(rounds):
            self.random.shuffle(ready)
            for one in ready:
                blocks = range(one.blocks * number // rounds, one.blocks * (number + 1) // rounds)
                rows += self.time_blocks(one, blocks)
        for one in ready:
            for arm in one.arms:
                if wrong := arm.bound.fault():
                    self.fault(one.cell, arm.name, registry.Status.WRONG_OUTPUT, f"{wrong} after timing")
        self.columns.rows += rows

    def prepare(self, cell: dict[str, Any]) -> Prepared | None:
        """Check and calibrate the arms of a cell; None if its baseline cannot be timed."""
        say(event="cell", name=cell["name"], experiment=cell["experiment"])
        workload = self.workload(cell["size"], cell["pool"])
        arms: list[Timed] = []
        for name in (cell["baseline"], NULL, *cell["arms"]):
            source = cell["baseline"] if name == NULL else name
            say(event="arm", name=name, cell=cell["name"])
            try:
                operation = operation_of(source, cell["operation"])
                bound = operations.bind(operation, self.arms[name_of(source)], workload)
                wrong = bound.fault()
                turns = 0 if wrong else calibrate(bound)
            except Exception as error:  # an arm may come from anywhere
                self.fault(cell, name, registry.Status.BROKEN, f"{type(error).__name__}: {error}")
                continue
            if wrong:
                self.fault(cell, name, registry.Status.WRONG_OUTPUT, f"{wrong} before timing")
            else:
                arms.append(Timed(name, bound, turns))
        if not arms or arms[0].name != cell["baseline"]:
            return None
        empty = operations.bind_empty(workload)
        arms.append(Timed(EMPTY, empty, calibrate(empty)))
        return Prepared(cell, arms, len(workload.texts), self.blocks_for(arms))

    def time_blocks(self, one: Prepared, blocks: range) -> list[Any]:
        """Run blocks of all arms of a cell; their rows."""
        rows = []
        gc.collect()
        for block in blocks:
            for position, (arm, wall, cpu) in enumerate(mirrored(one.arms, self.random)):
                rows.append(
                    (
                        one.cell["experiment"],
                        one.cell["name"],
                        arm.name,
                        block,
                        position,
                        arm.turns,
                        arm.turns * one.chunks,
                        wall,
                        cpu,
                    )
                )
        return rows

    def blocks_for(self, arms: list[Timed]) -> int:
        """Blocks that fit the cell's time, judged by one slot of every arm before any is recorded."""
        block_ns = 2 * sum(arm.bound.slot(arm.turns)[0] for arm in arms)
        fitting = int(self.job["cell_seconds"] * 1e9 / max(block_ns, 1))
        most: int = self.job["blocks"]
        return max(MIN_BLOCKS, min(most, fitting))

    def workload(self, size: str, pool: str) -> Workload:
        """The chunks of a cell; all arms, and all cells on the same chunks, share the very same objects."""
        if (size, pool) not in self.workloads:
            self.workloads[size, pool] = pool_of(cut(self.recording, parse_size(size)), pool)
        return self.workloads[size, pool]

    def fault(self, cell: dict[str, Any], arm: str, status: str, reason: str) -> None:
        """Note that an arm failed in a cell; it gets no number there."""
        fault = {"experiment": cell["experiment"], "cell": cell["name"], "arm": arm, "status": status, "reason": reason}
        self.faults.append(fault)
        say(event="fault", **fault)


def mirrored(arms: Sequence[Timed], draw: random.Random) -> list[tuple[Timed, int, int]]:
    """Run one block: all arms in a random order, and at once in reverse, so that what drifts steadily cancels.

    A slot of each comes with its wall and its CPU time in nanoseconds.
    """
    order = list(arms)
    draw.shuffle(order)
    return [(arm, *arm.bound.slot(arm.turns)) for arm in (*order, *reversed(order))]


def calibrate(bound: Bound) -> int:
    """Turns that fill a slot without passing SLOT_NS; one if a single turn is longer. The runs warm the arm up."""
    turn = min(bound.slot(1)[0] for _ in range(5))
    turns = max(1, SLOT_NS // max(turn, 1))
    return max(1, int(SLOT_NS * turns // max(min(bound.slot(turns)[0] for _ in range(3)), 1)))


def say(**event: Any) -> None:
    """Tell the parent."""
    print(json.dumps(event), flush=True)


def usage(cpu: int | None) -> dict[str, float]:
    """Counters of this process so far, and the time that the hypervisor stole from its CPU."""
    import psutil

    own = resource.getrusage(resource.RUSAGE_SELF)
    times = psutil.cpu_times(percpu=True)[cpu] if cpu is not None else psutil.cpu_times()
    return {
        "voluntary_switches": own.ru_nvcsw,
        "involuntary_switches": own.ru_nivcsw,
        "minor_faults": own.ru_minflt,
        "major_faults": own.ru_majflt,
        "steal_s": getattr(times, "steal", 0.0),
    }


def main() -> int:
    """Run the job on standard input."""
    job = json.loads(sys.stdin.readline())
    if job["cpu"] is not None:
        os.sched_setaffinity(0, {job["cpu"]})
    gc.disable()
    started, before = time.time(), usage(job["cpu"])
    worker, complete = Worker(job), False
    # Asked to end, it keeps what is done.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        worker.run()
        complete = True
    except KeyboardInterrupt:
        pass
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    after = usage(job["cpu"])
    stem = Path(job["out"]) / f"worker-{job['worker']:03d}"
    worker.columns.write(stem.with_suffix(".parquet"), job["worker"])
    note = {
        "worker": job["worker"],
        "seed": job["seed"],
        "cpu": job["cpu"],
        "started": started,
        "seconds": time.time() - started,
        "complete": complete,
        "faults": worker.faults,
        **{name: after[name] - before[name] for name in after},
    }
    stem.with_suffix(".json").write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")
    say(event="end", complete=complete)
    return 0 if complete else 130


if __name__ == "__main__":
    sys.exit(main())
