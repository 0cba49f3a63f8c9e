"""The Rust design of the seed report. It need not conform."""

from types import MappingProxyType

from ._native import report

__all__ = ["BUILD", "AudioBuffer", "AudioProcessor", "decode", "inplace", "simd"]

AudioBuffer = report.AudioBuffer
AudioProcessor = report.AudioProcessor
decode = report.decode

BUILD = MappingProxyType(report.BUILD)
"""What this design says of itself."""

inplace = report.inplace
"""The design without the vector: it decodes straight into the buffer."""

simd = report.simd
"""The same with the kernel that serves this CPU best."""
