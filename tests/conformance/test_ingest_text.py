"""Texts are taken by their meaning: order, white space, escapes, unknown members, duplicates, numbers, surrogates."""

from __future__ import annotations

import json
import random
from itertools import permutations
from typing import Any

import pytest

from .messages import (
    CALLBOT_MEDIA,
    FORMATS,
    MEDIA,
    PAYLOAD,
    PCM,
    SERVICES,
    STARTS,
    STOPS,
    media,
    opened,
    outcome,
    refused,
    send,
    told,
)
from .states import held

START = '{"event":"start","call_id":"c1","media":{"encoding":"pcm16","rate":16000}}'
APPENDED = told(kind="appended", call_id="c1", sequence=7, bytes=48)
DEEP = 1024


def both(text: str) -> list[str | bytes]:
    """A text as str and, if it can be, as bytes."""
    try:
        return [text, text.encode()]
    except UnicodeEncodeError:
        return [text]


def appended(ingesting: Any, text: str) -> None:
    """Ingest a callbot message with the audio PCM, as str and bytes."""
    processor, buffer = opened(ingesting, "callbot")
    texts = both(text)
    assert [outcome(send, processor, "callbot", text) for text in texts] == [APPENDED] * len(texts)
    assert held(buffer) == PCM * len(texts)


def escaped(text: str) -> str:
    """Every character by its number."""
    return "".join(f"\\u{ord(symbol):04x}" for symbol in text)


def fully_escaped(value: Any) -> str:
    """A value as JSON whose strings are escaped wherever they can be."""
    if isinstance(value, dict):
        return "{" + ",".join(f'"{escaped(name)}":{fully_escaped(inner)}' for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(fully_escaped, value)) + "]"
    return f'"{escaped(value)}"' if isinstance(value, str) else json.dumps(value)


def shuffled(value: Any, chance: random.Random) -> Any:
    """A value whose members come in another order."""
    if not isinstance(value, dict):
        return value
    members = [(name, shuffled(inner, chance)) for name, inner in value.items()]
    chance.shuffle(members)
    return dict(members)


@pytest.mark.parametrize("order", list(permutations(CALLBOT_MEDIA)), ids="-".join)
def test_members_in_any_order(ingesting: Any, order: tuple[str, ...]) -> None:
    appended(ingesting, json.dumps({name: CALLBOT_MEDIA[name] for name in order}))


@pytest.mark.parametrize("order", list(permutations(CALLBOT_MEDIA["media"])), ids="-".join)
def test_inner_members_in_any_order(ingesting: Any, order: tuple[str, ...]) -> None:
    appended(ingesting, json.dumps(CALLBOT_MEDIA | {"media": {name: CALLBOT_MEDIA["media"][name] for name in order}}))


def story(ingesting: Any, form: str, change: Any) -> list[tuple[Any, ...]]:
    """What a call's messages do after a change of their texts that must not matter."""
    processor = ingesting.AudioProcessor(capacity=64)
    if form not in STARTS:
        processor.open("c1")
    messages = [kind[form] for kind in (STARTS, MEDIA, STOPS) if form in kind]
    return [outcome(send, processor, form, change(message)) for message in messages]


