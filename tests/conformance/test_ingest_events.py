"""What each event of each format does and tells."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .messages import (
    ATTRIBUTES,
    CALLBOT_MEDIA,
    CALLBOT_START,
    CALLBOT_STOP,
    FORMATS,
    ID_OF,
    MEDIA,
    OPENAI_APPEND,
    PAYLOAD,
    PCM,
    SERVICES,
    STARTS,
    STOPS,
    TWILIO_MEDIA,
    TWILIO_START,
    TWILIO_STOP,
    changed,
    media,
    opened,
    send,
    shown,
    told,
    without,
)
from .states import held
from .texts import encode, pattern

MOST = 2**64 - 1


def test_callbot_start(ingesting: Any) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    result = send(processor, "callbot", CALLBOT_START)
    assert shown(result) == told(kind="opened", call_id="c1", encoding="pcm16", rate=16000)


def test_callbot_start_with_a_number(ingesting: Any) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    mulaw = {"encoding": "mulaw", "rate": 192_000}
    result = send(processor, "callbot", CALLBOT_START | {"seq": 3, "media": mulaw})
    assert shown(result) == told(kind="opened", call_id="c1", sequence=3, encoding="mulaw", rate=192_000)


def test_callbot_media(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    result = send(processor, "callbot", CALLBOT_MEDIA)
    assert shown(result) == told(kind="appended", call_id="c1", sequence=7, bytes=48)


def test_callbot_stop(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    send(processor, "callbot", CALLBOT_MEDIA)
    result = send(processor, "callbot", CALLBOT_STOP)
    assert shown(result) == told(kind="closed", call_id="c1", sequence=8, bytes=48, audio=PCM)


def test_callbot_stop_without_a_number(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    result = send(processor, "callbot", without(CALLBOT_STOP, "seq"))
    assert shown(result) == told(kind="closed", call_id="c1", audio=b"")


@pytest.mark.parametrize("name", ["mark", "", "Media", "START", "media ", "\u20ac\U0001f3a7", "\ud800", "a\0b"])
def test_callbot_other(ingesting: Any, name: str) -> None:
    processor, _ = opened(ingesting, "callbot")
    result = send(processor, "callbot", {"event": name, "call_id": "x", "seq": 9})
    assert shown(result) == told(kind="other", call_id="x", sequence=9, name=name)


def test_twilio_start(ingesting: Any) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    result = send(processor, "twilio", TWILIO_START)
    assert shown(result) == told(kind="opened", call_id="c1", sequence=1, encoding="mulaw", rate=8000)


def test_twilio_start_with_the_least(ingesting: Any) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    least = {"event": "start", "streamSid": "c1", "start": {"mediaFormat": {"encoding": "audio/x-mulaw"}}}
    assert shown(send(processor, "twilio", least)) == told(kind="opened", call_id="c1", encoding="mulaw", rate=8000)


def test_twilio_media(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "twilio")
    result = send(processor, "twilio", TWILIO_MEDIA)
    assert shown(result) == told(kind="appended", call_id="c1", sequence=7, bytes=48)


def test_twilio_stop(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "twilio")
    send(processor, "twilio", TWILIO_MEDIA)
    result = send(processor, "twilio", TWILIO_STOP)
    assert shown(result) == told(kind="closed", call_id="c1", sequence=8, bytes=48, audio=PCM)


def test_twilio_connected(ingesting: Any) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    result = send(processor, "twilio", {"event": "connected", "protocol": "Call", "version": "1.0.0"})
    assert shown(result) == told(kind="other", name="connected")


@pytest.mark.parametrize("name", ["mark", "dtmf", "", "Stop", "\u20ac"])
def test_twilio_other(ingesting: Any, name: str) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    result = send(processor, "twilio", {"event": name, "streamSid": "x", "sequenceNumber": "9"})
    assert shown(result) == told(kind="other", call_id="x", sequence=9, name=name)


def test_openai_append(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "openai")
    assert shown(send(processor, "openai", OPENAI_APPEND)) == told(kind="appended", call_id="c1", bytes=48)


@pytest.mark.parametrize("name", ["input_audio_buffer.commit", "session.update", "", "input_audio_buffer.appen"])
def test_openai_other(ingesting: Any, name: str) -> None:
    processor, _ = opened(ingesting, "openai")
    result = send(processor, "openai", {"type": name, "audio": PAYLOAD, "call_id": "x", "seq": 5})
    assert shown(result) == told(kind="other", name=name)


@pytest.mark.parametrize("form", FORMATS)
def test_other_event_does_nothing(ingesting: Any, form: str) -> None:
    processor, buffer = opened(ingesting, form)
    send(processor, form, MEDIA[form])
    send(processor, form, MEDIA[form] | {"event": "other", "type": "other"})
    assert (processor.call_ids(), held(buffer), buffer.chunk_count) == (["c1"], PCM, 1)


@pytest.mark.parametrize("form", SERVICES)
def test_start_opens_the_call(ingesting: Any, form: str) -> None:
    processor = ingesting.AudioProcessor(capacity=4096, limit=5000)
    send(processor, form, STARTS[form])
    assert processor.call_ids() == ["c1"]
    assert (len(processor["c1"]), processor["c1"].chunk_count) == (0, 0)


@pytest.mark.parametrize("form", SERVICES)
def test_start_gives_the_buffer_what_open_gives(ingesting: Any, form: str) -> None:
    processor = ingesting.AudioProcessor(capacity=4096, limit=3)
    send(processor, form, STARTS[form])
    processor.open("other")
    assert processor["c1"].capacity == processor["other"].capacity
    with pytest.raises(OverflowError):
        processor.append("c1", "AAAAAA==")


@pytest.mark.parametrize("form", FORMATS)
def test_media_appends_in_order(ingesting: Any, form: str) -> None:
    processor, buffer = opened(ingesting, form)
    pieces = [pattern(size) for size in (3, 0, 1, 160, 2, 1280)]
    added = [send(processor, form, media(form, encode(piece))).bytes for piece in pieces]
    assert added == [3, 0, 1, 160, 2, 1280]
    assert held(buffer) == b"".join(pieces)


@pytest.mark.parametrize("form", FORMATS)
def test_media_counts_as_a_chunk(ingesting: Any, form: str) -> None:
    processor, buffer = opened(ingesting, form)
    for payload in (PAYLOAD, "", PAYLOAD):
        send(processor, form, media(form, payload))
    assert (buffer.chunk_count, buffer.total_bytes, processor.total_bytes) == (3, 96, 96)


@pytest.mark.parametrize("form", FORMATS)
def test_messages_and_chunks_mix(ingesting: Any, form: str) -> None:
    processor, buffer = opened(ingesting, form)
    processor.append("c1", "AAEC")
    send(processor, form, MEDIA[form])
    buffer.append_pcm(b"x")
    send(processor, form, MEDIA[form])
    assert buffer.take() == b"\0\1\2" + PCM + b"x" + PCM


@pytest.mark.parametrize("form", FORMATS)
def test_only_the_call_of_the_message_changes(ingesting: Any, form: str) -> None:
    processor, buffer = opened(ingesting, form)
    others = [processor.open(call_id) for call_id in ("c", "c11", "C1", "")]
    send(processor, form, MEDIA[form])
    assert [len(other) for other in (buffer, *others)] == [48, 0, 0, 0, 0]


@pytest.mark.parametrize("form", SERVICES)
def test_stop_ends_the_call(ingesting: Any, form: str) -> None:
    processor, buffer = opened(ingesting, form)
    send(processor, form, MEDIA[form])
    send(processor, form, STOPS[form])
    assert (processor.call_ids(), processor.total_bytes) == ([], 0)
    assert (buffer.chunk_count, buffer.total_bytes, buffer.capacity) == (1, 48, 0)
    with pytest.raises(ValueError):  # noqa: PT011, the text is free
        len(buffer)


@pytest.mark.parametrize("form", SERVICES)
def test_stop_hands_out_all_audio(ingesting: Any, form: str) -> None:
    processor, buffer = opened(ingesting, form)
    buffer.append_pcm(pattern(70_000))
    send(processor, form, MEDIA[form])
    result = send(processor, form, STOPS[form])
    assert (result.audio, result.bytes) == (pattern(70_000) + PCM, 70_048)


@pytest.mark.parametrize("form", FORMATS)
def test_buffer_grows(ingesting: Any, form: str) -> None:
    processor, buffer = opened(ingesting, form, capacity=16)
    pieces = [pattern(size) for size in (10, 100, 1000, 100_000)]
    for piece in pieces:
        send(processor, form, media(form, encode(piece)))
    assert held(buffer) == b"".join(pieces)
    assert buffer.capacity >= len(buffer)
    assert buffer.reallocations > 0


@pytest.mark.parametrize("size", [*range(70), 159, 160, 161, 1279, 1280, 1281, 5000])
def test_payload_of_any_size(ingesting: Any, size: int) -> None:
    processor, buffer = opened(ingesting, "callbot")
    for text in (
        json.dumps(media("callbot", encode(pattern(size)))),
        json.dumps(media("callbot", encode(pattern(size)))).encode(),
    ):
        assert send(processor, "callbot", text).bytes == size
    assert held(buffer) == pattern(size) * 2


@pytest.mark.parametrize("form", SERVICES)
@pytest.mark.parametrize("number", [0, 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, MOST])
def test_sequence_number_of_any_size(ingesting: Any, form: str, number: int) -> None:
    processor, _ = opened(ingesting, form)
    numbers = {"callbot": {"seq": number}, "twilio": {"sequenceNumber": str(number)}}[form]
    results = [send(processor, form, message | numbers) for message in (MEDIA[form], STOPS[form], {"event": "x"})]
    assert [result.sequence for result in results] == [number] * 3
    results = [send(processor, form, STARTS[form] | numbers)]
    assert results[0].sequence == number


@pytest.mark.parametrize("form", SERVICES)
@pytest.mark.parametrize(
    "call_id", ["c", "call \u20ac", "\u00e9", "\U0001f3a7", "\ud800", "a\0b", "x" * 3000, " ", '"\\']
)
def test_id_of_any_kind(ingesting: Any, form: str, call_id: str) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    named = {ID_OF[form]: call_id}
    results = [send(processor, form, message[form] | named) for message in (STARTS, MEDIA)]
    assert processor.call_ids() == [call_id]
    results += [send(processor, form, STOPS[form] | named), send(processor, form, {"event": "x"} | named)]
    assert [result.call_id for result in results] == [call_id] * 4


@pytest.mark.parametrize("rate", [1, 8000, 44100, 192_000])
def test_rate(ingesting: Any, rate: int) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    callbot = send(processor, "callbot", changed(CALLBOT_START, "media", "rate", to=rate))
    twilio = changed(TWILIO_START, "start", "mediaFormat", "sampleRate", to=rate)
    assert (callbot.rate, send(processor, "twilio", twilio | {"streamSid": "t"}).rate) == (rate, rate)


def results_of_all_kinds(ingesting: Any) -> list[Any]:
    """A result of each kind."""
    processor = ingesting.AudioProcessor(capacity=64)
    texts = (CALLBOT_START, CALLBOT_MEDIA, {"event": "mark"}, CALLBOT_STOP)
    return [send(processor, "callbot", text) for text in texts]


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attribute_is_read_only(ingesting: Any, name: str) -> None:
    for result in results_of_all_kinds(ingesting):
        before = getattr(result, name)
        with pytest.raises(AttributeError):
            setattr(result, name, "x")
        assert getattr(result, name) == before


def test_results_are_not_changed_by_later_messages(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    first = send(processor, "callbot", CALLBOT_MEDIA)
    send(processor, "callbot", media("callbot", "AAAA", seq=9))
    assert shown(first) == told(kind="appended", call_id="c1", sequence=7, bytes=48)
