"""Holds what a server stored against what was sent, bit for bit, and its stamps against the schedule."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import LabError
from ..progress import NowAndThen
from ..server import wav
from ..server.recordings import ENDED, read_note, read_stamps
from .expected import Expected
from .switchboard import PROGRESS_SECONDS, Switchboard

WAIT_SECONDS = 60.0
"""How long a server may take to finish its recordings."""


@dataclass
class Checked:
    """What became of the calls that were played."""

    calls: int = 0
    whole: int = 0
    wrong: dict[str, str] = field(default_factory=dict)
    """What is wrong with a call, by its id."""
    expected: int = 0
    stored: int = 0
    """Chunks that should be, and that are stored."""
    lags_ms: np.ndarray = field(default_factory=lambda: np.empty(0))
    """From the time at which a chunk was due to its bytes in the buffer; empty without stamps."""

    def lag_ms(self, percentile: float) -> float:
        """Percentile of the lag in milliseconds; NaN without stamps."""
        return float(np.percentile(self.lags_ms, percentile)) if len(self.lags_ms) else float("nan")

    def late(self, milliseconds: float) -> float:
        """Share of chunks that came later than that."""
        return float((self.lags_ms > milliseconds).mean()) if len(self.lags_ms) else float("nan")


def check(
    played: Switchboard,
    folder: Path,
    wait: float = WAIT_SECONDS,
    say: Callable[[str], None] = lambda line: None,
    since: int = 0,
) -> Checked:
    """Check every call of what was played and finished; waits until the server has saved them.

    Lags are of chunks that were due after `since` (nanoseconds of the monotonic clock); bytes are checked of all.
    `say` gets lines while that takes long. LabError if the folder of the recordings is not on this machine.
    """
    if not folder.is_dir():
        raise LabError(f"the server's recordings are in {folder}, which is not on this machine: nothing was checked")
    checked, lags = Checked(), []
    deadline, line_time = time.monotonic() + wait, NowAndThen(PROGRESS_SECONDS)
    for call in played.expected():
        checked.calls += 1
        checked.expected += len(call.due)
        try:
            found = _ended(folder, call, deadline)
            data, stamps = _stored(folder, found)
            checked.stored += found["chunks"]
            _compare(call, data)
            if stamps is not None:
                lags.append(_lags(call, stamps, since))
            checked.whole += 1
        except LabError as reason:
            checked.wrong[call.call_id] = str(reason)
        if line_time.due():
            say(f"checked {checked.calls:,} calls")
    checked.lags_ms = np.concatenate(lags) / 1e6 if lags else np.empty(0)
    return checked


def _ended(folder: Path, call: Expected, deadline: float) -> dict[str, Any]:
    """The note of a call, once it says that the call ended."""
    path = folder / f"{call.name}.json"
    while True:
        if path.exists():
            note = read_note(path)
            if note["state"] == ENDED:
                return note
        if time.monotonic() > deadline:
            raise LabError("it was not saved" if not path.exists() else "the server has not ended it")
        time.sleep(0.02)


def _stored(folder: Path, note: dict[str, Any]) -> tuple[wav.Audio, np.ndarray | None]:
    stamps = read_stamps(folder / note["stamps"]) if note.get("stamps") else None
    return wav.read(folder / note["file"]), stamps


def _compare(call: Expected, audio: wav.Audio) -> None:
    """LabError that says where the audio of a call differs from what was sent."""
    sent = bytes(call.audio)
    if audio.encoding != call.encoding:
        sent = wav.linear(sent)
    if audio.rate != call.rate:
        raise LabError(f"its rate is {audio.rate}, and {call.rate} was sent")
    # Half a sample at the end is kept: its missing half is zero.
    sent += bytes(len(sent) % wav.SAMPLE_BYTES[audio.encoding])
    # A reset may overtake what was on its way.
    wanted = sent[: len(audio.data)] if call.reset else sent
    if audio.data == wanted:
        return
    shorter = min(len(sent), len(audio.data))
    left, right = np.frombuffer(sent[:shorter], np.uint8), np.frombuffer(audio.data[:shorter], np.uint8)
    differing = np.flatnonzero(left != right)
    if len(differing):
        raise LabError(f"byte {differing[0]:,} of {len(sent):,} differs, and {len(differing) - 1:,} more")
    raise LabError(f"it has {len(audio.data):,} bytes of {len(sent):,}")


def _lags(call: Expected, stamps: np.ndarray, since: int) -> np.ndarray:
    """Nanoseconds from due to stored, of the chunks that were due at a time, and after some time."""
    due = np.array(call.due[: len(stamps)], dtype=np.int64)
    lags: np.ndarray = (stamps[: len(due)] - due)[due > since]
    return lags
