"""One connection, whichever server it came in through: what its messages do to its calls."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from ..protocol import Ingested
from .calls import Call, Calls
from .formats import Format, Refused
from .parsers import Parser
from .sequence import Sequence
from .settings import Stage
from .whole import ShortWay, no_way, short_way

REMEMBERED = 64
"""Ended calls of a connection that are told from calls which never started."""


class Session:
    """Takes the messages of a connection and answers through `send`, which must not block.

    `bound_id` names the call of a connection in a format whose messages name none.
    """

    # A server with thousands of them finds each in the cold, and what lies in one place is found at once.
    __slots__ = (
        "_ended", "_errors", "_loads", "_message", "bound_id", "calls", "form", "hub", "ingest", "ingests", "send",
        "text",
    )  # fmt: skip

    def __init__(
        self, hub: Calls, form: Format, parser: Parser, stage: Stage, send: Callable[[str], None], bound_id: str
    ) -> None:
        self.hub, self.form, self.send, self.bound_id = hub, form, send, bound_id
        self.calls: dict[Any, Call] = {}
        self._loads, self._errors = parser.loads, parser.errors
        self._ended: deque[str] = deque(maxlen=REMEMBERED)
        self._message: str | None = None
        """The message that is being handled."""
        self.ingests = hub.ingest is not None
        """Whether messages may be given to `ingest` as they come, before they are decoded."""
        self.ingest: ShortWay = no_way
        """Takes a message in one call of the implementation; one that it refuses has to be parsed."""
        self.text: Callable[[str], None] = (
            self._receive if stage is Stage.RECEIVE else self._ingest_or_parse if self.ingests else self.parse
        )
        """What takes a text message; nothing that a client sends makes it raise."""
        try:
            form.greet(self)
        except Refused as reason:
            self._refuse(reason)

    def _receive(self, _text: str) -> None:
        self.hub.messages += 1

    def _ingest_or_parse(self, text: str) -> None:
        if not self.ingest(text):
            self.parse(text)

    def _took(self, done: Ingested) -> bool:
        """See that a call is ended which a message has closed; False for a message that did nothing."""
        if done.kind != "closed":
            return False
        self.hub.messages += 1
        key, call = next(iter(self.calls.items()))
        if done.sequence is not None:
            call.sequence.seen(done.sequence)
        self._end(key, "stop", done.audio)
        return True

    def parse(self, text: str) -> None:
        """Do what a message says by way of the parser, or say why not."""
        self.hub.messages += 1
        self.hub.parsed += 1
        try:
            message = self._loads(text)
        except self._errors as error:
            self._refuse(Refused(f"this is no JSON: {error}"))
            return
        self._message = text
        try:
            self.form.handle(message, self)
        except Refused as reason:
            self._refuse(reason)
        except MemoryError:
            self._refuse(Refused("out of memory"))

    def lost(self, why: str) -> None:
        """The connection ended: so do its calls."""
        for key in list(self.calls):
            self._end(key, why)

    def open(
        self,
        call_id: str,
        encoding: str,
        rate: int,
        key: str | tuple[str, str] | None = None,
        numbers: Sequence | None = None,
    ) -> None:
        """Start a call; `key` is what its messages name it by, if not its id, and `numbers` what counts them."""
        key = call_id if key is None else key
        if key in self.calls:
            raise Refused(f"start: call {call_id[:64]} is open already")
        call = self.calls[key] = self.hub.open(call_id, self.form.name, encoding, rate, self._message)
        call.sequence = numbers or call.sequence
        self._find_short_way()
        self._answer(self.form.started(call_id))

    def media(self, call: Call, number: int | None, payload: str) -> None:
        """Store a chunk."""
        try:
            self.hub.append(call, payload)
        except (Refused, ValueError, OverflowError, MemoryError) as error:
            call.refused += 1
            raise Refused(str(error) or "out of memory") from None
        if number is not None:
            call.sequence.seen(number)

    def close(self, key: str | tuple[str, str], number: int | None) -> None:
        """End a call; `number` is that of the message that says so."""
        call = self.calls.get(key)
        if call is None:
            name = key if isinstance(key, str) else str(key[0])
            raise Refused(f"stop of a call that is not open on this connection: {name[:64]}")
        if number is not None:
            call.sequence.seen(number)
        self._end(key, "stop")

    def commit(self, call: Call) -> str:
        """Keep what came since the last commit; the name of that piece."""
        return self.hub.commit(call)

    def clear(self, call: Call) -> None:
        """Take back what came since the last commit."""
        self.hub.clear(call)

    def other(self, event: str) -> None:
        """A message that says nothing about audio."""
        self.hub.others += 1

    def ended(self, call_id: str) -> bool:
        """Whether a call of this connection was ended lately."""
        return call_id in self._ended

    def _end(self, key: str | tuple[str, str], why: str, audio: bytes | None = None) -> None:
        call = self.calls.pop(key)
        self._find_short_way()
        self._ended.append(call.call_id)
        self.hub.end(call, why, lambda note: self._answer(self.form.stopped(note)), audio)

    def _find_short_way(self) -> None:
        """With several calls a message could not be kept to the connection's own, nor with none."""
        calls = list(self.calls.values())
        one = len(calls) == 1 and calls[0].ingests
        self.ingest = short_way(self.hub, calls[0], self.form.name, self._took) if one else no_way

    def _refuse(self, reason: Refused) -> None:
        self.hub.refused += 1
        self._answer(self.form.error(str(reason)))

    def _answer(self, text: str | None) -> None:
        if text is not None:
            self.send(text)
