"""Faults in what is said and offered."""

# ruff: noqa: N801
from __future__ import annotations

from typing import Any

from ..reference import AudioBuffer, AudioProcessor, Codec
from .table import wrong


@wrong("build")
def build_is_no_mapping(made: Any) -> None:
    made.BUILD = list(made.BUILD.items())


@wrong("build")
def build_is_empty(made: Any) -> None:
    made.BUILD = {}


@wrong("build")
def build_says_nothing(made: Any) -> None:
    made.BUILD = dict.fromkeys(made.BUILD, " ")


@wrong("build")
def decode_is_missing(made: Any) -> None:
    made.decode = None


@wrong("build")
def decode_takes_a_name(made: Any) -> None:
    made.decode = lambda chunk: Codec().decode(chunk)


@wrong("build")
def decode_takes_anything(made: Any) -> None:
    made.decode = lambda *chunks: b"".join(map(Codec().decode, chunks))


@wrong("build")
def buffer_has_no_methods(made: Any) -> None:
    made.AudioBuffer = type("AudioBuffer", (), {"__init__": lambda self, capacity=0: None})


@wrong("build")
def processor_has_no_methods(made: Any) -> None:
    made.AudioProcessor = type("AudioProcessor", (), {})


@wrong("build")
class capacity_has_another_name(AudioBuffer):
    def __init__(self, size: int = 10 * 2**20, *, limit: int | None = None) -> None:
        super().__init__(size, limit=limit)


@wrong("build")
class limit_has_a_place(AudioBuffer):
    def __init__(self, capacity: int = 2**20, limit: int | None = None) -> None:
        super().__init__(capacity, limit=limit)


@wrong("build")
class no_limit_is_refused(AudioBuffer):
    def __init__(self, capacity: int = 0, *, limit: Any = 2**20) -> None:
        super().__init__(2 * int(capacity), limit=limit + 0)


@wrong("build")
class chunks_have_names(AudioBuffer):
    def append(self, chunk: Any) -> int:
        return super().append(chunk)

    def extend(self, chunks: Any) -> int:
        return super().extend(chunks)

    def append_pcm(self, pcm: Any) -> int:
        return super().append_pcm(pcm)


@wrong("build")
class methods_take_anything(AudioBuffer):
    def append(self, chunk: Any = "", *more: Any) -> int:
        return super().append(chunk)

    def take(self, *more: Any) -> bytes:
        return super().take()


@wrong("build")
class options_have_places(AudioProcessor):
    def __init__(self, capacity: int = 2**20, **options: Any) -> None:
        options.pop("size", None)
        super().__init__(capacity=capacity, **options)


@wrong("build")
class no_options_are_refused(AudioProcessor):
    def __init__(self, *, capacity: int = 2**20, max_bytes: Any = 2**30, **options: Any) -> None:
        super().__init__(capacity=capacity, max_bytes=max_bytes + 0, **options)


@wrong("build")
class ids_have_no_names(AudioProcessor):
    def append(self, call_id: str, chunk: Any, /) -> int:
        return super().append(call_id, chunk)


@wrong("build")
class ids_have_to_be_named(AudioProcessor):
    def close(self, *, call_id: str) -> bytes:  # type: ignore[override]
        return super().close(call_id)


@wrong("build")
class counts_from_one(AudioBuffer):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.chunk_count = self.total_bytes = self.reallocations = 1


@wrong("build")
class total_counts_from_one(AudioProcessor):
    total_bytes = 1
