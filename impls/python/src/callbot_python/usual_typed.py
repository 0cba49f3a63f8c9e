"""The short way of the usual messages with msgspec, which checks types and bounds while it parses.

It passes over members that it was not told of, and then takes bytes in their strings that are no UTF-8. So it gets
a str, or bytes that are ASCII.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, MsgspecError, Struct
from msgspec.json import Decoder

from .buffer import AudioBuffer
from .message import MOST_NUMBER
from .usual import REFUSALS as PLAIN_REFUSALS
from .usual import Look, Looked, Unusual, count, fits, to_str

Id = Annotated[str, Meta(min_length=1)]


class CallbotAudio(Struct, gc=False):
    """The member `media` of a message in the format of the seed report."""

    payload: str
    encoding: Literal["pcm16", "mulaw"]
    rate: Annotated[int, Meta(ge=1, le=192_000)]


class CallbotMedia(Struct, gc=False):
    """A message with audio in the format of the seed report."""

    event: Literal["media"]
    call_id: Id
    seq: Annotated[int, Meta(ge=0)]
    media: CallbotAudio


class TwilioAudio(Struct, gc=False):
    """The member `media` of a Twilio message."""

    track: Literal["inbound", "outbound"]
    payload: str


class TwilioMedia(Struct, gc=False):
    """A message with audio of Twilio Media Streams."""

    event: Literal["media"]
    sequenceNumber: str  # noqa: N815 - the format's name, as below
    media: TwilioAudio
    streamSid: Id  # noqa: N815


class OpenAIAppend(Struct, gc=False):
    """A message with audio of OpenAI Realtime."""

    type: Literal["input_audio_buffer.append"]
    audio: str


_parse_callbot = Decoder(CallbotMedia).decode
_parse_twilio = Decoder(TwilioMedia).decode
_parse_openai = Decoder(OpenAIAppend).decode


def to_text(message: Any) -> str | bytes:
    """A message as a str, or as it is if it is bytes that are ASCII."""
    return message if type(message) is bytes and message.isascii() else to_str(message)


def look_callbot(text: str | bytes, bound: str | None, buffers: Mapping[str, AudioBuffer]) -> Looked:
    """A message in the format of the seed report."""
    message = _parse_callbot(text)
    call_id = message.call_id
    if (call_id != bound and bound is not None) or message.seq > MOST_NUMBER:
        raise Unusual
    media = message.media
    buffer = buffers[call_id]
    if not fits(media.encoding, media.rate, buffer._started):
        raise Unusual
    return buffer, media.payload, call_id, message.seq


def look_twilio(text: str | bytes, bound: str | None, buffers: Mapping[str, AudioBuffer]) -> Looked:
    """A message of Twilio Media Streams."""
    message = _parse_twilio(text)
    call_id = message.streamSid
    if call_id != bound and bound is not None:
        raise Unusual
    media = message.media
    buffer = buffers[call_id]
    if buffer._started.track not in (None, media.track):
        raise Unusual
    return buffer, media.payload, call_id, count(message.sequenceNumber)


def look_openai(text: str | bytes, bound: str | None, buffers: Mapping[str, AudioBuffer]) -> Looked:
    """A message of OpenAI Realtime."""
    if bound is None:
        raise Unusual
    return buffers[bound], _parse_openai(text).audio, bound, None


LOOKS: dict[str, Look] = {"callbot": look_callbot, "twilio": look_twilio, "openai": look_openai}
"""Looks by the name of the format."""

REFUSALS = (*PLAIN_REFUSALS, MsgspecError)
