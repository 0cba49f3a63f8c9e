"""Calls in bytearrays around a bare `decode`, for what an implementation has no buffer for."""

from __future__ import annotations

from collections.abc import Callable


class DecodedBuffer:
    """The audio of one call in a bytearray."""

    def __init__(self) -> None:
        self.data = bytearray()

    def take(self) -> bytes:
        """Hand out what is held and empty the buffer."""
        held = bytes(self.data)
        self.data.clear()
        return held

    def view(self) -> memoryview:
        """What is held."""
        return memoryview(self.data)

    def clear(self) -> None:
        """Forget what is held."""
        self.data.clear()


class DecodedCalls:
    """The part of an AudioProcessor that a server needs; limits are the server's own."""

    def __init__(self, decode: Callable[[str], bytes]) -> None:
        self._decode = decode
        self._buffers: dict[str, DecodedBuffer] = {}

    def open(self, call_id: str) -> DecodedBuffer:
        """Start a call; its buffer."""
        return self._buffers.setdefault(call_id, DecodedBuffer())

    def append(self, call_id: str, chunk: str) -> int:
        """Decode a chunk into the buffer of a call; the number of bytes added."""
        pcm = self._decode(chunk)
        self._buffers[call_id].data.extend(pcm)
        return len(pcm)

    def discard(self, call_id: str) -> None:
        """Forget a call."""
        del self._buffers[call_id]

    def __contains__(self, call_id: object) -> bool:
        return call_id in self._buffers
