# The chunks of an iterable, held so that they can be decoded without running Python code.

cimport cython
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM

from callbot_cython.source cimport Text, plain_text


# Chunks up to the first that is none, and the error for that one.
@cython.final
cdef class Batch:
    cdef tuple chunks
    cdef Py_buffer* loans  # of the chunks that are neither str nor bytes, in order
    cdef size_t loaned
    cdef size_t length
    cdef object error

    cdef object explain(self, size_t index, object error)


# The text of a chunk; `loan` counts the loans that were passed by. Runs no Python code.
cdef inline Text text_of(Batch batch, size_t index, size_t* loan) noexcept:
    cdef Text text
    if not plain_text(<object> PyTuple_GET_ITEM(batch.chunks, index), &text):
        text.data = <const unsigned char*> batch.loans[loan[0]].buf
        text.length = <size_t> batch.loans[loan[0]].len
        loan[0] += 1
    return text


cdef Batch drain(object chunks)
