"""Which texts `ingest` has to accept, where the others fail, and where the values lie, with no scanner.

Whether a text is JSON is what the standard library says. Where one that is not fails is found by an automaton that is
given a character, or a byte, at a time. Where a value lies is counted off the tokens of a text that was accepted.
`test_ingest_oracle.py` holds them against each other.
"""

from __future__ import annotations

import json
import re
import string
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DEPTH = 1024
"""Levels of objects and lists that are accepted."""

WHITE = " \t\n\r"


def _spread(*ways: tuple[str, str]) -> dict[str, str]:
    return {symbol: state for symbols, state in ways for symbol in symbols}


_DIGITS = string.digits
_NUMBERS = {
    "minus": _spread(("0", "zero"), ("123456789", "whole")),
    "zero": _spread((".", "point"), ("eE", "e")),
    "whole": _spread((_DIGITS, "whole"), (".", "point"), ("eE", "e")),
    "point": _spread((_DIGITS, "fraction")),
    "fraction": _spread((_DIGITS, "fraction"), ("eE", "e")),
    "e": _spread(("+-", "sign"), (_DIGITS, "exponent")),
    "sign": _spread((_DIGITS, "exponent")),
    "exponent": _spread((_DIGITS, "exponent")),
}
_WHOLE_NUMBERS = ("zero", "whole", "fraction", "exponent")
_WORDS = {
    word[:end]: {word[end]: word[: end + 1] if end + 1 < len(word) else "done"}
    for word in ("true", "false", "null")
    for end in range(1, len(word))
}
_ESCAPES = {"escape": _spread(('"\\/bfnrt', "string"), ("u", "u"))} | {
    "u" * digits: _spread((string.hexdigits, "u" * (digits + 1) if digits < 4 else "string")) for digits in range(1, 5)
}
_STARTS = _spread(('"', "string"), ("-", "minus"), ("0", "zero"), ("123456789", "whole"), *((w, w) for w in "tfn"))
_INSIDE = _NUMBERS | _WORDS | _ESCAPES
_BETWEEN = ("value", "first value", "name", "first name", "colon", "done")

_ANY = range(0x80, 0xC0)
_FOLLOWERS = {
    **{first: [_ANY] for first in range(0xC2, 0xE0)},
    **{first: [_ANY, _ANY] for first in range(0xE1, 0xF0)},
    **{first: [_ANY, _ANY, _ANY] for first in range(0xF1, 0xF4)},
    0xE0: [range(0xA0, 0xC0), _ANY],
    0xED: [range(0x80, 0xA0), _ANY],
    0xF0: [range(0x90, 0xC0), _ANY, _ANY],
    0xF4: [range(0x80, 0x90), _ANY, _ANY],
}
"""The bytes that may follow the first byte of a character in UTF-8 (RFC 3629, section 4)."""


class Automaton:
    """Takes a text a symbol at a time, for as long as it can still become one that is accepted."""

    def __init__(self) -> None:
        self.state = "value"
        self.levels: list[str] = []
        self.is_name = False

    @property
    def complete(self) -> bool:
        """Whether what was taken is accepted as it is."""
        return not self.levels and self.state in (*_WHOLE_NUMBERS, "done")

    def take(self, symbol: str) -> bool:
        """Go on by a character; False if nothing accepted begins like that."""
        if self.state == "string":
            return self._in_string(symbol)
        following = _INSIDE.get(self.state, {}).get(symbol)
        if following is None and self.state in _WHOLE_NUMBERS:
            self.state = "done"
        if following is None and self.state in _BETWEEN:
            following = self.state if symbol in WHITE else self._between(symbol)
        if following is None:
            return False
        self.state = following
        return True

    def _in_string(self, symbol: str) -> bool:
        if symbol == '"':
            self.state = "colon" if self.is_name else "done"
            self.is_name = False
        elif symbol == "\\":
            self.state = "escape"
        return symbol >= " "

    def _between(self, symbol: str) -> str | None:
        state, level = self.state, self.levels[-1] if self.levels else ""
        if state == "colon":
            return "value" if symbol == ":" else None
        if symbol in ("]", "}"):
            ends = {"[": ("first value", "done"), "{": ("first name", "done")}.get(level, ())
            if state not in ends or level + symbol not in ("[]", "{}"):
                return None
            self.levels.pop()
            return "done"
        if state == "done":
            return {"[": "value", "{": "name"}.get(level) if symbol == "," else None
        if state in ("name", "first name"):
            self.is_name = symbol == '"'
            return "string" if self.is_name else None
        if symbol in ("[", "{"):
            if len(self.levels) == DEPTH:
                return None
            self.levels.append(symbol)
            return "first value" if symbol == "[" else "first name"
        return _STARTS.get(symbol)


