# The chunks of an iterable, held so that they can be decoded without running Python code.

cimport cython

from callbot_cython.source cimport Text


# Chunks up to the first that is none, and the error for that one.
@cython.final
cdef class Batch:
    cdef tuple chunks
    cdef Text* texts
    cdef Py_buffer* loans  # of the chunks that are neither str nor bytes
    cdef size_t loaned
    cdef size_t length
    cdef size_t most  # bytes that the texts can decode to
    cdef object error

    cdef object explain(self, size_t index, object error)


cdef Batch drain(object chunks)
