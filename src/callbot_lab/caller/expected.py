"""What a server should store of the messages of a connection, as the messages themselves say it.

This reads messages by itself and not with the server's own code: that is what the server is held against.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

from ..server.recordings import stem
from ..server.wav import SAMPLE_BYTES
from .messages import Act, Said, Wire


@dataclass
class Expected:
    """The recording that a server should have of one call."""

    call_id: str
    encoding: str
    rate: int
    serial: int = 1
    """1 for the first call of this id, 2 for the next one."""
    audio: bytearray = field(default_factory=bytearray)
    due: list[int] = field(default_factory=list)
    """When each of its chunks was due, in nanoseconds of the monotonic clock; 0 where it was not due at a time."""
    reset: bool = False
    """Whether its connection was reset: that may overtake what was on its way."""

    @property
    def name(self) -> str:
        """Name of its files, without suffix."""
        return stem(self.call_id) + (f".{self.serial}" if self.serial > 1 else "")

    @property
    def milliseconds(self) -> float:
        """Duration of the audio."""
        return 1000 * len(self.audio) / (self.rate * SAMPLE_BYTES[self.encoding])


class Listener:
    """Takes the messages of one connection in order, and knows what they leave.

    `calls` are the recordings, oldest first; those of calls that have not ended are as far as the messages go.
    """

    def __init__(self, wire: Wire, path: str) -> None:
        self.calls: list[Expected] = []
        self._wire = wire
        self._open: dict[tuple[str, str], Expected] = {}
        self._started: Counter[str] = Counter()
        self._committed: dict[tuple[str, str], int] = {}
        self._do(wire.bound(path), 0)

    def take(self, text: str, due: int = 0) -> bool:
        """Take a message; whether it is one that a server takes, and not one that it has to refuse."""
        try:
            said = self._wire.understood(json.loads(text))
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
            return False
        return self._do(said, due)

    def _do(self, said: Said, due: int) -> bool:
        call = self._open.get(said.key)
        match said.act:
            case Act.START:
                return self._start(said)
            case Act.STOP:
                ending = [key for key in self._open if key[0] == said.key[0]]
                for key in ending:
                    del self._open[key]
                return bool(ending)
            case Act.OTHER:
                return True
        if call is None:
            return False
        match said.act:
            case Act.AUDIO:
                if said.encoding and (said.encoding, said.rate) != (call.encoding, call.rate):
                    return False
                call.audio += said.data
                call.due.append(due)
            case Act.COMMIT:
                if len(call.audio) == self._committed[said.key]:
                    return False
                self._committed[said.key] = len(call.audio)
            case Act.CLEAR:
                del call.audio[self._committed[said.key] :]
            case _:
                return False
        return True

    def _start(self, said: Said) -> bool:
        if any(key in self._open for key in said.starts):
            return False
        for key, call_id in said.starts.items():
            self._started[call_id] += 1
            self._open[key] = Expected(call_id, said.encoding, said.rate, self._started[call_id])
            self._committed[key] = 0
            self.calls.append(self._open[key])
        return bool(said.starts)