def prefix(symbols: str | bytes) -> int | None:
    """Length of the longest prefix that can still become accepted; None for a text that is accepted."""
    automaton = Automaton()
    owed: list[range] = []
    for index, symbol in enumerate(symbols):
        if isinstance(symbol, str):
            fits = automaton.take(symbol)
        elif owed:
            fits = symbol in owed[0]
            owed = owed[1:]
        elif symbol < 0x80:
            fits = automaton.take(chr(symbol))
        else:
            owed = _FOLLOWERS.get(symbol, [])
            fits = automaton.state == "string" and bool(owed)
        if not fits:
            return index
    return None if automaton.complete and not owed else len(symbols)


def is_json(symbols: str | bytes) -> bool:
    """Whether the standard library takes a text that is no deeper than is allowed."""
    try:
        text = symbols if isinstance(symbols, str) else symbols.decode("utf-8")
        load(text)
    except (ValueError, RecursionError):
        return False
    return depth(text) <= DEPTH


def load(text: str) -> Any:
    """A text as the standard library reads it, without its extras and with numbers as they are written."""
    limit = sys.getrecursionlimit()
    deep = text.count("[") + text.count("{") > limit // 4
    if deep:  # set back at once, since an implementation has to do without
        sys.setrecursionlimit(max(limit, 4 * DEPTH))
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_int=str, parse_float=str)
    finally:
        if deep:
            sys.setrecursionlimit(limit)


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{},:]|[^\s"\[\]{},:]+', re.DOTALL)


def depth(text: str) -> int:
    """Levels of an accepted text."""
    level = deepest = 0
    for token in _TOKENS.finditer(text):
        level += (token[0] in ("[", "{")) - (token[0] in ("]", "}"))
        deepest = max(deepest, level)
    return deepest


@dataclass(frozen=True)
class Node:
    """A value in an accepted text. Bytes are read as Latin-1, so that a place is that of the byte."""

    text: str
    start: int
    is_utf8: bool

    @property
    def kind(self) -> str:
        """What it is."""
        kinds = {"{": "object", "[": "list", '"': "string", "t": "word", "f": "word", "n": "word"}
        return kinds.get(self.text[self.start], "number")

    @property
    def token(self) -> str:
        """A value other than an object or list, as it is written."""
        found = _TOKENS.match(self.text, self.start)
        assert found is not None  # a node lies at a token
        return found[0]

    @property
    def value(self) -> str:
        """What a string says."""
        return self.said(self.token)

    def members(self) -> dict[str, Node]:
        """The values of an object by name, the last of each."""
        found: dict[str, Node] = {}
        name: str | None = None
        for token, place in self._inside():
            if name is None:
                name = self.said(token)
            else:
                self.enter(found, name, type(self)(self.text, place, self.is_utf8))
                name = None
        return found

    def enter(self, found: dict[str, Node], name: str, value: Node) -> None:
        """Note a member."""
        found[name] = value

    def items(self) -> list[Node]:
        """The values of a list."""
        return [type(self)(self.text, place, self.is_utf8) for _, place in self._inside()]

    def _inside(self) -> Iterator[tuple[str, int]]:
        """The first tokens of names and values one level down."""
        level = 0
        for token in _TOKENS.finditer(self.text, self.start):
            if level == 1 and token[0] not in (",", ":", "]", "}"):
                yield token[0], token.start()
            level += (token[0] in ("[", "{")) - (token[0] in ("]", "}"))
            if level == 0:
                return

    def said(self, token: str) -> str:
        """What a string says that is written like that."""
        said: str = json.loads(token.encode("latin-1").decode("utf-8") if self.is_utf8 else token)
        return said


def top(symbols: str | bytes, node: type[Node] = Node) -> Node:
    """The value that an accepted text is."""
    text = symbols if isinstance(symbols, str) else symbols.decode("latin-1")
    start = len(text) - len(text.lstrip(WHITE))
    return node(text, start, not isinstance(symbols, str))
