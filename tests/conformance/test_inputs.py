"""The types that are chunks, those that are none, and that memory is given back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from .inputs import BUFFERS, NO_CHUNK, NOT_BYTES, STR_KINDS, WIDE, WITHOUT_EMPTY
from .texts import encode, pattern

SIZES = (1, 2, 3, 24, 48, 100, 1280)

Way = Callable[[Any, Any], bytes]


def by_decode(impl: Any, chunk: Any) -> bytes:
    """Decode a chunk."""
    result: bytes = impl.decode(chunk)
    return result


def by_append(impl: Any, chunk: Any) -> bytes:
    """Append a chunk to a new buffer."""
    buffer = impl.AudioBuffer(64)
    buffer.append(chunk)
    result: bytes = buffer.take()
    return result


def by_extend(impl: Any, chunk: Any) -> bytes:
    """Add a batch of one chunk to a new buffer."""
    buffer = impl.AudioBuffer(64)
    buffer.extend([chunk])
    result: bytes = buffer.take()
    return result


def by_processor(impl: Any, chunk: Any) -> bytes:
    """Append a chunk to a call."""
    processor = impl.AudioProcessor(capacity=64)
    processor.open("a")
    processor.append("a", chunk)
    result: bytes = processor.close("a")
    return result


WAYS = [pytest.param(way, id=way.__name__) for way in (by_append, by_extend, by_processor)]


@pytest.mark.parametrize("kind", STR_KINDS)
def test_decode_accepts_str(impl: Any, kind: str) -> None:
    made = [impl.decode(STR_KINDS[kind](encode(pattern(size)))) for size in SIZES]
    assert made == [pattern(size) for size in SIZES]


@pytest.mark.parametrize("kind", BUFFERS)
def test_decode_accepts_buffer(impl: Any, kind: str) -> None:
    made = [impl.decode(BUFFERS[kind](encode(pattern(size)).encode())) for size in SIZES]
    assert made == [pattern(size) for size in SIZES]


@pytest.mark.parametrize("kind", [kind for kind in BUFFERS if kind not in WITHOUT_EMPTY])
def test_decode_accepts_empty_buffer(impl: Any, kind: str) -> None:
    assert impl.decode(BUFFERS[kind](b"")) == b""


@pytest.mark.parametrize("kind", STR_KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_adding_accepts_str(full: Any, way: Way, kind: str) -> None:
    made = [way(full, STR_KINDS[kind](encode(pattern(size)))) for size in SIZES]
    assert made == [pattern(size) for size in SIZES]


@pytest.mark.parametrize("kind", BUFFERS)
@pytest.mark.parametrize("way", WAYS)
def test_adding_accepts_buffer(full: Any, way: Way, kind: str) -> None:
    made = [way(full, BUFFERS[kind](encode(pattern(size)).encode())) for size in SIZES]
    assert made == [pattern(size) for size in SIZES]


@pytest.mark.parametrize("kind", NO_CHUNK)
def test_decode_refuses(impl: Any, kind: str) -> None:
    with pytest.raises(TypeError):
        impl.decode(NO_CHUNK[kind]())


@pytest.mark.parametrize("kind", NO_CHUNK)
@pytest.mark.parametrize("way", WAYS)
def test_adding_refuses(full: Any, way: Way, kind: str) -> None:
    with pytest.raises(TypeError):
        way(full, NO_CHUNK[kind]())


@pytest.mark.parametrize("text", ["AAAA", "AB==", "AA-_", "A=", "AAA\xe9"])
def test_decode_gives_memory_back(impl: Any, text: str) -> None:
    memory = bytearray(text.encode("latin-1"))
    with contextlib.suppress(ValueError):
        impl.decode(memory)
    memory.append(0)  # BufferError while somebody still looks at it
    assert len(memory) == len(text) + 1


@pytest.mark.parametrize("text", ["AAAA", "AB==", "AA-_", "A=", "AAA\xe9", "A" * 400])
@pytest.mark.parametrize("way", WAYS)
def test_adding_gives_memory_back(full: Any, way: Way, text: str) -> None:
    memory = bytearray(text.encode("latin-1"))
    with contextlib.suppress(ValueError):
        way(full, memory)
    memory.append(0)
    assert len(memory) == len(text) + 1


@pytest.mark.parametrize("way", WAYS)
def test_refusing_wide_items_gives_memory_back(full: Any, way: Way) -> None:
    memory = bytearray(b"AAAA")
    with memoryview(memory).cast("H") as wide, contextlib.suppress(TypeError):
        way(full, wide)
    memory.append(0)
    assert len(memory) == 5


def test_refusing_for_the_limit_gives_memory_back(full: Any) -> None:
    memory = bytearray(b"AAAA")
    with contextlib.suppress(OverflowError):
        full.AudioBuffer(64, limit=2).append(memory)
    memory.append(0)
    assert len(memory) == 5


def test_a_failed_batch_gives_memory_back(full: Any) -> None:
    memories = [bytearray(b"AAAA"), bytearray(b"AB=="), bytearray(b"AAAA")]
    with contextlib.suppress(ValueError):
        full.AudioBuffer(64).extend(memories)
    for memory in memories:
        memory.append(0)
    assert [len(memory) for memory in memories] == [5, 5, 5]


def test_appending_raw_audio_gives_memory_back(full: Any) -> None:
    memory = bytearray(b"AAAA")
    full.AudioBuffer(64).append_pcm(memory)
    memory.append(0)
    assert len(memory) == 5


@pytest.mark.parametrize("kind", BUFFERS)
def test_append_pcm_accepts_bytes(full: Any, kind: str) -> None:
    buffer = full.AudioBuffer(64)
    buffer.append_pcm(BUFFERS[kind](b"\x00\xffAB=="))
    assert buffer.take() == b"\x00\xffAB=="


@pytest.mark.parametrize("kind", WIDE)
def test_append_pcm_accepts_wide_items(full: Any, kind: str) -> None:
    samples = WIDE[kind]()
    raw = memoryview(samples).tobytes()
    buffer = full.AudioBuffer(64)
    assert (buffer.append_pcm(samples), buffer.take()) == (len(raw), raw)


@pytest.mark.parametrize("kind", [*NOT_BYTES, "str", "empty str"])
def test_append_pcm_refuses(full: Any, kind: str) -> None:
    pcm = {"str": "AAAA", "empty str": ""}[kind] if kind.endswith("str") else NOT_BYTES[kind]()
    with pytest.raises(TypeError):
        full.AudioBuffer(64).append_pcm(pcm)
