"""A traffic file: what went over connections, as lines of JSON that can be written by hand (docs/server.md).

The first line is the head: `{"traffic": 1, "format": "twilio"}`. Each of the others is about a connection `c`:

    {"c": 0, "path": "/ws/twilio"}
    {"t": 0.02, "c": 0, "text": "{\\"event\\": ...}"}
    {"t": 9.98, "c": 0, "end": "goodbye"}

`t` is in seconds, of which only differences count. A file whose name ends in .gz is compressed.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import math
import re
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from ..errors import LabError
from .messages import WIRES

VERSION = 1
"""Of the format; the member `traffic` of the head."""

BLOCK_BYTES = 256 * 1024
"""Text that is gathered before it is written."""

COMPRESSION = 1
"""The quickest level: a message costs the caller four times as much as it is, and any more would hold calls up."""

HEAD = f'{{"traffic": {VERSION}, "format": "{next(iter(WIRES))}"}}'
"""A head, for whoever wrote another one."""


_PATH = re.compile("/[!-~]*")


class End(StrEnum):
    """How a connection ended, as far as the caller is concerned."""

    GOODBYE = "goodbye"
    SILENCE = "silence"
    """Left open, with nothing sent or read any more."""
    RESET = "reset"
    """Reset in the middle of a message, if the line has a `text`: half of its frame was sent."""
    LOST = "lost"
    """The server ended it, or the caller was ended before it could."""


def is_compressed(path: Path) -> bool:
    """Whether a traffic file of this name is compressed."""
    return path.suffix == ".gz"


class Tape:
    """Writes a traffic file; LabError if it exists or cannot be made.

    A disk that is full spoils no call: nothing is written from then on, and `failed` says why.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.failed = path, ""
        self.messages = 0
        self._file: IO[bytes]
        self._lines: list[bytes] = []
        self._size = 0
        self._open: set[int] = set()
        self._started = time.monotonic_ns()
        try:
            if is_compressed(path):
                self._file = gzip.open(path, "xb", COMPRESSION)  # type: ignore[assignment]  # noqa: SIM115
            else:
                self._file = path.open("xb")
        except FileExistsError:
            raise LabError(f"{path} exists; name another file to record to") from None
        except (OSError, ValueError) as error:
            raise LabError(f"cannot record to {path}: {getattr(error, 'strerror', None) or error}") from None

    def head(self, form: str, connections: int) -> None:
        """The format of the messages, and how many connections there are: so a cut file is told from a whole one."""
        self._add({"traffic": VERSION, "format": form, "connections": connections})

    def opened(self, connection: int, path: str) -> None:
        """A connection is being opened."""
        self._open.add(connection)
        self._add({"c": connection, "path": path})

    def sent(self, at_ns: int, connection: int, text: str) -> None:
        """A message was sent, at a time of the monotonic clock."""
        self.messages += 1
        self._write(b'{"t":%.6f,"c":%d,"text":%s}\n' % (self._seconds(at_ns), connection, json.dumps(text).encode()))

    def ended(self, connection: int, end: End, text: str = "") -> None:
        """A connection ended; only the first time counts. `text` is the message that a reset broke off."""
        if connection in self._open:
            self._open.discard(connection)
            told = {"t": round(self._seconds(time.monotonic_ns()), 6), "c": connection, "end": end}
            self._add(told | ({"text": text} if text else {}))

    def close(self) -> None:
        """Write what is left; connections that have no end were lost."""
        if self._file.closed:
            return
        for connection in sorted(self._open):
            self.ended(connection, End.LOST)
        self._flush()
        try:
            self._file.close()
        except OSError as error:
            self._fail(error)

    def discard(self) -> None:
        """Remove the file: nothing came of it."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _add(self, line: dict[str, Any]) -> None:
        self._write(json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def _write(self, line: bytes) -> None:
        self._lines.append(line)
        self._size += len(line)
        if self._size > BLOCK_BYTES:
            self._flush()

    def _flush(self) -> None:
        data = b"".join(self._lines)
        self._lines.clear()
        self._size = 0
        if not self.failed:
            try:
                self._file.write(data)
            except OSError as error:
                self._fail(error)

    def _fail(self, error: OSError) -> None:
        self.failed = self.failed or (error.strerror or str(error))
        # What it holds in memory would be tried again, in vain.
        with contextlib.suppress(OSError):
            self._file.close()

    def _seconds(self, at_ns: int) -> float:
        return (at_ns - self._started) / 1e9


@dataclass(frozen=True, slots=True)
class Line:
    """A line about a connection: its path, a message (`text` alone), or its end."""

    number: int
    """Of the line in the file, from 1."""
    connection: int
    at_ns: int = 0
    text: str | None = None
    path: str = ""
    end: End | None = None


class Reader:
    """Reads a traffic file; LabError with the line if it is none, is damaged, was cut, or is of another version."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._number = 0
        self._raw = self._read()
        head = self._head(self._next_object())
        self.form: str = head["format"]
        self._count: int | None = head.get("connections")

    def __iter__(self) -> Iterator[Line]:
        """The lines after the head, in order; a file that says how many connections it has is also held against that.

        Lines come in the order of their time, and nothing comes after the end of a connection.
        """
        last, met, ended = -math.inf, set[int](), set[int]()
        while (found := self._next_object()) is not None:
            number, connection = self._number, found.get("c", 0)
            if type(connection) is not int or connection < 0:
                raise self.wrong("c, the number of a connection, is a whole number from 0")
            if connection in ended:
                raise self.wrong(f"connection {connection} has ended already")
            met.add(connection)
            if "path" in found:
                yield Line(number, connection, path=self._path(found["path"]))
                continue
            seconds, text = self._seconds(found.get("t")), found.get("text")
            if seconds < last:
                raise self.wrong(f"t is {seconds}, and {last} in a line before; lines stand in the order of their time")
            last = seconds
            end = self._end(found["end"]) if "end" in found else None
            if type(text) is not str and (text is not None or end is None):
                raise self.wrong("text, the message as a string, is missing (or path, or end)")
            if text is not None and not _is_unicode(text):
                raise self.wrong("text is no Unicode that could be sent")
            if end is not None:
                ended.add(connection)
            yield Line(number, connection, round(seconds * 1e9), text, end=end)
        if self._count is not None and (len(met), len(ended)) != (self._count, self._count):
            raise LabError(
                f"{self.path} is cut: it has the ends of {len(ended)} of its {self._count} connections; without "
                f'"connections" in its first line it is played as far as it goes'
            )

    def wrong(self, reason: str) -> LabError:
        """What is wrong with the line that was read last."""
        return LabError(f"{self.path}, line {self._number}: {reason}")

    def _read(self) -> Iterator[bytes]:
        """The lines of the file, whatever is in them."""
        try:
            with gzip.open(self.path) if is_compressed(self.path) else self.path.open("rb") as file:
                yield from file
        except EOFError:
            raise LabError(f"{self.path} is cut: it ends after line {self._number}, in the middle of a block") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise LabError(f"{self.path} is damaged after line {self._number}: {error}") from None
        except (OSError, ValueError) as error:
            raise LabError(f"cannot read {self.path}: {getattr(error, 'strerror', None) or error}") from None

    def _next_object(self) -> dict[str, Any] | None:
        """The next line that is not empty, as what it says; None at the end."""
        for raw in self._raw:
            self._number += 1
            if not raw.strip():
                continue
            try:
                found = json.loads(raw.decode("utf-8-sig" if self._number == 1 else "utf-8"))
            except (ValueError, RecursionError):
                cut = "" if raw.endswith(b"\n") else ", and the file ends in it: it may be cut"
                raise self.wrong(f"this is no JSON{cut}") from None
            if type(found) is not dict:
                raise self.wrong("a line is a JSON object")
            return found
        return None

    def _head(self, found: dict[str, Any] | None) -> dict[str, Any]:
        if found is None:
            raise LabError(f"{self.path} is empty; a traffic file begins with a line such as {HEAD}")
        if "traffic" not in found:
            raise self.wrong(f"this is no traffic file: it begins with a line such as {HEAD}")
        if found["traffic"] != VERSION or type(found["traffic"]) is not int:
            raise self.wrong(f"traffic of version {found['traffic']!r}; this reads version {VERSION}")
        if type(found.get("format")) is not str or found["format"] not in WIRES:
            raise self.wrong(f"format {found.get('format')!r}; accepted are {', '.join(WIRES)}")
        count = found.get("connections")
        if count is not None and (type(count) is not int or count < 1):
            raise self.wrong("connections is their number, at least 1")
        return found

    def _path(self, path: Any) -> str:
        if type(path) is not str or not _PATH.fullmatch(path):
            raise self.wrong("path begins with / and is plain ASCII without spaces")
        return path

    def _seconds(self, seconds: Any) -> float:
        try:
            if type(seconds) not in (int, float) or not math.isfinite(seconds):
                raise ValueError
            return float(seconds)
        except (ValueError, OverflowError):
            raise self.wrong("t is a number of seconds") from None

    def _end(self, end: Any) -> End:
        try:
            return End(end)
        except ValueError:
            raise self.wrong(f"end is one of {', '.join(End)}") from None


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
