"""The calls of a server: their audio in an implementation's AudioProcessor, on its way to their recordings."""

from __future__ import annotations

import asyncio
import contextlib
from array import array
from collections import deque
from collections.abc import Callable
from itertools import count
from time import monotonic, monotonic_ns, time
from typing import Any

from ..protocol import AudioProcessor, Implementation, Ingested
from .decode_only import DecodedCalls
from .formats import Refused
from .parsers import INGEST
from .recorder import Recorder, Recording
from .sequence import Sequence
from .settings import JOURNAL_SECONDS, NEARLY_FULL, Settings, Stage

TICK_SECONDS = 0.02
"""Between turns of the journal: in each a part of the calls is written, so that no turn is long."""

MOST_STAMPS = 1 << 22
"""Stamps kept of a call: 23 hours at 50 messages a second. Messages without audio must not fill the memory."""

MOST_ID = 1024
"""Characters of a call's id. It is kept as long as the call, so it must not be as long as a message."""

RECENT = 100
"""Ended calls that /calls tells of."""


class Call:
    """An open call."""

    __slots__ = (
        "buffer", "bytes", "call_id", "chunks", "committed", "due", "encoding", "file", "handed", "ingests", "key",
        "left", "opened", "pieces", "rate", "refused", "sequence", "stamps",
    )  # fmt: skip

    def __init__(self, call_id: str, key: str, buffer: Any, file: Recording, *, ingests: bool, stamped: bool) -> None:
        self.call_id, self.key, self.buffer, self.file = call_id, key, buffer, file
        self.ingests = ingests
        """Whether the implementation may be given its messages whole."""
        self.encoding, self.rate = file.encoding, file.rate
        self.bytes = self.handed = self.committed = 0
        """Audio that the call holds, of that what went to its file, and of that what was committed."""
        self.chunks = self.refused = self.pieces = 0
        self.left = 0
        """Bytes of messages that the implementation may be given before the call is looked at again (see settle)."""
        self.sequence = Sequence()
        self.stamps: array[int] | None = array("q") if stamped else None
        self.opened = time()
        self.due = monotonic() + JOURNAL_SECONDS
        """When its audio goes to its file next."""

    def as_data(self) -> dict[str, Any]:
        """What is known of the call so far."""
        return {
            "call_id": self.call_id,
            "encoding": self.encoding,
            "rate": self.rate,
            "bytes": self.bytes,
            "chunks": self.chunks,
            "refused": self.refused,
            "sequence": self.sequence.as_data(),
            "opened": self.opened,
        }


class _Hidden:
    """The buffer of a call in a processor that gives out none: all of it is had by closing the call."""

    def __init__(self, processor: AudioProcessor, key: str) -> None:
        self._processor, self._key = processor, key

    def take(self) -> bytes:
        """Hand out what is held, and go on with nothing."""
        held = self._processor.close(self._key)
        self._processor.open(self._key)
        return held

    def view(self) -> memoryview:
        """What is held; the call holds nothing afterwards."""
        return memoryview(self.take())

    def clear(self) -> None:
        """Forget what is held."""
        self.take()


