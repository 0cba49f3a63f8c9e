# What a message did.

cimport cython
from libc.stdint cimport uint64_t

from callbot_cython.audio cimport Audio
from callbot_cython.message cimport Event, Message


@cython.final
cdef class Ingested:
    cdef Event event
    cdef bint numbered
    cdef Audio told
    cdef uint64_t number
    cdef readonly size_t bytes
    cdef readonly str call_id
    cdef readonly str name
    cdef readonly object audio  # bytes, which the attribute of that name hides


# What a message does for a call, before it is done.
cdef inline Ingested new_ingested(const Message* message, str call_id):
    cdef Ingested ingested = Ingested.__new__(Ingested)
    ingested.event = message.event
    ingested.numbered = message.numbered
    ingested.number = message.sequence
    ingested.call_id = call_id
    return ingested
