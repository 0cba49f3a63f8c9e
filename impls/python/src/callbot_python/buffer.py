"""Append-only store of one call's PCM."""

import operator
import sys
from collections.abc import Iterable
from threading import RLock
from typing import NamedTuple

from .decode import Chunk, decode

DEFAULT_CAPACITY = 10 * 2**20


class Ledger:
    """Bytes held now over all buffers of a processor, and the most they may hold together."""

    __slots__ = ("held", "max_bytes")

    def __init__(self, max_bytes: int | None) -> None:
        self.held = 0
        self.max_bytes = max_bytes


class Started(NamedTuple):
    """What the message that opened a call said of its audio; None where it said nothing."""

    encoding: str | None = None
    rate: int | None = None
    track: str | None = None


class AudioBuffer:
    """Append-only store of one call's PCM in a bytearray.

    `capacity` (bytes) is a hint: to reserve memory in Python is to fill it with zeros, which costs more than growing.
    `limit` is the most bytes the buffer may hold at one time. Errors are those of docs/contract.md.
    """

    __slots__ = (
        "_allocated",
        "_ceiling",
        "_chunk_count",
        "_closed",
        "_data",
        "_guarded",
        "_ledger",
        "_limit",
        "_lock",
        "_most",
        "_reallocations",
        "_started",
        "_total_bytes",
    )

    _decode = staticmethod(decode)

    def __init__(self, capacity: int = DEFAULT_CAPACITY, *, limit: int | None = None) -> None:
        capacity = natural("capacity", capacity)
        self._limit = optional_natural("limit", limit)
        if self._limit is not None:
            capacity = min(capacity, self._limit)
        if capacity > sys.maxsize:
            raise MemoryError
        self._ceiling = sys.maxsize if self._limit is None else self._limit
        self._data = bytearray()
        self._allocated = 0
        self._most = capacity
        self._chunk_count = 0
        self._total_bytes = 0
        self._reallocations = 0
        self._closed = False
        # True when the buffer is closed or a view was handed out that may still be alive: one test on the hot path.
        self._guarded = False
        self._ledger = Ledger(None)
        self._started = Started()
        # Reentrant, since a finalizer or signal handler may come back to this buffer in the middle of a method.
        self._lock = RLock()

    def append(self, chunk: Chunk, /) -> int:
        """Decode a base64 chunk into the buffer; the number of bytes added."""
        if self._guarded:
            self._require_changeable()
        # Outside the lock, since a chunk that is a buffer may run code of its own.
        return self._add(self._decode(chunk))

    def append_pcm(self, pcm: bytes | bytearray | memoryview, /) -> int:
        """Add the bytes of any C-contiguous buffer; the number of bytes added."""
        if self._guarded:
            self._require_changeable()
        try:
            view = memoryview(pcm)
        except (TypeError, ValueError, BufferError):  # ValueError: a released memoryview
            raise refuse_pcm(pcm) from None
        with view:
            if not view.c_contiguous:
                raise refuse_pcm(pcm)
            if view.nbytes == 0:  # which a cast refuses when there are several dimensions
                return self._add(b"")
            with view.cast("B") as raw:
                return self._add(raw)

    def extend(self, chunks: Iterable[Chunk], /) -> int:
        """Decode a batch of chunks, all or nothing; the number of bytes added.

        An error of a chunk carries its index as `chunk_index`.
        """
        if self._guarded:
            self._require_changeable()
        if isinstance(chunks, str) or exports_buffer(chunks):
            raise TypeError(f"chunks is an iterable of chunks, not {type(chunks).__name__}")
        try:
            drained = iter(chunks)
        except TypeError:
            raise TypeError(f"chunks is an iterable of chunks, not {type(chunks).__name__}") from None
        batch = list(drained)
        if self._guarded:
            self._require_changeable()
        decoded: list[bytes] = []
        failure: Exception | None = None
        for chunk in batch:
            try:
                decoded.append(self._decode(chunk))
            except (TypeError, ValueError) as error:
                failure = error
                break
        return self._add_batch(decoded, failure)

    def view(self) -> memoryview:
        """Read-only view of what is held; while it is alive the contents cannot change."""
        with self._lock:
            if self._closed:
                raise closed()
            self._guarded = True
            return memoryview(self._data).toreadonly()

    def take(self) -> bytes:
        """Hand out what is held and empty the buffer."""
        with self._lock:
            self._require_changeable()
            pcm = bytes(self._data)
            self._empty()
            return pcm

    def clear(self) -> None:
        """Empty the buffer."""
        with self._lock:
            self._require_changeable()
            self._empty()

    def __len__(self) -> int:
        if self._closed:
            raise closed()
        return len(self._data)

    @property
    def chunk_count(self) -> int:
        """Chunks ever added."""
        return self._chunk_count

    @property
    def total_bytes(self) -> int:
        """Bytes ever added."""
        return self._total_bytes

    @property
    def capacity(self) -> int:
        """The larger of the capacity asked for and the most bytes ever held; 0 once closed."""
        with self._lock:
            return 0 if self._closed else max(self._most, len(self._data))

    @property
    def reallocations(self) -> int:
        """How often the bytearray was reallocated to grow."""
        return self._reallocations

    def _add(self, pcm: bytes | memoryview) -> int:
        with self._lock:
            if self._guarded:
                self._require_changeable()
            data = self._data
            added = len(pcm)
            size = len(data) + added
            ledger = self._ledger
            if size > self._ceiling or (ledger.max_bytes is not None and ledger.held + added > ledger.max_bytes):
                raise self._over_limit(size)
            data += pcm
            self._note_growth(size)
            ledger.held += added
            self._chunk_count += 1
            self._total_bytes += added
            return added

    def _add_batch(self, decoded: list[bytes], failure: Exception | None) -> int:
        with self._lock:
            self._require_changeable()
            data = self._data
            start = len(data)
            self._require_room(decoded)
            if failure is not None:
                failure.chunk_index = len(decoded)  # type: ignore[attr-defined]
                raise failure
            try:
                for pcm in decoded:
                    data += pcm
                    self._note_growth(len(data))
            except MemoryError:
                del data[start:]
                raise
            added = len(data) - start
            self._ledger.held += added
            self._chunk_count += len(decoded)
            self._total_bytes += added
            return added

    def _require_room(self, decoded: list[bytes]) -> None:
        """Raise for the first chunk of a batch that would pass a limit."""
        size = len(self._data)
        held = self._ledger.held
        most = self._ledger.max_bytes
        for index, pcm in enumerate(decoded):
            size += len(pcm)
            held += len(pcm)
            if size > self._ceiling or (most is not None and held > most):
                error = self._over_limit(size)
                error.chunk_index = index  # type: ignore[attr-defined]
                raise error

    def _over_limit(self, size: int) -> OverflowError:
        if size > self._ceiling:
            return OverflowError(f"limit of {self._ceiling} bytes exceeded")
        return OverflowError(f"max_bytes of {self._ledger.max_bytes} exceeded")

    def _note_growth(self, size: int) -> None:
        # A bytearray keeps one byte more than it holds, for a terminator.
        if size >= self._allocated and size:
            self._allocated = self._data.__alloc__()
            self._reallocations += 1

    def _require_changeable(self) -> None:
        """Raise if the buffer is closed or a view of it is alive."""
        with self._lock:
            if self._closed:
                raise closed()
            if self._guarded:
                # There is no way to ask a bytearray for its exports but to try to resize it.
                try:
                    self._data.append(0)
                except BufferError:
                    raise BufferError("a view of this buffer is alive") from None
                del self._data[-1]
                self._guarded = False

    def _empty(self) -> None:
        self._most = max(self._most, len(self._data))
        self._ledger.held -= len(self._data)
        self._data.clear()
        self._allocated = 0

    def _join(self, ledger: Ledger, lock: RLock, started: Started) -> None:
        """Count this empty buffer's bytes in a processor's ledger, under the processor's lock."""
        self._ledger = ledger
        self._lock = lock
        self._started = started

    def _close(self) -> None:
        """Free the storage for good; the caller holds the lock and knows that no view is alive."""
        self._empty()
        self._closed = True
        self._guarded = True


def natural(name: str, value: int) -> int:
    """An argument as an int that is not negative; TypeError or ValueError."""
    number = operator.index(value)
    if number < 0:
        raise ValueError(f"{name} is negative")
    return number


def optional_natural(name: str, value: int | None) -> int | None:
    """The same for an argument that may be None."""
    return None if value is None else natural(name, value)


def exports_buffer(value: object) -> bool:
    """Whether a value is bytes-like."""
    try:
        memoryview(value).release()  # type: ignore[arg-type]
    except TypeError:
        return False
    except (ValueError, BufferError):  # bytes-like all the same, if not to be had now
        return True
    return True


def closed() -> ValueError:
    """The error of a buffer whose call was closed."""
    return ValueError("the call of this buffer is closed")


def refuse_pcm(pcm: object) -> TypeError:
    """The error for something that is no PCM."""
    return TypeError(f"pcm is a C-contiguous buffer, not {type(pcm).__name__}")
