"""Faults of the decoder."""

# ruff: noqa: N801
from __future__ import annotations

import binascii
import ctypes
import re
from typing import Any

from ..reference import Codec
from .table import wrong

URL = str.maketrans("-_", "+/")


@wrong("decode", "vectors", "errors", "machine")
class accepts_spare_bits(Codec):
    def spare_bits_allowed(self, spare: int) -> bool:
        return True


@wrong("decode", "vectors")
class refuses_padding(Codec):
    def spare_bits_allowed(self, spare: int) -> bool:
        return False


@wrong("vectors")
class accepts_padding_behind_a_whole_quad(Codec):
    def decode_text(self, text: str) -> bytes:
        whole = len(text) > 4 and len(text) % 4 == 1 and text[-1] == "=" and text[-2] != "="
        return super().decode_text(text[:-1] if whole or text == "AAAA=" else text)


@wrong("vectors")
class accepts_half_the_padding(Codec):
    def decode_text(self, text: str) -> bytes:
        return super().decode_text(text + "=" if len(text) % 4 == 3 and text[-1] == "=" else text)


@wrong("decode", "vectors", "errors", "machine")
class position_is_one_too_far(Codec):
    def error(self, position: int) -> binascii.Error:
        return super().error(position + 1)


@wrong("vectors")
class position_of_the_quad(Codec):
    def error(self, position: int) -> binascii.Error:
        return super().error(position // 4 * 4)


@wrong("vectors")
class positions_count_memory(Codec):
    """The position in a str is that of the byte in memory, where wide characters take two or four."""

    def decode_text(self, text: str) -> bytes:
        try:
            return super().decode_text(text)
        except binascii.Error as error:
            width = 1 if max(text, default="") < "\u0100" else 2 if max(text) < "\U00010000" else 4
            raise self.error(int(str(error).split()[-1]) * width) from None


@wrong("errors")
class positions_count_from_the_end(Codec):
    def decode(self, chunk: Any) -> bytes:
        try:
            return super().decode(chunk)
        except binascii.Error:
            raise self.error(len(chunk)) from None


@wrong("vectors")
class error_is_a_plain_value_error(Codec):
    def error(self, position: int) -> Any:
        return ValueError(f"invalid base64 at position {position}")


@wrong("vectors", "machine")
class error_has_another_text(Codec):
    def error(self, position: int) -> binascii.Error:
        return binascii.Error(f"bad base64 at {position}")


@wrong("vectors", "errors")
class accepts_the_url_alphabet(Codec):
    def decode_text(self, text: str) -> bytes:
        return super().decode_text(text.translate(URL))


@wrong("vectors")
class skips_white_space(Codec):
    def decode_text(self, text: str) -> bytes:
        return super().decode_text("".join(text.split(" ")).replace("\n", ""))


@wrong("decode", "vectors")
class looks_at_low_bytes_only(Codec):
    def decode_text(self, text: str) -> bytes:
        return super().decode_text("".join(chr(ord(c) & 0xFF) for c in text) if not text.isascii() else text)


@wrong("vectors")
class looks_at_seven_bits_only(Codec):
    def decode_text(self, text: str) -> bytes:
        return super().decode_text(text if text.isascii() else "".join(chr(ord(c) & 0x7F) for c in text))


@wrong("vectors")
class swaps_plus_and_slash(Codec):
    def quads(self, text: str) -> bytes:
        return super().quads(text.translate(str.maketrans("+/", "/+")))


@wrong("decode")
class checks_registers_only_to_the_last_symbol(Codec):
    """A block of 64 symbols is accepted whatever its last symbol is."""

    def decode_text(self, text: str) -> bytes:
        if len(text) >= 64 and re.match("[A-Za-z0-9+/]{63}[-_]", text):
            text = text[:63] + "A" + text[64:]
        return super().decode_text(text)


@wrong("inputs")
class wrong_from_48_bytes_on(Codec):
    def quads(self, text: str) -> bytes:
        made = super().quads(text)
        return made[:47] + bytes(len(made) - 47) if len(made) >= 48 else made


@wrong("buffer")
class wrong_in_speech(Codec):
    """Fails only for what a whole chunk of 1,280 bytes holds."""

    def quads(self, text: str) -> bytes:
        made = super().quads(text)
        return made[:-1] + b"\0" if len(made) == 1278 else made


@wrong("decode")
class gives_up_on_long_text(Codec):
    def decode_text(self, text: str) -> bytes:
        if len(text) > 10**5:
            raise self.error(0)
        return super().decode_text(text)


@wrong("decode")
class result_is_a_bytearray(Codec):
    def decode(self, chunk: Any) -> Any:
        return bytearray(super().decode(chunk))


class Changing(bytes):
    """A result whose bytes are those of the last call."""

    last = b""

    def __eq__(self, other: object) -> bool:
        return Changing.last == other

    __hash__ = None  # type: ignore[assignment]


@wrong("decode")
class result_is_shared(Codec):
    def decode(self, chunk: Any) -> bytes:
        Changing.last = super().decode(chunk)
        return Changing(Changing.last)


@wrong("vectors")
class knows_no_buffers(Codec):
    def memory(self, thing: Any) -> memoryview:
        raise TypeError("only str")


@wrong("inputs")
class knows_bytes_only(Codec):
    def memory(self, thing: Any) -> memoryview:
        if type(thing) not in (bytes, str):
            raise TypeError("only bytes")
        return super().memory(thing)


@wrong("inputs")
class knows_unsigned_bytes_only(Codec):
    def check_memory(self, view: memoryview) -> None:
        super().check_memory(view)
        if view.format != "B" or view.ndim != 1:
            raise TypeError("only unsigned bytes in one dimension")


@wrong("inputs")
class asks_the_subclass(Codec):
    def plain(self, text: str) -> str:
        return str(text)


@wrong("inputs")
class knows_plain_str_only(Codec):
    def plain(self, text: str) -> str:
        if type(text) is not str:
            raise TypeError("only str")
        return text


@wrong("inputs")
class accepts_any_memory(Codec):
    def check_memory(self, view: memoryview) -> None:
        pass


@wrong("inputs")
class refuses_no_memory(Codec):
    def text(self, chunk: Any) -> str:
        return super().text(chunk if chunk else b"")


@wrong("inputs")
class does_not_translate_errors(Codec):
    """A released memoryview is a ValueError of its own."""

    def memory(self, thing: Any) -> memoryview:
        return memoryview(thing)


@wrong("inputs")
class accepts_lists(Codec):
    def text(self, chunk: Any) -> str:
        return "".join(map(chr, chunk)) if type(chunk) is list else super().text(chunk)


@wrong("inputs", "leaks")
class keeps_every_input(Codec):
    kept: list[Any] = []  # noqa: RUF012, one list for all is the fault

    def memory(self, thing: Any) -> memoryview:
        view = memoryview(thing)
        self.kept.append(view)
        return view[:]

    def text(self, chunk: Any) -> str:
        self.kept.append(chunk)
        return super().text(chunk)


@wrong("edges")
class misreads_one_symbol_at_one_place(Codec):
    def quads(self, text: str) -> bytes:
        return super().quads(text[:37] + "+" + text[38:] if text[37:38] == "/" else text)


@wrong("edges")
class accepts_one_stranger_at_one_place(Codec):
    def decode_text(self, text: str) -> bytes:
        return super().decode_text(text[:133] + "A" + text[134:] if text[133:134] == "\xc1" else text)


@wrong("edges")
class reads_past_the_end(Codec):
    def decode(self, chunk: Any) -> bytes:
        if isinstance(chunk, memoryview) and len(chunk) > 16 and not chunk.readonly:
            held = (ctypes.c_char * len(chunk)).from_buffer(chunk)
            ctypes.string_at(ctypes.addressof(held) + len(chunk), 1)
        return super().decode(chunk)
