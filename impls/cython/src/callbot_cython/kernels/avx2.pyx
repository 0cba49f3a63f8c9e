"""The AVX2 kernel: 32 symbols to 24 bytes a step.

The algorithm is that of Mula and Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions" (ACM
Transactions on the Web 12(3), 2018). The five ranges of the alphabet (A-Z, a-z, 0-9, + and /) are each a fixed
distance from the values they stand for, and the high four bits of a symbol all but name its range; only / needs to
be told from +. So a table of sixteen entries, which is one shuffle, gives the distance to add. What is no symbol
is found with two more such tables: for a low and for a high half of a byte, each has a bit for every set of halves
that do not go together, and a byte is bad if the two entries share a bit. The values, six bits to a byte, are then
packed with two multiply-and-add instructions, six to twelve to twenty-four bits, and a shuffle that leaves out
every fourth byte and puts the other three in order. Errors are collected and looked at once, at the end.

The compiler may use AVX2 all over this module, so it is imported only where the CPU has it.
"""

from libc.stdint cimport int8_t, uint8_t

from callbot_cython.kernels cimport Kernel, scalar
from callbot_cython.kernels.table cimport register
from callbot_cython.kernels.x86 cimport *

cdef Kernel AVX2
AVX2.name = b"avx2"
AVX2.decode_quads = decode_quads
register(&AVX2)

cdef enum:
    STEP = 8  # quads
    STORE = 11  # quads whose bytes make room for a whole vector


# Decode whole quads; see DecodeQuads.
#
# A step reads 32 bytes from a quad that has seven behind it. It writes 32 bytes where eleven quads make room for
# them and else the 24 that are its own. The last step goes back over quads that were decoded before.
cdef size_t decode_quads(const uint8_t* source, size_t quads, uint8_t* target) noexcept nogil:
    cdef __m256i bytes
    cdef __m256i bad = _mm256_setzero_si256()
    cdef size_t quad = 0
    if quads < STEP:
        return scalar.decode_quads(source, quads, target)
    while quad + STORE <= quads:
        bytes = decode_step(_mm256_loadu_si256(<const __m256i*> (source + 4 * quad)), &bad)
        _mm256_storeu_si256(<__m256i*> (target + 3 * quad), bytes)
        quad += STEP
    while quad < quads:
        quad = min(quad, quads - STEP)
        bytes = decode_step(_mm256_loadu_si256(<const __m256i*> (source + 4 * quad)), &bad)
        _mm_storeu_si128(<__m128i*> (target + 3 * quad), _mm256_castsi256_si128(bytes))
        _mm_storel_epi64(<__m128i*> (target + 3 * quad + 16), _mm256_extracti128_si256(bytes, 1))
        quad += STEP
    if not _mm256_testz_si256(bad, bad):
        return scalar.decode_quads(source, quads, target)
    return quads


# 32 symbols to 24 bytes, at the low end; `bad` gets a bit for what is no symbol.
cdef inline __m256i decode_step(__m256i symbols, __m256i* bad) noexcept nogil:
    # Bits: 1 for 0x20 to 0x2F but + and /, 2 for 0x3A to 0x3F, 4 for 0x40 and 0x60, 8 for 0x5B to 0x5F and 0x7B to
    # 0x7F, 16 for a high half that no symbol has.
    cdef __m256i bad_low = table([21, 17, 17, 17, 17, 17, 17, 17, 17, 17, 19, 26, 27, 27, 27, 26])
    cdef __m256i bad_high = table([16, 16, 1, 2, 4, 8, 4, 8, 16, 16, 16, 16, 16, 16, 16, 16])
    # By high half; the second entry is for /, which the comparison moves there from the third.
    cdef __m256i distance = table([0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0])
    cdef __m256i low_half = _mm256_set1_epi8(15)
    cdef __m256i slash = _mm256_set1_epi8(c"/")

    cdef __m256i low = _mm256_and_si256(symbols, low_half)
    cdef __m256i high = _mm256_and_si256(_mm256_srli_epi16(symbols, 4), low_half)
    cdef __m256i found = _mm256_and_si256(_mm256_shuffle_epi8(bad_low, low), _mm256_shuffle_epi8(bad_high, high))
    bad[0] = _mm256_or_si256(bad[0], found)

    cdef __m256i range_ = _mm256_add_epi8(high, _mm256_cmpeq_epi8(symbols, slash))
    cdef __m256i values = _mm256_add_epi8(symbols, _mm256_shuffle_epi8(distance, range_))

    cdef __m256i twelve = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140))
    cdef __m256i word = _mm256_madd_epi16(twelve, _mm256_set1_epi32(0x00011000))
    cdef __m256i ordered = _mm256_shuffle_epi8(word, table([2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 3, 7, 11, 15]))
    return _mm256_permutevar8x32_epi32(ordered, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7))


# The same sixteen entries in both halves of a vector.
cdef inline __m256i table(const int8_t[16] entries) noexcept nogil:
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(<const __m128i*> entries))
