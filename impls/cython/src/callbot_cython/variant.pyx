"""A kernel as an implementation of its own: `decode`, `AudioBuffer` and `AudioProcessor` that use it."""

cimport cython

from callbot_cython.arguments cimport DEFAULT_CAPACITY, UNBOUNDED, natural, optional_natural
from callbot_cython.buffer cimport new_ledger, reserve
from callbot_cython.decode cimport decode
from callbot_cython.kernels cimport Kernel
from callbot_cython.kernels.choice cimport best as best_kernel, named
from callbot_cython.processor cimport AudioProcessor as Processor

from callbot_cython.build_info import describe


@cython.final
@cython.no_gc
cdef class Variant:
    """An implementation with one kernel.

    `decode` is a method, so that one function serves every kernel: bound, it costs what a module's function costs.
    """

    cdef const Kernel* kernel

    def decode(self, chunk, /):
        """Decode a chunk of canonical base64.

        `chunk` is a str or a C-contiguous buffer of one-byte items, else TypeError. Text that is not canonical raises
        binascii.Error with the position of docs/contract.md.
        """
        return decode(self.kernel, chunk)

    def AudioBuffer(self, capacity=DEFAULT_CAPACITY, *, limit=None):
        """A buffer that decodes with this kernel."""
        return reserve(
            self.kernel, natural("capacity", capacity), optional_natural("limit", limit), new_ledger(UNBOUNDED)
        )

    def AudioProcessor(self, *, capacity=DEFAULT_CAPACITY, limit=None, max_calls=None, max_bytes=None):
        """A processor whose buffers decode with this kernel."""
        cdef Processor processor = Processor(
            capacity=capacity, limit=limit, max_calls=max_calls, max_bytes=max_bytes
        )
        processor.kernel = self.kernel
        return processor

    @property
    def BUILD(self):
        """What this implementation says of itself."""
        return describe(self.kernel.name.decode(), "full")


cdef Variant variant(const Kernel* kernel):
    cdef Variant implementation = Variant.__new__(Variant)
    implementation.kernel = kernel
    return implementation


best = variant(best_kernel())


def with_kernel(str name, /):
    """A kernel by name as an implementation; ImportError with the reason where it cannot run."""
    return variant(named(name))
