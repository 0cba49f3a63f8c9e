"""AudioBuffer: adding, handing out, counters and reserved memory."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .states import held, state
from .texts import encode, pattern, speech_chunks, speech_texts

HUGE = (2**50, 2**62, 2**63 - 1, 2**63, 2**64, 2**100)


def test_append_adds_decoded_bytes(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    assert (buffer.append("AAEC"), held(buffer)) == (3, b"\x00\x01\x02")


def test_append_adds_behind_what_is_held(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    for chunk in ("AAEC", "Aw==", "BAU=", ""):
        buffer.append(chunk)
    assert held(buffer) == bytes(range(6))


def test_append_tells_the_bytes_added(full: Any) -> None:
    buffer = full.AudioBuffer(4096)
    sizes = [0, 1, 2, 3, 47, 48, 49, 1280]
    assert [buffer.append(encode(bytes(size))) for size in sizes] == sizes


def test_append_pcm_adds_bytes_as_they_are(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    assert (buffer.append_pcm(b"AB=="), buffer.append_pcm(b"\xff"), held(buffer)) == (4, 1, b"AB==\xff")


def test_append_pcm_copies(full: Any) -> None:
    samples = bytearray(b"abcd")
    buffer = full.AudioBuffer(64)
    buffer.append_pcm(samples)
    samples[:] = b"****"
    assert held(buffer) == b"abcd"


def test_len_is_what_is_held(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    lengths = [len(buffer)]
    for chunk in ("AAEC", "", "Aw=="):
        buffer.append(chunk)
        lengths.append(len(buffer))
    assert lengths == [0, 3, 3, 4]


def test_take_hands_out_what_is_held(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append("AAEC")
    taken = buffer.take()
    assert (type(taken), taken) == (bytes, b"\x00\x01\x02")


def test_take_empties(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append("AAEC")
    buffer.take()
    assert (len(buffer), held(buffer), buffer.take()) == (0, b"", b"")


def test_what_was_taken_stays(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append("AAEC")
    taken = buffer.take()
    buffer.append("////")
    assert taken == b"\x00\x01\x02"


def test_clear_empties(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append("AAEC")
    assert (buffer.clear(), len(buffer), held(buffer)) == (None, 0, b"")


@pytest.mark.parametrize("empty", ["take", "clear"])
def test_adding_goes_on_after_emptying(full: Any, empty: str) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append("AAEC")
    getattr(buffer, empty)()
    buffer.append("////")
    assert held(buffer) == b"\xff\xff\xff"


@pytest.mark.parametrize("empty", ["take", "clear"])
def test_emptying_leaves_counters_alone(full: Any, empty: str) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append("AAEC")
    buffer.append("AA==")
    getattr(buffer, empty)()
    assert (buffer.chunk_count, buffer.total_bytes) == (2, 4)


def test_counters_go_on_after_emptying(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append("AAEC")
    buffer.take()
    buffer.append("AA==")
    assert (buffer.chunk_count, buffer.total_bytes) == (2, 4)


def test_empty_chunk_counts(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    assert (buffer.append(""), buffer.append(b""), buffer.chunk_count, buffer.total_bytes) == (0, 0, 2, 0)


def test_append_pcm_counts_as_a_chunk(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append_pcm(b"abcd")
    buffer.append_pcm(b"")
    assert (buffer.chunk_count, buffer.total_bytes) == (2, 4)


def test_every_item_of_a_batch_counts(full: Any) -> None:
    buffer = full.AudioBuffer(64)
    buffer.extend(["AAEC", "", "AA=="])
    assert (buffer.chunk_count, buffer.total_bytes) == (3, 4)


def test_buffers_share_nothing(full: Any) -> None:
    first, second = full.AudioBuffer(64), full.AudioBuffer(64)
    first.append("AAEC")
    assert state(second) == (b"", 0, 0, 0)


@pytest.mark.parametrize("capacity", [0, 1, 63, 4096])
def test_capacity_is_what_was_asked_for(full: Any, capacity: int) -> None:
    assert full.AudioBuffer(capacity).capacity == capacity


def test_capacity_of_a_processor_goes_to_its_buffers(full: Any) -> None:
    assert full.AudioProcessor(capacity=4096).open("a").capacity == 4096


@pytest.mark.parametrize("capacity", [0, 1, 63, 64])
def test_growth_past_the_capacity_keeps_the_contents(full: Any, capacity: int) -> None:
    raw = pattern(5000)
    buffer = full.AudioBuffer(capacity)
    for start in range(0, 5000, 100):
        buffer.append(encode(raw[start : start + 100]))
    assert held(buffer) == raw


def test_growth_past_the_capacity_in_one_batch(full: Any) -> None:
    raw = pattern(5000)
    buffer = full.AudioBuffer(16)
    buffer.extend(encode(raw[start : start + 100]) for start in range(0, 5000, 100))
    assert held(buffer) == raw


def test_growth_past_the_capacity_with_raw_audio(full: Any) -> None:
    buffer = full.AudioBuffer(16)
    buffer.append_pcm(pattern(7))
    buffer.append_pcm(pattern(5000))
    assert held(buffer) == pattern(7) + pattern(5000)


def test_capacity_is_never_less_than_what_is_held(full: Any) -> None:
    buffer = full.AudioBuffer(16)
    for _ in range(20):
        buffer.append(encode(pattern(100)))
        assert buffer.capacity >= len(buffer)


@pytest.mark.parametrize("empty", ["take", "clear"])
def test_emptying_keeps_the_reserved_memory(full: Any, empty: str) -> None:
    buffer = full.AudioBuffer(16)
    buffer.append(encode(pattern(1000)))
    before = buffer.capacity
    getattr(buffer, empty)()
    assert buffer.capacity == before >= 1000


def test_growing_counts_as_reallocation(reserving: Any) -> None:
    buffer = reserving.AudioBuffer(16)
    buffer.append(encode(pattern(5000)))
    assert buffer.reallocations >= 1


def test_each_growth_counts_as_reallocation(reserving: Any) -> None:
    buffer = reserving.AudioBuffer(16)
    for size in (1000, 10**5, 10**6):
        before = buffer.reallocations
        buffer.append_pcm(bytes(size))
        assert buffer.reallocations > before


@pytest.mark.parametrize("capacity", [1, 63, 64, 65, 1280, 4097])
def test_no_reallocation_within_the_capacity(reserving: Any, capacity: int) -> None:
    buffer = reserving.AudioBuffer(capacity)
    for _ in range(3):
        for start in range(0, capacity, 50):
            buffer.append(encode(bytes(min(50, capacity - start))))
        assert (len(buffer), buffer.reallocations, buffer.capacity) == (capacity, 0, capacity)
        buffer.take()


@pytest.mark.parametrize("adder", ["append", "extend", "append_pcm"])
def test_no_reallocation_for_what_fits_exactly(reserving: Any, adder: str) -> None:
    buffer = reserving.AudioBuffer(1000)
    text = encode(pattern(1000))
    getattr(buffer, adder)({"append": text, "extend": [text], "append_pcm": pattern(1000)}[adder])
    assert (held(buffer), buffer.reallocations, buffer.capacity) == (pattern(1000), 0, 1000)


def test_no_reallocation_for_what_is_refused(reserving: Any) -> None:
    buffer = reserving.AudioBuffer(16)
    with pytest.raises(ValueError, match="position"):
        buffer.append("A" * 400 + "-AAA")
    assert (buffer.reallocations, buffer.capacity) == (0, 16)


@pytest.mark.parametrize("capacity", HUGE)
def test_memory_that_cannot_be_had(reserving: Any, capacity: int) -> None:
    with pytest.raises(MemoryError):
        reserving.AudioBuffer(capacity)


def test_memory_that_cannot_be_had_opens_no_call(reserving: Any) -> None:
    try:
        processor = reserving.AudioProcessor(capacity=2**62)
    except MemoryError:
        return  # refused at once, so that there is no call to open
    with pytest.raises(MemoryError):
        processor.open("a")
    assert (len(processor), processor.call_ids(), "a" in processor) == (0, [], False)


@pytest.mark.parametrize("capacity", [-1, -(2**63), -(2**100)])
def test_negative_capacity(full: Any, capacity: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011, the text is free
        full.AudioBuffer(capacity)


@pytest.mark.parametrize("limit", [-1, -(2**63), -(2**100)])
def test_negative_limit(full: Any, limit: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011, the text is free
        full.AudioBuffer(16, limit=limit)


@pytest.mark.parametrize("capacity", [1.0, "16", None, b"16", [16]])
def test_capacity_that_is_no_integer(full: Any, capacity: object) -> None:
    with pytest.raises(TypeError):
        full.AudioBuffer(capacity)


@pytest.mark.parametrize("limit", [1.0, "16", b"16", [16]])
def test_limit_that_is_no_integer(full: Any, limit: object) -> None:
    with pytest.raises(TypeError):
        full.AudioBuffer(16, limit=limit)


@given(sizes=st.lists(st.integers(0, 200), max_size=20), capacity=st.integers(0, 300))
def test_chunks_come_out_as_they_went_in(full: Any, sizes: list[int], capacity: int) -> None:
    buffer = full.AudioBuffer(capacity)
    chunks = [pattern(size) for size in sizes]
    for chunk in chunks:
        buffer.append(encode(chunk))
    assert buffer.take() == b"".join(chunks)


def test_speech_comes_out_as_it_went_in(full: Any) -> None:
    chunks = speech_chunks()
    buffer = full.AudioBuffer()
    for text in speech_texts():
        buffer.append(text)
    assert (buffer.take(), buffer.chunk_count) == (b"".join(chunks), len(chunks))
