"""What an implementation says of itself, and the names and signatures it offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

KEYS = ("language", "binding", "kernel", "compiler", "flags", "profile", "version", "contract")
METHODS_OF_BUFFER = ("append", "extend", "append_pcm", "view", "take", "clear")
METHODS_OF_PROCESSOR = ("open", "append", "extend", "close", "discard", "call_ids")


def test_build_is_a_mapping(impl: Any) -> None:
    assert isinstance(impl.BUILD, Mapping)


@pytest.mark.parametrize("key", KEYS)
def test_build_has_the_key_as_text(impl: Any, key: str) -> None:
    assert isinstance(impl.BUILD[key], str)


@pytest.mark.parametrize("key", ["language", "binding", "kernel", "version"])
def test_build_names_what_it_is(impl: Any, key: str) -> None:
    assert impl.BUILD[key].strip()


def test_profile_is_known(impl: Any) -> None:
    assert impl.BUILD["profile"] in ("release", "debug")


def test_contract_is_known(impl: Any) -> None:
    assert impl.BUILD["contract"] in ("full", "decode", "report")


def test_decode_is_callable(impl: Any) -> None:
    assert callable(impl.decode)


def test_decode_takes_its_argument_by_position_only(impl: Any) -> None:
    with pytest.raises(TypeError):
        impl.decode(chunk="AAAA")


@pytest.mark.parametrize("arguments", [(), ("AAAA", "AAAA")], ids=["none", "two"])
def test_decode_takes_one_argument(impl: Any, arguments: tuple[str, ...]) -> None:
    with pytest.raises(TypeError):
        impl.decode(*arguments)


@pytest.mark.parametrize("method", METHODS_OF_BUFFER)
def test_buffer_has_the_method(full: Any, method: str) -> None:
    assert callable(getattr(full.AudioBuffer(16), method))


@pytest.mark.parametrize("counter", ["chunk_count", "total_bytes", "reallocations"])
def test_counters_start_at_zero(full: Any, counter: str) -> None:
    assert getattr(full.AudioBuffer(16), counter) == 0


@pytest.mark.parametrize(
    ("method", "keyword", "value"),
    [("append", "chunk", "AAAA"), ("extend", "chunks", ["AAAA"]), ("append_pcm", "pcm", b"\0\0")],
)
def test_buffer_takes_chunks_by_position_only(full: Any, method: str, keyword: str, value: object) -> None:
    with pytest.raises(TypeError):
        getattr(full.AudioBuffer(16), method)(**{keyword: value})


@pytest.mark.parametrize("method", METHODS_OF_BUFFER)
def test_buffer_refuses_surplus_arguments(full: Any, method: str) -> None:
    with pytest.raises(TypeError):
        getattr(full.AudioBuffer(16), method)("AAAA", "AAAA")


def test_buffer_takes_its_capacity_by_position(full: Any) -> None:
    assert full.AudioBuffer(4096).capacity == 4096


def test_buffer_takes_its_capacity_by_name(full: Any) -> None:
    assert full.AudioBuffer(capacity=4096).capacity == 4096


def test_default_capacity_of_a_buffer(full: Any) -> None:
    assert full.AudioBuffer().capacity == 10 * 2**20


def test_default_capacity_of_a_processor(full: Any) -> None:
    assert full.AudioProcessor().open("a").capacity == 10 * 2**20


def test_limit_of_a_buffer_has_to_be_named(full: Any) -> None:
    with pytest.raises(TypeError):
        full.AudioBuffer(16, 16)


def test_no_limit_is_none(full: Any) -> None:
    assert full.AudioBuffer(0, limit=None).append("AAAA") == 3


def test_options_of_a_processor_have_to_be_named(full: Any) -> None:
    with pytest.raises(TypeError):
        full.AudioProcessor(16)


def test_no_options_of_a_processor_are_none(full: Any) -> None:
    processor = full.AudioProcessor(capacity=16, limit=None, max_calls=None, max_bytes=None)
    assert processor.open("a").append("AAAA") == 3


@pytest.mark.parametrize("method", METHODS_OF_PROCESSOR)
def test_processor_has_the_method(full: Any, method: str) -> None:
    assert callable(getattr(full.AudioProcessor(), method))


def test_processor_takes_arguments_by_name(full: Any) -> None:
    processor = full.AudioProcessor(capacity=16)
    processor.open(call_id="a")
    processor.open(call_id="b")
    told = (
        processor.append(call_id="a", chunk="AAAA"),
        processor.extend(call_id="a", chunks=["AAAA", "AA=="]),
        processor.close(call_id="a"),
        processor.discard(call_id="b"),
    )
    assert told == (3, 4, bytes(7), None)


def test_processor_takes_arguments_by_position(full: Any) -> None:
    processor = full.AudioProcessor(capacity=16)
    processor.open("a")
    processor.open("b")
    told = (
        processor.append("a", "AAAA"),
        processor.extend("a", ["AAAA", "AA=="]),
        processor.close("a"),
        processor.discard("b"),
    )
    assert told == (3, 4, bytes(7), None)


def test_processor_refuses_unknown_names(full: Any) -> None:
    with pytest.raises(TypeError):
        full.AudioProcessor(size=16)


def test_total_bytes_of_a_processor_starts_at_zero(full: Any) -> None:
    assert full.AudioProcessor().total_bytes == 0
