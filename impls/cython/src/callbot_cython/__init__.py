"""Decode and buffer of base64 audio in Cython."""

from types import MappingProxyType

from . import ladder
from .buffer import AudioBuffer
from .ingested import Ingested
from .processor import AudioProcessor
from .variant import best

__all__ = ["BUILD", "AudioBuffer", "AudioProcessor", "Ingested", "decode", "ladder"]

decode = best.decode

BUILD = MappingProxyType(best.BUILD)
"""What this implementation says of itself."""
