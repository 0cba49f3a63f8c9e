"""Append-only store of one call's PCM."""

cimport cython
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.memoryview cimport PyMemoryView_FromObject
from cpython.pythread cimport (
    NOWAIT_LOCK, WAIT_LOCK, PyThread_acquire_lock, PyThread_allocate_lock, PyThread_free_lock, PyThread_release_lock
)
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from callbot_cython.arguments cimport DEFAULT_CAPACITY, UNBOUNDED, natural, optional_natural, saturating_add
from callbot_cython.batch cimport Batch, drain
from callbot_cython.decode cimport decode_into, decoded_size, is_canonical
from callbot_cython.engine cimport Engine
from callbot_cython.kernels cimport Kernel
from callbot_cython.kernels.choice cimport best
from callbot_cython.shared cimport Shared, new_shared, reallocate
from callbot_cython.source cimport Text, acquire_pcm, acquire_text, invalid, plain_text


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
        cdef size_t size = natural("capacity", capacity)
        cdef size_t most = optional_natural("limit", limit)
        # Asked last, since the arguments may run Python code.
        if self.shared is not None:
            raise TypeError("a buffer is set up once")
        self.set_up(Engine(best(), False), size, most, new_shared(UNBOUNDED, spare_size=0))

    # Reserve at most `limit` bytes; MemoryError if they cannot be had.
    cdef int set_up(self, Engine engine, size_t capacity, size_t limit, Shared shared) except -1:
        self.room = min(capacity, limit)
        self.data = shared.reserve(self.room)
        if self.data == NULL:
            raise MemoryError
        self.shared = shared
        if engine.releases:
            self.turn = PyThread_allocate_lock()
            if self.turn == NULL:
                raise MemoryError
        self.engine = engine
        self.limit = limit
        self.closed = False
        return 0

    def __dealloc__(self):
        if self.shared is not None:
            self.shared.give_back(self.data, self.room)
            self.shared.held -= self.length
        if self.turn != NULL:
            PyThread_free_lock(self.turn)

    # Wait until no other thread decodes into the storage.
    cdef void settle(self) noexcept:
        self.take_turn()
        PyThread_release_lock(self.turn)

    # Wait for the turn to decode without the GIL; who has both the turn and the GIL knows that nobody does so now.
    cdef void take_turn(self) noexcept:
        if not PyThread_acquire_lock(self.turn, NOWAIT_LOCK):
            with nogil:
                PyThread_acquire_lock(self.turn, WAIT_LOCK)

    # Refuse if the buffer is closed or a view of it is alive.
    cdef inline int require_changeable(self) except -1:
        if self.busy:
            self.settle()
        if self.closed:
            raise ValueError("the call of this buffer is closed")
        if self.exports != 0:
            raise BufferError("a view of this buffer is alive")
        return 0

    cdef inline int require_open(self) except -1:
        if self.busy:
            self.settle()
        if self.closed:
            raise ValueError("the call of this buffer is closed")
        return 0

    # Decode text behind what is held; the bytes added.
    cdef inline Py_ssize_t append_text(self, object chunk, Text text) except -1:
        cdef size_t size = decoded_size(text.data, text.length)
        cdef bint good
        if self.engine.releases and self.take_turn_for(size):
            # Text that another thread changes in the meantime is held to the size that there is room for.
            good = self.decode_released(&text, 1, &size) == 1
        else:
            self.require_changeable()
            good = self.place_text(text, size)
        if not good:
            raise invalid(chunk, text)
        self.commit(size, 1)
        return size

    # Decode text behind what is held, for the caller to count it; whether it was canonical.
    cdef inline bint place_text(self, Text text, size_t size) except -1:
        if not self.has_room(size) and not self.make_room_for_text(text, size):
            return False
        return decode_into(self.engine.kernel, text.data, text.length, self.data + self.length, size)

    # Add text, which decodes to that size, to a buffer that can change; whether it was canonical.
    cdef bint take_text(self, Text text, size_t size) except -1:
        if not self.place_text(text, size):
            return False
        self.commit(size, 1)
        return True

    # The same, but only where nothing stands against it; whether it was done.
    cdef bint try_text(self, Text text, size_t size) noexcept:
        if self.busy or self.exports != 0 or not self.has_room(size) or not decode_into(
            self.engine.kernel, text.data, text.length, self.data + self.length, size
        ):
            return False
        self.commit(size, 1)
        return True

    # Decode texts without the GIL and give the turn back; how many were canonical (see decode_texts).
    #
    # While this thread has the turn it makes no Python object: that may run a finaliser, which may ask for the turn.
    cdef size_t decode_released(self, const Text* texts, size_t count, size_t* size) noexcept:
        cdef const Kernel* kernel = self.engine.kernel
        cdef uint8_t* target = self.data + self.length
        cdef size_t good
        self.busy = True
        with nogil:
            good = decode_texts(kernel, texts, count, target, size)
        self.busy = False
        PyThread_release_lock(self.turn)
        return good

    # Take the turn to decode so many bytes without the GIL; not if the buffer has to grow first, or to refuse them.
    cdef bint take_turn_for(self, size_t size) noexcept:
        self.take_turn()
        if not self.closed and self.exports == 0 and self.has_room(size):
            return True
        PyThread_release_lock(self.turn)
        return False

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
        cdef size_t size = batch.most if self.has_room(batch.most) else exact_size(batch)
        cdef size_t good
        if self.engine.releases and batch.error is None and self.take_turn_for(size):
            good = self.decode_released(batch.texts, batch.length, &size)
        else:
            self.require_changeable()
            size = self.room_for_batch(batch)
            good = decode_texts(self.engine.kernel, batch.texts, batch.length, self.data + self.length, &size)
        if good != batch.length:
            raise batch.explain(good, invalid(batch.chunks[good], batch.texts[good]))
        self.commit(size, batch.length)
        return size

    # Make room for what a batch decodes to, or more; the bytes.
    cdef size_t room_for_batch(self, Batch batch) except? 0:
        if batch.error is not None or not self.has_room(batch.most):
            return self.make_room_for_batch(batch)
        return batch.most

    cdef inline bint has_room(self, size_t size) noexcept:
        return (saturating_add(self.length, size) <= self.room
                and saturating_add(self.shared.held, size) <= self.shared.max_bytes)

    # Grow for text, which is checked first: an error of the text wins over a limit and changes nothing.
    #
    # False if it is not canonical.
    cdef bint make_room_for_text(self, Text text, size_t size) except -1:
        if not is_canonical(text.data, text.length):
            return False
        error = self.over_limits(size)
        if error is not None:
            raise error
        self.grow(size)
        return True

    # The same for a batch, chunk by chunk: the first that fails wins. A batch that ends in an error gets no room.
    cdef size_t make_room_for_batch(self, Batch batch) except? 0:
        cdef Text text
        cdef size_t index
        cdef size_t size = 0
        for index in range(batch.length):
            text = batch.texts[index]
            if not is_canonical(text.data, text.length):
                raise batch.explain(index, invalid(batch.chunks[index], text))
            size = saturating_add(size, decoded_size(text.data, text.length))
            error = self.over_limits(size)
            if error is not None:
                raise batch.explain(index, error)
        if batch.error is not None:
            raise batch.explain(batch.length, batch.error) if type(batch.error) is TypeError else batch.error
        self.grow(size)
        return size

    # The error if so many bytes more pass a limit, else None.
    cdef object over_limits(self, size_t size):
        if saturating_add(self.length, size) > self.limit:
            return OverflowError(f"limit of {self.limit} bytes exceeded")
        if saturating_add(self.shared.held, size) > self.shared.max_bytes:
            return OverflowError(f"max_bytes of {self.shared.max_bytes} exceeded")
        return None

    # Reserve room for `size` more bytes: twice the room if that can be had, else exactly what is needed.
    cdef int grow(self, size_t size) except -1:
        cdef size_t needed = saturating_add(self.length, size)
        cdef size_t wanted
        cdef uint8_t* data
        if needed <= self.room:
            return 0
        wanted = min(max(needed, saturating_add(self.room, self.room)), self.limit)
        data = reallocate(self.data, wanted)
        if data == NULL:
            wanted = needed
            data = reallocate(self.data, wanted)
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
        self.shared.held += size

    cdef void empty(self) noexcept:
        self.shared.held -= self.length
        self.length = 0

    # Free the storage for good; the caller knows that no view is alive.
    cdef void close(self) noexcept:
        self.empty()
        self.shared.give_back(self.data, self.room)
        self.data = NULL
        self.room = 0
        self.closed = True

    # Decode a chunk into the buffer; see `append`.
    cdef Py_ssize_t append_chunk(self, object chunk) except -1:
        cdef Text text
        cdef Py_buffer loan
        if plain_text(chunk, &text):
            return self.append_text(chunk, text)
        # Here too, since to lend a buffer may run Python code.
        self.require_changeable()
        text = acquire_text(chunk, &loan)
        try:
            return self.append_text(chunk, text)
        finally:
            PyBuffer_Release(&loan)

    # Decode a batch into the buffer; see `extend`.
    cdef Py_ssize_t extend_chunks(self, object chunks) except -1:
        cdef Batch batch
        self.require_changeable()
        batch = drain(chunks)
        # It asks once more whether the buffer can change, since an iterable runs Python code.
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
        if self.busy:
            self.settle()
        return self.chunks

    @property
    def total_bytes(self):
        """Bytes ever added."""
        if self.busy:
            self.settle()
        return self.total

    @property
    def capacity(self):
        """Bytes reserved now."""
        if self.busy:
            self.settle()
        return self.room

    @property
    def reallocations(self):
        """How often the storage was reallocated to grow."""
        if self.busy:
            self.settle()
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


