"""Many connections of one process to one server: opens them, sends over them in time or at once, hears what comes back.

What is sent is for those to say who are built on this: audio that is made up (Traffic), or traffic of a file (Replay).
"""

from __future__ import annotations

import gc
import json
import resource
import select
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ..errors import LabError
from .connections import Connection, Send, State, refuse
from .expected import Expected
from .frames import Mask
from .messages import Reply, Wire
from .tape import Tape
from .taped import TapedConnection

IN_FLIGHT = 128
"""Connections that are being opened at a time: fewer than a server's backlog."""

CONNECT_SECONDS = 30.0
ANSWER_SECONDS = 20.0
CLOSE_SECONDS = 5.0
LISTEN_NS = 4_000_000
"""Between looks at what servers send, while messages are due."""

LONGEST_IDLE_NS = 100_000_000
"""Longest wait without a look at whether to stop."""

PROGRESS_SECONDS = 2.0
"""Between lines of progress."""

MOST_ERRORS = 20
"""Error replies that are kept."""

Turn = tuple[int, int, bytes | None]
"""When something is due (nanoseconds of the monotonic clock), on which connection, and its frame.

Without a frame it is something other than a message to be sent: whoever made the turn knows what.
"""

Special = Callable[[int], bool]
"""Does what a turn without a frame is about, on a connection; whether that was sending a message."""


@dataclass
class Sent:
    """What was sent in one go, and how well the caller kept its own time."""

    messages: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    late_ns: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    """By how much each message was sent after it was due; empty for a flood."""

    def late_ms(self, percentile: float) -> float:
        """Percentile of the caller's own lateness, in milliseconds; 0 if nothing was due at a time."""
        return float(np.percentile(self.late_ns, percentile)) / 1e6 if len(self.late_ns) else 0.0

    @property
    def cpu_share(self) -> float:
        """Share of one core that the caller used."""
        return self.cpu_seconds / self.seconds if self.seconds else 0.0


class Watch:
    """Times one go of sending."""

    def __init__(self) -> None:
        # A collection over thousands of connections would be taken for the server's lag.
        gc.collect()
        gc.freeze()
        self.started, self._cpu = time.monotonic_ns(), time.thread_time_ns()

    def sent(self, messages: int, late: list[int]) -> Sent:
        """What that go sent; `late` in nanoseconds."""
        seconds = (time.monotonic_ns() - self.started) / 1e9
        return Sent(messages, seconds, (time.thread_time_ns() - self._cpu) / 1e9, np.array(late, dtype=np.int64))


