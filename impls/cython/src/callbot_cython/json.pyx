"""JSON text: the rarer parts of its scanner."""

from libc.stdint cimport uint8_t, uint64_t

from callbot_cython.escapes cimport escaped, hex_digit


# An object or a list with all that is in it, itself inside so many others.
cdef bint scan_nested(Scanner* scanner, size_t levels) noexcept nogil:
    cdef uint64_t[LEVEL_WORDS] objects  # a bit for each level: whether it is an object
    cdef size_t level = 0
    cdef uint8_t byte
    cdef Step step
    cdef Value ignored
    while True:
        byte = peek(scanner)
        if byte == c"{" or byte == c"[":
            if levels + level == MOST_LEVELS:
                return False
            if byte == c"{":
                objects[level // 64] |= 1ULL << (level % 64)
            else:
                objects[level // 64] &= ~(1ULL << (level % 64))
            level += 1
            scanner.at += 1
            step = scan_first(scanner, closing_of(objects, level))
        elif scan_scalar(scanner, &ignored):
            step = scan_next(scanner, closing_of(objects, level))
        else:
            return False
        while step == ENDED:
            level -= 1
            if level == 0:
                return True
            step = scan_next(scanner, closing_of(objects, level))
        if step == REFUSED:
            return False
        if closing_of(objects, level) == c"}" and not scan_name(scanner, &ignored):
            return False


# The bracket that closes the innermost of so many levels.
cdef inline uint8_t closing_of(const uint64_t* objects, size_t level) noexcept nogil:
    return c"}" if objects[(level - 1) // 64] >> ((level - 1) % 64) & 1 else c"]"


# An escape, from its backslash.
cdef bint scan_escape(Scanner* scanner) noexcept nogil:
    cdef int digit
    scanner.at += 1
    if peek(scanner) == c"u":
        for digit in range(4):
            scanner.at += 1
            if hex_digit(peek(scanner)) > 15:
                return False
    elif escaped(peek(scanner)) == 0:
        return False
    scanner.at += 1
    return True


# A character of two to four bytes.
cdef bint scan_character(Scanner* scanner) noexcept nogil:
    cdef uint8_t lead = peek(scanner)
    cdef uint8_t least = 0x80
    cdef uint8_t most = 0xBF
    cdef int more
    if 0xC2 <= lead <= 0xDF:
        more = 1
    elif 0xE0 <= lead <= 0xEF:
        more = 2
        if lead == 0xE0:
            least = 0xA0
        elif lead == 0xED and not scanner.surrogates:
            most = 0x9F
    elif 0xF0 <= lead <= 0xF4:
        more = 3
        if lead == 0xF0:
            least = 0x90
        elif lead == 0xF4:
            most = 0x8F
    else:
        return False
    scanner.at += 1
    while more > 0:
        if not least <= peek(scanner) <= most:
            return False
        least, most = 0x80, 0xBF
        scanner.at += 1
        more -= 1
    return True
