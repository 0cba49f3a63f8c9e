"""Gives an implementation texts that end, or begin, at the edge of a page that must not be touched.

Run as a module with an import path, since a read across the edge ends the process. What is wrong without that is
printed. POSIX only: the pages come from mmap.
"""

from __future__ import annotations

import ctypes
import importlib
import mmap
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

SIZES = (*range(200), *range(380, 390), 1280, 1281, 1282)
_LIBC = ctypes.CDLL(None, use_errno=True)


class Pages:
    """Memory between two pages that must not be touched."""

    def __init__(self, size: int) -> None:
        page = mmap.PAGESIZE
        self.size = -(-size // page) * page
        self.memory = mmap.mmap(-1, self.size + 2 * page)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        for guard in (start, start + page + self.size):
            if _LIBC.mprotect(ctypes.c_void_p(guard), ctypes.c_size_t(page), 0) != 0:
                raise OSError(ctypes.get_errno(), "mprotect")
        self.inside = memoryview(self.memory)[page : page + self.size]

    def at_the_end(self, text: bytes) -> memoryview:
        """The text in front of the last page."""
        place = self.inside[self.size - len(text) :]
        place[:] = text
        return place

    def at_the_start(self, text: bytes) -> memoryview:
        """The text behind the first page."""
        place = self.inside[: len(text)]
        place[:] = text
        return place


def decoders(implementation: Any) -> Iterator[tuple[str, Callable[[Any], bytes]]]:
    """The ways from a chunk to bytes that an implementation offers."""
    yield "decode", implementation.decode
    if hasattr(implementation, "AudioBuffer"):
        buffer = implementation.AudioBuffer(4096)

        def append(chunk: Any) -> bytes:
            buffer.clear()
            buffer.append(chunk)
            return bytes(buffer.take())

        def extend(chunk: Any) -> bytes:
            buffer.clear()
            buffer.extend([chunk])
            return bytes(buffer.take())

        yield "append", append
        yield "extend", extend


def main() -> int:
    """Try all sizes; the number of mistakes, at most 5."""
    module, _, attribute = sys.argv[1].partition(":")
    implementation: Any = importlib.import_module(module)
    if attribute:
        implementation = getattr(implementation, attribute)
    pages, mistakes = Pages(4096), 0
    for name, decode in decoders(implementation):
        for size in SIZES:
            raw = bytes(index * 37 % 251 for index in range(size))
            text = b64encode(raw)
            for place in (pages.at_the_end, pages.at_the_start):
                if decode(place(text)) != raw:
                    mistakes += 1
                    print(f"{name} of {size} bytes {place.__name__}: not the right bytes")
                bad = text[:-1] + b"!"  # one character, where there is no text
                try:
                    decode(place(bad))
                    told = "nothing"
                except ValueError as error:
                    told = str(error)
                if told != f"invalid base64 at position {max(len(text) - 1, 0)}":
                    mistakes += 1
                    print(f"{name} of {size} bytes with a bad end {place.__name__}: {told}")
                if mistakes >= 5:
                    return mistakes
    return mistakes


if __name__ == "__main__":
    sys.exit(main())
