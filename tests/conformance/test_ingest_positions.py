"""Where a text is said to fail, in characters of a str and in bytes of a buffer, wherever in a message that is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .inputs import BUFFERS, STR_KINDS, WITHOUT_EMPTY
from .messages import (
    CALLBOT_MEDIA,
    CALLBOT_START,
    FORMATS,
    MEDIA,
    PAYLOAD,
    opened,
    outcome,
    placed,
    refused,
    send,
)
from .oracle_json import prefix
from .texts import encode, pattern


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("is_text", [True, False], ids=["str", "bytes"])
def test_every_beginning_of_a_message(ingesting: Any, form: str, is_text: bool) -> None:
    processor, _ = opened(ingesting, form)
    text = json.dumps({"\u20ac\\": "\U0001f3a7\n"} | MEDIA[form], ensure_ascii=False)
    whole = text if is_text else text.encode()
    wrong = [end for end in range(len(whole)) if outcome(send, processor, form, whole[:end]) != refused("JSON", end)]
    assert not wrong


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("stranger", ["\0", "\x7f", "}", ",", '"', "\\", "\u00e9", "\u20ac"])
def test_stranger_at_every_place_of_a_message(ingesting: Any, form: str, stranger: str) -> None:
    processor, buffer = opened(ingesting, form)
    text = json.dumps(MEDIA[form])
    wrong = []
    for place in range(len(text)):
        spoilt = text[:place] + stranger + text[place + 1 :]
        for way in (spoilt, spoilt.encode()):
            position = prefix(way)
            if position is not None and outcome(send, processor, form, way) != refused("JSON", position):
                wrong.append((way, position))
    assert not wrong, wrong[:3]
    assert len(buffer) == 0


@pytest.mark.parametrize("kind", STR_KINDS)
def test_position_in_a_str_of_any_kind(ingesting: Any, kind: str) -> None:
    processor, _ = opened(ingesting, "callbot")
    for text, place in placed('{"event":"x",^}'):
        if isinstance(text, str):
            assert outcome(send, processor, "callbot", STR_KINDS[kind](text)) == refused("JSON", place)


@pytest.mark.parametrize("kind", BUFFERS)
def test_position_in_a_buffer_of_any_kind(ingesting: Any, kind: str) -> None:
    processor, _ = opened(ingesting, "callbot")
    texts: list[tuple[str | bytes, int]] = [*placed('{"event":"x",^}'), (b"", 0), (b"[", 1), (b"\xff\xff", 0)]
    for text, place in texts:
        if isinstance(text, bytes) and (text or kind not in WITHOUT_EMPTY):
            assert outcome(send, processor, "callbot", BUFFERS[kind](text)) == refused("JSON", place)


def test_position_behind_a_long_wide_string(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    wide = "\u00e9\u20ac\U0001f3a7x" * 1000
    for text, place in placed(f'{{"event":"{wide}","y":"{wide}"^]'):
        assert outcome(send, processor, "callbot", text) == refused("JSON", place)


def test_position_behind_a_good_payload(ingesting: Any) -> None:
    processor, buffer = opened(ingesting, "callbot")
    for size in (1280, 100_000):
        message = json.dumps(CALLBOT_MEDIA).replace(PAYLOAD, encode(pattern(size)))
        for text, place in placed(message[:-1] + ",^}"):
            assert outcome(send, processor, "callbot", text) == refused("JSON", place)
    assert (len(buffer), buffer.chunk_count) == (0, 0)


@pytest.mark.parametrize("payload", ["AAA", "AA\u20acA", "AAA\\u0041", "AAAA\\", "AAAA\\q", "AA\nA", "AAAA\0"])
def test_text_comes_before_the_payload(ingesting: Any, payload: str) -> None:
    processor, _ = opened(ingesting, "callbot")
    text = json.dumps(CALLBOT_MEDIA).replace(PAYLOAD, payload)[:-1]
    for way in (text, text.encode()):
        position = prefix(way)
        assert position is not None
        assert outcome(send, processor, "callbot", way) == refused("JSON", position)


def test_text_comes_before_the_members(ingesting: Any) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    for text, place in placed('{"event":5,"call_id":7,"media":^}'):
        assert outcome(send, processor, "callbot", text) == refused("JSON", place)


def test_reason_is_told(ingesting: Any) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    with pytest.raises(ValueError, match=r"\Ainvalid message at position 0: .*\S"):
        send(processor, "callbot", "[]")


def test_position_is_an_int(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    for text in ("", "[]", json.dumps(CALLBOT_MEDIA).replace(PAYLOAD, "AAA"), json.dumps(CALLBOT_START | {"event": 5})):
        with pytest.raises(ValueError) as caught:  # noqa: PT011, the position is looked at
            send(processor, "callbot", text)
        assert type(caught.value.position) is int  # type: ignore[attr-defined]
