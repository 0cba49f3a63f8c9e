"""The folder that a server leaves: for each call NAME.wav, a note NAME.json, and NAME.stamps.

`NAME.stamps` holds one little-endian 64-bit number for each chunk that was stored, in order: nanoseconds of the
monotonic clock when its bytes were in the buffer. A call that has not ended stands in `NAME.wav.part`.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import LabError

SCHEMA = 1
"""Version of the note."""

OPEN, ENDED = "open", "ended"
"""States of a call in its note."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_MOST = 64


def stem(call_id: str) -> str:
    """File name for a call, without its suffix; an id that is no plain file name is shortened and gets a digest."""
    plain = _UNSAFE.sub("_", call_id)[:_MOST]
    if plain == call_id and plain:
        return plain
    digest = hashlib.sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{plain}.{digest}"


def read_note(path: Path) -> dict[str, Any]:
    """The note of a call; LabError if it cannot be read."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LabError(f"{path} cannot be read: {error}") from None
    if not isinstance(note, dict) or note.get("schema") != SCHEMA:
        raise LabError(f"{path} is no note of a call of this version")
    return note


def read_stamps(path: Path) -> np.ndarray:
    """Nanoseconds of the monotonic clock at which each stored chunk was in the buffer."""
    try:
        stamps: np.ndarray = np.fromfile(path, dtype="<i8")
    except OSError as error:
        raise LabError(f"{path} cannot be read: {error.strerror}") from None
    return stamps
