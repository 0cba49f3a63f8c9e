"""The Python design of the seed report: a lenient decode, then a growing bytearray. It need not conform."""

import base64
from collections.abc import Iterable

from ._build import describe
from .decode import Chunk

__all__ = ["BUILD", "AudioBuffer", "AudioProcessor", "decode"]

BUILD = describe(kernel="base64.b64decode", contract="report")


def decode(chunk: Chunk, /) -> bytes:
    """Decode base64 as the report's server does: characters outside the alphabet are passed over."""
    return base64.b64decode(chunk)


class AudioBuffer:
    """One call's audio in a bytearray that starts empty and grows.

    The report's design knows neither capacity nor limit; they are taken and ignored, so that the suite can show what
    else is missing.
    """

    def __init__(self, capacity: int = 0, *, limit: int | None = None) -> None:
        self.data = bytearray()
        self.chunk_count = 0
        self.total_bytes = 0

    def append(self, chunk: Chunk, /) -> int:
        """Decode a chunk and append it; the number of bytes added."""
        pcm = base64.b64decode(chunk)
        self.data.extend(pcm)
        self.chunk_count += 1
        self.total_bytes += len(pcm)
        return len(pcm)

    def extend(self, chunks: Iterable[Chunk], /) -> int:
        """Append chunks one by one; the number of bytes added."""
        return sum(self.append(chunk) for chunk in chunks)

    def view(self) -> memoryview:
        """View of a copy of the audio."""
        return memoryview(bytes(self.data))

    def take(self) -> bytes:
        """Hand out the audio and start anew."""
        pcm = bytes(self.data)
        self.clear()
        return pcm

    def clear(self) -> None:
        """Start anew with an empty bytearray."""
        self.data = bytearray()

    def __len__(self) -> int:
        return len(self.data)


class AudioProcessor:
    """Audio of many calls in a dict; the limits are taken and ignored."""

    _new_buffer: type[AudioBuffer] = AudioBuffer

    def __init__(
        self,
        *,
        capacity: int = 0,
        limit: int | None = None,
        max_calls: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self.buffers: dict[str, AudioBuffer] = {}

    def open(self, call_id: str) -> AudioBuffer:
        """Start a call."""
        buffer = self.buffers[call_id] = self._new_buffer()
        return buffer

    def append(self, call_id: str, chunk: Chunk) -> int:
        """Decode a chunk and append it to a call; the number of bytes added."""
        return self.buffers[call_id].append(chunk)

    def extend(self, call_id: str, chunks: Iterable[Chunk]) -> int:
        """Append chunks one by one; the number of bytes added."""
        return self.buffers[call_id].extend(chunks)

    def clear(self, call_id: str) -> None:
        """Let a call start anew."""
        self.buffers[call_id].clear()

    def close(self, call_id: str) -> bytes:
        """Hand out a call's audio and forget the call."""
        return self.buffers.pop(call_id).take()

    def call_ids(self) -> list[str]:
        """Ids of the open calls."""
        return list(self.buffers)

    def __getitem__(self, call_id: str, /) -> AudioBuffer:
        return self.buffers[call_id]

    def __contains__(self, call_id: object, /) -> bool:
        return call_id in self.buffers

    def __len__(self) -> int:
        return len(self.buffers)
