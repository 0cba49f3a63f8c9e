"""Faults of the processor."""

# ruff: noqa: N801
from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

from ..reference import AudioBuffer, AudioProcessor
from .table import wrong


@wrong("views", "failures", "machine")
class close_with_a_view_loses_the_call(AudioProcessor):
    def close(self, call_id: str) -> bytes:
        buffer = self[call_id]
        self.calls.pop(self.key(call_id))
        taken: bytes = buffer.take()
        buffer.closed = True
        return taken

    def discard(self, call_id: str) -> None:
        self.close(call_id)


@wrong("views", "machine")
class ends_calls_under_a_view(AudioProcessor):
    def close(self, call_id: str) -> bytes:
        buffer = self[call_id]
        taken = bytes(buffer.data)
        buffer.data = bytearray()
        self.forget(call_id)
        return taken

    def discard(self, call_id: str) -> None:
        self.close(call_id)


@wrong("processor", "machine")
class closed_buffers_stay_open(AudioProcessor):
    def forget(self, call_id: str) -> None:
        self.calls.pop(self.key(call_id))


@wrong("processor")
class closed_buffers_forget_their_counters(AudioProcessor):
    def forget(self, call_id: str) -> None:
        buffer = self[call_id]
        super().forget(call_id)
        buffer.chunk_count = buffer.total_bytes = buffer.reallocations = 0


class Holding(AudioBuffer):
    """A buffer that keeps its reservation when it is closed."""

    @property
    def capacity(self) -> int:
        """Bytes reserved once."""
        return self.reserved

    def __len__(self) -> int:
        return len(self.data)


@wrong("processor")
class closed_buffers_keep_their_memory(AudioProcessor):
    buffer = Holding


@wrong("processor", "machine")
class any_object_is_an_id(AudioProcessor):
    def key(self, call_id: Any) -> str:
        return str(call_id) if not isinstance(call_id, str) else str.__str__(call_id)


@wrong("processor", "machine")
class in_knows_no_wrong_type(AudioProcessor):
    def __contains__(self, call_id: object) -> bool:
        return isinstance(call_id, str) and super().__contains__(call_id)


@wrong("processor")
class ids_are_kept_as_they_come(AudioProcessor):
    def key(self, call_id: Any) -> str:
        super().key(call_id)
        found: str = call_id
        return found


@wrong("processor")
class ids_are_asked_for_their_text(AudioProcessor):
    def key(self, call_id: Any) -> str:
        super().key(call_id)
        return str(call_id)


@wrong("processor", "machine")
class ids_are_utf8(AudioProcessor):
    def key(self, call_id: Any) -> str:
        return super().key(call_id).encode().decode()


@wrong("processor")
class ids_end_at_zero(AudioProcessor):
    def key(self, call_id: Any) -> str:
        return super().key(call_id).split("\0")[0]


@wrong("processor")
class unknown_ids_are_opened(AudioProcessor):
    def __getitem__(self, call_id: str) -> Any:
        return self.calls[self.key(call_id)] if call_id in self else self.open(call_id)


@wrong("processor", "machine")
class unknown_ids_are_a_value_error(AudioProcessor):
    def __getitem__(self, call_id: str) -> Any:
        try:
            return super().__getitem__(call_id)
        except KeyError:
            raise ValueError(call_id) from None


@wrong("errors")
class looks_at_the_chunk_before_the_id(AudioProcessor):
    def append(self, call_id: str, chunk: Any) -> int:
        AudioBuffer.codec.text(chunk)
        return super().append(call_id, chunk)


@wrong("processor", "machine")
class opens_twice(AudioProcessor):
    def open(self, call_id: str) -> Any:
        key = self.key(call_id)
        return self.calls[key] if key in self.calls else super().open(key)


@wrong("processor", "machine")
class item_is_another_object(AudioProcessor):
    def __getitem__(self, call_id: str) -> Any:
        buffer = super().__getitem__(call_id)
        twin = AudioBuffer(0)
        twin.__dict__ = buffer.__dict__
        return twin


@wrong("processor")
class close_hands_out_a_bytearray(AudioProcessor):
    def close(self, call_id: str) -> Any:
        return bytearray(super().close(call_id))


@wrong("processor")
class close_hands_out_nothing(AudioProcessor):
    def close(self, call_id: str) -> bytes:
        super().close(call_id)
        return b"\0"


@wrong("processor", "machine")
class discard_hands_out_the_bytes(AudioProcessor):
    def discard(self, call_id: str) -> Any:
        return self.close(call_id)


@wrong("processor", "machine")
class discard_only_empties(AudioProcessor):
    def discard(self, call_id: str) -> None:
        self[call_id].clear()


@wrong("processor", "machine")
class ids_are_sorted(AudioProcessor):
    def call_ids(self) -> list[str]:
        return sorted(self.calls)


@wrong("processor")
class ended_ids_keep_their_place(AudioProcessor):
    def call_ids(self) -> list[str]:
        seen: dict[str, None] = self.__dict__.setdefault("seen", {})
        seen.update(dict.fromkeys(self.calls))
        return [call_id for call_id in seen if call_id in self.calls]

    def forget(self, call_id: str) -> None:
        self.call_ids()
        super().forget(call_id)


