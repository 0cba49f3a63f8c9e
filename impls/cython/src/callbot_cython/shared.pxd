# What the buffers of a processor share.

cimport cython
from libc.stdint cimport uint8_t

cdef enum:
    MOST_SPARES = 16


# Bytes held now over all buffers, the most they may be together, and storage of closed calls for new ones.
@cython.final
cdef class Shared:
    cdef size_t held
    cdef size_t max_bytes
    cdef uint8_t* spares[MOST_SPARES]
    cdef size_t spare_count
    cdef size_t spare_size

    cdef uint8_t* reserve(self, size_t size) noexcept
    cdef void give_back(self, uint8_t* data, size_t size) noexcept
    cdef void retire(self) noexcept


cdef Shared new_shared(size_t max_bytes, size_t spare_size)
cdef uint8_t* reallocate(uint8_t* old, size_t size) noexcept
