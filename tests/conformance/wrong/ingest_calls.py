"""Faults of what the state of a call forbids, of what a call remembers, and of what a refusal leaves behind."""

# ruff: noqa: N801
from __future__ import annotations

import binascii
import contextlib
import time
from typing import Any

from ..oracle_json import Node
from ..reference import AudioBuffer, AudioProcessor
from ..reference_formats import Message, Refused, Sound
from .processors import Unlocked
from .table import wrong


@wrong("ingest_calls")
class openai_finds_a_call_for_itself(AudioProcessor):
    def called(self, said: Message) -> Any:
        return super().called(said) if said.call_id is not None else next(iter(self.calls.values()))


@wrong("ingest_calls", "ingest_failures")
class unknown_calls_are_opened_by_audio(AudioProcessor):
    def called(self, said: Message) -> Any:
        if said.call_id is not None and said.call_id not in self:
            self.open(said.call_id)
        return super().called(said)


@wrong("ingest_calls", "ingest_failures")
class start_opens_anew_what_is_open(AudioProcessor):
    def opened(self, said: Message) -> Any:
        if said.call_id in self.calls:
            self.discard(str(said.call_id))
        return super().opened(said)


@wrong("ingest_calls", "ingest_failures")
class start_knows_no_max_calls(AudioProcessor):
    def opened(self, said: Message) -> Any:
        bound, self.max_calls = self.max_calls, None
        try:
            return super().opened(said)
        finally:
            self.max_calls = bound


@wrong("ingest_calls")
class want_of_memory_is_an_overflow(AudioProcessor):
    def opened(self, said: Message) -> Any:
        try:
            return super().opened(said)
        except MemoryError:
            raise OverflowError("too big") from None


@wrong("ingest_calls")
class messages_know_no_bounds(AudioProcessor):
    def appended(self, said: Message) -> Any:
        buffer = self.called(said)
        bounds = (buffer.limit, self.max_bytes)
        buffer.limit = self.max_bytes = None
        try:
            return super().appended(said)
        finally:
            buffer.limit, self.max_bytes = bounds


@wrong("ingest_calls")
class stop_frees_nothing(AudioProcessor):
    stopped = 0

    @property
    def total_bytes(self) -> int:
        """Bytes held, also by calls that a message closed."""
        return self.stopped + sum(len(buffer.data) for buffer in self.calls.values())

    def closed(self, said: Message) -> Any:
        result = super().closed(said)
        self.stopped += result.bytes
        return result


@wrong("ingest_calls", "ingest_failures")
class messages_see_no_view(AudioProcessor):
    def do(self, said: Message) -> Any:
        buffer = self.calls.get(said.call_id or "")
        if buffer is not None:
            buffer.data = bytearray(buffer.data)
        return super().do(said)


@wrong("ingest_calls")
class other_events_mind_a_view(AudioProcessor):
    def other(self, said: Message) -> Any:
        if said.call_id is not None and said.call_id in self:
            self[said.call_id].check()
        return super().other(said)


@wrong("ingest_calls", "ingest_failures", "ingest_fuzz")
class audio_is_not_compared(AudioProcessor):
    def compare(self, sound: Sound, started: Sound) -> None:
        pass


@wrong("ingest_calls")
class rate_is_compared_before_encoding(AudioProcessor):
    def compare(self, sound: Sound, started: Sound) -> None:
        super().compare(Sound(None, sound.rate, None, sound.at), started)
        super().compare(sound, started)


@wrong("ingest_calls")
class calls_of_open_have_pcm_at_16000(AudioProcessor):
    def open(self, call_id: str) -> Any:
        buffer = super().open(call_id)
        buffer.sound = Sound("pcm16", 16000, "inbound")
        return buffer


@wrong("ingest_calls")
class audio_of_an_id_outlives_its_call(AudioProcessor):
    def open(self, call_id: str) -> Any:
        buffer = super().open(call_id)
        buffer.sound = self.__dict__.setdefault("sounds", {}).get(self.key(call_id), buffer.sound)
        return buffer

    def opened(self, said: Message) -> Any:
        result = super().opened(said)
        sounds = self.__dict__.setdefault("sounds", {})
        self[str(said.call_id)].sound = sounds.setdefault(said.call_id, said.sound)
        return result


