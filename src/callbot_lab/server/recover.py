"""Makes WAV files of what a server that was killed left in its journal."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import LabError
from . import wav
from .recorder import complete, lock, replace
from .recordings import ENDED, OPEN, SCHEMA, read_note


@dataclass
class Recovered:
    """What was made of a folder: names of WAV files, and files that were left, with the reason."""

    names: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


def recover(folder: Path) -> Recovered:
    """Finish the recordings of calls that were open when their server was killed.

    LabError if the folder is missing or in use by a server.
    """
    if not folder.is_dir():
        raise LabError(f"there is no folder {folder}")
    held, found = lock(folder), Recovered()
    try:
        for part in sorted(folder.glob("*.wav.part")):
            _try(found, part, _finish)
        # Of some calls all was done but their note.
        for path in sorted(folder.glob("*.wav")):
            if path.name not in found.names and (_note(path) or {}).get("state") == OPEN:
                _try(found, path, _conclude)
    finally:
        os.close(held)
    return found


def _try(found: Recovered, path: Path, work: Callable[[Path], str]) -> None:
    try:
        found.names.append(work(path))
    except (LabError, OSError, struct.error) as error:
        found.left[path.name] = str(error)


def _finish(part: Path) -> str:
    """Make a WAV file of a journal; its name."""
    path = part.with_suffix("")
    if path.exists():
        raise LabError(f"there is a {path.name} already")
    audio = wav.read(part, unfinished=True)
    if part.stat().st_size != len(wav.header(audio.encoding, audio.rate, 0)) + len(audio.data):
        raise LabError("this was not written by a server")
    complete(part, audio.encoding, audio.rate, len(audio.data))
    # The audio comes first: where the disk is full, the note has to wait.
    part.rename(path)
    return _conclude(path, audio)


def _conclude(path: Path, audio: wav.Audio | None = None) -> str:
    """Write into the note of a WAV file that its call has ended; the name of the file."""
    audio = audio or wav.read(path)
    # Killed between the two files, the name is all that is known of the call.
    note = _note(path) or {
        "schema": SCHEMA,
        "call_id": path.stem,
        "file": path.name,
        "encoding": audio.encoding,
        "rate": audio.rate,
    }
    scale = wav.SAMPLE_BYTES[audio.encoding] // wav.SAMPLE_BYTES[note["encoding"]]
    note |= {"state": ENDED, "ended": "recovered", "bytes": len(audio.data) // max(1, scale), "stamps": None}
    replace(path.with_suffix(".json"), (json.dumps(note, indent=1) + "\n").encode("ascii"))
    return path.name


def _note(path: Path) -> dict[str, Any] | None:
    """The note beside a WAV file; None if there is none, or it is damaged."""
    try:
        note = read_note(path.with_suffix(".json"))
    except LabError:
        return None
    return note if isinstance(note.get("encoding"), str) and note["encoding"] in wav.ENCODINGS else None
