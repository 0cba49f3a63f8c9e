"""The short way of the usual messages: audio for an open call, right in everything, parsed to plain objects.

A look gives what is to be appended where, and changes nothing. It accepts nothing that docs/contract.md refuses;
whatever else it meets raises one of the REFUSALS, and is then read exactly.
"""

from collections.abc import Callable, Mapping
from json import JSONDecoder
from json.scanner import make_scanner
from typing import Any, NoReturn, TypeAlias

from .buffer import AudioBuffer, Started
from .json_text import MOST_DIGITS, MOST_LEVELS
from .message import APPEND, ENCODINGS, MOST_NUMBER, MOST_RATE, TRACKS

Looked: TypeAlias = "tuple[AudioBuffer, str, str, int | None]"
"""The buffer, the payload, the call's id, the sequence number."""

Look: TypeAlias = "Callable[[Any, str | None, Mapping[str, AudioBuffer]], Looked]"
"""Of a text, the id of the connection's call, and the open calls."""

# Each level takes a character to begin and one to end, so that a shorter text cannot nest too deep.
MAY_BE_DEEP = 2 * (MOST_LEVELS + 1)


class Unusual(Exception):
    """A message that has to be read exactly."""


# What a parser raises, what is raised by members that are missing or of another type, and by `append`.
REFUSALS = (Unusual, StopIteration, ValueError, LookupError, TypeError, BufferError, RecursionError)


def to_str(message: Any) -> str:
    """A message in one of the usual kinds of buffer as a str."""
    kind = type(message)
    if kind is memoryview and not (message.itemsize == 1 and message.c_contiguous):
        raise Unusual
    if kind is memoryview or kind is bytes or kind is bytearray:
        return str(message, "utf-8")
    raise Unusual


def require_shallow(text: str | bytes) -> None:
    """Unusual if a long text may nest deeper than it should, which not every parser refuses."""
    levels = text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")
    if levels > MOST_LEVELS:
        raise Unusual


def look_callbot(text: str, bound: str | None, buffers: Mapping[str, AudioBuffer]) -> Looked:
    """A message in the format of the seed report."""
    message = _parse(text)
    if message["event"] != "media":
        raise Unusual
    call_id = message["call_id"]
    sequence = message["seq"]
    media = message["media"]
    rate = media["rate"]
    if (
        not call_id
        or (call_id != bound and bound is not None)
        or type(sequence) is not int
        or not 0 <= sequence <= MOST_NUMBER
        or type(rate) is not int
    ):
        raise Unusual
    buffer = buffers[call_id]
    if not fits(media["encoding"], rate, buffer._started):
        raise Unusual
    return buffer, media["payload"], call_id, sequence


def look_twilio(text: str, bound: str | None, buffers: Mapping[str, AudioBuffer]) -> Looked:
    """A message of Twilio Media Streams."""
    message = _parse(text)
    if message["event"] != "media":
        raise Unusual
    call_id = message["streamSid"]
    if not call_id or (call_id != bound and bound is not None):
        raise Unusual
    media = message["media"]
    track = media["track"]
    buffer = buffers[call_id]
    if track not in TRACKS or buffer._started.track not in (None, track):
        raise Unusual
    return buffer, media["payload"], call_id, count(message["sequenceNumber"])


def look_openai(text: str, bound: str | None, buffers: Mapping[str, AudioBuffer]) -> Looked:
    """A message of OpenAI Realtime."""
    message = _parse(text)
    if message["type"] != APPEND or bound is None:
        raise Unusual
    return buffers[bound], message["audio"], bound, None


LOOKS: dict[str, Look] = {"callbot": look_callbot, "twilio": look_twilio, "openai": look_openai}
"""Looks by the name of the format."""


def fits(encoding: object, rate: int, started: Started) -> bool:
    """Whether audio is what its call was started with, or anything that is accepted if that was not told."""
    if encoding == started.encoding and rate == started.rate:
        return True
    return started.encoding is None and encoding in ENCODINGS and 1 <= rate <= MOST_RATE


def count(digits: object) -> int:
    """A sequence number in a string."""
    if not (isinstance(digits, str) and digits.isdigit() and digits.isascii() and len(digits) <= MOST_DIGITS):
        raise Unusual
    number = int(digits)
    if number > MOST_NUMBER:
        raise Unusual
    return number


def _no_constant(name: str) -> NoReturn:
    raise Unusual  # NaN and Infinity


# Without the decoder's own search for white space around the text.
_scan = make_scanner(JSONDecoder(parse_constant=_no_constant))  # type: ignore[arg-type]


def _parse(text: str) -> Any:
    message, end = _scan(text, 0)
    if end != len(text):
        raise Unusual
    return message
