"""The kernels that were imported, by name.

Every kernel enters itself: one that the CPU cannot run must not even be imported, so nobody can name them all.
"""

from libc.string cimport strcmp

from callbot_cython.kernels cimport Kernel

cdef enum:
    MOST = 8

cdef const Kernel* KERNELS[MOST]
cdef size_t count = 0


# Enter a kernel.
cdef int register(const Kernel* kernel) except -1:
    global count
    if count == MOST:
        raise RuntimeError("no room for another kernel")
    KERNELS[count] = kernel
    count += 1
    return 0


# The kernel of a name; NULL if none entered itself under it.
cdef const Kernel* registered(bytes name) noexcept:
    cdef size_t index
    for index in range(count):
        if strcmp(KERNELS[index].name, name) == 0:
            return KERNELS[index]
    return NULL
