"""AudioProcessor: ids, the life of a call, and the bytes held over all calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .states import held, state
from .texts import encode, pattern

IDS = ("a", "", "\ud800", "\udc80abc", "\x00", "a\x00b", "\U0001f3a7", "e\u0301", "\xe9", "a" * 10_000, " ")
NO_IDS = (5, None, b"a", 1.5, ("a",), True, ["a"])

BY_ID: dict[str, Callable[[Any, Any], Any]] = {
    "append": lambda processor, call_id: processor.append(call_id, "AAAA"),
    "extend": lambda processor, call_id: processor.extend(call_id, ["AAAA"]),
    "extend with nothing": lambda processor, call_id: processor.extend(call_id, []),
    "[]": lambda processor, call_id: processor[call_id],
    "close": lambda processor, call_id: processor.close(call_id),
    "discard": lambda processor, call_id: processor.discard(call_id),
}
BY_ANY_ID = BY_ID | {
    "open": lambda processor, call_id: processor.open(call_id),
    "in": lambda processor, call_id: call_id in processor,
}

METHODS: dict[str, Callable[[Any], Any]] = {
    "append": lambda buffer: buffer.append("AAAA"),
    "append nothing": lambda buffer: buffer.append(""),
    "extend": lambda buffer: buffer.extend(["AAAA"]),
    "extend with nothing": lambda buffer: buffer.extend([]),
    "append_pcm": lambda buffer: buffer.append_pcm(b"ab"),
    "view": lambda buffer: buffer.view(),
    "take": lambda buffer: buffer.take(),
    "clear": lambda buffer: buffer.clear(),
    "len": len,
}


class Name(str):
    """A str of the user's own that compares and hashes differently."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 1

    def __str__(self) -> str:
        return "something else"


def opened(full: Any, *ids: str, **options: int) -> Any:
    """A processor with open calls."""
    processor = full.AudioProcessor(**{"capacity": 64, **options})
    for call_id in ids:
        processor.open(call_id)
    return processor


@pytest.mark.parametrize("call_id", IDS, ids=ascii)
def test_any_str_is_an_id(full: Any, call_id: str) -> None:
    processor = full.AudioProcessor(capacity=64)
    buffer = processor.open(call_id)
    told = (
        processor.append(call_id, "AAEC"),
        call_id in processor,
        processor[call_id] is buffer,
        processor.call_ids(),
        processor.close(call_id),
        call_id in processor,
    )
    assert told == (3, True, True, [call_id], b"\x00\x01\x02", False)


def test_ids_do_not_mix(full: Any) -> None:
    processor = opened(full, *IDS)
    for size, call_id in enumerate(IDS):
        processor.append(call_id, encode(pattern(size)))
    assert [processor.close(call_id) for call_id in IDS] == [pattern(size) for size in range(len(IDS))]


def test_id_of_a_subclass_is_the_str_that_it_is(full: Any) -> None:
    processor = opened(full, Name("a"))
    assert ("a" in processor, Name("a") in processor, processor.append("a", "AAEC")) == (True, True, 3)


@pytest.mark.parametrize("way", BY_ID)
def test_id_of_a_subclass_finds_the_call(full: Any, way: str) -> None:
    BY_ID[way](opened(full, "a"), Name("a"))  # KeyError if its own methods were asked


def test_id_of_a_subclass_is_kept_as_a_plain_str(full: Any) -> None:
    ids = opened(full, Name("a")).call_ids()
    assert (ids, [type(call_id) for call_id in ids]) == (["a"], [str])


@pytest.mark.parametrize("call_id", NO_IDS, ids=repr)
@pytest.mark.parametrize("way", BY_ANY_ID)
def test_id_that_is_no_str(full: Any, way: str, call_id: Any) -> None:
    with pytest.raises(TypeError):
        BY_ANY_ID[way](opened(full, "a"), call_id)


@pytest.mark.parametrize("call_id", ["b", "", "\ud800", "A"], ids=ascii)
@pytest.mark.parametrize("way", BY_ID)
def test_unknown_id(full: Any, way: str, call_id: str) -> None:
    with pytest.raises(KeyError):
        BY_ID[way](opened(full, "a"), call_id)


@pytest.mark.parametrize("way", BY_ID)
@pytest.mark.parametrize("end", ["close", "discard"])
def test_id_is_unknown_after_the_end(full: Any, way: str, end: str) -> None:
    processor = opened(full, "a")
    getattr(processor, end)("a")
    with pytest.raises(KeyError):
        BY_ID[way](processor, "a")


def test_open_twice(full: Any) -> None:
    processor = opened(full, "a")
    with pytest.raises(ValueError):  # noqa: PT011, the text is free
        processor.open("a")


def test_open_gives_an_empty_buffer(full: Any) -> None:
    buffer = full.AudioProcessor(capacity=64).open("a")
    assert state(buffer) == (b"", 0, 0, 0)


def test_item_is_the_buffer_that_open_returned(full: Any) -> None:
    processor = full.AudioProcessor(capacity=64)
    buffers = {call_id: processor.open(call_id) for call_id in ("a", "b")}
    assert all(processor[call_id] is buffer for call_id, buffer in buffers.items())


def test_processor_and_buffer_add_to_the_same(full: Any) -> None:
    processor = opened(full, "a")
    processor.append("a", "AAEC")
    processor["a"].append("Aw==")
    processor.extend("a", ["BA==", "BQ=="])
    assert (held(processor["a"]), processor["a"].chunk_count) == (bytes(range(6)), 4)


def test_processor_tells_the_bytes_added(full: Any) -> None:
    processor = opened(full, "a")
    assert (processor.append("a", "AAE="), processor.extend("a", ["AA==", "AAAA"])) == (2, 4)


