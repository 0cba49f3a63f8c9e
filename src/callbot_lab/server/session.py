"""One connection, whichever server it came in through: what its messages do to its calls."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from .calls import Call, Calls
from .formats import Format, Refused
from .parsers import Parser
from .sequence import Sequence
from .settings import Stage

REMEMBERED = 64
"""Ended calls of a connection that are told from calls which never started."""


class Session:
    """Takes the messages of a connection and answers through `send`, which must not block.

    `bound_id` names the call of a connection in a format whose messages name none.
    """

    def __init__(
        self, hub: Calls, form: Format, parser: Parser, stage: Stage, send: Callable[[str], None], bound_id: str
    ) -> None:
        self.hub, self.form, self.send, self.bound_id = hub, form, send, bound_id
        self.calls: dict[Any, Call] = {}
        self._loads, self._errors = parser.loads, parser.errors
        self._ended: deque[str] = deque(maxlen=REMEMBERED)
        self.text: Callable[[str], None] = self._receive if stage is Stage.RECEIVE else self._text
        """What takes a text message; nothing that a client sends makes it raise."""
        try:
            form.greet(self)
        except Refused as reason:
            self._refuse(reason)

    def _receive(self, _text: str) -> None:
        self.hub.messages += 1

    def _text(self, text: str) -> None:
        self.hub.messages += 1
        try:
            message = self._loads(text)
        except self._errors as error:
            self._refuse(Refused(f"this is no JSON: {error}"))
            return
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
        call = self.calls[key] = self.hub.open(call_id, self.form.name, encoding, rate)
        call.sequence = numbers or call.sequence
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

    def _end(self, key: str | tuple[str, str], why: str) -> None:
        call = self.calls.pop(key)
        self._ended.append(call.call_id)
        self.hub.end(call, why, lambda note: self._answer(self.form.stopped(note)))

    def _refuse(self, reason: Refused) -> None:
        self.hub.refused += 1
        self._answer(self.form.error(str(reason)))

    def _answer(self, text: str | None) -> None:
        if text is not None:
            self.send(text)
