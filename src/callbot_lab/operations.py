"""What is timed: operations on a pool of chunks, bound to an arm each with a loop of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .errors import LabError
from .loops import Bound, Slot, compile_loop, digest, emptying, expected_digest
from .registry import PCM, Loaded
from .workload import Workload

_Timed = tuple[Slot, Callable[[], bytes]]
"""A loop, and a function that runs one turn and returns the bytes that it made."""

CALL_ID = "call-1"


class Needs(Enum):
    """What of an arm an operation calls; the value is its name."""

    DECODE = "decode"
    BUFFER = "AudioBuffer"
    PROCESSOR = "AudioProcessor"
    INGEST = "AudioProcessor.ingest"
    LADDER = "ladder"


class Pool(Enum):
    """What an operation goes through in a turn: the chunks, or the messages in which a service sends them."""

    CHUNKS = "base64 text, or PCM"
    MESSAGES = "messages, as text"
    FRAMES = "masked WebSocket frames, taken apart in Python"
    NATIVE_FRAMES = "the same, taken apart in native code"


BOUNDARIES = ("decode", "buffer", "JSON", "frame")
"""Where an arm's own code may begin, from Python outwards, by the last thing that lies inside it."""


@dataclass(frozen=True)
class Operation:
    """How one operation is timed on an arm.

    The bodies are source for one turn over `pool`. `before` and `after` are called once a turn, `call` once a chunk
    (or once a turn for a batch). What the other names in the body of an operation on messages are, message_loops says.
    """

    name: str
    meaning: str
    body: str
    needs: Needs
    pool: Pool = Pool.CHUNKS
    boundary: str = ""
    """Of an operation on messages: which of BOUNDARIES the arm's code begins at."""


_EACH = "        for chunk in pool:\n            call(chunk)"

_PAYLOAD = "parse(message{decoded}){payload}"
_DECODES = f"add(call({_PAYLOAD}))"
_APPENDS = f"call({{call_id!r}}, {_PAYLOAD})"
_INGESTS = "call(message, format={format!r}, call_id={call_id!r})"


def _on_text(does: str) -> str:
    return f"        for message in pool:\n            {does}"


def _on_frames(does: str) -> str:
    return f"""        for frame in pool:
            receive(frame)
            for event in events():
                message = event.data
                {does}"""


def _decoding(turn: str) -> str:
    return f"        add = before().extend\n{turn}"


def _storing(turn: str) -> str:
    return f"{turn}\n        after()"


# Here the frames' own code calls the arm, and the loop only hands over what has come in, as an event loop does.
_FEEDS = """        for frame in pool:
            size = len(frame)
            room(-1)[:size] = frame
            updated(size)"""

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
        Operation(
            "parse-decode",
            "a message parsed, its payload decoded, and a bytearray extended",
            _decoding(_on_text(_DECODES)),
            Needs.DECODE,
            Pool.MESSAGES,
            "decode",
        ),
        Operation(
            "parse-append",
            "a message parsed, and its payload into the buffer of a call, found by its id",
            _storing(_on_text(_APPENDS)),
            Needs.PROCESSOR,
            Pool.MESSAGES,
            "buffer",
        ),
        Operation(
            "ingest",
            "a message to the buffer of its call, in one call",
            _storing(_on_text(_INGESTS)),
            Needs.INGEST,
            Pool.MESSAGES,
            "JSON",
        ),
        Operation(
            "frame-decode",
            "the message out of its frame in Python, then as parse-decode",
            _decoding(_on_frames(_DECODES)),
            Needs.DECODE,
            Pool.FRAMES,
            "decode",
        ),
        Operation(
            "frame-append",
            "the message out of its frame in Python, then as parse-append",
            _storing(_on_frames(_APPENDS)),
            Needs.PROCESSOR,
            Pool.FRAMES,
            "buffer",
        ),
        Operation(
            "frame-ingest",
            "the message out of its frame in Python, then as ingest",
            _storing(_on_frames(_INGESTS)),
            Needs.INGEST,
            Pool.FRAMES,
            "JSON",
        ),
        Operation(
            "native-frame-ingest",
            "the message out of its frame in native code, then as ingest",
            _storing(_FEEDS),
            Needs.INGEST,
            Pool.NATIVE_FRAMES,
            "frame",
        ),
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


def bind(operation: Operation, row: Loaded, workload: Workload) -> Bound:
    """Bind an operation to an arm that was loaded, with a loop, and a buffer, of its own.

    A reference without an AudioBuffer appends to a bytearray, and one that takes PCM gets it instead of text.
    """
    if operation.pool is not Pool.CHUNKS:
        # Not at the top: a worker that times chunks should be as bare as can be.
        from .message_loops import bind_messages

        return bind_messages(operation, row, workload)
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
        return compile_loop(operation.body, pool, call=decode), lambda: b"".join(map(decode, pool))

    def output() -> bytes:
        made = bytearray()
        for chunk in pool:
            made.extend(decode(chunk))
        return bytes(made)

    return compile_loop(_BARE_BODY, pool, before=bytearray, call=decode), output


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

    return compile_loop(operation.body, pool, call=call, after=buffer.clear), output


def _process(operation: Operation, processor: Any, pool: Sequence[Any]) -> _Timed:
    processor.open(CALL_ID)

    empty = emptying(processor, CALL_ID)

    def output() -> bytes:
        empty()
        for chunk in pool:
            processor.append(CALL_ID, chunk)
        pcm = bytes(processor.close(CALL_ID))
        processor.open(CALL_ID)
        return pcm

    return compile_loop(operation.body, pool, call=processor.append, after=empty), output


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

    return Bound(compile_loop(operation.body, workload.texts, call=call), fault)


def _refuses(call: Callable[[Any], object]) -> bool:
    try:
        call(None)
    except TypeError:
        return True
    return False


def bind_empty(workload: Workload) -> Bound:
    """The empty-call arm: the loop of `decode` around a C function that does next to nothing with its argument."""
    return Bound(compile_loop(_EACH, workload.texts, call=callable), lambda: "")


def lacks(operation: Operation, row: Loaded) -> str:
    """Why an arm that was loaded cannot take part in an operation; empty if it can.

    A reference is never held to a contract: without an AudioBuffer it gets a bytearray. Nothing stands in for an
    AudioProcessor, its ingest, or a ladder.
    """
    needed, needs = operation.needs.value, operation.needs
    beyond_decode = needs in (Needs.BUFFER, Needs.PROCESSOR, Needs.INGEST)
    if row.kind == "implementation" and row.contract == "decode" and beyond_decode:
        return f"it offers decode only, and {operation.name} needs an {needed}"
    if operation.pool is not Pool.CHUNKS and row.takes == PCM:
        return f"it takes PCM, and {operation.name} has messages with text"
    if needs in (Needs.PROCESSOR, Needs.LADDER) and not hasattr(row.subject, needed):
        return f"it has no {needed}, which {operation.name} needs"
    if needs is Needs.INGEST and not _ingests(row.subject):
        return f"it has no {needed}, which {operation.name} needs"
    if needs is Needs.LADDER and not hasattr(row.subject.ladder, operation.name):
        return f"its ladder has no {operation.name}"
    return ""


def _ingests(subject: Any) -> bool:
    # Asked of an object: an AudioProcessor may be a function that makes one.
    return hasattr(subject, Needs.PROCESSOR.value) and hasattr(subject.AudioProcessor(), "ingest")
