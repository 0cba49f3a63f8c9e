"""Faults of the limit and of the order of the checks."""

# ruff: noqa: N801
from __future__ import annotations

from typing import Any

from ..reference import AudioBuffer
from .table import wrong


@wrong("errors", "machine")
class limit_comes_after_the_batch(AudioBuffer):
    def decoded(self, chunk: Any, before: int) -> bytes:
        return self.codec.decode(chunk)

    def add(self, parts: list[bytes]) -> int:
        self.admit(sum(map(len, parts)), 0)
        return super().add(parts)


@wrong("errors")
class limit_comes_before_the_text(AudioBuffer):
    def decoded(self, chunk: Any, before: int) -> bytes:
        self.admit(before + len(self.codec.text(chunk)) // 4 * 3 - 2, 0)
        return super().decoded(chunk, before)


@wrong("errors")
class max_bytes_comes_before_the_limit(AudioBuffer):
    def admit(self, more: int, item: int) -> None:
        if self.processor is not None:
            self.processor.admit(more)
        self.admit_limit(more)


@wrong("limits", "machine")
class limit_is_checked_late(AudioBuffer):
    def admit_limit(self, more: int) -> None:
        if self.limit is not None and len(self.data) > self.limit:
            raise OverflowError(f"the limit is {self.limit} bytes")


@wrong("limits")
class limit_cannot_be_reached(AudioBuffer):
    def admit_limit(self, more: int) -> None:
        if self.limit is not None and len(self.data) + more >= self.limit:
            raise OverflowError(f"the limit is {self.limit} bytes")


@wrong("limits")
class limit_is_not_named(AudioBuffer):
    def admit_limit(self, more: int) -> None:
        try:
            super().admit_limit(more)
        except OverflowError:
            raise OverflowError("too much") from None


@wrong("limits", "machine")
class limit_counts_bytes_ever(AudioBuffer):
    def admit_limit(self, more: int) -> None:
        if self.limit is not None and self.total_bytes + more > self.limit:
            raise OverflowError(f"the limit is {self.limit} bytes")


@wrong("limits")
class limit_looks_at_items_alone(AudioBuffer):
    def admit(self, more: int, item: int) -> None:
        super().admit(item, item)


@wrong("limits")
class raw_audio_has_no_limit(AudioBuffer):
    def raw(self, pcm: Any) -> bytes:
        bound, self.limit, above, self.processor = self.limit, None, self.processor, None
        try:
            return super().raw(pcm)
        finally:
            self.limit, self.processor = bound, above


@wrong("limits")
class limit_does_not_cap_the_reservation(AudioBuffer):
    def reserve(self, capacity: int, limit: int | None) -> int:
        return super().reserve(capacity, None)


@wrong("limits")
class limit_is_reserved(AudioBuffer):
    def reserve(self, capacity: int, limit: int | None) -> int:
        return super().reserve(capacity if limit is None else min(limit, 2**20), limit)


@wrong("limits")
class limit_fits_64_bits(AudioBuffer):
    def __init__(self, capacity: int = 10 * 2**20, *, limit: int | None = None) -> None:
        super().__init__(capacity, limit=limit)
        if (limit or 0) > 2**62:
            raise OverflowError(f"{limit}")


@wrong("limits")
class max_bytes_is_for_each_call(AudioBuffer):
    def admit(self, more: int, item: int) -> None:
        self.admit_limit(more)
        most = None if self.processor is None else self.processor.max_bytes
        if most is not None and len(self.data) + more > most:
            raise OverflowError(f"limited to {most} bytes")
