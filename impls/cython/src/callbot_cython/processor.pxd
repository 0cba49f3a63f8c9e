# The buffers of many concurrent calls.

cimport cython

from callbot_cython.buffer cimport AudioBuffer, Ledger
from callbot_cython.kernels cimport Kernel


@cython.final
cdef class AudioProcessor:
    # All keys are exact str, so that looking one up runs no Python code.
    cdef dict buffers
    cdef const Kernel* kernel
    cdef size_t buffer_capacity
    cdef size_t limit
    cdef size_t max_calls
    cdef Ledger ledger

    cdef AudioBuffer buffer(self, str key)
