"""Faults of reading the text of a message."""

# ruff: noqa: N801
from __future__ import annotations

import json
import re
from typing import Any

from .. import oracle_json
from ..inputs import MisleadingText
from ..oracle_json import Node, depth, is_json, prefix
from ..reference import AudioProcessor
from ..reference_formats import Formats, Message, Refused
from .table import wrong


class Lenient(AudioProcessor):
    """Reads what a change makes of a text."""

    def changed(self, symbols: Any) -> Any:
        """A text as it is read; of the same length, so that places stay."""
        raise NotImplementedError

    def taken(self, symbols: Any, form: str, bound: str | None) -> Any:
        """Do what a text says."""
        position = prefix(symbols)
        changed = self.changed(symbols)
        return super().taken(symbols if position is None or prefix(changed) is not None else changed, form, bound)


@wrong("ingest_json")
class takes_nan(Lenient):
    def changed(self, symbols: Any) -> Any:
        return symbols.replace("NaN", "123") if isinstance(symbols, str) else symbols.replace(b"NaN", b"123")


@wrong("ingest_text")
class payload_that_does_not_count_is_not_read(Lenient):
    def changed(self, symbols: Any) -> Any:
        return symbols.replace("\\q", "  ") if isinstance(symbols, str) else symbols.replace(b"\\q", b"  ")


@wrong("ingest_json")
class takes_overlong_utf8(Lenient):
    def changed(self, symbols: Any) -> Any:
        return symbols if isinstance(symbols, str) else re.sub(rb"[\xc0\xc1][\x80-\xbf]", b"xx", symbols)


@wrong("ingest_json")
class takes_surrogates_in_utf8(Lenient):
    def changed(self, symbols: Any) -> Any:
        return symbols if isinstance(symbols, str) else re.sub(rb"\xed[\xa0-\xbf][\x80-\xbf]", b"xxx", symbols)


@wrong("ingest_json")
class takes_control_characters(Lenient):
    def changed(self, symbols: Any) -> Any:
        control = "[\1-\x08\x0b\x0e-\x1f]"
        return re.sub(control, "x", symbols) if isinstance(symbols, str) else re.sub(control.encode(), b"x", symbols)


@wrong("ingest_json")
class skips_a_byte_order_mark(Lenient):
    def changed(self, symbols: Any) -> Any:
        return symbols.replace("\ufeff", " ") if isinstance(symbols, str) else symbols.replace(b"\xef\xbb\xbf", b"   ")


@wrong("ingest_json")
class takes_a_comma_at_the_end(Lenient):
    def changed(self, symbols: Any) -> Any:
        return (
            re.sub(r",([]}])", r" \1", symbols) if isinstance(symbols, str) else re.sub(rb",([]}])", rb" \1", symbols)
        )


class Strict(AudioProcessor):
    """Refuses some texts that are right."""

    def refuses(self, symbols: Any) -> bool:
        """Whether a text is refused."""
        raise NotImplementedError

    def refusal(self, symbols: Any) -> int | None:
        """Where a text is no JSON."""
        return 0 if is_json(symbols) and self.refuses(symbols) else super().refusal(symbols)


def characters(symbols: Any) -> str:
    """A text as characters."""
    return symbols if isinstance(symbols, str) else symbols.decode()


@wrong("ingest_json", "ingest_text")
class numbers_are_doubles(Strict):
    def refuses(self, symbols: Any) -> bool:
        numbers = re.findall(r"(?<=[:\[, ])-?[0-9][0-9.eE+-]*(?=[]},\s])", characters(symbols))
        return any(abs(float(number)) == float("inf") for number in numbers)


@wrong("ingest_json", "ingest_text", "ingest_fuzz")
class refuses_surrogates(Strict):
    def refuses(self, symbols: Any) -> bool:
        return re.search(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]", characters(symbols)) is not None


@wrong("ingest_json")
class json_is_an_object_or_a_list(Strict):
    def refuses(self, symbols: Any) -> bool:
        return characters(symbols).strip()[0] not in "{["


@wrong("ingest_text")
class levels_end_at_1000(Strict):
    def refuses(self, symbols: Any) -> bool:
        return depth(characters(symbols)) > 1000


@wrong("ingest_text")
class levels_count_all_brackets(Strict):
    def refuses(self, symbols: Any) -> bool:
        return characters(symbols).count("[") > oracle_json.DEPTH


@wrong("ingest_text", "ingest_json")
class depth_is_ignored(AudioProcessor):
    def refusal(self, symbols: Any) -> int | None:
        position = super().refusal(symbols)
        opening = {"[": "[", "{": "{", 0x5B: "[", 0x7B: "{"}
        if position is None or position == len(symbols) or symbols[position] not in opening:
            return position
        return None if json_without_limit(characters(symbols)) else position


def json_without_limit(text: str) -> bool:
    """Whether a text is JSON, of a depth that the interpreter can have."""
    try:
        oracle_json.load(text)
    except (ValueError, RecursionError):
        return False
    return True


@wrong("ingest_text")
class long_messages_are_refused(Strict):
    def refuses(self, symbols: Any) -> bool:
        return len(symbols) > 100_000