class Switchboard(ABC):
    """Connections that speak one wire format to a server, by their numbers."""

    def __init__(self, host: str, port: int, wire: Wire, names: list[str], mask: Mask, tape: Tape | None) -> None:
        """`names`: what each connection is called in what is said about it; `mask` made all frames; `tape`, if there is
        one, gets what is sent."""
        self.host, self.port, self.wire, self.names, self.mask = host, port, wire, names, mask
        self.errors: list[str] = []
        self.error_count = 0
        self.lost: dict[str, str] = {}
        """Why connections were lost, by their names."""
        self.taken = [0] * len(names)
        """Turns that each connection took: sent, or left out on purpose."""
        self.stopping = False
        """Set it to end what is being sent within a tenth of a second, between two messages."""
        self._tape = tape
        self._connections: list[Connection] = []
        self._sends: list[Send] = [refuse] * len(names)
        self._waiting: set[int] = set()
        self._started = self._stopped = self._opened = 0
        self._poll = select.epoll()
        self._by_file: dict[int, Connection] = {}

    @property
    @abstractmethod
    def chunk_ms(self) -> float:
        """Duration of a chunk, in milliseconds."""

    @property
    @abstractmethod
    def format_name(self) -> str:
        """What is played, for the outcome."""

    @abstractmethod
    def connect(self) -> None:
        """Open all connections; LabError with the reason if one cannot be opened."""

    @abstractmethod
    def play(self, seconds: float) -> Sent:
        """Send the next so many seconds in real time."""

    @abstractmethod
    def finish(self) -> None:
        """End whatever is open, and wait for the server's word."""

    @abstractmethod
    def expected(self) -> Iterator[Expected]:
        """What the server should have stored of what was sent, call by call."""

    # What connections tell (see connections.Owner).

    def watch(self, connection: Connection, events: int) -> None:
        """See Owner."""
        file = connection.sock.fileno()
        if file in self._by_file:
            self._poll.modify(file, events)
        else:
            self._by_file[file] = connection
            self._poll.register(file, events)

    def forget(self, connection: Connection) -> None:
        """See Owner."""
        file = connection.sock.fileno()
        if self._by_file.pop(file, None) is not None:
            self._poll.unregister(file)

    def sends_by(self, connection: Connection, send: Send) -> None:
        """See Owner."""
        self._sends[connection.number] = send

    def waits(self, connection: Connection, *, waiting: bool) -> None:
        """See Owner."""
        (self._waiting.add if waiting else self._waiting.discard)(connection.number)

    def opened(self, connection: Connection) -> None:
        """See Owner."""
        self._opened += 1

    def heard(self, connection: Connection, text: str) -> None:
        """See Owner."""
        try:
            kind, reason = self.wire.reply(json.loads(text))
        except (ValueError, AttributeError):
            kind, reason = Reply.ERROR, f"an answer that is no JSON object: {text[:80]}"
        self._started += kind is Reply.STARTED
        self._stopped += kind is Reply.STOPPED
        if kind is Reply.ERROR:
            self.error_count += 1
            if len(self.errors) < MOST_ERRORS:
                self.errors.append(reason)

    def ended(self, connection: Connection, reason: str) -> None:
        """See Owner."""
        if reason:
            self.lost[self.names[connection.number]] = reason

    # For those who are built on this.

    def _open(self, paths: list[str], order: Iterable[int] | None = None) -> None:
        """Open a connection for each path, in an order if one is given; LabError if one cannot be opened."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        try:
            family, _, _, _, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
        except (OSError, OverflowError) as error:
            raise LabError(f"cannot find {self.host}:{self.port}: {error}") from None
        make: Callable[..., Connection] = Connection
        if self._tape is not None:
            self._tape.head(self.wire.name, len(paths))
            make = partial(TapedConnection, self._tape, self.mask)
        deadline = time.monotonic() + CONNECT_SECONDS
        self._connections = [make(number, path, self.host, self.port, self) for number, path in enumerate(paths)]
        for begun, number in enumerate(order or range(len(paths))):
            while begun - self._opened >= IN_FLIGHT:
                self._connecting(deadline)
            connection = self._connections[number]
            if reason := connection.connect((int(family), address)):  # type: ignore[arg-type]
                raise LabError(f"cannot connect to {self.host}:{self.port}: {reason}")
        while self._opened < len(paths):
            self._connecting(deadline)

    def _in_time(self, turns: Iterable[Turn], special: Special, late: list[int]) -> None:
        """Do each turn when it is due; adds to `late` by how many nanoseconds each message was."""
        now_ns, sends, connections, taken = time.monotonic_ns, self._sends, self._connections, self.taken
        heard = now_ns()
        for when, number, data in turns:
            now = now_ns()
            while now < when:
                if self.stopping:
                    return
                self._idle(when - now)
                now = heard = now_ns()
            if now - heard > LISTEN_NS:
                self._listen(0)
                heard = now
                if self.stopping:
                    return
            if data is None:
                if special(number):
                    late.append(now_ns() - when)
                continue
            try:
                count = sends[number](data)
            except BlockingIOError:
                count = 0
            except OSError as error:
                connections[number].lose(error)
                continue
            if count < 0:
                continue
            if count < len(data):
                connections[number].keep(data[count:])
            taken[number] += 1
            late.append(now - when)

    def _at_once(self, turns: Iterable[Turn], special: Special) -> int:
        """Do the turns as fast as the server takes them; how many messages that were."""
        messages = 0
        for _, number, data in turns:
            # Whoever has not taken the last one waits for the others; so no backlog grows here.
            while number in self._waiting and self._connections[number].state is State.OPEN:
                if self.stopping:
                    return messages
                self._listen(0.01)
            messages += special(number) if data is None else self._put(number, data)
        return messages

    def _put(self, number: int, data: bytes) -> bool:
        """Send one frame as a turn of its connection; whether that took it."""
        if not self._connections[number].write(data):
            return False
        self.taken[number] += 1
        return True

    def _drain(self) -> None:
        """Wait until the server took what was sent."""
        self._until(lambda: not self._waiting, ANSWER_SECONDS)

    def _hang_up(self, seconds: float) -> None:
        """Say goodbye on all connections, and wait at most so long for the server's."""
        for connection in self._connections:
            connection.close()
        self._until(lambda: all(one.state is State.GONE for one in self._connections), seconds)
        for connection in self._connections:
            connection.give_up("")
        self._poll.close()

    def _idle(self, ns: int) -> None:
        """Wait for at most so long, listening meanwhile; short waits are slept off exactly."""
        if ns > 2_000_000:
            self._listen(min(ns - 1_000_000, LONGEST_IDLE_NS) / 1e9)
        else:
            time.sleep(ns / 1e9)

    def _listen(self, seconds: float) -> None:
        for file, events in self._poll.poll(seconds):
            if connection := self._by_file.get(file):
                connection.on_events(events)

    def _connecting(self, deadline: float) -> None:
        self._listen(0.05)
        if self.lost:
            raise LabError(f"cannot connect to {self.host}:{self.port}: {next(iter(self.lost.values()))}")
        if time.monotonic() > deadline:
            raise LabError(f"{self.host}:{self.port} took {self._opened} of {len(self.names)} connections in time")

    def _until(self, done: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            self._listen(0.0 if done() else min(0.02, max(0.0, deadline - time.monotonic())))
            if done() or time.monotonic() >= deadline:
                return

    def _alive(self) -> int:
        return sum(connection.state is State.OPEN for connection in self._connections)
