"""Decode and buffer of base64 audio in Rust."""

from types import MappingProxyType

from . import ladder
from ._native import AudioBuffer, AudioProcessor, best

__all__ = ["BUILD", "AudioBuffer", "AudioProcessor", "decode", "ladder"]

decode = best.decode

BUILD = MappingProxyType(best.BUILD)
"""What this implementation says of itself."""