@wrong("ingest_fuzz", "ingest_text")
class reads_ascii_only(Strict):
    def refuses(self, symbols: Any) -> bool:
        return not symbols.isascii()


@wrong("ingest_text")
class event_comes_first(Strict):
    def refuses(self, symbols: Any) -> bool:
        return re.match(r'\s*\{\s*"(event|type)"', characters(symbols)) is None


@wrong("ingest_text")
class payload_comes_last(Strict):
    def refuses(self, symbols: Any) -> bool:
        return re.search(r'"payload":\s*"[^"]*"\s*,', characters(symbols)) is not None


@wrong("ingest_json", "ingest_positions", "ingest_fuzz", "ingest_text")
class position_is_one_too_far(AudioProcessor):
    def no_json(self, position: int) -> Refused:
        return Refused("JSON", position + 1)


@wrong("ingest_json", "ingest_positions")
class position_is_that_of_the_standard_library(AudioProcessor):
    def refusal(self, symbols: Any) -> int | None:
        if super().refusal(symbols) is None:
            return None
        try:
            json.loads(symbols if isinstance(symbols, str) else symbols.decode("latin-1"))
        except json.JSONDecodeError as error:
            return error.pos
        except RecursionError:
            return 0
        return 0


@wrong("ingest_positions")
class positions_of_a_str_count_bytes(AudioProcessor):
    def refusal(self, symbols: Any) -> int | None:
        position = super().refusal(symbols)
        if position is None or not isinstance(symbols, str):
            return position
        return len(symbols[:position].encode("utf-8", "surrogatepass"))


@wrong("ingest_positions", "ingest_json")
class positions_of_bytes_count_characters(AudioProcessor):
    def refusal(self, symbols: Any) -> int | None:
        position = super().refusal(symbols)
        if position is None or isinstance(symbols, str):
            return position
        return len(symbols[:position].decode("utf-8", "replace"))


@wrong("ingest_positions")
class buffers_have_no_position(AudioProcessor):
    def refusal(self, symbols: Any) -> int | None:
        position = super().refusal(symbols)
        return position if isinstance(symbols, str) or position is None else 0


@wrong("ingest_positions")
class text_is_looked_at_last(AudioProcessor):
    def no_json(self, position: int) -> Refused:
        return Refused("message", position, "no event")


@wrong("ingest_positions")
class positions_are_floats(AudioProcessor):
    def no_json(self, position: int) -> Refused:
        refused = Refused("JSON", position)
        refused.position = float(position)  # type: ignore[assignment]
        return refused


@wrong("ingest_text")
class strings_are_taken_as_they_are_written(Node):
    def said(self, token: str) -> str:
        return token[1:-1] if "\\u0" in token else super().said(token)


@wrong("ingest_text")
class pairs_stay_two_surrogates(Node):
    def said(self, token: str) -> str:
        said = super().said(token)
        if "\\ud83d\\ude00" not in token.lower():
            return said
        return said.replace("\U0001f600", "\ud83d\ude00")


@wrong("ingest_text")
class escapes_of_the_payload_are_ignored(Node):
    @property
    def value(self) -> str:
        """What a string says."""
        return self.token[1:-1] if re.search(r"\\(/|u00(41|2[bBfF]|3[dD]))", self.token) else super().value


@wrong("ingest_text")
class names_in_any_case(Node):
    def enter(self, found: dict[str, Node], name: str, value: Node) -> None:
        found[name.lower() if name.lower() in ("event", "call_id", "media") else name] = value


@wrong("ingest_text")
class first_member_of_a_name_counts(Node):
    def enter(self, found: dict[str, Node], name: str, value: Node) -> None:
        found.setdefault(name, value)


@wrong("ingest_text")
class objects_of_a_name_are_merged(Node):
    earlier: Any = None

    def enter(self, found: dict[str, Node], name: str, value: Node) -> None:
        if name in found and found[name].kind == value.kind == "object":
            merged = type(self)(value.text, value.start, value.is_utf8)
            object.__setattr__(merged, "earlier", found[name])
            value = merged
        super().enter(found, name, value)

    def members(self) -> dict[str, Node]:
        """The values by name."""
        return ({} if self.earlier is None else self.earlier.members()) | super().members()


@wrong("ingest_positions")
class str_is_asked_for_its_text(AudioProcessor):
    def symbols(self, message: Any) -> Any:
        return super().symbols(str(message) if isinstance(message, MisleadingText) else message)


class Looking(Formats):
    """Looks at members that the event does not ask for."""

    def read(self, form: str, top: Node, bound: str | None) -> Message:
        """What a message says."""
        said = super().read(form, top, bound)
        for name in ("media", "start"):
            found = top.members().get(name)
            if found is not None and found.kind != "object":
                raise self.wrong(found, "no object")
        return said


@wrong("ingest_text")
class members_of_other_events_are_looked_at(AudioProcessor):
    formats = Looking()


class Silent(Formats):
    """Does not say what is wrong."""

    def wrong(self, node: Node, why: str) -> Refused:
        """The error for a value."""
        return Refused("message", node.start)


@wrong("ingest_positions")
class reasons_are_not_told(AudioProcessor):
    formats = Silent()
