"""Masked WebSocket text frames, made of parts that are masked once and joined many times.

Whoever connects has to mask what it sends (RFC 6455, section 5.3): byte i is XORed with byte i mod 4 of a key. The RFC
wants a fresh key for each frame, so that nobody can choose what appears on the wire. Here one key serves a whole run,
which lets a chunk of audio be masked once for each of the four places it can have modulo 4. A server unmasks it all the
same, so its work is that of any traffic.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

_TEXT = 0x81
"""First byte of a text message in one frame."""

_MASKED = 0x80
"""Bit of the second byte: a key precedes the payload."""


class Mask:
    """Masks with one key of 4 bytes."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 4:
            raise ValueError(f"a key has 4 bytes, not {len(key)}")
        self.key = key
        self._rotated = [key[place:] + key[:place] for place in range(4)]

    def masked(self, data: bytes, place: int) -> bytes:
        """The data as it goes over the wire if `place` bytes of the payload, or that modulo 4, stand before it."""
        size = len(data)
        pad = (self._rotated[place % 4] * (size // 4 + 1))[:size]
        return (int.from_bytes(data, "little") ^ int.from_bytes(pad, "little")).to_bytes(size, "little")

    def all_masked(self, parts: Iterable[bytes], place: int) -> list[bytes]:
        """Each of the parts as `masked` gives it."""
        return [self.masked(part, place) for part in parts]

    def header(self, size: int) -> bytes:
        """What stands before a masked payload of so many bytes, the key included."""
        if size < 126:
            return struct.pack("!BB", _TEXT, _MASKED | size) + self.key
        if size < 1 << 16:
            return struct.pack("!BBH", _TEXT, _MASKED | 126, size) + self.key
        return struct.pack("!BBQ", _TEXT, _MASKED | 127, size) + self.key

    def frame(self, text: str) -> bytes:
        """A whole text message."""
        payload = text.encode("utf-8")
        return self.header(len(payload)) + self.masked(payload, 0)

    def text(self, frame: bytes) -> str:
        """The text message of a whole frame that `frame` or parts of this key made."""
        place = {126: 8, 127: 14}.get(frame[1] & ~_MASKED, 6)
        return self.masked(frame[place:], 0).decode("utf-8")
