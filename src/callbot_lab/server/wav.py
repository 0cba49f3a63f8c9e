"""WAV files of mono 16-bit PCM or 8-bit mu-law; the standard library's `wave` knows no mu-law."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import LabError

PCM16, MULAW = "pcm16", "mulaw"
ENCODINGS = (PCM16, MULAW)

SAMPLE_BYTES = {PCM16: 2, MULAW: 1}
_TAGS = {PCM16: 1, MULAW: 7}
_NAMES = {tag: name for name, tag in _TAGS.items()}

MOST_BYTES = 2**32 - 2**10
"""Audio that a WAV file can hold: its sizes are numbers of 32 bits."""


@dataclass(frozen=True)
class Audio:
    """What a WAV file holds: `pcm16` or `mulaw`, samples per second, and the bytes of the samples."""

    encoding: str
    rate: int
    data: bytes


def header(encoding: str, rate: int, data_bytes: int) -> bytes:
    """What stands before the samples (RIFF/WAVE as in Microsoft's Multimedia Data Standards Update 3.0 of 1994).

    Its length depends on the encoding alone, so that it can be written anew once the size is known. An odd number of
    bytes needs a padding byte behind the samples.
    """
    width = SAMPLE_BYTES[encoding]
    form = struct.pack("<HHIIHH", _TAGS[encoding], 1, rate, rate * width, width, 8 * width)
    chunks = struct.pack("<4sI", b"fmt ", len(form)) + form
    if encoding != PCM16:
        # Formats other than PCM carry the size of their extension, and how many samples there are.
        form += struct.pack("<H", 0)
        chunks = struct.pack("<4sI", b"fmt ", len(form)) + form + struct.pack("<4sII", b"fact", 4, data_bytes // width)
    riff = 4 + len(chunks) + 8 + data_bytes + data_bytes % 2
    return struct.pack("<4sI4s", b"RIFF", riff, b"WAVE") + chunks + struct.pack("<4sI", b"data", data_bytes)


def read(path: Path, *, unfinished: bool = False) -> Audio:
    """Read a mono WAV file of 16-bit PCM or mu-law; LabError if it is none, or is shorter than it says.

    `unfinished` takes whatever stands behind the header as the samples, however many the header promises.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise LabError(f"cannot read {path}: {error.strerror}") from None
    if raw[:4] != b"RIFF" or raw[8:12] != b"WAVE":
        raise LabError(f"{path} is no WAV file")
    place, encoding, rate = 12, "", 0
    while place + 8 <= len(raw):
        name, size = struct.unpack_from("<4sI", raw, place)
        place += 8
        if name == b"fmt " and place + 16 <= len(raw):
            tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", raw, place)
            encoding = _NAMES.get(tag, "")
            if channels != 1 or not encoding or bits != 8 * SAMPLE_BYTES[encoding]:
                raise LabError(f"{path} is no mono WAV file of 16-bit PCM or mu-law")
        elif name == b"data" and encoding:
            data = raw[place:] if unfinished else raw[place : place + size]
            if len(data) < size and not unfinished:
                raise LabError(f"{path} is cut: it holds {len(data)} of {size} bytes of audio")
            return Audio(encoding, rate, data)
        place += size + size % 2
    raise LabError(f"{path} holds no audio")


def _linear_table() -> np.ndarray:
    """The 16-bit sample of every mu-law code (ITU-T G.711, table 2a): all bits are sent inverted."""
    code = ~np.arange(256, dtype=np.uint8)
    segment = (code >> 4) & 7
    magnitude = ((((code & 15).astype(np.int32) << 3) + 132) << segment) - 132
    return np.where(code & 128, -magnitude, magnitude).astype("<i2")


_LINEAR = _linear_table()


def linear(data: bytes | memoryview) -> bytes:
    """Mu-law bytes as 16-bit little-endian PCM, two bytes each."""
    expanded: bytes = _LINEAR[np.frombuffer(data, dtype=np.uint8)].tobytes()
    return expanded
