"""Writes recordings in a thread of its own, so that a slow disk delays no message.

A call's audio goes to `NAME.wav.part` while it lasts (the journal), which becomes `NAME.wav` when it ends. What was
written survives the end of the process, not that of the machine: nothing waits for the disk itself. What cannot be
written is kept and tried again until it can.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ..errors import LabError
from . import wav
from .recordings import ENDED, OPEN, SCHEMA, stem
from .settings import Kept

RETRY_SECONDS = 1.0
"""Between attempts to write what could not be written."""

SPARE_FILES = 64
"""Descriptors that connections and journals leave for the rest."""

KEPT_OPEN = 0.25
"""Share of the others that this process may open which journals stay open in: to open one for every write costs more
than to write. The calls beyond it have theirs opened each time; connections need the rest."""

LOCK = ".lock"
"""File by which a server keeps its folder to itself."""


@dataclass
class Recording:
    """The file of one call, as the writing thread knows it."""

    call_id: str
    encoding: str
    rate: int
    about: dict[str, Any]
    """What the note says that is known from the start."""
    kept: Kept
    name: str = ""
    """Name without suffix, once there is a file."""
    written: int = 0
    """Bytes of audio in the file, as they were received."""
    file: int | None = None
    """Descriptor of the file, while it is kept open."""
    waiting: deque[Callable[[], None]] = field(default_factory=deque)
    """What could not be done yet, in order."""

    @property
    def decodes(self) -> bool:
        """Whether mu-law becomes PCM in this file."""
        return self.encoding == wav.MULAW and self.kept is Kept.DECODED

    @property
    def stored_encoding(self) -> str:
        """Encoding of the samples in the file."""
        return wav.PCM16 if self.decodes else self.encoding

    @cached_property
    def scale(self) -> int:
        """Bytes in the file for a byte that was received."""
        return 2 if self.decodes else 1

    @cached_property
    def head(self) -> bytes:
        """What stands before the samples as long as nobody knows how many there will be."""
        return wav.header(self.stored_encoding, self.rate, 0)

    def place(self, received: int) -> int:
        """Where in the file the audio after so many received bytes belongs."""
        return len(self.head) + self.scale * received


class Recorder:
    """The thread that writes, and its queue. All methods but those of the thread are called from one event loop."""

    def __init__(self, folder: Path, kept: Kept, most_files: int = 1024) -> None:
        """`most_files` is how many files this process may open."""
        self.folder, self.kept = folder, kept
        self.put_bytes = self._done_bytes = 0
        self.faults = 0
        self.last_fault = ""
        self.most_open = int(KEPT_OPEN * max(0, most_files - SPARE_FILES))
        self._open = 0
        self._failing: list[Recording] = []
        self._ending: dict[int, str] = {}
        self._queue: queue.SimpleQueue[list[tuple[Recording, Callable[[], None]]] | None] = queue.SimpleQueue()
        self._lock = lock(folder)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def pending_bytes(self) -> int:
        """Bytes that were handed over and are not written yet."""
        return self.put_bytes - self._done_bytes

    @property
    def unfinished(self) -> int:
        """Recordings that were ended and have no whole file yet."""
        return len(self._ending)

    def unsaved(self) -> list[str]:
        """Ids of the calls of those recordings."""
        return list(self._ending.values())

    @property
    def failing(self) -> int:
        """Recordings that cannot be written at the moment."""
        return len(self._failing)

    def recording(self, call_id: str, encoding: str, rate: int, about: dict[str, Any]) -> Recording:
        """A recording that has no file yet."""
        return Recording(call_id, encoding, rate, about, self.kept)

    def write(self, audio: list[tuple[Recording, bytes]]) -> None:
        """Add audio to recordings: to all of them at once, so that the thread is woken once."""
        self.put_bytes += sum(len(data) for _, data in audio)
        if audio:
            self._queue.put([(recording, partial(self._write, recording, data)) for recording, data in audio])

    def cut(self, recording: Recording, length: int) -> None:
        """Shorten a recording to so many bytes of received audio."""
        self._queue.put([(recording, lambda: self._cut(recording, length))])

    def finish(
        self,
        recording: Recording,
        data: bytes | memoryview,
        note: dict[str, Any],
        stamps: bytes | None,
        done: Callable[[str], None],
    ) -> None:
        """Add the last audio and give the recording its name; `done` is called in the thread, with the WAV's name."""
        self.put_bytes += len(data)
        self._ending[id(recording)] = recording.call_id
        self._queue.put([(recording, lambda: self._finish(recording, data, note, stamps, done))])

    def close(self) -> None:
        """Let the thread end once the queue is empty; a last attempt is made for what could not be written."""
        self._queue.put(None)

    @property
    def working(self) -> bool:
        """Whether the thread has not ended yet."""
        return self._thread.is_alive()

    # In the thread from here on.

    def _run(self) -> None:
        while True:
            try:
                jobs = self._queue.get(timeout=RETRY_SECONDS if self._failing else None)
            except queue.Empty:
                self._retry()
                continue
            last = jobs is None
            for recording, action in jobs or ():
                recording.waiting.append(action)
                if len(recording.waiting) == 1:
                    self._work_off(recording)
            if last:
                self._retry()
                return

    def _retry(self) -> None:
        failing, self._failing = self._failing, []
        for recording in failing:
            self._work_off(recording)

    def _work_off(self, recording: Recording) -> None:
        """Do what waits, in order, up to the first thing that fails."""
        while recording.waiting:
            try:
                recording.waiting[0]()
            except Exception as error:
                # Whatever it is: a thread that ends of it would lose the recordings of all others.
                self.faults += 1
                self.last_fault = f"{recording.call_id}: {getattr(error, 'strerror', None) or error!r}"
                self._failing.append(recording)
                return
            recording.waiting.popleft()

    def _write(self, recording: Recording, data: bytes | memoryview) -> None:
        if not recording.name:
            self._create(recording)
        samples = wav.linear(data) if recording.decodes else data
        place = recording.place(recording.written)
        file = self._opened(recording)
        try:
            # At a place that is known, so that trying again after half a write repeats nothing.
            _write_all(file, samples, place)
        finally:
            if recording.file is None:
                os.close(file)
        recording.written += len(data)
        self._done_bytes += len(data)

    def _opened(self, recording: Recording) -> int:
        """The file of a recording, which stays open if it may."""
        if recording.file is not None:
            return recording.file
        file = os.open(self._part(recording), os.O_WRONLY)
        if self._open < self.most_open:
            recording.file = file
            self._open += 1
        return file

    def _shut(self, recording: Recording) -> None:
        """Close the file of a recording if it was kept open."""
        if recording.file is not None:
            os.close(recording.file)
            recording.file = None
            self._open -= 1

    def _cut(self, recording: Recording, length: int) -> None:
        if recording.name:
            os.truncate(self._part(recording), recording.place(length))
            recording.written = length

    def _finish(
        self,
        recording: Recording,
        data: bytes | memoryview,
        note: dict[str, Any],
        stamps: bytes | None,
        done: Callable[[str], None],
    ) -> None:
        if recording.written < note["bytes"] or not recording.name:
            self._write(recording, data)
        self._shut(recording)
        part, name = self._part(recording), recording.name
        whole = self.folder / f"{name}.wav"
        # Each step can fail and is tried again. The audio comes first: on a full disk the rest may have to wait.
        if part.exists():
            complete(part, recording.stored_encoding, recording.rate, recording.written * recording.scale)
            part.rename(whole)
        elif not whole.exists():
            # Whoever took it away took the audio: an open file takes all that is written and tells nobody.
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(part))
        if stamps is not None:
            replace(self.folder / f"{name}.stamps", stamps)
        self._note(recording, {**note, "state": ENDED, "stamps": f"{name}.stamps" if stamps is not None else None})
        del self._ending[id(recording)]
        done(f"{name}.wav")

    def _create(self, recording: Recording) -> None:
        """Make the file of a call under a name that none has, and a note that says what it will be."""
        first, number = stem(recording.call_id), 1
        while True:
            name = first if number == 1 else f"{first}.{number}"
            number += 1
            if (self.folder / f"{name}.wav").exists():
                continue
            try:
                file = os.open(self.folder / f"{name}.wav.part", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            except FileExistsError:
                continue
            break
        try:
            _write_all(file, recording.head, 0)
            recording.name = name
            self._note(recording, {"state": OPEN})
        except OSError:
            # Without its note nobody would know after a crash whose audio this is.
            recording.name = ""
            (self.folder / f"{name}.wav.part").unlink()
            raise
        finally:
            os.close(file)

    def _note(self, recording: Recording, more: dict[str, Any]) -> None:
        known = {"schema": SCHEMA, "call_id": recording.call_id, "file": f"{recording.name}.wav", **recording.about}
        known |= {"encoding": recording.encoding, "rate": recording.rate, **more}
        # Text that a file system could not take (a lone surrogate in an id) is escaped by json.
        replace(self.folder / f"{recording.name}.json", (json.dumps(known, indent=1) + "\n").encode("ascii"))

    def _part(self, recording: Recording) -> Path:
        return self.folder / f"{recording.name}.wav.part"


def lock(folder: Path) -> int:
    """Make a folder of recordings, if need be, and keep others out of it; LabError if it is in use or unfit."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise LabError(f"cannot keep recordings in {folder}: {error.strerror}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise LabError(f"{folder} is in use by a server; give each a folder of its own (--recordings)") from None
    return file


def complete(part: Path, encoding: str, rate: int, audio: int) -> None:
    """Make a whole WAV file of a header of any sizes and the `audio` bytes of samples behind it."""
    # Half a sample at the end is kept: its missing half becomes zero. So does the byte that evens out a RIFF chunk.
    audio += audio % wav.SAMPLE_BYTES[encoding]
    head = wav.header(encoding, rate, audio)
    file = os.open(part, os.O_WRONLY)
    try:
        os.ftruncate(file, len(head) + audio + audio % 2)
        _write_all(file, head, 0)
    finally:
        os.close(file)


def _write_all(file: int, data: bytes | memoryview, place: int) -> None:
    rest = memoryview(data)
    while rest:
        count = os.pwrite(file, rest, place)
        rest, place = rest[count:], place + count


def replace(path: Path, data: bytes) -> None:
    """Write a file at one stroke: whoever reads it finds all of it, and a full disk leaves the old one."""
    part = path.with_name(f"{path.name}.new")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
