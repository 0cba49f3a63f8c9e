"""Cuts a recording into the base64 chunks that the voice services send."""

from __future__ import annotations

import base64
import hashlib
import math
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import LabError

SMALL_CHUNK = 160
"""Bytes up to which a chunk counts as small: its pool is larger, so that rotating through it costs the same."""

LEVEL_BYTES = 320 * 1024
"""PCM that a level pool holds at most, as much as a warm one of 1,280 B."""

LEVEL_FEWEST, LEVEL_MOST = 4, 4096
"""Chunks that a level pool holds at least and at most."""


@dataclass(frozen=True)
class Format:
    """How a service sends audio: bytes per chunk, samples per second, `pcm16` or `mulaw`."""

    name: str
    chunk_bytes: int
    rate: int
    encoding: str

    @property
    def milliseconds(self) -> float:
        """Duration of a chunk."""
        return 1000 * self.chunk_bytes / (self.rate * (2 if self.encoding == "pcm16" else 1))


FORMATS = {
    f.name: f
    for f in (
        Format("callbot", 1280, 16_000, "pcm16"),
        Format("twilio", 160, 8_000, "mulaw"),
        Format("openai", 4800, 24_000, "pcm16"),
        Format("elevenlabs", 8000, 16_000, "pcm16"),
    )
}
"""Formats of the services; `callbot` is the one of the seed report."""


@dataclass(frozen=True)
class Recording:
    """Mono 16-bit PCM with its rate and the digest of the file it came from."""

    samples: np.ndarray
    rate: int
    sha256: str


@dataclass(frozen=True)
class Workload:
    """Chunks of one format as base64 text, and the bytes they stand for."""

    format: Format
    texts: tuple[str, ...]
    pcm: tuple[bytes, ...]


def read_recording(path: Path) -> Recording:
    """Read a WAV file of mono 16-bit PCM; LabError if it is anything else."""
    accepted = "accepted is a WAV file of mono 16-bit PCM"
    try:
        raw = path.read_bytes()
        with wave.open(str(path), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except OSError as error:
        raise LabError(f"cannot read the recording {path}: {error.strerror}") from None
    except (wave.Error, EOFError) as error:
        raise LabError(f"{path} is no PCM recording ({error or 'it ends too early'}); {accepted}") from None
    if width != 2 or channels != 1:
        raise LabError(f"{path} has {8 * width}-bit samples on {channels} channel(s); {accepted}")
    if rate <= 0 or len(frames) < 2:
        raise LabError(f"{path} holds no audio; {accepted}")
    samples = np.frombuffer(frames[: len(frames) // 2 * 2], dtype="<i2")
    return Recording(samples, rate, hashlib.sha256(raw).hexdigest())


def parse_size(text: str) -> Format:
    """A format by its name, or a number of bytes of 16 kHz PCM; LabError if it is neither."""
    if text in FORMATS:
        return FORMATS[text]
    if text.isascii() and text.isdigit() and 0 < int(text) <= 2**20:
        return Format(text, int(text), 16_000, "pcm16")
    raise LabError(f"unknown size '{text}'; accepted are {', '.join(FORMATS)}, or a number of bytes up to {2**20}")


def cut(recording: Recording, form: Format) -> Workload:
    """Convert a recording to a format and cut it into whole chunks; a rest shorter than a chunk is left out."""
    samples = recording.samples
    if recording.rate != form.rate:
        # Not at the top: it takes a second to import, and the workers should be as bare as can be.
        from scipy.signal import resample_poly

        divisor = math.gcd(recording.rate, form.rate)
        resampled = resample_poly(samples.astype(np.float64), form.rate // divisor, recording.rate // divisor)
        samples = np.clip(np.rint(resampled), -32768, 32767).astype("<i2")
    raw = mulaw(samples) if form.encoding == "mulaw" else samples.tobytes()
    size = form.chunk_bytes
    pcm = tuple(raw[start : start + size] for start in range(0, len(raw) - size + 1, size))
    if not pcm:
        raise LabError(f"the recording is shorter than one chunk of {size} bytes ({form.milliseconds:g} ms)")
    return Workload(form, _texts(pcm), pcm)


def pool_of(workload: Workload, pool: str) -> Workload:
    """The chunks that a turn goes through: `hot`, `warm` (a few hundred), `level` or `pass` (the whole recording).

    64 hot chunks stay in the caches nearest to the core. A warm pool of 256, 1,024 small ones, fits the second-level
    cache of a current core; a pass does not.

    A level pool is for comparing sizes: it holds the same PCM at every size, LEVEL_BYTES, so that ratios over sizes do
    not jump where a pool leaves a cache, and a buffer grows to the same length in a turn. Below 80 bytes it holds
    LEVEL_MOST chunks, since there the text objects fill the cache and a longer turn would stretch the slots; it never
    holds fewer than LEVEL_FEWEST, since a decoder learns a text that it sees every time.
    """
    if pool == "pass":
        return workload
    size = workload.format.chunk_bytes
    count = 1024 if size <= SMALL_CHUNK else 256
    if pool == "hot":
        count = 64
    if pool == "level":
        count = min(max(LEVEL_BYTES // size, LEVEL_FEWEST), LEVEL_MOST)
    # Taken evenly over the recording, so that a short pool is not all silence or one speaker.
    step = max(1, len(workload.texts) // count)
    chosen = slice(0, step * count, step)
    pcm = workload.pcm[chosen]
    # Texts made anew lie side by side. Picked out of the whole recording's, every small one would be on a page of its
    # own, and what that costs is no part of a chunk's cost: it made 160 bytes a third slower.
    texts = _texts(pcm) if pool == "level" else workload.texts[chosen]
    return Workload(workload.format, texts, pcm)


def _texts(pcm: tuple[bytes, ...]) -> tuple[str, ...]:
    return tuple(base64.b64encode(chunk).decode("ascii") for chunk in pcm)


def mulaw(samples: np.ndarray) -> bytes:
    """Compand 16-bit samples to 8-bit mu-law (ITU-T G.711, table 2a): sign, segment of 3 bits, 4 bits within it."""
    magnitude = np.minimum(np.abs(samples.astype(np.int32)), 32635) + 132
    segment = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    step = (magnitude >> (segment + 3)) & 0x0F
    sign = np.where(samples < 0, 0x80, 0)
    codes: bytes = (~(sign | (segment << 4) | step) & 0xFF).astype(np.uint8).tobytes()
    return codes
