"""Canonical base64 to bytes."""

import binascii
import re
from binascii import a2b_base64
from collections.abc import Callable
from typing import TypeAlias, TypeVar

Chunk: TypeAlias = "str | bytes | bytearray | memoryview"
Text: TypeAlias = "str | bytes | memoryview"  # a chunk made plain: indexing gives a character or a byte
Result = TypeVar("Result")

# The last symbol before the padding may only use its upper bits: 4 of 6 are spare before "==", 2 before "=".
LAST_BEFORE_TWO = "AQgw"
LAST_BEFORE_ONE = "AEIMQUYcgkosw048"
_LAST_BEFORE_TWO = LAST_BEFORE_TWO.encode()
_LAST_BEFORE_ONE = LAST_BEFORE_ONE.encode()

_SYMBOLS = re.compile(r"[A-Za-z0-9+/]*")


def decode(chunk: Chunk, /) -> bytes:
    """Decode a chunk of canonical base64.

    `chunk` is a str or a C-contiguous buffer of one-byte items, else TypeError. Text that is not canonical raises
    binascii.Error with the position of docs/contract.md.
    """
    if type(chunk) is str or type(chunk) is bytes:
        return _decode_text(chunk)
    return with_plain_text(_decode_text, chunk)


def _decode_text(text: Text) -> bytes:
    try:
        # Strict mode refuses what is outside the alphabet, but not spare bits, nor (up to 3.12) surplus padding.
        pcm = a2b_base64(text, strict_mode=True)
    except ValueError:  # binascii.Error is one, and so is the refusal of a str that is not ASCII
        raise invalid(text) from None
    if not is_canonical(text, len(pcm)):
        raise invalid(text)
    return pcm


def is_canonical(text: Text, size: int) -> bool:
    """Whether strictly decoded text of `size` bytes has the one length and the zero spare bits of canonical text."""
    if len(text) != (size + 2) // 3 * 4:
        return False
    spare = size % 3
    if spare == 0:
        return True
    if type(text) is str:
        return text[-2] in LAST_BEFORE_ONE if spare == 2 else text[-3] in LAST_BEFORE_TWO
    # An index gives an int here; the checker does not take `type(text) is str` as an answer for what is left.
    return text[-2] in _LAST_BEFORE_ONE if spare == 2 else text[-3] in _LAST_BEFORE_TWO  # type: ignore[operator]


def with_plain_text(reader: Callable[[Text], Result], chunk: object, name: str = "chunk") -> Result:
    """Apply a reader of plain text to any kind of chunk, in place; TypeError if it is none."""
    if isinstance(chunk, str):
        return reader(str.__str__(chunk))
    try:
        view = memoryview(chunk)  # type: ignore[arg-type]
    except (TypeError, ValueError, BufferError):  # ValueError: a released memoryview
        raise refuse(chunk, name) from None
    # Released by hand: a traceback would keep the views alive, and with them the caller's bytearray locked.
    with view:
        if view.itemsize != 1 or not view.c_contiguous:
            raise refuse(chunk, name)
        if view.nbytes == 0:  # which a cast refuses when there are several dimensions
            return reader(b"")
        with view.cast("B") as text:
            return reader(text)


def refuse(chunk: object, name: str) -> TypeError:
    """The error for something that is no chunk."""
    return TypeError(f"a {name} is a str or a C-contiguous buffer of one-byte items, not {type(chunk).__name__}")


def invalid(text: Text) -> binascii.Error:
    """The error for text that is not canonical base64."""
    characters = text if isinstance(text, str) else str(text, "latin-1")
    return binascii.Error(f"invalid base64 at position {error_position(characters)}")


def error_position(text: str) -> int:
    """Length of the longest prefix of a text that is also a prefix of some canonical text."""
    run = _SYMBOLS.match(text)
    symbols = run.end() if run else 0
    in_quad = symbols % 4
    if text[symbols : symbols + 1] != "=" or in_quad < 2:
        return symbols
    last = LAST_BEFORE_TWO if in_quad == 2 else LAST_BEFORE_ONE
    if text[symbols - 1] not in last:
        return symbols
    if in_quad == 2 and text[symbols + 1 : symbols + 2] == "=":
        return symbols + 2
    return symbols + 1
