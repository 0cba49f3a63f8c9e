"""The oracle of `ingest` itself: the automaton against the standard library, and by brute force."""

from __future__ import annotations

import json
import sys
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .json_cases import ACCEPTED, LAST_BYTES, REFUSED, SYMBOLS, marked
from .oracle_json import DEPTH, depth, is_json, prefix, top

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=20,
)


@pytest.mark.parametrize("name", ACCEPTED)
def test_case_is_accepted_by_both(name: str) -> None:
    assert (is_json(ACCEPTED[name]), prefix(ACCEPTED[name])) == (True, None)


@pytest.mark.parametrize("name", REFUSED)
def test_case_is_refused_by_both(name: str) -> None:
    symbols, position = marked(REFUSED[name])
    assert (is_json(symbols), prefix(symbols)) == (False, position)


def test_both_agree_on_all_short_texts() -> None:
    texts = ("".join(symbols) for size in range(5) for symbols in product(SYMBOLS, repeat=size))
    wrong = [text for text in texts if is_json(text) != (prefix(text) is None)]
    assert not wrong, f"differ on {wrong[:5]}"


@pytest.mark.parametrize(("symbols", "whole", "cut"), [('"{}[]:,1', 6, 2), ("01-.e+", 5, 3), ('"\\u1', 9, 4)])
def test_positions_by_brute_force(symbols: str, whole: int, cut: int) -> None:
    """The definition read aloud: the beginnings of accepted texts are known, and the longest one is looked for."""
    texts = ("".join(chosen) for size in range(whole + 1) for chosen in product(symbols, repeat=size))
    beginnings = {text[:end] for text in texts if is_json(text) for end in range(len(text) + 1)}
    wrong = []
    for text in ("".join(chosen) for size in range(cut + 1) for chosen in product(symbols, repeat=size)):
        longest = max(end for end in range(len(text) + 1) if text[:end] in beginnings)
        if prefix(text) not in (None, longest):
            wrong.append((text, prefix(text), longest))
    assert not wrong, f"wrong positions: {wrong[:5]}"


def test_utf8_is_that_of_the_standard_library() -> None:
    points = (point for point in range(0x80, 0x110000) if not 0xD800 <= point < 0xE000)
    whole = {chr(point).encode() for point in points}
    begun = {raw[:end] for raw in whole for end in range(1, len(raw))}
    wrong = []
    for raw in (bytes(tail) for size in range(1, 5) for tail in product(LAST_BYTES, repeat=size)):
        if raw[0] >= 0x80 and all(raw[:end] in begun for end in range(1, len(raw))):
            longest = len(raw) if raw in whole or raw in begun else len(raw) - 1
            if prefix(b'"' + raw) != 1 + longest:
                wrong.append(raw)
    assert not wrong, f"wrong positions in {wrong[:5]}"


@pytest.mark.parametrize("levels", [1, 500, DEPTH, DEPTH + 1, 100_000])
@pytest.mark.parametrize("level", ["[", '{"a":'])
def test_depth(level: str, levels: int) -> None:
    limit = sys.getrecursionlimit()
    text = level * levels + "0" + {"[": "]", '{"a":': "}"}[level] * levels
    accepted = levels <= DEPTH
    assert is_json(text) == accepted
    assert prefix(text) == (None if accepted else len(level) * DEPTH)
    assert sys.getrecursionlimit() == limit


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_nodes_lie_where_the_values_are(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = " " + json.dumps({"before": [value], "it": value}, indent=indent, ensure_ascii=ascii_only)
    raw = text.encode()
    in_text, in_raw = top(text).members()["it"], top(raw).members()["it"]
    assert json.JSONDecoder().raw_decode(text[in_text.start :])[0] == value
    assert json.JSONDecoder().raw_decode(raw[in_raw.start :].decode())[0] == value
    if isinstance(value, str):
        assert in_text.value == in_raw.value == value


@given(VALUES)
def test_depth_is_counted_outside_of_strings(value: Any) -> None:
    def deepest(inside: Any) -> int:
        inner = inside.values() if isinstance(inside, dict) else inside if isinstance(inside, list) else None
        return 0 if inner is None else 1 + max(map(deepest, inner), default=0)

    assert depth(json.dumps(value)) == deepest(value)
