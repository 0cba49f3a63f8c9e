# Escapes of a JSON string.

from libc.stdint cimport uint8_t

from callbot_cython.json cimport is_digit


# The character that a letter stands for behind a backslash; 0 for none.
cdef inline uint8_t escaped(uint8_t letter) noexcept nogil:
    if letter == c'"' or letter == c"\\" or letter == c"/":
        return letter
    if letter == c"b":
        return 0x08
    if letter == c"f":
        return 0x0C
    if letter == c"n":
        return 0x0A
    if letter == c"r":
        return 0x0D
    if letter == c"t":
        return 0x09
    return 0


# The value of a hexadecimal digit; above 15 for what is none.
cdef inline uint8_t hex_digit(uint8_t byte) noexcept nogil:
    if is_digit(byte):
        return byte - <uint8_t> c"0"
    byte |= 0x20
    if <uint8_t> c"a" <= byte <= <uint8_t> c"f":
        return byte - <uint8_t> c"a" + 10
    return 16
