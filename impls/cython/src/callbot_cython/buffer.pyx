"""Append-only store of one call's PCM."""

cimport cython
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.memoryview cimport PyMemoryView_FromObject
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from callbot_cython.arguments cimport DEFAULT_CAPACITY, UNBOUNDED, natural, optional_natural
from callbot_cython.batch cimport Batch, drain, text_of
from callbot_cython.decode cimport decode_into, decoded_size, is_canonical
from callbot_cython.kernels cimport Kernel
from callbot_cython.kernels.choice cimport best
from callbot_cython.source cimport Text, acquire_pcm, acquire_text, invalid, plain_text


@cython.final
@cython.no_gc
cdef class Ledger:
    """Bytes held now over all buffers of a processor, and the most they may be together."""


cdef Ledger new_ledger(size_t max_bytes):
    cdef Ledger ledger = Ledger.__new__(Ledger)
    ledger.max_bytes = max_bytes
    return ledger


# The GIL is the lock. What changes the state runs no Python code before it is done, and makes nothing that the garbage
# collector tracks (`no_gc`): in CPython 3.11 a collection may come with any allocation, and Python code with it.
@cython.final
@cython.no_gc
cdef class AudioBuffer:
    """AudioBuffer(capacity=10485760, *, limit=None)\n--\n
    Append-only store of one call's PCM.

    `capacity` bytes are reserved at once; `limit` is the most bytes the buffer may hold at one time.
    """

    def __cinit__(self):
        self.closed = True  # until it is set up

    def __init__(self, capacity=DEFAULT_CAPACITY, *, limit=None):
        if self.data != NULL or not self.closed:
            raise TypeError("a buffer is set up once")
        self.set_up(best(), natural("capacity", capacity), optional_natural("limit", limit), new_ledger(UNBOUNDED))

    # Reserve at most `limit` bytes; MemoryError if they cannot be had.
    cdef int set_up(self, const Kernel* kernel, size_t capacity, size_t limit, Ledger ledger) except -1:
        self.room = min(capacity, limit)
        self.data = allocate(NULL, self.room)
        if self.data == NULL:
            raise MemoryError
        self.kernel = kernel
        self.limit = limit
        self.ledger = ledger
        self.closed = False
        return 0

    def __dealloc__(self):
        free(self.data)
        if self.ledger is not None:
            self.ledger.held -= self.length

    # Refuse if the buffer is closed or a view of it is alive.
    cdef inline int require_changeable(self) except -1:
        if self.closed:
            raise ValueError("the call of this buffer is closed")
        if self.exports != 0:
            raise BufferError("a view of this buffer is alive")
        return 0

    cdef inline int require_open(self) except -1:
        if self.closed:
            raise ValueError("the call of this buffer is closed")
        return 0

    # Decode text behind what is held; the bytes added.
    cdef inline Py_ssize_t append_text(self, object chunk, Text text) except -1:
        cdef size_t size = decoded_size(text.data, text.length)
        if not self.has_room(size):
            self.make_room_for_text(chunk, text, size)
        if not decode_into(self.kernel, text.data, text.length, self.data + self.length, size):
            raise invalid(chunk, text)
        self.commit(size, 1)
        return size

    # Copy bytes behind what is held; the bytes added.
    cdef Py_ssize_t append_bytes(self, Text pcm) except -1:
        if not self.has_room(pcm.length):
            error = self.over_limits(pcm.length)
            if error is not None:
                raise error
            self.grow(pcm.length)
        if pcm.length != 0:
            memcpy(self.data + self.length, pcm.data, pcm.length)
        self.commit(pcm.length, 1)
        return pcm.length

    # Decode a batch behind what is held, all or nothing; the bytes added.
    cdef Py_ssize_t append_batch(self, Batch batch) except -1:
        cdef Text text
        cdef size_t index, part
        cdef size_t loan = 0
        cdef size_t size = 0
        cdef size_t staged = 0
        for index in range(batch.length):
            text = text_of(batch, index, &loan)
            size = saturating_add(size, decoded_size(text.data, text.length))
        if batch.error is not None or not self.has_room(size):
            self.make_room_for_batch(batch, size)
        loan = 0
        for index in range(batch.length):
            text = text_of(batch, index, &loan)
            part = decoded_size(text.data, text.length)
            # The first test is for text that another thread changes in the meantime.
            if part > size - staged or not decode_into(
                self.kernel, text.data, text.length, self.data + self.length + staged, part
            ):
                raise batch.explain(index, invalid(batch.chunks[index], text))
            staged += part
        self.commit(staged, batch.length)
        return staged

    cdef inline bint has_room(self, size_t size) noexcept:
        return (saturating_add(self.length, size) <= self.room
                and saturating_add(self.ledger.held, size) <= self.ledger.max_bytes)

    # Grow for text, which is checked first: an error of the text wins over a limit and changes nothing.
    cdef int make_room_for_text(self, object chunk, Text text, size_t size) except -1:
        if not is_canonical(text.data, text.length):
            raise invalid(chunk, text)
        error = self.over_limits(size)
        if error is not None:
            raise error
        return self.grow(size)

    # The same for a batch, chunk by chunk: the first that fails wins. A batch that ends in an error gets no room.
    cdef int make_room_for_batch(self, Batch batch, size_t size) except -1:
        cdef Text text
        cdef size_t index
        cdef size_t loan = 0
        cdef size_t staged = 0
        for index in range(batch.length):
            text = text_of(batch, index, &loan)
            if not is_canonical(text.data, text.length):
                raise batch.explain(index, invalid(batch.chunks[index], text))
            staged = saturating_add(staged, decoded_size(text.data, text.length))
            error = self.over_limits(staged)
            if error is not None:
                raise batch.explain(index, error)
        if batch.error is not None:
            raise batch.explain(batch.length, batch.error) if type(batch.error) is TypeError else batch.error
        return self.grow(size)

    # The error if so many bytes more pass a limit, else None.
    cdef object over_limits(self, size_t size):
        if saturating_add(self.length, size) > self.limit:
            return OverflowError(f"limit of {self.limit} bytes exceeded")
        if saturating_add(self.ledger.held, size) > self.ledger.max_bytes:
            return OverflowError(f"max_bytes of {self.ledger.max_bytes} exceeded")
        return None

    # Reserve room for `size` more bytes: twice the room if that can be had, else exactly what is needed.
    cdef int grow(self, size_t size) except -1:
        cdef size_t needed = saturating_add(self.length, size)
        cdef size_t wanted
        cdef uint8_t* data
        if needed <= self.room:
            return 0
        wanted = min(max(needed, saturating_add(self.room, self.room)), self.limit)
        data = allocate(self.data, wanted)
        if data == NULL:
            wanted = needed
            data = allocate(self.data, wanted)
        if data == NULL:
            raise MemoryError
        self.data = data
        self.room = wanted
        self.growths += 1
        return 0

    # Count bytes that were written behind what is held.
    cdef inline void commit(self, size_t size, size_t chunks) noexcept:
        self.length += size
        self.chunks += chunks
        self.total += size
        self.ledger.held += size

    cdef void empty(self) noexcept:
        self.ledger.held -= self.length
        self.length = 0

    # Free the storage for good; the caller knows that no view is alive.
    cdef void close(self) noexcept:
        self.empty()
        free(self.data)
        self.data = NULL
        self.room = 0
        self.closed = True

    # Decode a chunk into the buffer; see `append`.
    cdef Py_ssize_t append_chunk(self, object chunk) except -1:
        cdef Text text
        cdef Py_buffer loan
        self.require_changeable()
        if plain_text(chunk, &text):
            return self.append_text(chunk, text)
        text = acquire_text(chunk, &loan)
        try:
            # Once more, since to lend a buffer may run Python code.
            self.require_changeable()
            return self.append_text(chunk, text)
        finally:
            PyBuffer_Release(&loan)

    # Decode a batch into the buffer; see `extend`.
    cdef Py_ssize_t extend_chunks(self, object chunks) except -1:
        cdef Batch batch
        self.require_changeable()
        batch = drain(chunks)
        # Once more, since an iterable runs Python code.
        self.require_changeable()
        return self.append_batch(batch)

    # The bytes held as a new object, which runs no Python code; MemoryError.
    cdef bytes copied(self):
        self.require_changeable()
        return PyBytes_FromStringAndSize(<char*> self.data, self.length)

    def append(self, chunk, /):
        """Decode a base64 chunk into the buffer; the number of bytes added."""
        return self.append_chunk(chunk)

    def extend(self, chunks, /):
        """Decode a batch of chunks, all or nothing; the number of bytes added.

        An error of a chunk carries its index as `chunk_index`.
        """
        return self.extend_chunks(chunks)

    def append_pcm(self, pcm, /):
        """Add the bytes of any C-contiguous buffer; the number of bytes added."""
        cdef Text raw
        cdef Py_buffer loan
        self.require_changeable()
        raw = acquire_pcm(pcm, &loan)
        try:
            # Once more, since to lend a buffer may run Python code.
            self.require_changeable()
            return self.append_bytes(raw)
        finally:
            PyBuffer_Release(&loan)

    def view(self):
        """Read-only view of what is held; while it is alive the contents cannot change."""
        self.require_open()
        return PyMemoryView_FromObject(Exporter.__new__(Exporter, self))

    def take(self):
        """Hand out what is held and empty the buffer."""
        pcm = self.copied()
        self.empty()
        return pcm

    def clear(self):
        """Empty the buffer; reserved memory stays."""
        self.require_changeable()
        self.empty()

    def __len__(self):
        self.require_open()
        return self.length

    @property
    def chunk_count(self):
        """Chunks ever added."""
        return self.chunks

    @property
    def total_bytes(self):
        """Bytes ever added."""
        return self.total

    @property
    def capacity(self):
        """Bytes reserved now."""
        return self.room

    @property
    def reallocations(self):
        """How often the storage was reallocated to grow."""
        return self.growths


