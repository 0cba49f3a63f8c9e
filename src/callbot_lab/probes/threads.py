"""Threads: do two of them decode faster than one, and how long does a third wait for the GIL meanwhile?

A process is about one chunk size. In each of its rounds every arm, in random order, has one thread decode, then two at
once into buffers of their own, and then one beside a thread that sleeps a millisecond at a time and notes how late it
comes back. The same round has two controls: the sleeper with nobody at work, and hashing, which releases the GIL and
shares nothing, so that it shows what two threads could gain on this machine at that moment.

Every thread is bound to a CPU of its own. Some kernels pack short bursts of threads onto one CPU, and then nothing
scales, whoever holds the GIL.
"""

from __future__ import annotations

import gc
import hashlib
import os
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from threading import Barrier, Event
from typing import Any, TypeVar

import pyarrow as pa
from rich.table import Table

from .. import operations, registry
from ..errors import LabError
from ..loops import Bound, compile_loop
from ..operations import Operation
from ..registry import Loaded, Status
from ..workload import Workload, cut, parse_size, pool_of, read_recording
from .probe import Definition, Job, Row

Result = TypeVar("Result")

ONE, TWO, WAIT, IDLE, FAULT = "one", "two", "wait", "wait-idle", "fault"
"""Kinds of rows: one thread, two at once, one beside a sleeper, the sleeper alone, and an arm that has no number."""

MACHINE = "(machine)"
"""The control that ought to scale: SHA-256 of blocks that no thread shares."""

NOBODY = "(nobody)"
"""The arm of the rows in which the sleeper is alone."""

POOL = "level"
"""The same PCM in a turn at every size, so that no size leaves a cache that another fits."""

SLEEP_NS = 1_000_000
HASHED_BYTES, HASHED_BLOCKS = 2**18, 4
TIMEOUT = 60.0
"""Seconds within which both threads have to be at the start."""

COLUMNS = pa.schema(
    [
        ("size", pa.int32()),
        ("round", pa.int16()),
        ("position", pa.int16()),
        ("arm", pa.string()),
        ("kind", pa.string()),
        ("chunks", pa.int64()),
        ("wall_ns", pa.int64()),
        ("cpu_ns", pa.int64()),
        ("late_ns", pa.list_(pa.int64())),
        ("reason", pa.string()),
    ]
)


@dataclass
class Subject:
    """An arm while it is measured: a loop and a buffer for each of two threads, or the reason why it has no number."""

    name: str
    bounds: tuple[Bound, ...] = ()
    chunks: int = 0
    turns: int = 0
    reason: str = ""


def jobs(definition: Definition, rows: Sequence[Loaded], profile: str) -> list[Job]:
    """A job for every process at every size; each has all arms. None without arms."""
    data, arms = definition.data, [row.name for row in rows]
    plan = data["profiles"][profile]
    common = {key: data[key] for key in ("operation", "span_ms", "wakes")} | {"rounds": plan["rounds"], "arms": arms}
    cells = product(data["sizes"], range(plan["processes"])) if arms else ()
    return [{"pinned": False, "size": size, "seed": f"{size}-{process}", **common} for size, process in cells]


def perform(job: Job, say: Callable[[str], None]) -> list[Row]:
    """Measure all arms at one size; LabError where two threads cannot have a CPU each.

    An arm that is wrong or cannot be used gets a row with the reason, and the others go on.
    """
    cpus = usable_cpus()
    if len(cpus) < 2:
        raise LabError(f"two threads need two CPUs, and this process may use {len(cpus)}")
    gc.disable()
    draw = random.Random(job["seed"])
    say(f"{job['size']} B")
    workload = pool_of(cut(read_recording(Path(job["input"])), parse_size(str(job["size"]))), POOL)
    operation = operations.OPERATIONS[job["operation"]]
    subjects = [prepare(row, operation, workload, cpus) for row in registry.load_all(job["arms"])]
    machine = Subject(MACHINE, (_hashing(), _hashing()), HASHED_BLOCKS)
    for subject in (*subjects, machine):
        _guarded(subject, partial(calibrate, subject, cpus, job["span_ms"] * 1_000_000))
    rows = []
    for number in range(job["rounds"]):
        about = {"size": job["size"], "round": number}
        rows += [about | row for row in one_round([*subjects, machine], cpus, job["wakes"], draw)]
    for subject in subjects:
        _guarded(subject, partial(check, subject, cpus, "after"))
    faults = [subject for subject in (*subjects, machine) if subject.reason]
    return rows + [{"size": job["size"], "arm": one.name, "kind": FAULT, "reason": one.reason} for one in faults]


def table(rows: Any) -> Table:
    """Scaling, the price of releasing and the waits, by size and arm."""
    # Not at the top: what is timed needs no statistics.
    from .probe import read
    from .threads_summary import table_of

    twins = [(twin["holding"], twin["releasing"]) for twin in read(__name__.rpartition(".")[2]).data["twins"]]
    return table_of(rows, twins)


def usable_cpus() -> list[int]:
    """CPUs that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def prepare(row: Loaded, operation: Operation, workload: Workload, cpus: Sequence[int]) -> Subject:
    """Bind an arm twice and check what it makes, in both threads at once."""
    subject = Subject(row.name, chunks=len(workload.texts))
    if row.status is not Status.READY:
        subject.reason = f"{row.status}: {row.reason}"
    elif lacking := operations.lacks(operation, row):
        subject.reason = f"{Status.NOT_OFFERED}: {lacking}"
    else:
        _guarded(subject, partial(_bind, subject, operation, row, workload))
        _guarded(subject, partial(check, subject, cpus, "before"))
    return subject


def _bind(subject: Subject, operation: Operation, row: Loaded, workload: Workload) -> None:
    subject.bounds = tuple(operations.bind(operation, row, workload) for _ in range(2))


def check(subject: Subject, cpus: Sequence[int], when: str) -> None:
    """Note what is wrong with an arm's output, made by both threads at once: it may share what it should not."""
    found = at_once([bound.fault for bound in subject.bounds], cpus)
    wrong = next(filter(None, found.results), "")
    if wrong:
        subject.reason = f"{Status.WRONG_OUTPUT}: {wrong} {when} timing"