CHANGES = {
    "shuffled": lambda message: json.dumps(shuffled(message, random.Random(1))),
    "shuffled again": lambda message: json.dumps(shuffled(message, random.Random(2))),
    "reversed": lambda message: json.dumps(dict(reversed(message.items()))),
    "compact": lambda message: json.dumps(message, separators=(",", ":")),
    "indented": lambda message: json.dumps(message, indent=3),
    "indented with tabs": lambda message: json.dumps(message, indent="\t").replace("\n", "\r\n"),
    "white space around": lambda message: "\r\n\t " + json.dumps(message) + "\n\n",
    "much white space": lambda message: json.dumps(message, indent=200, separators=(" " * 100 + ",", "\n" * 100 + ":")),
    "escaped": fully_escaped,
    "as bytes": lambda message: json.dumps(message).encode(),
    "escaped as bytes": lambda message: fully_escaped(message).encode(),
    "wide": lambda message: json.dumps({"\u20ac": "\U0001f3a7"} | message, ensure_ascii=False),
    "wide as bytes": lambda message: json.dumps({"\u20ac": "\U0001f3a7"} | message, ensure_ascii=False).encode(),
    "bytes as wide": lambda message: json.dumps({"\u00ff": "\u00fe"} | message, ensure_ascii=False),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("form", FORMATS)
def test_how_it_is_written_does_not_matter(ingesting: Any, form: str, change: str) -> None:
    plain = story(ingesting, form, json.dumps)
    assert len(plain[0]) == 8
    assert story(ingesting, form, CHANGES[change]) == plain


@pytest.mark.parametrize("name", ["event", "call_id", "seq", "media", "payload", "encoding", "rate"])
@pytest.mark.parametrize("escapes", ["all", "first", "last", "capitals"])
def test_escapes_in_names(ingesting: Any, name: str, escapes: str) -> None:
    ways = {
        "all": escaped(name),
        "first": escaped(name[0]) + name[1:],
        "last": name[:-1] + escaped(name[-1]),
        "capitals": escaped(name).replace("a", "A").replace("f", "F"),
    }
    appended(ingesting, json.dumps(CALLBOT_MEDIA).replace(f'"{name}":', f'"{ways[escapes]}":'))


@pytest.mark.parametrize(("member", "value"), [("event", "media"), ("call_id", "c1"), ("encoding", "pcm16")])
def test_escapes_in_values(ingesting: Any, member: str, value: str) -> None:
    for way in (escaped(value), escaped(value[0]) + value[1:], value[:-1] + escaped(value[-1])):
        appended(ingesting, json.dumps(CALLBOT_MEDIA).replace(f'"{member}": "{value}"', f'"{member}": "{way}"'))


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("\\/\\/\\/\\/", b"\xff" * 3),
        ("AA\\/A", b"\x00\x0f\xc0"),
        ("\\u002b\\u002B\\u002F+", b"\xfb\xef\xfe"),
        ("\\u0041\\u0041\\u0041\\u0041", bytes(3)),
        ("AAA\\u0041", bytes(3)),
        ("AA\\u003d\\u003D", bytes(1)),
        ("AA=\\u003d", bytes(1)),
        ("AAAA" * 100 + "AA\\/A", bytes(301) + b"\x0f\xc0"),
        ("\\/AAA" + "AAAA" * 100, b"\xfc" + bytes(302)),
    ],
)
@pytest.mark.parametrize("form", FORMATS)
def test_escapes_in_the_payload(ingesting: Any, form: str, text: str, raw: bytes) -> None:
    processor, buffer = opened(ingesting, form)
    written = json.dumps(media(form, "PAYLOAD")).replace("PAYLOAD", text)
    results = [send(processor, form, way) for way in both(written)]
    assert [result.bytes for result in results] == [len(raw)] * 2
    assert held(buffer) == raw * 2


ANYTHING = {
    "null": "null",
    "true": "true",
    "false": "false",
    "number": "-12.5e-3",
    "number beyond a double": "1e999",
    "number below a double": "-1e-999",
    "number of thousands of digits": "9" * 6000,
    "fraction of thousands of digits": "0." + "1" * 6000,
    "string": '"abc"',
    "string with escapes": '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\ud83d\\ude00"',
    "wide string": '"\u00e9\u20ac\U0001f3a7"',
    "string with a high surrogate": '"\\ud800"',
    "string with a low surrogate": '"\\udfff"',
    "string with a surrogate as it is": '"\ud800"',
    "string with JSON": json.dumps(START),
    "string that ends with a backslash": '"\\\\"',
    "empty list": "[]",
    "empty object": "{}",
    "list": '[1,"a",[],{},null]',
    "object": '{"a":{"b":[{"c":1}]}}',
    "object that looks like the message": START,
    "list of objects that look like the message": f"[{START},{START}]",
    "list of 1,023 levels": "[" * (DEEP - 1) + "]" * (DEEP - 1),
    "object of 1,023 levels": '{"event":' * (DEEP - 1) + "0" + "}" * (DEEP - 1),
}


