"""What a message of each format asks for, in the order of the contract: a part of the reference implementation.

Each decision is a method of its own, so that a wrong implementation overrides one of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .oracle_json import Node

MOST_NUMBER = 2**64 - 1
MOST_RATE = 192_000
TRACKS = ("inbound", "outbound")
ENCODINGS = ("pcm16", "mulaw")


class Refused(ValueError):
    """What a refused message raises."""

    def __init__(self, what: str, position: int, why: str = "") -> None:
        super().__init__(f"invalid {what} at position {position}" + (f": {why}" if why else ""))
        self.position = position


@dataclass(frozen=True)
class Sound:
    """What audio is: of a call, by the message that opened it; of a chunk, by its own; with where it is said."""

    encoding: str | None = None
    rate: int | None = None
    track: str | None = None
    at: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True)
class Message:
    """What a message says."""

    kind: str
    call_id: str | None = None
    sequence: int | None = None
    sound: Sound = Sound()
    payload: Node | None = None
    name: str | None = None


class Formats:
    """Reads messages of the three formats; Refused for one that is none."""

    def read(self, form: str, top: Node, bound: str | None) -> Message:
        """What a message says."""
        if top.kind != "object":
            raise self.wrong(top, "no object")
        return {"callbot": self.callbot, "twilio": self.twilio, "openai": self.openai}[form](top, bound)

    def callbot(self, top: Node, bound: str | None) -> Message:
        """The format of the seed report."""
        event = self.string(top, "event").value
        if event not in ("start", "media", "stop"):
            return self.other(top, "call_id", self.optional_number(top), bound, event)
        call_id = self.id(top, "call_id", bound)
        if event == "start":
            return Message("opened", call_id, self.optional_number(top), self.sound(self.object(top, "media")))
        if event == "stop":
            return Message("closed", call_id, self.optional_number(top))
        sequence = self.number(self.member(top, "seq"))
        if sequence is None:
            raise self.wrong(self.member(top, "seq"), "no sequence number")
        media = self.object(top, "media")
        payload = self.string(media, "payload")
        return Message("appended", call_id, sequence, self.sound(media), payload)

    def twilio(self, top: Node, bound: str | None) -> Message:
        """Twilio Media Streams."""
        event = self.string(top, "event").value
        if event not in ("start", "media", "stop"):
            return self.other(top, "streamSid", self.optional_digits(top), bound, event)
        call_id = self.id(top, "streamSid", bound)
        if event == "start":
            return Message("opened", call_id, self.optional_digits(top), self.started(self.object(top, "start")))
        if event == "stop":
            return Message("closed", call_id, self.optional_digits(top))
        sequence = self.digits(self.member(top, "sequenceNumber"))
        if sequence is None:
            raise self.wrong(self.member(top, "sequenceNumber"), "no sequence number")
        media = self.object(top, "media")
        track = self.string(media, "track")
        if track.value not in TRACKS:
            raise self.wrong(track, "no track")
        sound = Sound(track=track.value, at=(0, 0, track.start))
        return Message("appended", call_id, sequence, sound, self.string(media, "payload"))

    def openai(self, top: Node, bound: str | None) -> Message:
        """OpenAI Realtime."""
        event = self.string(top, "type").value
        if event != "input_audio_buffer.append":
            return Message("other", name=event)
        return Message("appended", bound, payload=self.string(top, "audio"))

    def started(self, start: Node) -> Sound:
        """The audio of a Twilio stream."""
        form = self.object(start, "mediaFormat")
        encoding = self.string(form, "encoding")
        if encoding.value != "audio/x-mulaw":
            raise self.wrong(encoding, "another encoding")
        channels = form.members().get("channels")
        if channels is not None and self.whole(channels, self.texts_are_numbers) != 1:
            raise self.wrong(channels, "more than a channel")
        rate = form.members().get("sampleRate")
        return Sound("mulaw", 8000 if rate is None else self.rate(rate, self.texts_are_numbers), self.only_track(start))

    texts_are_numbers = True

    def only_track(self, start: Node) -> str:
        """The one track of a stream."""
        tracks = start.members().get("tracks")
        if tracks is None:
            return TRACKS[0]
        names = [item.value for item in tracks.items() if item.kind == "string"] if tracks.kind == "list" else []
        if len(names) != 1 or len(tracks.items()) != 1 or names[0] not in TRACKS:
            raise self.wrong(tracks, "not one track")
        return names[0]

    def sound(self, media: Node) -> Sound:
        """The audio of a callbot message."""
        encoding = self.string(media, "encoding")
        if encoding.value not in ENCODINGS:
            raise self.wrong(encoding, "another encoding")
        rate = self.member(media, "rate")
        return Sound(encoding.value, self.rate(rate, False), at=(encoding.start, rate.start, 0))

    def other(self, top: Node, name: str, sequence: int | None, bound: str | None, event: str) -> Message:
        """An event that does nothing, and may name a call."""
        named = top.members().get(name)
        if named is None or named.kind != "string" or not named.value:
            return Message("other", None, sequence, name=event)
        return Message("other", self.own(named, bound), sequence, name=event)

    def member(self, holder: Node, name: str) -> Node:
        """A member that has to be there."""
        found = holder.members().get(name)
        if found is None:
            raise self.wrong(holder, f"{name} is missing")
        return found

    def string(self, holder: Node, name: str) -> Node:
        """A string that has to be there."""
        return self.typed(holder, name, "string")

    def object(self, holder: Node, name: str) -> Node:
        """An object that has to be there."""
        return self.typed(holder, name, "object")

    def typed(self, holder: Node, name: str, kind: str) -> Node:
        """A member of a kind that has to be there."""
        found = self.member(holder, name)
        if found.kind != kind:
            raise self.wrong(found, f"no {kind}")
        return found

    def id(self, top: Node, name: str, bound: str | None) -> str:
        """The id of the call."""
        found = self.string(top, name)
        if not found.value:
            raise self.wrong(found, "an empty id")
        return self.own(found, bound)

    def own(self, named: Node, bound: str | None) -> str:
        """An id, if it is that of the connection's call."""
        if bound is not None and named.value != bound:
            raise self.wrong(named, "not the call of this connection")
        return named.value

    def whole(self, node: Node, texts: bool) -> int | None:
        """A whole number, which may be a string of digits; None for anything else, and for one that is too big."""
        is_text = node.kind == "string"
        written = node.value if is_text else node.token if node.kind == "number" else ""
        if is_text and not (texts and self.is_digits(written)):
            return None
        if not re.fullmatch("-?[0-9]+", written) or len(written.lstrip("0")) > 20:
            return None
        return int(written.lstrip("0") or "0")

    def is_digits(self, text: str) -> bool:
        """Whether a text is decimal digits."""
        return re.fullmatch("[0-9]+", text) is not None

    def rate(self, node: Node, texts: bool) -> int:
        """A number of samples per second."""
        rate = self.whole(node, texts)
        if rate is None or not 1 <= rate <= MOST_RATE:
            raise self.wrong(node, "no rate")
        return rate

    def number(self, node: Node) -> int | None:
        """The sequence number of a callbot message."""
        number = self.whole(node, False)
        return number if number is not None and 0 <= number <= MOST_NUMBER else None

    def digits(self, node: Node) -> int | None:
        """The sequence number of a Twilio message."""
        if node.kind != "string" or not self.is_digits(node.value) or len(node.value) > 20:
            return None
        return int(node.value) if int(node.value) <= MOST_NUMBER else None

    def optional_number(self, top: Node) -> int | None:
        """The sequence number of a callbot message that need not have one."""
        found = top.members().get("seq")
        return None if found is None else self.number(found)

    def optional_digits(self, top: Node) -> int | None:
        """The same for Twilio."""
        found = top.members().get("sequenceNumber")
        return None if found is None else self.digits(found)

    def wrong(self, node: Node, why: str) -> Refused:
        """The error for a value that is wrong."""
        return Refused("message", node.start, why)
