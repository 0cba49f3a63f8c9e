# Append-only store of one call's PCM.

cimport cython
from cpython.pythread cimport PyThread_type_lock
from libc.stdint cimport uint8_t

from callbot_cython.audio cimport Audio
from callbot_cython.batch cimport Batch
from callbot_cython.engine cimport Engine
from callbot_cython.shared cimport Shared
from callbot_cython.source cimport Text


@cython.final
cdef class AudioBuffer:
    cdef Engine engine
    cdef uint8_t* data
    cdef size_t length
    cdef size_t room  # bytes that may be held without growing: never above the limit
    cdef size_t limit
    cdef size_t exports
    cdef bint closed
    cdef bint busy  # a thread decodes into the storage, without the GIL
    cdef PyThread_type_lock turn  # held while busy; NULL if the engine keeps the GIL
    cdef size_t chunks
    cdef size_t total
    cdef size_t growths
    cdef Shared shared
    cdef Audio started  # what the message that opened the call told

    cdef int set_up(self, Engine engine, size_t capacity, size_t limit, Shared shared) except -1
    cdef void settle(self) noexcept
    cdef void take_turn(self) noexcept
    cdef bint take_turn_for(self, size_t size) noexcept
    cdef int require_changeable(self) except -1
    cdef int require_open(self) except -1
    cdef Py_ssize_t append_text(self, object chunk, Text text) except -1
    cdef size_t decode_released(self, const Text* texts, size_t count, size_t* size) noexcept
    cdef bint place_text(self, Text text, size_t size) except -1
    cdef bint take_text(self, Text text, size_t size) except -1
    cdef bint try_text(self, Text text, size_t size) noexcept
    cdef Py_ssize_t append_bytes(self, Text pcm) except -1
    cdef Py_ssize_t append_batch(self, Batch batch) except -1
    cdef size_t room_for_batch(self, Batch batch) except? 0
    cdef bint has_room(self, size_t size) noexcept
    cdef bint make_room_for_text(self, Text text, size_t size) except -1
    cdef size_t make_room_for_batch(self, Batch batch) except? 0
    cdef object over_limits(self, size_t size)
    cdef int grow(self, size_t size) except -1
    cdef void commit(self, size_t size, size_t chunks) noexcept
    cdef void empty(self) noexcept
    cdef void close(self) noexcept
    cdef Py_ssize_t append_chunk(self, object chunk) except -1
    cdef Py_ssize_t extend_chunks(self, object chunks) except -1
    cdef bytes copied(self)


cdef AudioBuffer reserve(Engine engine, size_t capacity, size_t limit, Shared shared)
