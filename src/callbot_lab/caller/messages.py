"""What a caller says in each wire format, and what the server's replies mean.

A message with audio is `before + counted + payload + after`: `before` and `after` belong to the call, `counted` to the
place of the message in the call, and neither to both. So nothing has to be put together anew for each message.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import quote

from ..errors import LabError
from ..workload import FORMATS, Format


class Reply(StrEnum):
    """What a message of the server is about."""

    STARTED = "started"
    STOPPED = "stopped"
    ERROR = "error"
    OTHER = "other"


class Wire(Protocol):
    """A wire format, from the caller's side. Slots are a call's places for chunks, counted from 0."""

    name: str
    answers: bool
    """Whether the server confirms the start and the end of a call."""

    def call_id(self, run: str, number: int) -> str:
        """The id of a call; all of a run have the same length. `run` is 24 hexadecimal digits."""

    def path(self, call_id: str) -> str:
        """Path and query of the call's connection."""

    def opening(self, call_id: str, form: Format) -> list[str]:
        """The messages before the audio."""

    def before(self, call_id: str) -> str:
        """The beginning of every message with audio of a call."""

    def counted(self, slot: int, form: Format) -> str:
        """What stands between that and the payload: what depends on the slot, the same for all calls."""

    def after(self, call_id: str, form: Format) -> str:
        """What stands behind the payload."""

    def shapeless(self, call_id: str, slot: int) -> str:
        """A message with audio that lacks its payload."""

    def closing(self, call_id: str, slots: int) -> list[str]:
        """The messages after so many slots of audio."""

    def reply(self, message: dict[str, Any]) -> tuple[Reply, str]:
        """What a message of the server is about; of an error also the text."""


class Callbot:
    """The format of the seed report: every message carries its call, its number, and how its audio is encoded."""

    name = "callbot"
    answers = True

    def call_id(self, run: str, number: int) -> str:
        """See Wire."""
        return f"{run[:12]}-{number:06d}"

    def path(self, call_id: str) -> str:
        """See Wire."""
        return "/ws/callbot"

    def opening(self, call_id: str, form: Format) -> list[str]:
        """See Wire."""
        media = f'{{"encoding":"{form.encoding}","rate":{form.rate}}}'
        return [f'{{"event":"start","call_id":"{call_id}","media":{media}}}']

    def before(self, call_id: str) -> str:
        """See Wire."""
        return f'{{"event":"media","call_id":"{call_id}","seq":'

    def counted(self, slot: int, form: Format) -> str:
        """See Wire."""
        return f'{slot + 1},"media":{{"payload":"'

    def after(self, call_id: str, form: Format) -> str:
        """See Wire."""
        return f'","encoding":"{form.encoding}","rate":{form.rate}}}}}'

    def shapeless(self, call_id: str, slot: int) -> str:
        """See Wire."""
        return f'{{"event":"media","call_id":"{call_id}","seq":{slot + 1},"media":{{}}}}'

    def closing(self, call_id: str, slots: int) -> list[str]:
        """See Wire."""
        return [f'{{"event":"stop","call_id":"{call_id}","seq":{slots + 1}}}']

    def reply(self, message: dict[str, Any]) -> tuple[Reply, str]:
        """See Wire."""
        return _reply(message.get("event"), "started", "stopped"), str(message.get("message", ""))


