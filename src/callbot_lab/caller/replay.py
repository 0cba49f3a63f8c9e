"""Plays a traffic file to a server: the same messages over as many connections, in the same order and in its timing.

Only the names of calls are others, so that a server which has the recorded ones, or is played to twice, takes them.
"""

from __future__ import annotations

import random
import re
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path

from .. import wording
from ..errors import LabError
from ..progress import NowAndThen
from .expected import Expected, Listener
from .frames import Mask
from .messages import WIRES, Wire
from .switchboard import ANSWER_SECONDS, PROGRESS_SECONDS, Sent, Switchboard, Turn, Watch
from .tape import End, Reader, Tape

MOST_SECONDS = 24 * 3600
"""Longest traffic; more is a time in another unit."""

BATCH = 256
"""Turns of a flood between looks at what servers send."""

_PLAIN = re.compile("[A-Za-z0-9_-]+")


class Names:
    """Gives calls fresh names, as long as the old ones if those have room for what makes them unique."""

    def __init__(self, member: str) -> None:
        """`member`: the member of a message that names its call; empty if messages name none."""
        self._run = random.SystemRandom().randbytes(6).hex()
        self._count = 0
        # In the text, since that need not be JSON: nothing else of it may change.
        self._pattern = re.compile(rf'("{member}"\s*:\s*")((?:[^"\\]|\\.)+)(?=")') if member else None

    def fresh(self, old: str) -> str:
        """Another name each time, which begins as the old one does if that is plain."""
        own = f"{self._run}{self._count:06x}"
        self._count += 1
        kept = old[: max(0, len(old) - len(own))]
        return kept + own if _PLAIN.fullmatch(kept) else own

    def in_text(self, text: str, named: dict[str, str]) -> str:
        """A message with fresh names; `named` has those of its connection by the old ones, and gets the new ones."""

        def rename(found: re.Match[str]) -> str:
            if found[2] not in named:
                named[found[2]] = self.fresh(found[2])
            return found[1] + named[found[2]]

        return self._pattern.sub(rename, text) if self._pattern else text


class Track:
    """What a file holds of one connection."""

    def __init__(self, number: int, wire: Wire, path: str, names: Names) -> None:
        self.number, self._names = number, names
        # The call that opening a connection starts, if it is one, has the key of no id and no track.
        self.path = wire.renamed(path, names.fresh(wire.bound(path).starts.get(("", ""), "")))
        self._named: dict[str, str] = {}
        self.end: tuple[End, bytes] | None = None
        """How it ends, with the frame that a reset breaks off."""

    def text(self, text: str) -> str:
        """A message of it with the fresh names of its calls."""
        return self._names.in_text(text, self._named)


