"""What is said of a message that is refused."""

from callbot_cython.members cimport PAYLOAD


# The error for text that is no JSON, or no message of its format.
cdef object refusal(const Reader* reader, const Message* message):
    if message.name == NULL:
        return positioned("JSON", reader, message.position, "")
    if message.what == NULL:
        return positioned("message", reader, message.position, f": {message.name.decode()} is missing")
    return positioned("message", reader, message.position, f": {message.name.decode()} is not {message.what.decode()}")


# The error for a payload that is not canonical base64.
cdef object payload_refusal(const Reader* reader, const Message* message):
    return positioned("base64", reader, message.members.values[PAYLOAD].start, "")


cdef object positioned(str what, const Reader* reader, size_t position, str why):
    if reader.surrogates:
        position = characters(reader, position)
    error = ValueError(f"invalid {what} at position {position}{why}")
    error.position = position
    return error


# Of a `str` that was encoded: the characters in so many of its bytes.
cdef size_t characters(const Reader* reader, size_t length) noexcept:
    cdef size_t byte
    cdef size_t count = 0
    for byte in range(length):
        if reader.text.data[byte] & 0xC0 != 0x80:
            count += 1
    return count
