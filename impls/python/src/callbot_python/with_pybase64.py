"""Variant: pybase64 decodes and msgspec parses, the rest is pure Python; no compiled code of our own."""

from importlib.metadata import version

from pybase64 import b64decode

from . import buffer, processor, usual_typed
from ._build import describe
from .decode import Chunk, Text, invalid, is_canonical, with_plain_text

__all__ = ["BUILD", "AudioBuffer", "AudioProcessor", "decode"]

BUILD = describe(kernel=f"pybase64 {version('pybase64')}")


def decode(chunk: Chunk, /) -> bytes:
    """Decode a chunk of canonical base64 with pybase64; errors as in callbot_python.decode."""
    if type(chunk) is str or type(chunk) is bytes:
        return _decode_text(chunk)
    return with_plain_text(_decode_text, chunk)


def _decode_text(text: Text) -> bytes:
    try:
        # Validation refuses what is outside the alphabet, but not spare bits.
        pcm: bytes = b64decode(text, validate=True)
    except ValueError:
        raise invalid(text) from None
    if not is_canonical(text, len(pcm)):
        raise invalid(text)
    return pcm


class AudioBuffer(buffer.AudioBuffer):
    """The pure-Python buffer with pybase64 as its decoder."""

    __slots__ = ()

    _decode = staticmethod(decode)


class AudioProcessor(processor.AudioProcessor):
    """The pure-Python processor with buffers that decode with pybase64, and msgspec for the usual messages."""

    __slots__ = ()

    _new_buffer = AudioBuffer
    _text = staticmethod(usual_typed.to_text)
    _looks = usual_typed.LOOKS
    _refusals = usual_typed.REFUSALS
