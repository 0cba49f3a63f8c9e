"""Messages of the three formats, and what can be seen of an ingest, in a form that compares."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from .texts import encode, pattern

ATTRIBUTES = ("kind", "call_id", "sequence", "bytes", "encoding", "rate", "audio", "name")
PCM = pattern(48)
PAYLOAD = encode(PCM)

CALLBOT_START: dict[str, Any] = {"event": "start", "call_id": "c1", "media": {"encoding": "pcm16", "rate": 16000}}
CALLBOT_MEDIA: dict[str, Any] = {
    "event": "media",
    "call_id": "c1",
    "seq": 7,
    "media": {"encoding": "pcm16", "rate": 16000, "payload": PAYLOAD},
}
CALLBOT_STOP: dict[str, Any] = {"event": "stop", "call_id": "c1", "seq": 8}
TWILIO_START: dict[str, Any] = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "accountSid": "AC1",
        "streamSid": "c1",
        "callSid": "CA1",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {},
    },
    "streamSid": "c1",
}
TWILIO_MEDIA: dict[str, Any] = {
    "event": "media",
    "sequenceNumber": "7",
    "media": {"track": "inbound", "chunk": "2", "timestamp": "5", "payload": PAYLOAD},
    "streamSid": "c1",
}
TWILIO_STOP: dict[str, Any] = {
    "event": "stop",
    "sequenceNumber": "8",
    "streamSid": "c1",
    "stop": {"accountSid": "AC1", "callSid": "CA1"},
}
OPENAI_APPEND: dict[str, Any] = {"type": "input_audio_buffer.append", "audio": PAYLOAD}

STARTS = {"callbot": CALLBOT_START, "twilio": TWILIO_START}
MEDIA = {"callbot": CALLBOT_MEDIA, "twilio": TWILIO_MEDIA, "openai": OPENAI_APPEND}
STOPS = {"callbot": CALLBOT_STOP, "twilio": TWILIO_STOP}
FORMATS = tuple(MEDIA)
SERVICES = tuple(STARTS)
"""Formats whose calls begin and end with a message."""

ID_OF = {"callbot": "call_id", "twilio": "streamSid"}
PAYLOAD_OF = {"callbot": ("media", "payload"), "twilio": ("media", "payload"), "openai": ("audio",)}


def changed(message: dict[str, Any], *path: str, to: Any) -> dict[str, Any]:
    """A message with a member set to something else."""
    first, *rest = path
    return message | {first: changed(message[first], *rest, to=to) if rest else to}


def without(message: dict[str, Any], *path: str) -> dict[str, Any]:
    """A message that lacks a member."""
    first, *rest = path
    if rest:
        return message | {first: without(message[first], *rest)}
    return {name: value for name, value in message.items() if name != first}


def media(form: str, payload: str, **members: Any) -> dict[str, Any]:
    """A message with audio."""
    return changed(MEDIA[form], *PAYLOAD_OF[form], to=payload) | members


def opened(implementation: Any, form: str, **options: int) -> tuple[Any, Any]:
    """A processor with a call `c1` that a message has opened, if the format has one for that, and its buffer."""
    processor = implementation.AudioProcessor(**{"capacity": 64} | options)
    if form in STARTS:
        processor.ingest(json.dumps(STARTS[form]), format=form)
    else:
        processor.open("c1")
    return processor, processor["c1"]


def send(processor: Any, form: str, message: Any, **options: Any) -> Any:
    """Give a message to a processor, on a connection whose call is `c1` where the format needs one."""
    text = json.dumps(message) if isinstance(message, dict) else message
    if form == "openai":
        options = {"call_id": "c1"} | options
    return processor.ingest(text, format=form, **options)


def shown(result: Any) -> tuple[Any, ...]:
    """All attributes of a result, with the types that they have to have."""
    return tuple((type(value).__name__, value) for value in (getattr(result, name) for name in ATTRIBUTES))


def told(**attributes: Any) -> tuple[Any, ...]:
    """What `shown` gives for these attributes."""
    whole = dict.fromkeys(ATTRIBUTES) | {"bytes": 0} | attributes
    return tuple((type(value).__name__, value) for value in whole.values())


KINDS = (BufferError, TypeError, KeyError, OverflowError, MemoryError, ValueError)
_REFUSED = re.compile(r"invalid (JSON|message|base64) at position (\d+)(: .+)?", re.DOTALL)


def outcome(call: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, ...]:
    """What an ingest did: the attributes of the result, or the kind of error and where it is said to be."""
    try:
        return shown(call(*arguments, **options))
    except KINDS as error:
        kind = next(kind.__name__ for kind in KINDS if isinstance(error, kind))
        position = getattr(error, "position", None)
        if position is None:
            return (kind,)
        said = _REFUSED.fullmatch(str(error))
        if said is None or int(said[2]) != position or (said[3] is None) == (said[1] == "message"):
            return (kind, position, f"an error that says: {error}")
        return (kind, said[1], position)


def refused(what: str, position: int) -> tuple[Any, ...]:
    """What `outcome` gives for a text that is refused."""
    return ("ValueError", what, position)


FILLERS = ("", "\u00e9", "\u20ac", "\U0001f3a7", "\ud800", "\u00ff\u20ac\U0001f3a7")
"""Characters that decide how a str lies in memory."""


def placed(text: str) -> Iterator[tuple[str | bytes, int]]:
    """An object as a text whose caret marks a place, as str of each width and as bytes, with that place."""
    assert text[0] == "{"
    for filler in FILLERS:
        wide = f'{{"{filler}":0,{text[1:]}'
        before, _, behind = wide.partition("^")
        yield before + behind, len(before)
        if filler != "\ud800":
            yield (before + behind).encode(), len(before.encode())
