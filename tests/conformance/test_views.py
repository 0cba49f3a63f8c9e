"""Views: what they show, what they forbid while alive, and how long they live."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

from .texts import encode, pattern

CHANGES: dict[str, Callable[[Any, Any], Any]] = {
    "append": lambda processor, buffer: buffer.append("AAAA"),
    "append nothing": lambda processor, buffer: buffer.append(""),
    "append_pcm": lambda processor, buffer: buffer.append_pcm(b"ab"),
    "append_pcm nothing": lambda processor, buffer: buffer.append_pcm(b""),
    "extend": lambda processor, buffer: buffer.extend(["AAAA"]),
    "extend with nothing": lambda processor, buffer: buffer.extend([]),
    "take": lambda processor, buffer: buffer.take(),
    "clear": lambda processor, buffer: buffer.clear(),
    "processor's append": lambda processor, buffer: processor.append("a", "AAAA"),
    "processor's append of nothing": lambda processor, buffer: processor.append("a", ""),
    "processor's extend": lambda processor, buffer: processor.extend("a", ["AAAA"]),
    "close": lambda processor, buffer: processor.close("a"),
    "discard": lambda processor, buffer: processor.discard("a"),
}

DERIVED: dict[str, Callable[[memoryview], memoryview]] = {
    "slice": lambda view: view[1:3],
    "slice with a step": lambda view: view[::2],
    "cast": lambda view: view.cast("b"),
    "cast to 16 bits": lambda view: view[:4].cast("h"),
    "view of the view": memoryview,
    "slice of a slice": lambda view: view[1:][1:],
    "read-only view of the view": lambda view: view.toreadonly(),
}


def opened(full: Any, raw: bytes = b"\x00\x01\x02\x03\x04\x05") -> tuple[Any, Any]:
    """A processor and the buffer of its only call."""
    processor = full.AudioProcessor(capacity=64)
    buffer = processor.open("a")
    buffer.append(encode(raw))
    return processor, buffer


def is_locked(buffer: Any) -> bool:
    """Whether the contents are protected now."""
    try:
        buffer.append("")
    except BufferError:
        return True
    return False


def test_view_shows_what_is_held(full: Any) -> None:
    _, buffer = opened(full)
    assert buffer.view() == b"\x00\x01\x02\x03\x04\x05"


def test_view_is_a_read_only_view_of_bytes(full: Any) -> None:
    _, buffer = opened(full)
    view = buffer.view()
    told = (type(view), view.readonly, view.format, view.itemsize, view.ndim, view.c_contiguous)
    assert told == (memoryview, True, "B", 1, 1, True)


def test_view_cannot_be_written(full: Any) -> None:
    _, buffer = opened(full)
    with pytest.raises(TypeError):
        buffer.view()[0] = 1


def test_view_of_nothing(full: Any) -> None:
    view = full.AudioBuffer(64).view()
    assert (len(view), view.nbytes, view.format, view.readonly) == (0, 0, "B", True)


def test_view_is_no_copy(full: Any) -> None:
    numpy = pytest.importorskip("numpy", reason="numpy tells where a view's memory lies")
    buffer = full.AudioBuffer(64)
    buffer.append("AAEC")
    first, second = (numpy.frombuffer(buffer.view(), numpy.uint8) for _ in range(2))
    assert numpy.shares_memory(first, second)


@pytest.mark.parametrize("size", [0, 6])
@pytest.mark.parametrize("change", CHANGES)
def test_view_forbids_change(full: Any, change: str, size: int) -> None:
    processor, buffer = opened(full, pattern(size))
    with buffer.view() as view:
        with pytest.raises(BufferError):
            CHANGES[change](processor, buffer)
        assert view == pattern(size)


@pytest.mark.parametrize("change", CHANGES)
def test_release_allows_change_again(full: Any, change: str) -> None:
    processor, buffer = opened(full)
    buffer.view().release()
    CHANGES[change](processor, buffer)  # BufferError if the view still counted


def test_view_that_is_forgotten_allows_change_again(full: Any) -> None:
    _, buffer = opened(full)
    view = buffer.view()
    assert is_locked(buffer)
    del view
    gc.collect()
    assert not is_locked(buffer)


@pytest.mark.parametrize("derived", DERIVED)
def test_what_is_made_from_a_view_forbids_change(full: Any, derived: str) -> None:
    _, buffer = opened(full)
    view = buffer.view()
    made = DERIVED[derived](view)
    view.release()
    assert is_locked(buffer)
    made.release()
    assert not is_locked(buffer)


def test_numpy_array_of_a_view_forbids_change(full: Any) -> None:
    numpy = pytest.importorskip("numpy", reason="numpy makes arrays from views")
    _, buffer = opened(full)
    samples = numpy.frombuffer(buffer.view(), numpy.int16)[1:]
    gc.collect()
    assert (is_locked(buffer), samples.tobytes()) == (True, b"\x02\x03\x04\x05")
    del samples
    gc.collect()
    assert not is_locked(buffer)


def test_every_view_has_to_go(full: Any) -> None:
    _, buffer = opened(full)
    views = [buffer.view() for _ in range(3)]
    locked = []
    for view in views:
        locked.append(is_locked(buffer))
        view.release()
    assert (locked, is_locked(buffer)) == ([True] * 3, False)


def test_view_of_another_buffer_forbids_nothing(full: Any) -> None:
    processor, buffer = opened(full)
    other = processor.open("b")
    with buffer.view():
        other.append("AAEC")
        assert processor.close("b") == b"\x00\x01\x02"


def test_reading_goes_on_under_a_view(full: Any) -> None:
    processor, buffer = opened(full)
    with buffer.view():
        told = (len(buffer), buffer.chunk_count, buffer.total_bytes, processor.total_bytes)
        assert (told, processor["a"] is buffer) == ((6, 1, 6, 6), True)


def test_only_view_exports(full: Any) -> None:
    _, buffer = opened(full)
    with pytest.raises(TypeError):
        memoryview(buffer)


def test_buffer_is_no_chunk(full: Any) -> None:
    _, buffer = opened(full)
    with pytest.raises(TypeError):
        full.decode(buffer)


def test_view_of_a_buffer_is_audio_for_another(full: Any) -> None:
    _, buffer = opened(full)
    other = full.AudioBuffer(64)
    other.append_pcm(buffer.view())
    gc.collect()
    assert (other.take(), is_locked(buffer)) == (b"\x00\x01\x02\x03\x04\x05", False)


@pytest.mark.parametrize("adder", ["append", "append_pcm"])
def test_buffer_cannot_swallow_its_own_view(full: Any, adder: str) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append_pcm(b"AAAA")
    with buffer.view() as view, pytest.raises(BufferError):
        getattr(buffer, adder)(view)


@pytest.mark.parametrize("capacity", [0, 64])
def test_view_outlives_the_buffer(full: Any, capacity: int) -> None:
    buffer = full.AudioBuffer(capacity)
    buffer.append(encode(pattern(50)))
    view = buffer.view()
    del buffer
    gc.collect()
    others = [full.AudioBuffer(64) for _ in range(20)]
    for other in others:
        other.append_pcm(b"\xff" * 64)
    assert view == pattern(50)


def test_view_outlives_the_processor(full: Any) -> None:
    processor, buffer = opened(full)
    view = buffer.view()[2:4]
    del processor, buffer
    gc.collect()
    assert view == b"\x02\x03"


@pytest.mark.parametrize("end", ["close", "discard"])
def test_call_stays_open_under_a_view(full: Any, end: str) -> None:
    processor, buffer = opened(full)
    with buffer.view():
        with pytest.raises(BufferError):
            getattr(processor, end)("a")
        assert ("a" in processor, processor["a"] is buffer, len(buffer)) == (True, True, 6)


@pytest.mark.parametrize("end", ["close", "discard"])
def test_call_can_be_ended_once_the_view_is_gone(full: Any, end: str) -> None:
    processor, buffer = opened(full)
    with buffer.view(), pytest.raises(BufferError):
        getattr(processor, end)("a")
    buffer.append("Bg==")
    assert getattr(processor, end)("a") == {"close": bytes(range(7)), "discard": None}[end]


def test_view_sees_what_was_added_before_it_only(full: Any) -> None:
    _, buffer = opened(full)
    lengths = [len(buffer.view())]
    gc.collect()
    buffer.append("AAAA")
    lengths.append(len(buffer.view()))
    assert lengths == [6, 9]
