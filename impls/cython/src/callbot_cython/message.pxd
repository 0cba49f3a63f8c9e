# What the messages of voice services say: docs/contract.md, `AudioProcessor.ingest`.
#
# `core/src/message.rs` of the Rust implementation is the same.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from callbot_cython.audio cimport (
    INBOUND, MULAW, NO_ENCODING, NO_TRACK, OUTBOUND, PCM16, Audio, Encoding, Track
)
from callbot_cython.json cimport (
    ENDED, LIST, MISSING, NEXT, OBJECT, STRING, Kind, Scanner, Value, scan_first, scan_next, scan_value
)
from callbot_cython.members cimport (
    CALLBOT, ENCODING, EVENT, ID, MEDIA, OPENAI, PAYLOAD, RATE, SEQUENCE, START, TRACK, TWILIO, Format, Members,
    scan_members
)
from callbot_cython.said cimport digits_of, find_member, number_of, says
from callbot_cython.source cimport Text

cdef enum:
    DEFAULT_RATE = 8000
    MOST_RATE = 192000
    MOST_DIGITS = 20

cdef extern from *:
    const uint64_t MOST_NUMBER "UINT64_MAX"

# What a message does.
cdef enum Event:
    OPENED
    APPENDED
    CLOSED
    OTHER

# How a text is to be read.
#
# With `trusting` the payload is passed without a look at it. What is read counts only if it is a message with audio
# whose payload turns out to be canonical base64. That has no quotation marks, backslashes, control and other
# characters, so the payload ends where it seemed to; and it is the only string that was passed like that.
cdef struct Reader:
    Text text
    Format format
    Text call_id  # the only call that the message may name, in UTF-8 with surrogates; without data any
    bint surrogates  # encoded ones are taken, as a `str` may have them
    bint trusting

# A message, understood; or why it is refused, and where.
cdef struct Message:
    Members members
    Event event
    Value id  # missing where it names no call
    bint numbered
    uint64_t sequence
    Audio audio
    size_t position
    const char* name  # of what is wrong; NULL if the text is no JSON
    const char* what  # it is to be; NULL if it is missing


# Read a message; False if it is refused.
cdef inline bint read_message(const Reader* reader, Message* message) noexcept nogil:
    cdef Scanner scanner = Scanner(reader.text.data, reader.text.length, 0, reader.surrogates)
    cdef Members* members = &message.members
    cdef const uint8_t* text = reader.text.data
    message.name = NULL
    message.event = OTHER
    message.id.kind = MISSING
    message.numbered = False
    message.audio = Audio(NO_ENCODING, 0, NO_TRACK)
    if not scan_members(&scanner, reader.format, reader.trusting, members):
        message.position = scanner.at
        return False
    if members.top.kind != OBJECT:
        return wrong(message, members.top.start, b"the message", b"an object")
    if reader.format == OPENAI:
        if not want(message, &members.values[EVENT], STRING, &members.top, b"type", b"a string"):
            return False
        if not says(text, &members.values[EVENT], b"input_audio_buffer.append", 25):
            return True
        message.event = APPENDED
        return want(message, &members.values[PAYLOAD], STRING, &members.top, b"audio", b"a string")
    if not want(message, &members.values[EVENT], STRING, &members.top, b"event", b"a string"):
        return False
    if says(text, &members.values[EVENT], b"media", 5):
        message.event = APPENDED
    elif says(text, &members.values[EVENT], b"start", 5):
        message.event = OPENED
    elif says(text, &members.values[EVENT], b"stop", 4):
        message.event = CLOSED
    if reader.format == CALLBOT:
        return read_callbot(reader, message)
    return read_twilio(reader, message)


cdef inline bint read_callbot(const Reader* reader, Message* message) noexcept nogil:
    cdef const uint8_t* text = reader.text.data
    cdef const Value* values = message.members.values
    cdef const Value* top = &message.members.top
    cdef const Value* media = &values[MEDIA]
    if not read_id(reader, message, b"call_id"):
        return False
    message.numbered = number_of(text, &values[SEQUENCE], MOST_NUMBER, &message.sequence)
    if message.event == CLOSED or message.event == OTHER:
        return True
    if message.event == APPENDED and not message.numbered:
        return unwanted(message, &values[SEQUENCE], top, b"seq", b"a sequence number")
    if not want(message, media, OBJECT, top, b"media", b"an object"):
        return False
    if message.event == APPENDED and not want(
        message, &values[PAYLOAD], STRING, media, b"media.payload", b"a string"
    ):
        return False
    message.audio.encoding = encoding_of(text, &values[ENCODING])
    if message.audio.encoding == NO_ENCODING:
        return unwanted(message, &values[ENCODING], media, b"media.encoding", b"pcm16 or mulaw")
    message.audio.rate = rate_of(text, &values[RATE])
    if message.audio.rate == 0:
        return unwanted(message, &values[RATE], media, b"media.rate", b"a whole number from 1 to 192000")
    return True


cdef inline bint read_twilio(const Reader* reader, Message* message) noexcept nogil:
    cdef const uint8_t* text = reader.text.data
    cdef const Value* values = message.members.values
    cdef const Value* top = &message.members.top
    cdef const Value* media = &values[MEDIA]
    if not read_id(reader, message, b"streamSid"):
        return False
    message.numbered = digits_of(text, &values[SEQUENCE], MOST_DIGITS, MOST_NUMBER, &message.sequence)
    if message.event == OPENED:
        return want(message, &values[START], OBJECT, top, b"start", b"an object") and read_start(reader, message)
    if message.event != APPENDED:
        return True
    if not message.numbered:
        return unwanted(message, &values[SEQUENCE], top, b"sequenceNumber", b"a sequence number")
    if not want(message, media, OBJECT, top, b"media", b"an object"):
        return False
    message.audio.track = track_of(text, &values[TRACK])
    if message.audio.track == NO_TRACK:
        return unwanted(message, &values[TRACK], media, b"media.track", b"inbound or outbound")
    return want(message, &values[PAYLOAD], STRING, media, b"media.payload", b"a string")


