"""The buffers of many concurrent calls."""

cimport cython
from cpython.dict cimport PyDict_GetItemWithError
from cpython.object cimport PyObject

from callbot_cython.arguments cimport DEFAULT_CAPACITY, UNBOUNDED, natural, optional_natural
from callbot_cython.buffer cimport AudioBuffer, reserve
from callbot_cython.engine cimport Engine
from callbot_cython.kernels.choice cimport best
from callbot_cython.shared cimport new_shared

cdef extern from "Python.h":
    str PyUnicode_FromObject(object text)


@cython.final
@cython.no_gc
cdef class AudioProcessor:
    """AudioProcessor(*, capacity=10485760, limit=None, max_calls=None, max_bytes=None)\n--\n
    The buffers of many concurrent calls, safe to use from many threads.

    `capacity` and `limit` (bytes) go to every buffer; `max_calls` bounds the open calls, `max_bytes` the bytes held
    over all of them.
    """

    def __cinit__(self, *, capacity=DEFAULT_CAPACITY, limit=None, max_calls=None, max_bytes=None):
        self.buffer_capacity = natural("capacity", capacity)
        self.limit = optional_natural("limit", limit)
        self.max_calls = optional_natural("max_calls", max_calls)
        self.shared = new_shared(
            optional_natural("max_bytes", max_bytes), spare_size=min(self.buffer_capacity, self.limit)
        )
        self.buffers = {}
        self.decode_with(Engine(best(), False))

    def __dealloc__(self):
        # Buffers may live on, and share what they shared.
        if self.shared is not None:
            self.shared.retire()

    cdef void decode_with(self, Engine engine) noexcept:
        # Bytes that are not there yet count towards max_bytes or not, as they turn out to be canonical. So with
        # max_bytes one append after the other is decoded, under the GIL.
        self.engine = Engine(engine.kernel, engine.releases and self.shared.max_bytes == UNBOUNDED)

    # The buffer of an open call; KeyError.
    cdef inline AudioBuffer buffer(self, str key):
        cdef PyObject* found = PyDict_GetItemWithError(self.buffers, key)
        while found != NULL and (<AudioBuffer> found).busy:
            settled(<AudioBuffer> found)
            # Another thread may have closed the call meanwhile.
            found = PyDict_GetItemWithError(self.buffers, key)
        if found == NULL:
            raise KeyError(key)
        return <AudioBuffer> found

    def open(self, call_id):
        """Start a call; its buffer. ValueError if the id is open, OverflowError past max_calls."""
        cdef str key = plain_id(call_id)
        if key in self.buffers:
            raise ValueError(f"call {key!r} is open already")
        if <size_t> len(self.buffers) >= self.max_calls:
            raise OverflowError(f"max_calls of {self.max_calls} exceeded")
        # Nothing here is tracked by the garbage collector, so no other thread comes in after the checks (see AudioBuffer).
        cdef AudioBuffer buffer = reserve(self.engine, self.buffer_capacity, self.limit, self.shared)
        self.buffers[key] = buffer
        return buffer

    def append(self, call_id, chunk):
        """Decode a chunk into the buffer of an open call; the number of bytes added."""
        return self.buffer(plain_id(call_id)).append_chunk(chunk)

    def extend(self, call_id, chunks):
        """Decode a batch into the buffer of an open call, all or nothing; the number of bytes added."""
        return self.buffer(plain_id(call_id)).extend_chunks(chunks)

    def close(self, call_id):
        """Hand out the bytes of a call and forget it; BufferError while a view is alive."""
        cdef str key = plain_id(call_id)
        cdef AudioBuffer buffer = self.buffer(key)
        pcm = buffer.copied()
        del self.buffers[key]
        buffer.close()
        return pcm

    def discard(self, call_id):
        """Forget a call without handing out a copy; BufferError while a view is alive."""
        cdef str key = plain_id(call_id)
        cdef AudioBuffer buffer = self.buffer(key)
        buffer.require_changeable()
        del self.buffers[key]
        buffer.close()

    def call_ids(self):
        """Ids of the open calls, oldest first."""
        return list(self.buffers)

    def __getitem__(self, call_id):
        return self.buffer(plain_id(call_id))

    def __contains__(self, call_id):
        return plain_id(call_id) in self.buffers

    def __len__(self):
        return len(self.buffers)

    @property
    def total_bytes(self):
        """Bytes held now over all open calls."""
        return self.shared.held


# Wait for the thread that decodes into a buffer; the reference keeps it alive meanwhile.
cdef void settled(AudioBuffer buffer) noexcept:
    cdef AudioBuffer held = buffer
    held.settle()


# A call id as an exact str, so that a subclass cannot bring its own equality; TypeError if it is no str.
cdef inline str plain_id(object call_id):
    if type(call_id) is str:
        return <str> call_id
    if isinstance(call_id, str):
        return PyUnicode_FromObject(call_id)
    raise TypeError(f"call_id is a str, not {type(call_id).__name__}")
