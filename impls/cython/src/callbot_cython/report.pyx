"""The Cython twin of the Rust design of the seed report: a lock around a map from call id to a growing buffer, new
memory for every decode, bytes copied out. It need not conform, and is written as its author would have.

`src/report.rs` of the Rust implementation is the same, line for line, and arguments are ignored as there. Where the
two differ, the language or its binding is why:

- A PyO3 class that can change notes every borrow in an atomic flag, and takes a reference to the chunk for as long as
  it needs the text. Here the GIL and the caller's reference do.
- PyO3 takes every argument through one wrapper. Cython has a leaner one for `decode`, which is by position only.
- A HashMap hashes the id's text at every look-up. A dict asks the str, which knows its hash, and counts references to
  the buffer.
- Rust's Mutex is a futex. Cython's is a PyMutex, which is much the same, and before Python 3.13 a semaphore.
- The kernel lies in the same library in Rust, where the compiler sees it; here it is called through a pointer.
"""

cimport cython
from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromObject
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from callbot_cython.decode cimport decode_into, decoded_size, error_position
from callbot_cython.kernels.scalar cimport SCALAR
from callbot_cython.source cimport Text, acquire_text

from types import MappingProxyType

from callbot_cython.build_info import describe

cdef enum:
    CAPACITY = 10 * 1024 * 1024

BUILD = MappingProxyType(describe("scalar", False, "report"))


# Decoded bytes in memory of their own, as a Rust Vec; whoever has them frees them.
cdef struct Pcm:
    uint8_t* data
    size_t length


cdef int decode_chunk(object chunk, Pcm* pcm) except -1:
    cdef Py_ssize_t length
    cdef const char* utf8
    cdef Text text
    cdef Py_buffer loan
    cdef bytes copy
    if isinstance(chunk, str):
        utf8 = PyUnicode_AsUTF8AndSize(chunk, &length)
        return decode_base64(<const uint8_t*> utf8, length, pcm)
    if isinstance(chunk, bytes):
        return decode_base64(<const uint8_t*> PyBytes_AS_STRING(chunk), PyBytes_GET_SIZE(chunk), pcm)
    text = acquire_text(chunk, &loan)
    try:
        copy = PyBytes_FromStringAndSize(<const char*> text.data, text.length)
    finally:
        PyBuffer_Release(&loan)
    return decode_base64(<const uint8_t*> PyBytes_AS_STRING(copy), PyBytes_GET_SIZE(copy), pcm)


cdef int decode_base64(const uint8_t* text, size_t length, Pcm* pcm) except -1:
    pcm.length = decoded_size(text, length)
    pcm.data = <uint8_t*> malloc(max(pcm.length, 1))
    if pcm.data == NULL:
        raise MemoryError
    if not decode_into(&SCALAR, text, length, pcm.data, pcm.length):
        free(pcm.data)
        raise ValueError(f"invalid base64 at position {error_position(text, length)}")
    return 0


@cython.final
cdef class AudioBuffer:
    """One call's audio in a pre-allocated buffer."""

    cdef uint8_t* data
    cdef size_t length
    cdef size_t room
    cdef readonly size_t chunk_count
    cdef readonly size_t total_bytes

    def __cinit__(self, capacity=CAPACITY, *, limit=None):
        self.data = <uint8_t*> malloc(CAPACITY)
        if self.data == NULL:
            raise MemoryError
        self.room = CAPACITY

    def __dealloc__(self):
        free(self.data)

    cdef Py_ssize_t push(self, const uint8_t* pcm, size_t size) except -1:
        if size > self.room - self.length:
            self.grow(size)
        memcpy(self.data + self.length, pcm, size)
        self.length += size
        self.chunk_count += 1
        self.total_bytes += size
        return size

    cdef int grow(self, size_t size) except -1:
        cdef size_t room = max(self.length + size, 2 * self.room)
        cdef uint8_t* data = <uint8_t*> realloc(self.data, room)
        if data == NULL:
            raise MemoryError
        self.data = data
        self.room = room
        return 0

    cdef bytes copied(self):
        return PyBytes_FromStringAndSize(<char*> self.data, self.length)

    def append(self, chunk):
        """Decode a chunk and append it; the number of bytes added."""
        cdef Pcm pcm
        decode_chunk(chunk, &pcm)
        try:
            return self.push(pcm.data, pcm.length)
        finally:
            free(pcm.data)

    def extend(self, chunks):
        """Append chunks one by one; the number of bytes added."""
        cdef Pcm pcm
        cdef size_t added = 0
        for chunk in chunks:
            decode_chunk(chunk, &pcm)
            try:
                added += self.push(pcm.data, pcm.length)
            finally:
                free(pcm.data)
        return added

    def append_pcm(self, bytes pcm not None):
        """Add raw bytes; the number of bytes added."""
        return self.push(<const uint8_t*> PyBytes_AS_STRING(pcm), PyBytes_GET_SIZE(pcm))

    def view(self):
        """View of a copy of the audio."""
        return PyMemoryView_FromObject(self.copied())

    def take(self):
        """Hand out a copy of the audio and start anew."""
        pcm = self.copied()
        self.length = 0
        return pcm

    def clear(self):
        """Start anew."""
        self.length = 0

    def __len__(self):
        return self.length

    @property
    def capacity(self):
        """Bytes reserved now."""
        return self.room


