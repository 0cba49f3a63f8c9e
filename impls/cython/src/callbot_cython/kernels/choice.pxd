# Which kernel is used.

from callbot_cython.kernels cimport Kernel

cdef const Kernel* best() noexcept
cdef const Kernel* named(str name) except NULL
