"""Faults of what the formats ask for."""

# ruff: noqa: N801
from __future__ import annotations

import binascii
from dataclasses import replace
from typing import Any

from ..oracle_json import Node
from ..reference import AudioProcessor
from ..reference_formats import Formats, Message, Refused, Sound
from .table import wrong


@wrong("ingest_members")
class rates_have_no_end(Formats):
    def rate(self, node: Node, texts: bool) -> int:
        found = self.whole(node, texts)
        if found is None or found < 1:
            raise self.wrong(node, "no rate")
        return found


@wrong("ingest_members")
class numbers_may_be_negative(Formats):
    def number(self, node: Node) -> int | None:
        found = self.whole(node, False)
        return found if found is not None and found < 2**64 else None


@wrong("ingest_members")
class numbers_may_have_fractions(Formats):
    def whole(self, node: Node, texts: bool) -> int | None:
        found = super().whole(node, texts)
        if found is None and node.kind == "number" and len(node.token) < 20 and float(node.token).is_integer():
            return int(float(node.token))
        return found


@wrong("ingest_members")
class numbers_wrap_around(Formats):
    def whole(self, node: Node, texts: bool) -> int | None:
        found = super().whole(node, texts)
        return found if found is None or found < 0 else found % 2**64


@wrong("ingest_members")
class digits_may_be_of_any_script(Formats):
    def is_digits(self, text: str) -> bool:
        return text.isdecimal()


@wrong("ingest_members")
class texts_are_no_numbers(Formats):
    texts_are_numbers = False


@wrong("ingest_members")
class ids_may_be_empty(Formats):
    def id(self, top: Node, name: str, bound: str | None) -> str:
        return self.own(self.string(top, name), bound)


@wrong("ingest_members")
class tracks_have_to_be_there(Formats):
    def only_track(self, start: Node) -> str:
        self.member(start, "tracks")
        return super().only_track(start)


@wrong("ingest_events", "ingest_members")
class channels_and_rate_have_to_be_there(Formats):
    def started(self, start: Node) -> Sound:
        for name in ("channels", "sampleRate"):
            self.member(self.object(start, "mediaFormat"), name)
        return super().started(start)


@wrong("ingest_members")
class first_of_two_tracks_counts(Formats):
    def only_track(self, start: Node) -> str:
        tracks = start.members().get("tracks")
        if tracks is not None and tracks.kind == "list" and len(tracks.items()) == 2:
            return "inbound"
        return super().only_track(start)


@wrong("ingest_members")
class missing_members_are_at_the_start(Formats):
    def member(self, holder: Node, name: str) -> Node:
        try:
            return super().member(holder, name)
        except Refused:
            raise Refused("message", 0, "missing") from None


@wrong("ingest_members")
class wrong_values_are_at_their_end(Formats):
    def wrong(self, node: Node, why: str) -> Refused:
        return Refused("message", node.start + len(node.token), why)


@wrong("ingest_members")
class rate_comes_before_encoding(Formats):
    def sound(self, media: Node) -> Sound:
        self.rate(self.member(media, "rate"), False)
        return super().sound(media)


@wrong("ingest_members")
class audio_comes_before_the_number(Formats):
    def callbot(self, top: Node, bound: str | None) -> Message:
        if self.string(top, "event").value == "media":
            self.id(top, "call_id", bound)
            self.object(top, "media")
        return super().callbot(top, bound)


@wrong("ingest_members")
class optional_numbers_have_to_be_right(Formats):
    def optional_number(self, top: Node) -> int | None:
        found = super().optional_number(top)
        if found is None and "seq" in top.members():
            raise self.wrong(top.members()["seq"], "no number")
        return found


@wrong("ingest_members")
class ids_of_other_events_have_to_be_right(Formats):
    def other(self, top: Node, name: str, sequence: int | None, bound: str | None, event: str) -> Message:
        return Message("other", self.id(top, name, bound), sequence, name=event)


@wrong("ingest_members")
class base64_is_told_where_it_fails(AudioProcessor):
    def no_base64(self, payload: Node, error: binascii.Error) -> Refused:
        return Refused("base64", payload.start + 1 + int(str(error).split()[-1]))


@wrong("ingest_members")
class base64_is_told_behind_the_quotation_mark(AudioProcessor):
    def no_base64(self, payload: Node, error: binascii.Error) -> Refused:
        return Refused("base64", payload.start + 1)


@wrong("ingest_members", "ingest_fuzz")
class base64_is_told_as_append_does(AudioProcessor):
    def no_base64(self, payload: Node, error: binascii.Error) -> Any:
        return error


@wrong("ingest_calls")
class bound_id_is_ignored(Formats):
    def own(self, named: Node, bound: str | None) -> str:
        return named.value


@wrong("ingest_failures")
class bound_id_is_ignored_where_the_call_is_open(AudioProcessor):
    def taken(self, symbols: Any, form: str, bound: str | None) -> Any:
        return super().taken(symbols, form, "c1" if bound == "other" else bound)


@wrong("ingest_calls")
class bound_id_is_compared_as_it_is_written(Formats):
    def own(self, named: Node, bound: str | None) -> str:
        if bound is not None and named.token[1:-1] != bound:
            raise self.wrong(named, "not the call of this connection")
        return named.value


@wrong("ingest_calls")
class bound_id_is_compared_in_any_case(Formats):
    def own(self, named: Node, bound: str | None) -> str:
        return super().own(named, named.value if bound is not None and bound.lower() == named.value else bound)


@wrong("ingest_calls")
class bound_id_is_compared_to_the_first_one(Formats):
    def own(self, named: Node, bound: str | None) -> str:
        first = named.text.find('"c2"')
        if bound == "c1" and 0 <= first < named.start:
            raise self.wrong(named, "not the call of this connection")
        return super().own(named, bound)


@wrong("ingest_calls")
class bound_id_is_compared_last(Formats):
    def read(self, form: str, top: Node, bound: str | None) -> Message:
        if bound is not None and form != "openai":
            super().read(form, top, None)
        return super().read(form, top, bound)


@wrong("ingest_calls")
class events_have_to_name_a_bound_call(Formats):
    def other(self, top: Node, name: str, sequence: int | None, bound: str | None, event: str) -> Message:
        said = super().other(top, name, sequence, bound, event)
        if bound is not None and said.call_id is None:
            raise self.wrong(top, "it names no call")
        return said


@wrong("ingest_calls")
class openai_names_its_call(Formats):
    def openai(self, top: Node, bound: str | None) -> Message:
        said = super().openai(top, bound)
        named = top.members().get("call_id")
        return said if named is None else replace(said, call_id=named.value)
