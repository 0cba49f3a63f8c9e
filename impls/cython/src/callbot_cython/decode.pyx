"""`decode`: canonical base64 to bytes."""

from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t

from callbot_cython.engine cimport Engine
from callbot_cython.source cimport Text, acquire_text, invalid, plain_text


# Decode a chunk to new bytes.
cdef bytes decode(Engine engine, object chunk):
    cdef Text text
    cdef Py_buffer loan
    if plain_text(chunk, &text):
        return decode_text(engine, chunk, text)
    text = acquire_text(chunk, &loan)
    try:
        return decode_text(engine, chunk, text)
    finally:
        PyBuffer_Release(&loan)


cdef inline bytes decode_text(Engine engine, object chunk, Text text):
    cdef size_t size = decoded_size(text.data, text.length)
    # Without a source the bytes are not initialised.
    cdef bytes pcm = PyBytes_FromStringAndSize(NULL, size)
    cdef uint8_t* target = <uint8_t*> PyBytes_AS_STRING(pcm)
    cdef bint good
    if engine.releases:
        with nogil:
            good = decode_into(engine.kernel, text.data, text.length, target, size)
    else:
        good = decode_into(engine.kernel, text.data, text.length, target, size)
    if not good:
        raise invalid(chunk, text)
    return pcm
