"""The Rust design of the seed report. It need not conform."""

from types import MappingProxyType

from ._native import report

__all__ = ["BUILD", "AudioBuffer", "AudioProcessor", "decode"]

AudioBuffer = report.AudioBuffer
AudioProcessor = report.AudioProcessor
decode = report.decode

BUILD = MappingProxyType(report.BUILD)
"""What this design says of itself."""
