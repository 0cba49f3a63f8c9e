"""What `ingest` refuses changes nothing, whatever it is refused for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .messages import (
    CALLBOT_MEDIA,
    CALLBOT_START,
    CALLBOT_STOP,
    FORMATS,
    MEDIA,
    OPENAI_APPEND,
    PCM,
    SERVICES,
    STOPS,
    TWILIO_MEDIA,
    TWILIO_START,
    changed,
    media,
    opened,
    outcome,
    send,
    without,
)
from .states import states
from .texts import encode, pattern

REFUSED: dict[str, tuple[str, Any]] = {
    "text behind a start": ("callbot", json.dumps(CALLBOT_START | {"call_id": "new"}) + "x"),
    "text behind audio": ("callbot", json.dumps(CALLBOT_MEDIA) + "}"),
    "text behind a stop": ("callbot", json.dumps(CALLBOT_STOP) + ","),
    "text that stops too early": ("callbot", json.dumps(CALLBOT_MEDIA)[:-1]),
    "bytes that are no UTF-8": (
        "callbot",
        json.dumps(CALLBOT_MEDIA | {"x": "@"}).encode().replace(b"@", b"\xed\xa0\x80"),
    ),
    "levels": ("callbot", json.dumps(CALLBOT_MEDIA)[:-1] + ',"x":' + "[" * 1024 + "]" * 1024 + "}"),
    "no encoding at a start": ("callbot", without(CALLBOT_START, "media", "encoding") | {"call_id": "new"}),
    "no rate at a start": ("callbot", without(CALLBOT_START, "media", "rate") | {"call_id": "new"}),
    "start of an open call": ("callbot", CALLBOT_START),
    "start of another encoding": ("callbot", CALLBOT_START | {"media": {"encoding": "mulaw", "rate": 8000}}),
    "start of a call too many": ("callbot", CALLBOT_START | {"call_id": "new"}),
    "no number": ("callbot", without(CALLBOT_MEDIA, "seq")),
    "another encoding": ("callbot", changed(CALLBOT_MEDIA, "media", "encoding", to="mulaw")),
    "another rate": ("callbot", changed(CALLBOT_MEDIA, "media", "rate", to=8000)),
    "another track": ("twilio", changed(TWILIO_MEDIA, "media", "track", to="outbound")),
    "two tracks": ("twilio", changed(TWILIO_START, "start", "tracks", to=["inbound", "outbound"]) | {"streamSid": "n"}),
    "no base64 at the start": ("callbot", media("callbot", "!AAA" * 30)),
    "no base64 at the end": ("callbot", media("callbot", "AAAA" * 30 + "AAA!")),
    "no base64 with escapes": ("openai", json.dumps(OPENAI_APPEND).replace('"}', '\\u0021"}')),
    "spare bits": ("twilio", media("twilio", "AAAA" * 30 + "AB==")),
    "no audio": ("openai", OPENAI_APPEND | {"audio": None}),
    "past the limit": ("callbot", media("callbot", encode(pattern(1000)))),
    "past max_bytes": ("callbot", media("callbot", encode(pattern(200)))),
    "unknown call": ("callbot", CALLBOT_MEDIA | {"call_id": "nobody"}),
    "unknown stream": ("twilio", TWILIO_MEDIA | {"streamSid": "nobody"}),
    "stop of an unknown call": ("callbot", CALLBOT_STOP | {"call_id": "nobody"}),
    "no message": ("callbot", 5),
    "no event": ("callbot", {"call_id": "c1"}),
    "no object": ("callbot", "[]"),
    "nothing": ("callbot", ""),
}


def filled(ingesting: Any, form: str) -> Any:
    """A processor with calls that have seen something already, and no room for much more."""
    processor, _ = opened(ingesting, form, limit=400, max_bytes=300, max_calls=2)
    send(processor, form, MEDIA[form])
    processor.open("c2").append_pcm(pattern(90))
    processor["c2"].take()
    processor["c2"].append_pcm(pattern(60))
    return processor


def whole(processor: Any) -> tuple[Any, ...]:
    """All that can be seen of a processor."""
    buffers = [processor[call_id] for call_id in processor.call_ids()]
    return states(processor), [(buffer.capacity, buffer.reallocations) for buffer in buffers]


@pytest.mark.parametrize("reason", REFUSED)
def test_processor_is_as_it_was(ingesting: Any, reason: str) -> None:
    form, message = REFUSED[reason]
    processor = filled(ingesting, form)
    before = whole(processor)
    assert outcome(send, processor, form, message)[0] in ("ValueError", "KeyError", "OverflowError", "TypeError")
    assert whole(processor) == before


@pytest.mark.parametrize("reason", REFUSED)
def test_call_goes_on_after_a_refusal(ingesting: Any, reason: str) -> None:
    form, message = REFUSED[reason]
    processor = filled(ingesting, form)
    for _ in range(3):
        outcome(send, processor, form, message)
    assert send(processor, form, MEDIA[form]).bytes == 48
    assert processor.close("c1") == PCM * 2


@pytest.mark.parametrize("form", FORMATS)
def test_call_of_another_connection_is_as_it_was(ingesting: Any, form: str) -> None:
    processor = filled(ingesting, form)
    before = whole(processor)
    for message in (MEDIA[form], *([STOPS[form]] if form in STOPS else [])):
        assert outcome(send, processor, form, message, call_id="other")[0] in ("ValueError", "KeyError")
    assert whole(processor) == before


@pytest.mark.parametrize("form", FORMATS)
def test_call_is_as_it_was_under_a_view(ingesting: Any, form: str) -> None:
    processor = filled(ingesting, form)
    with processor["c1"].view():
        before = whole(processor)
        for message in (MEDIA[form], *([STOPS[form]] if form in STOPS else [])):
            assert outcome(send, processor, form, message) == ("BufferError",)
        assert whole(processor) == before


@pytest.mark.parametrize("form", SERVICES)
def test_start_that_was_refused_can_be_sent_again(ingesting: Any, form: str) -> None:
    processor, _ = opened(ingesting, form, max_calls=1)
    name = {"callbot": "call_id", "twilio": "streamSid"}[form]
    start = {"callbot": CALLBOT_START, "twilio": TWILIO_START}[form] | {name: "new"}
    assert outcome(send, processor, form, start) == ("OverflowError",)
    assert "new" not in processor
    processor.discard("c1")
    assert send(processor, form, start).kind == "opened"
