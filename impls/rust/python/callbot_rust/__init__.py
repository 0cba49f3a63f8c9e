"""Decode and buffer of base64 audio in Rust."""

from types import MappingProxyType

from . import ladder
from ._native import AudioBuffer, AudioProcessor, Ingested, best

__all__ = ["BUILD", "AudioBuffer", "AudioProcessor", "Ingested", "decode", "ladder"]

decode = best.decode

BUILD = MappingProxyType(best.BUILD)
"""What this implementation says of itself."""
