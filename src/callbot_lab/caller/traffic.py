"""The calls of a caller: many connections, one message of each in every period of a chunk, from one core."""

from __future__ import annotations

import gc
import json
import random
import resource
import select
import socket
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import LabError
from ..workload import Format, Recording, cut
from .connections import Connection, Send, State, refuse
from .faults import Fault, Plan
from .frames import Mask
from .messages import Reply, wire_of

IN_FLIGHT = 128
"""Connections that are being opened at a time: fewer than a server's backlog."""

CONNECT_SECONDS = 30.0
ANSWER_SECONDS = 20.0
CLOSE_SECONDS = 5.0
LISTEN_NS = 4_000_000
"""Between looks at what servers send, while messages are due."""

_STORED = {Fault.MALFORMED: 0, Fault.DROP: 0, Fault.DUPLICATE: 2}
"""How often the audio of a message is stored that was tampered with."""

MOST_ERRORS = 20
"""Error replies that are kept."""


@dataclass
class Sent:
    """What a play or a flood sent, and how well the caller kept its own time."""

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


class Call:
    """One call: where in the recording it starts, and what was done out of the ordinary."""

    __slots__ = ("after", "before", "broken", "call_id", "first", "odd", "slots")

    def __init__(self, call_id: str, first: int) -> None:
        self.call_id, self.first = call_id, first
        self.slots = 0
        self.odd: dict[int, Fault] = {}
        self.broken: Fault | None = None
        self.before: bytes
        self.after: list[bytes]


