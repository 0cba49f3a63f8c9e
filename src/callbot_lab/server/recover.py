"""Makes WAV files of what a server that was killed left in its journal."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import LabError
from . import wav
from .recorder import complete, lock
from .recordings import ENDED, SCHEMA, read_note


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
            try:
                found.names.append(_finish(part))
            except (LabError, OSError) as error:
                found.left[part.name] = str(error)
    finally:
        os.close(held)
    return found


def _finish(part: Path) -> str:
    path = part.with_suffix("")
    audio = wav.read(part, unfinished=True)
    complete(part, audio.encoding, audio.rate, len(audio.data))
    note_path = path.with_suffix(".json")
    try:
        note = read_note(note_path)
    except LabError:
        # Killed between the two files: the name is all that is known of the call.
        note = {
            "schema": SCHEMA,
            "call_id": path.stem,
            "file": path.name,
            "encoding": audio.encoding,
            "rate": audio.rate,
        }
    scale = wav.SAMPLE_BYTES[audio.encoding] // wav.SAMPLE_BYTES[note["encoding"]]
    note |= {"state": ENDED, "ended": "recovered", "bytes": len(audio.data) // scale, "stamps": None}
    note_path.write_text(json.dumps(note, indent=1) + "\n", encoding="ascii")
    part.rename(path)
    return path.name
