"""Which kernel is used: the one that CALLBOT_KERNEL asks for, else the first that this CPU runs."""

from importlib import import_module
from os import environ

from callbot_cython.kernels cimport Kernel
from callbot_cython.kernels.table cimport registered
from callbot_cython.kernels.x86 cimport runs_avx2, runs_avx512

# Names of all kernels, the best first.
cdef tuple NAMES = ("avx512", "avx2", "scalar")


# A kernel by name; ImportError says in words why there is none.
cdef const Kernel* named(str name) except NULL:
    if name not in NAMES:
        raise ImportError(f"there is no kernel '{name}'; there are: {', '.join(NAMES)}")
    if name == "avx2" and not runs_avx2():
        raise ImportError("the avx2 kernel needs a CPU with AVX2")
    if name == "avx512" and not runs_avx512():
        raise ImportError("the avx512 kernel needs a CPU with AVX-512 F, BW and VBMI")
    import_module(f"callbot_cython.kernels.{name}")  # enters itself
    return registered(name.encode())


# The kernel that was chosen when this module was imported.
cdef const Kernel* best() noexcept:
    return CHOSEN


cdef const Kernel* choose(str wanted) except NULL:
    if wanted:
        try:
            return named(wanted)
        except ImportError as error:
            raise ImportError(f"CALLBOT_KERNEL: {error}") from None
    for name in NAMES:
        try:
            return named(name)
        except ImportError:
            continue
    raise AssertionError("any CPU runs the scalar kernel")


cdef const Kernel* CHOSEN = choose(environ.get("CALLBOT_KERNEL", ""))