# A buffer of a processor, or one with an engine of its own.
cdef AudioBuffer reserve(Engine engine, size_t capacity, size_t limit, Shared shared):
    cdef AudioBuffer buffer = AudioBuffer.__new__(AudioBuffer)
    buffer.set_up(engine, capacity, limit, shared)
    return buffer


# Bytes that a batch decodes to; runs no Python code.
cdef size_t exact_size(Batch batch) noexcept:
    cdef size_t index
    cdef size_t size = 0
    for index in range(batch.length):
        size = saturating_add(size, decoded_size(batch.texts[index].data, batch.texts[index].length))
    return size


# Decode texts one behind the other; how many were canonical, counted from the first.
#
# `size` comes in as the room at `target`, which texts that hold still do not pass, and goes out as the bytes written.
cdef size_t decode_texts(
    const Kernel* kernel, const Text* texts, size_t count, uint8_t* target, size_t* size
) noexcept nogil:
    cdef size_t index, part
    cdef size_t written = 0
    for index in range(count):
        part = decoded_size(texts[index].data, texts[index].length)
        # The first test is for text that another thread changes in the meantime.
        if part > size[0] - written or not decode_into(
            kernel, texts[index].data, texts[index].length, target + written, part
        ):
            return index
        written += part
    size[0] = written
    return count
