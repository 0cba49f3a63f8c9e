"""The oracle itself, against the encoder of the standard library and by brute force."""

from __future__ import annotations

import re
from base64 import b64encode
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from .oracle import ALPHABET, verdict

# Two bytes give every last quad with padding; whole quads need only their prefixes.
SHORT = [bytes(raw) for size in range(3) for raw in product(range(256), repeat=size)]
PREFIXES = {b64encode(raw).decode()[:end] for raw in SHORT for end in range(5)} | {
    "".join(quad) for quad in product(ALPHABET, repeat=3)
}


def longest_prefix(text: str) -> int:
    """The definition of the position, read aloud: whole quads first, then what may follow them."""
    quads = 0
    while re.fullmatch(r"[A-Za-z0-9+/]{4}", text[quads : quads + 4]):
        quads += 4
    rest = text[quads:]
    return quads + max(end for end in range(min(4, len(rest)) + 1) if rest[:end] in PREFIXES)


def test_values_of_all_short_texts() -> None:
    wrong = [raw for raw in SHORT if verdict(b64encode(raw).decode()) != raw]
    assert not wrong, f"wrong values for {wrong[:5]}"


def test_all_prefixes_of_short_texts_are_accepted_to_their_end() -> None:
    wrong = []
    for raw in SHORT:
        text = b64encode(raw).decode()
        wrong += [text[:end] for end in range(1, len(text)) if verdict(text[:end]) != end]
    assert not wrong, f"the error is not at the end of {wrong[:5]}"


def test_positions_by_brute_force() -> None:
    encoded = {b64encode(raw).decode(): raw for raw in SHORT}
    wrong = []
    for size in range(6):
        for symbols in product("ABQg/+=-\n\xe9", repeat=size):
            text = "".join(symbols)
            found = verdict(text)
            if isinstance(found, bytes):
                right = encoded.get(text, found) == found and b64encode(found).decode() == text
            else:
                right = text not in encoded and found == longest_prefix(text)
            if not right:
                wrong.append((text, found))
    assert not wrong, f"wrong verdicts: {wrong[:5]}"


def test_examples_of_the_contract() -> None:
    expected: dict[str, bytes | int] = {
        "": b"",
        "AA==": b"\x00",
        "AB==": 2,
        "AAB=": 3,
        "AA===": 4,
        "AAAA=": 4,
        "A=": 1,
        "AA=": 3,
        "AAAA\n": 4,
        "AA-_": 2,
        "\xe9": 0,
    }
    assert {text: verdict(text) for text in expected} == expected


@given(st.binary(max_size=300))
def test_long_values(raw: bytes) -> None:
    assert verdict(b64encode(raw)) == verdict(b64encode(raw).decode()) == raw
