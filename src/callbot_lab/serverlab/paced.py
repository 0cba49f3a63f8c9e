"""CPU per message of whole servers, side by side: the slots of one worker of the experiment `server`.

All servers of a cell run at once on one CPU, each with its own calls, and stand still but in their own slots. So what
the machine does to one it does to all, as with the loops (docs/method.md).
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..caller.check import check
from ..caller.messages import wire_of
from ..caller.traffic import Traffic
from ..errors import LabError
from ..registry import Status
from ..server.settings import Stage
from ..worker import NULL
from ..workload import FORMATS, Recording
from .definition import FLOOD, Cell
from .mix import Mix
from .process import ServerProcess

FLOOD_CHUNKS = 8
"""Chunks of every call in a slot of a flood."""

COLUMNS = (
    "worker", "experiment", "cell", "arm", "block", "position", "turns", "chunks", "wall_ns", "cpu_ns", "user_ns",
    "kernel_ns",
)  # fmt: skip
"""Columns of the slots: those of the loops, where a chunk is a message and `cpu_ns` is the server's, and the two parts
of that, which come in ticks of some milliseconds."""


@dataclass(frozen=True)
class Fault:
    """A mix that gets a status in a cell and no number."""

    cell: str
    arm: str
    status: str
    reason: str


@dataclass
class Running:
    """A server of a cell with its calls."""

    name: str
    server: ServerProcess
    traffic: Traffic
    messages: int = 0


@dataclass(frozen=True)
class Place:
    """Where and how a worker runs: its number, the server's CPU, slots of so many seconds, so many blocks."""

    worker: int
    cpu: int | None
    slot_seconds: float
    blocks: int
    fallback: str
    """Implementation that a server is started with which stores nothing."""


def run_cell(
    cell: Cell, baseline: str, arms: list[str], place: Place, recording: Recording, seed: str
) -> tuple[list[tuple[Any, ...]], list[Fault]]:
    """The slots of a cell, and the mixes that failed in it, whose slots are left out.

    A mix fails if it cannot be started, or if what it received or stored is not what was sent.
    """
    rows: list[tuple[Any, ...]] = []
    faults: list[Fault] = []
    draw = random.Random(seed)
    with contextlib.ExitStack() as stack:
        running = []
        for name in (baseline, NULL, *arms):
            try:
                running.append(
                    stack.enter_context(
                        _started(name, Mix.parse(baseline if name == NULL else name), cell, place, recording)
                    )
                )
            except LabError as error:
                faults.append(Fault(cell.name, name, Status.BROKEN, str(error)))
        for one in running:
            # What is done for the first time is not what a message costs.
            _slot(one, cell, place)
        order = list(running)
        for block in range(place.blocks):
            draw.shuffle(order)
            for position, one in enumerate((*order, *reversed(order))):
                found = _slot(one, cell, place)
                rows.append((place.worker, "server", cell.name, one.name, block, position, 1, *found))
        wrong = {one.name: _wrong(one, cell) for one in running}
        faults += [Fault(cell.name, name, Status.WRONG_OUTPUT, reason) for name, reason in wrong.items() if reason]
    failed = {fault.arm for fault in faults}
    return [row for row in rows if row[3] not in failed], faults


@contextlib.contextmanager
def _started(name: str, mix: Mix, cell: Cell, place: Place, recording: Recording) -> Iterator[Running]:
    server = ServerProcess(mix, place.fallback, place.cpu)
    try:
        traffic = Traffic(
            "127.0.0.1",
            server.port,
            FORMATS[cell.format],
            calls=cell.calls,
            recording=recording,
            seed=place.worker,
            answers=mix.stage is not Stage.RECEIVE,
        )
        traffic.connect()
        server.settle()
        server.pause()
        yield Running(name, server, traffic)
    finally:
        server.resume()
        server.close()


def _slot(one: Running, cell: Cell, place: Place) -> tuple[int, int, int, int, int]:
    """Messages, wall time and CPU time of a slot."""
    one.server.resume()
    before, started = one.server.cost(), time.monotonic_ns()
    sent = one.traffic.flood(FLOOD_CHUNKS) if cell.load == FLOOD else one.traffic.play(place.slot_seconds)
    one.server.settle()
    spent = one.server.cost().since(before)
    wall = time.monotonic_ns() - started
    one.server.pause()
    one.messages += sent.messages
    return (sent.messages, wall, spent.cpu, spent.user, spent.kernel)


def _wrong(one: Running, cell: Cell) -> str:
    """What a server did not receive or store as it was sent; empty if all is well."""
    one.server.resume()
    traffic, form = one.traffic, FORMATS[cell.format]
    traffic.finish()
    wire = wire_of(form)
    others = sum(
        len(wire.opening(call.call_id, form)) + len(wire.closing(call.call_id, slots))
        for call, slots in zip(traffic.calls, traffic.taken, strict=True)
    )
    if one.server.mix.stage is Stage.BUFFER:
        checked = check(traffic, one.server.folder)
        if checked.wrong:
            call_id, reason = next(iter(checked.wrong.items()))
            return f"{len(checked.wrong)} of {checked.calls} calls were stored wrong, such as {call_id}: {reason}"
    told = one.server.health()["messages"]
    if told["all"] != one.messages + others or told["refused"]:
        return f"of {one.messages + others:,} messages it counts {told['all']:,} and refused {told['refused']:,}"
    return ""
