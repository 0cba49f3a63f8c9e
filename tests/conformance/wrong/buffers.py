"""Faults of the buffer."""

# ruff: noqa: N801
from __future__ import annotations

import contextlib
import time
from typing import Any

from ..reference import AudioBuffer
from .table import wrong


@wrong("failures", "machine")
class counts_failures(AudioBuffer):
    def decoded(self, chunk: Any, before: int) -> bytes:
        self.count(1, 0)
        made = super().decoded(chunk, before)
        self.count(-1, 0)
        return made


@wrong("failures")
class keeps_part_of_a_bad_chunk(AudioBuffer):
    def append(self, chunk: Any, /) -> int:
        try:
            return super().append(chunk)
        except ValueError:
            if isinstance(chunk, str) and len(chunk) > 8:
                with contextlib.suppress(ValueError):
                    self.data += self.codec.decode(chunk[:8])
            raise


@wrong("errors")
class closed_comes_after_the_chunk(AudioBuffer):
    def append(self, chunk: Any, /) -> int:
        self.codec.decode(chunk)
        return super().append(chunk)

    def append_pcm(self, pcm: Any, /) -> int:
        memoryview(pcm)
        return super().append_pcm(pcm)


@wrong("buffer", "machine")
class nothing_does_not_count(AudioBuffer):
    def add(self, parts: list[bytes]) -> int:
        return super().add([part for part in parts if part])


@wrong("buffer")
class tells_the_length(AudioBuffer):
    def add(self, parts: list[bytes]) -> int:
        super().add(parts)
        return len(self.data)


@wrong("buffer")
class adds_in_front(AudioBuffer):
    def add(self, parts: list[bytes]) -> int:
        added = super().add(parts)
        self.data[:] = self.data[len(self.data) - added :] + self.data[: len(self.data) - added]
        return added


@wrong("buffer", "machine")
class raw_audio_is_decoded(AudioBuffer):
    def raw(self, pcm: Any) -> bytes:
        with contextlib.suppress(ValueError):
            return self.codec.decode(pcm)
        return super().raw(pcm)


@wrong("inputs")
class raw_audio_may_be_text(AudioBuffer):
    def raw(self, pcm: Any) -> bytes:
        return super().raw(pcm.encode() if isinstance(pcm, str) else pcm if pcm else b"")


@wrong("inputs")
class raw_audio_is_bytes(AudioBuffer):
    def raw(self, pcm: Any) -> bytes:
        if type(pcm) is not bytes:
            raise TypeError("only bytes")
        return super().raw(pcm)


@wrong("buffer", "machine")
class take_leaves_the_contents(AudioBuffer):
    def empty(self) -> None:
        pass


@wrong("buffer", "machine")
class emptying_resets_the_counters(AudioBuffer):
    def empty(self) -> None:
        super().empty()
        self.chunk_count = self.total_bytes = 0


@wrong("buffer")
class take_hands_out_a_bytearray(AudioBuffer):
    def take(self) -> Any:
        return bytearray(super().take())


class Alias(bytes):
    """Bytes that compare as the memory they came from."""

    source = bytearray()

    def __eq__(self, other: object) -> bool:
        return bytes(self.source) == other

    __hash__ = None  # type: ignore[assignment]


@wrong("buffer", "leaks")
class taken_bytes_are_shared(AudioBuffer):
    def take(self) -> bytes:
        handed = Alias(super().take())
        handed.source = self.data if handed else bytearray()
        self.handed = handed
        return handed


@wrong("buffer")
class clear_returns_what_it_dropped(AudioBuffer):
    def clear(self) -> Any:
        return self.take()


@wrong("buffer")
class emptying_closes(AudioBuffer):
    def take(self) -> bytes:
        taken = super().take()
        self.closed = self.processor is None
        return taken

    def clear(self) -> None:
        self.take()


@wrong("buffer", "machine")
class raw_audio_is_not_counted(AudioBuffer):
    def append_pcm(self, pcm: Any, /) -> int:
        added = super().append_pcm(pcm)
        self.count(-1, -added)
        return added


@wrong("buffer")
class raw_audio_is_not_copied(AudioBuffer):
    source: Any = None

    def append_pcm(self, pcm: Any, /) -> int:
        self.source = pcm if isinstance(pcm, bytearray) else None
        return super().append_pcm(pcm)

    def view(self) -> memoryview:
        return super().view() if self.source is None else memoryview(self.source).toreadonly()


@wrong("buffer")
class buffers_share_their_memory(AudioBuffer):
    shared = bytearray()

    def __init__(self, capacity: int = 10 * 2**20, *, limit: int | None = None) -> None:
        super().__init__(capacity, limit=limit)
        if capacity == 64:
            self.data = self.shared


@wrong("buffer")
class capacity_is_rounded_up(AudioBuffer):
    def reserve(self, capacity: int, limit: int | None) -> int:
        return super().reserve(capacity, limit) // 4096 * 4096 + 4096


