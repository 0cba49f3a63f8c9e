"""The contract between the harness and an implementation, as types (the words are in docs/contract.md).

Imports nothing of this project. The protocols are for type checkers and readers: `isinstance` against a
protocol costs microseconds, so nothing here is made to be checked at run time.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeAlias

IMPLEMENTATION_GROUP = "callbot_lab.implementations"
"""Entry-point group in which implementations announce themselves."""

REFERENCE_GROUP = "callbot_lab.references"
"""Entry-point group of arms that are measured but held to no contract."""

DEFAULT_CAPACITY = 10 * 2**20
"""Bytes that an AudioBuffer reserves unless told otherwise."""

BUILD_KEYS = ("language", "binding", "kernel", "compiler", "flags", "profile", "version", "contract")
"""Keys that every BUILD mapping has."""

Chunk: TypeAlias = "str | bytes | bytearray | memoryview"
"""Base64 text: a str or a C-contiguous buffer of one-byte items."""


class AudioBuffer(Protocol):
    """Append-only store of one call's PCM."""

    def append(self, chunk: Chunk, /) -> int:
        """Decode a base64 chunk into the buffer; the number of bytes added."""

    def extend(self, chunks: Iterable[Chunk], /) -> int:
        """Decode a batch of chunks, all or nothing; the number of bytes added."""

    def append_pcm(self, pcm: bytes | bytearray | memoryview, /) -> int:
        """Add raw bytes; the number of bytes added."""

    def view(self) -> memoryview:
        """Read-only view of what is held; while it is alive the contents cannot change."""

    def take(self) -> bytes:
        """Hand out what is held and empty the buffer."""

    def clear(self) -> None:
        """Empty the buffer; reserved memory stays."""

    def __len__(self) -> int: ...

    @property
    def chunk_count(self) -> int:
        """Chunks ever added."""

    @property
    def total_bytes(self) -> int:
        """Bytes ever added."""

    @property
    def capacity(self) -> int:
        """Bytes reserved now."""

    @property
    def reallocations(self) -> int:
        """How often the storage was reallocated to grow."""


class AudioProcessor(Protocol):
    """Buffers of many concurrent calls, safe to use from many threads."""

    def open(self, call_id: str) -> AudioBuffer:
        """Start a call; its buffer."""

    def append(self, call_id: str, chunk: Chunk) -> int:
        """Decode a chunk into the buffer of an open call; the number of bytes added."""

    def extend(self, call_id: str, chunks: Iterable[Chunk]) -> int:
        """Decode a batch into the buffer of an open call, all or nothing; the number of bytes added."""

    def close(self, call_id: str) -> bytes:
        """Hand out the bytes of a call and forget it."""

    def discard(self, call_id: str) -> None:
        """Forget a call without handing out a copy."""

    def call_ids(self) -> list[str]:
        """Ids of the open calls, oldest first."""

    def __getitem__(self, call_id: str, /) -> AudioBuffer: ...

    def __contains__(self, call_id: object, /) -> bool: ...

    def __len__(self) -> int: ...

    @property
    def total_bytes(self) -> int:
        """Bytes held now over all open calls."""


class Ingested(Protocol):
    """What a message did; what does not belong to its kind is None (docs/contract.md has the table)."""

    @property
    def kind(self) -> str:
        """`opened`, `appended`, `closed` or `other`."""

    @property
    def call_id(self) -> str | None:
        """The call that the message names."""

    @property
    def sequence(self) -> int | None:
        """The message's sequence number."""

    @property
    def bytes(self) -> int:
        """Bytes of audio that were added, or handed out."""

    @property
    def encoding(self) -> str | None:
        """Of an opened call: `pcm16` or `mulaw`."""

    @property
    def rate(self) -> int | None:
        """Of an opened call: samples per second."""

    @property
    def audio(self) -> builtins.bytes | None:
        """The bytes of a closed call."""

    @property
    def name(self) -> str | None:
        """The name of another event."""


class MessageProcessor(AudioProcessor, Protocol):
    """An AudioProcessor that takes whole messages; an implementation may leave that out."""

    def ingest(self, message: Chunk, /, *, format: str, call_id: str | None = None) -> Ingested:
        """Do what a message of a voice service says, from its text to the call's buffer."""


class AudioBufferFactory(Protocol):
    """Makes an AudioBuffer: the class itself or a function."""

    def __call__(self, capacity: int = ..., *, limit: int | None = None) -> AudioBuffer: ...


class AudioProcessorFactory(Protocol):
    """Makes an AudioProcessor: the class itself or a function."""

    def __call__(
        self,
        *,
        capacity: int = ...,
        limit: int | None = None,
        max_calls: int | None = None,
        max_bytes: int | None = None,
    ) -> AudioProcessor: ...


class Ladder(Protocol):
    """Calls that do ever more of a decode, so that the cost of a call can be told from that of the work."""

    def noop(self, chunk: object, /) -> None:
        """Do nothing."""

    def accept(self, chunk: Chunk, /) -> None:
        """Take the pointer and the length of a chunk."""

    def allocate(self, chunk: Chunk, /) -> bytes:
        """New bytes of the decoded size, with unspecified contents."""

    def copy(self, chunk: Chunk, /) -> bytes:
        """New bytes of the decoded size, with as many bytes of the text in them."""

    def decode(self, chunk: Chunk, /) -> bytes:
        """Decode one chunk."""


class Reference(Protocol):
    """An arm held to no contract: it decodes and says what it is. One whose BUILD has the input `pcm` gets PCM."""

    @property
    def BUILD(self) -> Mapping[str, str]:  # noqa: N802 - the contract's name
        """What the arm says of itself."""

    def decode(self, chunk: Chunk, /) -> bytes:
        """Decode one chunk."""


class Implementation(Protocol):
    """What an entry point of the group IMPLEMENTATION_GROUP resolves to."""

    @property
    def BUILD(self) -> Mapping[str, str]:  # noqa: N802 - the contract's names, here and below
        """What the implementation says of itself."""

    @property
    def AudioBuffer(self) -> AudioBufferFactory:  # noqa: N802
        """Makes the buffer of one call."""

    @property
    def AudioProcessor(self) -> AudioProcessorFactory:  # noqa: N802
        """Makes the buffers of many calls."""

    def decode(self, chunk: Chunk, /) -> bytes:
        """Decode one chunk of canonical base64."""
