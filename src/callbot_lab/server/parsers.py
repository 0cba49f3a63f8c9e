"""The JSON parsers that a server can be run with, each as `loads` and the exceptions with which it refuses a text."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from ..errors import LabError


@dataclass(frozen=True)
class Parser:
    """A parser: `loads` makes plain Python objects of a text."""

    name: str
    loads: Callable[[str], Any]
    errors: tuple[type[Exception], ...]


# Whoever nests deeper than the stack allows is refused like whoever sends no JSON.
_ALWAYS = (ValueError, RecursionError)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


INGEST = "ingest"
"""Stands for no parser: the implementation reads the message itself. What it leaves is read with FALLBACK."""

FALLBACK = "json"

PARSERS = {
    parser.name: parser
    for parser in (
        # Left to itself it takes NaN and Infinity, which the others refuse, as JSON does.
        Parser("json", json.JSONDecoder(parse_constant=_no_constant).decode, _ALWAYS),
        Parser("orjson", orjson.loads, _ALWAYS),
        Parser("msgspec", msgspec.json.Decoder().decode, (*_ALWAYS, msgspec.DecodeError)),
    )
}


def parser_named(name: str) -> Parser:
    """A parser by name; LabError if there is none."""
    if name not in PARSERS:
        raise LabError(f"unknown parser '{name}'; there are: {', '.join(PARSERS)}")
    return PARSERS[name]