def calibrate(subject: Subject, cpus: Sequence[int], span_ns: int) -> None:
    """Set the turns that fill a span; one if a single turn is longer. The runs warm both loops up."""
    slots = [bound.slot for bound in subject.bounds for _ in range(3)]
    turn = min(at_once([partial(slot, 1)], cpus).wall_ns for slot in slots)
    subject.turns = max(1, span_ns // max(turn, 1))


def one_round(subjects: Sequence[Subject], cpus: Sequence[int], wakes: int, draw: random.Random) -> list[Row]:
    """One row of each kind for every arm, in random order, and within an arm too."""
    order: list[Subject | None] = [*subjects, None]
    draw.shuffle(order)
    rows: list[Row] = []
    for subject in order:
        # Which thread has which CPU is drawn too: they need not be alike.
        places = draw.sample(list(cpus), 2)
        if subject is None:
            rows.append({"arm": NOBODY, "kind": IDLE} | waiting(None, places, wakes))
            continue
        kinds = [ONE, TWO] if subject.name == MACHINE else [ONE, TWO, WAIT]
        draw.shuffle(kinds)
        made = [_guarded(subject, partial(_row, subject, kind, places, wakes)) for kind in kinds]
        rows += filter(None, made)
    return [{"position": position} | row for position, row in enumerate(rows)]


def _row(subject: Subject, kind: str, cpus: Sequence[int], wakes: int) -> Row:
    if kind == WAIT:
        measured = waiting(subject.bounds[0], cpus, wakes)
        measured["chunks"] *= subject.chunks
    else:
        bounds = subject.bounds[: 1 if kind == ONE else 2]
        done = at_once([partial(bound.slot, subject.turns) for bound in bounds], cpus)
        chunks = len(bounds) * subject.turns * subject.chunks
        measured = {"chunks": chunks, "wall_ns": done.wall_ns, "cpu_ns": done.cpu_ns}
    return {"arm": subject.name, "kind": kind} | measured


@dataclass(frozen=True)
class Done:
    """What threads returned, and the wall and process CPU time from their common start to the end of the last."""

    results: list[Any]
    wall_ns: int
    cpu_ns: int


def at_once(works: Sequence[Callable[[], Any]], cpus: Sequence[int]) -> Done:
    """Run each work in a thread, on a CPU of its own, from a common start; what one raises is raised here."""
    starts: list[tuple[int, int]] = []
    barrier = Barrier(len(works), lambda: starts.append(_now()), TIMEOUT)

    def run(work: Callable[[], Any], cpu: int) -> tuple[Any, tuple[int, int]]:
        stay_on(cpu)
        barrier.wait()
        result = work()
        return result, _now()

    with ThreadPoolExecutor(len(works)) as threads:
        running = [threads.submit(run, work, cpu) for work, cpu in zip(works, cpus, strict=False)]
        ended = [one.result() for one in running]
    (wall, cpu) = starts[0]
    last_wall, last_cpu = (max(end[which] for _, end in ended) for which in (0, 1))
    return Done([result for result, _ in ended], last_wall - wall, last_cpu - cpu)


def waiting(bound: Bound | None, cpus: Sequence[int], wakes: int) -> Row:
    """How late a thread comes back from its sleeps while another runs turns of a loop, or nothing: columns of a row.

    `late_ns` holds every wake-up's nanoseconds beyond what was asked; `chunks` the turns that the other made meanwhile.
    """
    begun, stop = Event(), Event()

    def work() -> int:
        if bound is None:
            begun.set()
            stop.wait()
            return 0
        try:
            bound.slot(1)
        finally:
            begun.set()
        turns = 1
        while not stop.is_set():
            bound.slot(1)
            turns += 1
        return turns

    def sleep() -> list[int]:
        late = []
        # On a busy machine all sleeps would else be over before the other has its CPU.
        begun.wait()
        try:
            for _ in range(wakes):
                before = time.perf_counter_ns()
                time.sleep(SLEEP_NS / 1e9)
                late.append(time.perf_counter_ns() - before - SLEEP_NS)
        finally:
            stop.set()
        return late

    done = at_once([work, sleep], cpus)
    turns, late = done.results
    return {"chunks": turns, "wall_ns": done.wall_ns, "cpu_ns": done.cpu_ns, "late_ns": late}


def stay_on(cpu: int) -> None:
    """Bind the calling thread to a CPU, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {cpu})


def _now() -> tuple[int, int]:
    return time.perf_counter_ns(), time.process_time_ns()


def _hashing() -> Bound:
    blocks = [bytes(HASHED_BYTES) for _ in range(HASHED_BLOCKS)]
    body = "        for block in pool:\n            call(block)"
    return Bound(compile_loop(body, blocks, call=hashlib.sha256), lambda: "")


def _guarded(subject: Subject, work: Callable[[], Result]) -> Result | None:
    """Do something with an arm unless it has a fault; an exception, which may be anything, becomes its fault."""
    if subject.reason:
        return None
    try:
        return work()
    except Exception as error:
        subject.reason = f"{Status.BROKEN}: {type(error).__name__}: {error}"
        return None
