"""Decode and buffer of base64 audio on the standard library alone."""

from ._build import describe
from .buffer import AudioBuffer
from .decode import decode
from .processor import AudioProcessor

__all__ = ["BUILD", "AudioBuffer", "AudioProcessor", "decode"]

BUILD = describe(kernel="binascii")