@pytest.mark.parametrize("where", ["first", "last", "named as a number", "without a name"])
@pytest.mark.parametrize("kind", ANYTHING)
def test_unknown_member(ingesting: Any, kind: str, where: str) -> None:
    name = {"named as a number": "0", "without a name": ""}.get(where, "x")
    member, text = f'"{name}":{ANYTHING[kind]}', json.dumps(CALLBOT_MEDIA)
    appended(ingesting, text[:-1] + f",{member}}}" if where == "last" else f"{{{member},{text[1:]}")


@pytest.mark.parametrize("kind", [kind for kind in ANYTHING if "1,023" not in kind])
def test_unknown_member_of_the_audio(ingesting: Any, kind: str) -> None:
    appended(ingesting, json.dumps(CALLBOT_MEDIA).replace('"media": {', f'"media": {{"x":{ANYTHING[kind]},'))


@pytest.mark.parametrize("form", SERVICES)
def test_members_of_other_events_are_not_looked_at(ingesting: Any, form: str) -> None:
    processor, _ = opened(ingesting, form)
    send(processor, form, MEDIA[form] | {"start": 5, "stop": None, "type": [], "audio": 1})
    send(processor, form, STOPS[form] | {"media": 5, "start": None, "tracks": {}})
    send(processor, form, STARTS[form] | {"payload": 5, "stop": {}})
    assert send(processor, form, {"event": "x", "media": 5, "start": 5}).kind == "other"


@pytest.mark.parametrize(
    "name", ["Event", "EVENT", "event ", " event", "even", "events", "event\\u0000", "\\u0000event"]
)
def test_name_that_is_nearly_one(ingesting: Any, name: str) -> None:
    appended(ingesting, json.dumps(CALLBOT_MEDIA)[:-1] + f',"{name}":"stop","Call_id":5,"seq_":"x","mediA":0}}')


@pytest.mark.parametrize("name", ["event", "call_id", "seq", "media"])
@pytest.mark.parametrize("earlier", ["null", '"x"', "5", "{}", "[[]]", '{"payload":"!"}'])
def test_last_member_of_a_name_counts(ingesting: Any, name: str, earlier: str) -> None:
    text = json.dumps(CALLBOT_MEDIA)
    appended(ingesting, f'{{"{name}":{earlier},{text[1:]}')
    appended(ingesting, f'{{"{escaped(name)}":{earlier},{text[1:]}')


@pytest.mark.parametrize("name", ["payload", "encoding", "rate"])
@pytest.mark.parametrize("earlier", ["null", '"x"', "5", "{}"])
def test_last_inner_member_of_a_name_counts(ingesting: Any, name: str, earlier: str) -> None:
    text = json.dumps(CALLBOT_MEDIA)
    appended(ingesting, text.replace('"media": {', f'"media": {{"{name}":{earlier},'))


@pytest.mark.parametrize("before", ['"media":{"payload":"\\q"},', '"media":{"x":1,"payload":"\\q","payload":""},', ""])
def test_value_that_does_not_count_has_to_be_json_as_well(ingesting: Any, before: str) -> None:
    processor, buffer = opened(ingesting, "callbot")
    text = "{" + before + json.dumps(CALLBOT_MEDIA)[1:]
    if not before:
        text = text.replace('"payload":', '"payload":"\\q","payload":')
    position = text.index("\\q") + 1
    assert [outcome(send, processor, "callbot", way) for way in both(text)] == [refused("JSON", position)] * 2
    assert len(buffer) == 0


