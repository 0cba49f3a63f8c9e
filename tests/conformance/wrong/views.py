"""Faults of views."""

# ruff: noqa: N801
from __future__ import annotations

import contextlib
from typing import Any

from ..reference import AudioBuffer
from .table import wrong


@wrong("failures", "views", "machine")
class view_is_a_copy(AudioBuffer):
    def view(self) -> memoryview:
        self.check_open()
        return memoryview(bytes(self.data))


@wrong("views")
class view_is_a_guarded_copy(AudioBuffer):
    def view(self) -> memoryview:
        super().view().release()
        return memoryview(bytes(self.data))


@wrong("views")
class appends_nothing_under_a_view(AudioBuffer):
    def append(self, chunk: Any, /) -> int:
        return 0 if chunk == "" and not self.closed else super().append(chunk)

    def append_pcm(self, pcm: Any, /) -> int:
        return 0 if pcm == b"" and not self.closed else super().append_pcm(pcm)

    def extend(self, chunks: Any, /) -> int:
        return 0 if chunks == [] and not self.closed else super().extend(chunks)


@wrong("views")
class empty_view_guards_nothing(AudioBuffer):
    def view(self) -> memoryview:
        return super().view() if self.data else memoryview(b"")


@wrong("views")
class view_can_be_written(AudioBuffer):
    def view(self) -> memoryview:
        super().view().release()
        return memoryview(self.data)


@wrong("views")
class view_has_another_format(AudioBuffer):
    def view(self) -> Any:
        return super().view().cast("c")


@wrong("views", "machine")
class takes_under_a_view(AudioBuffer):
    def empty(self) -> None:
        self.data = bytearray()

    def check(self) -> None:
        self.check_open()
        with contextlib.suppress(BufferError):
            self.check_view()

    def add(self, parts: list[bytes]) -> int:
        self.check_view()
        return super().add(parts)


@wrong("views", "machine")
class view_counts_forever(AudioBuffer):
    viewed = False

    def check_view(self) -> None:
        if self.viewed:
            raise BufferError("it was viewed once")

    def view(self) -> memoryview:
        shown = super().view()
        if len(shown) > 5:  # so that a look at little does no harm
            self.viewed = True
        return shown


@wrong("views")
class view_counts_for_all(AudioBuffer):
    viewed: list[memoryview] = []  # noqa: RUF012, one list for all is the fault

    def check_view(self) -> None:
        super().check_view()
        with contextlib.suppress(ValueError):
            if self.viewed and self.viewed[-1].nbytes == 6:
                raise BufferError("another buffer is viewed")

    def view(self) -> memoryview:
        self.viewed[:] = [super().view()]
        return self.viewed[-1]


@wrong("views", "machine")
class first_release_counts_for_all_views(AudioBuffer):
    last: memoryview | None = None

    def check_view(self) -> None:
        if self.last is not None:
            with contextlib.suppress(ValueError):
                len(self.last)
                raise BufferError("viewed")

    def add(self, parts: list[bytes]) -> int:
        self.data = self.data + b"".join(parts)
        self.count(len(parts), sum(map(len, parts)))
        return sum(map(len, parts))

    def empty(self) -> None:
        self.data = bytearray()

    def view(self) -> memoryview:
        self.last = super().view()
        return self.last


@wrong("views")
class view_dies_with_the_buffer(AudioBuffer):
    def __del__(self) -> None:
        if self.data:
            self.data[:] = b"\xff" * len(self.data)


@wrong("views")
class cannot_be_read_under_a_view(AudioBuffer):
    def __len__(self) -> int:
        self.check_view()
        return super().__len__()


@wrong("views")
class is_bytes_itself(bytearray, AudioBuffer):  # type: ignore[misc]
    __init__ = AudioBuffer.__init__
    append = AudioBuffer.append  # type: ignore[assignment]
    extend = AudioBuffer.extend  # type: ignore[assignment]
    clear = AudioBuffer.clear
    __len__ = AudioBuffer.__len__
