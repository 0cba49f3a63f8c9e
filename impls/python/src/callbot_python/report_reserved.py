"""The report's Python with a strict decoder and one change more: the storage is reserved once and does not grow."""

from . import report
from ._build import describe
from .decode import Chunk, decode

__all__ = ["BUILD", "AudioBuffer", "AudioProcessor", "decode"]

BUILD = describe(kernel="binascii", contract="report")

CAPACITY = 10 * 2**20


class AudioBuffer(report.AudioBuffer):
    """Storage of fixed size, written by slice assignment.

    The slices are a memoryview's: a slice of a bytearray would copy the assigned bytes twice.
    """

    def __init__(self, capacity: int = 0, *, limit: int | None = None) -> None:
        super().__init__()
        self.room = memoryview(bytearray(CAPACITY))
        self.size = 0

    def append(self, chunk: Chunk, /) -> int:
        """Decode a chunk and append it; the number of bytes added."""
        pcm = decode(chunk)
        end = self.size + len(pcm)
        if end > len(self.room):
            self._reallocate(end)
        self.room[self.size : end] = pcm
        self.size = end
        self.chunk_count += 1
        self.total_bytes += len(pcm)
        return len(pcm)

    def view(self) -> memoryview:
        """View of a copy of the audio."""
        return memoryview(bytes(self.room[: self.size]))

    def take(self) -> bytes:
        """Hand out the audio and start anew."""
        pcm = bytes(self.room[: self.size])
        self.clear()
        return pcm

    def clear(self) -> None:
        """Start anew; the storage stays."""
        self.size = 0

    def __len__(self) -> int:
        return self.size

    def _reallocate(self, needed: int) -> None:
        room = memoryview(bytearray(max(needed, 2 * len(self.room))))
        room[: self.size] = self.room[: self.size]
        self.room = room


class AudioProcessor(report.AudioProcessor):
    """The report's dict of buffers, with these."""

    _new_buffer = AudioBuffer
