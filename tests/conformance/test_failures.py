"""A failure of any kind leaves contents, counters and totals as they were."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .inputs import NO_CHUNK
from .oracle import verdict
from .states import state, states
from .texts import damaged, encode, pattern

LIMIT = 300


class Interrupted(Exception):
    """The user's own error."""


def stops_after(*chunks: str) -> Iterator[str]:
    """Some chunks, and then an error."""
    yield from chunks
    raise Interrupted


FAILURES: dict[str, Callable[[Any], Any]] = {
    "bad text at the start": lambda buffer: buffer.append("-AAA"),
    "bad text at the end": lambda buffer: buffer.append(encode(pattern(100))[:-1] + "-"),
    "spare bits at the end": lambda buffer: buffer.append(encode(pattern(99)) + "AB=="),
    "text that stops too early": lambda buffer: buffer.append(encode(pattern(99)) + "AA="),
    "bad bytes": lambda buffer: buffer.append(encode(pattern(99)).encode() + b"\xff"),
    "no chunk": lambda buffer: buffer.append(5),
    "chunk of wide items": lambda buffer: buffer.append(NO_CHUNK["array of h"]()),
    "past the limit": lambda buffer: buffer.append(encode(pattern(LIMIT))),
    "raw audio past the limit": lambda buffer: buffer.append_pcm(pattern(LIMIT)),
    "raw audio that is none": lambda buffer: buffer.append_pcm("AAAA"),
    "batch with bad text": lambda buffer: buffer.extend(["AAAA", "AAAA", "AB=="]),
    "batch with bad text and more": lambda buffer: buffer.extend(["AAAA", "A", "AAAA"]),
    "batch with no chunk": lambda buffer: buffer.extend(["AAAA", None]),
    "batch past the limit": lambda buffer: buffer.extend([encode(pattern(100))] * 3),
    "batch that raises": lambda buffer: buffer.extend(stops_after("AAAA", "AA==")),
    "batch that is a str": lambda buffer: buffer.extend("AAAA"),
    "batch that is none": lambda buffer: buffer.extend(5),
    "surplus argument": lambda buffer: buffer.append("AAAA", "AAAA"),
}

UNDER_A_VIEW: dict[str, Callable[[Any], Any]] = {
    "append": lambda buffer: buffer.append("AAAA"),
    "append nothing": lambda buffer: buffer.append(""),
    "append_pcm": lambda buffer: buffer.append_pcm(b"ab"),
    "extend": lambda buffer: buffer.extend(["AAAA"]),
    "extend with nothing": lambda buffer: buffer.extend([]),
    "take": lambda buffer: buffer.take(),
    "clear": lambda buffer: buffer.clear(),
}

OF_A_PROCESSOR: dict[str, Callable[[Any], Any]] = {
    "open twice": lambda processor: processor.open("a"),
    "open one too many": lambda processor: processor.open("c"),
    "open no str": lambda processor: processor.open(5),
    "append to nobody": lambda processor: processor.append("z", "AAAA"),
    "append bad text": lambda processor: processor.append("a", encode(pattern(9)) + "AB=="),
    "append past max_bytes": lambda processor: processor.append("b", encode(pattern(60))),
    "raw audio past max_bytes": lambda processor: processor["b"].append_pcm(pattern(60)),
    "append to the buffer past max_bytes": lambda processor: processor["b"].append(encode(bytes(60))),
    "extend past max_bytes": lambda processor: processor.extend("b", ["AAAA", encode(bytes(60))]),
    "extend with bad text": lambda processor: processor.extend("b", ["AAAA", "AB=="]),
    "extend that raises": lambda processor: processor.extend("b", stops_after("AAAA")),
    "extend nobody": lambda processor: processor.extend("z", ["AAAA"]),
    "close nobody": lambda processor: processor.close("z"),
    "discard nobody": lambda processor: processor.discard("z"),
    "close no str": lambda processor: processor.close(None),
}


def filled(full: Any) -> Any:
    """A buffer that has seen something already."""
    buffer = full.AudioBuffer(64, limit=LIMIT)
    buffer.append(encode(pattern(50)))
    buffer.take()
    buffer.append(encode(pattern(20)))
    buffer.append("")
    return buffer


@pytest.mark.parametrize("failure", FAILURES)
def test_buffer_is_as_it_was(full: Any, failure: str) -> None:
    buffer = filled(full)
    before = (*state(buffer), buffer.capacity, buffer.reallocations)
    with pytest.raises((TypeError, ValueError, OverflowError, Interrupted)):
        FAILURES[failure](buffer)
    assert (*state(buffer), buffer.capacity, buffer.reallocations) == before


@pytest.mark.parametrize("failure", FAILURES)
def test_processor_is_as_it_was_after_a_failure_of_its_buffer(full: Any, failure: str) -> None:
    processor = full.AudioProcessor(capacity=64, limit=LIMIT)
    processor.open("a").append(encode(pattern(20)))
    before = states(processor)
    with pytest.raises((TypeError, ValueError, OverflowError, Interrupted)):
        FAILURES[failure](processor["a"])
    assert states(processor) == before


@pytest.mark.parametrize("failure", OF_A_PROCESSOR)
def test_processor_is_as_it_was(full: Any, failure: str) -> None:
    most = 2 if failure == "open one too many" else None
    processor = full.AudioProcessor(capacity=64, max_calls=most, max_bytes=100)
    processor.open("a").append(encode(pattern(40)))
    processor.open("b").append(encode(pattern(5)))
    before = states(processor)
    with pytest.raises((TypeError, ValueError, OverflowError, KeyError, Interrupted)):
        OF_A_PROCESSOR[failure](processor)
    assert states(processor) == before


@pytest.mark.parametrize("failure", UNDER_A_VIEW)
def test_buffer_is_as_it_was_under_a_view(full: Any, failure: str) -> None:
    buffer = filled(full)
    with buffer.view() as view:
        before = (bytes(view), state(buffer))
        with pytest.raises(BufferError):
            UNDER_A_VIEW[failure](buffer)
        assert (bytes(view), state(buffer)) == before


@pytest.mark.parametrize("end", ["close", "discard"])
def test_call_is_as_it_was_under_a_view(full: Any, end: str) -> None:
    processor = full.AudioProcessor(capacity=64)
    processor.open("a").append("AAEC")
    with processor["a"].view():
        before = states(processor)
        with pytest.raises(BufferError):
            getattr(processor, end)("a")
        assert states(processor) == before


@pytest.mark.parametrize("failure", FAILURES)
def test_adding_goes_on_after_a_failure(full: Any, failure: str) -> None:
    buffer = filled(full)
    with contextlib.suppress(TypeError, ValueError, OverflowError, Interrupted):
        FAILURES[failure](buffer)
    buffer.append("AAEC")
    assert buffer.take() == pattern(20) + b"\x00\x01\x02"


@given(text=damaged(), before=st.integers(0, 100))
def test_damaged_text_adds_nothing(full: Any, text: str, before: int) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append(encode(pattern(before)))
    told = state(buffer)
    with contextlib.suppress(ValueError):
        buffer.append(text)
        return
    assert isinstance(verdict(text), int)
    assert state(buffer) == told
