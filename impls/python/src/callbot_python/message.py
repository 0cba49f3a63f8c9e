"""The messages of voice services: what docs/contract.md asks of them, checked in its order on a tree of values."""

import builtins
from collections.abc import Callable
from typing import NamedTuple, TypeAlias, TypeGuard, TypeVar

from .buffer import Started
from .json_text import MOST_DIGITS, Refused, Value

MOST_NUMBER = 2**64 - 1
MOST_RATE = 192_000
ENCODINGS = ("pcm16", "mulaw")
TRACKS = ("inbound", "outbound")
APPEND = "input_audio_buffer.append"

Found = TypeVar("Found")


class Ingested(NamedTuple):
    """What a message did; what does not belong to its kind is None."""

    kind: str
    call_id: str | None = None
    sequence: int | None = None
    bytes: int = 0
    encoding: str | None = None
    rate: int | None = None
    audio: builtins.bytes | None = None
    name: str | None = None

    def __repr__(self) -> str:
        told = (f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True) if value is not None)
        return f"Ingested({', '.join(told)})"


class Payload(NamedTuple):
    """Audio as text, and the position at which its value starts."""

    text: str
    position: int


class Stated(NamedTuple):
    """What a message with audio says of it, to be compared with its call's `Started`."""

    encoding: Value | None = None
    rate: Value | None = None
    track: Value | None = None

    def require(self, started: Started) -> None:
        """Refused if the call was started with something else."""
        for name, value, known in zip(self._fields, self, started, strict=True):
            if value is not None and known is not None and value.content != known:
                raise _wrong(value, f"{name}: the call was started with {known}")


class Message(NamedTuple):
    """What a message says, and for which call; `kind` is that of Ingested."""

    kind: str
    call_id: str | None
    sequence: int | None = None
    started: Started = Started()
    stated: Stated = Stated()
    payload: Payload = Payload("", 0)
    name: str | None = None


def read_callbot(message: Value, bound: str | None) -> Message:
    """A message in the format of the seed report."""
    event = _event(message, "event")
    if event == "start":
        call_id = _call(message, "call_id", bound)
        media = _object(message, "media")
        started = Started(_one_of(media, "encoding", ENCODINGS), _rate(media, "rate"))
        return Message("opened", call_id, _if_right(_sequence, message, "seq"), started)
    if event == "media":
        call_id = _call(message, "call_id", bound)
        sequence = _sequence(message, "seq")
        media = _object(message, "media")
        payload = _payload(media, "payload")
        _one_of(media, "encoding", ENCODINGS)
        _rate(media, "rate")
        stated = Stated(_member(media, "encoding"), _member(media, "rate"))
        return Message("appended", call_id, sequence, stated=stated, payload=payload)
    if event == "stop":
        return Message("closed", _call(message, "call_id", bound), _if_right(_sequence, message, "seq"))
    named = _named_call(message, "call_id", bound)
    return Message("other", named, _if_right(_sequence, message, "seq"), name=event)


def read_twilio(message: Value, bound: str | None) -> Message:
    """A message of Twilio Media Streams."""
    event = _event(message, "event")
    if event == "start":
        call_id = _call(message, "streamSid", bound)
        start = _object(message, "start")
        form = _object(start, "mediaFormat")
        _one_of(form, "encoding", ("audio/x-mulaw",))
        _counted(form, "channels", 1, 1)
        started = Started("mulaw", _counted(form, "sampleRate", 8000, MOST_RATE), _only_track(start, "tracks"))
        return Message("opened", call_id, _if_right(_digits, message, "sequenceNumber"), started)
    if event == "media":
        call_id = _call(message, "streamSid", bound)
        sequence = _digits(message, "sequenceNumber")
        media = _object(message, "media")
        _one_of(media, "track", TRACKS)
        stated = Stated(track=_member(media, "track"))
        return Message("appended", call_id, sequence, stated=stated, payload=_payload(media, "payload"))
    if event == "stop":
        return Message("closed", _call(message, "streamSid", bound), _if_right(_digits, message, "sequenceNumber"))
    named = _named_call(message, "streamSid", bound)
    return Message("other", named, _if_right(_digits, message, "sequenceNumber"), name=event)


def read_openai(message: Value, bound: str | None) -> Message:
    """A message of OpenAI Realtime; the connection's call is its call."""
    event = _event(message, "type")
    if event == APPEND:
        return Message("appended", bound, payload=_payload(message, "audio"))
    return Message("other", None, name=event)


