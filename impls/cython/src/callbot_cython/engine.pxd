# How text is decoded.

from callbot_cython.kernels cimport Kernel


# By which kernel, and whether the GIL is released meanwhile, so that other threads run.
cdef struct Engine:
    const Kernel* kernel
    bint releases
