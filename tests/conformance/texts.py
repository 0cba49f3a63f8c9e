"""Texts to decode: canonical ones, damaged ones and real speech."""

from __future__ import annotations

import wave
from base64 import b64encode
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

SPEECH = Path(__file__).parents[2] / "data" / "speech" / "speech-16k.wav"

CLASSES = "ABQg/+=-\n\xe9"
"""One of each class: symbols with and without zero low bits, padding, the URL alphabet, white space, not ASCII."""

STRANGERS = "=-_\n \x00\x7f\x80\xc1\xe9\xff\u0141\u0241\u4141\ud800\udc41\U00010041\U0001f3a7"
"""Characters outside the alphabet; the low byte of some is the letter A."""


def encode(raw: bytes) -> str:
    """The canonical text of some bytes."""
    return b64encode(raw).decode("ascii")


@cache
def speech_chunks() -> tuple[bytes, ...]:
    """Real speech in chunks of 40 ms."""
    with wave.open(str(SPEECH)) as recording:
        pcm = recording.readframes(recording.getnframes())
    return tuple(pcm[start : start + 1280] for start in range(0, len(pcm), 1280))


@cache
def speech_texts() -> tuple[str, ...]:
    """The same as base64."""
    return tuple(encode(chunk) for chunk in speech_chunks())


def pattern(size: int) -> bytes:
    """Bytes that use the whole alphabet and repeat only after 251."""
    return bytes(index * 37 % 251 for index in range(size))


# Sizes in bytes: all short ones, and those around a chunk of 40 ms, 1,708 characters.
SIZES = st.one_of(st.integers(0, 300), st.integers(1270, 1290))
RAW = SIZES.flatmap(lambda size: st.binary(min_size=size, max_size=size))
CANONICAL = RAW.map(encode)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A canonical text after one to three small accidents."""
    text = draw(CANONICAL)
    symbol = st.one_of(st.sampled_from(CLASSES + STRANGERS), st.characters())
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.one_of(st.integers(0, len(text)), st.integers(max(0, len(text) - 4), len(text))))
        accident = draw(st.sampled_from(("replace", "insert", "delete", "cut", "swap", "pad", "wrap")))
        if accident == "replace":
            text = text[:at] + draw(symbol) + text[at + 1 :]
        elif accident == "insert":
            text = text[:at] + draw(symbol) + text[at:]
        elif accident == "delete":
            text = text[:at] + text[at + 1 :]
        elif accident == "cut":
            text = text[:at]
        elif accident == "swap":
            text = text[: max(0, at - 1)] + text[at : at + 1] + text[max(0, at - 1) : at] + text[at + 1 :]
        elif accident == "pad":
            text += "=" * draw(st.integers(1, 4))
        else:
            text = text[:at] + draw(st.sampled_from(("\n", "\r\n", " "))) + text[at:]
    return text


def as_bytes(text: str) -> bytes:
    """The text as bytes; what is no byte becomes one that is no symbol either."""
    return text.encode("latin-1", errors="replace").replace(b"?", b"\xff")
