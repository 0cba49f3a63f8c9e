# JSON text, RFC 8259 to the letter: where its values lie, and how far text that is refused can still be accepted.
#
# These are inline functions, and in the .pyx those that are rare. A scanner goes over UTF-8 once and makes nothing of
# it. Where a function returns False, or REFUSED, `at` is the length of the longest prefix that is also a prefix of some
# text that is accepted. `core/src/json.rs` of the Rust implementation is the same. Read it beside this.

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memchr

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #if defined(_MSC_VER)
    #include <intrin.h>
    #endif

    /* Eight bytes as a number whose lowest byte is the first. */
    static CYTHON_INLINE uint64_t word_of(const uint8_t* text) {
        uint64_t word;
        memcpy(&word, text, sizeof word);
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
    #endif
        return word;
    }

    /* Number of the lowest byte that is not zero; the word is not. */
    static CYTHON_INLINE size_t lowest_byte(uint64_t word) {
    #if defined(__GNUC__)
        return (size_t) __builtin_ctzll(word) / 8;
    #elif defined(_MSC_VER) && defined(_WIN64)
        unsigned long bit;
        _BitScanForward64(&bit, word);
        return bit / 8;
    #else
        size_t byte = 0;
        for (; (word & 0xFF) == 0; word >>= 8) byte++;
        return byte;
    #endif
    }
    """
    uint64_t word_of(const uint8_t* text) noexcept nogil
    size_t lowest_byte(uint64_t word) noexcept nogil

cdef enum:
    MOST_LEVELS = 1024  # of objects and lists in each other
    LEVEL_WORDS = 16  # with a bit for each

cdef enum Kind:
    MISSING
    STRING
    NUMBER
    OBJECT
    LIST
    LITERAL  # true, false or null

# Where a value lies. A string with its quotation marks; it is plain if it is ASCII without escapes.
cdef struct Value:
    Kind kind
    bint plain
    size_t start
    size_t end

cdef struct Scanner:
    const uint8_t* text
    size_t length
    size_t at
    bint surrogates  # encoded ones are taken, as a `str` may have them

# What follows in an object or a list.
cdef enum Step:
    REFUSED
    NEXT
    ENDED


# The byte where the scanner is; 0, which is refused everywhere, behind the end.
cdef inline uint8_t peek(const Scanner* scanner) noexcept nogil:
    return scanner.text[scanner.at] if scanner.at < scanner.length else 0


cdef inline void skip_space(Scanner* scanner) noexcept nogil:
    cdef uint8_t byte = peek(scanner)
    while byte == c" " or byte == c"\n" or byte == c"\r" or byte == c"\t":
        scanner.at += 1
        byte = peek(scanner)


# Behind the bracket that opens an object or a list: whether it is empty.
cdef inline Step scan_first(Scanner* scanner, uint8_t closing) noexcept nogil:
    skip_space(scanner)
    if peek(scanner) != closing:
        return NEXT
    scanner.at += 1
    return ENDED


# Behind a value in an object or a list: whether another one follows.
cdef inline Step scan_next(Scanner* scanner, uint8_t closing) noexcept nogil:
    cdef uint8_t byte
    skip_space(scanner)
    byte = peek(scanner)
    if byte != c"," and byte != closing:
        return REFUSED
    scanner.at += 1
    if byte == closing:
        return ENDED
    skip_space(scanner)
    return NEXT


# Behind the whole text's value: whether nothing follows.
cdef inline bint scan_end(Scanner* scanner) noexcept nogil:
    skip_space(scanner)
    return scanner.at == scanner.length


# The name of a member, up to its value.
cdef inline bint scan_name(Scanner* scanner, Value* name) noexcept nogil:
    if peek(scanner) != c'"' or not scan_string(scanner, name):
        return False
    skip_space(scanner)
    if peek(scanner) != c":":
        return False
    scanner.at += 1
    skip_space(scanner)
    return True


# Any value, inside so many objects and lists.
cdef inline bint scan_value(Scanner* scanner, size_t levels, Value* value) noexcept nogil:
    cdef uint8_t byte = peek(scanner)
    value.start = scanner.at
    if byte == c'"':
        return scan_string(scanner, value)
    if byte == c"{" or byte == c"[":
        value.kind = OBJECT if byte == c"{" else LIST
        if not scan_nested(scanner, levels):
            return False
    elif not scan_scalar(scanner, value):
        return False
    value.end = scanner.at
    return True


# A value that is neither object nor list.
cdef inline bint scan_scalar(Scanner* scanner, Value* value) noexcept nogil:
    cdef uint8_t byte = peek(scanner)
    if byte == c'"':
        return scan_string(scanner, value)
    if byte == c"-" or is_digit(byte):
        value.kind = NUMBER
        return scan_number(scanner)
    value.kind = LITERAL
    if byte == c"t":
        return scan_literal(scanner, b"true")
    if byte == c"f":
        return scan_literal(scanner, b"false")
    return byte == c"n" and scan_literal(scanner, b"null")


cdef inline bint scan_literal(Scanner* scanner, const char* word) noexcept nogil:
    while word[0] != 0:
        if peek(scanner) != <uint8_t> word[0]:
            return False
        scanner.at += 1
        word += 1
    return True


cdef inline bint scan_number(Scanner* scanner) noexcept nogil:
    if peek(scanner) == c"-":
        scanner.at += 1
    if peek(scanner) == c"0":
        scanner.at += 1
    elif not scan_digits(scanner):
        return False
    if peek(scanner) == c".":
        scanner.at += 1
        if not scan_digits(scanner):
            return False
    if peek(scanner) == c"e" or peek(scanner) == c"E":
        scanner.at += 1
        if peek(scanner) == c"+" or peek(scanner) == c"-":
            scanner.at += 1
        return scan_digits(scanner)
    return True


# One digit or more.
cdef inline bint scan_digits(Scanner* scanner) noexcept nogil:
    if not is_digit(peek(scanner)):
        return False
    while is_digit(peek(scanner)):
        scanner.at += 1
    return True


cdef inline bint is_digit(uint8_t byte) noexcept nogil:
    return <uint8_t> (byte - c"0") <= 9


# A string, from its quotation mark.
cdef inline bint scan_string(Scanner* scanner, Value* value) noexcept nogil:
    cdef uint8_t byte
    value.kind = STRING
    value.plain = True
    value.start = scanner.at
    scanner.at += 1
    while True:
        scanner.at = skip_ordinary(scanner.text, scanner.at, scanner.length)
        byte = peek(scanner)
        if byte == c'"':
            scanner.at += 1
            value.end = scanner.at
            return True
        value.plain = False
        if byte == c"\\":
            if not scan_escape(scanner):
                return False
        elif byte < 0x80 or not scan_character(scanner):
            return False


# The same without a look at what is inside.
#
# That is right only if it turns out to be ASCII without quotation marks, backslashes and control characters. Until then
# nothing that the scanner says is to be trusted.
cdef inline bint scan_trusted_string(Scanner* scanner, Value* value) noexcept nogil:
    cdef const uint8_t* inside = scanner.text + scanner.at + 1
    cdef const uint8_t* found = <const uint8_t*> memchr(inside, c'"', scanner.length - scanner.at - 1)
    if found == NULL:
        return False
    value.kind = STRING
    value.plain = True
    value.start = scanner.at
    scanner.at += <size_t> (found - inside) + 2
    value.end = scanner.at
    return True


# Where the first byte from `at` on is that a string cannot simply have: quotation mark, backslash, control, not ASCII.
cdef inline size_t skip_ordinary(const uint8_t* text, size_t at, size_t end) noexcept nogil:
    cdef uint64_t word, quotes, backslashes, marks
    while end - at >= 8:
        word = word_of(text + at)
        quotes = word ^ 0x2222222222222222ULL
        backslashes = word ^ 0x5C5C5C5C5C5C5C5CULL
        # What borrows marks only bytes above the first that is to be found.
        marks = (((quotes - 0x0101010101010101ULL) & ~quotes)
                 | ((backslashes - 0x0101010101010101ULL) & ~backslashes)
                 | ((word - 0x2020202020202020ULL) & ~word)
                 | word) & 0x8080808080808080ULL
        if marks != 0:
            return at + lowest_byte(marks)
        at += 8
    while at < end and 0x20 <= text[at] < 0x80 and text[at] != c'"' and text[at] != c"\\":
        at += 1
    return at


# What is rare is no inline function, so that the rest can be one.
cdef bint scan_nested(Scanner* scanner, size_t levels) noexcept nogil
cdef bint scan_escape(Scanner* scanner) noexcept nogil
cdef bint scan_character(Scanner* scanner) noexcept nogil