@pytest.mark.parametrize(
    ("last", "position"),
    [('"event":5', 8), ('"call_id":""', 10), ('"\\u0073eq":"7"', 11), ('"media":null', 8), ('"seq":-1', 6)],
)
def test_last_member_of_a_name_counts_if_it_is_wrong(ingesting: Any, last: str, position: int) -> None:
    processor, _ = opened(ingesting, "callbot")
    text = json.dumps(CALLBOT_MEDIA)[:-1]
    told = [outcome(send, processor, "callbot", way) for way in both(f"{text},{last}}}")]
    assert told == [refused("message", len(text) + 1 + position)] * 2


def test_objects_of_the_same_name_are_not_merged(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    text = json.dumps(CALLBOT_MEDIA)[:-1]
    last = ',"media":{"encoding":"pcm16","rate":16000}}'
    assert outcome(send, processor, "callbot", text + last) == refused("message", len(text) + 9)


def test_last_payload_counts(ingesting: Any) -> None:
    processor, buffer = opened(ingesting, "callbot")
    text = json.dumps(CALLBOT_MEDIA).replace(f'"{PAYLOAD}"', f'"{PAYLOAD}","payload":"AAEC"')
    assert [send(processor, "callbot", way).bytes for way in both(text)] == [3, 3]
    assert held(buffer) == b"\0\1\2" * 2


def test_last_id_counts(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    other = processor.open("c2")
    text = json.dumps(CALLBOT_MEDIA)[:-1] + ',"call_id":"c2"}'
    assert [send(processor, "callbot", way).call_id for way in both(text)] == ["c2", "c2"]
    assert held(other) == PCM * 2


@pytest.mark.parametrize(
    ("written", "call_id"),
    [
        ('"\\ud800"', "\ud800"),
        ('"\\udfff\\ud800"', "\udfff\ud800"),
        ('"\ud800"', "\ud800"),
        ('"\ud83d\ude00"', "\ud83d\ude00"),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ('"\\uD83D\\uDE00"', "\U0001f600"),
        ('"\U0001f600"', "\U0001f600"),
        ('"\\ud83d\\ud83d\\ude00"', "\ud83d\U0001f600"),
        ('"\\ud83d\\n\\ude00"', "\ud83d\n\ude00"),
        ('"\\ud83dx\\ude00"', "\ud83dx\ude00"),
        ('"\\ud83d\\\\ude00"', "\ud83d\\ude00"),
        ('"\\ud83d\ude00"', "\ud83d\ude00"),
        ('"\ud83d\\ude00"', "\ud83d\ude00"),
        ('"\u00e9\\u20ac\\ud83d"', "\u00e9\u20ac\ud83d"),
    ],
    ids=ascii,
)
def test_surrogates(ingesting: Any, written: str, call_id: str) -> None:
    for text in both(START.replace('"c1"', written)):
        processor = ingesting.AudioProcessor(capacity=64)
        assert send(processor, "callbot", text).call_id == call_id
        assert processor.call_ids() == [call_id]


@pytest.mark.parametrize("level", ["[]", '{"x":0}'], ids=["lists", "objects"])
@pytest.mark.parametrize("spread", ["", " "], ids=["compact", "spread"])
def test_levels(ingesting: Any, level: str, spread: str) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    begin = {"[]": "[", '{"x":0}': '{"x":'}[level] + spread
    for levels, accepted in ((DEEP - 1, True), (DEEP, False), (DEEP + 1, False)):
        text = '{"event":"x","y":' + begin * levels + "0" + (spread + level[-1]) * levels + "}"
        right = told(kind="other", name="x") if accepted else refused("JSON", 17 + len(begin) * (DEEP - 1))
        assert [outcome(send, processor, "callbot", way) for way in both(text)] == [right] * 2


def test_levels_are_of_nesting_only(ingesting: Any) -> None:
    appended(ingesting, json.dumps(CALLBOT_MEDIA | {"x": [[]] * 3000, "y": "[" * 3000, "{" * 3000: 0}))


@pytest.mark.parametrize("size", [10, 1000, 100_000])
def test_long_message(ingesting: Any, size: int) -> None:
    appended(ingesting, json.dumps({"x": ["\n" * size, size] * 10} | CALLBOT_MEDIA | {"y": "z" * size}))
