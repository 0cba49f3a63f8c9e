"""The buffers of many concurrent calls."""

cimport cython
from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_GetItemWithError
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint8_t

from callbot_cython.arguments cimport DEFAULT_CAPACITY, UNBOUNDED, natural, optional_natural
from callbot_cython.buffer cimport AudioBuffer, reserve
from callbot_cython.decode cimport decoded_size
from callbot_cython.engine cimport Engine
from callbot_cython.ingested cimport Ingested, new_ingested
from callbot_cython.json cimport MISSING, Value
from callbot_cython.kernels.choice cimport best
from callbot_cython.members cimport CALLBOT, EVENT, OPENAI, PAYLOAD, TWILIO, Format
from callbot_cython.message cimport (
    APPENDED, CLOSED, OPENED, Message, Reader, read_message, require_started_with
)
from callbot_cython.refusal cimport payload_refusal, refusal
from callbot_cython.said cimport said
from callbot_cython.shared cimport new_shared
from callbot_cython.source cimport Text, acquire_message, encoded, plain_text

cdef str CALLBOT_NAME = "callbot"
cdef str TWILIO_NAME = "twilio"
cdef str OPENAI_NAME = "openai"

cdef extern from "Python.h":
    str PyUnicode_FromObject(object text)


@cython.final
@cython.no_gc
cdef class AudioProcessor:
    """AudioProcessor(*, capacity=10485760, limit=None, max_calls=None, max_bytes=None)\n--\n
    The buffers of many concurrent calls, safe to use from many threads.

    `capacity` and `limit` (bytes) go to every buffer; `max_calls` bounds the open calls, `max_bytes` the bytes held
    over all of them.
    """

    def __cinit__(self, *, capacity=DEFAULT_CAPACITY, limit=None, max_calls=None, max_bytes=None):
        self.buffer_capacity = natural("capacity", capacity)
        self.limit = optional_natural("limit", limit)
        self.max_calls = optional_natural("max_calls", max_calls)
        self.shared = new_shared(
            optional_natural("max_bytes", max_bytes), spare_size=min(self.buffer_capacity, self.limit)
        )
        self.buffers = {}
        self.decode_with(Engine(best(), False))

    def __dealloc__(self):
        # Buffers may live on, and share what they shared.
        if self.shared is not None:
            self.shared.retire()

    cdef void decode_with(self, Engine engine) noexcept:
        # Bytes that are not there yet count towards max_bytes or not, as they turn out to be canonical. So with
        # max_bytes one append after the other is decoded, under the GIL.
        self.engine = Engine(engine.kernel, engine.releases and self.shared.max_bytes == UNBOUNDED)

    # The buffer of an open call; KeyError.
    cdef inline AudioBuffer buffer(self, str key):
        cdef PyObject* found = PyDict_GetItemWithError(self.buffers, key)
        while found != NULL and (<AudioBuffer> found).busy:
            settled(<AudioBuffer> found)
            # Another thread may have closed the call meanwhile.
            found = PyDict_GetItemWithError(self.buffers, key)
        if found == NULL:
            raise KeyError(key)
        return <AudioBuffer> found

    def open(self, call_id):
        """Start a call; its buffer. ValueError if the id is open, OverflowError past max_calls."""
        return self.open_call(plain_id(call_id))

    # The same for an exact str.
    cdef AudioBuffer open_call(self, str key):
        if key in self.buffers:
            raise ValueError(f"call {key!r} is open already")
        if <size_t> len(self.buffers) >= self.max_calls:
            raise OverflowError(f"max_calls of {self.max_calls} exceeded")
        # Nothing here is tracked by the garbage collector, so no other thread comes in after the checks (see AudioBuffer).
        cdef AudioBuffer buffer = reserve(self.engine, self.buffer_capacity, self.limit, self.shared)
        self.buffers[key] = buffer
        return buffer

    def append(self, call_id, chunk):
        """Decode a chunk into the buffer of an open call; the number of bytes added."""
        return self.buffer(plain_id(call_id)).append_chunk(chunk)

    def extend(self, call_id, chunks):
        """Decode a batch into the buffer of an open call, all or nothing; the number of bytes added."""
        return self.buffer(plain_id(call_id)).extend_chunks(chunks)

    def close(self, call_id):
        """Hand out the bytes of a call and forget it; BufferError while a view is alive."""
        return self.close_call(plain_id(call_id))

    # The same for an exact str.
    cdef bytes close_call(self, str key):
        cdef AudioBuffer buffer = self.buffer(key)
        pcm = buffer.copied()
        del self.buffers[key]
        buffer.close()
        return pcm

    def discard(self, call_id):
        """Forget a call without handing out a copy; BufferError while a view is alive."""
        cdef str key = plain_id(call_id)
        cdef AudioBuffer buffer = self.buffer(key)
        buffer.require_changeable()
        del self.buffers[key]
        buffer.close()

    def ingest(self, message, /, *, format, call_id=None):
        """Do what a message of a voice service says, from its text to the call's buffer; what was done.

        `format` is `callbot`, `twilio` or `openai`; `call_id` is the only call that the message may be for. What is
        refused has changed nothing: ValueError with its `position`, or what `open`, `append` and `close` raise.
        """
        cdef Reader reader
        cdef Py_buffer loan
        cdef bytes kept
        reader.surrogates = False
        if plain_text(message, &reader.text):
            if reader.text.data == NULL:
                kept = encoded(message)
                plain_text(kept, &reader.text)
                reader.surrogates = True
            return ingest_text(self, &reader, format, call_id)
        # To lend a buffer may run Python code, so nothing was looked at before.
        reader.text = acquire_message(message, &loan)
        try:
            return ingest_text(self, &reader, format, call_id)
        finally:
            PyBuffer_Release(&loan)

    def call_ids(self):
        """Ids of the open calls, oldest first."""
        return list(self.buffers)

    def __getitem__(self, call_id):
        return self.buffer(plain_id(call_id))

    def __contains__(self, call_id):
        return plain_id(call_id) in self.buffers

    def __len__(self):
        return len(self.buffers)

    @property
    def total_bytes(self):
        """Bytes held now over all open calls."""
        return self.shared.held


