"""Cases of JSON, each as a whole text and inside of a message, and all short texts."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from .json_cases import ACCEPTED, LAST_BYTES, REFUSED, SYMBOLS, marked
from .messages import outcome, refused, send, told
from .oracle_json import prefix

OTHER = told(kind="other", name="x")


def ways(text: str | bytes) -> list[str | bytes]:
    """A case as everything that it can be."""
    return [text] if isinstance(text, bytes) else [text, text.encode()]


def embedded(text: str | bytes) -> str | bytes:
    """A case as the value of a member that no format knows."""
    if isinstance(text, str):
        return f'{{"event":"x","y":{text}}}'
    return b'{"event":"x","y":' + text + b"}"


def wanted(symbols: str | bytes) -> tuple[Any, ...]:
    """What the oracle says of an event `x`, or of a text that is none."""
    position = prefix(symbols)
    return OTHER if position is None else refused("JSON", position)


@pytest.mark.parametrize("case", REFUSED)
def test_text_that_is_refused(ingesting: Any, case: str) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    for way in ways(REFUSED[case]):
        text, position = marked(way)
        assert outcome(send, processor, "callbot", text) == refused("JSON", position)


@pytest.mark.parametrize("case", REFUSED)
def test_text_that_is_refused_inside_of_a_message(ingesting: Any, case: str) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    for way in ways(marked(REFUSED[case])[0]):
        assert outcome(send, processor, "callbot", embedded(way)) == wanted(embedded(way))


@pytest.mark.parametrize("case", ACCEPTED)
def test_text_that_is_accepted(ingesting: Any, case: str) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    for way in ways(ACCEPTED[case]):
        start = len(way) - len(way.lstrip())
        assert outcome(send, processor, "callbot", way) == refused("message", start)


@pytest.mark.parametrize("case", ACCEPTED)
def test_text_that_is_accepted_inside_of_a_message(ingesting: Any, case: str) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    for way in ways(ACCEPTED[case]):
        assert outcome(send, processor, "callbot", embedded(way)) == OTHER


def test_all_short_texts(ingesting: Any) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    wrong = []
    for symbols in (symbols for size in range(4) for symbols in product(SYMBOLS, repeat=size)):
        text = embedded("".join(symbols))
        if outcome(send, processor, "callbot", text) != wanted(text):
            wrong.append(text)
    assert not wrong, f"{len(wrong)} texts, among them {wrong[:3]}"


def test_all_short_strings_of_bytes(ingesting: Any) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    wrong = []
    for tail in (bytes(tail) for size in range(1, 4) for tail in product(LAST_BYTES, repeat=size)):
        text = embedded(b'"' + tail + b'"')
        if outcome(send, processor, "callbot", text) != wanted(text):
            wrong.append(text)
    assert not wrong, f"{len(wrong)} texts, among them {wrong[:3]}"


@pytest.mark.parametrize("place", range(40))
def test_character_that_is_cut_at_every_place(ingesting: Any, place: int) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    for spoilt in (b"\xe2\x82", b"\xc0", b"\xed\xa0\x80", b"\xf0\x9f\x8e", b"\x1f", b"\\x"):
        text = embedded(b'"' + b"x" * place + spoilt + b'yyyyyyyyyyyyyyyy"')
        assert outcome(send, processor, "callbot", text) == wanted(text)
