"""The AVX-512 kernel: 64 symbols to 48 bytes a step, on CPUs with VBMI.

The algorithm is that of Mula and Lemire, "Base64 encoding and decoding at almost the speed of a memory copy"
(Software: Practice and Experience 50(2), 2020; preprint 2019). VBMI looks all 64 bytes of a vector up in a table
of 128 entries with one instruction, so that the whole of ASCII needs no ranges: an entry is the value of the symbol
or has its top bit set. The index ignores the top bit of the byte, so that bit is collected from the symbols too;
both are ORed into one vector, which is looked at once, at the end. The values, six bits to a byte, are packed with
two multiply-and-add instructions, six to twelve to twenty-four bits, and one permutation over all bytes leaves out
every fourth and puts the other three in order. Masks let the last step read and write only what is there.

The compiler may use AVX-512 all over this module, so it is imported only where the CPU has it.
"""

from libc.stdint cimport uint8_t

from callbot_cython.kernels cimport Kernel, scalar
from callbot_cython.kernels.scalar cimport ALPHABET
from callbot_cython.kernels.table cimport register
from callbot_cython.kernels.x86 cimport *

cdef Kernel AVX512
AVX512.name = b"avx512"
AVX512.decode_quads = decode_quads
register(&AVX512)

cdef enum:
    STEP = 16  # quads
    NONE = 0x80  # what stands in the table for no symbol

cdef uint8_t[128] VALUES
cdef uint8_t[64] ORDER

fill_values()
fill_order()


# Decode whole quads; see DecodeQuads.
#
# A step reads 64 bytes and writes 48 for sixteen quads; the last reads and writes what its masks allow.
cdef size_t decode_quads(const uint8_t* source, size_t quads, uint8_t* target) noexcept nogil:
    cdef __m512i bytes, symbols
    cdef __m512i low = _mm512_loadu_si512(VALUES)
    cdef __m512i high = _mm512_loadu_si512(VALUES + 64)
    cdef __m512i order = _mm512_loadu_si512(ORDER)
    cdef __m512i bad = _mm512_setzero_si512()
    cdef __mmask64 all_ = <__mmask64> -1
    cdef size_t quad = 0
    cdef size_t rest
    while quad + STEP <= quads:
        bytes = decode_step(_mm512_loadu_si512(source + 4 * quad), low, high, order, &bad)
        _mm512_mask_storeu_epi8(target + 3 * quad, all_ >> 16, bytes)
        quad += STEP
    rest = quads - quad
    if rest != 0:
        symbols = _mm512_mask_loadu_epi8(_mm512_set1_epi8(c"A"), all_ >> (64 - 4 * rest), source + 4 * quad)
        bytes = decode_step(symbols, low, high, order, &bad)
        _mm512_mask_storeu_epi8(target + 3 * quad, all_ >> (64 - 3 * rest), bytes)
    if _mm512_movepi8_mask(bad) != 0:
        return scalar.decode_quads(source, quads, target)
    return quads


# 64 symbols to 48 bytes, at the low end; `bad` gets a top bit for what is no symbol.
#
# The tables are arguments, since a compiler that sees bytes written may think that a table changed, and load it anew.
cdef inline __m512i decode_step(
    __m512i symbols, __m512i low, __m512i high, __m512i order, __m512i* bad
) noexcept nogil:
    cdef __m512i values = _mm512_permutex2var_epi8(low, symbols, high)
    bad[0] = _mm512_ternarylogic_epi32(bad[0], values, symbols, 0xFE)  # OR of the three
    cdef __m512i twelve = _mm512_maddubs_epi16(values, _mm512_set1_epi32(0x01400140))
    cdef __m512i word = _mm512_madd_epi16(twelve, _mm512_set1_epi32(0x00011000))
    return _mm512_permutexvar_epi8(order, word)


# The value of every symbol, by its code.
cdef void fill_values() noexcept nogil:
    cdef uint8_t value
    for value in range(128):
        VALUES[value] = NONE
    for value in range(64):
        VALUES[<uint8_t> ALPHABET[value]] = value


# For every byte of the result the place of that byte in words of 24 bits, the high byte of which comes first.
cdef void fill_order() noexcept nogil:
    cdef uint8_t byte
    for byte in range(48):
        ORDER[byte] = 4 * (byte // 3) + 2 - byte % 3
