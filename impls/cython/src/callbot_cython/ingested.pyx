"""What a message did."""

cimport cython

from callbot_cython.audio cimport MULAW, NO_ENCODING
from callbot_cython.message cimport APPENDED, CLOSED, OPENED


# Nothing that the garbage collector tracks is in it, so that to make one runs no Python code.
@cython.final
@cython.freelist(8)
@cython.no_gc
cdef class Ingested:
    """What a message did; what does not belong to its kind is None."""

    def __init__(self):
        raise TypeError("only a processor makes one")

    @property
    def kind(self):
        """`opened`, `appended`, `closed` or `other`."""
        if self.event == APPENDED:
            return "appended"
        if self.event == OPENED:
            return "opened"
        return "closed" if self.event == CLOSED else "other"

    @property
    def sequence(self):
        """The message's sequence number."""
        return self.number if self.numbered else None

    @property
    def encoding(self):
        """Of an opened call: `pcm16` or `mulaw`."""
        if self.told.encoding == NO_ENCODING:
            return None
        return "mulaw" if self.told.encoding == MULAW else "pcm16"

    @property
    def rate(self):
        """Of an opened call: samples per second."""
        return self.told.rate if self.told.rate != 0 else None

    def __repr__(self):
        names = ("kind", "call_id", "sequence", "bytes", "encoding", "rate", "audio", "name")
        members = [(name, getattr(self, name)) for name in names]
        return f"Ingested({', '.join([f'{name}={value!r}' for name, value in members if value is not None])})"
