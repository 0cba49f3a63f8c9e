"""The buffers of many concurrent calls."""

from collections.abc import Iterable
from threading import RLock

from .buffer import DEFAULT_CAPACITY, AudioBuffer, Ledger, natural, optional_natural
from .decode import Chunk


class AudioProcessor:
    """The buffers of many concurrent calls, safe to use from many threads.

    `capacity` and `limit` (bytes) go to every buffer; `max_calls` bounds the open calls, `max_bytes` the bytes held
    over all of them. Errors are those of docs/contract.md.
    """

    __slots__ = ("_buffers", "_capacity", "_ledger", "_limit", "_lock", "_max_calls")

    _new_buffer = AudioBuffer

    def __init__(
        self,
        *,
        capacity: int = DEFAULT_CAPACITY,
        limit: int | None = None,
        max_calls: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self._capacity = natural("capacity", capacity)
        self._limit = optional_natural("limit", limit)
        self._max_calls = optional_natural("max_calls", max_calls)
        self._ledger = Ledger(optional_natural("max_bytes", max_bytes))
        self._buffers: dict[str, AudioBuffer] = {}
        # One lock for the processor and its buffers: their bytes are counted together.
        self._lock = RLock()

    def open(self, call_id: str) -> AudioBuffer:
        """Start a call; its buffer. ValueError if the id is open, OverflowError past max_calls."""
        key = plain_id(call_id)
        with self._lock:
            if key in self._buffers:
                raise ValueError(f"call {key!r} is open already")
            if self._max_calls is not None and len(self._buffers) >= self._max_calls:
                raise OverflowError(f"max_calls of {self._max_calls} exceeded")
            buffer = self._new_buffer(self._capacity, limit=self._limit)
            buffer._join(self._ledger, self._lock)
            self._buffers[key] = buffer
            return buffer

    def append(self, call_id: str, chunk: Chunk) -> int:
        """Decode a chunk into the buffer of an open call; the number of bytes added."""
        return self._buffers[plain_id(call_id)].append(chunk)

    def extend(self, call_id: str, chunks: Iterable[Chunk]) -> int:
        """Decode a batch into the buffer of an open call, all or nothing; the number of bytes added."""
        return self._buffers[plain_id(call_id)].extend(chunks)

    def close(self, call_id: str) -> bytes:
        """Hand out the bytes of a call and forget it; BufferError while a view is alive."""
        key = plain_id(call_id)
        with self._lock:
            buffer = self._buffers[key]
            buffer._require_changeable()
            pcm = bytes(buffer._data)
            del self._buffers[key]
            buffer._close()
            return pcm

    def discard(self, call_id: str) -> None:
        """Forget a call without handing out a copy; BufferError while a view is alive."""
        key = plain_id(call_id)
        with self._lock:
            buffer = self._buffers[key]
            buffer._require_changeable()
            del self._buffers[key]
            buffer._close()

    def call_ids(self) -> list[str]:
        """Ids of the open calls, oldest first."""
        return list(self._buffers)

    def __getitem__(self, call_id: str, /) -> AudioBuffer:
        return self._buffers[plain_id(call_id)]

    def __contains__(self, call_id: object, /) -> bool:
        return plain_id(call_id) in self._buffers

    def __len__(self) -> int:
        return len(self._buffers)

    @property
    def total_bytes(self) -> int:
        """Bytes held now over all open calls."""
        return self._ledger.held


def plain_id(call_id: object) -> str:
    """A call id as an exact str, so that a subclass cannot bring its own equality; TypeError if it is no str."""
    if type(call_id) is str:
        return call_id
    if isinstance(call_id, str):
        return str.__str__(call_id)
    raise TypeError(f"call_id is a str, not {type(call_id).__name__}")
