"""Binds operations on messages: what a service sends, from its text or its frame to audio in the call's buffer.

Names in the bodies of these operations: `parse` makes an object of a message's text, `receive` and `events` are a
WebSocket protocol in Python, `room` and `updated` one in native code, which calls the arm by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .caller.frames import Mask
from .caller.messages import wire_of
from .framing import native_framing, python_framing
from .loops import Bound, Slot, compile_function, compile_loop, digest, emptying, expected_digest
from .operations import Needs, Operation, Pool
from .registry import Loaded
from .workload import Workload

RUN = "0123456789ab" * 2
"""Where the id of the call comes from, which has the length and the letters of a real one."""

KEY = bytes.fromhex("37fa213d")
"""Key of the frames' masks: that of the examples in RFC 6455."""

PAYLOADS = {"callbot": ("media", "payload"), "twilio": ("media", "payload"), "openai": ("audio",)}
"""Where a message has its payload, from the outermost member inwards, by wire format."""

_ON_FRAME = """
def on_frame(listener, transport, frame, call=call):
    call(frame.get_payload_as_memoryview(), format={format!r}, call_id={call_id!r})
"""


@dataclass(frozen=True)
class Traffic:
    """The messages of one call, a slot for every chunk of a workload, as texts and in frames."""

    wire: str
    call_id: str
    texts: tuple[str, ...]
    frames: tuple[bytes, ...]


@lru_cache(maxsize=16)
def traffic_of(workload: Workload) -> Traffic:
    """The messages of a workload; every arm gets the very same objects. LabError if no wire format sends its chunks."""
    form, wire = workload.format, wire_of(workload.format)
    call_id = wire.call_id(RUN, 1)
    before, after = wire.before(call_id), wire.after(call_id, form)
    chunks = enumerate(workload.texts)
    texts = tuple(f"{before}{wire.counted(slot, form)}{chunk}{after}" for slot, chunk in chunks)
    mask = Mask(KEY)
    return Traffic(wire.name, call_id, texts, tuple(mask.frame(text) for text in texts))


def bind_messages(operation: Operation, row: Loaded, workload: Workload) -> Bound:
    """Bind an operation on messages to an arm that was loaded, with a loop, a buffer and a connection of its own.

    A reference may bring the parser of its messages; any other arm gets the standard library's.
    """
    traffic, subject = traffic_of(workload), row.subject
    framed = operation.pool is not Pool.MESSAGES
    own: dict[str, Callable[[Any], Any]] | None = getattr(subject, "parsers", None)
    parse = own[traffic.wire] if own else json.loads
    body = operation.body.format(
        # The standard library's parser finds out how bytes are encoded, which costs more than to decode them.
        decoded=".decode()" if framed and not own else "",
        payload=_member(parse(traffic.texts[0]), PAYLOADS[traffic.wire]),
        format=traffic.wire,
        call_id=traffic.call_id,
    )

    def loop(call: Callable[..., Any], **values: Any) -> Slot:
        if operation.pool is Pool.FRAMES:
            values["receive"], values["events"] = python_framing()
        if operation.pool is Pool.NATIVE_FRAMES:
            on_frame = _ON_FRAME.format(format=traffic.wire, call_id=traffic.call_id)
            values["room"], values["updated"] = native_framing(compile_function(on_frame, {"call": call}))
        return compile_loop(body, traffic.frames if framed else traffic.texts, call=call, parse=parse, **values)

    if operation.needs is Needs.DECODE:
        slot, output = _decoder(subject.decode, loop)
    else:
        slot, output = _processor(subject.AudioProcessor(), operation.needs, traffic.call_id, loop)
    wanted = expected_digest(workload)
    return Bound(slot, lambda: "" if digest(output()) == wanted else "its output differs")


def _decoder(decode: Callable[[Any], bytes], loop: Callable[..., Slot]) -> tuple[Slot, Callable[[], bytes]]:
    held = bytearray()
    checked = loop(decode, before=lambda: held)

    def output() -> bytes:
        held.clear()
        checked(1)
        return bytes(held)

    return loop(decode, before=bytearray), output


def _processor(
    processor: Any, needs: Needs, call_id: str, loop: Callable[..., Slot]
) -> tuple[Slot, Callable[[], bytes]]:
    processor.open(call_id)
    call = processor.ingest if needs is Needs.INGEST else processor.append
    empty = emptying(processor, call_id)
    checked = loop(call, after=lambda: None)

    def output() -> bytes:
        empty()
        checked(1)
        pcm = bytes(processor.close(call_id))
        processor.open(call_id)
        return pcm

    return loop(call, after=empty), output


def _member(parsed: object, names: Iterable[str]) -> str:
    """Source that reads a member of what a parser made: by item of a dict, by attribute of anything else."""
    return "".join(f"[{name!r}]" if isinstance(parsed, dict) else f".{name}" for name in names)
