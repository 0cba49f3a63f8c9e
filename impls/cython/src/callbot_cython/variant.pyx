"""An engine as an implementation of its own: `decode`, `AudioBuffer` and `AudioProcessor` that use it."""

cimport cython

from callbot_cython.arguments cimport DEFAULT_CAPACITY, UNBOUNDED, natural, optional_natural
from callbot_cython.buffer cimport reserve
from callbot_cython.decode cimport decode
from callbot_cython.engine cimport Engine
from callbot_cython.kernels.choice cimport best as best_kernel, named
from callbot_cython.processor cimport AudioProcessor as Processor
from callbot_cython.shared cimport new_shared

from callbot_cython.build_info import describe


@cython.final
@cython.no_gc
cdef class Variant:
    """An implementation with one engine.

    `decode` is a method, so that one function serves every engine: bound, it costs what a module's function costs.
    """

    cdef Engine engine

    def decode(self, chunk, /):
        """Decode a chunk of canonical base64.

        `chunk` is a str or a C-contiguous buffer of one-byte items, else TypeError. Text that is not canonical raises
        binascii.Error with the position of docs/contract.md.
        """
        return decode(self.engine, chunk)

    def AudioBuffer(self, capacity=DEFAULT_CAPACITY, *, limit=None):
        """A buffer that decodes with this engine."""
        return reserve(
            self.engine,
            natural("capacity", capacity),
            optional_natural("limit", limit),
            new_shared(UNBOUNDED, spare_size=0),
        )

    def AudioProcessor(self, *, capacity=DEFAULT_CAPACITY, limit=None, max_calls=None, max_bytes=None):
        """A processor whose buffers decode with this engine."""
        cdef Processor processor = Processor(
            capacity=capacity, limit=limit, max_calls=max_calls, max_bytes=max_bytes
        )
        processor.decode_with(self.engine)
        return processor

    @property
    def BUILD(self):
        """What this implementation says of itself."""
        return describe(self.engine.kernel.name.decode(), self.engine.releases, "full")


cdef Variant variant(Engine engine):
    cdef Variant implementation = Variant.__new__(Variant)
    implementation.engine = engine
    return implementation


best = variant(Engine(best_kernel(), False))
releasing = variant(Engine(best_kernel(), True))


def with_kernel(str name, /):
    """A kernel by name as an implementation; ImportError with the reason where it cannot run."""
    return variant(Engine(named(name), False))
