"""`decode`: canonical base64 to bytes."""

from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t

from callbot_cython.kernels cimport Kernel
from callbot_cython.source cimport Text, acquire_text, invalid, plain_text


# Decode a chunk to new bytes.
cdef bytes decode(const Kernel* kernel, object chunk):
    cdef Text text
    cdef Py_buffer loan
    if plain_text(chunk, &text):
        return decode_text(kernel, chunk, text)
    text = acquire_text(chunk, &loan)
    try:
        return decode_text(kernel, chunk, text)
    finally:
        PyBuffer_Release(&loan)


cdef inline bytes decode_text(const Kernel* kernel, object chunk, Text text):
    cdef size_t size = decoded_size(text.data, text.length)
    # Without a source the bytes are not initialised.
    cdef bytes pcm = PyBytes_FromStringAndSize(NULL, size)
    if not decode_into(kernel, text.data, text.length, <uint8_t*> PyBytes_AS_STRING(pcm), size):
        raise invalid(chunk, text)
    return pcm
