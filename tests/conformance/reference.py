"""A correct and slow implementation: the root of the deliberately wrong ones in `wrong.py`.

Each decision that the contract asks for is a method of its own, so that a mutant overrides one of them.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from operator import index
from threading import RLock
from typing import Any

from .reference_formats import Sound
from .reference_ingest import Ingesting


class Codec:
    """The decoder: whole quads by the standard library, the last one by hand."""

    symbols = re.compile("[A-Za-z0-9+/]*")

    def text(self, chunk: Any) -> str:
        """The chunk as characters; TypeError if it is none."""
        if isinstance(chunk, str):
            return self.plain(chunk)
        with self.memory(chunk) as view:
            self.check_memory(view)
            return view.tobytes().decode("latin-1")

    def plain(self, text: str) -> str:
        """A str as it is, whatever its class says."""
        return str.__str__(text)

    def memory(self, thing: Any) -> memoryview:
        """A view of a buffer; TypeError for anything else."""
        try:
            return memoryview(thing)
        except (ValueError, BufferError) as error:
            raise TypeError(f"no usable buffer: {error}") from None

    def check_memory(self, view: memoryview) -> None:
        """Only bytes that lie in one piece are text."""
        if view.itemsize != 1 or not view.c_contiguous:
            raise TypeError("a chunk is C-contiguous and has items of one byte")

    def decode(self, chunk: Any) -> bytes:
        """The bytes of canonical text."""
        return self.decode_text(self.text(chunk))

    def decode_text(self, text: str) -> bytes:
        """The bytes of canonical characters."""
        run = self.symbols.match(text)
        assert run is not None  # the expression matches the empty text
        whole = run.end() // 4 * 4
        body = self.quads(text[:whole])
        return body + self.last(text[whole:], run.end() - whole, whole) if text[whole:] else body

    def quads(self, text: str) -> bytes:
        """The bytes of whole quads."""
        return binascii.a2b_base64(text)

    def last(self, quad: str, symbols: int, start: int) -> bytes:
        """The bytes of a quad with padding."""
        bits = int.from_bytes(self.quads(quad[:symbols].ljust(4, "A")), "big") >> 6 * (4 - symbols)
        end = self.padded(quad, symbols, bits)
        if end != 4 or len(quad) > 4:
            raise self.error(start + end)
        return (bits >> (4 if symbols == 2 else 2)).to_bytes(symbols - 1, "big")

    def padded(self, quad: str, symbols: int, bits: int) -> int:
        """How far the padding of a last quad is right."""
        spare = {2: 0b1111, 3: 0b11}.get(symbols)
        if spare is None or not self.spare_bits_allowed(bits & spare):
            return symbols
        end = symbols
        while end < min(4, len(quad)) and quad[end] == "=":
            end += 1
        return end

    def spare_bits_allowed(self, spare: int) -> bool:
        """Whether the bits that no byte uses are right."""
        return spare == 0

    def error(self, position: int) -> binascii.Error:
        """The error at a position."""
        return binascii.Error(f"invalid base64 at position {position}")


def whole(value: Any) -> int:
    """An argument as a number of bytes or calls."""
    number = index(value)
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number


class AudioBuffer:
    """Append-only store of one call's PCM."""

    codec = Codec()
    processor: Any = None

    def __init__(self, capacity: int = 10 * 2**20, *, limit: int | None = None) -> None:
        self.limit = None if limit is None else whole(limit)
        self.reserved = self.reserve(whole(capacity), self.limit)
        self.lock: Any = RLock()
        self.data = bytearray()
        self.closed = False
        self.chunk_count = 0
        self.total_bytes = 0
        self.reallocations = 0
        self.sound = Sound()

    def reserve(self, capacity: int, limit: int | None) -> int:
        """Reserve memory, here only to see whether it can be had."""
        size = capacity if limit is None else min(capacity, limit)
        try:
            bytearray(size)
        except OverflowError:
            raise MemoryError(f"cannot reserve {size} bytes") from None
        return size

    @property
    def capacity(self) -> int:
        """Bytes reserved now."""
        return 0 if self.closed else self.reserved

    def __len__(self) -> int:
        self.check_open()
        return len(self.data)

    def check_open(self) -> None:
        """Closed comes first."""
        if self.closed:
            raise ValueError("the call is closed")

    def check(self) -> None:
        """Refuse to change what is closed or seen through a view."""
        self.check_open()
        self.check_view()

    def check_view(self) -> None:
        """A bytearray cannot be resized while a view is alive."""
        self.data.append(0)
        self.data.pop()

    def append(self, chunk: Any, /) -> int:
        """Decode a chunk into the buffer."""
        with self.lock:
            self.check()
            return self.add([self.decoded(chunk, 0)])

    def append_pcm(self, pcm: Any, /) -> int:
        """Add raw bytes."""
        with self.lock:
            self.check()
            return self.add([self.raw(pcm)])

    def raw(self, pcm: Any) -> bytes:
        """The bytes of raw audio that fit."""
        with self.codec.memory(pcm) as view:
            if not view.c_contiguous:
                raise TypeError("raw audio is C-contiguous")
            raw = view.tobytes()
        self.admit(len(raw), len(raw))
        return raw

    def extend(self, chunks: Iterable[Any], /) -> int:
        """Decode a batch, all or nothing."""
        with self.lock:
            self.check()
        items = self.drain(chunks)
        with self.lock:
            self.check()
            return self.add(self.decoded_batch(items))

    def drain(self, chunks: Iterable[Any]) -> list[Any]:
        """The items of an iterable that is no chunk itself."""
        if isinstance(chunks, str) or self.is_buffer(chunks):
            raise TypeError("a chunk is no batch")
        return list(chunks)

    def is_buffer(self, thing: Any) -> bool:
        """Whether something exports memory."""
        try:
            memoryview(thing).release()
        except TypeError:
            return False
        return True

    def decoded_batch(self, items: list[Any]) -> list[bytes]:
        """All items decoded; the first that fails says which it was."""
        parts: list[bytes] = []
        before = 0
        for number, item in enumerate(items):
            try:
                parts.append(self.decoded(item, before))
            except (TypeError, ValueError, OverflowError) as error:
                self.mark(error, number)
                raise
            before += len(parts[-1])
        return parts

    def mark(self, error: Any, number: int) -> None:
        """Say which item failed."""
        error.chunk_index = number

    def decoded(self, chunk: Any, before: int) -> bytes:
        """A chunk decoded, if it fits behind what is there and the items before it."""
        pcm = self.codec.decode(chunk)
        self.admit(before + len(pcm), len(pcm))
        return pcm

    def admit(self, more: int, item: int) -> None:
        """The buffer's limit first, then the processor's."""
        self.admit_limit(more)
        if self.processor is not None:
            self.processor.admit(more)

    def admit_limit(self, more: int) -> None:
        """Room in this buffer."""
        if self.limit is not None and len(self.data) + more > self.limit:
            raise OverflowError(f"the limit is {self.limit} bytes")

    def add(self, parts: list[bytes]) -> int:
        """Store what passed all checks."""
        added = b"".join(parts)
        self.data += added
        if len(self.data) > self.reserved:
            self.reserved = len(self.data)
            self.reallocations += 1
        self.count(len(parts), len(added))
        return len(added)

    def count(self, chunks: int, size: int) -> None:
        """Keep the counters."""
        self.chunk_count += chunks
        self.total_bytes += size

    def view(self) -> memoryview:
        """Read-only view of what is held."""
        with self.lock:
            self.check_open()
            return memoryview(self.data).toreadonly()

    def take(self) -> bytes:
        """Hand out what is held and empty the buffer."""
        with self.lock:
            self.check()
            taken = bytes(self.data)
            self.empty()
            return taken

    def clear(self) -> None:
        """Empty the buffer."""
        with self.lock:
            self.check()
            self.empty()

    def empty(self) -> None:
        """Forget what is held."""
        self.data.clear()


