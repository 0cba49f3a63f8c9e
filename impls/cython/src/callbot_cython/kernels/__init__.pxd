# What a kernel is.

from libc.stdint cimport uint8_t

# An inner loop: `decode_quads(source, quads, target)` decodes whole quads of four symbols to three bytes each.
#
# It returns how many leading quads it decoded, all of them or the number before the first that it does not accept,
# padding included. It reads no more than `4 * quads` bytes at `source` and writes no more than `3 * quads` at
# `target`; what it writes behind the quads that it decoded is unspecified.
ctypedef size_t (*DecodeQuads)(const uint8_t* source, size_t quads, uint8_t* target) noexcept nogil

# A kernel and the name by which users choose it.
cdef struct Kernel:
    const char* name
    DecodeQuads decode_quads