@cython.final
cdef class AudioProcessor:
    """Audio of many calls behind one lock."""

    cdef dict buffers
    # While it is held no Python code runs, so that nobody waits for a thread that waits for the GIL. What may start a
    # garbage collection, such as an exception or a list, is made outside.
    cdef cython.pymutex lock

    def __cinit__(self, *, capacity=CAPACITY, limit=None, max_calls=None, max_bytes=None):
        self.buffers = {}

    # Append to a call; the number of bytes added.
    cdef Py_ssize_t push(self, str call_id, const uint8_t* pcm, size_t size) except -1:
        cdef AudioBuffer buffer
        with self.lock:
            buffer = self.buffers.get(call_id)
            if buffer is not None:
                return buffer.push(pcm, size)
        raise KeyError(call_id)

    # Decode a chunk and append it to a call; the number of bytes added.
    cdef Py_ssize_t append_chunk(self, str call_id, object chunk) except -1:
        cdef Pcm pcm
        decode_chunk(chunk, &pcm)
        try:
            return self.push(call_id, pcm.data, pcm.length)
        finally:
            free(pcm.data)

    def open(self, str call_id not None):
        """Start a call."""
        cdef AudioBuffer buffer = AudioBuffer()
        with self.lock:
            self.buffers[call_id] = buffer

    def append(self, str call_id not None, chunk):
        """Decode a chunk and append it to a call; the number of bytes added."""
        return self.append_chunk(call_id, chunk)

    def extend(self, str call_id not None, chunks):
        """Append chunks one by one; the number of bytes added."""
        cdef size_t added = 0
        for chunk in chunks:
            added += self.append_chunk(call_id, chunk)
        return added

    def close(self, str call_id not None):
        """Hand out a copy of a call's audio and forget the call."""
        cdef AudioBuffer buffer
        with self.lock:
            buffer = self.buffers.pop(call_id, None)
        if buffer is None:
            raise KeyError(call_id)
        return buffer.copied()

    def clear(self, str call_id not None):
        """Start a call's audio anew."""
        cdef AudioBuffer buffer
        with self.lock:
            buffer = self.buffers.get(call_id)
            if buffer is not None:
                buffer.length = 0
                return
        raise KeyError(call_id)

    def call_ids(self):
        """Ids of the open calls."""
        return list(self.buffers)

    def __contains__(self, str call_id not None):
        with self.lock:
            return call_id in self.buffers

    def __len__(self):
        with self.lock:
            return len(self.buffers)

    @property
    def total_bytes(self):
        """Bytes held now over all calls."""
        cdef AudioBuffer buffer
        cdef size_t held = 0
        with self.lock:
            for buffer in self.buffers.values():
                held += buffer.length
        return held


def decode(chunk, /):
    """Decode a chunk of base64 to new bytes, by way of memory of its own."""
    cdef Pcm pcm
    decode_chunk(chunk, &pcm)
    try:
        return PyBytes_FromStringAndSize(<char*> pcm.data, pcm.length)
    finally:
        free(pcm.data)