@wrong("processor")
class ids_are_a_live_list(AudioProcessor):
    def call_ids(self) -> Any:
        live: list[str] = self.__dict__.setdefault("live", [])
        if len(live) < len(self.calls) and not self.__dict__.get("told"):
            live[:] = list(self.calls)
            self.told = True
        return live


@wrong("processor", "machine")
class total_counts_bytes_ever(AudioProcessor):
    @property
    def total_bytes(self) -> int:
        """Bytes ever added to open calls."""
        return sum(buffer.total_bytes for buffer in self.calls.values())


@wrong("processor", "machine")
class total_ignores_emptying(AudioProcessor):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.ended = 0

    @property
    def total_bytes(self) -> int:
        """Bytes held by calls, also by those that ended."""
        return self.ended + sum(len(buffer.data) for buffer in self.calls.values())

    def close(self, call_id: str) -> bytes:
        taken = super().close(call_id)
        self.ended += len(taken)
        return taken

    def discard(self, call_id: str) -> None:
        self.close(call_id)


@wrong("processor", "threads")
class forgets_to_close(AudioProcessor):
    """Every third call that ends stays in the table."""

    ended = 0

    def __len__(self) -> int:
        return len(self.calls) + (self.ended + 2) // 3

    def forget(self, call_id: str) -> None:
        super().forget(call_id)
        self.ended += 1


@wrong("processor")
class new_processor_has_a_call(AudioProcessor):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        super().open("a")

    def open(self, call_id: str) -> Any:
        if call_id == "a" and "a" in self and not self["a"].chunk_count:
            self.discard("a")
        return super().open(call_id)


@wrong("processor")
class processors_share_their_calls(AudioProcessor):
    shared: dict[str, Any] = {}  # noqa: RUF012, one table for all is the fault

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.calls = self.shared
        if len(self.shared) != 1 or options.get("capacity") != 64 or self.total_bytes:
            self.shared.clear()


@wrong("processor")
class buffers_die_with_the_processor(AudioProcessor):
    def __del__(self) -> None:
        for buffer in self.calls.values():
            buffer.closed = True

    def open(self, call_id: str) -> Any:
        buffer = super().open(call_id)
        buffer.processor = None
        return buffer


@wrong("processor", "machine")
class processor_adds_batches_one_by_one(AudioProcessor):
    def extend(self, call_id: str, chunks: Iterable[Any]) -> int:
        return sum(self.append(call_id, chunk) for chunk in chunks)


@wrong("processor")
class processor_tells_the_length(AudioProcessor):
    def append(self, call_id: str, chunk: Any) -> int:
        super().append(call_id, chunk)
        return len(self[call_id])

    def extend(self, call_id: str, chunks: Iterable[Any]) -> int:
        super().extend(call_id, chunks)
        return len(self[call_id])


@wrong("errors", "machine")
class processor_does_not_name_the_item(AudioProcessor):
    def extend(self, call_id: str, chunks: Iterable[Any]) -> int:
        try:
            return super().extend(call_id, chunks)
        except (TypeError, ValueError, OverflowError) as error:
            with contextlib.suppress(AttributeError):
                del error.chunk_index  # type: ignore[union-attr]
            raise


@wrong("inputs")
class processor_knows_str_only(AudioProcessor):
    def append(self, call_id: str, chunk: Any) -> int:
        if not isinstance(chunk, str):
            raise TypeError("only str")
        return super().append(call_id, chunk)


@wrong("buffer")
class capacity_does_not_reach_the_buffers(AudioProcessor):
    def open(self, call_id: str) -> Any:
        capacity, self.capacity = self.capacity, 7
        try:
            return super().open(call_id)
        finally:
            self.capacity = capacity


@wrong("buffer")
class open_forgets_a_failed_reservation(AudioProcessor):
    def open(self, call_id: str) -> Any:
        try:
            return super().open(call_id)
        except MemoryError:
            self.calls[call_id] = None
            raise


@wrong("leaks")
class keeps_every_id(AudioProcessor):
    def key(self, call_id: Any) -> str:
        self.__dict__.setdefault("kept", []).append(call_id)
        return super().key(call_id)


@wrong("leaks")
class processor_keeps_chunks(AudioProcessor):
    def append(self, call_id: str, chunk: Any) -> int:
        self.__dict__.setdefault("kept", []).append(chunk)
        return super().append(call_id, chunk)


class Unlocked(AudioProcessor):
    """A processor whose lock does nothing; each look at the calls gives others their turn."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.lock = nullcontext()

    def admit(self, more: int) -> None:
        """Give others their turn after looking."""
        super().admit(more)
        time.sleep(0)

    def key(self, call_id: Any) -> str:
        """Give others their turn before looking."""
        time.sleep(0)
        return super().key(call_id)


@wrong("threads")
class processor_does_not_lock(Unlocked):
    def open(self, call_id: str) -> Any:
        known = call_id in self.calls or len(self.calls) == self.max_calls
        time.sleep(1e-4)  # long enough for the others on a busy machine too
        if not known:
            self.calls.pop(call_id, None)
            bound, self.max_calls = self.max_calls, None
            try:
                return super().open(call_id)
            finally:
                self.max_calls = bound
        return super().open(call_id)
