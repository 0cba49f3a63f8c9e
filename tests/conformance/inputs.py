"""Everything that is a chunk, everything that is none, and raw audio in its many types."""

from __future__ import annotations

import ctypes
import mmap
from array import array
from collections.abc import Callable
from typing import Any

try:
    import numpy
except ImportError:  # numpy is one kind of buffer among many
    numpy = None  # type: ignore[assignment]


class Text(str):
    """A str of the user's own."""

    __slots__ = ()


class MisleadingText(str):
    """A str whose overridden methods must not be asked."""

    __slots__ = ()

    def __str__(self) -> str:
        return "////"

    def __len__(self) -> int:
        return 4

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Say something else."""
        return b"////"


class Octets(bytes):
    """A bytes of the user's own."""


class GrowingOctets(bytearray):
    """A bytearray of the user's own."""


def _mapped(raw: bytes) -> mmap.mmap:
    mapped = mmap.mmap(-1, len(raw))  # anonymous memory; an empty one cannot be mapped
    mapped.write(raw)
    return mapped


def _sliced(raw: bytes) -> memoryview:
    return memoryview(b"***" + raw + b"***")[3 : 3 + len(raw)]


def _contiguous_by_chance(raw: bytes) -> memoryview:
    return memoryview(raw)[::1]


def _folded(raw: bytes) -> memoryview:
    """Two dimensions; an odd number of bytes makes a single row."""
    rows = 2 if len(raw) % 2 == 0 else 1
    return memoryview(raw).cast("B", (rows, len(raw) // rows))


STR_KINDS: dict[str, Callable[[str], str]] = {
    "str": str,
    "str subclass": Text,
    "str subclass that misleads": MisleadingText,
}

BUFFERS: dict[str, Callable[[bytes], Any]] = {
    "bytes": bytes,
    "bytes subclass": Octets,
    "bytearray": bytearray,
    "bytearray subclass": GrowingOctets,
    "memoryview": memoryview,
    "memoryview of bytearray": lambda raw: memoryview(bytearray(raw)),
    "read-only memoryview": lambda raw: memoryview(bytearray(raw)).toreadonly(),
    "slice of memoryview": _sliced,
    "slice with step one": _contiguous_by_chance,
    "memoryview of signed": lambda raw: memoryview(raw).cast("b"),
    "memoryview of characters": lambda raw: memoryview(raw).cast("c"),
    "memoryview of two dimensions": _folded,
    "array of B": lambda raw: array("B", raw),
    "array of b": lambda raw: array("b", memoryview(raw).cast("b").tolist()),
    "mmap": _mapped,
    "ctypes c_ubyte": lambda raw: (ctypes.c_ubyte * len(raw)).from_buffer_copy(raw),
    "ctypes c_byte": lambda raw: (ctypes.c_byte * len(raw)).from_buffer_copy(raw),
    "ctypes c_char": lambda raw: (ctypes.c_char * len(raw)).from_buffer_copy(raw),
}
if numpy is not None:
    BUFFERS |= {
        "numpy uint8": lambda raw: numpy.frombuffer(raw, numpy.uint8),
        "numpy int8": lambda raw: numpy.frombuffer(bytearray(raw), numpy.int8),
        "numpy slice": lambda raw: numpy.frombuffer(b"*" + raw, numpy.uint8)[1:],
    }

WITHOUT_EMPTY = ("mmap", "memoryview of two dimensions")
"""Kinds that cannot hold nothing."""


def _released() -> memoryview:
    view = memoryview(b"AAAA")
    view.release()
    return view


NOT_BYTES: dict[str, Callable[[], Any]] = {
    "int": lambda: 5,
    "zero": lambda: 0,
    "float": lambda: 1.5,
    "None": lambda: None,
    "bool": lambda: True,
    "list": lambda: [65, 65, 65, 65],
    "empty list": list,
    "tuple of text": lambda: ("AAAA",),
    "dict": dict,
    "object": object,
    "type": lambda: str,
    "released memoryview": _released,
    "every other byte": lambda: memoryview(b"A*A*A*A*")[::2],
    "backwards": lambda: memoryview(b"AAAA")[::-1],
}
"""Neither text nor memory that lies in one piece: refused as a chunk and as raw audio."""
if numpy is not None:
    NOT_BYTES |= {
        "numpy with a step": lambda: numpy.frombuffer(b"A*A*A*A*", numpy.uint8)[::2],
        "numpy in Fortran order": lambda: numpy.zeros((4, 4), numpy.uint8, order="F"),
    }

WIDE: dict[str, Callable[[], Any]] = {
    "memoryview of 16 bits": lambda: memoryview(b"AAAA").cast("H"),
    "array of h": lambda: array("h", b"AAAA"),
    "array of d": lambda: array("d", b"AAAAAAAA"),
    "ctypes of 16 bits": lambda: (ctypes.c_int16 * 2).from_buffer_copy(b"AAAA"),
}
"""Memory in items of more than a byte: no chunk, but raw audio."""
if numpy is not None:
    WIDE |= {
        "numpy int16": lambda: numpy.frombuffer(b"AAAA", numpy.int16),
        "numpy float32 of two dimensions": lambda: numpy.zeros((2, 3), numpy.float32),
    }

NO_CHUNK = NOT_BYTES | WIDE
