"""What the contract demands, from its definition and with no algorithm of a decoder.

A decoder walks over symbols; here a regular expression describes all prefixes of canonical texts, and the value is
one big number read in base 8. `test_oracle.py` holds both against the standard library's encoder.
"""

from __future__ import annotations

import binascii
import re
import string
from collections.abc import Callable, Iterable
from typing import Any

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"

# One byte leaves 4 zero bits in the second symbol, two bytes leave 2 in the third.
_SYMBOL = f"[{ALPHABET}]"
_FOUR_ZERO_BITS = f"[{ALPHABET[::16]}]"
_TWO_ZERO_BITS = f"[{ALPHABET[::4]}]"
_PREFIX = re.compile(
    f"(?:{_SYMBOL}{{4}})*(?:{_SYMBOL}{_FOUR_ZERO_BITS}==?|{_SYMBOL}{{2}}{_TWO_ZERO_BITS}=|{_SYMBOL}{{0,3}})"
)
_OCTAL = str.maketrans({symbol: f"{index:02o}" for index, symbol in enumerate(ALPHABET)} | {"=": "00"})


def verdict(chunk: Any) -> bytes | int:
    """The bytes that a text stands for, or the position of its error."""
    text = chunk if isinstance(chunk, str) else bytes(chunk).decode("latin-1")
    prefix = _PREFIX.match(text)
    assert prefix is not None  # the expression matches the empty text
    if prefix.end() < len(text) or len(text) % 4:
        return prefix.end()
    if not text:
        return b""
    whole = int(text.translate(_OCTAL), 8).to_bytes(len(text) // 4 * 3, "big")
    return whole[: len(whole) - text.count("=")]


def message(position: int) -> str:
    """The text of the error at a position."""
    return f"invalid base64 at position {position}"


def is_chunk(thing: object) -> bool:
    """Whether something is a str or a C-contiguous buffer of one-byte items."""
    if isinstance(thing, str):
        return True
    try:
        view = memoryview(thing)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    with view:
        return view.itemsize == 1 and view.c_contiguous


class ModelView:
    """A view of a model's buffer."""

    def __init__(self, buffer: ModelBuffer) -> None:
        self.buffer = buffer
        self.data = buffer.data
        buffer.views += 1

    def release(self) -> None:
        """Give the view back, once."""
        self.buffer.views -= 1


class ModelBuffer:
    """AudioBuffer as plain state: no reservation, no threads, no memory shared."""

    def __init__(self, limit: int | None = None, processor: ModelProcessor | None = None) -> None:
        self.limit = limit
        self.processor = processor
        self.data = b""
        self.views = 0
        self.closed = False
        self.chunk_count = 0
        self.total_bytes = 0

    def __len__(self) -> int:
        self._open()
        return len(self.data)

    def append(self, chunk: Any, /) -> int:
        """Decode and add."""
        self._writable()
        return self._add([self._decoded(chunk, 0)])

    def append_pcm(self, pcm: Any, /) -> int:
        """Add bytes."""
        self._writable()
        raw = memoryview(pcm).tobytes()
        self._room(len(raw))
        return self._add([raw])

    def extend(self, chunks: Iterable[Any], /) -> int:
        """Decode and add all or nothing."""
        self._writable()
        if is_chunk(chunks):
            raise TypeError("a chunk is no batch")
        items = list(chunks)
        self._writable()
        parts: list[bytes] = []
        for index, chunk in enumerate(items):
            try:
                parts.append(self._decoded(chunk, sum(map(len, parts))))
            except (TypeError, binascii.Error, OverflowError) as error:
                error.chunk_index = index  # type: ignore[union-attr]
                raise
        return self._add(parts)

    def view(self) -> ModelView:
        """Lock the contents."""
        self._open()
        return ModelView(self)

    def take(self) -> bytes:
        """Hand out and empty."""
        self._writable()
        taken, self.data = self.data, b""
        return taken

    def clear(self) -> None:
        """Empty."""
        self.take()

    def _open(self) -> None:
        if self.closed:
            raise ValueError("closed")

    def _writable(self) -> None:
        self._open()
        if self.views:
            raise BufferError("a view is alive")

    def _decoded(self, chunk: Any, before: int) -> bytes:
        if not is_chunk(chunk):
            raise TypeError("no chunk")
        found = verdict(chunk)
        if isinstance(found, int):
            raise binascii.Error(message(found))
        self._room(before + len(found))
        return found

    def _room(self, more: int) -> None:
        if self.limit is not None and len(self.data) + more > self.limit:
            raise OverflowError(self.limit)
        if self.processor is not None:
            most = self.processor.max_bytes
            if most is not None and self.processor.total_bytes + more > most:
                raise OverflowError(most)

    def _add(self, parts: list[bytes]) -> int:
        added = b"".join(parts)
        self.data += added
        self.chunk_count += len(parts)
        self.total_bytes += len(added)
        return len(added)


class ModelProcessor:
    """AudioProcessor as a plain dictionary of models."""

    def __init__(
        self,
        *,
        limit: int | None = None,
        max_calls: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self.limit = limit
        self.max_calls = max_calls
        self.max_bytes = max_bytes
        self.calls: dict[str, ModelBuffer] = {}

    @property
    def total_bytes(self) -> int:
        """Bytes held now."""
        return sum(len(buffer.data) for buffer in self.calls.values())

    def open(self, call_id: Any) -> ModelBuffer:
        """Start a call."""
        if call_id in self:
            raise ValueError("open")
        if self.max_calls is not None and len(self.calls) >= self.max_calls:
            raise OverflowError(self.max_calls)
        self.calls[call_id] = ModelBuffer(self.limit, self)
        return self.calls[call_id]

    def append(self, call_id: Any, chunk: Any) -> int:
        """Append to a call."""
        return self[call_id].append(chunk)

    def extend(self, call_id: Any, chunks: Iterable[Any]) -> int:
        """Extend a call."""
        return self[call_id].extend(chunks)

    def close(self, call_id: Any) -> bytes:
        """End a call."""
        taken = self[call_id].take()
        self.calls.pop(call_id).closed = True
        return taken

    def discard(self, call_id: Any) -> None:
        """End a call and drop its bytes."""
        self.close(call_id)

    def call_ids(self) -> list[str]:
        """Open calls, oldest first."""
        return list(self.calls)

    def __getitem__(self, call_id: Any) -> ModelBuffer:
        if call_id not in self:
            raise KeyError(call_id)
        return self.calls[call_id]

    def __contains__(self, call_id: Any) -> bool:
        if not isinstance(call_id, str):
            raise TypeError("no str")
        return call_id in self.calls

    def __len__(self) -> int:
        return len(self.calls)


KINDS = (
    binascii.Error,
    BufferError,
    TypeError,
    KeyError,
    OverflowError,
    MemoryError,
    ValueError,
)


def outcome(call: Callable[[], Any]) -> tuple[str, Any, Any]:
    """What a call did, in a form that compares: the result, or the kind of error, its text and its index."""
    try:
        return ("returned", call(), None)
    except KINDS as error:
        kind = next(kind for kind in KINDS if isinstance(error, kind))
        index = getattr(error, "chunk_index", None)
        told = str(error) if kind in (binascii.Error, OverflowError) else None
        return (kind.__name__, told, index)
