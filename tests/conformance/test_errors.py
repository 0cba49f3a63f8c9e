"""Class, text and position of errors, through every way in, and the order of the checks."""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Any

import pytest

from .inputs import BUFFERS, STR_KINDS
from .oracle import message
from .texts import encode, pattern

POSITIONS = {
    "AB==": 2,
    "AAB=": 3,
    "AA===": 4,
    "AAAA=": 4,
    "A=": 1,
    "AA=": 3,
    "AAAA\n": 4,
    "AA-_": 2,
    "\xe9": 0,
    "A": 1,
    "====": 0,
    "AAAA\xe9AAA": 4,
    encode(pattern(96))[:127] + "-": 127,
    encode(pattern(96))[:64] + "\xff" + "A" * 63: 64,
}
WIDE_POSITIONS = {
    "\u0141AAA": 0,
    "AAA\u20ac": 3,
    "AA\U0001f3a7A": 2,
    "A\U0001f3a7\U0001f3a7-": 1,
    "AAAA\ud800": 4,
    "AAAA\udc41AAA": 4,
    "\xe9\u20ac\U0001f3a7": 0,
    "A" * 128 + "\u20ac": 128,
}


def positions(add: Callable[[Any], Any], texts: list[Any]) -> list[str]:
    """The message of the error of each text."""
    told = []
    for text in texts:
        with pytest.raises(binascii.Error) as caught:
            add(text)
        told.append(str(caught.value))
    return told


def wanted(texts: dict[str, int]) -> list[str]:
    """The message that the contract asks for."""
    return [message(position) for position in texts.values()]


def adders(full: Any) -> dict[str, Callable[[Any], Any]]:
    """All ways to add one chunk to something new."""
    processor = full.AudioProcessor(capacity=64)
    processor.open("a")
    return {
        "append": full.AudioBuffer(64).append,
        "extend": lambda chunk: full.AudioBuffer(64).extend([chunk]),
        "processor's append": lambda chunk: processor.append("a", chunk),
        "processor's extend": lambda chunk: processor.extend("a", [chunk]),
    }


ADDERS = ("append", "extend", "processor's append", "processor's extend")


@pytest.mark.parametrize("kind", STR_KINDS)
def test_decode_tells_the_position_in_str(impl: Any, kind: str) -> None:
    texts = POSITIONS | WIDE_POSITIONS
    assert positions(impl.decode, [STR_KINDS[kind](text) for text in texts]) == wanted(texts)


@pytest.mark.parametrize("kind", BUFFERS)
def test_decode_tells_the_position_in_buffer(impl: Any, kind: str) -> None:
    raw = [BUFFERS[kind](text.encode("latin-1")) for text in POSITIONS]
    assert positions(impl.decode, raw) == wanted(POSITIONS)


@pytest.mark.parametrize("adder", ADDERS)
@pytest.mark.parametrize("kind", STR_KINDS)
def test_adding_tells_the_position_in_str(full: Any, adder: str, kind: str) -> None:
    texts = POSITIONS | WIDE_POSITIONS
    told = positions(adders(full)[adder], [STR_KINDS[kind](text) for text in texts])
    assert told == wanted(texts)


@pytest.mark.parametrize("adder", ADDERS)
@pytest.mark.parametrize("kind", BUFFERS)
def test_adding_tells_the_position_in_buffer(full: Any, adder: str, kind: str) -> None:
    raw = [BUFFERS[kind](text.encode("latin-1")) for text in POSITIONS]
    assert positions(adders(full)[adder], raw) == wanted(POSITIONS)


def test_position_counts_bytes_of_a_buffer(impl: Any) -> None:
    text = "AAA\u20ac"
    told = positions(impl.decode, [text.encode("utf-8"), ("AAAA" + text).encode("utf-16-le")])
    assert told == [message(3), message(1)]