class Twilio:
    """Twilio Media Streams (WebSocket messages from Twilio): numbers are strings, the call is the stream.

    `start` has the sequence number 1 and is followed by media, whose `chunk` counts from 1 and whose `timestamp` is in
    milliseconds since the stream's beginning.
    """

    name = "twilio"
    answers = False

    def call_id(self, run: str, number: int) -> str:
        """See Wire."""
        return f"MZ{run}{number:08x}"

    def path(self, call_id: str) -> str:
        """See Wire."""
        return "/ws/twilio"

    def opening(self, call_id: str, form: Format) -> list[str]:
        """See Wire."""
        media = f'{{"encoding":"audio/x-mulaw","sampleRate":{form.rate},"channels":1}}'
        start = f'{_party(call_id)},"streamSid":"{call_id}","tracks":["inbound"],"mediaFormat":{media}'
        return [
            '{"event":"connected","protocol":"Call","version":"1.0.0"}',
            f'{{"event":"start","sequenceNumber":"1","start":{{{start},"customParameters":{{}}}},"streamSid":"{call_id}"}}',
        ]

    def before(self, call_id: str) -> str:
        """See Wire."""
        return '{"event":"media","sequenceNumber":"'

    def counted(self, slot: int, form: Format) -> str:
        """See Wire."""
        time = round(slot * form.milliseconds)
        return f'{slot + 2}","media":{{"track":"inbound","chunk":"{slot + 1}","timestamp":"{time}","payload":"'

    def after(self, call_id: str, form: Format) -> str:
        """See Wire."""
        return f'"}},"streamSid":"{call_id}"}}'

    def shapeless(self, call_id: str, slot: int) -> str:
        """See Wire."""
        media = f'{{"track":"inbound","chunk":"{slot + 1}"}}'
        return f'{{"event":"media","sequenceNumber":"{slot + 2}","media":{media},"streamSid":"{call_id}"}}'

    def closing(self, call_id: str, slots: int) -> list[str]:
        """See Wire."""
        stop = f'"stop":{{{_party(call_id)}}}'
        return [f'{{"event":"stop","sequenceNumber":"{slots + 2}",{stop},"streamSid":"{call_id}"}}']

    def reply(self, message: dict[str, Any]) -> tuple[Reply, str]:
        """See Wire."""
        return Reply.OTHER, ""


class OpenAI:
    """OpenAI Realtime: the connection is the call; nothing is numbered."""

    name = "openai"
    answers = True

    def call_id(self, run: str, number: int) -> str:
        """See Wire."""
        return f"{run[:12]}-{number:06d}"

    def path(self, call_id: str) -> str:
        """See Wire."""
        return f"/ws/openai?call_id={quote(call_id)}"

    def opening(self, call_id: str, form: Format) -> list[str]:
        """See Wire."""
        return []

    def before(self, call_id: str) -> str:
        """See Wire."""
        return '{"type":"input_audio_buffer.append","audio":"'

    def counted(self, slot: int, form: Format) -> str:
        """See Wire."""
        return ""

    def after(self, call_id: str, form: Format) -> str:
        """See Wire."""
        return '"}'

    def shapeless(self, call_id: str, slot: int) -> str:
        """See Wire."""
        return '{"type":"input_audio_buffer.append"}'

    def closing(self, call_id: str, slots: int) -> list[str]:
        """See Wire."""
        return ['{"type":"input_audio_buffer.commit"}']

    def reply(self, message: dict[str, Any]) -> tuple[Reply, str]:
        """See Wire."""
        error = message.get("error")
        text = str(error.get("message", "")) if isinstance(error, dict) else ""
        return _reply(message.get("type"), "session.created", "input_audio_buffer.committed"), text


WIRES: dict[str, Wire] = {wire.name: wire for wire in (Callbot(), Twilio(), OpenAI())}
"""Wire formats by name; a server takes each at /ws/NAME."""


def wire_of(form: Format) -> Wire:
    """The wire format in which chunks of a format are sent; LabError if the servers speak none for it.

    Chunks of any other size than the services' go over the callbot wire, which says how its audio is encoded.
    """
    if form.name in WIRES:
        return WIRES[form.name]
    if form.name in FORMATS:
        raise LabError(f"no server here speaks {form.name}; accepted are {', '.join(WIRES)}, or a number of bytes")
    return WIRES["callbot"]


def _party(call_id: str) -> str:
    digits = call_id.removeprefix("MZ")
    return f'"accountSid":"AC{"0" * 32}","callSid":"CA{digits}"'


def _reply(event: Any, started: str, stopped: str) -> Reply:
    if event == "error":
        return Reply.ERROR
    return {started: Reply.STARTED, stopped: Reply.STOPPED}.get(str(event), Reply.OTHER)
