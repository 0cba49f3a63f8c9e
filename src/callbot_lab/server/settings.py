"""What a server is made of and what it allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ..errors import LabError
from .parsers import INGEST
from .wav import MOST_BYTES


class Stage(StrEnum):
    """How far a server takes a message; the earlier stages are for measuring what the later ones cost."""

    RECEIVE = "receive"
    PARSE = "parse"
    BUFFER = "buffer"


class Kept(StrEnum):
    """What becomes of mu-law in a recording."""

    AS_SENT = "as-sent"
    DECODED = "decoded"


@dataclass(frozen=True)
class Limits:
    """What one client may take, and all of them together."""

    message_bytes: int = 64 * 1024
    """Longest message, however it is fragmented; a longer one closes the connection (1009)."""
    call_bytes: int = 512 * 2**20
    """Most audio of one call."""
    total_bytes: int = 4 * 2**30
    """Most audio in memory over all calls. New calls are refused from NEARLY_FULL of it on."""
    calls: int = 10_000
    """Most calls open at a time."""
    ping_interval: float = 20.0
    """Seconds between pings of a connection."""
    ping_timeout: float = 20.0
    """Seconds after which an unanswered ping ends a connection."""
    grace: float = 10.0
    """Seconds that a server which is told to end has for closing connections and saving recordings."""

    def __post_init__(self) -> None:
        for name in ("message_bytes", "call_bytes", "total_bytes", "calls"):
            if getattr(self, name) < 1:
                raise LabError(f"a limit of {getattr(self, name)} for {name.replace('_', ' ')} makes no sense")
        for name in ("ping_interval", "ping_timeout", "grace"):
            if getattr(self, name) <= 0:
                raise LabError(f"{name.replace('_', ' ')} has to be longer than 0 seconds")
        if self.call_bytes > MOST_BYTES // 2:
            raise LabError(f"a call may hold at most {MOST_BYTES // 2} bytes: a WAV file cannot hold more")


NEARLY_FULL = 0.9
"""Share of `total_bytes` from which no new call is taken, so that the open ones have the rest."""

JOURNAL_SECONDS = 0.8
"""Every call's audio goes to its file so often; with the time to write it, a second is what a kill can cost."""

RESERVED_WITH_JOURNAL = 128 * 1024
RESERVED_WITHOUT = 10 * 2**20
"""Bytes reserved for a call: two seconds of the densest format, or the ten megabytes of the seed report."""


@dataclass(frozen=True)
class Settings:
    """A server: where it listens, what it is made of, and how it keeps recordings."""

    implementation: str
    recordings: Path
    host: str = "127.0.0.1"
    port: int = 9922
    server: str = "fastapi"
    parser: str = INGEST
    stage: Stage = Stage.BUFFER
    kept: Kept = Kept.AS_SENT
    journal: bool = True
    stamps: bool = True
    decode_only: bool = False
    """Whether only `decode` is the implementation's, and its audio goes into bytearrays."""
    capacity: int | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def reserved(self) -> int:
        """Bytes reserved for each call."""
        if self.capacity is not None:
            return self.capacity
        return RESERVED_WITH_JOURNAL if self.journal else RESERVED_WITHOUT
