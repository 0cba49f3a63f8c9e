"""Reference: PCM that needs no decoding, copied. The floor under everything that decodes."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from callbot_cython.arguments cimport DEFAULT_CAPACITY, natural

from types import MappingProxyType

from callbot_cython.build_info import describe

BUILD = MappingProxyType({**describe("memcpy", False, "decode"), "input": "pcm"})


def decode(bytes pcm not None, /):
    """New bytes with the contents of the given ones."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(pcm)
    cdef bytes copy = PyBytes_FromStringAndSize(NULL, size)
    memcpy(PyBytes_AS_STRING(copy), PyBytes_AS_STRING(pcm), size)
    return copy


@cython.final
@cython.no_gc
cdef class AudioBuffer:
    """AudioBuffer(capacity=10485760)\n--\n
    A store of PCM that copies and no more: `capacity` bytes are reserved at once, and it never grows."""

    cdef uint8_t* data
    cdef size_t length
    cdef size_t room

    def __cinit__(self, capacity=DEFAULT_CAPACITY):
        self.room = natural("capacity", capacity)
        self.data = <uint8_t*> malloc(max(self.room, 1))
        if self.data == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.data)

    def append(self, bytes pcm not None, /):
        """Add bytes; how many. OverflowError past the capacity."""
        cdef size_t size = PyBytes_GET_SIZE(pcm)
        if size > self.room - self.length:
            raise self.full()
        memcpy(self.data + self.length, PyBytes_AS_STRING(pcm), size)
        self.length += size
        return size

    def extend(self, chunks, /):
        """Add the items of a list or tuple of bytes, all or nothing; how many bytes. OverflowError as above."""
        cdef Py_ssize_t index, count
        cdef PyObject* pcm
        cdef size_t size
        cdef size_t length = self.length
        cdef bint is_tuple = type(chunks) is tuple
        if not is_tuple and type(chunks) is not list:
            raise TypeError(f"chunks is a list or a tuple of bytes, not {type(chunks).__name__}")
        count = len(<tuple> chunks) if is_tuple else len(<list> chunks)
        for index in range(count):
            # Borrowed: no Python code runs that could let go of an item.
            pcm = PyTuple_GET_ITEM(chunks, index) if is_tuple else PyList_GET_ITEM(chunks, index)
            if not PyBytes_CheckExact(<object> pcm):
                raise TypeError(f"pcm is bytes, not {type(<object> pcm).__name__}")
            size = PyBytes_GET_SIZE(<object> pcm)
            if size > self.room - length:
                raise self.full()
            # The size is known only here, so this is a call of the C library's function.
            memcpy(self.data + length, PyBytes_AS_STRING(<object> pcm), size)
            length += size
        size = length - self.length
        self.length = length
        return size

    def take(self):
        """Hand out what is held and empty the buffer."""
        pcm = PyBytes_FromStringAndSize(<char*> self.data, self.length)
        self.length = 0
        return pcm

    def clear(self):
        """Empty the buffer."""
        self.length = 0

    cdef object full(self):
        return OverflowError(f"capacity of {self.room} bytes exceeded")
