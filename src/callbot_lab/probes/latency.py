"""How long single chunks take: each timed alone, the arms of a process in turns, and every time kept.

An arm does RUN chunks, then the next arm does the same ones, in a random order anew for every run, so that what the
machine does to one it does to all. Three control arms run the same loop: around nothing, which shows what the clock
costs, and around waiting for a known time, which shows what the machine does by itself to an arm that takes so long. An
interruption finds an arm the more readily the longer its calls last, so a tail has to be seen beside the control arm
of its own length. Nothing is subtracted.

A call is CALL_CHUNKS chunks of the recording in their order. A process does CALLS of them with one operation:

- `decode`: a chunk to a new bytes object, which is freed within the time.
- `append`: into one buffer of the arm's default capacity, which has held a whole call before: what it reserved has been
  touched. After every call its bytes are taken, untimed, which empties it; what an arm frees then, it has to get anew.
- `append-fresh`: a new buffer for every call, made untimed, and none is freed before the end. So what an arm reserves
  is touched for the first time within the times. One that grows does so within them too, into memory as the C library
  has it: new, or left behind by blocks that grew away.
"""

from __future__ import annotations

import gc
import random
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import pyarrow as pa
from rich.table import Table

from .. import registry
from ..errors import LabError
from ..loops import compile_function, digest
from ..registry import PCM, Loaded, Status
from ..workload import cut, parse_size, read_recording
from .probe import Definition, Job, Row

CONTROLS = {
    "(clock)": "",
    "(wait 1 us)": "while clock() - start < 1_000: pass",
    "(wait 10 us)": "while clock() - start < 10_000: pass",
}
"""The control arms: what stands between the clock's two readings, which for all others is the call."""

RUN = 64
"""Chunks that an arm does before the next one has its turn."""

CALL_CHUNKS = 40 * RUN
"""Chunks of a call, nearly all of the project's own recording; a shorter one is repeated, a longer one cut off."""

CALLS = 4
"""Calls that every arm does in a process."""

DECODE, APPEND, FRESH = OPERATIONS = ("decode", "append", "append-fresh")

COLUMNS = pa.schema(
    [
        ("arm", pa.string()),
        ("operation", pa.string()),
        ("size", pa.string()),
        ("ns", pa.int64()),
        ("count", pa.int32()),
    ]
)

_LOOP = """
def run(chunks, position, call, times=times, clock=clock):
    for chunk in chunks:
        start = clock()
        {statement}
        times[position] = clock() - start
        position += 1
"""

Clock = Callable[[], int]


@dataclass(frozen=True)
class Timed:
    """An arm while it is timed.

    `times` has a nanosecond for every chunk, by the order of the arm's chunks. `open` begins a call and returns what
    is to be called with its chunks. `close` ends one, or the last one if it is told so, and returns what was made since
    it was asked last, a call each.
    """

    name: str
    pool: Sequence[Any]
    times: array[int]
    loop: Callable[..., None]
    open: Callable[[], Callable[[Any], object] | None]
    close: Callable[[bool], list[bytes]]


def bind_controls(pool: Sequence[Any], clock: Clock) -> list[Timed]:
    """The control arms."""
    return [_timed(name, pool, clock, does, lambda: None, lambda last: []) for name, does in CONTROLS.items()]


def bind(row: Loaded, operation: str, pool: Sequence[Any], clock: Clock) -> Timed:
    """An operation of an arm; LabError if it is none of OPERATIONS."""
    if operation not in OPERATIONS:
        raise LabError(f"unknown operation '{operation}' of latency; there are: {', '.join(OPERATIONS)}")
    if operation == DECODE:
        decode = row.subject.decode
        return _timed(row.name, pool, clock, "call(chunk)", lambda: decode, lambda last: [b"".join(map(decode, pool))])
    make = row.subject.AudioBuffer
    used: list[Any] = []
    # What is freed would be given to the next buffer, touched already.
    kept: list[Any] = []

    def open_() -> Callable[[Any], object]:
        if operation == FRESH or not used:
            used.append(make())
        append: Callable[[Any], object] = used[-1].append
        return append

    def close(last: bool) -> list[bytes]:
        if operation == APPEND:
            return [bytes(used[-1].take())]
        if not last:
            return []
        made = [bytes(buffer.take()) for buffer in used]
        kept.extend(used)
        used.clear()
        return made

    return _timed(row.name, pool, clock, "call(chunk)", open_, close)


def _timed(name: str, pool: Sequence[Any], clock: Clock, statement: str, open_: Any, close: Any) -> Timed:
    # Filled, and so touched, before anything is timed.
    times = array("q", bytes(8 * CALLS * CALL_CHUNKS))
    # Code of its own, so that no arm meets the interpreter's inline caches of another.
    loop = compile_function(_LOOP.format(statement=statement), {"times": times, "clock": clock})
    return Timed(name, pool, times, loop, open_, close)


