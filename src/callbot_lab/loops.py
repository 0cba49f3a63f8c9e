"""The loops that are timed, compiled anew for every arm.

The interpreter specialises a loop's bytecode on the callables it meets. Were one loop shared by all arms, each would
run with the caches that the one before it left behind; so every arm gets a code object of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from time import perf_counter_ns, thread_time_ns
from typing import Any

from .workload import Workload

Slot = Callable[[int], "tuple[int, int]"]
"""Runs a number of turns over the pool; the wall and the thread CPU time of all of them, in nanoseconds."""

_SLOT = """
def slot(turns, {parameters}):
    cpu = thread_time_ns()
    wall = perf_counter_ns()
    for _ in repeat(None, turns):
{body}
    wall = perf_counter_ns() - wall
    return wall, thread_time_ns() - cpu
"""


@dataclass(frozen=True)
class Bound:
    """An operation bound to an arm: the loop to time, and a check that runs one turn.

    The check says what is wrong with what the turn made; empty if nothing is.
    """

    slot: Slot
    fault: Callable[[], str]


def compile_loop(body: str, pool: Sequence[Any], **values: Any) -> Slot:
    """A slot of code of its own; `body` is source for one turn, which finds `pool` and the values by their names."""
    names = {
        "pool": pool,
        **values,
        "thread_time_ns": thread_time_ns,
        "perf_counter_ns": perf_counter_ns,
        "repeat": repeat,
    }
    # As defaults of parameters they are local variables, which cost less to read than globals.
    slot: Slot = compile_function(_SLOT.format(parameters=", ".join(f"{n}={n}" for n in names), body=body), names)
    return slot


def compile_function(source: str, names: dict[str, Any]) -> Any:
    """The one function that the source defines, with code of its own; `names` are its globals."""
    made: dict[str, Any] = {}
    exec(compile(source, "<loop>", "exec"), names, made)
    (function,) = made.values()
    return function


def emptying(processor: Any, call_id: str) -> Callable[[], None]:
    """A function that empties the buffer of a call."""

    def empty() -> None:
        # The designs of the seed report keep their buffers to themselves, and empty one by the call's id.
        if hasattr(processor, "clear"):
            processor.clear(call_id)
        else:
            processor[call_id].clear()

    return empty


def digest(data: bytes) -> str:
    """SHA-256 of an output."""
    return hashlib.sha256(data).hexdigest()


def expected_digest(workload: Workload) -> str:
    """Digest of what every arm has to make of one turn over the workload."""
    return digest(b"".join(workload.pcm))