# Wait for the thread that decodes into a buffer; the reference keeps it alive meanwhile.
cdef void settled(AudioBuffer buffer) noexcept:
    cdef AudioBuffer held = buffer
    held.settle()


# Do what a message says; see `AudioProcessor.ingest`.
cdef inline Ingested ingest_text(AudioProcessor processor, Reader* reader, object format, object call_id):
    cdef str bound = None
    cdef bytes kept
    cdef Ingested ingested
    reader.format = format_of(format)
    reader.call_id.data = NULL
    if call_id is not None:
        bound = plain_id(call_id)
        plain_text(bound, &reader.call_id)
        if reader.call_id.data == NULL:
            kept = encoded(bound)
            plain_text(kept, &reader.call_id)
    reader.trusting = True
    ingested = append_trusted(processor, reader, bound)
    if ingested is not None:
        return ingested
    # Nothing was done yet.
    reader.trusting = False
    return ingest_exactly(processor, reader, bound)


# Append the audio of a message that is trusted to be in order; None, and nothing done, if anything is not.
cdef inline Ingested append_trusted(AudioProcessor processor, const Reader* reader, str bound):
    cdef Message message
    cdef Text payload
    cdef Ingested ingested
    cdef PyObject* found
    if not read_message(reader, &message) or message.event != APPENDED:
        return None
    if bound is None:
        if message.id.kind == MISSING:
            return None
        bound = string_of(reader, &message.id)
    ingested = new_ingested(&message, bound)
    found = PyDict_GetItemWithError(processor.buffers, ingested.call_id)
    if found == NULL or not require_started_with(&message, &(<AudioBuffer> found).started):
        return None
    payload = inside(reader, &message.members.values[PAYLOAD])
    ingested.bytes = decoded_size(payload.data, payload.length)
    return ingested if (<AudioBuffer> found).try_text(payload, ingested.bytes) else None


