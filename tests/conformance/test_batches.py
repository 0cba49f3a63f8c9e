"""extend: any iterable, drained first, then all or nothing."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .oracle import outcome, verdict
from .states import held, state
from .texts import CANONICAL, damaged, encode, pattern

BATCH = ["AAEC", "", "Aw==", "BAUG"]


class Sequence:
    """Iterable by the old protocol only."""

    def __getitem__(self, index: int) -> str:
        return BATCH[index]


class Interrupted(Exception):
    """The user's own error."""


ITERABLES: dict[str, Callable[[], Iterable[str]]] = {
    "list": lambda: BATCH,
    "tuple": lambda: tuple(BATCH),
    "deque": lambda: deque(BATCH),
    "iterator": lambda: iter(BATCH),
    "generator": lambda: (chunk for chunk in BATCH),
    "map": lambda: map(str, BATCH),
    "dict": lambda: dict.fromkeys(BATCH),
    "by index": Sequence,  # type: ignore[dict-item]
}

NO_BATCH: dict[str, Callable[[], Any]] = {
    "str": lambda: "AAAA",
    "empty str": str,
    "bytes": lambda: b"AAAA",
    "empty bytes": bytes,
    "bytearray": lambda: bytearray(b"AAAA"),
    "memoryview": lambda: memoryview(b"AAAA"),
    "array": lambda: array("B", b"AAAA"),
    "array of 16 bits": lambda: array("h", [1, 2]),
    "int": lambda: 5,
    "None": lambda: None,
}


def opened(full: Any) -> tuple[Any, Any]:
    """A processor and the buffer of its only call."""
    processor = full.AudioProcessor(capacity=64)
    return processor, processor.open("a")


@pytest.mark.parametrize("kind", ITERABLES)
def test_extend_takes_any_iterable(full: Any, kind: str) -> None:
    buffer = full.AudioBuffer(64)
    assert (buffer.extend(ITERABLES[kind]()), held(buffer)) == (7, bytes(range(7)))


@pytest.mark.parametrize("kind", ITERABLES)
def test_processor_takes_any_iterable(full: Any, kind: str) -> None:
    processor, buffer = opened(full)
    assert (processor.extend("a", ITERABLES[kind]()), held(buffer)) == (7, bytes(range(7)))


@pytest.mark.parametrize("kind", NO_BATCH)
def test_extend_refuses(full: Any, kind: str) -> None:
    with pytest.raises(TypeError):
        full.AudioBuffer(64).extend(NO_BATCH[kind]())


@pytest.mark.parametrize("kind", NO_BATCH)
def test_processor_refuses(full: Any, kind: str) -> None:
    processor, _ = opened(full)
    with pytest.raises(TypeError):
        processor.extend("a", NO_BATCH[kind]())


