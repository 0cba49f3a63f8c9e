# The buffers of many concurrent calls.

cimport cython

from callbot_cython.buffer cimport AudioBuffer
from callbot_cython.engine cimport Engine
from callbot_cython.shared cimport Shared


@cython.final
cdef class AudioProcessor:
    # All keys are exact str, so that looking one up runs no Python code.
    cdef dict buffers
    cdef Engine engine
    cdef size_t buffer_capacity
    cdef size_t limit
    cdef size_t max_calls
    cdef Shared shared

    cdef void decode_with(self, Engine engine) noexcept
    cdef AudioBuffer buffer(self, str key)
    cdef AudioBuffer open_call(self, str key)
    cdef bytes close_call(self, str key)
