# The kernel that is used unless told otherwise.

from callbot_cython.kernels cimport Kernel
from callbot_cython.kernels.scalar cimport SCALAR


# The kernel that serves this CPU best.
cdef inline const Kernel* best() noexcept nogil:
    return &SCALAR
