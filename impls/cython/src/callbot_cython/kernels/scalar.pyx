"""The table kernel: any CPU, one quad at a time.

Four tables, one for each place in a quad, hold the bits of a symbol where they end up in a 24-bit word whose low
byte comes first. A quad is four lookups and three ORs. What is no symbol has the bit BAD in its entries, which
survives the ORs, so that one test covers the four.
"""

from libc.stdint cimport uint8_t, uint32_t

from callbot_cython.kernels cimport Kernel
from callbot_cython.kernels.table cimport register

SCALAR.name = b"scalar"
SCALAR.decode_quads = decode_quads
register(&SCALAR)

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

table(FIRST, 0)
table(SECOND, 1)
table(THIRD, 2)
table(FOURTH, 3)


# Fill the table for one place in a quad.
cdef void table(uint32_t* entries, int place) noexcept nogil:
    cdef uint32_t value
    for value in range(256):
        entries[value] = BAD
    for value in range(64):
        entries[<uint8_t> ALPHABET[value]] = placed(value, place)


# The six bits of a symbol where they belong in the word.
cdef uint32_t placed(uint32_t bits, int place) noexcept nogil:
    if place == 0:
        return bits << 2
    if place == 1:
        return (bits >> 4) | ((bits & 15) << 12)
    if place == 2:
        return ((bits >> 2) << 8) | ((bits & 3) << 22)
    return bits << 16


# Decode whole quads; see DecodeQuads.
#
# `source` is readable for `4 * quads` bytes and `target` writable for `3 * quads`.
cdef size_t decode_quads(const uint8_t* source, size_t quads, uint8_t* target) noexcept nogil:
    cdef size_t quad
    cdef uint32_t word
    for quad in range(quads):
        word = (FIRST[source[0]]
                | SECOND[source[1]]
                | THIRD[source[2]]
                | FOURTH[source[3]])
        if word & BAD != 0:
            return quad
        target[0] = <uint8_t> word
        target[1] = <uint8_t> (word >> 8)
        target[2] = <uint8_t> (word >> 16)
        source += 4
        target += 3
    return quads
