"""limit, max_bytes and max_calls: the exact boundary, by each way in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .states import held
from .texts import encode, pattern

MOST = 6007
"""A number that turns up in no message by accident."""

WAYS: dict[str, Callable[[Any, Any, int], int]] = {
    "append": lambda processor, buffer, size: buffer.append(encode(bytes(size))),
    "append bytes": lambda processor, buffer, size: buffer.append(encode(bytes(size)).encode()),
    "extend": lambda processor, buffer, size: buffer.extend([encode(bytes(size))]),
    "extend in two": lambda processor, buffer, size: buffer.extend(
        [encode(bytes(size // 2)), encode(bytes(size - size // 2))]
    ),
    "append_pcm": lambda processor, buffer, size: buffer.append_pcm(bytes(size)),
    "processor's append": lambda processor, buffer, size: processor.append("a", encode(bytes(size))),
    "processor's extend": lambda processor, buffer, size: processor.extend("a", [encode(bytes(size))]),
}


def opened(full: Any, **options: int) -> tuple[Any, Any]:
    """A processor and the buffer of its call `a`."""
    processor = full.AudioProcessor(capacity=64, **options)
    return processor, processor.open("a")


@pytest.mark.parametrize("bound", ["limit", "max_bytes"])
@pytest.mark.parametrize("way", WAYS)
def test_bound_can_be_reached(full: Any, way: str, bound: str) -> None:
    processor, buffer = opened(full, **{bound: MOST})
    assert (WAYS[way](processor, buffer, MOST), len(buffer)) == (MOST, MOST)


@pytest.mark.parametrize("bound", ["limit", "max_bytes"])
@pytest.mark.parametrize("way", WAYS)
def test_bound_cannot_be_passed(full: Any, way: str, bound: str) -> None:
    processor, buffer = opened(full, **{bound: MOST})
    with pytest.raises(OverflowError):
        WAYS[way](processor, buffer, MOST + 1)


@pytest.mark.parametrize("bound", ["limit", "max_bytes"])
@pytest.mark.parametrize("way", WAYS)
def test_bound_counts_what_is_held(full: Any, way: str, bound: str) -> None:
    processor, buffer = opened(full, **{bound: MOST})
    buffer.append_pcm(bytes(4000))
    with pytest.raises(OverflowError):
        WAYS[way](processor, buffer, MOST - 3999)
    assert WAYS[way](processor, buffer, MOST - 4000) == MOST - 4000


@pytest.mark.parametrize("bound", ["limit", "max_bytes"])
@pytest.mark.parametrize("way", WAYS)
def test_bound_is_named(full: Any, way: str, bound: str) -> None:
    processor, buffer = opened(full, **{bound: MOST})
    with pytest.raises(OverflowError, match=rf"\b{MOST}\b"):
        WAYS[way](processor, buffer, 8000)


@pytest.mark.parametrize("bound", ["limit", "max_bytes"])
@pytest.mark.parametrize("way", WAYS)
def test_nothing_fits_always(full: Any, way: str, bound: str) -> None:
    processor, buffer = opened(full, **{bound: 0})
    assert WAYS[way](processor, buffer, 0) == 0


@pytest.mark.parametrize("bound", ["limit", "max_bytes"])
def test_bound_of_zero_holds_nothing(full: Any, bound: str) -> None:
    _, buffer = opened(full, **{bound: 0})
    with pytest.raises(OverflowError):
        buffer.append("AA==")


@pytest.mark.parametrize("bound", ["limit", "max_bytes"])
@pytest.mark.parametrize("empty", ["take", "clear"])
def test_emptying_makes_room(full: Any, empty: str, bound: str) -> None:
    _, buffer = opened(full, **{bound: MOST})
    for _ in range(3):
        buffer.append_pcm(bytes(MOST))
        getattr(buffer, empty)()
    assert buffer.append_pcm(bytes(MOST)) == MOST


@pytest.mark.parametrize("end", ["close", "discard"])
def test_ending_a_call_makes_room(full: Any, end: str) -> None:
    processor, buffer = opened(full, max_bytes=MOST)
    buffer.append_pcm(bytes(MOST))
    other = processor.open("b")
    getattr(processor, end)("a")
    assert other.append_pcm(bytes(MOST)) == MOST


@pytest.mark.parametrize("bound", ["limit", "max_bytes"])
def test_what_was_refused_takes_no_room(full: Any, bound: str) -> None:
    processor, buffer = opened(full, **{bound: 10})
    for way in WAYS.values():
        with pytest.raises(OverflowError):
            way(processor, buffer, 11)
    assert buffer.append_pcm(bytes(10)) == 10


def test_limit_of_a_lone_buffer(full: Any) -> None:
    buffer = full.AudioBuffer(64, limit=5)
    buffer.append("AAEC")
    with pytest.raises(OverflowError, match=r"\b5\b"):
        buffer.append("AAEC")
    assert (buffer.append("AwQ="), held(buffer)) == (2, bytes(range(3)) + b"\x03\x04")


@pytest.mark.parametrize(("capacity", "limit"), [(100, 10), (10 * 2**20, 0), (2**40, 10)])
def test_limit_caps_the_reservation(full: Any, capacity: int, limit: int) -> None:
    assert full.AudioBuffer(capacity, limit=limit).capacity == limit


def test_limit_above_the_capacity_reserves_nothing_more(full: Any) -> None:
    assert full.AudioBuffer(10, limit=100).capacity == 10


def test_limit_above_the_capacity_can_be_reached(full: Any) -> None:
    buffer = full.AudioBuffer(10, limit=100)
    buffer.append(encode(pattern(100)))
    assert held(buffer) == pattern(100)


@pytest.mark.parametrize("limit", [2**63 - 1, 2**64, 2**100])
def test_limit_beyond_any_memory(full: Any, limit: int) -> None:
    assert full.AudioBuffer(10, limit=limit).append("AAEC") == 3


@pytest.mark.parametrize("bound", ["max_bytes", "max_calls"])
@pytest.mark.parametrize("most", [2**63 - 1, 2**64, 2**100])
def test_bound_of_a_processor_beyond_any_memory(full: Any, most: int, bound: str) -> None:
    _, buffer = opened(full, **{bound: most})
    assert buffer.append("AAEC") == 3


def test_max_bytes_is_over_all_calls(full: Any) -> None:
    processor, first = opened(full, max_bytes=10)
    second = processor.open("b")
    first.append_pcm(bytes(6))
    with pytest.raises(OverflowError):
        second.append_pcm(bytes(5))
    assert second.append_pcm(bytes(4)) == 4


def test_limit_is_for_each_call(full: Any) -> None:
    processor, first = opened(full, limit=10)
    second = processor.open("b")
    assert (first.append_pcm(bytes(10)), second.append_pcm(bytes(10))) == (10, 10)


def test_limit_of_one_call_is_not_used_up_by_another(full: Any) -> None:
    processor, first = opened(full, limit=10, max_bytes=15)
    second = processor.open("b")
    first.append_pcm(bytes(10))
    with pytest.raises(OverflowError, match=r"\b15\b"):
        second.append_pcm(bytes(6))


def test_max_calls_can_be_reached(full: Any) -> None:
    processor = full.AudioProcessor(capacity=0, max_calls=5)
    for number in range(5):
        processor.open(str(number))
    assert len(processor) == 5


def test_max_calls_cannot_be_passed(full: Any) -> None:
    processor, _ = opened(full, max_calls=1)
    with pytest.raises(OverflowError, match=r"\b1\b"):
        processor.open("b")
    assert (len(processor), "b" in processor) == (1, False)


def test_max_calls_of_zero(full: Any) -> None:
    with pytest.raises(OverflowError, match=r"\b0\b"):
        full.AudioProcessor(max_calls=0).open("a")


def test_max_calls_is_named(full: Any) -> None:
    processor = full.AudioProcessor(capacity=0, max_calls=47)
    for number in range(47):
        processor.open(chr(65 + number))
    with pytest.raises(OverflowError, match=r"\b47\b"):
        processor.open("one more")


@pytest.mark.parametrize("end", ["close", "discard"])
def test_ending_a_call_makes_room_for_a_call(full: Any, end: str) -> None:
    processor, _ = opened(full, max_calls=1)
    getattr(processor, end)("a")
    processor.open("b")
    assert processor.call_ids() == ["b"]


def test_open_call_comes_before_max_calls(full: Any) -> None:
    processor, _ = opened(full, max_calls=1)
    with pytest.raises(ValueError):  # noqa: PT011, the text is free
        processor.open("a")


@pytest.mark.parametrize("option", ["capacity", "limit", "max_calls", "max_bytes"])
def test_negative_option(full: Any, option: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011, the text is free
        full.AudioProcessor(**{option: -1}).open("a")


@pytest.mark.parametrize("wrong", [1.0, "16", [16]])
@pytest.mark.parametrize("option", ["capacity", "limit", "max_calls", "max_bytes"])
def test_option_that_is_no_integer(full: Any, option: str, wrong: object) -> None:
    with pytest.raises(TypeError):
        full.AudioProcessor(**{option: wrong}).open("a")
