"""Faults of what an event does and tells."""

# ruff: noqa: N801
from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from ..messages import ATTRIBUTES
from ..oracle_json import Node
from ..reference import AudioProcessor
from ..reference_formats import Formats, Message
from .table import wrong


@wrong("ingest_events")
class start_tells_no_encoding(AudioProcessor):
    def opened(self, said: Message) -> Any:
        super().opened(said)
        return self.told(said)


@wrong("ingest_events", "ingest_fuzz")
class start_opens_nothing(AudioProcessor):
    def opened(self, said: Message) -> Any:
        return self.told(said, encoding=said.sound.encoding, rate=said.sound.rate)


@wrong("ingest_events")
class start_ignores_the_options(AudioProcessor):
    def opened(self, said: Message) -> Any:
        result = super().opened(said)
        buffer = self[str(said.call_id)]
        buffer.limit, buffer.reserved = None, 64
        return result


@wrong("ingest_events")
class numbers_of_starts_and_stops_are_forgotten(AudioProcessor):
    def told(self, said: Message, **more: Any) -> Any:
        return super().told(said if said.kind == "appended" else replace(said, sequence=None), **more)


@wrong("ingest_events")
class numbers_that_are_missing_are_zero(AudioProcessor):
    def told(self, said: Message, **more: Any) -> Any:
        return super().told(replace(said, sequence=said.sequence or 0), **more)


@wrong("ingest_events")
class audio_tells_no_number(AudioProcessor):
    def told(self, said: Message, **more: Any) -> Any:
        return super().told(replace(said, sequence=None) if said.kind == "appended" else said, **more)


@wrong("ingest_events")
class openai_tells_no_call(AudioProcessor):
    def appended(self, said: Message) -> Any:
        result = super().appended(said)
        return result if said.sequence is not None else self.told(replace(said, call_id=None), bytes=result.bytes)


@wrong("ingest_events")
class audio_is_told_by_the_length(AudioProcessor):
    def appended(self, said: Message) -> Any:
        super().appended(said)
        return self.told(said, bytes=len(self.called(said)))


@wrong("ingest_events", "ingest_calls")
class audio_is_not_handed_out(AudioProcessor):
    def closed(self, said: Message) -> Any:
        return self.told(said, bytes=len(self.close(said.call_id or "")))


@wrong("ingest_events")
class stop_leaves_the_call_open(AudioProcessor):
    def closed(self, said: Message) -> Any:
        audio = self[str(said.call_id)].take()
        return self.told(said, bytes=len(audio), audio=audio)


@wrong("ingest_events")
class other_events_with_audio_are_audio(AudioProcessor):
    def taken(self, symbols: Any, form: str, bound: str | None) -> Any:
        changed = symbols.replace('"other"', '"media"') if isinstance(symbols, str) else symbols
        return super().taken(changed, form, bound)


@wrong("ingest_events")
class other_events_are_refused(AudioProcessor):
    def other(self, said: Message) -> Any:
        raise ValueError("unknown event")


@wrong("ingest_events", "ingest_failures")
class audio_takes_the_place_of_what_is_held(AudioProcessor):
    def appended(self, said: Message) -> Any:
        self.called(said).clear()
        return super().appended(said)


class Changing(AudioProcessor):
    """Appends what a change makes of a payload."""

    def payload(self, text: str) -> str:
        """What is appended for a payload."""
        raise NotImplementedError

    def appended(self, said: Message) -> Any:
        """Append to a call."""
        assert said.payload is not None  # audio has one
        changed = self.payload(said.payload.value)
        if changed != said.payload.value:
            said = replace(said, payload=Node(f'"{changed}"', 0, False))
        return super().appended(said)


@wrong("ingest_events")
class big_payloads_are_cut(Changing):
    def payload(self, text: str) -> str:
        return text[:1600]


@wrong("ingest_fuzz", "ingest_events")
class payloads_are_rounded_up(Changing):
    def payload(self, text: str) -> str:
        return text.replace("=", "A")


@wrong("ingest_events")
class empty_payloads_are_no_chunks(AudioProcessor):
    def appended(self, said: Message) -> Any:
        assert said.payload is not None  # audio has one
        return super().appended(said) if said.payload.value else self.told(said)


@wrong("ingest_events")
class audio_goes_to_the_newest_call(AudioProcessor):
    def called(self, said: Message) -> Any:
        super().called(said)
        return list(self.calls.values())[-1]


class Lower(Node):
    """A string in small letters."""

    @property
    def value(self) -> str:
        """What it says."""
        return super().value.lower()


@wrong("ingest_events")
class events_in_any_case(Formats):
    def string(self, holder: Node, name: str) -> Node:
        found = super().string(holder, name)
        return Lower(found.text, found.start, found.is_utf8) if name in ("event", "type") else found


@wrong("ingest_events", "ingest_members")
class numbers_have_63_bits(Formats):
    def number(self, node: Node) -> int | None:
        number = super().number(node)
        return None if number is None or number >= 2**63 else number


@wrong("ingest_events", "ingest_calls")
class ids_are_short_and_ascii(AudioProcessor):
    def key(self, call_id: Any) -> str:
        key = super().key(call_id)
        if not key.isascii() or len(key) > 255:
            raise ValueError("no id")
        return key


@wrong("ingest_events")
class rates_are_8000_at_least(Formats):
    def rate(self, node: Node, texts: bool) -> int:
        return max(8000, super().rate(node, texts))


@wrong("ingest_events")
class results_can_be_changed(AudioProcessor):
    def told(self, said: Message, **more: Any) -> Any:
        result = super().told(said, **more)
        return SimpleNamespace(**{name: getattr(result, name) for name in ATTRIBUTES})


@wrong("ingest_events")
class one_result_for_all(AudioProcessor):
    def told(self, said: Message, **more: Any) -> Any:
        result = super().told(said, **more)
        one = self.__dict__.setdefault("one", SimpleNamespace())
        one.__dict__.update({name: getattr(result, name) for name in ATTRIBUTES})
        return one
