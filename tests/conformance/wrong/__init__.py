"""Deliberately wrong implementations, each with one fault, and the sections that have to notice it."""

from __future__ import annotations

from typing import Any

from . import (
    batches,
    bounds,
    buffers,
    decoders,
    ingest_arguments,
    ingest_calls,
    ingest_events,
    ingest_members,
    ingest_texts,
    limits,
    processors,
    shapes,
    views,
)
from .table import MUTANTS

__all__ = [
    "MUTANTS",
    "batches",
    "bounds",
    "buffers",
    "decoders",
    "ingest_arguments",
    "ingest_calls",
    "ingest_events",
    "ingest_members",
    "ingest_texts",
    "limits",
    "processors",
    "shapes",
    "views",
]


def __getattr__(name: str) -> Any:
    """A wrong implementation by its name, so that `--impl` finds it."""
    try:
        return MUTANTS[name].implementation
    except KeyError:
        raise AttributeError(f"no wrong implementation is called {name!r}") from None