class Replay(Switchboard):
    """The traffic of a file, to one server.

    `connect` opens all connections, `play` and `flood` send the next so many seconds of it, `finish` ends what is still
    open. All of the file is held in memory. LabError if the file cannot be read or if no message of it is audio.
    """

    def __init__(
        self,
        host: str,
        port: int,
        path: Path,
        *,
        tape: Tape | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        """`tape` gets what is sent. `say` gets lines while a long file is read."""
        reader = Reader(path)
        wire = WIRES[reader.form]
        mask = Mask(random.SystemRandom().randbytes(4))
        self.messages = self.refused = 0
        """Messages of the file, and how many of them a server has to refuse."""
        self.first_refused = 0
        """Line of the first of those; 0 if there is none."""
        self._turns: list[Turn] = []
        """With times since the first of them."""
        self._tracks: list[Track] = []
        self._load(reader, wire, mask, say)
        super().__init__(host, port, wire, [f"connection {track.number}" for track in self._tracks], mask, tape)
        self._done = self._played_ns = 0
        """Turns that were done, and how far that is in the file."""
        self._begin_ns: int | None = None
        """When the first was due; None in a flood."""
        self._resets: set[int] = set()

    def _load(self, reader: Reader, wire: Wire, mask: Mask, say: Callable[[str], None]) -> None:
        numbers, names, line_time = dict[int, int](), Names(wire.member), NowAndThen(PROGRESS_SECONDS)
        begin: int | None = None
        listeners: list[Listener] = []
        for line in reader:
            if line.connection not in numbers:
                numbers[line.connection] = len(numbers)
                self._tracks.append(Track(line.connection, wire, line.path or wire.path(""), names))
                listeners.append(Listener(wire, self._tracks[-1].path))
            elif line.path:
                raise reader.wrong(f"connection {line.connection} is open already")
            if line.path:
                continue
            number = numbers[line.connection]
            track = self._tracks[number]
            begin = line.at_ns if begin is None else begin
            at_ns = line.at_ns - begin
            if at_ns > MOST_SECONDS * 1e9:
                raise reader.wrong(f"it comes {at_ns / 3.6e12:,.0f} hours after the first one; t is in seconds")
            text = None if line.text is None else track.text(line.text)
            frame = b"" if text is None else mask.frame(text)
            if line.end is not None or text is None:
                track.end = (line.end or End.GOODBYE, frame)
                self._turns.append((at_ns, number, None))
                continue
            self._turns.append((at_ns, number, frame))
            self.messages += 1
            if not listeners[number].take(text):
                self.refused += 1
                self.first_refused = self.first_refused or line.number
            if line_time.due():
                say(f"read {self.messages:,} messages of {reader.path}")
        calls = [call for listener in listeners for call in listener.calls]
        chunks = sum(len(call.due) for call in calls)
        if not chunks:
            such = f", such as that of line {self.first_refused}" if self.first_refused else ""
            raise LabError(
                f"{reader.path}: none of its {wording.count(self.messages, 'message')} is audio in the format "
                f"{reader.form} that a server would take{such}"
            )
        self._chunk_ms = sum(call.milliseconds for call in calls) / chunks

    @property
    def chunk_ms(self) -> float:
        """See Switchboard."""
        return self._chunk_ms

    @property
    def format_name(self) -> str:
        """See Switchboard."""
        return self.wire.name

    @property
    def seconds(self) -> float:
        """How long the traffic lasts, and a little more, so that its end is within."""
        return self._turns[-1][0] / 1e9 + 0.001

    def connect(self) -> None:
        """Open all connections; LabError with the reason if one cannot be opened."""
        self._open([track.path for track in self._tracks])

    def play(self, seconds: float) -> Sent:
        """See Switchboard."""
        watch, late = Watch(), list[int]()
        if self._begin_ns is None:
            self._begin_ns = watch.started + 2_000_000
        begin = self._begin_ns
        self._in_time(((begin + at_ns, number, data) for at_ns, number, data in self._next(seconds)), self._end, late)
        # Nothing may be due for long.
        while (left := begin + self._played_ns - time.monotonic_ns()) > 0 and not self.stopping:
            self._idle(left)
        self._listen(0)
        return watch.sent(len(late), late)

    def flood(self, seconds: float) -> Sent:
        """Send what the file holds of the next so many seconds as fast as the server takes it."""
        watch, messages = Watch(), 0
        turns = self._next(seconds)
        for place in range(0, len(turns), BATCH):
            messages += self._at_once(turns[place : place + BATCH], self._end)
            self._listen(0)
            if self.stopping:
                break
        self._drain()
        return watch.sent(messages, [])

    def finish(self) -> None:
        """End what is open; a server that says goodbye has taken all that was sent before."""
        self._hang_up(ANSWER_SECONDS)

    def expected(self) -> Iterator[Expected]:
        """See Switchboard."""
        sent: list[list[tuple[int, bytes]]] = [[] for _ in self._tracks]
        for at_ns, number, data in self._turns:
            if data is not None and len(sent[number]) < self.taken[number]:
                sent[number].append((at_ns, data))
        for number, track in enumerate(self._tracks):
            listener = Listener(self.wire, track.path)
            for at_ns, data in sent[number]:
                listener.take(self.mask.text(data), 0 if self._begin_ns is None else self._begin_ns + at_ns)
            for call in listener.calls:
                call.reset = number in self._resets
                yield call

    def _next(self, seconds: float) -> list[Turn]:
        """The turns of the next so many seconds."""
        self._played_ns += round(seconds * 1e9)
        first = self._done
        self._done = bisect_right(self._turns, self._played_ns, lo=first, key=lambda turn: turn[0])
        return self._turns[first : self._done]

    def _end(self, number: int) -> bool:
        """End a connection as the file says."""
        end, frame = self._tracks[number].end or (End.GOODBYE, b"")
        connection = self._connections[number]
        if end is End.RESET:
            self._resets.add(number)
            connection.reset(frame)
        elif end is End.SILENCE:
            connection.silence()
        else:
            connection.close()
        return False
