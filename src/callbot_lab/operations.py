"""What is timed: the loops over a pool of chunks, compiled anew for every arm.

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

CALL_ID = "call-1"

_SLOT = """
def slot(turns, pool=pool, before=before, call=call, after=after, thread_time_ns=thread_time_ns,
         perf_counter_ns=perf_counter_ns, repeat=repeat):
    cpu = thread_time_ns()
    wall = perf_counter_ns()
    for _ in repeat(None, turns):
{body}
    wall = perf_counter_ns() - wall
    return wall, thread_time_ns() - cpu
"""


@dataclass(frozen=True)
class Operation:
    """How one operation is timed on an arm, and what it leaves behind to be checked.

    The bodies are source for one turn over `pool`. `before` and `after` are called once a turn, `call` once a chunk
    (or once a turn for a batch).
    """

    name: str
    meaning: str
    body: str
    needs_buffer: bool = True


_EACH = "        for chunk in pool:\n            call(chunk)"

OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("decode", "a chunk to a new bytes object", _EACH, needs_buffer=False),
        Operation("append", "a chunk into the call's buffer", f"{_EACH}\n        after()"),
        Operation("extend", "a batch, the whole pool, into the call's buffer", "        call(pool)\n        after()"),
        Operation(
            "process",
            "a chunk into the buffer of a call, found by its id",
            f"        for chunk in pool:\n            call({CALL_ID!r}, chunk)\n        after()",
        ),
    )
}
"""Operations by name."""

# A bare decoder has no buffer. It gets what one would write around it: a new bytearray for every turn.
_BARE_BODY = """        add = before().extend
        for chunk in pool:
            add(call(chunk))"""


@dataclass(frozen=True)
class Bound:
    """An operation bound to an arm: the loop to time, and a run of one turn that returns the bytes it made."""

    slot: Slot
    output: Callable[[], bytes]


def bind(operation: Operation, subject: Any, workload: Workload) -> Bound:
    """Bind an operation to an arm that was loaded, with a loop, and a buffer, of its own.

    An arm without an AudioBuffer appends to a bytearray.
    """
    pool = workload.texts
    if not operation.needs_buffer or not hasattr(subject, "AudioBuffer"):
        decode = subject.decode
        if not operation.needs_buffer:
            return Bound(_compile(operation.body, pool, call=decode), lambda: b"".join(map(decode, pool)))
        return Bound(_compile(_BARE_BODY, pool, before=bytearray, call=decode), lambda: _bare_turn(decode, pool))
    if operation.name == "process":
        return _bind_process(operation, subject.AudioProcessor(), pool)
    buffer = subject.AudioBuffer()
    call = getattr(buffer, operation.name)

    def output() -> bytes:
        buffer.clear()
        if operation.name == "extend":
            call(pool)
        else:
            for chunk in pool:
                call(chunk)
        return bytes(buffer.take())

    return Bound(_compile(operation.body, pool, call=call, after=buffer.clear), output)


def _bind_process(operation: Operation, processor: Any, pool: Sequence[str]) -> Bound:
    processor.open(CALL_ID)

    def empty() -> None:
        # The designs of the seed report keep their buffers to themselves, and empty one by the call's id.
        if hasattr(processor, "clear"):
            processor.clear(CALL_ID)
        else:
            processor[CALL_ID].clear()

    def output() -> bytes:
        empty()
        for chunk in pool:
            processor.append(CALL_ID, chunk)
        pcm = bytes(processor.close(CALL_ID))
        processor.open(CALL_ID)
        return pcm

    return Bound(_compile(operation.body, pool, call=processor.append, after=empty), output)


def bind_empty(workload: Workload) -> Bound:
    """The empty-call arm: the loop of `decode` around a C function that does next to nothing with its argument."""
    return Bound(_compile(_EACH, workload.texts, call=callable), lambda: b"")


def lacks(operation: Operation, kind: str, contract: str) -> str:
    """Why an arm cannot take part in an operation; empty if it can.

    A reference is never held to a contract: it gets a bytearray for a buffer.
    """
    if kind == "implementation" and contract == "decode" and operation.needs_buffer:
        return f"it offers decode only, and {operation.name} needs an AudioBuffer"
    return ""


def digest(data: bytes) -> str:
    """SHA-256 of an output."""
    return hashlib.sha256(data).hexdigest()


def expected_digest(workload: Workload) -> str:
    """Digest of what every arm has to make of one turn over the workload."""
    return digest(b"".join(workload.pcm))


def _bare_turn(decode: Callable[[str], bytes], pool: Sequence[str]) -> bytes:
    made = bytearray()
    for chunk in pool:
        made.extend(decode(chunk))
    return bytes(made)


def _compile(body: str, pool: Sequence[str], *, call: Any, before: Any = None, after: Any = None) -> Slot:
    names = {
        "pool": pool,
        "before": before,
        "call": call,
        "after": after,
        "repeat": repeat,
        "perf_counter_ns": perf_counter_ns,
        "thread_time_ns": thread_time_ns,
    }
    exec(compile(_SLOT.format(body=body), "<slot>", "exec"), names)
    slot: Slot = names["slot"]
    return slot
