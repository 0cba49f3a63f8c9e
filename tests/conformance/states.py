"""What can be seen of a buffer or a processor, to compare before and after."""

from __future__ import annotations

from typing import Any


def held(buffer: Any) -> bytes:
    """What a buffer holds now; it is read without taking it."""
    with buffer.view() as view:
        return bytes(view)


def state(buffer: Any) -> tuple[Any, ...]:
    """Contents and counters of an open buffer."""
    return (held(buffer), len(buffer), buffer.chunk_count, buffer.total_bytes)


def states(processor: Any) -> tuple[Any, ...]:
    """Contents and counters of a processor and of all its buffers."""
    ids = processor.call_ids()
    calls = {call_id: state(processor[call_id]) for call_id in ids}
    return (ids, len(processor), processor.total_bytes, calls)