def test_empty_batch(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    assert (buffer.extend([]), buffer.extend(iter(())), state(buffer)) == (0, 0, (b"", 0, 0, 0))


def test_batch_adds_behind_what_is_held(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append("////")
    buffer.extend(BATCH)
    assert held(buffer) == b"\xff\xff\xff" + bytes(range(7))


def test_batch_of_mixed_types(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    buffer.extend(["AAEC", b"Aw==", bytearray(b"BA=="), memoryview(b"BQ=="), array("B", b"Bg==")])
    assert held(buffer) == bytes(range(7))


def test_same_item_many_times(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    chunk = bytearray(b"AAEC")
    assert (buffer.extend([chunk] * 1000), len(buffer), buffer.chunk_count) == (3000, 3000, 1000)


def test_huge_batch(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    raw = [pattern(size % 50) for size in range(5000)]
    buffer.extend(encode(chunk) for chunk in raw)
    assert (held(buffer), buffer.chunk_count) == (b"".join(raw), 5000)


def test_list_is_left_alone(full: Any) -> None:
    batch = list(BATCH)
    full.AudioBuffer(64).extend(batch)
    assert batch == BATCH


@pytest.mark.parametrize("bad", ["AB==", 5])
def test_all_or_nothing(full: Any, bad: Any) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append("AAEC")
    with pytest.raises((ValueError, TypeError)):
        buffer.extend([*BATCH, bad])
    assert state(buffer) == (b"\x00\x01\x02", 3, 1, 3)


def test_error_of_the_iterable_passes_through(full: Any) -> None:
    error = Interrupted("the user's own")

    def chunks() -> Iterator[str]:
        yield "AAEC"
        raise error

    buffer = full.AudioBuffer(64)
    with pytest.raises(Interrupted) as caught:
        buffer.extend(chunks())
    assert (caught.value is error, state(buffer)) == (True, (b"", 0, 0, 0))


def test_error_of_the_iterable_comes_before_those_of_its_items(full: Any) -> None:
    def chunks() -> Iterator[str]:
        yield "AB=="
        raise Interrupted

    with pytest.raises(Interrupted):
        full.AudioBuffer(64).extend(chunks())


def test_error_on_asking_for_an_iterator_passes_through(full: Any) -> None:
    class Broken:
        def __iter__(self) -> Iterator[str]:
            raise Interrupted

    with pytest.raises(Interrupted):
        full.AudioBuffer(64).extend(Broken())


def test_iterable_that_appends(full: Any) -> None:
    buffer = full.AudioBuffer(64)

    def chunks() -> Iterator[str]:
        yield "AAAA"
        buffer.append("////")
        yield "AQ=="

    assert buffer.extend(chunks()) == 4
    assert state(buffer) == (b"\xff\xff\xff\x00\x00\x00\x01", 7, 3, 7)


def test_iterable_that_takes(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append("AAEC")
    taken = []

    def chunks() -> Iterator[str]:
        yield "////"
        taken.append(buffer.take())

    assert (buffer.extend(chunks()), taken, held(buffer)) == (3, [b"\x00\x01\x02"], b"\xff\xff\xff")


def test_iterable_that_extends(full: Any) -> None:
    buffer = full.AudioBuffer(64)

    def chunks() -> Iterator[str]:
        yield "AA=="
        buffer.extend(["AQ==", "Ag=="])
        yield "Aw=="

    assert (buffer.extend(chunks()), held(buffer)) == (2, b"\x01\x02\x00\x03")


def test_iterable_that_takes_a_view(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append("AAEC")
    views = []

    def chunks() -> Iterator[str]:
        yield "AAAA"
        views.append(buffer.view())

    with pytest.raises(BufferError):
        buffer.extend(chunks())
    assert (bytes(views[0]), state(buffer)) == (b"\x00\x01\x02", (b"\x00\x01\x02", 3, 1, 3))


def test_iterable_that_takes_a_view_for_a_moment(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append("AAEC")

    def chunks() -> Iterator[str]:
        with buffer.view() as view:
            yield encode(view)

    assert (buffer.extend(chunks()), held(buffer)) == (3, b"\x00\x01\x02" * 2)


def test_iterable_that_closes_the_call_of_the_buffer(full: Any) -> None:
    processor, buffer = opened(full)

    def chunks() -> Iterator[str]:
        yield "AAAA"
        processor.close("a")

    with pytest.raises(ValueError):  # noqa: PT011, the text is free
        buffer.extend(chunks())
    assert (len(processor), processor.total_bytes) == (0, 0)


def test_iterable_that_closes_the_call(full: Any) -> None:
    processor, _ = opened(full)

    def chunks() -> Iterator[str]:
        yield "AAAA"
        processor.close("a")

    # The call is unknown by then and its buffer closed: either may be said.
    with pytest.raises((ValueError, KeyError)):
        processor.extend("a", chunks())
    assert (len(processor), processor.total_bytes) == (0, 0)


def test_iterable_that_uses_up_the_room(full: Any) -> None:
    buffer = full.AudioBuffer(64, limit=5)

    def chunks() -> Iterator[str]:
        buffer.append("////")
        yield "AAAA"

    with pytest.raises(OverflowError):
        buffer.extend(chunks())
    assert held(buffer) == b"\xff\xff\xff"


def test_iterable_that_uses_up_the_room_of_all(full: Any) -> None:
    processor = full.AudioProcessor(capacity=64, max_bytes=5)
    buffer, other = processor.open("a"), processor.open("b")

    def chunks() -> Iterator[str]:
        other.append("////")
        yield "AAAA"

    with pytest.raises(OverflowError):
        buffer.extend(chunks())
    assert (len(buffer), processor.total_bytes) == (0, 3)


def test_live_view_comes_before_the_iterable(full: Any) -> None:
    def chunks() -> Iterator[str]:
        raise Interrupted
        yield ""

    buffer = full.AudioBuffer(64)
    with buffer.view(), pytest.raises(BufferError):
        buffer.extend(chunks())


@given(batch=st.lists(st.one_of(CANONICAL, damaged()), max_size=5))
def test_batch_is_all_or_its_first_error(full: Any, batch: list[str]) -> None:
    buffer = full.AudioBuffer(64)
    verdicts = [verdict(chunk) for chunk in batch]
    failing = [index for index, found in enumerate(verdicts) if isinstance(found, int)]
    told = outcome(lambda: buffer.extend(batch))
    if failing:
        assert (told[0], told[2], held(buffer)) == ("Error", failing[0], b"")
    else:
        whole = b"".join(found for found in verdicts if isinstance(found, bytes))
        assert (told[:2], held(buffer)) == (("returned", len(whole)), whole)
