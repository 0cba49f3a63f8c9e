# The kernels that were imported, by name.

from callbot_cython.kernels cimport Kernel

cdef int register(const Kernel* kernel) except -1
cdef const Kernel* registered(bytes name) noexcept