cdef char* FORMAT = b"B"


# Exports the bytes of a buffer, read-only, and keeps count: `memoryview(buffer)` itself must not work.
@cython.final
@cython.no_gc
cdef class Exporter:
    cdef AudioBuffer buffer

    def __cinit__(self, AudioBuffer buffer not None):
        self.buffer = buffer

    def __getbuffer__(self, Py_buffer* view, int flags):
        self.buffer.require_open()
        if flags & PyBUF_WRITABLE:
            raise BufferError("Object is not writable.")
        view.buf = self.buffer.data
        view.len = self.buffer.length
        view.itemsize = 1
        view.readonly = 1
        view.ndim = 1
        view.format = FORMAT if flags & PyBUF_FORMAT else NULL
        view.shape = &view.len if flags & PyBUF_ND else NULL
        view.strides = &view.itemsize if flags & PyBUF_STRIDES == PyBUF_STRIDES else NULL
        view.suboffsets = NULL
        view.internal = NULL
        view.obj = self
        self.buffer.exports += 1

    def __releasebuffer__(self, Py_buffer* view):
        self.buffer.exports -= 1


# A buffer of a processor, or one with a kernel of its own.
cdef AudioBuffer reserve(const Kernel* kernel, size_t capacity, size_t limit, Ledger ledger):
    cdef AudioBuffer buffer = AudioBuffer.__new__(AudioBuffer)
    buffer.set_up(kernel, capacity, limit, ledger)
    return buffer


# Memory that is not touched; NULL if it cannot be had.
cdef uint8_t* allocate(uint8_t* old, size_t size) noexcept:
    if size >= UNBOUNDED:
        return NULL
    return <uint8_t*> realloc(old, max(size, 1))


cdef inline size_t saturating_add(size_t one, size_t other) noexcept:
    return UNBOUNDED * 2 - 1 if one > UNBOUNDED * 2 - 1 - other else one + other
