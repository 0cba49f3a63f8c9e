"""Lines of code by language, and those of them where memory safety is left to the author.

A line counts if something is on it that is neither a comment nor a docstring. To tell, comments are taken out and
strings emptied by a scanner that knows as much of the languages as that needs; nothing is parsed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

LANGUAGES = {
    ".py": "Python",
    ".pyi": "type stubs",
    ".pyx": "Cython",
    ".pxd": "Cython",
    ".pxi": "Cython",
    ".rs": "Rust",
    ".c": "C",
    ".h": "C",
    ".cc": "C++",
    ".cpp": "C++",
    ".hpp": "C++",
}
"""The language of a source file by its suffix."""

_QUOTED = r"""'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*\""""
_INDENTED = re.compile(rf"(?P<comment>\#[^\n]*)|(?P<string>[A-Za-z]{{0,2}}(?:{_QUOTED}))|\w+|\\\n|.", re.DOTALL)
_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")

# A character in quotes comes before a lifetime, which has but one.
_BRACED = re.compile(
    r"""(?P<comment>//[^\n]*)|(?P<block>/\*)"""
    r"""|(?P<string>[bc]?r(?P<hashes>\#*)".*?"(?P=hashes)|[bc]?"(?:\\.|[^"\\])*"|b?'(?:\\.[^'\n]*|[^\\'\n])')"""
    r"""|'\w+|\w+|.""",
    re.DOTALL,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_TOKEN = re.compile(r'""|\w+|[^\w\s]')
_TEST_ONLY = ["#", "[", "cfg", "(", "test", ")", "]"]


class Token(NamedTuple):
    """A word or sign of source, and its line, from 0."""

    line: int
    word: str


@dataclass(frozen=True)
class Unsafe:
    """What Rust source declares unsafe: how many of each, and the lines of code that lie in blocks and functions."""

    blocks: int
    functions: int
    impls: int
    lines: int


@dataclass(frozen=True)
class CLevel:
    """Functions of Cython source that are written as in C, and the lines of code that these have."""

    functions: int
    lines: int


def bare(text: str, suffix: str) -> str:
    """Source without comments, docstrings and Rust's unit tests, line by line; what is left of a string is `""`."""
    if LANGUAGES[suffix] in ("Rust", "C", "C++"):
        is_rust = suffix == ".rs"
        found = _bare_braced(text, nested=is_rust)
        return _without_tests(found) if is_rust else found
    return _bare_indented(text)


def count(bared: str) -> int:
    """Lines of bare source that have something on them."""
    return sum(1 for line in bared.splitlines() if line.strip())


def unsafe(bared: str) -> Unsafe:
    """What bare Rust source declares unsafe.

    A line lies in an unsafe block or function if something on it is between its braces. Unsafe traits count as impls;
    foreign blocks, attributes and types of functions do not count.
    """
    tokens = _tokens(bared)
    words = [token.word for token in tokens]
    blocks = functions = impls = 0
    lines: set[int] = set()
    for index in (index for index, word in enumerate(words) if word == "unsafe"):
        following = [word for word in words[index + 1 : index + 5] if word not in ("extern", '""')]
        if words[index + 1 : index + 2] == ["{"]:
            blocks += 1
        elif following[:1] == ["fn"] and following[1].isidentifier():
            functions += 1
        else:
            impls += following[:1] in (["impl"], ["trait"])
            continue
        opened, closed = _braces(words, index)
        lines |= {token.line for token in tokens[opened + 1 : closed]}
    return Unsafe(blocks, functions, impls, len(lines))


_FUNCTION = re.compile(r"\s*(?:cdef|cpdef|def)\b(?!\s+(?:class|extern)\b)[^=(]*\(")
_AS_IN_C = re.compile(
    r"\bnogil\b|\b_mm\d*_\w+"
    r"|\b(?:memcpy|memmove|memset|memcmp|malloc|calloc|realloc|free)\s*\("
    # Macros of Python's C interface, which check nothing: PyList_GET_ITEM.
    r"|\bPy\w+_[A-Z][A-Z_]*\("
    r"|\bNULL\b"
    # An address; a pointer, told from a product by the space that a product has on both sides.
    r"|&(?=\w)|\w\*+(?=[\s>),])|\w \*+(?=\w)"
)


def c_level(bared: str) -> CLevel:
    """Functions of bare Cython source that run without the GIL, or have pointers, intrinsics or C's memory functions.

    The lines are those of the whole function with its head.
    """
    lines = bared.splitlines()
    functions = total = index = 0
    while index < len(lines):
        end = _end_of_function(lines, index) if _FUNCTION.match(lines[index]) else index
        body = "\n".join(lines[index:end])
        if _AS_IN_C.search(body):
            functions += 1
            total += count(body)
        index = max(end, index + 1)
    return CLevel(functions, total)


def _end_of_function(lines: list[str], start: int) -> int:
    """The line after a function that starts on a line; that line itself if it only declares one."""
    head, end = lines[start], start + 1
    while _depth(head) > 0 and end < len(lines):
        head += "\n" + lines[end]
        end += 1
    if ":" not in head[head.rfind(")") :]:
        return start
    indent = _indent(lines[start])
    while end < len(lines) and (not lines[end].strip() or _indent(lines[end]) > indent):
        end += 1
    return end


def _depth(text: str) -> int:
    """How many brackets are left open."""
    return sum(text.count(sign) for sign in "([{") - sum(text.count(sign) for sign in ")]}")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _bare_indented(text: str) -> str:
    parts: list[str] = []
    depth, at_start = 0, True
    for token in _INDENTED.finditer(text):
        found = token.group()
        if token.lastgroup == "comment":
            continue
        if token.lastgroup == "string":
            alone = at_start and depth == 0 and _REST_OF_LINE.match(text, token.end())
            parts.append("\n" * found.count("\n") if alone else _emptied(found))
        else:
            depth += _depth(found)
            parts.append(found)
        at_start = found == "\n" or (at_start and found.isspace())
    return "".join(parts)


def _bare_braced(text: str, *, nested: bool) -> str:
    parts: list[str] = []
    position = 0
    while token := _BRACED.match(text, position):
        found, position = token.group(), token.end()
        if token["block"]:
            position = _end_of_comment(text, token.start(), nested=nested)
            parts.append("\n" * text.count("\n", token.start(), position) or " ")
        elif token["string"]:
            parts.append(_emptied(found))
        elif not token["comment"]:
            parts.append(found)
    return "".join(parts)


def _end_of_comment(text: str, start: int, *, nested: bool) -> int:
    depth = 0
    for edge in _BLOCK_EDGE.finditer(text, start):
        opens = edge.group() == "/*"
        depth = depth + 1 if opens and (nested or not depth) else depth - (not opens)
        if not depth:
            return edge.end()
    return len(text)


def _emptied(string: str) -> str:
    """A string without its text, that still has something on each of its lines that had."""
    return "\n".join('""' if line.strip() else "" for line in string.split("\n"))


def _tokens(bared: str) -> list[Token]:
    return [Token(n, word) for n, line in enumerate(bared.split("\n")) for word in _TOKEN.findall(line)]


def _braces(words: list[str], start: int) -> tuple[int, int]:
    """Where the first braces after a word open and close; a semicolon before them is both."""
    depth, opened = 0, -1
    for index in range(start, len(words)):
        word = words[index]
        if word == ";" and not depth:
            return index, index
        if word == "{" and not depth:
            opened = index
        depth += _depth(word)
        if word == "}" and not depth:
            return opened, index
    return len(words), len(words)


def _without_tests(bared: str) -> str:
    tokens = _tokens(bared)
    words = [token.word for token in tokens]
    lines = bared.split("\n")
    for index in range(len(words)):
        if words[index : index + len(_TEST_ONLY)] == _TEST_ONLY:
            _, end = _braces(words, index + len(_TEST_ONLY))
            last = tokens[min(end, len(tokens) - 1)].line
            first = tokens[index].line
            lines[first : last + 1] = [""] * (last + 1 - first)
    return "\n".join(lines)
