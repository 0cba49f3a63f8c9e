"""Faults of what `ingest` takes as its arguments, and of what it keeps of them."""

# ruff: noqa: N801
from __future__ import annotations

import ctypes
from typing import Any

from ..inputs import MisleadingText
from ..reference import AudioProcessor
from .table import wrong


@wrong("ingest_inputs")
class messages_of_a_str_subclass_are_asked(AudioProcessor):
    def symbols(self, message: Any) -> Any:
        return super().symbols(str(message) if isinstance(message, MisleadingText) else message)


@wrong("ingest_inputs")
class takes_no_buffer_but_bytes(AudioProcessor):
    def symbols(self, message: Any) -> Any:
        if not isinstance(message, (str, bytes, bytearray)):
            raise TypeError("no message")
        return super().symbols(message)


@wrong("ingest_inputs")
class takes_items_of_any_size(AudioProcessor):
    def symbols(self, message: Any) -> Any:
        if isinstance(message, str):
            return super().symbols(message)
        with self.buffer.codec.memory(message) as view:
            return view.tobytes()


class Looks(AudioProcessor):
    """Reads a byte that is not the message's."""

    def place(self, size: int) -> int:
        """Where that is, from the first byte of a message of so many."""
        raise NotImplementedError

    def symbols(self, message: Any) -> Any:
        if isinstance(message, memoryview) and len(message) > 8 and not message.readonly:
            held = (ctypes.c_char * len(message)).from_buffer(message)
            ctypes.string_at(ctypes.addressof(held) + self.place(len(message)), 1)
        return super().symbols(message)


@wrong("ingest_edges")
class looks_behind_the_message(Looks):
    def place(self, size: int) -> int:
        return size


@wrong("ingest_edges")
class looks_before_the_message(Looks):
    def place(self, size: int) -> int:
        return -1


@wrong("ingest_inputs")
class slices_are_read_beyond_their_end(AudioProcessor):
    def symbols(self, message: Any) -> Any:
        if isinstance(message, memoryview) and isinstance(message.obj, (bytes, bytearray)):
            return bytes(message.obj)
        return super().symbols(message)


class Plain(AudioProcessor):
    """Hands its arguments on; a fault lies before or behind."""

    def whole(self, message: Any, **options: Any) -> Any:
        """The right thing."""
        return super().ingest(message, **options)


@wrong("ingest_inputs")
class errors_hold_the_memory(Plain):
    def ingest(self, message: Any, /, **options: Any) -> Any:
        try:
            return self.whole(message, **options)
        except ValueError as error:
            if isinstance(message, bytearray):
                error.view = memoryview(message)  # type: ignore[attr-defined]
            raise


@wrong("ingest_inputs")
class unescapes_in_place(Plain):
    def ingest(self, message: Any, /, **options: Any) -> Any:
        result = self.whole(message, **options)
        if isinstance(message, bytearray):
            message[:] = message.replace(b"\\u0041", b"A     ")
        return result


@wrong("ingest_inputs", "ingest_leaks")
class keeps_messages(Plain):
    def ingest(self, message: Any, /, **options: Any) -> Any:
        self.__dict__.setdefault("kept", []).append(message)
        return self.whole(message, **options)


@wrong("ingest_leaks")
class keeps_formats(Plain):
    def ingest(self, message: Any, /, **options: Any) -> Any:
        self.__dict__.setdefault("kept", []).append(options["format"])
        return self.whole(message, **options)


@wrong("ingest_leaks")
class keeps_bound_ids(Plain):
    def ingest(self, message: Any, /, **options: Any) -> Any:
        self.__dict__.setdefault("kept", []).append(options.get("call_id"))
        return self.whole(message, **options)


@wrong("ingest_leaks")
class leaves_an_object_behind(Plain):
    kept: list[Any] = []  # noqa: RUF012, one list for all

    def ingest(self, message: Any, /, **options: Any) -> Any:
        self.kept.append(object())
        return self.whole(message, **options)


@wrong("ingest_inputs")
class unknown_formats_are_callbot(AudioProcessor):
    def form(self, format: Any) -> str:
        try:
            return super().form(format)
        except ValueError:
            return "callbot"


@wrong("ingest_inputs")
class format_that_is_no_str_is_unknown(AudioProcessor):
    def form(self, format: Any) -> str:
        if not isinstance(format, str):
            raise ValueError("unknown format")
        return super().form(format)


@wrong("ingest_inputs")
class formats_are_known_by_their_type(AudioProcessor):
    def form(self, format: Any) -> str:
        if type(format) is not str:
            raise TypeError("a format is a str")
        return super().form(format)


@wrong("ingest_inputs")
class bound_id_may_be_anything(AudioProcessor):
    def bound(self, call_id: Any) -> str:
        return call_id if isinstance(call_id, str) else "c1"


@wrong("ingest_inputs")
class bound_id_is_asked_for_its_text(AudioProcessor):
    def bound(self, call_id: Any) -> str:
        super().bound(call_id)
        return str(call_id)


@wrong("ingest_inputs")
class format_is_callbot_unless_told(Plain):
    def ingest(self, message: Any, /, *, format: Any = "callbot", call_id: Any = None) -> Any:
        return self.whole(message, format=format, call_id=call_id)


@wrong("ingest_inputs")
class format_may_come_by_position(Plain):
    def ingest(self, message: Any, /, format: Any, call_id: Any = None) -> Any:
        return self.whole(message, format=format, call_id=call_id)


@wrong("ingest_inputs")
class call_id_may_come_by_position(Plain):
    def ingest(self, message: Any, call_id: Any = None, /, *, format: Any) -> Any:
        return self.whole(message, format=format, call_id=call_id)


@wrong("ingest_inputs")
class message_may_come_by_name(Plain):
    def ingest(self, message: Any, *, format: Any, call_id: Any = None) -> Any:
        return self.whole(message, format=format, call_id=call_id)


@wrong("ingest_inputs")
class swallows_unknown_arguments(Plain):
    def ingest(self, message: Any, /, *, format: Any, call_id: Any = None, **more: Any) -> Any:
        return self.whole(message, format=format, call_id=call_id)


@wrong("ingest_inputs")
class none_is_no_call_id(Plain):
    def ingest(self, message: Any, /, **options: Any) -> Any:
        if options.get("call_id", "") is None:
            raise TypeError("a call id is a str")
        return self.whole(message, **options)


@wrong("ingest_inputs")
class text_comes_before_the_format(Plain):
    def ingest(self, message: Any, /, **options: Any) -> Any:
        position = self.refusal(self.symbols(message))
        if position is not None:
            raise self.no_json(position)
        return self.whole(message, **options)
