"""Reference: the same decoder and store as `callbot_rust`, behind the wrappers that PyO3 makes."""

from types import MappingProxyType

from ._native import wrapped

__all__ = ["BUILD", "AudioBuffer", "AudioProcessor", "decode", "ladder"]

AudioBuffer = wrapped.AudioBuffer
AudioProcessor = wrapped.AudioProcessor
decode = wrapped.decode
ladder = wrapped.ladder

BUILD = MappingProxyType(wrapped.BUILD)
"""What this reference says of itself."""
