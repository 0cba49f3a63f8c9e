"""Which kernel is used: the one that CALLBOT_KERNEL asks for, else the first that this CPU runs."""

from importlib import import_module
from os import environ

from callbot_cython.kernels cimport Kernel
from callbot_cython.kernels.table cimport registered
from callbot_cython.kernels.x86 cimport X86_KERNELS, runs_avx2, runs_avx512

# Names of all kernels, the best first.
cdef tuple NAMES = ("avx512", "avx2", "scalar")


# Whether the kernel was built, and the CPU, and the system on it, run it.
cdef bint runs_here(str name):
    if name == "avx2":
        return runs_avx2()
    if name == "avx512":
        return runs_avx512()
    return True


# A kernel by name; ImportError says in words why there is none.
cdef const Kernel* named(str name) except NULL:
    if name not in NAMES:
        raise ImportError(f"there is no kernel '{name}'; there are: {', '.join(NAMES)}")
    if not runs_here(name):
        if not X86_KERNELS:
            raise ImportError(f"the {name} kernel is built for x86-64 only, by GCC or Clang")
        needs = "AVX2" if name == "avx2" else "AVX-512 F, BW and VBMI"
        raise ImportError(f"the {name} kernel needs a CPU with {needs}")
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
    # One that should run and cannot be imported is an error, never a reason to take a slower one.
    return named(next(filter(runs_here, NAMES)))


cdef const Kernel* CHOSEN = choose(environ.get("CALLBOT_KERNEL", ""))