class AudioProcessor(Ingesting):
    """The buffers of many concurrent calls."""

    buffer: Any = AudioBuffer

    def __init__(
        self,
        *,
        capacity: int = 10 * 2**20,
        limit: int | None = None,
        max_calls: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self.capacity = whole(capacity)
        self.limit = None if limit is None else whole(limit)
        self.max_calls = None if max_calls is None else whole(max_calls)
        self.max_bytes = None if max_bytes is None else whole(max_bytes)
        self.lock: Any = RLock()
        self.calls: dict[str, Any] = {}

    @property
    def total_bytes(self) -> int:
        """Bytes held now."""
        with self.lock:
            return sum(len(buffer.data) for buffer in self.calls.values())

    def admit(self, more: int) -> None:
        """Room in the processor."""
        if self.max_bytes is not None and self.total_bytes + more > self.max_bytes:
            raise OverflowError(f"all calls together are limited to {self.max_bytes} bytes")

    def key(self, call_id: Any) -> str:
        """The id as a plain str."""
        if not isinstance(call_id, str):
            raise TypeError("a call id is a str")
        return str.__str__(call_id)

    def open(self, call_id: str) -> Any:
        """Start a call."""
        with self.lock:
            key = self.key(call_id)
            if key in self.calls:
                raise ValueError("the call is open")
            if self.max_calls is not None and len(self.calls) >= self.max_calls:
                raise OverflowError(f"limited to {self.max_calls} calls")
            buffer = self.buffer(self.capacity, limit=self.limit)
            buffer.processor = self
            buffer.lock = self.lock
            self.calls[key] = buffer
            return buffer

    def __getitem__(self, call_id: str) -> Any:
        with self.lock:
            return self.calls[self.key(call_id)]

    def append(self, call_id: str, chunk: Any) -> int:
        """Append to a call."""
        appended: int = self[call_id].append(chunk)
        return appended

    def extend(self, call_id: str, chunks: Iterable[Any]) -> int:
        """Extend a call."""
        extended: int = self[call_id].extend(chunks)
        return extended

    def close(self, call_id: str) -> bytes:
        """End a call and hand out its bytes."""
        with self.lock:
            taken: bytes = self[call_id].take()
            self.forget(call_id)
            return taken

    def discard(self, call_id: str) -> None:
        """End a call."""
        with self.lock:
            self[call_id].clear()
            self.forget(call_id)

    def forget(self, call_id: str) -> None:
        """Drop a call whose buffer is empty."""
        self.calls.pop(self.key(call_id)).closed = True

    def call_ids(self) -> list[str]:
        """Open calls, oldest first."""
        with self.lock:
            return list(self.calls)

    def __contains__(self, call_id: object) -> bool:
        return self.key(call_id) in self.calls

    def __len__(self) -> int:
        return len(self.calls)


BUILD = {
    "language": "reference",
    "binding": "none",
    "kernel": "quads",
    "compiler": "none",
    "flags": "",
    "profile": "release",
    "version": "0",
    "contract": "full",
}


def decode(chunk: Any, /) -> bytes:
    """Decode a chunk of canonical base64."""
    return AudioBuffer.codec.decode(chunk)
