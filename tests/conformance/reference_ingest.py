"""`ingest` of the reference implementation: correct, slow, and by the oracle's ways."""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import Any

from .oracle_json import Node, is_json, prefix, top
from .reference_formats import Formats, Message, Refused, Sound


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a message did."""

    kind: str
    call_id: str | None = None
    sequence: int | None = None
    bytes: int = 0
    encoding: str | None = None
    rate: int | None = None
    audio: Any = None
    name: str | None = None


class Ingesting:
    """The part of a processor that takes messages; each decision is a method of its own."""

    formats: Any = Formats()
    node: type[Node] = Node
    buffer: Any
    lock: Any
    key: Any
    open: Any
    close: Any

    def ingest(self, message: Any, /, *, format: str, call_id: str | None = None) -> Any:
        """Do what a message says."""
        form, bound = self.form(format), None if call_id is None else self.bound(call_id)
        return self.taken(self.symbols(message), form, bound)

    def taken(self, symbols: str | bytes, form: str, bound: str | None) -> Any:
        """Do what a text says."""
        with self.lock:
            position = self.refusal(symbols)
            if position is not None:
                raise self.no_json(position)
            said = self.formats.read(form, self.top(symbols), bound)
            return self.do(said)

    def form(self, format: Any) -> str:
        """The format, one of three."""
        if not isinstance(format, str):
            raise TypeError("a format is a str")
        if format not in ("callbot", "twilio", "openai"):
            raise ValueError("unknown format")
        return str.__str__(format)

    def bound(self, call_id: Any) -> str:
        """The id of the connection's call."""
        key: str = self.key(call_id)
        return key

    def symbols(self, message: Any) -> str | bytes:
        """The characters or bytes of a message; TypeError if it is none."""
        codec = self.buffer.codec
        if isinstance(message, str):
            plain: str = codec.plain(message)
            return plain
        with codec.memory(message) as view:
            codec.check_memory(view)
            raw: bytes = view.tobytes()
            return raw

    def refusal(self, symbols: str | bytes) -> int | None:
        """Where a text is no JSON."""
        if is_json(symbols):
            return None
        position = prefix(symbols)
        assert position is not None, "the automaton takes what the standard library refuses"
        return position

    def no_json(self, position: int) -> Refused:
        """The error for a text that is no JSON."""
        return Refused("JSON", position)

    def top(self, symbols: str | bytes) -> Node:
        """The value that a text is."""
        return top(symbols, self.node)

    def do(self, said: Message) -> Any:
        """Change the call."""
        steps: Any = {"opened": self.opened, "appended": self.appended, "closed": self.closed, "other": self.other}
        return steps[said.kind](said)

    def opened(self, said: Message) -> Any:
        """Open a call."""
        self.open(said.call_id).sound = said.sound
        sound = said.sound
        return self.told(said, encoding=sound.encoding, rate=sound.rate)

    def appended(self, said: Message) -> Any:
        """Append to a call."""
        assert said.payload is not None  # audio has one
        buffer = self.called(said)
        buffer.check()
        self.compare(said.sound, buffer.sound)
        try:
            added = buffer.append(said.payload.value)
        except binascii.Error as error:
            raise self.no_base64(said.payload, error) from None
        return self.told(said, bytes=added)

    def no_base64(self, payload: Node, error: binascii.Error) -> Refused:
        """The error for a payload."""
        return Refused("base64", payload.start)

    def called(self, said: Message) -> Any:
        """The buffer of a call."""
        if said.call_id is None:
            raise ValueError("the message names no call, and the connection has none")
        return self[said.call_id]

    def __getitem__(self, call_id: str) -> Any:
        raise NotImplementedError

    def compare(self, sound: Sound, started: Sound) -> None:
        """Refuse audio that is not what its call was started with."""
        for name, at in zip(("encoding", "rate", "track"), sound.at, strict=True):
            own, other = getattr(sound, name), getattr(started, name)
            if None not in (own, other) and own != other:
                raise Refused("message", at, f"the call was started with another {name}")

    def closed(self, said: Message) -> Any:
        """Close a call."""
        audio = self.close(said.call_id)
        return self.told(said, bytes=len(audio), audio=audio)

    def other(self, said: Message) -> Any:
        """Do nothing."""
        return self.told(said, name=said.name)

    def told(self, said: Message, **more: Any) -> Any:
        """The result."""
        return Ingested(said.kind, said.call_id, said.sequence, **more)
