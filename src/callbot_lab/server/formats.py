"""The three wire formats: what their messages say, and what a server answers.

A format reads a parsed message and tells the session what to do. A message that it does not understand is Refused, with
the member that is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from .sequence import MOST_NUMBER, Sequence
from .wav import ENCODINGS, MULAW, PCM16

if TYPE_CHECKING:
    from .session import Session

MOST_DIGITS = len(str(MOST_NUMBER))

MOST_RATE = 192_000
"""Samples per second above which a rate is a mistake."""


class Refused(Exception):
    """A message that nothing was done for; the text says why and goes to the client where its format allows it."""


class Format(Protocol):
    """A wire format."""

    name: str

    def greet(self, session: Session) -> None:
        """Do what has to be done when a connection opens."""

    def handle(self, message: Any, session: Session) -> None:
        """Do what a parsed message says; Refused if it says nothing that can be done."""

    def started(self, call_id: str) -> str | None:
        """What is answered to a start, if anything."""

    def stopped(self, note: Mapping[str, Any]) -> str | None:
        """What is answered once a recording is written, if anything."""

    def error(self, reason: str) -> str | None:
        """What is answered to a message that was refused, if anything."""


class Callbot:
    """The format of the seed report: every message carries its call, its number, and how its audio is encoded."""

    name = "callbot"

    def greet(self, session: Session) -> None:
        """Nothing: calls start with a message."""

    def handle(self, message: Any, session: Session) -> None:
        """See Format."""
        try:
            event = message["event"]
            if event == "media":
                media, call_id = message["media"], message["call_id"]
                call = session.calls.get(call_id)
                if call is None:
                    raise _not_open(session, call_id)
                number = message["seq"]
                payload = media["payload"]
                if media["encoding"] != call.encoding or media["rate"] != call.rate:
                    raise Refused(
                        f"media: the call was started with {call.encoding} at {call.rate}, not with "
                        f"{_short(media['encoding'])} at {_short(media['rate'])}"
                    )
                if type(number) is not int or type(payload) is not str:
                    raise TypeError
                if not 0 <= number <= MOST_NUMBER:
                    raise Refused(f"seq: accepted is a whole number from 0 to {MOST_NUMBER}")
                session.media(call, number, payload)
            elif event == "start":
                media = _member(message, "media", dict)
                session.open(_call_id(message), *_audio(media))
            elif event == "stop":
                session.close(_call_id(message), _number(message.get("seq")))
            else:
                raise Refused(f"event: unknown '{_short(event)}'; there are start, media and stop")
        except (KeyError, TypeError, AttributeError, IndexError):
            raise _wrong(message, {"event": str, "call_id": str, "seq": int}, "payload", "encoding") from None

    def started(self, call_id: str) -> str | None:
        """See Format."""
        return json.dumps({"event": "started", "call_id": call_id})

    def stopped(self, note: Mapping[str, Any]) -> str | None:
        """See Format."""
        told = {key: note[key] for key in ("call_id", "file", "bytes", "chunks", "refused", "sequence")}
        return json.dumps({"event": "stopped", **told})

    def error(self, reason: str) -> str | None:
        """See Format."""
        return json.dumps({"event": "error", "message": reason})


class Twilio:
    """Twilio Media Streams: a stream per connection, numbers as strings, a recording per track.

    Twilio takes only media, mark and clear from a server, so nothing is answered; what is refused is counted. Its
    numbers go through all messages of a stream, so the tracks of a stream share their count.
    """

    name = "twilio"
    _quiet = frozenset({"connected", "mark", "dtmf"})

    def greet(self, session: Session) -> None:
        """Nothing: Twilio speaks first."""

    def handle(self, message: Any, session: Session) -> None:
        """See Format."""
        try:
            event = message["event"]
            if event == "media":
                media, stream = message["media"], message["streamSid"]
                call = session.calls.get((stream, media["track"]))
                if call is None:
                    raise _not_open(session, stream, media["track"])
                number, payload = _counted(message["sequenceNumber"]), media["payload"]
                if number is None or type(payload) is not str:
                    raise TypeError
                session.media(call, number, payload)
            elif event == "start":
                self._start(message, session)
            elif event == "stop":
                stream = _member(message, "streamSid", str)
                keys = [key for key in session.calls if key[0] == stream]
                self._count(message, session, keys)
                for key in keys or [(stream, "inbound")]:
                    session.close(key, None)
            elif event in self._quiet:
                stream = message.get("streamSid")
                self._count(message, session, [key for key in session.calls if key[0] == stream])
                session.other(event)
            else:
                raise Refused(f"event: unknown '{_short(event)}'; there are connected, start, media, mark, dtmf, stop")
        except (KeyError, TypeError, AttributeError, IndexError, ValueError):
            raise _wrong(message, {"event": str, "streamSid": str, "sequenceNumber": str}, "track", "payload") from None

    def _start(self, message: dict[str, Any], session: Session) -> None:
        start = _member(message, "start", dict)
        stream = _member(message, "streamSid", str)
        form = _member(start, "mediaFormat", dict, "start.")
        if form.get("encoding") != "audio/x-mulaw" or _whole(form.get("channels", 1)) != 1:
            raise Refused("start.mediaFormat: accepted is audio/x-mulaw with one channel")
        rate = _rate(_whole(form.get("sampleRate", 8000)), "start.mediaFormat.sampleRate")
        tracks = start.get("tracks", ["inbound"])
        if not isinstance(tracks, list) or not tracks or not set(tracks) <= {"inbound", "outbound"}:
            raise Refused("start.tracks: accepted is a list of inbound, outbound or both")
        numbers = Sequence()
        if (number := _counted(message.get("sequenceNumber"))) is not None:
            numbers.seen(number)
        for track in dict.fromkeys(tracks):
            # One track has the stream's own name; with two, the outbound one says so.
            own = stream if len(tracks) == 1 or track == "inbound" else f"{stream}-{track}"
            session.open(own, MULAW, rate, key=(stream, track), numbers=numbers)

    def _count(self, message: dict[str, Any], session: Session, keys: list[Any]) -> None:
        """Take the number of a message without audio, if it has one and its stream is open."""
        if keys and (number := _counted(message.get("sequenceNumber"))) is not None:
            session.calls[keys[0]].sequence.seen(number)

    def started(self, call_id: str) -> str | None:
        """See Format."""
        return None

    def stopped(self, note: Mapping[str, Any]) -> str | None:
        """See Format."""
        return None

    def error(self, reason: str) -> str | None:
        """See Format."""
        return None


class OpenAI:
    """OpenAI Realtime: the connection is the call, its audio is 24 kHz PCM without numbers.

    What is committed stays; a clear takes back what is not. What is left at the end is kept as well.
    """

    name = "openai"
    _rate = 24_000

    def greet(self, session: Session) -> None:
        """Open the call: there is no message for it."""
        session.open(session.bound_id, PCM16, self._rate, key="")
        session.send(json.dumps({"type": "session.created", "session": {"id": session.bound_id}}))

    def handle(self, message: Any, session: Session) -> None:
        """See Format."""
        try:
            event = message["type"]
            if event == "input_audio_buffer.append":
                payload = message["audio"]
                if type(payload) is not str:
                    raise TypeError
                session.media(self._call(session), None, payload)
            elif event == "input_audio_buffer.commit":
                item = session.commit(self._call(session))
                session.send(json.dumps({"type": "input_audio_buffer.committed", "item_id": item}))
            elif event == "input_audio_buffer.clear":
                session.clear(self._call(session))
                session.send(json.dumps({"type": "input_audio_buffer.cleared"}))
            elif event == "session.update":
                session.other(event)
            else:
                raise Refused(
                    f"type: unknown '{_short(event)}'; there are input_audio_buffer.append, .commit and .clear"
                )
        except (KeyError, TypeError, AttributeError, IndexError):
            raise _wrong(message, {"type": str, "audio": str}) from None

    def _call(self, session: Session) -> Any:
        call = session.calls.get("")
        if call is None:
            raise Refused("the call of this connection was refused; connect again")
        return call

    def started(self, call_id: str) -> str | None:
        """See Format."""
        return None

    def stopped(self, note: Mapping[str, Any]) -> str | None:
        """See Format."""
        return None

    def error(self, reason: str) -> str | None:
        """See Format."""
        return json.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": reason}})


FORMATS: dict[str, Format] = {form.name: form for form in (Callbot(), Twilio(), OpenAI())}
"""Formats by name; a server speaks each at /ws/NAME."""


def _audio(media: dict[str, Any]) -> tuple[str, int]:
    encoding, rate = media.get("encoding"), media.get("rate")
    if encoding not in ENCODINGS:
        raise Refused(f"media.encoding: unknown '{_short(encoding)}'; there are {' and '.join(ENCODINGS)}")
    return encoding, _rate(rate, "media.rate")


def _rate(rate: Any, name: str) -> int:
    if type(rate) is not int or not 0 < rate <= MOST_RATE:
        raise Refused(f"{name}: accepted is a number of samples per second up to {MOST_RATE}")
    return rate


def _call_id(message: dict[str, Any]) -> str:
    found: str = _member(message, "call_id", str)
    if not found:
        raise Refused("call_id: it is empty")
    return found


def _number(number: Any) -> int | None:
    return number if type(number) is int and 0 <= number <= MOST_NUMBER else None


def _counted(number: Any) -> int | None:
    """A sequence number that is written as a string; None if it is none."""
    if type(number) is not str or not number.isdecimal() or not number.isascii() or len(number) > MOST_DIGITS:
        return None
    return _number(int(number))


def _whole(number: Any) -> Any:
    """A number that may be written as a string."""
    return number if (found := _counted(number)) is None else found


def _member(message: Any, name: str, kind: type, before: str = "") -> Any:
    found = message.get(name)
    if type(found) is not kind:
        raise Refused(f"{before}{name}: {_KINDS[kind]} is missing")
    return found


_KINDS = {str: "a string", int: "a whole number", dict: "an object"}


def _not_open(session: Session, call_id: Any, track: Any = None) -> Refused:
    """Why a call has no place for audio; TypeError for an id that is none."""
    if type(call_id) is not str or track not in (None, "inbound", "outbound"):
        raise TypeError
    what = f"call {_short(call_id)}" if track is None else f"track {track} of stream {_short(call_id)}"
    if session.ended(call_id):
        return Refused(f"media after the stop of {what}")
    return Refused(f"media before the start of {what} on this connection")


def _wrong(message: Any, members: dict[str, type], *of_media: str) -> Refused:
    """What is wrong with the shape of a message: the first of its members that is missing or of another type."""
    if type(message) is not dict:
        return Refused("a message is a JSON object")
    for name, kind in members.items():
        if type(message.get(name)) is not kind:
            return Refused(f"{name}: {_KINDS[kind]} is missing")
    media = message.get("media")
    for name in of_media:
        if not isinstance(media, dict):
            return Refused("media: an object is missing")
        if type(media.get(name)) is not str:
            return Refused(f"media.{name}: a string is missing")
    return Refused("a member is missing or of another type than it should be")


def _short(value: Any) -> str:
    """What stands where something else should; lists and objects by their kind, for they may be nested deeply."""
    text = "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else str(value)
    return text if len(text) <= 64 else f"{text[:61]}..."
