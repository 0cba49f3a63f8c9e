# What the strings and numbers of a JSON text say.

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp

from callbot_cython.json cimport NUMBER, STRING, Value, is_digit


# Whether a string says these bytes.
cdef inline bint says(const uint8_t* text, const Value* value, const void* wanted, size_t length) noexcept nogil:
    if value.plain:
        return value.end - value.start - 2 == length and memcmp(text + value.start + 1, wanted, length) == 0
    return escaped_says(text, value, <const uint8_t*> wanted, length)


# The number that a number without sign, fraction and exponent says, or -0; False if it is another, or above `most`.
cdef inline bint number_of(const uint8_t* text, const Value* value, uint64_t most, uint64_t* number) noexcept nogil:
    cdef size_t at = value.start
    if value.kind != NUMBER:
        return False
    if value.end - at == 2 and text[at] == c"-" and text[at + 1] == c"0":
        at += 1
    number[0] = 0
    while at < value.end:
        if not add_digit(number, text[at], most):
            return False
        at += 1
    return True


# The number that a string of digits says, `most_digits` at most; False if it is another, or above `most`.
cdef inline bint digits_of(
    const uint8_t* text, const Value* value, size_t most_digits, uint64_t most, uint64_t* number
) noexcept nogil:
    cdef size_t at = value.start + 1
    cdef size_t end = value.end - 1
    if value.kind != STRING or at == end:
        return False
    if not value.plain:
        return escaped_digits_of(text, value, most_digits, most, number)
    if end - at > most_digits:
        return False
    number[0] = 0
    while at < end:
        if not add_digit(number, text[at], most):
            return False
        at += 1
    return True


# Put a digit behind a number that stays within `most`, which is 9 at least.
cdef inline bint add_digit(uint64_t* number, uint8_t byte, uint64_t most) noexcept nogil:
    cdef uint64_t digit = <uint8_t> (byte - c"0")
    if not is_digit(byte) or number[0] > (most - digit) // 10:
        return False
    number[0] = number[0] * 10 + digit
    return True


# What is rare is no inline function, so that the rest can be one.
cdef size_t said(const uint8_t* text, const Value* value, uint8_t* target) noexcept nogil
cdef bint escaped_says(const uint8_t* text, const Value* value, const uint8_t* wanted, size_t length) noexcept nogil
cdef void find_member(const uint8_t* text, const Value* owner, const char* name, Value* found) noexcept nogil
cdef bint escaped_digits_of(
    const uint8_t* text, const Value* value, size_t most_digits, uint64_t most, uint64_t* number
) noexcept nogil
