"""Nothing of a message is kept beyond what it did, whether it was accepted or not."""

from __future__ import annotations

import contextlib
import gc
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from .messages import CALLBOT_MEDIA, CALLBOT_START, CALLBOT_STOP, FORMATS, MEDIA, media, opened, send
from .test_leaks import references

pytestmark = pytest.mark.skipif(not hasattr(sys, "getrefcount"), reason="this interpreter does not count references")

GOOD = json.dumps(CALLBOT_MEDIA)
ESCAPED = GOOD.replace("event", "\\u0065vent").replace("A", "\\u0041")
WIDE = json.dumps({"\u20ac": "\U0001f3a7"} | CALLBOT_MEDIA, ensure_ascii=False)
TEXTS: dict[str, str] = {
    "good": GOOD,
    "escaped": ESCAPED,
    "wide": WIDE,
    "no JSON": GOOD + "}",
    "no JSON, wide": WIDE + "}",
    "no message": json.dumps(CALLBOT_MEDIA | {"seq": None}),
    "no base64": json.dumps(media("callbot", "AAA")),
    "no base64, escaped": json.dumps(media("callbot", "\u20ac")),
    "unknown call": json.dumps(CALLBOT_MEDIA | {"call_id": "c" * 50}),
    "past the limit": json.dumps(media("callbot", "AAAA" * 1000)),
    "other event": json.dumps({"event": "x" * 50, "call_id": "y" * 50}),
}
KINDS: dict[str, Callable[[str], Any]] = {
    "str": lambda text: "".join([text, " "]),
    "bytes": lambda text: b"".join([text.encode(), b" "]),
    "bytearray": lambda text: bytearray(text.encode()),
    "memoryview": lambda text: memoryview(bytearray(text.encode())),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", TEXTS)
def test_message_is_not_kept(ingesting: Any, text: str, kind: str) -> None:
    processor, _ = opened(ingesting, "callbot", limit=1500)

    def take(message: Any) -> None:
        with contextlib.suppress(KeyError):
            send(processor, "callbot", message)

    assert references(take, lambda: KINDS[kind](TEXTS[text])) == 0


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("good", [True, False], ids=["same", "other"])
def test_bound_id_is_not_kept(ingesting: Any, form: str, good: bool) -> None:
    processor, _ = opened(ingesting, form)
    text, call_id = json.dumps(MEDIA[form]), "c1" if good else "c2"

    def take(bound: str) -> Any:
        with contextlib.suppress(KeyError):
            processor.ingest(text, format=form, call_id=bound)

    assert references(take, lambda: "".join(list(call_id))) == 0


def test_format_is_not_kept(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    for name in ("callbot", "nobody"):
        formats = "".join(list(name))
        assert references(lambda form: processor.ingest(GOOD, format=form), lambda made=formats: made) == 0


def test_audio_that_was_handed_out_belongs_to_the_caller(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    send(processor, "callbot", CALLBOT_MEDIA)
    audio = send(processor, "callbot", CALLBOT_STOP).audio
    del processor
    gc.collect()
    own = bytes(bytearray(audio))
    counts = (sys.getrefcount(audio), sys.getrefcount(own))
    assert counts[0] == counts[1]


TURNS = 300


def growth(turn: Callable[[], Any]) -> int:
    """Blocks of Python's allocator that TURNS leave behind; a leak is one in each turn."""
    for _ in range(20):
        turn()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(TURNS):
        turn()
    gc.collect()
    return sys.getallocatedblocks() - before


@pytest.mark.parametrize("text", TEXTS)
def test_memory_does_not_grow(ingesting: Any, text: str) -> None:
    processor, buffer = opened(ingesting, "callbot", limit=1500)

    def turn() -> None:
        with contextlib.suppress(ValueError, KeyError, OverflowError):
            send(processor, "callbot", TEXTS[text])
        buffer.clear()

    assert growth(turn) < TURNS // 2


def test_memory_does_not_grow_with_calls(ingesting: Any) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    numbers = iter(range(10**9))

    def turn() -> None:
        call_id = f"call {next(numbers):09}"
        for message in (CALLBOT_START, CALLBOT_MEDIA, CALLBOT_STOP):
            send(processor, "callbot", json.dumps(message | {"call_id": call_id}), call_id=call_id)

    assert growth(turn) < TURNS // 2
