# Append-only store of one call's PCM.

cimport cython
from libc.stdint cimport uint8_t

from callbot_cython.batch cimport Batch
from callbot_cython.kernels cimport Kernel
from callbot_cython.source cimport Text


# Bytes held now over all buffers of a processor, and the most they may be together.
@cython.final
cdef class Ledger:
    cdef size_t held
    cdef size_t max_bytes


@cython.final
cdef class AudioBuffer:
    cdef const Kernel* kernel
    cdef uint8_t* data
    cdef size_t length
    cdef size_t room  # bytes that may be held without growing: never above the limit
    cdef size_t limit
    cdef size_t exports
    cdef bint closed
    cdef size_t chunks
    cdef size_t total
    cdef size_t growths
    cdef Ledger ledger

    cdef int set_up(self, const Kernel* kernel, size_t capacity, size_t limit, Ledger ledger) except -1
    cdef int require_changeable(self) except -1
    cdef int require_open(self) except -1
    cdef Py_ssize_t append_text(self, object chunk, Text text) except -1
    cdef Py_ssize_t append_bytes(self, Text pcm) except -1
    cdef Py_ssize_t append_batch(self, Batch batch) except -1
    cdef bint has_room(self, size_t size) noexcept
    cdef int make_room_for_text(self, object chunk, Text text, size_t size) except -1
    cdef int make_room_for_batch(self, Batch batch, size_t size) except -1
    cdef object over_limits(self, size_t size)
    cdef int grow(self, size_t size) except -1
    cdef void commit(self, size_t size, size_t chunks) noexcept
    cdef void empty(self) noexcept
    cdef void close(self) noexcept
    cdef Py_ssize_t append_chunk(self, object chunk) except -1
    cdef Py_ssize_t extend_chunks(self, object chunks) except -1
    cdef bytes copied(self)


cdef AudioBuffer reserve(const Kernel* kernel, size_t capacity, size_t limit, Ledger ledger)
cdef Ledger new_ledger(size_t max_bytes)
