"""The short way of a message: the implementation takes it whole, and little else is touched.

A server with thousands of calls finds everything that belongs to one of them in the cold. So what the implementation
counts itself is not counted here as well; `Calls.settle` asks for it when it is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns
from typing import TypeAlias

from ..protocol import Ingested
from .calls import Call, Calls

REFUSALS = (ValueError, LookupError, OverflowError, BufferError, MemoryError)
"""What an implementation raises for a message that it does not take."""

ShortWay: TypeAlias = Callable[["str | memoryview"], bool]
"""Takes a message; False if it was not for the short way, and then nothing was done."""


def no_way(_message: str | memoryview) -> bool:
    """The short way of a connection that has none."""
    return False


def short_way(hub: Calls, call: Call, form: str, ended: Callable[[Ingested], bool]) -> ShortWay:
    """The short way of the messages of a connection's one call: they are told its id, and reach no other.

    `ended` is asked what is to become of a message that was no audio.
    """
    take, key, numbers = hub.ingest, call.key, call.sequence
    stamp = call.stamps.append if call.stamps is not None else None
    assert take is not None

    def ingest(message: str | memoryview) -> bool:
        # Nothing in a message is longer than the message: so this one passes no limit, whatever is in it.
        left = call.left - len(message)
        if left < 0 or hub.full:
            return False
        try:
            done = take(message, format=form, call_id=key)
        except REFUSALS:
            return False
        if done.kind != "appended":
            return ended(done)
        if stamp is not None:
            stamp(monotonic_ns())
        call.left = left
        number = done.sequence
        if number is not None:
            if number == numbers.expected:
                numbers.expected = number + 1
            else:
                numbers.seen(number)
        return True

    return ingest
