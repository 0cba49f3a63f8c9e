"""The ladder: what a call does on its way to a decoded chunk, one thing more on each rung.

`src/ladder.rs` of the Rust implementation is the same, function by function. Read it beside this.
"""

from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcpy

from callbot_cython.decode cimport decoded_size
from callbot_cython.source cimport Text, acquire_text, plain_text

from callbot_cython.variant import best

cdef extern from *:
    """
    /* Volatile, so that the compiler has to have the pointer and the length. */
    static CYTHON_INLINE void keep(const void* data, size_t length) {
        const void* volatile kept_data = data;
        volatile size_t kept_length = length;
        (void) kept_data;
        (void) kept_length;
    }
    """
    void keep(const void* data, size_t length) noexcept nogil


def noop(x, /):
    """Do nothing."""


def accept(chunk, /):
    """Take pointer and length of a chunk's text; TypeError for what is no chunk."""
    cdef Text text
    cdef Py_buffer loan
    if plain_text(chunk, &text):
        keep(text.data, text.length)
        return
    text = acquire_text(chunk, &loan)
    keep(text.data, text.length)
    PyBuffer_Release(&loan)


def allocate(chunk, /):
    """New bytes of the size that a chunk decodes to, with unspecified contents; TypeError for what is no chunk."""
    cdef Text text
    cdef Py_buffer loan
    if plain_text(chunk, &text):
        return allocated(text)
    text = acquire_text(chunk, &loan)
    try:
        return allocated(text)
    finally:
        PyBuffer_Release(&loan)


def copy(chunk, /):
    """The same, filled with the first bytes of the chunk's text."""
    cdef Text text
    cdef Py_buffer loan
    if plain_text(chunk, &text):
        return copied(text)
    text = acquire_text(chunk, &loan)
    try:
        return copied(text)
    finally:
        PyBuffer_Release(&loan)


decode = best.decode


cdef inline bytes allocated(Text text):
    # Without a source the bytes are not initialised.
    return PyBytes_FromStringAndSize(NULL, decoded_size(text.data, text.length))


cdef inline bytes copied(Text text):
    cdef size_t size = decoded_size(text.data, text.length)
    cdef bytes copy = PyBytes_FromStringAndSize(NULL, size)
    # A text without a pointer has the size 0.
    if size != 0:
        memcpy(PyBytes_AS_STRING(copy), text.data, size)
    return copy