def test_position_does_not_count_what_was_held_before(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append("AAAA")
    assert positions(buffer.append, ["AA-A"]) == [message(2)]


def index_of(caught: pytest.ExceptionInfo[Any]) -> Any:
    """The item that an error names."""
    return getattr(caught.value, "chunk_index", "no item is named")


BAD_ITEMS: dict[str, tuple[Any, Any]] = {
    "type": (5, TypeError),
    "text": ("AB==", binascii.Error),
    "limit": (encode(bytes(13)), OverflowError),
}
LIMIT = 12


@pytest.mark.parametrize("index", [0, 1, 4])
@pytest.mark.parametrize("fault", BAD_ITEMS)
def test_item_of_a_batch_is_named(full: Any, fault: str, index: int) -> None:
    item, kind = BAD_ITEMS[fault]
    batch: list[Any] = ["AA=="] * 5
    batch[index] = item
    with pytest.raises(kind) as caught:
        full.AudioBuffer(64, limit=LIMIT).extend(batch)
    assert index_of(caught) == index


@pytest.mark.parametrize("fault", BAD_ITEMS)
def test_item_of_a_batch_is_named_by_the_processor(full: Any, fault: str) -> None:
    item, kind = BAD_ITEMS[fault]
    processor = full.AudioProcessor(capacity=64, limit=LIMIT)
    processor.open("a")
    with pytest.raises(kind) as caught:
        processor.extend("a", ["AA==", "AA==", item])
    assert index_of(caught) == 2


def test_item_past_max_bytes_is_named(full: Any) -> None:
    processor = full.AudioProcessor(capacity=64, max_bytes=3)
    buffer = processor.open("a")
    with pytest.raises(OverflowError) as caught:
        buffer.extend(["AA==", "AAA=", "AA=="])
    assert index_of(caught) == 2


def test_item_that_makes_the_batch_too_big_is_named(full: Any) -> None:
    with pytest.raises(OverflowError) as caught:
        full.AudioBuffer(64, limit=7).extend(["AAAA", "AAAA", "AA==", "AA==", "AAAA"])
    assert index_of(caught) == 3


@pytest.mark.parametrize("second", BAD_ITEMS)
@pytest.mark.parametrize("first", BAD_ITEMS)
def test_first_failing_item_wins(full: Any, first: str, second: str) -> None:
    batch = ["AA==", BAD_ITEMS[first][0], BAD_ITEMS[second][0]]
    with pytest.raises(BAD_ITEMS[first][1]) as caught:
        full.AudioBuffer(64, limit=LIMIT).extend(batch)
    assert index_of(caught) == 1


def test_max_bytes_of_an_item_before_limit_of_the_next(full: Any) -> None:
    buffer = full.AudioProcessor(capacity=64, limit=7001, max_bytes=6007).open("a")
    with pytest.raises(OverflowError, match=r"\b6007\b") as caught:
        buffer.extend([encode(bytes(6010)), encode(bytes(8000))])
    assert index_of(caught) == 0


def test_bad_text_comes_before_the_limit(full: Any) -> None:
    with pytest.raises(binascii.Error):
        full.AudioBuffer(64, limit=2).append("AAAAAB==")


def test_limit_comes_before_max_bytes(full: Any) -> None:
    buffer = full.AudioProcessor(capacity=64, limit=6007, max_bytes=6005).open("a")
    with pytest.raises(OverflowError, match=r"\b6007\b"):
        buffer.append(encode(bytes(6010)))


def test_limit_comes_before_max_bytes_for_raw_audio(full: Any) -> None:
    buffer = full.AudioProcessor(capacity=64, limit=6007, max_bytes=6005).open("a")
    with pytest.raises(OverflowError, match=r"\b6007\b"):
        buffer.append_pcm(bytes(6010))


CHANGES: dict[str, Callable[[Any], Any]] = {
    "append": lambda buffer: buffer.append("AAAA"),
    "append bad text": lambda buffer: buffer.append("AB=="),
    "append no chunk": lambda buffer: buffer.append(5),
    "append past the limit": lambda buffer: buffer.append(encode(bytes(99))),
    "append nothing": lambda buffer: buffer.append(""),
    "extend": lambda buffer: buffer.extend(["AAAA"]),
    "extend bad text": lambda buffer: buffer.extend(["AB=="]),
    "extend with no chunk": lambda buffer: buffer.extend([5]),
    "extend with nothing": lambda buffer: buffer.extend([]),
    "extend with a str": lambda buffer: buffer.extend("AAAA"),
    "append_pcm": lambda buffer: buffer.append_pcm(b"ab"),
    "append_pcm no buffer": lambda buffer: buffer.append_pcm(5),
    "append_pcm nothing": lambda buffer: buffer.append_pcm(b""),
    "take": lambda buffer: buffer.take(),
    "clear": lambda buffer: buffer.clear(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_live_view_comes_before_other_errors(full: Any, change: str) -> None:
    buffer = full.AudioBuffer(64, limit=50)
    with buffer.view(), pytest.raises(BufferError):
        CHANGES[change](buffer)


@pytest.mark.parametrize("change", CHANGES)
def test_closed_comes_before_other_errors(full: Any, change: str) -> None:
    processor = full.AudioProcessor(capacity=64, limit=50)
    buffer = processor.open("a")
    processor.close("a")
    with pytest.raises(ValueError) as caught:  # noqa: PT011, the text is free
        CHANGES[change](buffer)
    assert not isinstance(caught.value, binascii.Error)


def test_unknown_call_comes_before_the_chunk(full: Any) -> None:
    with pytest.raises(KeyError):
        full.AudioProcessor().append("a", 5)
