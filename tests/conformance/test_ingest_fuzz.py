"""Messages made and spoilt by chance: the same outcome as the reference, and as json and append together."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from . import reference
from .messages import FORMATS, STARTS, media, opened, outcome, send, told
from .states import held, states
from .texts import RAW, encode, pattern

MESSAGES = 40
"""Messages that a pair of processors sees before it is replaced."""

PIECES = '{}[]",:\\ \t\n0123456789-+.eEtfnu/=AZaz_!\0\x1f\x7f\u00e9\u20ac\U0001f3a7\ud800\udc00'
WORDS = ["null", "true", "false", "[]", "{}", '""', "-0", "1e999", "0.5", "18446744073709551616", "\\u0041", "\\/"]
WORDS += ['"event":', '"call_id":', '"media":{', '"seq":', '"streamSid":', "[[", "}}", '\\"', "\\\\", "NaN", "//"]
WORDS += ["\\ud83d", "\ufeff"]
BYTES = [bytes([code]) for code in b'\0\x1f"\\\x7f\x80\xa0\xbf\xc0\xc2\xe0\xed\xf0\xf4\xff']
BYTES += [b"\xe2\x82\xac", b"\xed\xa0\x80", b"\xf0\x9f\x8e\xa7", b"\xc0\xaf", b"\xef\xbb\xbf", b"\xf4\x90\x80\x80"]
IDS = ("c1", "c1", "c1", "c2", "", "\u20ac", "\ud800")


def value(chance: random.Random, level: int = 0) -> Any:
    """Anything that a member may be."""
    kind = chance.randrange(9 if level < 3 else 6)
    if kind < 6:
        return (None, True, chance.randrange(-5, 10**20), chance.random(), 'x\u20ac"\\', "")[kind]
    items = [value(chance, level + 1) for _ in range(chance.randrange(4))]
    return items if kind == 6 else {chance.choice(("a", "event", "media", "")): item for item in items}


def message(chance: random.Random, form: str) -> dict[str, Any]:
    """A message of a format that is mostly right."""
    payload = encode(pattern(chance.choice((0, 1, 2, 3, 10, 48, 160))))
    event = chance.choice(("media", "media", "media", "start", "stop", "mark"))
    number, call_id = chance.randrange(1000), chance.choice(IDS)
    rate, encoding = chance.choice((16000, 16000, 8000)), chance.choice(("pcm16", "pcm16", "mulaw"))
    if form == "callbot":
        sound = {"encoding": encoding, "rate": rate, "payload": payload}
        made = {"event": event, "call_id": call_id, "seq": number, "media": sound}
    elif form == "twilio":
        track = chance.choice(("inbound", "inbound", "outbound"))
        start = {"tracks": [track], "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": rate, "channels": 1}}
        made = {"event": event, "streamSid": call_id, "sequenceNumber": str(number), "start": start}
        made["media"] = {"track": track, "payload": payload}
    else:
        made = {"type": chance.choice(("input_audio_buffer.append", "x")), "audio": payload}
    if chance.random() < 0.2:
        made[chance.choice(("x", "event", "seq", "media", "call_id"))] = value(chance)
    members = list(made.items())
    chance.shuffle(members)
    return dict(members)


def written(chance: random.Random, made: dict[str, Any]) -> str:
    """A message as text, in one of many ways."""
    indent, ascii_only = chance.choice((None, None, 1)), chance.random() < 0.5
    return json.dumps(made, indent=indent, ensure_ascii=ascii_only)


def spoilt(chance: random.Random, text: Any, pieces: list[Any]) -> Any:
    """A text after some accidents."""
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
        start, end = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        end = min(end, start + chance.choice((1, 2, 8, 60)))
        accident = chance.randrange(7)
        if accident == 0:
            text = text[:start] + text[end:]
        elif accident == 1:
            text = text[:end] + text[start:]
        elif accident == 2:
            text = text[:start] + text[start + 1 : start + 2] + text[start : start + 1] + text[start + 2 :]
        elif accident == 3:
            text = text[:start] + chance.choice(pieces) + text[start + 1 :]
        elif accident == 4:
            text = text[:start] + chance.choice(pieces) + text[start:]
        elif accident == 5:
            place = chance.randrange(len(text) + 1)
            text = text[:place] + text[start:end] + text[place:]
        else:
            text = text[: max(start, len(text) - 5)] if chance.random() < 0.5 else text + chance.choice(pieces)
    return text


class Pair:
    """The processor under test beside that of the reference."""

    def __init__(self, implementation: Any, chance: random.Random, form: str) -> None:
        options = {"capacity": 64, "limit": chance.choice((300, 2000)), "max_bytes": 2500, "max_calls": 3}
        self.form = form
        self.both = [each.AudioProcessor(**options) for each in (implementation, reference)]
        if chance.random() < 0.5 or form not in STARTS:
            for processor in self.both:
                processor.open("c1")

    def outcomes(self, symbols: Any, call_id: str | None) -> list[tuple[Any, ...]]:
        """What both do."""
        return [outcome(each.ingest, symbols, format=self.form, call_id=call_id) for each in self.both]


@pytest.mark.parametrize("is_text", [True, False], ids=["str", "bytes"])
@pytest.mark.parametrize("form", FORMATS)
def test_same_outcome_as_the_reference(ingesting: Any, form: str, is_text: bool) -> None:
    pieces: list[Any] = [*PIECES, *WORDS] if is_text else [*BYTES, *(word.encode("utf-8", "ignore") for word in WORDS)]
    for seed in range(settings.default.max_examples // 2 if settings.default else 50):
        chance = random.Random(f"{form} {is_text} {seed}")
        pair = Pair(ingesting, chance, form)
        for _ in range(MESSAGES):
            text = written(chance, message(chance, form))
            symbols = spoilt(chance, text if is_text else text.encode("utf-8", "ignore"), pieces)
            call_id = chance.choice((None, "c1")) if form in STARTS else "c1"
            found, right = pair.outcomes(symbols, call_id)
            assert found == right, f"seed {seed}: {symbols!r} for {call_id}"
        found, right = map(states, pair.both)
        assert found == right, f"seed {seed}"


ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)
WRITERS: dict[str, Callable[[Any], str]] = {
    "default": json.dumps,
    "wide": lambda value: json.dumps(value, ensure_ascii=False),
    "compact": lambda value: json.dumps(value, separators=(",", ":")),
    "indented": lambda value: json.dumps(value, indent="\t"),
}


@given(
    raw=RAW,
    more=st.dictionaries(st.text(), ANYTHING, max_size=4),
    writer=st.sampled_from(sorted(WRITERS)),
    is_text=st.booleans(),
    form=st.sampled_from(FORMATS),
)
def test_same_as_json_and_append(
    ingesting: Any, raw: bytes, more: dict[str, Any], writer: str, is_text: bool, form: str
) -> None:
    processor, buffer = opened(ingesting, form)
    made = more | media(form, encode(raw))
    text = WRITERS[writer](made)
    result = send(processor, form, text if is_text else text.encode())
    read = json.loads(text)
    plain = ingesting.AudioProcessor(capacity=64)
    plain.open("c1")
    added = plain.append("c1", read["audio"] if form == "openai" else read["media"]["payload"])
    assert (result.bytes, held(buffer), buffer.chunk_count) == (added, held(plain["c1"]), 1)


@given(
    name=st.text(st.characters()), call_id=st.text(st.characters(), min_size=1), writer=st.sampled_from(sorted(WRITERS))
)
def test_strings_are_those_of_json(ingesting: Any, name: str, call_id: str, writer: str) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    text = WRITERS[writer]({"event": "x" + name, "call_id": call_id})
    right = told(kind="other", call_id=call_id, name="x" + name)
    assert outcome(send, processor, "callbot", text) == right
    assert outcome(send, processor, "callbot", json.dumps(json.loads(text)).encode()) == right
