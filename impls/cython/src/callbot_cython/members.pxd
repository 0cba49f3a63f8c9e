# Where the members of a message lie in its text: one pass over all of it.
#
# `core/src/members.rs` of the Rust implementation is the same.

from libc.stdint cimport uint8_t
from libc.string cimport memset

from callbot_cython.json cimport (
    ENDED, NEXT, OBJECT, REFUSED, Scanner, Step, Value, peek, scan_end, scan_first, scan_name, scan_next,
    scan_trusted_string, scan_value, skip_space
)
from callbot_cython.said cimport says

# A service's way to write messages.
cdef enum Format:
    CALLBOT
    TWILIO
    OPENAI

# Places: of the members that a format knows, under whatever name, and of all others.
cdef enum:
    EVENT
    ID
    SEQUENCE
    MEDIA
    START
    PAYLOAD
    ENCODING
    RATE
    TRACK
    NOWHERE
    PLACES

# The values of a message's members: of those of one name the last, and of those in `media` the ones in the last.
cdef struct Members:
    Value top  # the message itself
    Value[PLACES] values
    bint trusted  # whether a payload was passed without a look at it


# Pass a whole text; False, with the scanner where it is refused.
cdef inline bint scan_members(Scanner* scanner, Format format, bint trusting, Members* members) noexcept nogil:
    cdef Value name
    cdef int place
    cdef Step step
    cdef bint in_media = False
    memset(members, 0, sizeof(Members))
    skip_space(scanner)
    if peek(scanner) != c"{":
        return scan_value(scanner, 0, &members.top) and scan_end(scanner)
    members.top.kind = OBJECT
    members.top.start = scanner.at
    scanner.at += 1
    step = scan_first(scanner, c"}")
    while True:
        while step == ENDED:
            if not in_media:
                return scan_end(scanner)
            in_media = False
            step = scan_next(scanner, c"}")
        if step == REFUSED or not scan_name(scanner, &name):
            return False
        place = place_in_media(format, scanner.text, &name) if in_media else place_of(format, scanner.text, &name)
        if place == MEDIA:
            forget_media(members)
            if peek(scanner) == c"{":
                members.values[MEDIA].kind = OBJECT
                members.values[MEDIA].start = scanner.at
                in_media = True
                scanner.at += 1
                step = scan_first(scanner, c"}")
                continue
        if place == PAYLOAD and trusting and peek(scanner) == c'"':
            # At most one of two payloads will be decoded.
            if members.trusted or not scan_trusted_string(scanner, &members.values[PAYLOAD]):
                return False
            members.trusted = True
        elif not scan_value(scanner, 1 + in_media, &members.values[place]):
            return False
        step = scan_next(scanner, c"}")


# A later `media` takes the place of an earlier one, with all that is in it.
cdef inline void forget_media(Members* members) noexcept nogil:
    memset(&members.values[PAYLOAD], 0, (NOWHERE - PAYLOAD) * sizeof(Value))


# Where a member of a message goes.
cdef inline int place_of(Format format, const uint8_t* text, const Value* name) noexcept nogil:
    if format == CALLBOT:
        if says(text, name, b"event", 5):
            return EVENT
        if says(text, name, b"call_id", 7):
            return ID
        if says(text, name, b"seq", 3):
            return SEQUENCE
        if says(text, name, b"media", 5):
            return MEDIA
    elif format == TWILIO:
        if says(text, name, b"event", 5):
            return EVENT
        if says(text, name, b"streamSid", 9):
            return ID
        if says(text, name, b"sequenceNumber", 14):
            return SEQUENCE
        if says(text, name, b"media", 5):
            return MEDIA
        if says(text, name, b"start", 5):
            return START
    else:
        if says(text, name, b"type", 4):
            return EVENT
        if says(text, name, b"audio", 5):
            return PAYLOAD
    return NOWHERE


# Where a member of a message's `media` goes.
cdef inline int place_in_media(Format format, const uint8_t* text, const Value* name) noexcept nogil:
    if says(text, name, b"payload", 7):
        return PAYLOAD
    if format == CALLBOT:
        if says(text, name, b"encoding", 8):
            return ENCODING
        if says(text, name, b"rate", 4):
            return RATE
    elif says(text, name, b"track", 5):
        return TRACK
    return NOWHERE
