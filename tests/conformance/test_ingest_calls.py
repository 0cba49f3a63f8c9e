"""Whose call a message may reach, what the state of a call forbids, and what a call was started with."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .inputs import Text
from .messages import (
    CALLBOT_MEDIA,
    CALLBOT_START,
    FORMATS,
    ID_OF,
    MEDIA,
    OPENAI_APPEND,
    PCM,
    SERVICES,
    STARTS,
    STOPS,
    TWILIO_MEDIA,
    TWILIO_START,
    changed,
    media,
    opened,
    outcome,
    placed,
    refused,
    send,
)
from .states import held
from .texts import encode, pattern

BAD = "AAA"
"""A payload that is no base64."""


def marked(text: str, value: str) -> str:
    """A text with a caret in front of a value."""
    assert text.count(value) == 1
    return text.replace(value, f"^{value}")


EVENTS: dict[str, Callable[[str], dict[str, Any]]] = {
    "start": lambda form: STARTS[form],
    "media": lambda form: MEDIA[form],
    "stop": lambda form: STOPS[form],
    "other": lambda form: {"event": "mark", ID_OF[form]: "c1"},
}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("form", SERVICES)
@pytest.mark.parametrize("call_id", ["c1", "\u20ac", "\u00e9", "\U0001f3a7", "\ud800", "x" * 300])
def test_bound_to_the_same_call(ingesting: Any, form: str, event: str, call_id: str) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    if event != "start":
        processor.open(call_id)
    message = EVENTS[event](form) | {ID_OF[form]: call_id}
    for ascii_only in (True, False):
        for bound in (call_id, Text(call_id), "".join(list(call_id))):
            result = send(processor, form, json.dumps(message, ensure_ascii=ascii_only), call_id=bound)
            assert result.call_id == call_id
            if event == "start":
                processor.discard(call_id)
            if event == "stop":
                processor.open(call_id)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("form", SERVICES)
@pytest.mark.parametrize("bound", ["c2", "c", "c11", "C1", "", "c1\0", " c1", "\u00e91", "\ud800", "\u0441\u0031"])
def test_bound_to_another_call(ingesting: Any, form: str, event: str, bound: str) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    processor.open(bound)
    if event != "start":
        processor.open("c1")
    before = processor.call_ids()
    text = json.dumps({ID_OF[form]: "@"} | {**EVENTS[event](form), ID_OF[form]: "@"}).replace('"@"', '^"c1"')
    for way, place in placed(text):
        assert outcome(send, processor, form, way, call_id=bound) == refused("message", place)
    assert (processor.call_ids(), processor.total_bytes) == (before, 0)


@pytest.mark.parametrize("form", SERVICES)
def test_bound_id_is_compared_without_escapes(ingesting: Any, form: str) -> None:
    processor, _ = opened(ingesting, form)
    text = json.dumps(MEDIA[form]).replace(f'"{ID_OF[form]}": "c1"', f'"{ID_OF[form]}": "\\u00631"')
    assert [send(processor, form, way, call_id="c1").call_id for way in (text, text.encode())] == ["c1"] * 2


@pytest.mark.parametrize("form", SERVICES)
def test_bound_id_is_compared_to_the_last_one(ingesting: Any, form: str) -> None:
    processor, _ = opened(ingesting, form)
    text = json.dumps(MEDIA[form])
    assert send(processor, form, f'{{"{ID_OF[form]}":"c2",{text[1:]}', call_id="c1").bytes == 48
    last = f'{text[:-1]},"{ID_OF[form]}":"c2"}}'
    assert outcome(send, processor, form, last, call_id="c1") == refused("message", len(last) - 5)


@pytest.mark.parametrize("form", SERVICES)
def test_event_that_names_no_call_may_be_bound(ingesting: Any, form: str) -> None:
    processor, _ = opened(ingesting, form)
    result = send(processor, form, '{"event":"connected"}', call_id="c1")
    assert (result.kind, result.call_id) == ("other", None)


@pytest.mark.parametrize("form", SERVICES)
def test_bound_id_is_compared_before_what_follows(ingesting: Any, form: str) -> None:
    processor, _ = opened(ingesting, form)
    for message in (MEDIA[form], STARTS[form]):
        text = json.dumps(message | {ID_OF[form]: "@", "media": 5, "start": 5, "seq": "", "sequenceNumber": ""})
        for way, place in placed(text.replace('"@"', '^"c1"')):
            assert outcome(send, processor, form, way, call_id="c2") == refused("message", place)


@pytest.mark.parametrize("call_id", ["c1", "", "\u20ac", "\ud800"])
def test_call_of_openai_is_that_of_the_connection(ingesting: Any, call_id: str) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    buffer = processor.open(call_id)
    result = send(processor, "openai", OPENAI_APPEND | {"call_id": "x", "streamSid": "x"}, call_id=call_id)
    assert (result.call_id, held(buffer)) == (call_id, PCM)


def test_openai_has_no_call_without_a_connection(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "openai")
    assert outcome(processor.ingest, json.dumps(OPENAI_APPEND), format="openai")[0] == "ValueError"


@pytest.mark.parametrize("form", FORMATS)
def test_call_that_is_not_open(ingesting: Any, form: str) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    processor.open("c2")
    for message in (MEDIA[form], media(form, BAD), *([STOPS[form]] if form in STOPS else [])):
        assert outcome(send, processor, form, message) == ("KeyError",)


@pytest.mark.parametrize("form", FORMATS)
def test_call_that_was_closed(ingesting: Any, form: str) -> None:
    processor, _ = opened(ingesting, form)
    processor.close("c1")
    assert outcome(send, processor, form, MEDIA[form]) == ("KeyError",)


@pytest.mark.parametrize("form", SERVICES)
def test_call_that_a_message_closed(ingesting: Any, form: str) -> None:
    processor, _ = opened(ingesting, form)
    send(processor, form, STOPS[form])
    for message in (MEDIA[form], STOPS[form]):
        assert outcome(send, processor, form, message) == ("KeyError",)


@pytest.mark.parametrize("form", SERVICES)
@pytest.mark.parametrize("by_message", [True, False], ids=["by a message", "by open"])
def test_call_that_is_open_already(ingesting: Any, form: str, by_message: bool) -> None:
    processor = ingesting.AudioProcessor(capacity=64, max_calls=1)
    if by_message:
        send(processor, form, STARTS[form])
    else:
        processor.open("c1")
    assert outcome(send, processor, form, STARTS[form]) == ("ValueError",)


@pytest.mark.parametrize("form", SERVICES)
def test_max_calls(ingesting: Any, form: str) -> None:
    processor = ingesting.AudioProcessor(capacity=0, max_calls=1)
    processor.open("c2")
    with pytest.raises(OverflowError, match=r"\b1\b"):
        send(processor, form, STARTS[form])
    processor.discard("c2")
    assert send(processor, form, STARTS[form]).kind == "opened"


@pytest.mark.parametrize("form", SERVICES)
def test_memory_that_cannot_be_had(ingesting: Any, form: str) -> None:
    try:
        processor = ingesting.AudioProcessor(capacity=2**64)
    except (MemoryError, OverflowError):
        return  # refused at once, so that there is no call to open
    assert outcome(send, processor, form, STARTS[form]) == ("MemoryError",)
    assert processor.call_ids() == []


@pytest.mark.parametrize("bound", ["limit", "max_bytes"])
@pytest.mark.parametrize("form", FORMATS)
def test_bounds(ingesting: Any, form: str, bound: str) -> None:
    processor, buffer = opened(ingesting, form, **{bound: 6007})
    assert send(processor, form, media(form, encode(pattern(6000)))).bytes == 6000
    for size in (8, 6008, 100_000):
        with pytest.raises(OverflowError, match=r"\b6007\b"):
            send(processor, form, media(form, encode(pattern(size))))
    assert send(processor, form, media(form, encode(pattern(7)))).bytes == 7
    assert held(buffer) == pattern(6000) + pattern(7)
    assert send(processor, form, media(form, "")).bytes == 0


@pytest.mark.parametrize("form", FORMATS)
def test_max_bytes_is_over_all_calls(ingesting: Any, form: str) -> None:
    processor, _ = opened(ingesting, form, max_bytes=100)
    processor.open("c2").append_pcm(pattern(60))
    assert outcome(send, processor, form, MEDIA[form]) == ("OverflowError",)
    processor["c2"].clear()
    assert send(processor, form, MEDIA[form]).bytes == 48


@pytest.mark.parametrize("form", SERVICES)
def test_stop_makes_room(ingesting: Any, form: str) -> None:
    processor, _ = opened(ingesting, form, max_bytes=50)
    for _ in range(3):
        send(processor, form, MEDIA[form])
        send(processor, form, STOPS[form])
        send(processor, form, STARTS[form])
    assert processor.total_bytes == 0


@pytest.mark.parametrize("form", FORMATS)
def test_view_forbids_audio(ingesting: Any, form: str) -> None:
    processor, buffer = opened(ingesting, form)
    send(processor, form, MEDIA[form])
    with buffer.view() as view:
        for payload in ("AAEC", "", BAD):
            assert outcome(send, processor, form, media(form, payload)) == ("BufferError",)
        assert bytes(view) == PCM
    assert send(processor, form, MEDIA[form]).bytes == 48


@pytest.mark.parametrize("form", SERVICES)
def test_view_forbids_the_end(ingesting: Any, form: str) -> None:
    processor, buffer = opened(ingesting, form)
    send(processor, form, MEDIA[form])
    with buffer.view():
        assert outcome(send, processor, form, STOPS[form]) == ("BufferError",)
        assert processor.call_ids() == ["c1"]
    assert send(processor, form, STOPS[form]).audio == PCM


@pytest.mark.parametrize("form", SERVICES)
def test_view_of_a_call_is_nothing_to_other_events(ingesting: Any, form: str) -> None:
    processor, buffer = opened(ingesting, form)
    with buffer.view():
        assert send(processor, form, {"event": "mark", ID_OF[form]: "c1"}).kind == "other"
        assert send(processor, form, STARTS[form] | {ID_OF[form]: "c2"}).kind == "opened"


OTHER_SOUND = {
    "encoding": ("callbot", changed(CALLBOT_MEDIA, "media", "encoding", to="mulaw"), '"mulaw"'),
    "rate": ("callbot", changed(CALLBOT_MEDIA, "media", "rate", to=8000), "8000"),
    "track": ("twilio", changed(TWILIO_MEDIA, "media", "track", to="outbound"), '"outbound"'),
    "encoding before rate": (
        "callbot",
        changed(changed(CALLBOT_MEDIA, "media", "encoding", to="mulaw"), "media", "rate", to=8000),
        '"mulaw"',
    ),
}


@pytest.mark.parametrize("sound", OTHER_SOUND)
def test_audio_that_its_call_was_not_started_with(ingesting: Any, sound: str) -> None:
    form, message, value = OTHER_SOUND[sound]
    processor, buffer = opened(ingesting, form)
    for payload in (None, BAD):
        text = json.dumps(message if payload is None else changed(message, "media", "payload", to=payload))
        for way, place in placed(marked(text, value)):
            assert outcome(send, processor, form, way) == refused("message", place)
    assert buffer.chunk_count == 0


@pytest.mark.parametrize("sound", OTHER_SOUND)
def test_call_of_open_takes_any_audio(ingesting: Any, sound: str) -> None:
    form, message, _ = OTHER_SOUND[sound]
    processor = ingesting.AudioProcessor(capacity=64)
    processor.open("c1")
    for each in (message, MEDIA[form], message):
        assert send(processor, form, each).bytes == 48


@pytest.mark.parametrize("sound", OTHER_SOUND)
@pytest.mark.parametrize("end", ["stop", "close", "discard"])
def test_call_that_open_opens_again_takes_any_audio(ingesting: Any, sound: str, end: str) -> None:
    form, message, _ = OTHER_SOUND[sound]
    processor, _ = opened(ingesting, form)
    send(processor, form, MEDIA[form])
    if end == "stop":
        send(processor, form, STOPS[form])
    else:
        getattr(processor, end)("c1")
    processor.open("c1")
    assert send(processor, form, message).bytes == 48


@pytest.mark.parametrize("empty", ["take", "clear"])
def test_emptied_call_keeps_what_it_was_started_with(ingesting: Any, empty: str) -> None:
    processor, buffer = opened(ingesting, "callbot")
    send(processor, "callbot", CALLBOT_MEDIA)
    getattr(buffer, empty)()
    assert outcome(send, processor, "callbot", OTHER_SOUND["rate"][1])[:2] == ("ValueError", "message")
    assert send(processor, "callbot", CALLBOT_MEDIA).bytes == 48


def test_start_that_was_refused_changes_nothing_about_the_audio(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    again = CALLBOT_START | {"media": {"encoding": "mulaw", "rate": 8000}}
    assert outcome(send, processor, "callbot", again) == ("ValueError",)
    assert send(processor, "callbot", CALLBOT_MEDIA).bytes == 48


def test_call_that_a_message_opens_again_has_the_new_audio(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    send(processor, "callbot", STOPS["callbot"])
    sound = {"encoding": "mulaw", "rate": 8000}
    send(processor, "callbot", CALLBOT_START | {"media": sound})
    assert outcome(send, processor, "callbot", CALLBOT_MEDIA)[:2] == ("ValueError", "message")
    assert send(processor, "callbot", CALLBOT_MEDIA | {"media": sound | {"payload": "AAEC"}}).bytes == 3
    assert send(processor, "callbot", STOPS["callbot"]).audio == b"\0\1\2"


@pytest.mark.parametrize("track", ["inbound", "outbound"])
@pytest.mark.parametrize("said", [True, False], ids=["said", "left out"])
def test_track_of_a_stream(ingesting: Any, track: str, said: bool) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    start = changed(TWILIO_START, "start", "tracks", to=[track])
    if not said:
        del start["start"]["tracks"]
    send(processor, "twilio", start)
    right = track if said else "inbound"
    found = {
        sent: outcome(send, processor, "twilio", changed(TWILIO_MEDIA, "media", "track", to=sent))[0]
        for sent in ("inbound", "outbound")
    }
    assert {sent: kind == ("str", "appended") for sent, kind in found.items()} == {
        "inbound": right == "inbound",
        "outbound": right == "outbound",
    }


def test_each_call_has_audio_of_its_own(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    other = {"encoding": "mulaw", "rate": 8000}
    send(processor, "callbot", CALLBOT_START | {"call_id": "c2", "media": other})
    assert send(processor, "callbot", CALLBOT_MEDIA).bytes == 48
    assert (
        send(processor, "callbot", CALLBOT_MEDIA | {"call_id": "c2", "media": other | {"payload": "AA=="}}).bytes == 1
    )


ORDER: dict[str, tuple[dict[str, Any], tuple[Any, ...]]] = {
    "members before the call": ({"call_id": "nobody", "media": 5}, ("ValueError", "message")),
    "call before the audio": ({"call_id": "nobody", "rate": 1, "payload": BAD}, ("KeyError",)),
    "view before the audio": ({"view": True, "rate": 1, "payload": BAD}, ("BufferError",)),
    "view before the limit": ({"view": True, "payload": encode(bytes(500))}, ("BufferError",)),
    "audio before the payload": ({"rate": 1, "payload": BAD}, ("ValueError", "message")),
    "audio before the limit": ({"rate": 1, "payload": encode(bytes(500))}, ("ValueError", "message")),
    "payload before the limit": ({"payload": encode(bytes(500))[:-1]}, ("ValueError", "base64")),
    "members before the view": ({"view": True, "seq": "7"}, ("ValueError", "message")),
}


@pytest.mark.parametrize("order", ORDER)
def test_order_of_checks(ingesting: Any, order: str) -> None:
    faults, wanted = ORDER[order]
    processor, buffer = opened(ingesting, "callbot", limit=100)
    inner = {name: faults[name] for name in ("rate", "payload") if name in faults}
    outer = {name: faults[name] for name in ("call_id", "seq", "media") if name in faults}
    message = CALLBOT_MEDIA | {"media": CALLBOT_MEDIA["media"] | inner} | outer
    view = buffer.view() if "view" in faults else None
    found = outcome(send, processor, "callbot", message)
    if view is not None:
        view.release()
    assert found[: len(wanted)] == wanted
    assert wanted[0] == "ValueError" or found == wanted


def test_limit_comes_before_max_bytes(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot", limit=10, max_bytes=20)
    with pytest.raises(OverflowError, match=r"\b10\b"):
        send(processor, "callbot", CALLBOT_MEDIA)
