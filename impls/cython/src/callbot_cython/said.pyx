"""What the strings of a JSON text say, where they have escapes, and the members of its objects."""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, strlen

from callbot_cython.escapes cimport escaped, hex_digit
from callbot_cython.json cimport MISSING, NEXT, Scanner, Step, Value, scan_first, scan_name, scan_next, scan_value


# The next character of a string's inside, or a byte of it, without its escape: its bytes, 1 to 4, and their number.
#
# No more bytes are written than read, and none is read at `end`, whatever the text has become since it was scanned.
cdef size_t unescape_next(const uint8_t* text, size_t* at, size_t end, uint8_t* target) noexcept nogil:
    cdef uint64_t point, low
    cdef size_t start = at[0]
    at[0] += 1
    target[0] = text[start]
    if text[start] != c"\\" or end - start < 2:
        return 1
    at[0] += 1
    target[0] = escaped(text[start + 1])
    if text[start + 1] != c"u" or end - start < 6:
        return 1
    at[0] += 4
    point = code_unit(text + start + 2)
    if 0xD800 <= point < 0xDC00 and end - start >= 12 and text[start + 6] == c"\\" and text[start + 7] == c"u":
        low = code_unit(text + start + 8)
        if 0xDC00 <= low < 0xE000:
            at[0] += 6
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00)
    return encode(point, target)


# The number that four hexadecimal digits say.
cdef uint64_t code_unit(const uint8_t* digits) noexcept nogil:
    return ((hex_digit(digits[0]) & 15) << 12 | (hex_digit(digits[1]) & 15) << 8
            | (hex_digit(digits[2]) & 15) << 4 | (hex_digit(digits[3]) & 15))


# A code point as UTF-8, surrogates too; the number of bytes.
cdef size_t encode(uint64_t point, uint8_t* target) noexcept nogil:
    if point < 0x80:
        target[0] = <uint8_t> point
        return 1
    if point < 0x800:
        target[0] = <uint8_t> (0xC0 | point >> 6)
        target[1] = <uint8_t> (0x80 | point & 0x3F)
        return 2
    if point < 0x10000:
        target[0] = <uint8_t> (0xE0 | point >> 12)
        target[1] = <uint8_t> (0x80 | point >> 6 & 0x3F)
        target[2] = <uint8_t> (0x80 | point & 0x3F)
        return 3
    target[0] = <uint8_t> (0xF0 | point >> 18)
    target[1] = <uint8_t> (0x80 | point >> 12 & 0x3F)
    target[2] = <uint8_t> (0x80 | point >> 6 & 0x3F)
    target[3] = <uint8_t> (0x80 | point & 0x3F)
    return 4


# What a string says, as UTF-8, in which surrogates without a partner are encoded too; the number of bytes.
#
# There are no more of them than in the text.
cdef size_t said(const uint8_t* text, const Value* value, uint8_t* target) noexcept nogil:
    cdef uint8_t[4] character
    cdef size_t at = value.start + 1
    cdef size_t written = 0
    cdef size_t size, byte
    while at < value.end - 1:
        size = unescape_next(text, &at, value.end - 1, character)
        for byte in range(size):
            target[written + byte] = character[byte]
        written += size
    return written


# Whether a string with escapes says these bytes; see `says`.
cdef bint escaped_says(
    const uint8_t* text, const Value* value, const uint8_t* wanted, size_t length
) noexcept nogil:
    cdef uint8_t[4] character
    cdef size_t at = value.start + 1
    cdef size_t matched = 0
    cdef size_t size
    while at < value.end - 1:
        size = unescape_next(text, &at, value.end - 1, character)
        if size > length - matched or memcmp(character, wanted + matched, size) != 0:
            return False
        matched += size
    return matched == length


# The last member of that name of an object that was accepted; MISSING if there is none.
cdef void find_member(const uint8_t* text, const Value* owner, const char* name, Value* found) noexcept nogil:
    cdef Scanner scanner = Scanner(text, owner.end, owner.start + 1, True)
    cdef Value value, key
    cdef Step step = scan_first(&scanner, c"}")
    found.kind = MISSING
    while step == NEXT:
        if not scan_name(&scanner, &key) or not scan_value(&scanner, 0, &value):
            break
        if says(text, &key, name, strlen(name)):
            found[0] = value
        step = scan_next(&scanner, c"}")


# The number that a string of digits says, at least one of them escaped; see `digits_of`.
cdef bint escaped_digits_of(
    const uint8_t* text, const Value* value, size_t most_digits, uint64_t most, uint64_t* number
) noexcept nogil:
    cdef uint8_t[4] character
    cdef size_t at = value.start + 1
    cdef size_t digits = 0
    number[0] = 0
    while at < value.end - 1:
        digits += 1
        unescape_next(text, &at, value.end - 1, character)
        if digits > most_digits or not add_digit(number, character[0], most):
            return False
    return True
