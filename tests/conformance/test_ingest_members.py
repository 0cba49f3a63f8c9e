"""What each format asks for: what is refused, where, and in which order; what is taken, and what may be missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from .messages import (
    CALLBOT_MEDIA,
    CALLBOT_START,
    CALLBOT_STOP,
    ID_OF,
    OPENAI_APPEND,
    SERVICES,
    TWILIO_MEDIA,
    TWILIO_START,
    TWILIO_STOP,
    changed,
    opened,
    outcome,
    placed,
    refused,
    send,
    without,
)

Path = tuple[str, ...]

EVENTS: dict[str, tuple[str, dict[str, Any], list[Path]]] = {
    "callbot start": (
        "callbot",
        CALLBOT_START | {"call_id": "new"},
        [("event",), ("call_id",), ("media",), ("media", "encoding"), ("media", "rate")],
    ),
    "callbot media": (
        "callbot",
        CALLBOT_MEDIA,
        [
            ("event",),
            ("call_id",),
            ("seq",),
            ("media",),
            *(("media", name) for name in ("payload", "encoding", "rate")),
        ],
    ),
    "callbot stop": ("callbot", CALLBOT_STOP, [("event",), ("call_id",)]),
    "twilio start": (
        "twilio",
        TWILIO_START | {"streamSid": "new"},
        [
            ("event",),
            ("streamSid",),
            ("start",),
            ("start", "mediaFormat"),
            *(("start", "mediaFormat", name) for name in ("encoding", "channels", "sampleRate")),
            ("start", "tracks"),
        ],
    ),
    "twilio media": (
        "twilio",
        TWILIO_MEDIA,
        [("event",), ("streamSid",), ("sequenceNumber",), ("media",), ("media", "track"), ("media", "payload")],
    ),
    "twilio stop": ("twilio", TWILIO_STOP, [("event",), ("streamSid",)]),
    "openai append": ("openai", OPENAI_APPEND, [("type",), ("audio",)]),
}
"""Format, a message that is right, and its members in the order in which they are checked."""

NOT_ASKED_FOR = {("start", "mediaFormat", "channels"), ("start", "mediaFormat", "sampleRate"), ("start", "tracks")}
"""Members that may be missing."""

NO_STRING = ["null", "true", "5", "[]", "{}", '["c1"]']
NO_OBJECT = ["null", "true", "5", '"x"', "[]", "[{}]", '""']
NO_NUMBER = ["-1", "18446744073709551616", "18446744073709551623", "7.0", "7e0", "1E1", "-0.0", "9" * 5000, "1e999"]
NO_NUMBER += ["-" + "9" * 30, '"7"', "null", "true", "[7]", "{}", '""']
NO_RATE = ["0", "-0", "-1", "192001", "16000.0", "1.6e4", "1e999", "18446744073709567616", "4294983296", "9" * 5000]
NO_RATE += ["-16000", "null", "true", "[16000]", "{}", '""']
NO_DIGITS = ["", "-1", "+7", " 7", "7 ", "7.0", "1e3", "0x7", "1_0", "18446744073709551616", "9" * 20, "0" * 20 + "7"]
NO_DIGITS += ["\\u0661", "\u0661", "\\uff17", "\u00b2", "7\\u0000", "7\\ud800", "9" * 5000, "seven"]

WRONG: dict[tuple[str, Path], list[str]] = {
    ("callbot start", ("event",)): NO_STRING,
    ("callbot start", ("call_id",)): [*NO_STRING, '""'],
    ("callbot start", ("media",)): NO_OBJECT,
    ("callbot start", ("media", "encoding")): [
        *NO_STRING,
        *('""', '"PCM16"', '"pcm1"', '"pcm166"', '"pcm16 "', '"mulaw\\u0000"', '"audio/x-mulaw"', '"\u20ac"'),
    ],
    ("callbot start", ("media", "rate")): [*NO_RATE, '"16000"'],
    ("callbot media", ("call_id",)): [*NO_STRING, '""'],
    ("callbot media", ("seq",)): NO_NUMBER,
    ("callbot media", ("media",)): NO_OBJECT,
    ("callbot media", ("media", "payload")): NO_STRING,
    ("callbot media", ("media", "encoding")): [*NO_STRING, '"alaw"', '"\\u0000"'],
    ("callbot media", ("media", "rate")): [*NO_RATE, '"16000"'],
    ("callbot stop", ("call_id",)): [*NO_STRING, '""'],
    ("twilio start", ("event",)): NO_STRING,
    ("twilio start", ("streamSid",)): [*NO_STRING, '""'],
    ("twilio start", ("start",)): NO_OBJECT,
    ("twilio start", ("start", "mediaFormat")): NO_OBJECT,
    ("twilio start", ("start", "mediaFormat", "encoding")): [
        *NO_STRING,
        *('""', '"mulaw"', '"audio/x-mulaw "', '"AUDIO/X-MULAW"', '"audio/l16"', '"audio/x-mulawx"'),
    ],
    ("twilio start", ("start", "mediaFormat", "channels")): [
        *("2", "0", "-1", "1.0", "1e0", "null", "true", "[1]", "{}", '""', '"2"', '"one"', '"1 "', '"-1"', '"+1"'),
        *("18446744073709551617", "4294967297", '"\\u0661"'),
    ],
    ("twilio start", ("start", "mediaFormat", "sampleRate")): [
        *NO_RATE,
        *('"0"', '"192001"', '"8000.0"', '"8e3"', '"-8000"', '"8000 "', '"+8000"', '"18446744073709559616"'),
    ],
    ("twilio start", ("start", "tracks")): [
        *("null", "true", "5", "{}", '"inbound"', "[]", "[null]", "[[]]", '[["inbound"]]', '{"0":"inbound"}'),
        *('["inbound","outbound"]', '["outbound","inbound"]', '["inbound","inbound"]', '["both"]', '["Inbound"]'),
        *('["inbound",null]', '[""]'),
    ],
    ("twilio media", ("streamSid",)): [*NO_STRING, '""'],
    ("twilio media", ("sequenceNumber",)): [*(f'"{text}"' for text in NO_DIGITS), "7", "null", "true", '["7"]', "{}"],
    ("twilio media", ("media",)): NO_OBJECT,
    ("twilio media", ("media", "track")): [*NO_STRING, '""', '"both"', '"Inbound"', '"inboun"', '"outboundx"'],
    ("twilio media", ("media", "payload")): NO_STRING,
    ("twilio stop", ("streamSid",)): [*NO_STRING, '""'],
    ("openai append", ("type",)): NO_STRING,
    ("openai append", ("audio",)): NO_STRING,
}
"""What is refused as the value of a member, as it is written."""

RIGHT: dict[tuple[str, Path], list[str]] = {
    ("callbot start", ("media", "rate")): ["1", "192000"],
    ("callbot start", ("media", "encoding")): ['"mulaw"', '"pcm\\u00316"'],
    ("callbot media", ("seq",)): ["0", "-0", "18446744073709551615"],
    ("twilio start", ("start", "mediaFormat", "channels")): ["1", '"1"', '"\\u0031"'],
    ("twilio start", ("start", "mediaFormat", "sampleRate")): ["1", "192000", '"1"', '"8000"', '"192000"'],
    ("twilio start", ("start", "tracks")): ['["inbound"]', '["outbound"]', ' [ "outbound" ] ', '["\\u006futbound"]'],
    ("twilio media", ("sequenceNumber",)): ['"0"', '"00000000000000000007"', '"18446744073709551615"', '"\\u0037"'],
}


def named(part: str | Path) -> str:
    """An event or a path in the name of a test."""
    return part if isinstance(part, str) else ".".join(part)


def written(message: dict[str, Any], *values: tuple[Path, str]) -> str:
    """A message as text, with some values as they are given."""
    for number, (path, _) in enumerate(values):
        message = changed(message, *path, to=f"@{number}@")
    text = json.dumps(message)
    for number, (_, value) in enumerate(values):
        text = text.replace(f'"@{number}@"', value)
    return text


def told(ingesting: Any, form: str, text: str) -> Iterator[tuple[tuple[Any, ...], int]]:
    """What an implementation says to a text whose caret marks a place, and the place."""
    processor, _ = opened(ingesting, form)
    for symbols, place in placed(text):
        yield outcome(send, processor, form, symbols), place


@pytest.mark.parametrize(("event", "path"), WRONG, ids=named)
def test_value_that_is_wrong(ingesting: Any, event: str, path: Path) -> None:
    form, message, _ = EVENTS[event]
    for value in WRONG[event, path]:
        for found, place in told(ingesting, form, written(message, (path, f"^{value}"))):
            assert found == refused("message", place), value[:50]


@pytest.mark.parametrize(("event", "path"), RIGHT, ids=named)
def test_value_that_is_right(ingesting: Any, event: str, path: Path) -> None:
    form, message, _ = EVENTS[event]
    for value in RIGHT[event, path]:
        processor, _ = opened(ingesting, form)
        assert outcome(send, processor, form, written(message, (path, value)))[0] != "ValueError", value
        processor.discard("new" if "start" in event else "c1")


ASKED_FOR = [(event, path) for event, (_, _, paths) in EVENTS.items() for path in paths if path not in NOT_ASKED_FOR]


@pytest.mark.parametrize(("event", "path"), ASKED_FOR, ids=named)
def test_member_that_is_missing(ingesting: Any, event: str, path: Path) -> None:
    form, message, _ = EVENTS[event]
    lacking = without(message, *path)
    for name in path[:-1]:
        lacking = lacking[name]
    if len(path) == 1:
        processor, _ = opened(ingesting, form)
        for before in ("", "\n  "):
            text = before + json.dumps(lacking)
            ways = [outcome(send, processor, form, way) for way in (text, text.encode())]
            assert ways == [refused("message", len(before))] * 2
        return
    for found, place in told(ingesting, form, written(message, (path[:-1], f"^{json.dumps(lacking)}"))):
        assert found == refused("message", place)


@pytest.mark.parametrize("path", sorted(NOT_ASKED_FOR), ids=".".join)
def test_member_that_may_be_missing(ingesting: Any, path: Path) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    result = send(processor, "twilio", without(TWILIO_START, *path))
    assert (result.kind, result.encoding, result.rate) == ("opened", "mulaw", 8000)


@pytest.mark.parametrize("form", ["callbot", "twilio", "openai"])
@pytest.mark.parametrize(
    "text", ["[]", "5", '"event"', "null", "true", "-1.5e3", '["event"]', '[{"event":"x","type":"x"}]']
)
def test_message_that_is_no_object(ingesting: Any, form: str, text: str) -> None:
    processor, _ = opened(ingesting, form)
    for before, behind in (("", ""), (" \n", " ")):
        whole = before + text + behind
        ways = [outcome(send, processor, form, way) for way in (whole, whole.encode())]
        assert ways == [refused("message", len(before))] * 2


@pytest.mark.parametrize("form", ["callbot", "twilio", "openai"])
def test_empty_object_is_no_message(ingesting: Any, form: str) -> None:
    processor, _ = opened(ingesting, form)
    assert outcome(send, processor, form, " {}") == refused("message", 1)


def pairs() -> Iterator[tuple[str, Path, Path]]:
    """Two members of an event, of which neither lies in the other, the one that is checked first before the other."""
    for event, (_, _, paths) in EVENTS.items():
        for first, second in combinations(paths, 2):
            if second[: len(first)] != first and first[: len(second)] != second:
                yield event, first, second


@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "backwards"])
@pytest.mark.parametrize(("event", "first", "second"), list(pairs()), ids=named)
def test_first_member_in_the_order_of_checks_is_told(
    ingesting: Any, event: str, first: Path, second: Path, backwards: bool
) -> None:
    form, message, _ = EVENTS[event]
    if backwards:
        message = backward(message)
    for found, place in told(ingesting, form, written(message, (first, "^null"), (second, "null"))):
        assert found == refused("message", place)


def backward(value: Any) -> Any:
    """A value whose members come in the opposite order."""
    if not isinstance(value, dict):
        return value
    return {name: backward(inner) for name, inner in reversed(value.items())}


@pytest.mark.parametrize("form", SERVICES)
def test_optional_number_that_is_none_is_left_out(ingesting: Any, form: str) -> None:
    name, values = {
        "callbot": ("seq", NO_NUMBER),
        "twilio": ("sequenceNumber", [f'"{text}"' for text in NO_DIGITS] + ["7", "null", "[]"]),
    }[form]
    others = [message for event, (kind, message, _) in EVENTS.items() if kind == form and "media" not in event]
    for value in values:
        for message in [*others, {"event": "x"}]:
            processor, _ = opened(ingesting, form)
            result = send(processor, form, written(message, ((name,), value)))
            assert result.sequence is None, value[:50]


@pytest.mark.parametrize("form", SERVICES)
@pytest.mark.parametrize("value", [*NO_STRING, '""'])
def test_optional_id_that_is_none_is_left_out(ingesting: Any, form: str, value: str) -> None:
    processor, _ = opened(ingesting, form)
    text = f'{{"event":"x","{ID_OF[form]}":{value}}}'
    results = [send(processor, form, text, call_id=bound) for bound in (None, "c1")]
    assert [(result.kind, result.call_id) for result in results] == [("other", None)] * 2


PAYLOADS = ["A", "AA=", "AB==", "AAA", "AAA\\n", "AAAA=", "!AAA", "AA-_", " AAAA", "AA A", "\\u0000AAA", "AAA\\u00e9"]
PAYLOADS += ["\u00e9AAA", "AAA\u20ac", "A\\ud800AA", "AAAA\\\\", 'AAA\\"', "A" * 1707, "A" * 1707 + "-", "AAAA\\r\\n"]
PAYLOADS += ["=AAA", "====", "AAAA====", "\\u003d", "AAA\\u002dAAAA", "\\/", "{AAA", "AAA}", "[AA]"]
"""Strings, as they are written, that are no canonical base64."""


@pytest.mark.parametrize("event", ["callbot media", "twilio media", "openai append"])
def test_payload_that_is_no_base64(ingesting: Any, event: str) -> None:
    form, message, paths = EVENTS[event]
    path = next(path for path in paths if path[-1] in ("payload", "audio"))
    for payload in PAYLOADS:
        for found, place in told(ingesting, form, written(message, (path, f'^"{payload}"'))):
            assert found == refused("base64", place), payload[:50]
