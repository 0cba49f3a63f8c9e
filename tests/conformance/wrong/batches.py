"""Faults of batches."""

# ruff: noqa: N801
from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from ..reference import AudioBuffer
from .table import wrong


@wrong("failures", "batches", "machine")
class keeps_part_of_a_batch(AudioBuffer):
    def decoded_batch(self, items: list[Any]) -> list[bytes]:
        for number, item in enumerate(items):
            try:
                self.add([self.decoded(item, 0)])
            except (TypeError, ValueError, OverflowError) as error:
                self.mark(error, number)
                raise
        return []


@wrong("errors", "machine")
class batch_does_not_name_its_item(AudioBuffer):
    def mark(self, error: Any, number: int) -> None:
        pass


@wrong("errors", "machine")
class item_is_counted_from_one(AudioBuffer):
    def mark(self, error: Any, number: int) -> None:
        error.chunk_index = number + 1


@wrong("errors", "machine")
class types_come_first_in_a_batch(AudioBuffer):
    def decoded_batch(self, items: list[Any]) -> list[bytes]:
        for number, item in enumerate(items):
            try:
                self.codec.text(item)
            except TypeError as error:
                self.mark(error, number)
                raise
        return super().decoded_batch(items)


@wrong("batches")
class batch_is_a_list(AudioBuffer):
    def drain(self, chunks: Iterable[Any]) -> list[Any]:
        if not isinstance(chunks, list):
            raise TypeError("a batch is a list")
        return chunks


@wrong("batches")
class batch_may_be_a_chunk(AudioBuffer):
    def drain(self, chunks: Iterable[Any]) -> list[Any]:
        return [chunks] if isinstance(chunks, str) else list(chunks)


@wrong("batches")
class batch_may_be_a_number(AudioBuffer):
    def drain(self, chunks: Iterable[Any]) -> list[Any]:
        return [] if chunks is None or isinstance(chunks, int) else super().drain(chunks)


@wrong("batches")
class batch_is_used_up(AudioBuffer):
    def drain(self, chunks: Iterable[Any]) -> list[Any]:
        items = super().drain(chunks)
        if isinstance(chunks, list) and chunks:
            chunks.pop()
        return items


@wrong("batches")
class errors_of_the_iterable_are_hidden(AudioBuffer):
    def drain(self, chunks: Iterable[Any]) -> list[Any]:
        if isinstance(chunks, str) or self.is_buffer(chunks):
            raise TypeError("no batch")
        items = []
        try:
            for item in chunks:
                items.append(item)  # noqa: PERF402, what came before an error is kept
        except TypeError:
            raise
        except Exception as error:
            raise ValueError("bad iterable") from error
        return items


@wrong("batches", "machine")
class batch_is_decoded_while_drained(AudioBuffer):
    def drain(self, chunks: Iterable[Any]) -> list[Any]:
        return super().drain(item for item in chunks if self.codec.decode(item) or True)


@wrong("batches", "machine", "threads")
class batch_is_not_checked_again(AudioBuffer):
    def extend(self, chunks: Any, /) -> int:
        self.check()
        before = bytes(self.data)
        parts = [self.decoded(chunk, 0) for chunk in self.drain(chunks)]
        # What the iterable did to the buffer meanwhile is lost.
        time.sleep(0)
        self.data = bytearray(before)
        return super().add(parts)


@wrong("batches")
class batch_holds_a_lock_on_the_buffer(AudioBuffer):
    draining = False

    def check(self) -> None:
        if self.draining:
            raise BufferError("a batch is being drained")
        super().check()

    def drain(self, chunks: Iterable[Any]) -> list[Any]:
        self.draining = True
        try:
            return super().drain(chunks)
        finally:
            self.draining = False


@wrong("batches")
class iterable_comes_before_the_view(AudioBuffer):
    def extend(self, chunks: Any, /) -> int:
        return super().extend(self.drain(chunks))


@wrong("batches", "machine")
class batch_counts_as_one(AudioBuffer):
    def add(self, parts: list[bytes]) -> int:
        return super().add([b"".join(parts)])


@wrong("batches")
class batch_is_of_one_type(AudioBuffer):
    def decoded_batch(self, items: list[Any]) -> list[bytes]:
        if len({type(item) for item in items}) > 1:
            raise TypeError("a batch is of one type")
        return super().decoded_batch(items)