class Calls:
    """All calls of a server, its limits, and its counters. Used from one event loop."""

    def __init__(self, implementation: Implementation, settings: Settings, recorder: Recorder) -> None:
        self.settings, self.recorder = settings, recorder
        limits = settings.limits
        self.processor: Any = (
            DecodedCalls(implementation.decode)
            if settings.decode_only
            else implementation.AudioProcessor(
                capacity=settings.reserved, limit=limits.call_bytes, max_bytes=limits.total_bytes
            )
        )
        own = settings.parser == INGEST and settings.stage is Stage.BUFFER
        self.ingest: Callable[..., Ingested] | None = getattr(self.processor, "ingest", None) if own else None
        """Takes whole messages, if the implementation offers that and it is wanted."""
        self._decode = implementation.decode
        # Before the last stage everything is read and nothing is stored: that is what the stage leaves out.
        self._store = self.processor.append if settings.stage is Stage.BUFFER else _store_nothing
        self._loop = asyncio.get_running_loop()
        self.open_calls: dict[str, Call] = {}
        self.recent: deque[dict[str, Any]] = deque(maxlen=RECENT)
        self.messages = self.parsed = self.refused = self.others = self.refused_calls = self.ended_calls = self.held = 0
        self.full = False
        self._turn: deque[Call] = deque()
        self._serial = count(2)

    def open(self, call_id: str, form: str, encoding: str, rate: int, message: str | None) -> Call:
        """Start a call; Refused if its id is open anywhere or too long, or if there is no room.

        `message` is the one that starts it, if one does.
        """
        if len(call_id) > MOST_ID:
            raise Refused(f"start: an id has at most {MOST_ID} characters")
        if call_id in self.open_calls:
            raise Refused(f"start: call {call_id[:64]} is open already")
        if reason := self._no_room():
            self.refused_calls += 1
            raise Refused(f"start: {reason}")
        key = call_id
        try:
            # A call of the same name may still be on its way to its file.
            while key in self.processor:
                key = f"{call_id} {next(self._serial)}"
            buffer, ingests = self._buffer(key, form, message if key == call_id else "")
        except (MemoryError, ValueError) as error:
            # Those designs do not take every id either.
            self.refused_calls += 1
            raise Refused(f"start: {str(error) or 'there is no memory for another call'}") from None
        file = self.recorder.recording(call_id, encoding, rate, {"format": form})
        call = Call(call_id, key, buffer, file, ingests=ingests, stamped=self.settings.stamps)
        self.settle(call)
        self.open_calls[call_id] = call
        self._turn.append(call)
        return call

    def _buffer(self, key: str, form: str, message: str | None) -> tuple[Any, bool]:
        """A new buffer, and whether it takes whole messages: not where they name the call by another key, or where
        what its start says is not known to the implementation. A call without a start has nothing to say."""
        if self.ingest is None or message == "":
            # A design of the seed report keeps its buffers to itself.
            return self.processor.open(key) or _Hidden(self.processor, key), False
        if message is not None:
            # What is served here and not there, such as two tracks, is served here.
            with contextlib.suppress(ValueError):
                self.ingest(message, format=form, call_id=key)
            if key in self.processor:
                return self.processor[key], True
        return self.processor.open(key), message is None

    def _no_room(self) -> str:
        """Why no call is taken at the moment; new ones are refused before anything is taken from the open ones."""
        limits = self.settings.limits
        if len(self.open_calls) + self.recorder.unfinished >= limits.calls:
            return f"the server has its {limits.calls} calls"
        if self.held_now + self.recorder.pending_bytes >= NEARLY_FULL * limits.total_bytes:
            return "the server's memory for audio is nearly full"
        if self.recorder.failing:
            return f"recordings cannot be written ({self.recorder.last_fault})"
        return ""

    @property
    def held_now(self) -> int:
        """Bytes of audio in memory that were not handed to a file."""
        return self.held if self.ingest is None else int(self.processor.total_bytes)

    def settle(self, call: Call, held: int | None = None) -> None:
        """Take into account what the implementation did by itself; `held` is what a buffer held that is closed."""
        if not call.ingests:
            return
        chunks = call.buffer.chunk_count - call.chunks
        added = call.handed + (len(call.buffer) if held is None else held) - call.bytes
        call.chunks += chunks
        call.bytes += added
        self.messages += chunks
        self.held += added
        call.left = self.settings.limits.call_bytes - call.bytes
        if call.stamps is not None and call.chunks >= MOST_STAMPS:
            call.left = 0

    def settle_all(self) -> None:
        """The same for all open calls."""
        for call in self.open_calls.values():
            self.settle(call)

    def append(self, call: Call, payload: str) -> None:
        """Decode a chunk into the buffer of a call; what the processor raises, and Refused past a limit."""
        self.settle(call)
        if self.full:
            raise Refused(f"the server holds its {self.settings.limits.total_bytes} bytes of audio")
        # Text is longer than what it stands for, so this seldom has to be looked at closely.
        if call.bytes + len(payload) > self.settings.limits.call_bytes:
            self._check_room(call, payload)
        added = self._store(call.key, payload)
        if call.stamps is not None and call.chunks < MOST_STAMPS:
            call.stamps.append(monotonic_ns())
        call.chunks += 1
        call.bytes += added
        self.held += added

    def _check_room(self, call: Call, payload: str) -> None:
        """Hold a chunk against the cap of a call: its buffer knows only what was not handed to the file."""
        limit = self.settings.limits.call_bytes
        if call.bytes + len(self._decode(payload)) > limit:
            raise Refused(f"the call holds its {limit} bytes of audio")

    def commit(self, call: Call) -> str:
        """Hand what a call holds to its file for good; Refused if nothing came since the last time."""
        self.settle(call)
        if call.bytes == call.committed and self.settings.stage is Stage.BUFFER:
            raise Refused("input_audio_buffer.commit: the buffer is empty")
        if audio := self._taken(call):
            self.recorder.write([(call.file, audio)])
        call.committed = call.handed
        call.pieces += 1
        return f"{call.call_id}-{call.pieces}"

    def clear(self, call: Call) -> None:
        """Take back what came since the last commit."""
        self.settle(call)
        call.buffer.clear()
        self.held -= call.bytes - call.handed
        if call.handed > call.committed:
            self.recorder.cut(call.file, call.committed)
        call.bytes = call.handed = call.committed

    def end(self, call: Call, why: str, done: Callable[[dict[str, Any]], None], audio: bytes | None = None) -> None:
        """End a call; `done` gets its note once the recording is written.

        `audio` is what the processor handed out, if it has closed the call already.
        """
        self.settle(call, None if audio is None else len(audio))
        del self.open_calls[call.call_id]
        self.ended_calls += 1
        note = call.as_data() | {"ended": why, "closed": time()}
        rest = call.bytes - call.handed
        view = memoryview(audio) if audio is not None else call.buffer.view() if rest else memoryview(b"")
        self.held -= rest

        def written(name: str) -> None:
            self._loop.call_soon_threadsafe(self._forget, call, view, note | {"file": name}, done, audio is None)

        stamps = call.stamps.tobytes() if call.stamps is not None else None
        if self.settings.stage is Stage.BUFFER:
            self.recorder.finish(call.file, view, note, stamps, written)
        else:
            self._forget(call, view, note, done, audio is None)

    def _forget(
        self, call: Call, view: memoryview, note: dict[str, Any], done: Callable[[dict[str, Any]], None], held: bool
    ) -> None:
        view.release()
        if held:
            # The designs of the seed report know no other way to let go of a call.
            (getattr(self.processor, "discard", None) or self.processor.close)(call.key)
        self.recent.append(note)
        if "file" in note:
            done(note)

    def _taken(self, call: Call) -> bytes:
        """What a call holds, on its way to its file."""
        self.settle(call)
        audio: bytes = call.buffer.take()
        self.held -= len(audio)
        call.handed += len(audio)
        return audio

    async def run(self) -> None:
        """Keep the journal and the state of the memory, until cancelled."""
        limits = self.settings.limits
        while True:
            await asyncio.sleep(TICK_SECONDS)
            pending = self.recorder.pending_bytes
            self.full = self.held_now + pending >= limits.total_bytes
            # While the disk does not keep up, audio stays where it is bounded and cheap.
            if self.settings.journal and pending < limits.total_bytes / 2:
                self._journal()

    def _journal(self) -> None:
        """Hand the audio of those calls to their files whose turn it is: at most an even share of all."""
        now, taken = monotonic(), list[tuple[Recording, bytes]]()
        for _ in range(int(len(self._turn) * 1.25 * TICK_SECONDS / JOURNAL_SECONDS) + 1):
            if not self._turn or self._turn[0].due > now:
                break
            call = self._turn.popleft()
            if self.open_calls.get(call.call_id) is call:
                # What cannot be copied for want of memory stays where it is until the next turn.
                with contextlib.suppress(MemoryError):
                    if audio := self._taken(call):
                        taken.append((call.file, audio))
                call.due = now + JOURNAL_SECONDS
                self._turn.append(call)
        self.recorder.write(taken)


def _store_nothing(_key: str, _payload: str) -> int:
    return 0
