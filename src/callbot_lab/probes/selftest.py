"""The self-test of the instrument: identical arms, and arms that do a known amount more, timed as in an experiment.

A group is what a run is otherwise: fresh processes, the workers. Each times a number of sets, one after the other. The
arms of a set are copies of one implementation's operation, with loops and buffers of their own; some of them run a few
turns more in a slot than it is booked with, so the true ratio is known without any clock. Then the identical arms are
timed once more as a naive benchmark does it, one after the other.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.table import Table

from .. import operations, registry
from ..errors import LabError
from ..registry import Loaded, Status
from ..worker import SLOT_NS, Timed, mirrored
from ..workload import Workload, cut, parse_size, read_recording
from .probe import Definition, Job, Row

PAIRED, IN_TURN = "paired", "one after the other"
"""How slots were taken: all arms in every block, or all slots of an arm before those of the next."""

MOST_CHUNKS = 64
"""Chunks of the longest turn."""

COLUMNS = pa.schema(
    [
        ("group", pa.int16()),
        ("worker", pa.int16()),
        ("set", pa.int16()),
        ("arm", pa.string()),
        ("operation", pa.string()),
        ("way", pa.string()),
        ("pair", pa.int16()),
        ("second", pa.bool_()),
        ("injected", pa.float32()),
        ("block", pa.int16()),
        ("position", pa.int16()),
        ("turns", pa.int32()),
        ("wall_ns", pa.int32()),
    ]
)


def jobs(definition: Definition, rows: Sequence[Loaded], profile: str) -> list[Job]:
    """A job for every worker of every group; LabError if an injected share is no whole number of turns."""
    data = definition.data
    plan = data["profiles"][profile]
    extra = {}
    for share in data["injected"]:
        if abs(share * data["turns"] - round(share * data["turns"])) > 1e-9:
            raise LabError(f"{share:g} of {data['turns']} turns is no whole number of turns")
        extra[str(share)] = round(share * data["turns"])
    kinds = list(product((row.name for row in rows), data["operations"]))
    common = {key: data[key] for key in ("size", "turns", "null_pairs")} | {"blocks": plan["blocks"], "extra": extra}
    made = []
    for group, worker in product(range(plan["groups"]), range(plan["workers"])):
        first = group * plan["sets"]
        sets = [[number, *kinds[number % len(kinds)]] for number in range(first, first + plan["sets"])] if kinds else []
        seed = f"{data['seed']}-{group}-{worker}"
        made.append({"group": group, "worker": worker, "sets": sets, "seed": seed, **common})
    return made


def perform(job: Job, say: Callable[[str], None]) -> list[Row]:
    """Time all sets of a worker, in an order of its own; LabError if an arm makes of its chunks what it should not."""
    gc.disable()
    whole = cut(read_recording(Path(job["input"])), parse_size(job["size"]))
    if len(whole.texts) < MOST_CHUNKS:
        raise LabError(f"the recording has {len(whole.texts)} chunks of {job['size']}, and {MOST_CHUNKS} are needed")
    draw = random.Random(job["seed"])
    loaded = {row.name: row for row in registry.load_all(dict.fromkeys(name for _, name, _ in job["sets"]))}
    for row in loaded.values():
        if row.status is not Status.READY:
            raise LabError(f"{row.name}: {row.status}: {row.reason}")
    rows: list[Row] = []
    order = list(job["sets"])
    draw.shuffle(order)
    for number, name, operation in order:
        say(f"{name} {operation}")
        arms = _bind(loaded[name], operation, whole, job)
        about = {"group": job["group"], "worker": job["worker"], "set": number, "arm": name, "operation": operation}
        nulls = [arm for arm in arms if not _place(arm)[2]]
        timings: list[tuple[str, Callable[[], list[Row]]]] = [
            (PAIRED, lambda arms=arms: _in_blocks(arms, job["blocks"], draw)),  # type: ignore[misc]
            (IN_TURN, lambda arms=nulls: _in_turn(arms, 2 * job["blocks"], draw)),  # type: ignore[misc]
        ]
        # Either way may come first: what the other leaves behind must not favour one.
        draw.shuffle(timings)
        for way, timing in timings:
            gc.collect()
            rows += [about | {"way": way} | row for row in timing()]
        for arm in arms:
            if wrong := arm.bound.fault():
                raise LabError(f"{name} {operation}: {wrong} after timing")
    return rows


def table(rows: Any) -> Table:
    """What the self-test found: how often a difference was seen, and how often the interval held the truth."""
    # Not at the top: what is timed needs no statistics.
    from .selftest_summary import comparisons, rates, table_of

    return table_of(rates(comparisons(rows)))


def _bind(row: Loaded, operation: str, whole: Workload, job: Job) -> list[Timed]:
    """All arms of a set, over the same chunks: pairs of identical ones, and one for each injected share."""
    places = [(pair, second, "0") for pair, second in product(range(job["null_pairs"]), (False, True))]
    places += [(0, True, share) for share in job["extra"]]
    does = operations.operation_of(row.name, operation)
    trial = operations.bind(does, row, _pool(whole, MOST_CHUNKS))
    chunk_ns = min(trial.slot(1)[0] for _ in range(5)) / MOST_CHUNKS
    pool = _pool(whole, min(MOST_CHUNKS, max(1, int(SLOT_NS / job["turns"] / chunk_ns))))
    arms = []
    for pair, second, share in places:
        bound = operations.bind(does, row, pool)
        if wrong := bound.fault():
            raise LabError(f"{row.name} {operation}: {wrong} before timing")
        made = Timed(f"{pair} {int(second)} {share}", bound, job["turns"] + job["extra"].get(share, 0))
        # The first slot is for the interpreter, which specialises the loop.
        bound.slot(made.turns)
        arms.append(made)
    return arms


def _pool(whole: Workload, count: int) -> Workload:
    """So many chunks, evenly over the recording."""
    step = len(whole.texts) // count
    chosen = slice(0, step * count, step)
    return Workload(whole.format, whole.texts[chosen], whole.pcm[chosen])


def _place(arm: Timed) -> tuple[int, bool, float]:
    """Pair, whether it is the second of it, and what was injected."""
    pair, second, share = arm.name.split()
    return int(pair), second == "1", float(share)


def _row(arm: Timed, block: int, position: int, wall_ns: int) -> Row:
    pair, second, share = _place(arm)
    place = {"pair": pair, "second": second, "injected": share}
    booked = round(arm.turns / (1 + share))
    return place | {"block": block, "position": position, "turns": booked, "wall_ns": wall_ns}


def _in_blocks(arms: list[Timed], blocks: int, draw: random.Random) -> list[Row]:
    return [
        _row(arm, block, position, wall)
        for block in range(blocks)
        for position, (arm, wall, _) in enumerate(mirrored(arms, draw))
    ]


def _in_turn(arms: list[Timed], slots: int, draw: random.Random) -> list[Row]:
    order = list(arms)
    draw.shuffle(order)
    return [
        _row(arm, number, position, arm.bound.slot(arm.turns)[0])
        for position, arm in enumerate(order)
        for number in range(slots)
    ]
