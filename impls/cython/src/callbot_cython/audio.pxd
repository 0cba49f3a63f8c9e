# What is told of audio.

from libc.stdint cimport uint32_t

# How samples are encoded.
cdef enum Encoding:
    NO_ENCODING
    PCM16
    MULAW

# Whose voice it is.
cdef enum Track:
    NO_TRACK
    INBOUND
    OUTBOUND

# As far as it is told; a rate of 0 is none.
cdef struct Audio:
    Encoding encoding
    uint32_t rate
    Track track
