"""The chunks of an iterable, held so that they can be decoded without running Python code."""

cimport cython
from cpython.buffer cimport PyBuffer_Release, PyObject_CheckBuffer
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.sequence cimport PySequence_Tuple
from cpython.tuple cimport PyTuple_GET_ITEM

from callbot_cython.arguments cimport saturating_add
from callbot_cython.source cimport Text, acquire_text, plain_text, refuse_chunks


@cython.final
@cython.freelist(4)
@cython.no_gc
cdef class Batch:
    # The exception for the chunk that failed; it carries the chunk's index.
    cdef object explain(self, size_t index, object error):
        error.chunk_index = index
        return error

    def __dealloc__(self):
        cdef size_t loan
        for loan in range(self.loaned):
            PyBuffer_Release(&self.loans[loan])
        PyMem_Free(self.loans)
        PyMem_Free(self.texts)


# Drain an iterable and acquire its chunks, both of which may run Python code.
cdef Batch drain(object chunks):
    cdef Batch batch = Batch.__new__(Batch)
    cdef size_t index
    cdef size_t wanted = 0
    batch.chunks = drained(chunks)
    batch.length = len(batch.chunks)
    batch.texts = <Text*> PyMem_Malloc(batch.length * sizeof(Text))
    if batch.texts == NULL:
        raise MemoryError
    for index in range(batch.length):
        if not plain_text(<object> PyTuple_GET_ITEM(batch.chunks, index), &batch.texts[index]):
            wanted += 1
    if wanted != 0:
        acquire_others(batch, wanted)
    for index in range(batch.length):
        batch.most = saturating_add(batch.most, batch.texts[index].length // 4 * 3)
    return batch


# Acquire the chunks that are neither str nor bytes, so many of them at most, up to the first that is no chunk.
cdef int acquire_others(Batch batch, size_t wanted) except -1:
    cdef Text text
    cdef size_t index
    # Exactly so many: a loan must not move.
    batch.loans = <Py_buffer*> PyMem_Malloc(wanted * sizeof(Py_buffer))
    if batch.loans == NULL:
        raise MemoryError
    for index in range(batch.length):
        if plain_text(batch.chunks[index], &text):
            continue
        try:
            batch.texts[index] = acquire_text(batch.chunks[index], &batch.loans[batch.loaned])
        except Exception as error:
            batch.length = index
            batch.error = error
            break
        batch.loaned += 1
    return 0


# The items of an iterable as a tuple; the iterable's own errors pass through.
cdef tuple drained(object chunks):
    if isinstance(chunks, str) or PyObject_CheckBuffer(chunks):
        raise refuse_chunks(chunks)
    if type(chunks) is list or type(chunks) is tuple:
        return PySequence_Tuple(chunks)
    try:
        iterator = iter(chunks)
    except TypeError:
        pass
    else:
        return PySequence_Tuple(iterator)
    raise refuse_chunks(chunks)