def test_close_hands_out_the_bytes(full: Any) -> None:
    processor = opened(full, "a", "b")
    processor.append("a", "AAEC")
    taken = processor.close("a")
    assert (type(taken), taken, "a" in processor, len(processor)) == (bytes, b"\x00\x01\x02", False, 1)


def test_discard_forgets_the_call(full: Any) -> None:
    processor = opened(full, "a", "b")
    processor.append("a", "AAEC")
    assert (processor.discard("a"), "a" in processor, len(processor)) == (None, False, 1)


def test_close_of_an_empty_call(full: Any) -> None:
    assert opened(full, "a").close("a") == b""


def test_close_hands_out_only_what_was_not_taken(full: Any) -> None:
    processor = opened(full, "a")
    processor.append("a", "AAEC")
    processor["a"].take()
    processor.append("a", "Aw==")
    assert processor.close("a") == b"\x03"


@pytest.mark.parametrize("end", ["close", "discard"])
@pytest.mark.parametrize("method", METHODS)
def test_closed_buffer_raises(full: Any, method: str, end: str) -> None:
    processor = opened(full, "a")
    buffer = processor["a"]
    buffer.append("AAEC")
    getattr(processor, end)("a")
    with pytest.raises(ValueError):  # noqa: PT011, the text is free
        METHODS[method](buffer)


@pytest.mark.parametrize("end", ["close", "discard"])
def test_counters_of_a_closed_buffer_stay(full: Any, end: str) -> None:
    processor = opened(full, "a")
    buffer = processor["a"]
    buffer.append(encode(bytes(500)))
    buffer.append("AAEC")
    before = (buffer.chunk_count, buffer.total_bytes, buffer.reallocations)
    getattr(processor, end)("a")
    assert (buffer.chunk_count, buffer.total_bytes, buffer.reallocations) == before


@pytest.mark.parametrize("end", ["close", "discard"])
def test_closed_buffer_reserves_nothing(full: Any, end: str) -> None:
    processor = opened(full, "a")
    buffer = processor["a"]
    buffer.append("AAEC")
    getattr(processor, end)("a")
    assert buffer.capacity == 0


def test_reopened_call_is_a_new_one(full: Any) -> None:
    processor = opened(full, "a")
    first = processor["a"]
    first.append("AAEC")
    processor.close("a")
    second = processor.open("a")
    assert (second is first, processor["a"] is second, state(second)) == (False, True, (b"", 0, 0, 0))


def test_old_buffer_of_a_reopened_call_stays_closed(full: Any) -> None:
    processor = opened(full, "a")
    first = processor["a"]
    processor.close("a")
    processor.open("a")
    with pytest.raises(ValueError):  # noqa: PT011, the text is free
        first.append("AAEC")
    assert (len(processor["a"]), processor.total_bytes) == (0, 0)


def test_call_ids_are_in_the_order_of_opening(full: Any) -> None:
    processor = opened(full, "c", "a", "d", "b")
    processor.append("b", "AAEC")
    assert processor.call_ids() == ["c", "a", "d", "b"]


def test_reopened_call_comes_last(full: Any) -> None:
    processor = opened(full, "c", "a", "d")
    processor.close("c")
    processor.discard("a")
    processor.open("c")
    assert processor.call_ids() == ["d", "c"]


def test_order_of_many_calls(full: Any) -> None:
    names = [str(number * 7919 % 1000) for number in range(1000)]
    processor = opened(full, *names, capacity=0)
    for name in names[::3]:
        processor.discard(name)
    left = [name for index, name in enumerate(names) if index % 3]
    assert (processor.call_ids(), len(processor)) == (left, len(left))


def test_list_of_ids_is_a_new_list(full: Any) -> None:
    processor = opened(full, "a")
    processor.call_ids().clear()
    assert (type(processor.call_ids()), processor.call_ids()) == (list, ["a"])


def test_total_bytes_is_what_all_calls_hold(full: Any) -> None:
    processor = opened(full, "a", "b")
    processor.append("a", "AAEC")
    processor["b"].append_pcm(b"abcde")
    processor.extend("b", ["AA==", "AA=="])
    assert processor.total_bytes == 10


@pytest.mark.parametrize("empty", ["take", "clear"])
def test_total_bytes_after_emptying_a_buffer(full: Any, empty: str) -> None:
    processor = opened(full, "a", "b")
    processor.append("a", "AAEC")
    processor.append("b", "AA==")
    getattr(processor["a"], empty)()
    assert (processor.total_bytes, processor["a"].total_bytes) == (1, 3)


@pytest.mark.parametrize("end", ["close", "discard"])
def test_total_bytes_after_the_end_of_a_call(full: Any, end: str) -> None:
    processor = opened(full, "a", "b")
    processor.append("a", "AAEC")
    processor.append("b", "AA==")
    getattr(processor, end)("a")
    assert processor.total_bytes == 1


def test_processors_share_nothing(full: Any) -> None:
    first, second = opened(full, "a"), opened(full)
    first.append("a", "AAEC")
    assert ("a" in second, len(second), second.total_bytes, second.call_ids()) == (False, 0, 0, [])


def test_buffer_outlives_its_processor(full: Any) -> None:
    buffer = full.AudioProcessor(capacity=64, max_bytes=5).open("a")
    buffer.append("AAEC")
    assert held(buffer) == b"\x00\x01\x02"


def test_new_processor_is_empty(full: Any) -> None:
    processor = full.AudioProcessor()
    assert (len(processor), processor.call_ids(), "a" in processor) == (0, [], False)
