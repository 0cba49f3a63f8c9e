# Where the text of a chunk lies.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)
    const void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    Py_UCS4 PyUnicode_ReadChar(object text, Py_ssize_t index) except? <Py_UCS4> -1
    str PyUnicode_Substring(object text, Py_ssize_t start, Py_ssize_t end)

# Text in memory that a chunk owns.
#
# A `str` with other than ASCII characters has no such memory and is never canonical. It becomes a null pointer with
# length 1, which is refused for its length before anything is read.
cdef struct Text:
    const uint8_t* data
    size_t length


# The text of a `str` or `bytes`, which hold still while the chunk lives; False for anything else.
cdef inline bint plain_text(object chunk, Text* text) noexcept:
    if isinstance(chunk, str):
        if not PyUnicode_IS_ASCII(chunk):
            text.data = NULL
            text.length = 1
            return True
        text.data = <const uint8_t*> PyUnicode_DATA(chunk)
        text.length = <size_t> PyUnicode_GET_LENGTH(chunk)
        return True
    if isinstance(chunk, bytes):
        text.data = <const uint8_t*> PyBytes_AS_STRING(chunk)
        text.length = <size_t> PyBytes_GET_SIZE(chunk)
        return True
    return False


cdef Text acquire_text(object chunk, Py_buffer* loan) except *
cdef Text acquire_message(object message, Py_buffer* loan) except *
cdef Text acquire_pcm(object pcm, Py_buffer* loan) except *
cdef object refuse_chunk(object chunk)
cdef bytes encoded(object text)
cdef object refuse_pcm(object pcm)
cdef object refuse_chunks(object chunks)
cdef object invalid(object chunk, Text text)
