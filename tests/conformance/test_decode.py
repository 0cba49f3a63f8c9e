"""decode: values and positions, exhaustively where that is possible."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterable
from functools import cache
from itertools import product
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from .oracle import message, outcome, verdict
from .texts import CANONICAL, CLASSES, RAW, STRANGERS, as_bytes, damaged, encode, pattern, speech_chunks, speech_texts

Texts = Iterable[tuple[Any, bytes | int]]


def expected(found: bytes | int) -> tuple[str, Any, Any]:
    """The outcome of a call that decodes."""
    return ("returned", found, None) if isinstance(found, bytes) else ("Error", message(found), None)


def differences(decode: Callable[[Any], bytes], texts: Texts) -> list[str]:
    """The first texts whose outcome is not the oracle's."""
    wrong = []
    for text, found in texts:
        told: object
        try:
            told = decode(text)
        except binascii.Error as error:
            told = str(error)
        except Exception as error:  # any other error is wrong, and is shown with its text
            told = error
        wanted = found if isinstance(found, bytes) else message(found)
        if told != wanted:
            wrong.append(f"{text!r}: {told!r}, not {wanted!r}")
            if len(wrong) == 5:
                break
    return wrong


def report(wrong: list[str]) -> str:
    """Differences as lines."""
    return "the first texts that differ:\n  " + "\n  ".join(wrong)


@cache
def short_texts() -> tuple[tuple[str, bytes | int], ...]:
    """Every text of up to five symbols, one symbol of each class."""
    texts = ("".join(text) for size in range(6) for text in product(CLASSES, repeat=size))
    return tuple((text, verdict(text)) for text in texts)


@cache
def tails() -> tuple[tuple[str, bytes | int], ...]:
    """Every tail of up to four symbols behind texts as long as a vector register, or two."""
    heads = [encode(pattern(size)) for size in (12, 24, 45, 48, 96)]
    short = [text for text, _ in short_texts() if len(text) <= 3]
    short += ["".join(text) for text in product("AB/=-\n", repeat=4)]
    return tuple((head + tail, verdict(head + tail)) for head in heads for tail in short)


@cache
def strangers() -> tuple[tuple[str, bytes | int], ...]:
    """One character that does not belong at each place of texts of many lengths."""
    texts = []
    for size in (*range(3, 100, 6), 191, 192, 193, 1280):
        text = encode(pattern(size))
        for at in {*range(min(len(text), 140)), *range(len(text) - 70, len(text))}:
            if at >= 0:
                stranger = STRANGERS[(at + size) % len(STRANGERS)]
                texts += [text[:at] + wrong + text[at + 1 :] for wrong in ("=", "-", stranger)]
    return tuple((text, verdict(text)) for text in texts)


@cache
def every_character() -> tuple[tuple[str, bytes | int], ...]:
    """Each of the first 512 characters, and wider ones with the same low byte, at some places."""
    text = encode(pattern(72))
    wide = [*range(512), *range(0x4100, 0x4180), *range(0x10000, 0x10080)]
    texts = [text[:at] + chr(code) + text[at + 1 :] for code in wide for at in (0, 1, 31, 62, 63, 64, 95)]
    return tuple((text, verdict(text)) for text in texts)


SETS = {
    "short texts": short_texts,
    "tails": tails,
    "strangers": strangers,
    "every character": every_character,
}


@pytest.mark.parametrize("texts", SETS)
def test_every_str(impl: Any, texts: str) -> None:
    wrong = differences(impl.decode, SETS[texts]())
    assert not wrong, report(wrong)


@pytest.mark.parametrize("texts", SETS)
def test_every_bytes(impl: Any, texts: str) -> None:
    raw = ((text.encode("latin-1"), found) for text, found in SETS[texts]() if _fits_bytes(text))
    wrong = differences(impl.decode, raw)
    assert not wrong, report(wrong)


def _fits_bytes(text: str) -> bool:
    return text.isascii() or max(text) <= "\xff"


def test_every_length_of_canonical_text(impl: Any) -> None:
    sizes = (*range(301), *range(1270, 1290))
    wrong = differences(impl.decode, ((encode(pattern(size)), pattern(size)) for size in sizes))
    assert not wrong, report(wrong)


def test_every_truncation(impl: Any) -> None:
    text = encode(pattern(145))
    wrong = differences(impl.decode, ((text[:end], verdict(text[:end])) for end in range(len(text))))
    assert not wrong, report(wrong)


def test_every_pair_of_symbols_before_padding(impl: Any) -> None:
    texts = [encode(bytes([byte]))[:2] for byte in range(256)]
    firsts = sorted({text[0] for text in texts})
    seconds = [encode(bytes([index << 2]))[0] for index in range(64)]
    quads = [a + b + "==" for a in firsts for b in seconds]
    quads += ["A" + a + b + "=" for a in firsts for b in seconds]
    wrong = differences(impl.decode, ((quad, verdict(quad)) for quad in quads))
    assert not wrong, report(wrong)


def test_result_is_plain_bytes(impl: Any) -> None:
    assert [type(impl.decode(chunk)) for chunk in ("", "AAAA", b"AA==")] == [bytes] * 3


def test_result_is_not_shared_between_calls(impl: Any) -> None:
    first = impl.decode("AAEC")
    impl.decode("////")
    assert first == b"\x00\x01\x02"


@given(text=damaged())
@example(text="A===")
@example(text="====")
@example(text="AA==AA==")
@example(text="A" * 1707)
def test_damaged_str(impl: Any, text: str) -> None:
    assert outcome(lambda: impl.decode(text)) == expected(verdict(text))


@given(text=damaged().map(as_bytes))
def test_damaged_bytes(impl: Any, text: bytes) -> None:
    assert outcome(lambda: impl.decode(text)) == expected(verdict(text))


@given(raw=RAW)
def test_decoding_undoes_encoding(impl: Any, raw: bytes) -> None:
    assert impl.decode(encode(raw)) == raw


@given(text=st.one_of(damaged(), CANONICAL))
def test_encoding_undoes_decoding(impl: Any, text: str) -> None:
    told, value, _ = outcome(lambda: impl.decode(text))
    assert told == "Error" or encode(value) == text


def test_speech(impl: Any) -> None:
    chunks = speech_chunks()
    wrong = differences(impl.decode, zip(speech_texts(), chunks, strict=True))
    assert len(chunks) == 2564
    assert not wrong, report(wrong)


def test_a_million_symbols(impl: Any) -> None:
    raw = pattern(750_000)
    assert impl.decode(encode(raw)) == raw


def test_position_in_a_million_symbols(impl: Any) -> None:
    text = encode(pattern(750_000))
    told = outcome(lambda: impl.decode(text[:-2] + "-" + text[-1]))
    assert told == expected(len(text) - 2)
