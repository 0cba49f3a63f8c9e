"""What the buffers of a processor share."""

cimport cython
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, realloc

from callbot_cython.arguments cimport UNBOUNDED


# Memory that was touched before costs no page faults. So a closed call's storage is kept for the next one: at most
# MOST_SPARES of them, and only what has the size that new calls reserve.
@cython.final
@cython.no_gc
cdef class Shared:
    # Memory for so many bytes, used before or untouched; NULL if it cannot be had.
    cdef uint8_t* reserve(self, size_t size) noexcept:
        if self.spare_count != 0 and size == self.spare_size:
            self.spare_count -= 1
            return self.spares[self.spare_count]
        return reallocate(NULL, size)

    # Take memory from `reserve` or `reallocate` back.
    cdef void give_back(self, uint8_t* data, size_t size) noexcept:
        if size == self.spare_size != 0 and data != NULL and self.spare_count < MOST_SPARES:
            self.spares[self.spare_count] = data
            self.spare_count += 1
        else:
            free(data)

    # Free what is kept, and keep nothing from now on: there will be no more calls.
    cdef void retire(self) noexcept:
        cdef size_t spare
        for spare in range(self.spare_count):
            free(self.spares[spare])
        self.spare_count = 0
        self.spare_size = 0

    def __dealloc__(self):
        self.retire()


# For the buffers of a processor that reserve `spare_size` bytes each; 0 keeps no storage.
cdef Shared new_shared(size_t max_bytes, size_t spare_size):
    cdef Shared shared = Shared.__new__(Shared)
    shared.max_bytes = max_bytes
    shared.spare_size = spare_size
    return shared


# Memory that keeps what it held; NULL if it cannot be had, and then the old stays.
cdef uint8_t* reallocate(uint8_t* old, size_t size) noexcept:
    if size >= UNBOUNDED:
        return NULL
    return <uint8_t*> realloc(old, max(size, 1))
