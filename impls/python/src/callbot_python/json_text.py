"""An exact reading of JSON text: a tree of values that know where they stand, or the position of what is wrong."""

import json
import re
from typing import NoReturn, TypeAlias

from .decode import Text

MOST_LEVELS = 1024
"""How deep objects and lists may nest."""

MOST_DIGITS = 20
"""Digits of 2^64, past every number whose value matters."""

Content: TypeAlias = "str | int | float | list[Value] | dict[str, Value] | None"

# What may be a part of a string, and then the start of an escape that was broken off.
_STRING = re.compile(
    r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[^"\\\x00-\x1f]*)*(\\(?:u[0-9A-Fa-f]{0,3})?)?'
)
# The longest part of a number; one that is whole ends in a digit.
_NUMBER = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:(?<=[0-9])[eE][-+]?[0-9]*)?)?")
_SPACE = re.compile(r"[ \t\n\r]*")
_LITERALS = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}
_DIGITS = frozenset("0123456789")


class Refused(Exception):
    """A text that is refused: what it is not, the position in characters, and why."""

    def __init__(self, what: str, position: int, why: str = "") -> None:
        super().__init__(what, position, why)
        self.what = what
        self.position = position
        self.why = why

    def error(self, position: int) -> ValueError:
        """The error of the contract, with the position as it counts there."""
        told = f"invalid {self.what} at position {position}"
        error = ValueError(f"{told}: {self.why}" if self.why else told)
        error.position = position  # type: ignore[attr-defined]
        return error


class Value:
    """A value of JSON text and the position at which it starts.

    The content of a number is an int if it is written as one of few digits, else a float, which may be infinite.
    """

    __slots__ = ("content", "position")

    def __init__(self, content: Content, position: int) -> None:
        self.content = content
        self.position = position


def parse(text: str) -> Value:
    """The value that a text is; Refused with the length of its longest prefix that could still become JSON."""
    open_values: list[Value] = []  # the objects and lists around the next value
    names: list[str] = []  # of the members that the objects among them wait for
    position = _after_space(text, 0)
    while True:
        value, position = _begin(text, position, len(open_values))
        position = _after_space(text, position)
        if isinstance(value.content, dict):
            if text[position : position + 1] != "}":
                open_values.append(value)
                position = _name(text, position, names)
                continue
            position = _after_space(text, position + 1)
        elif isinstance(value.content, list):
            if text[position : position + 1] != "]":
                open_values.append(value)
                continue
            position = _after_space(text, position + 1)
        while open_values:
            container = open_values[-1].content
            if isinstance(container, dict):
                container[names.pop()] = value
                end = "}"
            elif isinstance(container, list):
                container.append(value)
                end = "]"
            found = text[position : position + 1]
            if found == ",":
                position = _after_space(text, position + 1)
                if end == "}":
                    position = _name(text, position, names)
                break
            if found != end:
                _refuse(position)
            value = open_values.pop()
            position = _after_space(text, position + 1)
        else:
            if position != len(text):
                _refuse(position)
            return value


def exact_text(text: Text) -> tuple[str, bool]:
    """A text as a str, and whether its positions count bytes."""
    return (text, False) if isinstance(text, str) else (_decoded(text), True)


def _decoded(raw: bytes | memoryview) -> str:
    """Bytes as a str; the error of the contract, with the position in bytes, if they are no UTF-8."""
    try:
        return str(raw, "utf-8")
    except UnicodeDecodeError as error:
        start, end = error.start, error.end
    before = str(raw[:start], "utf-8")
    try:
        # A character in the place of what is none: it can stand in a string, and then only the text's end is missing.
        parse(before + "\ufffd")
    except Refused as refused:
        if refused.position <= len(before):
            raise refused.error(byte_position(before, refused.position)) from None
        # The decoder reports the longest start of a character, or a byte with which none starts.
        raise refused.error(end if 0xC2 <= raw[start] <= 0xF4 else start) from None
    raise AssertionError("a string that does not end was accepted")


def byte_position(text: str, position: int) -> int:
    """A position in characters as one in the text's UTF-8."""
    return len(text[:position].encode())


def _begin(text: str, position: int, level: int) -> tuple[Value, int]:
    """A value up to its end, of an object or a list its first character only; and the position after that."""
    first = text[position : position + 1]
    if first == '"':
        content, end = _string(text, position)
        return Value(content, position), end
    if first == "{" or first == "[":
        if level == MOST_LEVELS:
            _refuse(position)
        return Value({} if first == "{" else [], position), position + 1
    if first in _LITERALS:
        word, constant = _LITERALS[first]
        for index, letter in enumerate(word, position):
            if text[index : index + 1] != letter:
                _refuse(index)
        return Value(constant, position), position + len(word)
    return _number(text, position)


def _number(text: str, position: int) -> tuple[Value, int]:
    found = _NUMBER.match(text, position)
    number = found[0] if found else ""
    end = position + len(number)
    if number[-1:] not in _DIGITS:
        _refuse(end)
    if number.lstrip("-").isdigit() and len(number) <= MOST_DIGITS:
        return Value(int(number), position), end
    return Value(float(number), position), end


def _string(text: str, position: int) -> tuple[str, int]:
    found = _STRING.match(text, position)
    if not found:
        _refuse(position)
    end = found.end()
    if found[1] is not None or text[end : end + 1] != '"':
        _refuse(end)
    if "\\" not in (content := text[position + 1 : end]):
        return content, end + 1
    unescaped: str = json.loads(text[position : end + 1])
    return unescaped, end + 1


def _name(text: str, position: int, names: list[str]) -> int:
    """Note the name of the next member; the position of its value."""
    name, end = _string(text, position)
    names.append(name)
    end = _after_space(text, end)
    if text[end : end + 1] != ":":
        _refuse(end)
    return _after_space(text, end + 1)


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _refuse(position: int) -> NoReturn:
    raise Refused("JSON", position)
