"""Where the text of a chunk lies; what is said of one that is refused."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.unicode cimport PyUnicode_AsEncodedString
from libc.stdint cimport uint8_t

from binascii import Error

from callbot_cython.decode cimport error_position


# Acquire the bytes of a chunk that is neither `str` nor `bytes`; the caller releases the loan.
#
# To acquire and to release may run Python code.
cdef Text acquire_text(object chunk, Py_buffer* loan) except *:
    if acquire(chunk, loan):
        if loan.itemsize == 1:
            return Text(<const uint8_t*> loan.buf, <size_t> loan.len)
        PyBuffer_Release(loan)
    raise refuse_chunk(chunk)


# The same for a message.
cdef Text acquire_message(object message, Py_buffer* loan) except *:
    if acquire(message, loan):
        if loan.itemsize == 1:
            return Text(<const uint8_t*> loan.buf, <size_t> loan.len)
        PyBuffer_Release(loan)
    raise TypeError(f"a message is a str or a C-contiguous buffer of one-byte items, not {type(message).__name__}")


# Acquire the bytes of PCM, whatever the size of its items; the caller releases the loan.
cdef Text acquire_pcm(object pcm, Py_buffer* loan) except *:
    if acquire(pcm, loan):
        return Text(<const uint8_t*> loan.buf, <size_t> loan.len)
    raise refuse_pcm(pcm)


# Whether the object lends a C-contiguous buffer now.
cdef bint acquire(object lender, Py_buffer* loan) except -1:
    try:
        # A simple buffer is C-contiguous; its `itemsize` is still that of the items.
        PyObject_GetBuffer(lender, loan, PyBUF_SIMPLE)
    except (TypeError, BufferError, ValueError):
        # A memoryview that was released raises ValueError, and so do arrays with gaps.
        return False
    return True


# A `str` as UTF-8, surrogates too.
cdef bytes encoded(object text):
    return PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass")


# The error for something that is no chunk.
cdef object refuse_chunk(object chunk):
    return TypeError(f"a chunk is a str or a C-contiguous buffer of one-byte items, not {type(chunk).__name__}")


# The error for something that is no PCM.
cdef object refuse_pcm(object pcm):
    return TypeError(f"pcm is a C-contiguous buffer, not {type(pcm).__name__}")


# The error for something that is no iterable of chunks.
cdef object refuse_chunks(object chunks):
    return TypeError(f"chunks is an iterable of chunks, not {type(chunks).__name__}")


# The error for text that is not canonical base64.
cdef object invalid(object chunk, Text text):
    cdef bytes prefix
    cdef size_t position
    if text.data == NULL:
        prefix = ascii_prefix(chunk)
        position = error_position(prefix, len(prefix))
    else:
        position = error_position(text.data, text.length)
    return Error(f"invalid base64 at position {position}")


# The characters of a `str` before its first that is not ASCII.
cdef bytes ascii_prefix(object chunk):
    cdef Py_ssize_t length = 0
    while PyUnicode_ReadChar(chunk, length) < 128:
        length += 1
    return PyUnicode_Substring(chunk, 0, length).encode("ascii")