# Do what a message says, with all checks in the contract's order.
cdef Ingested ingest_exactly(AudioProcessor processor, const Reader* reader, str bound):
    cdef Message message
    cdef Ingested ingested
    cdef str key = None
    if not read_message(reader, &message):
        raise refusal(reader, &message)
    if bound is not None and (message.id.kind != MISSING or message.event == APPENDED):
        key = bound
    elif message.id.kind != MISSING:
        key = string_of(reader, &message.id)
    elif message.event == APPENDED:
        raise ValueError("the message names no call, and there is no call_id")
    # Made before anything is done, so that nothing can fail afterwards.
    ingested = new_ingested(&message, key)
    if message.event == OPENED:
        ingested.told = message.audio
        processor.open_call(key).started = message.audio
    elif message.event == APPENDED:
        append_message(processor, reader, &message, ingested)
    elif message.event == CLOSED:
        ingested.audio = processor.close_call(key)
        ingested.bytes = len(<bytes> ingested.audio)
    else:
        ingested.name = string_of(reader, &message.members.values[EVENT])
    return ingested


cdef int append_message(AudioProcessor processor, const Reader* reader, Message* message, Ingested ingested) except -1:
    cdef const Value* value = &message.members.values[PAYLOAD]
    cdef Text payload = inside(reader, value)
    cdef bytes unescaped
    cdef AudioBuffer buffer = processor.buffer(ingested.call_id)
    buffer.require_changeable()
    if not require_started_with(message, &buffer.started):
        raise refusal(reader, message)
    if not value.plain:
        unescaped = said_by(reader, value)
        plain_text(unescaped, &payload)
    ingested.bytes = decoded_size(payload.data, payload.length)
    if not buffer.take_text(payload, ingested.bytes):
        raise payload_refusal(reader, message)
    return 0


# The characters of a string between its quotation marks.
cdef inline Text inside(const Reader* reader, const Value* string) noexcept:
    return Text(reader.text.data + string.start + 1, string.end - string.start - 2)


# What a string says, as a str.
cdef inline str string_of(const Reader* reader, const Value* string):
    cdef Text text = inside(reader, string)
    cdef bytes unescaped
    if not string.plain:
        unescaped = said_by(reader, string)
        plain_text(unescaped, &text)
    return PyUnicode_DecodeUTF8(<const char*> text.data, text.length, "surrogatepass")


# What a string says, as UTF-8.
cdef bytes said_by(const Reader* reader, const Value* string):
    cdef bytes room = PyBytes_FromStringAndSize(NULL, string.end - string.start - 2)
    cdef size_t size = said(reader.text.data, string, <uint8_t*> PyBytes_AS_STRING(room))
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(room), size)


# A format by its name; TypeError for what is no str, ValueError for an unknown one.
cdef inline Format format_of(object name) except *:
    if name is CALLBOT_NAME:
        return CALLBOT
    if name is TWILIO_NAME:
        return TWILIO
    if name is OPENAI_NAME:
        return OPENAI
    return other_format_of(name)


# The same for a name that is another object.
cdef Format other_format_of(object name) except *:
    cdef str plain
    if not isinstance(name, str):
        raise TypeError(f"format is a str, not {type(name).__name__}")
    plain = PyUnicode_FromObject(name)
    if plain == CALLBOT_NAME:
        return CALLBOT
    if plain == TWILIO_NAME:
        return TWILIO
    if plain == OPENAI_NAME:
        return OPENAI
    raise ValueError("format is callbot, twilio or openai")


# A call id as an exact str, so that a subclass cannot bring its own equality; TypeError if it is no str.
cdef inline str plain_id(object call_id):
    if type(call_id) is str:
        return <str> call_id
    if isinstance(call_id, str):
        return PyUnicode_FromObject(call_id)
    raise TypeError(f"call_id is a str, not {type(call_id).__name__}")
