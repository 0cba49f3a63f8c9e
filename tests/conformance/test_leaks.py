"""Nothing of an input is kept, whether it was accepted or not."""

from __future__ import annotations

import contextlib
import gc
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from .texts import encode, pattern

pytestmark = pytest.mark.skipif(not hasattr(sys, "getrefcount"), reason="this interpreter does not count references")

GOOD = encode(pattern(48))
BAD = GOOD[:-1] + "-"
INPUTS: dict[str, Callable[[], Any]] = {
    "str": lambda: "".join([GOOD, "AAAA"]),
    "bad str": lambda: "".join([BAD, "AAAA"]),
    "wide str": lambda: "".join([GOOD, "\u20ac"]),
    "bytes": lambda: b"".join([GOOD.encode(), b"AAAA"]),
    "bad bytes": lambda: b"".join([BAD.encode(), b"AAAA"]),
    "bytearray": lambda: bytearray(GOOD.encode()),
    "bad bytearray": lambda: bytearray(BAD.encode()),
    "memoryview": lambda: memoryview(bytearray(GOOD.encode())),
    "wide memoryview": lambda: memoryview(bytearray(b"AAAA")).cast("H"),
    "object": object,
}


def references(call: Callable[[Any], Any], make: Callable[[], Any]) -> int:
    """How many references to an input twenty calls leave behind."""
    thing = make()
    before = sys.getrefcount(thing)
    for _ in range(20):
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            call(thing)
    if sys.getrefcount(thing) != before:
        gc.collect()  # garbage that waits for the collector is no leak
    return sys.getrefcount(thing) - before


@pytest.mark.parametrize("kind", INPUTS)
def test_decode_keeps_no_reference(impl: Any, kind: str) -> None:
    assert references(impl.decode, INPUTS[kind]) == 0


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("method", ["append", "append_pcm"])
def test_adding_keeps_no_reference(full: Any, method: str, kind: str) -> None:
    assert references(getattr(full.AudioBuffer(64, limit=200), method), INPUTS[kind]) == 0


@pytest.mark.parametrize("kind", INPUTS)
def test_batch_keeps_no_reference_to_its_items(full: Any, kind: str) -> None:
    buffer = full.AudioBuffer(64, limit=200)
    assert references(lambda item: buffer.extend(["AAAA", item, "AAAA"]), INPUTS[kind]) == 0


@pytest.mark.parametrize("items", [["AAAA"], ["AB=="], [5]])
def test_batch_itself_is_not_kept(full: Any, items: list[Any]) -> None:
    assert references(full.AudioBuffer(64).extend, lambda: list(items)) == 0


@pytest.mark.parametrize("text", [GOOD, BAD])
def test_processor_keeps_no_reference(full: Any, text: str) -> None:
    processor = full.AudioProcessor(capacity=64)
    processor.open("a")
    assert references(lambda chunk: processor.append("a", chunk), lambda: "".join([text, "AAAA"])) == 0


@pytest.mark.parametrize("end", ["close", "discard"])
def test_ended_call_keeps_no_reference_to_its_id(full: Any, end: str) -> None:
    processor = full.AudioProcessor(capacity=64)

    def live(call_id: str) -> None:
        processor.open(call_id)
        getattr(processor, end)(call_id)
        with contextlib.suppress(KeyError):
            processor.append(call_id, "AAAA")

    assert references(live, lambda: "".join(["call", " one"])) == 0


class Memory(bytearray):
    """A bytearray that tells when it goes."""


@pytest.mark.parametrize("method", ["append", "append_pcm"])
def test_buffer_does_not_keep_its_input_alive(full: Any, method: str) -> None:
    buffer = full.AudioBuffer(64)
    memory = Memory(GOOD.encode())
    gone = weakref.ref(memory)
    getattr(buffer, method)(memory)
    del memory
    gc.collect()
    assert gone() is None


def test_taken_bytes_belong_to_the_caller(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append(GOOD)
    taken = buffer.take()
    before = sys.getrefcount(taken)
    del buffer
    gc.collect()
    assert sys.getrefcount(taken) == before
