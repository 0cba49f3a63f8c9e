"""A connection that writes on a tape what it sends.

Only a caller that records makes such connections; so others pay nothing for it.
"""

from __future__ import annotations

import time

from .connections import Connection, Owner, Send, State, refuse
from .frames import Mask
from .tape import End, Tape


class TapedConnection(Connection):
    """A connection whose frames were all made with one mask."""

    __slots__ = ("_mask", "_tape")

    def __init__(self, tape: Tape, mask: Mask, number: int, path: str, host: str, port: int, owner: Owner) -> None:
        super().__init__(number, path, host, port, owner)
        self._tape, self._mask = tape, mask
        tape.opened(number, path)

    def write(self, frame: bytes) -> bool:
        """See Connection."""
        if self.state is not State.OPEN:
            return False
        self._note(time.monotonic_ns(), frame)
        return super().write(frame)

    def silence(self) -> None:
        """See Connection."""
        self._end_on_tape(End.SILENCE)
        super().silence()

    def reset(self, frame: bytes) -> None:
        """See Connection."""
        self._end_on_tape(End.RESET, self._mask.text(frame) if frame else "")
        super().reset(frame)

    def close(self) -> None:
        """See Connection."""
        self._end_on_tape(End.GOODBYE)
        super().close()

    def _end_on_tape(self, end: End, text: str = "") -> None:
        if self.state is State.OPEN:
            self._tape.ended(self.number, end, text)

    def _end(self, reason: str) -> None:
        self._tape.ended(self.number, End.LOST)
        super()._end(reason)

    def _sends_by(self, send: Send) -> None:
        if send is refuse:
            super()._sends_by(send)
            return

        def taped(frame: bytes) -> int:
            now = time.monotonic_ns()
            try:
                count = send(frame)
            except BlockingIOError:
                # It is kept, and sent later.
                count = 0
            if count >= 0:
                self._note(now, frame)
            return count

        super()._sends_by(taped)

    def _note(self, at_ns: int, frame: bytes) -> None:
        self._tape.sent(at_ns, self.number, self._mask.text(frame))