# What a Twilio stream's `start` tells of the audio.
cdef inline bint read_start(const Reader* reader, Message* message) noexcept nogil:
    cdef const uint8_t* text = reader.text.data
    cdef const Value* start = &message.members.values[START]
    cdef Value media, value
    cdef uint64_t channels
    find_member(text, start, b"mediaFormat", &media)
    if not want(message, &media, OBJECT, start, b"start.mediaFormat", b"an object"):
        return False
    find_member(text, &media, b"encoding", &value)
    if value.kind != STRING or not says(text, &value, b"audio/x-mulaw", 13):
        return unwanted(message, &value, &media, b"start.mediaFormat.encoding", b"audio/x-mulaw")
    find_member(text, &media, b"channels", &value)
    if value.kind != MISSING and not (count_of(text, &value, &channels) and channels == 1):
        return wrong(message, value.start, b"start.mediaFormat.channels", b"1")
    message.audio = Audio(MULAW, DEFAULT_RATE, INBOUND)
    find_member(text, &media, b"sampleRate", &value)
    if value.kind != MISSING:
        message.audio.rate = count_rate_of(text, &value)
        if message.audio.rate == 0:
            return wrong(message, value.start, b"start.mediaFormat.sampleRate", b"a whole number from 1 to 192000")
    find_member(text, start, b"tracks", &value)
    if value.kind != MISSING:
        message.audio.track = only_track_of(text, &value)
        if message.audio.track == NO_TRACK:
            return wrong(message, value.start, b"start.tracks", b"a list of one of inbound and outbound")
    return True


# The call that a message names, which has to be the only one that may be named; an other event need not name any.
cdef inline bint read_id(const Reader* reader, Message* message, const char* name) noexcept nogil:
    cdef const Value* id = &message.members.values[ID]
    if id.kind != STRING or id.end - id.start == 2:
        return message.event == OTHER or unwanted(
            message, id, &message.members.top, name, b"a string that is not empty"
        )
    if reader.call_id.data != NULL and not says(
        reader.text.data, id, reader.call_id.data, reader.call_id.length
    ):
        return wrong(message, id.start, name, b"that of the connection's call")
    message.id = id[0]
    return True


cdef inline Encoding encoding_of(const uint8_t* text, const Value* value) noexcept nogil:
    if value.kind == STRING:
        if says(text, value, b"pcm16", 5):
            return PCM16
        if says(text, value, b"mulaw", 5):
            return MULAW
    return NO_ENCODING


cdef inline Track track_of(const uint8_t* text, const Value* value) noexcept nogil:
    if value.kind == STRING:
        if says(text, value, b"inbound", 7):
            return INBOUND
        if says(text, value, b"outbound", 8):
            return OUTBOUND
    return NO_TRACK


# The track of a list of one.
cdef inline Track only_track_of(const uint8_t* text, const Value* tracks) noexcept nogil:
    cdef Scanner scanner = Scanner(text, tracks.end, tracks.start + 1, True)
    cdef Value track
    if tracks.kind != LIST or scan_first(&scanner, c"]") == ENDED or not scan_value(&scanner, 1, &track):
        return NO_TRACK
    return track_of(text, &track) if scan_next(&scanner, c"]") == ENDED else NO_TRACK


cdef inline uint32_t rate_of(const uint8_t* text, const Value* value) noexcept nogil:
    cdef uint64_t rate
    return <uint32_t> rate if number_of(text, value, MOST_RATE, &rate) else 0


cdef inline uint32_t count_rate_of(const uint8_t* text, const Value* value) noexcept nogil:
    cdef uint64_t rate
    return <uint32_t> rate if count_of(text, value, &rate) else 0


# A number up to MOST_RATE, or a string of digits.
cdef inline bint count_of(const uint8_t* text, const Value* value, uint64_t* number) noexcept nogil:
    return (number_of(text, value, MOST_RATE, number)
            or digits_of(text, value, value.end - value.start, MOST_RATE, number))


# Refuse a member of an object that is not of the kind that is wanted.
cdef inline bint want(
    Message* message, const Value* value, Kind kind, const Value* owner, const char* name, const char* what
) noexcept nogil:
    return value.kind == kind or unwanted(message, value, owner, name, what)


# Refuse a member of an object that is missing or not what it is to be.
cdef inline bint unwanted(
    Message* message, const Value* value, const Value* owner, const char* name, const char* what
) noexcept nogil:
    if value.kind == MISSING:
        return wrong(message, owner.start, name, NULL)
    return wrong(message, value.start, name, what)


cdef inline bint wrong(Message* message, size_t position, const char* name, const char* what) noexcept nogil:
    message.position = position
    message.name = name
    message.what = what
    return False


# Refuse audio that is not what its call was started with, as far as both are told.
cdef inline bint require_started_with(Message* message, const Audio* started) noexcept nogil:
    cdef const Value* values = message.members.values
    cdef const Audio* told = &message.audio
    if told.encoding != started.encoding and told.encoding != NO_ENCODING and started.encoding != NO_ENCODING:
        return wrong(message, values[ENCODING].start, b"encoding", b"that of the call's start")
    if told.rate != started.rate and told.rate != 0 and started.rate != 0:
        return wrong(message, values[RATE].start, b"rate", b"that of the call's start")
    if told.track != started.track and told.track != NO_TRACK and started.track != NO_TRACK:
        return wrong(message, values[TRACK].start, b"track", b"that of the call's start")
    return True
