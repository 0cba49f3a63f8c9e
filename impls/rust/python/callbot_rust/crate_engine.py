"""Variant: the `base64` crate with its SIMD engine decodes, the rest is ours."""

from types import MappingProxyType

from ._native import crate_engine

__all__ = ["BUILD", "AudioBuffer", "AudioProcessor", "decode"]

AudioBuffer = crate_engine.AudioBuffer
AudioProcessor = crate_engine.AudioProcessor
decode = crate_engine.decode

BUILD = MappingProxyType(crate_engine.BUILD)
"""What this variant says of itself."""
