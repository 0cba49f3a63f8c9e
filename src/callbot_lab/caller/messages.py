"""What a caller says in each wire format, and what the server's replies mean.

A message with audio is `before + counted + payload + after`: `before` and `after` belong to the call, `counted` to the
place of the message in the call, and neither to both. So nothing has to be put together anew for each message.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import parse_qs, parse_qsl, quote, urlencode

from ..errors import LabError
from ..server.formats import MOST_RATE
from ..server.wav import ENCODINGS, PCM16
from ..workload import FORMATS, Format


class Reply(StrEnum):
    """What a message of the server is about."""

    STARTED = "started"
    STOPPED = "stopped"
    ERROR = "error"
    OTHER = "other"


class Act(StrEnum):
    """What a message of a caller does."""

    START = "start"
    AUDIO = "audio"
    STOP = "stop"
    COMMIT = "commit"
    """Keeps the audio so far for good."""
    CLEAR = "clear"
    """Takes back the audio since the last commit."""
    OTHER = "other"
    """Nothing to audio, but a server takes it."""
    NOTHING = "nothing"
    """A server has to refuse it."""


@dataclass(frozen=True)
class Said:
    """A message of a caller, understood.

    `key` is what the messages of a call name it by: its id and its track, empty where the format has none.
    """

    act: Act
    key: tuple[str, str] = ("", "")
    data: bytes = b""
    encoding: str = ""
    rate: int = 0
    """Encoding and samples per second; empty where a message does not tell them."""
    starts: dict[tuple[str, str], str] = field(default_factory=dict)
    """The keys of the calls that a start begins, with their ids."""


NOTHING, OTHER = Said(Act.NOTHING), Said(Act.OTHER)


class Wire(Protocol):
    """A wire format, from the caller's side. Slots are a call's places for chunks, counted from 0."""

    name: str
    answers: bool
    """Whether the server confirms the start and the end of a call."""
    member: str
    """The member of a message that names its call; empty if the connection does."""

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

    def renamed(self, path: str, call_id: str) -> str:
        """A path with this call in it, if paths name calls."""

    def bound(self, path: str) -> Said:
        """The start of a call that opening a connection at this path is, if it is one."""

    def understood(self, message: Any) -> Said:
        """What a message of a caller does. For one that a server has to refuse: NOTHING, or any LookupError,
        TypeError, ValueError or AttributeError."""


class Callbot:
    """The format of the seed report: every message carries its call, its number, and how its audio is encoded."""

    name = "callbot"
    answers = True
    member = "call_id"

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

    def renamed(self, path: str, call_id: str) -> str:
        """See Wire."""
        return path

    def bound(self, path: str) -> Said:
        """See Wire."""
        return NOTHING

    def understood(self, message: Any) -> Said:
        """See Wire."""
        event, call_id = message["event"], message["call_id"]
        if type(call_id) is not str or not call_id:
            return NOTHING
        key = (call_id, "")
        match event:
            case "start":
                media = message["media"]
                if media["encoding"] not in ENCODINGS or not _is_rate(media["rate"]):
                    return NOTHING
                return Said(Act.START, key, b"", media["encoding"], media["rate"], {key: call_id})
            case "media" if type(message["seq"]) is int:
                media = message["media"]
                return Said(Act.AUDIO, key, canonical(media["payload"]), media["encoding"], media["rate"])
            case "stop":
                return Said(Act.STOP, key)
        return NOTHING


class Twilio:
    """Twilio Media Streams (WebSocket messages from Twilio): numbers are strings, the call is the stream.

    `start` has the sequence number 1 and is followed by media, whose `chunk` counts from 1 and whose `timestamp` is in
    milliseconds since the stream's beginning.
    """

    name = "twilio"
    answers = False
    member = "streamSid"

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

    def renamed(self, path: str, call_id: str) -> str:
        """See Wire."""
        return path

    def bound(self, path: str) -> Said:
        """See Wire."""
        return NOTHING

    def understood(self, message: Any) -> Said:
        """See Wire."""
        event = message["event"]
        if event in ("connected", "mark", "dtmf"):
            return OTHER
        stream = message["streamSid"]
        if type(stream) is not str:
            return NOTHING
        match event:
            case "start":
                return self._start(stream, message["start"])
            case "media" if message["sequenceNumber"].isdecimal():
                media = message["media"]
                return Said(Act.AUDIO, (stream, media["track"]), canonical(media["payload"]))
            case "stop":
                return Said(Act.STOP, (stream, ""))
        return NOTHING

    def _start(self, stream: str, start: dict[str, Any]) -> Said:
        media, tracks = start["mediaFormat"], start.get("tracks", ["inbound"])
        rate = int(media.get("sampleRate", 8000))
        whole = media["encoding"] == "audio/x-mulaw" and int(media.get("channels", 1)) == 1 and _is_rate(rate)
        if not whole or type(tracks) is not list or not {*tracks} <= {"inbound", "outbound"}:
            return NOTHING
        # A single track is recorded under the stream's own name, whichever it is.
        plain = "inbound" if len(tracks) > 1 else tracks[0]
        starts = {(stream, track): stream if track == plain else f"{stream}-{track}" for track in tracks}
        return Said(Act.START, (stream, ""), b"", "mulaw", rate, starts)


class OpenAI:
    """OpenAI Realtime: the connection is the call; nothing is numbered."""

    name = "openai"
    answers = True
    member = ""

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

    def renamed(self, path: str, call_id: str) -> str:
        """See Wire."""
        place, _, query = path.partition("?")
        others = [(name, value) for name, value in parse_qsl(query) if name != "call_id"]
        return f"{place}?{urlencode([('call_id', call_id), *others])}"

    def bound(self, path: str) -> Said:
        """See Wire."""
        call_id = parse_qs(path.partition("?")[2]).get("call_id", [""])[0]
        return Said(Act.START, encoding=PCM16, rate=FORMATS[self.name].rate, starts={("", ""): call_id})

    def understood(self, message: Any) -> Said:
        """See Wire."""
        match message["type"]:
            case "input_audio_buffer.append":
                return Said(Act.AUDIO, data=canonical(message["audio"]))
            case "input_audio_buffer.commit":
                return Said(Act.COMMIT)
            case "input_audio_buffer.clear":
                return Said(Act.CLEAR)
            case "session.update":
                return OTHER
        return NOTHING


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


def canonical(text: str) -> bytes:
    """Bytes of canonical base64; ValueError, TypeError or AttributeError for anything else."""
    data = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    if base64.b64encode(data).decode("ascii") != text:
        raise ValueError("this is no canonical base64")
    return data


def _is_rate(rate: Any) -> bool:
    return type(rate) is int and 0 < rate <= MOST_RATE


def _party(call_id: str) -> str:
    digits = call_id.removeprefix("MZ")
    return f'"accountSid":"AC{"0" * 32}","callSid":"CA{digits}"'


def _reply(event: Any, started: str, stopped: str) -> Reply:
    if event == "error":
        return Reply.ERROR
    return {started: Reply.STARTED, stopped: Reply.STOPPED}.get(str(event), Reply.OTHER)