Reader: TypeAlias = Callable[[Value, str | None], Message]
"""Of a message and the id of the connection's call; Refused if it is none of the format."""

READERS: dict[str, Reader] = {"callbot": read_callbot, "twilio": read_twilio, "openai": read_openai}
"""Readers by the name of the format."""


def _event(message: Value, name: str) -> str:
    if not isinstance(message.content, dict):
        raise _wrong(message, "a message is an object")
    return _string(message, name)


def _call(holder: Value, name: str, bound: str | None) -> str:
    found = _id(holder, name)
    if bound is not None and found != bound:
        raise _wrong(_member(holder, name), f"{name}: the connection's call is another")
    return found


def _named_call(holder: Value, name: str, bound: str | None) -> str | None:
    """The call of an event that need not name one."""
    return None if _if_right(_id, holder, name) is None else _call(holder, name, bound)


def _if_right(read: Callable[[Value, str], Found], holder: Value, name: str) -> Found | None:
    """A member that is left out unless it is there and what it should be."""
    try:
        return read(holder, name)
    except Refused:
        return None


def _member(holder: Value, name: str) -> Value:
    found = holder.content.get(name) if isinstance(holder.content, dict) else None
    if found is None:
        raise _wrong(holder, f"{name} is missing")
    return found


def _object(holder: Value, name: str) -> Value:
    found = _member(holder, name)
    if not isinstance(found.content, dict):
        raise _wrong(found, f"{name}: accepted is an object")
    return found


def _string(holder: Value, name: str) -> str:
    found = _member(holder, name)
    if not isinstance(found.content, str):
        raise _wrong(found, f"{name}: accepted is a string")
    return found.content


def _payload(holder: Value, name: str) -> Payload:
    return Payload(_string(holder, name), _member(holder, name).position)


def _id(holder: Value, name: str) -> str:
    found = _string(holder, name)
    if not found:
        raise _wrong(_member(holder, name), f"{name}: it is empty")
    return found


def _one_of(holder: Value, name: str, accepted: tuple[str, ...]) -> str:
    found = _member(holder, name)
    if not isinstance(found.content, str) or found.content not in accepted:
        raise _wrong(found, f"{name}: accepted is {' or '.join(accepted)}")
    return found.content


def _only_track(holder: Value, name: str) -> str:
    """The track in a list of one; `inbound` if there is no list."""
    if isinstance(holder.content, dict) and name not in holder.content:
        return TRACKS[0]
    found = _member(holder, name)
    tracks = [track.content for track in found.content] if isinstance(found.content, list) else []
    for track in TRACKS:
        if tracks == [track]:
            return track
    raise _wrong(found, f"{name}: accepted is a list of one of {' and '.join(TRACKS)}")


def _sequence(holder: Value, name: str) -> int:
    return _whole(_member(holder, name), name, 0, MOST_NUMBER)


def _rate(holder: Value, name: str) -> int:
    return _whole(_member(holder, name), name, 1, MOST_RATE)


def _digits(holder: Value, name: str) -> int:
    """A sequence number in a string."""
    found = _member(holder, name)
    if _is_digits(found.content) and len(found.content) <= MOST_DIGITS:
        number = int(found.content)
        if number <= MOST_NUMBER:
            return number
    raise _wrong(found, f"{name}: accepted is a string of up to {MOST_DIGITS} digits, up to {MOST_NUMBER}")


def _counted(holder: Value, name: str, default: int, most: int) -> int:
    """A whole number from 1 that may be missing, or be a string of digits."""
    if isinstance(holder.content, dict) and name not in holder.content:
        return default
    found = _member(holder, name)
    if _is_digits(found.content):
        # A number of more digits than these is past every limit without the rest of them.
        number = int(found.content.lstrip("0")[: MOST_DIGITS + 1] or "0")
        found = Value(number, found.position)
    return _whole(found, name, 1, most)


def _is_digits(content: object) -> TypeGuard[str]:
    return isinstance(content, str) and content.isascii() and content.isdigit()


def _whole(value: Value, name: str, least: int, most: int) -> int:
    number = value.content
    if type(number) is not int or not least <= number <= most:
        raise _wrong(value, f"{name}: accepted is a whole number from {least} to {most}")
    return number


def _wrong(value: Value, why: str) -> Refused:
    return Refused("message", value.position, why)
