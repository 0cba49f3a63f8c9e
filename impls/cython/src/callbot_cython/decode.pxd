# What every kernel shares: sizes, the last quad, and where text goes wrong.
#
# A kernel decodes all quads but the last. The last one may be padded, and is decoded here whatever the kernel.
# Nothing on the way notes where an error is: text that is refused is read again to find out.
#
# These are inline functions, and so in a .pxd: every module compiles its own.

from libc.stdint cimport uint8_t, uint32_t

from callbot_cython.engine cimport Engine
from callbot_cython.kernels cimport Kernel
from callbot_cython.kernels.scalar cimport BAD, FIRST, FOURTH, SECOND, THIRD

cdef bytes decode(Engine engine, object chunk)


# Bytes that text decodes to; for text that is not canonical some number that is not too large to reserve.
cdef inline size_t decoded_size(const uint8_t* text, size_t length) noexcept nogil:
    cdef size_t size
    if length == 0 or length % 4 != 0:
        return 0
    size = length // 4 * 3
    if text[length - 1] == c"=":
        size -= 1
        if text[length - 2] == c"=":
            size -= 1
    return size


# Decode text to `target`; whether it was canonical. If not, what is at `target` is unspecified.
#
# `size` is what `decoded_size` said. It decides how much is written, so that text which another thread changes in
# the meantime cannot make the decoder write more.
cdef inline bint decode_into(
    const Kernel* kernel, const uint8_t* text, size_t length, uint8_t* target, size_t size
) noexcept nogil:
    cdef size_t quads
    if length == 0:
        return True
    if length % 4 != 0:
        return False
    quads = length // 4 - 1
    if kernel.decode_quads(text, quads, target) != quads:
        return False
    return decode_last(text + 4 * quads, target + 3 * quads, size - 3 * quads)


# Decode the last quad to `size` bytes, 1 to 3; whether it was canonical.
cdef inline bint decode_last(const uint8_t* quad, uint8_t* target, size_t size) noexcept nogil:
    cdef uint32_t word = FIRST[quad[0]] | SECOND[quad[1]]
    if size == 1:
        # Anything above one byte is a spare bit or BAD.
        if word > 0xFF or quad[2] != c"=" or quad[3] != c"=":
            return False
        target[0] = <uint8_t> word
        return True
    word |= THIRD[quad[2]]
    if size == 2:
        if word > 0xFFFF or quad[3] != c"=":
            return False
        target[0] = <uint8_t> word
        target[1] = <uint8_t> (word >> 8)
        return True
    word |= FOURTH[quad[3]]
    if word & BAD != 0:
        return False
    target[0] = <uint8_t> word
    target[1] = <uint8_t> (word >> 8)
    target[2] = <uint8_t> (word >> 16)
    return True


# Length of the longest prefix of text that is also a prefix of some canonical text.
cdef inline size_t error_position(const uint8_t* text, size_t length) noexcept nogil:
    cdef size_t symbols = 0
    while symbols < length and FOURTH[text[symbols]] & BAD == 0:
        symbols += 1
    if symbols == length or text[symbols] != c"=":
        return symbols
    if symbols % 4 == 3 and last(text, symbols, 3):
        return symbols + 1
    if symbols % 4 == 2 and last(text, symbols, 15):
        if symbols + 1 < length and text[symbols + 1] == c"=":
            return symbols + 2
        return symbols + 1
    return symbols


# Whether the spare bits of the last symbol are zero.
cdef inline bint last(const uint8_t* text, size_t symbols, uint32_t spare) noexcept nogil:
    return FOURTH[text[symbols - 1]] >> 16 & spare == 0


# Whether text is canonical, without decoding it: the slow way, for when there is nowhere to decode it to.
cdef inline bint is_canonical(const uint8_t* text, size_t length) noexcept nogil:
    return length % 4 == 0 and error_position(text, length) == length
