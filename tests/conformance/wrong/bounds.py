"""Faults of what bounds a processor."""

# ruff: noqa: N801
from __future__ import annotations

from typing import Any

from ..reference import AudioProcessor, whole
from .table import wrong


@wrong("limits", "machine")
class max_bytes_is_ignored(AudioProcessor):
    def admit(self, more: int) -> None:
        pass


@wrong("limits")
class max_bytes_cannot_be_reached(AudioProcessor):
    def admit(self, more: int) -> None:
        super().admit(more + 1)


@wrong("limits")
class max_bytes_is_not_named(AudioProcessor):
    def admit(self, more: int) -> None:
        try:
            super().admit(more)
        except OverflowError:
            raise OverflowError("too much") from None


@wrong("limits", "machine")
class max_calls_is_ignored(AudioProcessor):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.max_calls = None


@wrong("limits")
class max_calls_cannot_be_reached(AudioProcessor):
    def open(self, call_id: str) -> Any:
        if self.max_calls is not None and len(self.calls) + 1 >= max(self.max_calls, 2):
            raise OverflowError(f"limited to {self.max_calls} calls")
        return super().open(call_id)


@wrong("limits", "machine")
class max_calls_is_not_named(AudioProcessor):
    def open(self, call_id: str) -> Any:
        try:
            return super().open(call_id)
        except OverflowError:
            raise OverflowError("too many") from None


@wrong("limits")
class max_calls_counts_calls_ever(AudioProcessor):
    ever = 0

    def open(self, call_id: str) -> Any:
        if self.max_calls is not None and self.ever >= self.max_calls:
            raise OverflowError(f"limited to {self.max_calls} calls")
        self.ever += 1
        return super().open(call_id)


@wrong("limits")
class max_calls_comes_before_the_id(AudioProcessor):
    def open(self, call_id: str) -> Any:
        if self.max_calls is not None and len(self.calls) >= self.max_calls:
            raise OverflowError(f"limited to {self.max_calls} calls")
        return super().open(call_id)


@wrong("limits")
class bounds_fit_64_bits(AudioProcessor):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if max(self.max_calls or 0, self.max_bytes or 0) > 2**62:
            raise OverflowError("too big")


@wrong("limits")
class options_may_be_anything(AudioProcessor):
    def __init__(self, **options: Any) -> None:
        super().__init__(**{name: self.number(value) for name, value in options.items()})

    def number(self, value: Any) -> Any:
        """Anything as a number, or none."""
        try:
            return None if value is None else whole(abs(int(value)))
        except TypeError:
            return 16


@wrong("limits")
class limit_does_not_reach_the_buffers(AudioProcessor):
    def open(self, call_id: str) -> Any:
        buffer = super().open(call_id)
        buffer.limit = None
        return buffer


@wrong("limits")
class limit_is_over_all_calls(AudioProcessor):
    def admit(self, more: int) -> None:
        super().admit(more)
        if self.limit is not None and self.total_bytes + more > self.limit:
            raise OverflowError(f"limited to {self.limit}")