@wrong("buffer")
class capacity_never_grows(AudioBuffer):
    def add(self, parts: list[bytes]) -> int:
        before = self.reserved
        added = super().add(parts)
        self.reserved = before
        return added


@wrong("buffer")
class emptying_gives_memory_back(AudioBuffer):
    def empty(self) -> None:
        super().empty()
        self.reserved = 0


@wrong("buffer")
class growing_loses_the_contents(AudioBuffer):
    def add(self, parts: list[bytes]) -> int:
        before = self.reallocations
        added = super().add(parts)
        if self.reallocations > before:
            self.data[:-added] = bytes(len(self.data) - added)
            self.data[-1:] = b"\1"
        return added


@wrong("buffer")
class growing_is_not_counted(AudioBuffer):
    def add(self, parts: list[bytes]) -> int:
        added = super().add(parts)
        self.reallocations = 0
        return added


@wrong("buffer")
class grows_for_slack(AudioBuffer):
    def add(self, parts: list[bytes]) -> int:
        added = super().add(parts)
        if len(self.data) == self.reserved:
            self.reserved += 64
            self.reallocations += 1
        return added


@wrong("buffer")
class grows_for_what_is_refused(AudioBuffer):
    def decoded(self, chunk: Any, before: int) -> bytes:
        size = len(self.data) + len(self.codec.text(chunk)) // 4 * 3
        if size > self.reserved:
            self.reserved = size
            self.reallocations += 1
        return super().decoded(chunk, before)


@wrong("buffer")
class reserves_nothing(AudioBuffer):
    def reserve(self, capacity: int, limit: int | None) -> int:
        return capacity if limit is None else min(capacity, limit)


@wrong("buffer")
class accepts_negative_numbers(AudioBuffer):
    def __init__(self, capacity: int = 10 * 2**20, *, limit: int | None = None) -> None:
        super().__init__(max(0, capacity), limit=None if limit is None else max(0, limit))


@wrong("buffer")
class accepts_what_looks_like_a_number(AudioBuffer):
    def __init__(self, capacity: Any = 10 * 2**20, *, limit: Any = None) -> None:
        super().__init__(self.number(capacity), limit=None if limit is None else self.number(limit))

    def number(self, value: Any) -> int:
        """Anything as a number."""
        try:
            return int(value)
        except TypeError:
            return 16


@wrong("buffer", "machine")
class loses_every_tenth_byte(AudioBuffer):
    def add(self, parts: list[bytes]) -> int:
        added = b"".join(parts)
        super().add([part[:9] if len(part) > 9 else part for part in parts])
        return len(added)


@wrong("inputs")
class keeps_a_view_of_refused_memory(AudioBuffer):
    kept: Any = None

    def decoded(self, chunk: Any, before: int) -> bytes:
        try:
            return super().decoded(chunk, before)
        except (ValueError, TypeError, OverflowError):
            if isinstance(chunk, bytearray | memoryview):
                AudioBuffer.refused = [*getattr(AudioBuffer, "refused", ()), memoryview(chunk)]  # type: ignore[attr-defined]
            raise


@wrong("inputs")
class keeps_raw_audio(AudioBuffer):
    def raw(self, pcm: Any) -> bytes:
        kept: list[Any] = self.__dict__.setdefault("kept", [])
        made = super().raw(pcm)
        kept += [pcm, memoryview(pcm)]
        type(self).last = kept  # type: ignore[attr-defined]
        return made


@wrong("leaks")
class keeps_chunks(AudioBuffer):
    def decoded(self, chunk: Any, before: int) -> bytes:
        self.__dict__.setdefault("kept", []).append(chunk)
        return super().decoded(chunk, before)


@wrong("leaks")
class keeps_batches(AudioBuffer):
    def drain(self, chunks: Any) -> list[Any]:
        self.__dict__.setdefault("kept", []).append(chunks)
        return super().drain(chunks)


@wrong("threads")
class does_not_lock(AudioBuffer):
    """Adding and emptying are two steps each, with time for others in between."""

    def append(self, chunk: Any, /) -> int:
        self.check()
        return self.add([self.decoded(chunk, 0)])

    def append_pcm(self, pcm: Any, /) -> int:
        self.check()
        return self.add([self.raw(pcm)])

    def count(self, chunks: int, size: int) -> None:
        before = (self.chunk_count, self.total_bytes)
        time.sleep(0)
        self.chunk_count, self.total_bytes = before[0] + chunks, before[1] + size

    def take(self) -> bytes:
        self.check()
        taken = bytes(self.data)
        time.sleep(0)
        self.empty()
        return taken


@wrong("threads")
class view_lets_others_write(AudioBuffer):
    """Who looks at the contents does not keep others from adding to them."""

    def view(self) -> memoryview:
        self.data = bytearray(self.data)
        shown = memoryview(bytes(self.data))
        time.sleep(1e-3)
        return shown


@wrong("buffer")
class order_of_bytes_is_swapped(AudioBuffer):
    def add(self, parts: list[bytes]) -> int:
        return super().add([part[::-1] for part in parts])
