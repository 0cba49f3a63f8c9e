"""What is timed: the loops over a pool of chunks, compiled anew for every arm.

The interpreter specialises a loop's bytecode on the callables it meets. Were one loop shared by all arms, each would
run with the caches that the one before it left behind; so every arm gets a code object of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import repeat
from time import perf_counter_ns, thread_time_ns
from typing import Any

from .errors import LabError
from .registry import PCM, Loaded
from .workload import Workload

Slot = Callable[[int], "tuple[int, int]"]
"""Runs a number of turns over the pool; the wall and the thread CPU time of all of them, in nanoseconds."""

_Timed = tuple[Slot, Callable[[], bytes]]
"""A loop, and a function that runs one turn and returns the bytes that it made."""

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


class Needs(Enum):
    """What of an arm an operation calls; the value is the name of the attribute."""

    DECODE = "decode"
    BUFFER = "AudioBuffer"
    PROCESSOR = "AudioProcessor"
    LADDER = "ladder"


@dataclass(frozen=True)
class Operation:
    """How one operation is timed on an arm.

    The bodies are source for one turn over `pool`. `before` and `after` are called once a turn, `call` once a chunk
    (or once a turn for a batch).
    """

    name: str
    meaning: str
    body: str
    needs: Needs


_EACH = "        for chunk in pool:\n            call(chunk)"

OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("decode", "a chunk to a new bytes object", _EACH, Needs.DECODE),
        Operation("append", "a chunk into the call's buffer", f"{_EACH}\n        after()", Needs.BUFFER),
        Operation(
            "extend",
            "a batch, the whole pool, into the call's buffer",
            "        call(pool)\n        after()",
            Needs.BUFFER,
        ),
        Operation(
            "process",
            "a chunk into the buffer of a call, found by its id",
            f"        for chunk in pool:\n            call({CALL_ID!r}, chunk)\n        after()",
            Needs.PROCESSOR,
        ),
        Operation("noop", "a call that does nothing with its chunk", _EACH, Needs.LADDER),
        Operation("accept", "a call that takes the pointer and the length of its chunk", _EACH, Needs.LADDER),
        Operation("allocate", "a new bytes object of the decoded size, not filled", _EACH, Needs.LADDER),
        Operation("copy", "the same, filled with as many bytes of the text", _EACH, Needs.LADDER),
    )
}
"""Operations by name."""

# A bare decoder has no buffer. It gets what one would write around it: a new bytearray for every turn.
_BARE_BODY = """        add = before().extend
        for chunk in pool:
            add(call(chunk))"""


_AT = "@"


def spell(name: str, operation: str) -> str:
    """An arm with an operation of its own as it is written everywhere: NAME@OPERATION."""
    return f"{name}{_AT}{operation}"


def name_of(arm: str) -> str:
    """The name by which the registry knows an arm, without the operation that may be written behind it."""
    return arm.partition(_AT)[0]


def operation_of(arm: str, cell: str) -> Operation:
    """The operation that an arm does in a cell: its own, or else the one that the cell names; LabError if unknown."""
    _, own, operation = arm.partition(_AT)
    name = operation if own else cell
    if name not in OPERATIONS:
        raise LabError(f"unknown operation '{name}' of the arm '{arm}'; there are: {', '.join(OPERATIONS)}")
    return OPERATIONS[name]


@dataclass(frozen=True)
class Bound:
    """An operation bound to an arm: the loop to time, and a check that runs one turn.

    The check says what is wrong with what the turn made; empty if nothing is.
    """

    slot: Slot
    fault: Callable[[], str]


def bind(operation: Operation, row: Loaded, workload: Workload) -> Bound:
    """Bind an operation to an arm that was loaded, with a loop, and a buffer, of its own.

    A reference without an AudioBuffer appends to a bytearray, and one that takes PCM gets it instead of text.
    """
    pool: Sequence[Any] = workload.pcm if row.takes == PCM else workload.texts
    if operation.needs is Needs.LADDER:
        return _bind_ladder(operation, row.subject.ladder, workload)
    if operation.needs is Needs.PROCESSOR:
        slot, output = _process(operation, row.subject.AudioProcessor(), pool)
    elif operation.needs is Needs.BUFFER and hasattr(row.subject, "AudioBuffer"):
        slot, output = _buffer(operation, row.subject.AudioBuffer(), pool)
    else:
        slot, output = _decoder(operation, row.subject.decode, pool)
    wanted = expected_digest(workload)
    return Bound(slot, lambda: "" if digest(output()) == wanted else "its output differs")


def _decoder(operation: Operation, decode: Callable[[Any], bytes], pool: Sequence[Any]) -> _Timed:
    if operation.needs is Needs.DECODE:
        return _compile(operation.body, pool, call=decode), lambda: b"".join(map(decode, pool))

    def output() -> bytes:
        made = bytearray()
        for chunk in pool:
            made.extend(decode(chunk))
        return bytes(made)

    return _compile(_BARE_BODY, pool, before=bytearray, call=decode), output


def _buffer(operation: Operation, buffer: Any, pool: Sequence[Any]) -> _Timed:
    call = getattr(buffer, operation.name)

    def output() -> bytes:
        buffer.clear()
        if operation.name == "extend":
            call(pool)
        else:
            for chunk in pool:
                call(chunk)
        return bytes(buffer.take())

    return _compile(operation.body, pool, call=call, after=buffer.clear), output


def _process(operation: Operation, processor: Any, pool: Sequence[Any]) -> _Timed:
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

    return _compile(operation.body, pool, call=processor.append, after=empty), output


def _bind_ladder(operation: Operation, ladder: Any, workload: Workload) -> Bound:
    call = getattr(ladder, operation.name)

    def fault() -> str:
        for text, pcm in zip(workload.texts, workload.pcm, strict=True):
            made, size = call(text), len(pcm)
            if operation.name in ("noop", "accept"):
                wrong, wanted = made is not None, "None"
            elif operation.name == "allocate":
                wrong, wanted = type(made) is not bytes or len(made) != size, f"{size} bytes"
            else:
                wrong, wanted = made != text[:size].encode("ascii"), f"the first {size} bytes of the text"
            if wrong:
                return f"its {operation.name} returns something else than {wanted}"
        # That it looked at its argument at all shows in what it refuses; only noop may take anything.
        if operation.name != "noop" and not _refuses(call):
            return f"its {operation.name} takes a chunk that is none"
        return ""

    return Bound(_compile(operation.body, workload.texts, call=call), fault)


def _refuses(call: Callable[[Any], object]) -> bool:
    try:
        call(None)
    except TypeError:
        return True
    return False


def bind_empty(workload: Workload) -> Bound:
    """The empty-call arm: the loop of `decode` around a C function that does next to nothing with its argument."""
    return Bound(_compile(_EACH, workload.texts, call=callable), lambda: "")


def lacks(operation: Operation, row: Loaded) -> str:
    """Why an arm that was loaded cannot take part in an operation; empty if it can.

    A reference is never held to a contract: without an AudioBuffer it gets a bytearray. Nothing stands in for an
    AudioProcessor or a ladder.
    """
    needed = operation.needs.value
    if row.kind == "implementation" and row.contract == "decode" and operation.needs in (Needs.BUFFER, Needs.PROCESSOR):
        return f"it offers decode only, and {operation.name} needs an {needed}"
    if operation.needs in (Needs.PROCESSOR, Needs.LADDER) and not hasattr(row.subject, needed):
        return f"it has no {needed}, which {operation.name} needs"
    if operation.needs is Needs.LADDER and not hasattr(row.subject.ladder, operation.name):
        return f"its ladder has no {operation.name}"
    return ""


def digest(data: bytes) -> str:
    """SHA-256 of an output."""
    return hashlib.sha256(data).hexdigest()


def expected_digest(workload: Workload) -> str:
    """Digest of what every arm has to make of one turn over the workload."""
    return digest(b"".join(workload.pcm))


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
