"""The calls of a caller: many connections, one message of each in every period of a chunk, from one core."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import repeat

import numpy as np

from ..errors import LabError
from ..workload import Format, Recording, cut
from .connections import State
from .expected import Expected
from .faults import Fault, Plan
from .frames import Mask
from .messages import wire_of
from .switchboard import ANSWER_SECONDS, CLOSE_SECONDS, Sent, Special, Switchboard, Turn, Watch
from .tape import Tape

_STORED = {Fault.MALFORMED: 0, Fault.DROP: 0, Fault.DUPLICATE: 2}
"""How often the audio of a message is stored that was tampered with."""


class Call:
    """One call: where in the recording it starts, and what was done out of the ordinary."""

    __slots__ = ("broken", "call_id", "first", "odd")

    def __init__(self, call_id: str, first: int) -> None:
        self.call_id, self.first = call_id, first
        self.odd: dict[int, Fault] = {}
        self.broken: Fault | None = None


class Traffic(Switchboard):
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
        tape: Tape | None = None,
    ) -> None:
        """`answers`: whether the server is expected to answer starts and stops, as one that parses does. `tape` gets
        what is sent."""
        if calls < 1:
            raise LabError(f"{calls} calls make no traffic")
        self.form, wire = form, wire_of(form)
        self.workload = cut(recording, form)
        self.plan = plan or Plan({}, seed)
        if self.plan.jitter_ms > form.milliseconds:
            raise LabError(f"a jitter of more than a chunk ({form.milliseconds:g} ms) would mix up messages")
        self.period_ns = round(form.milliseconds * 1e6)
        draw = random.Random(f"traffic-{seed}")
        # What servers store is named by the call, and two runs may go to one server.
        run = random.SystemRandom().randbytes(12).hex()
        mask = Mask(draw.randbytes(4))
        self.calls = [Call(wire.call_id(run, k), draw.randrange(len(self.workload.texts))) for k in range(calls)]
        super().__init__(host, port, wire, [call.call_id for call in self.calls], mask, tape)
        # In the order of their phases, calls lie in memory in the order in which they are due: the caller goes through
        # them from end to end. To the server they come in an order of their own (see connect).
        self.phases = np.array(sorted(draw.randrange(self.period_ns) for _ in range(calls)), dtype=np.int64)
        self._order = draw.sample(range(calls), calls)
        self.breaks = self.plan.of_calls(calls)
        self.slot = 0
        self.due: list[np.ndarray] = []
        """When the message of every call was due, by slot, in nanoseconds of the monotonic clock; 0 in a flood."""
        self._expects_answers = answers and wire.answers
        self._finishing = False
        self._texts = [text.encode("ascii") for text in self.workload.texts]
        self._masked: dict[int, list[bytes]] = {}
        self._first = np.array([call.first for call in self.calls])
        self._before = [self.mask.masked(wire.before(call.call_id).encode(), 0) for call in self.calls]
        after = [wire.after(call.call_id, form).encode() for call in self.calls]
        self._after = [self.mask.all_masked(after, place) for place in range(4)]

    @property
    def chunk_ms(self) -> float:
        """See Switchboard."""
        return self.form.milliseconds

    @property
    def format_name(self) -> str:
        """See Switchboard."""
        return self.form.name

    def connect(self) -> None:
        """Open all connections and start their calls; LabError with the reason if one cannot be opened."""
        self._open([self.wire.path(call.call_id) for call in self.calls], self._order)
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
        count = max(1, round(seconds * 1e9 / self.period_ns))
        late: list[int] = []
        watch = Watch()
        begin = watch.started + 2_000_000
        jitter = np.random.default_rng(random.Random(f"jitter-{self.plan.seed}").getrandbits(64))
        steady = np.argsort(self.phases, kind="stable").tolist()
        for index in range(count):
            due, order = begin + index * self.period_ns + self.phases, steady
            if self.plan.jitter_ms:
                # Never past the next message of the same call.
                room = max(0, self.period_ns - 1)
                due = due + jitter.integers(0, min(int(self.plan.jitter_ms * 1e6), room) + 1, len(due))
                order = np.argsort(due, kind="stable").tolist()
            self._in_time(*self._slot(due, order), late)
            if self.stopping:
                break
        self._listen(0)
        return watch.sent(len(late), late)

    def flood(self, chunks: int) -> Sent:
        """Send so many chunks of every call as fast as the server takes them."""
        watch, messages = Watch(), 0
        undated, order = np.zeros(len(self.calls), dtype=np.int64), list(range(len(self.calls)))
        for _ in range(chunks):
            messages += self._at_once(*self._slot(undated, order))
            self._listen(0)
            if self.stopping:
                break
        self._drain()
        return watch.sent(messages, [])

    def finish(self) -> None:
        """End all calls: say so, wait for the server's word, and close."""
        if self._finishing:
            return
        self._finishing = True
        for call, connection, slots in zip(self.calls, self._connections, self.taken, strict=False):
            for message in self.wire.closing(call.call_id, slots):
                connection.write(self.mask.frame(message))
        if self._expects_answers:
            self._until(lambda: self._stopped >= self._alive(), ANSWER_SECONDS)
        self._hang_up(CLOSE_SECONDS)

    def expected(self) -> Iterator[Expected]:
        """See Switchboard."""
        pcm, size = self.workload.pcm, len(self.workload.pcm)
        for number, call in enumerate(self.calls):
            made = Expected(call.call_id, self.form.encoding, self.form.rate, reset=call.broken is Fault.RESET)
            for slot in range(self.taken[number]):
                for _ in range(_STORED[call.odd[slot]] if slot in call.odd else 1):
                    made.audio += pcm[(call.first + slot) % size]
                    made.due.append(int(self.due[slot][number]))
            yield made

    # How it is done.

    def _slot(self, due: np.ndarray, order: list[int]) -> tuple[Iterable[Turn], Special]:
        """The turns of the next slot, one for each call; those that are tampered with have no frame."""
        slot = self.slot
        self.due.append(due)
        self.slot += 1
        odd = self.plan.of_messages(slot, len(self.calls))
        special = odd.keys() | self.breaks.keys()
        frames: Iterable[bytes | None] = self._frames(slot, order)
        if special:
            frames = (None if number in special else data for number, data in zip(order, frames, strict=True))
        # All of this runs in C, and only as far as it is asked for: a frame is made just before it is due.
        turns = zip(due[order].tolist(), order, frames, strict=True)
        return turns, lambda number: self._tamper(number, slot, odd.get(number))

    def _tamper(self, number: int, slot: int, fault: Fault | None) -> bool:
        """Send what a plan has for a call in this slot; whether anything was sent."""
        call, connection = self.calls[number], self._connections[number]
        last, way = self.breaks.get(number, (-1, None))
        if call.broken or connection.state is not State.OPEN:
            return False
        frame = next(self._frames(slot, [number]))
        if slot == last and way is not None:
            call.broken = way
            if way is Fault.HALF_OPEN:
                connection.silence()
            else:
                connection.reset(frame)
            return False
        if fault is None:
            return self._put(number, frame)
        call.odd[slot] = fault
        if fault is Fault.MALFORMED:
            return self._put(number, self.mask.frame(self._malformed(call, slot)))
        if fault is Fault.DUPLICATE:
            connection.write(frame)
            return self._put(number, frame)
        self.taken[number] += 1
        return False

    def _malformed(self, call: Call, slot: int) -> str:
        wire, text = self.wire, self.workload.texts[0]
        before = wire.before(call.call_id) + wire.counted(slot, self.form)
        after = wire.after(call.call_id, self.form)
        found = (
            "this is no JSON",
            f"{before}{text}{after}"[:-1],
            wire.shapeless(call.call_id, slot),
            f"{before}{text[:-1]}{after}",
            f"{before}{text[:4]}\u00e9{text[5:]}{after}",
        )
        return found[(slot + call.first) % len(found)]

    def _frames(self, slot: int, numbers: list[int]) -> Iterator[bytes]:
        """The frames of calls in a slot: parts that are masked already."""
        counted = self.wire.counted(slot, self.form).encode()
        start = len(self._before[0])
        place = (start + len(counted)) % 4
        if place not in self._masked:
            self._masked[place] = self.mask.all_masked(self._texts, place)
        texts, payload = self._masked[place], len(self._texts[0])
        after = self._after[(place + payload) % 4]
        head = self.mask.header(start + len(counted) + payload + len(after[0]))
        parts = zip(
            repeat(head),
            map(self._before.__getitem__, numbers),
            repeat(self.mask.masked(counted, start)),
            map(texts.__getitem__, ((self._first[numbers] + slot) % len(texts)).tolist()),
            map(after.__getitem__, numbers),
            strict=False,
        )
        return map(b"".join, parts)