class Traffic:
    """Calls of one format to one server.

    `connect` opens them, `play` and `flood` send their audio, each time from where they were, `finish` ends them. Every
    call has its own place in the recording and its own phase within the period, both drawn from the seed. LabError if
    the recording is shorter than a chunk or no server speaks the format.
    """

    def __init__(
        self,
        host: str,
        port: int,
        form: Format,
        *,
        calls: int,
        recording: Recording,
        seed: int = 0,
        plan: Plan | None = None,
        answers: bool = True,
    ) -> None:
        """`answers`: whether the server is expected to answer starts and stops, as one that parses does."""
        if calls < 1:
            raise LabError(f"{calls} calls make no traffic")
        self.host, self.port, self.form = host, port, form
        self.wire = wire_of(form)
        self.workload = cut(recording, form)
        self.plan = plan or Plan({}, seed)
        if self.plan.jitter_ms > form.milliseconds:
            raise LabError(f"a jitter of more than a chunk ({form.milliseconds:g} ms) would mix up messages")
        self.period_ns = round(form.milliseconds * 1e6)
        draw = random.Random(f"traffic-{seed}")
        # What servers store is named by the call, and two runs may go to one server.
        run = random.SystemRandom().randbytes(12).hex()
        self.mask = Mask(draw.randbytes(4))
        self.calls = [Call(self.wire.call_id(run, k), draw.randrange(len(self.workload.texts))) for k in range(calls)]
        self.phases = np.array([draw.randrange(self.period_ns) for _ in range(calls)], dtype=np.int64)
        self.breaks = self.plan.of_calls(calls)
        self.slot = 0
        self.due: list[np.ndarray] = []
        """When the message of every call was due, by slot, in nanoseconds of the monotonic clock; 0 in a flood."""
        self.errors: list[str] = []
        self.error_count = 0
        self.lost: dict[str, str] = {}
        self._expects_answers = answers and self.wire.answers
        self._connections: list[Connection] = []
        self._sends: list[Send] = [refuse] * calls
        self._waiting: set[int] = set()
        self._started = self._stopped = self._opened = 0
        self._finishing = False
        self._poll = select.epoll()
        self._by_file: dict[int, Connection] = {}
        self._texts = [text.encode("ascii") for text in self.workload.texts]
        self._masked: dict[int, list[bytes]] = {}
        for call in self.calls:
            call.before = self.mask.masked(self.wire.before(call.call_id).encode(), 0)
            after = self.wire.after(call.call_id, form).encode()
            call.after = [self.mask.masked(after, place) for place in range(4)]

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
            self.lost[self.calls[connection.number].call_id] = reason

    # What the caller does.

    def connect(self) -> None:
        """Open all connections and start their calls; LabError with the reason if one cannot be opened."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        try:
            family, _, _, _, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
        except (OSError, OverflowError) as error:
            raise LabError(f"cannot find {self.host}:{self.port}: {error}") from None
        deadline = time.monotonic() + CONNECT_SECONDS
        for number, call in enumerate(self.calls):
            while number - self._opened >= IN_FLIGHT:
                self._connecting(deadline)
            connection = Connection(number, self.wire.path(call.call_id), self.host, self.port, self)
            self._connections.append(connection)
            if reason := connection.connect((int(family), address)):  # type: ignore[arg-type]
                raise LabError(f"cannot connect to {self.host}:{self.port}: {reason}")
        while self._opened < len(self.calls):
            self._connecting(deadline)
        for call, connection in zip(self.calls, self._connections, strict=True):
            for message in self.wire.opening(call.call_id, self.form):
                connection.write(self.mask.frame(message))
        if self._expects_answers:
            wanted = len(self.calls)
            self._until(lambda: self._started + self.error_count >= wanted or bool(self.lost), ANSWER_SECONDS)
            if self._started < wanted:
                why = next(iter(self.errors), None) or next(iter(self.lost.values()), "no answer")
                raise LabError(f"the server started {self._started} of {wanted} calls: {why}")

    def play(self, seconds: float) -> Sent:
        """Send audio in real time for so many seconds: a whole number of chunks of every call, at least one."""
        # A collection over thousands of connections would be taken for the server's lag.
        gc.collect()
        gc.freeze()
        count = max(1, round(seconds * 1e9 / self.period_ns))
        late: list[int] = []
        started, cpu = time.monotonic_ns(), time.thread_time_ns()
        begin = started + 2_000_000
        jitter = np.random.default_rng(random.Random(f"jitter-{self.plan.seed}").getrandbits(64))
        steady = np.argsort(self.phases, kind="stable").tolist()
        for index in range(count):
            due, order = begin + index * self.period_ns + self.phases, steady
            if self.plan.jitter_ms:
                # Never past the next message of the same call.
                room = max(0, self.period_ns - 1)
                due = due + jitter.integers(0, min(int(self.plan.jitter_ms * 1e6), room) + 1, len(due))
                order = np.argsort(due, kind="stable").tolist()
            self._play_slot(due.tolist(), order, late)
            self.due.append(due)
        self._listen(0)
        ended = time.monotonic_ns()
        return Sent(len(late), (ended - started) / 1e9, (time.thread_time_ns() - cpu) / 1e9, np.array(late))

    def flood(self, chunks: int) -> Sent:
        """Send so many chunks of every call as fast as the server takes them."""
        started, cpu, messages = time.monotonic_ns(), time.thread_time_ns(), 0
        for _ in range(chunks):
            frame = self._framer()
            for number in range(len(self.calls)):
                # Whoever has not taken the last one waits for the others; so no backlog grows here.
                while number in self._waiting and self._connections[number].state is State.OPEN:
                    self._listen(0.01)
                messages += self._put(number, frame(number))
            self.due.append(np.zeros(len(self.calls), dtype=np.int64))
            self.slot += 1
            self._listen(0)
        self._until(lambda: not self._waiting, ANSWER_SECONDS)
        ended = time.monotonic_ns()
        return Sent(messages, (ended - started) / 1e9, (time.thread_time_ns() - cpu) / 1e9)

    def finish(self) -> None:
        """End all calls: say so, wait for the server's word, and close."""
        if self._finishing:
            return
        self._finishing = True
        for call, connection in zip(self.calls, self._connections, strict=False):
            for message in self.wire.closing(call.call_id, call.slots):
                connection.write(self.mask.frame(message))
        if self._expects_answers:
            self._until(lambda: self._stopped >= self._alive(), ANSWER_SECONDS)
        for connection in self._connections:
            connection.close()
        self._until(lambda: all(one.state is State.GONE for one in self._connections), CLOSE_SECONDS)
        for connection in self._connections:
            connection.give_up("")
        self._poll.close()

    def expected(self, call: Call) -> list[tuple[int, int]]:
        """The chunks of a call that a server should have stored, in order: (slot, place in the recording)."""
        size, found = len(self.workload.pcm), []
        for slot in range(call.slots):
            found += [(slot, (call.first + slot) % size)] * (_STORED[call.odd[slot]] if slot in call.odd else 1)
        return found

    # How it is done.

    def _play_slot(self, due: list[int], order: list[int], late: list[int]) -> None:
        frame, now_ns, sends = self._framer(), time.monotonic_ns, self._sends
        odd = self.plan.of_messages(self.slot, len(self.calls))
        heard = now_ns()
        for number in order:
            when = due[number]
            now = now_ns()
            while now < when:
                self._idle(when - now)
                now = heard = now_ns()
            if now - heard > LISTEN_NS:
                self._listen(0)
                heard = now
            if number in odd or number in self.breaks:
                if self._tamper(number, odd.get(number), frame):
                    late.append(now_ns() - when)
                continue
            data = frame(number)
            try:
                count = sends[number](data)
            except BlockingIOError:
                count = 0
            except OSError as error:
                self._connections[number].lose(error)
                continue
            if count < 0:
                continue
            if count < len(data):
                self._connections[number].keep(data[count:])
            self.calls[number].slots = self.slot + 1
            late.append(now - when)
        self.slot += 1

    def _put(self, number: int, data: bytes) -> bool:
        """Send one frame of a call's slot; whether its connection took it."""
        if not self._connections[number].write(data):
            return False
        self.calls[number].slots = self.slot + 1
        return True

    def _tamper(self, number: int, fault: Fault | None, frame: Any) -> bool:
        """Send what a plan has for a call in this slot; whether anything was sent."""
        call, connection = self.calls[number], self._connections[number]
        slot, way = self.breaks.get(number, (-1, None))
        if call.broken or connection.state is not State.OPEN:
            return False
        if slot == self.slot and way is not None:
            call.broken = way
            if way is Fault.HALF_OPEN:
                connection.silence()
            else:
                data = frame(number)
                connection.reset(data[: len(data) // 2])
            return False
        if fault is None:
            return self._put(number, frame(number))
        call.odd[self.slot] = fault
        call.slots = self.slot + 1
        if fault is Fault.DROP:
            return False
        if fault is Fault.DUPLICATE:
            self._put(number, frame(number))
            return self._put(number, frame(number))
        return self._put(number, self.mask.frame(self._malformed(call)))

    def _malformed(self, call: Call) -> str:
        wire, text = self.wire, self.workload.texts[0]
        before = wire.before(call.call_id) + wire.counted(self.slot, self.form)
        after = wire.after(call.call_id, self.form)
        found = (
            "this is no JSON",
            f"{before}{text}{after}"[:-1],
            wire.shapeless(call.call_id, self.slot),
            f"{before}{text[:-1]}{after}",
            f"{before}{text[:4]}\u00e9{text[5:]}{after}",
        )
        return found[(self.slot + call.first) % len(found)]

    def _framer(self) -> Any:
        """A function from a call's number to its frame in the present slot: parts that are masked already."""
        counted = self.wire.counted(self.slot, self.form).encode()
        start = len(self.calls[0].before)
        place = (start + len(counted)) % 4
        if place not in self._masked:
            self._masked[place] = self.mask.all_masked(self._texts, place)
        texts, size = self._masked[place], len(self._texts)
        payload = len(self._texts[0])
        turn = (place + payload) % 4
        head = self.mask.header(start + len(counted) + payload + len(self.calls[0].after[0]))
        masked, calls, slot, join = self.mask.masked(counted, start), self.calls, self.slot, b"".join

        def frame(number: int) -> bytes:
            call = calls[number]
            return join((head, call.before, masked, texts[(call.first + slot) % size], call.after[turn]))

        return frame

    def _idle(self, ns: int) -> None:
        """Wait for at most so long, listening meanwhile; short waits are slept off exactly."""
        if ns > 2_000_000:
            self._listen((ns - 1_000_000) / 1e9)
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
            raise LabError(f"{self.host}:{self.port} took {self._opened} of {len(self.calls)} connections in time")

    def _until(self, done: Any, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            self._listen(0.0 if done() else min(0.02, max(0.0, deadline - time.monotonic())))
            if done() or time.monotonic() >= deadline:
                return

    def _alive(self) -> int:
        return sum(connection.state is State.OPEN for connection in self._connections)