class Forgetful(AudioBuffer):
    """A buffer that forgets what it was started with when it is emptied."""

    def empty(self) -> None:
        """Forget what is held."""
        super().empty()
        self.sound = Sound()


@wrong("ingest_calls")
class emptied_calls_take_any_audio(AudioProcessor):
    buffer = Forgetful


@wrong("ingest_calls")
class start_that_is_refused_changes_the_audio(AudioProcessor):
    def opened(self, said: Message) -> Any:
        if said.call_id in self.calls:
            self.calls[str(said.call_id)].sound = said.sound
        return super().opened(said)


@wrong("ingest_calls")
class audio_is_that_of_the_last_start(AudioProcessor):
    def opened(self, said: Message) -> Any:
        result = super().opened(said)
        for buffer in self.calls.values():
            buffer.sound = said.sound
        return result


@wrong("ingest_calls")
class payload_comes_before_the_audio(AudioProcessor):
    def appended(self, said: Message) -> Any:
        assert said.payload is not None  # audio has one
        try:
            self.buffer.codec.decode(said.payload.value)
        except binascii.Error as error:
            raise self.no_base64(said.payload, error) from None
        return super().appended(said)


class Backwards(AudioBuffer):
    """A buffer that looks at the processor's bound first."""

    def admit(self, more: int, item: int) -> None:
        """The processor's bound, then the limit."""
        if self.processor is not None:
            self.processor.admit(more)
        super().admit(more, item)


@wrong("ingest_calls")
class max_bytes_comes_before_the_limit(AudioProcessor):
    buffer = Backwards


@wrong("ingest_failures", "ingest_fuzz")
class refused_audio_counts_as_a_chunk(AudioProcessor):
    def no_base64(self, payload: Node, error: binascii.Error) -> Refused:
        for buffer in self.calls.values():
            buffer.chunk_count += 1
        return super().no_base64(payload, error)


@wrong("ingest_failures")
class refused_texts_end_the_call(AudioProcessor):
    def no_json(self, position: int) -> Refused:
        with contextlib.suppress(KeyError, BufferError):
            self.discard("c1")
        return super().no_json(position)


@wrong("ingest_failures")
class refused_starts_keep_their_id(AudioProcessor):
    def opened(self, said: Message) -> Any:
        taken = self.__dict__.setdefault("taken_ids", set())
        if said.call_id in taken:
            raise ValueError("the call is open")
        taken.add(said.call_id)
        return super().opened(said)


@wrong("ingest_leaks")
class audio_is_kept(AudioProcessor):
    kept: list[Any] = []  # noqa: RUF012, one list for all

    def closed(self, said: Message) -> Any:
        result = super().closed(said)
        self.kept.append(result.audio)
        return result


@wrong("ingest_threads")
class messages_share_their_state(Unlocked):
    """What one thread has read is what another one does."""

    latest: Any = None

    def do(self, said: Message) -> Any:
        self.latest = said
        time.sleep(0)
        return super().do(self.latest)


@wrong("ingest_threads")
class positions_are_shared(AudioProcessor):
    def no_json(self, position: int) -> Refused:
        self.at = position
        time.sleep(1e-4)
        return Refused("JSON", self.at)

    def taken(self, symbols: Any, form: str, bound: str | None) -> Any:
        position = self.refusal(symbols)
        if position is not None:
            raise self.no_json(position)
        return super().taken(symbols, form, bound)


@wrong("ingest_threads")
class starts_do_not_lock(Unlocked):
    def opened(self, said: Message) -> Any:
        known = said.call_id in self.calls
        time.sleep(1e-4)  # long enough for the others on a busy machine too
        if not known:
            self.calls.pop(str(said.call_id), None)
        return super().opened(said)


class Shown(AudioBuffer):
    """A buffer whose views keep nobody from adding."""

    def view(self) -> memoryview:
        """A view of what is held, which others may have changed meanwhile."""
        self.data = bytearray(self.data)
        shown = memoryview(bytes(self.data))
        time.sleep(1e-3)
        return shown


@wrong("ingest_threads")
class views_let_messages_in(AudioProcessor):
    buffer = Shown


@wrong("ingest_threads")
class max_bytes_is_looked_at_early(Unlocked):
    """Others may add between a look at the bound and the addition."""

    def admit(self, more: int) -> None:
        super().admit(more)
        time.sleep(1e-4)
