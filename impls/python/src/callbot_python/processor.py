"""The buffers of many concurrent calls."""

import binascii
from collections.abc import Callable, Iterable
from threading import RLock
from typing import ClassVar

from .buffer import DEFAULT_CAPACITY, AudioBuffer, Ledger, Started, natural, optional_natural
from .decode import Chunk, with_plain_text
from .json_text import Refused, byte_position, exact_text, parse
from .message import READERS, Ingested, Message, Reader
from .usual import LOOKS, MAY_BE_DEEP, REFUSALS, Look, Unusual, require_shallow, to_str


class AudioProcessor:
    """The buffers of many concurrent calls, safe to use from many threads.

    `capacity` and `limit` (bytes) go to every buffer; `max_calls` bounds the open calls, `max_bytes` the bytes held
    over all of them. Errors are those of docs/contract.md.
    """

    __slots__ = ("_buffers", "_capacity", "_ledger", "_limit", "_lock", "_max_calls")

    _new_buffer = AudioBuffer
    # The short way of the usual messages: what makes a text of one that is no str, looks at the text, may be raised.
    _text: Callable[[Chunk], str | bytes] = staticmethod(to_str)
    _looks: ClassVar[dict[str, Look]] = LOOKS
    _refusals: tuple[type[Exception], ...] = REFUSALS

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
        return self._open(plain_id(call_id), Started())

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

    def ingest(self, message: Chunk, /, *, format: str, call_id: str | None = None) -> Ingested:
        """Do what a message of a voice service says, from its text to the call's buffer; what was done."""
        try:
            if type(format) is not str or (call_id is not None and type(call_id) is not str):
                raise Unusual
            text = message if type(message) is str else self._text(message)
            if len(text) >= MAY_BE_DEEP:
                require_shallow(text)
            buffer, payload, key, sequence = self._looks[format](text, call_id, self._buffers)
            added = buffer.append(payload)
        except self._refusals:
            pass  # nothing is done yet, and the exact way says what there is to say
        else:
            # Quicker than to call the class, whose arguments are sorted out in Python.
            return tuple.__new__(Ingested, ("appended", key, sequence, added, None, None, None, None))
        return self._ingest_exactly(message, format, call_id)

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

    def _open(self, key: str, started: Started) -> AudioBuffer:
        with self._lock:
            if key in self._buffers:
                raise ValueError(f"call {key!r} is open already")
            if self._max_calls is not None and len(self._buffers) >= self._max_calls:
                raise OverflowError(f"max_calls of {self._max_calls} exceeded")
            buffer = self._new_buffer(self._capacity, limit=self._limit)
            buffer._join(self._ledger, self._lock, started)
            self._buffers[key] = buffer
            return buffer

    def _ingest_exactly(self, message: Chunk, format: str, call_id: str | None) -> Ingested:
        """The same for any message, with all checks in the contract's order."""
        bound = None if call_id is None else plain_id(call_id)
        read = reader_of(format)
        text, in_bytes = with_plain_text(exact_text, message, "message")
        try:
            return self._do(read(parse(text), bound))
        except Refused as refused:
            position = byte_position(text, refused.position) if in_bytes else refused.position
            raise refused.error(position) from None

    def _do(self, message: Message) -> Ingested:
        call_id, sequence = message.call_id, message.sequence
        if message.kind == "other":
            return Ingested("other", call_id, sequence, name=message.name)
        if call_id is None:
            raise ValueError("the message names no call, and there is no call_id")
        if message.kind == "opened":
            self._open(call_id, message.started)
            return Ingested("opened", call_id, sequence, encoding=message.started.encoding, rate=message.started.rate)
        if message.kind == "closed":
            audio = self.close(call_id)
            return Ingested("closed", call_id, sequence, len(audio), audio=audio)
        with self._lock:
            buffer = self._buffers[call_id]
            buffer._require_changeable()
            message.stated.require(buffer._started)
            try:
                pcm = buffer._decode(message.payload.text)
            except binascii.Error:
                raise Refused("base64", message.payload.position) from None
            return Ingested("appended", call_id, sequence, buffer._add(pcm))


def plain_id(call_id: object) -> str:
    """A call id as an exact str, so that a subclass cannot bring its own equality; TypeError if it is no str."""
    if type(call_id) is str:
        return call_id
    if isinstance(call_id, str):
        return str.__str__(call_id)
    raise TypeError(f"call_id is a str, not {type(call_id).__name__}")


def reader_of(format: object) -> Reader:
    """What reads the messages of a format; TypeError for what is no str, ValueError for an unknown one."""
    if not isinstance(format, str):
        raise TypeError(f"format is a str, not {type(format).__name__}")
    reader = READERS.get(str.__str__(format))
    if reader is None:
        raise ValueError(f"format is one of {', '.join(READERS)}")
    return reader
