from libc.stdint cimport uint8_t, uint32_t

from callbot_cython.kernels cimport Kernel

cdef Kernel SCALAR
cdef const char* ALPHABET

cdef enum:
    BAD = 1 << 24

cdef uint32_t[256] FIRST
cdef uint32_t[256] SECOND
cdef uint32_t[256] THIRD
cdef uint32_t[256] FOURTH

cdef size_t decode_quads(const uint8_t* source, size_t quads, uint8_t* target) noexcept nogil