def time_arms(arms: Sequence[Timed], pcm: Sequence[bytes], operation: str, order: random.Random) -> None:
    """Check the arms, time CALLS calls of each, and check all that they made; LabError if an arm made anything else.

    `pcm` is what the chunks of a call stand for. Times go to the arms' own `times`.
    """
    # What is tried on a fresh buffer leaves memory behind that is touched: it is as little as can be.
    tried = RUN if operation == FRESH else CALL_CHUNKS
    whole, part = digest(b"".join(pcm)), digest(b"".join(pcm[:tried]))
    for arm in arms:
        arm.loop(arm.pool[:tried], 0, arm.open())
        _require(arm, arm.close(True), part, operation, "before timing")
    for number in range(CALLS):
        calls = {arm.name: arm.open() for arm in arms}
        for start in range(0, CALL_CHUNKS, RUN):
            # Drawn anew, since the first to see a chunk finds it in a cache farther off.
            for arm in order.sample(arms, len(arms)):
                arm.loop(arm.pool[start : start + RUN], number * CALL_CHUNKS + start, calls[arm.name])
        for arm in arms:
            _require(arm, arm.close(number == CALLS - 1), whole, operation, "in timing")


def _require(arm: Timed, made: list[bytes], wanted: str, operation: str, when: str) -> None:
    if any(digest(one) != wanted for one in made):
        raise LabError(f"{arm.name}: wrong output of {operation} {when}")


def jobs(definition: Definition, rows: Sequence[Loaded], profile: str) -> list[Job]:
    """The processes of every operation, as many as the profile has; each times all arms that have what it needs."""
    made = []
    for operation in definition.data["operations"]:
        arms = [row.name for row in rows if operation == DECODE or hasattr(row.subject, "AudioBuffer")]
        for number in range(definition.data["processes"][profile]):
            job = {"operation": operation, "arms": arms, "size": definition.data["size"], "repetition": number}
            made.append(job)
    return made


def perform(job: Job, say: Callable[[str], None], clock: Clock = perf_counter_ns) -> list[Row]:
    """Time all arms of a job, and count how often each took how many nanoseconds; LabError if one cannot be timed."""
    operation, size = job["operation"], job["size"]
    whole = cut(read_recording(Path(job["input"])), parse_size(size))
    texts, pcm = tuple(islice(cycle(whole.texts), CALL_CHUNKS)), tuple(islice(cycle(whole.pcm), CALL_CHUNKS))
    arms = bind_controls(texts, clock)
    for row in registry.load_all(job["arms"]):
        if row.status is not Status.READY:
            raise LabError(f"{row.name}: {row.status}: {row.reason}")
        arms.append(bind(row, operation, pcm if row.takes == PCM else texts, clock))
    say(f"{operation} of {len(arms)} arms")
    gc.collect()
    gc.disable()
    try:
        time_arms(arms, pcm, operation, random.Random(job["number"]))
    finally:
        gc.enable()
    found = []
    for arm in arms:
        for ns, count in sorted(Counter(arm.times).items()):
            found.append({"arm": arm.name, "operation": operation, "size": size, "ns": ns, "count": count})
    return found


def table(rows: Any) -> Table:
    """Percentiles of the nanoseconds, operation by operation, the control arms first."""
    # Not at the top: a process that times should be as bare as can be.
    from .. import wording
    from .latency_summary import quantiles

    shown = Table(title="nanoseconds of a chunk, each timed alone; 95 % interval of p99.9 over processes")
    for column in ("operation", "size", "arm"):
        shown.add_column(column)
    for column in ("processes", "chunks", "p50", "p90", "p99", "p99.9", "of p99.9", "max"):
        shown.add_column(column, justify="right")
    if rows.empty:
        return shown
    found = quantiles(rows)
    for (operation, size), group in found.groupby(["operation", "size"], sort=False):
        shown.add_section()
        arms = group.set_index(["arm", "quantile"])
        names = sorted(group["arm"].unique(), key=lambda arm: (arm not in CONTROLS, arms.loc[(arm, 0.5), "ns"]))
        for name in names:
            of = arms.loc[name]
            last = of.loc[0.999]
            shown.add_row(
                str(operation),
                str(size),
                name,
                f"{last['processes']:.0f}",
                f"{last['chunks']:,.0f}",
                *(f"{of.loc[quantile, 'ns']:,.0f}" for quantile in (0.5, 0.9, 0.99, 0.999)),
                wording.span(last["low"], last["high"]),
                f"{of.loc[1.0, 'ns']:,.0f}",
            )
    return shown
