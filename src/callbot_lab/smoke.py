"""A look of a second at one arm before it is timed: is it the contract's idea of correct?

The whole suite is `callbot-lab verify`. This tells an arm that is plainly wrong from one that can be timed, in a
process of its own, so that one which crashes takes nothing with it. Imports the standard library only.
"""

from __future__ import annotations

import binascii
import contextlib
import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import registry
from .registry import PCM, Loaded, Status

ACCEPTED = ["", "AA==", "AAA=", "AAAA", "/+/+", *(b64encode(bytes(range(n))).decode() for n in (1, 2, 3, 64, 200))]
REFUSED = {"AB==": 2, "AAB=": 3, "AA===": 4, "AAAA=": 4, "A=": 1, "AA=": 3, "AAAA\n": 4, "AA-_": 2, "é": 0, "AAA": 3}
TIMEOUT = 60


def preflight(names: list[str]) -> list[tuple[Loaded, Status, str]]:
    """Load arms and check each in a process of its own: the arm, its status, and the reason if it is not ready."""
    checked = []
    for row in registry.load_all(names):
        status, reason = row.status, row.reason
        if status is Status.READY:
            status, reason = _ask(row.name)
        checked.append((row, status, reason))
    return checked


@dataclass(frozen=True)
class Checked:
    """An arm before a run: how it loaded, its status then, and the reason if it is not ready."""

    row: Loaded
    status: Status
    reason: str

    def as_data(self) -> dict[str, Any]:
        """The arm as it is written into the note of a run."""
        row = self.row
        about = {"name": row.name, "kind": row.kind, "origin": row.origin}
        return about | {"status": self.status, "reason": self.reason, "build": dict(row.build)}


def check_arms(
    names: Iterable[str], excluded: Mapping[str, str], asked_for: Container[str]
) -> tuple[dict[str, Checked], list[str]]:
    """Check arms before a run, those that are excluded with their reasons: the arms by name, and what is a problem.

    Not being installed, or not being made for this CPU, is a problem only of an arm that was asked for.
    """
    arms, problems = {}, []
    for row, found, why in preflight(list(names)):
        status, reason = found, why
        if status is Status.READY and row.name in excluded:
            status, reason = Status.NONCONFORMING, excluded[row.name]
        arms[row.name] = Checked(row, status, reason)
        harmless = status in (Status.UNKNOWN, Status.UNAVAILABLE) and row.name not in asked_for
        if status is not Status.READY and not harmless:
            problems.append(f"{row.name}: {status}: {reason}")
    return arms, problems


def _ask(name: str) -> tuple[Status, str]:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "callbot_lab.smoke", name],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Status.CRASHED, f"the smoke check did not end within {TIMEOUT} s"
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
        return Status(answer["status"]), answer["reason"]
    except (IndexError, ValueError, KeyError):
        return Status.CRASHED, f"the smoke check ended with status {done.returncode}"


def check(row: Loaded) -> tuple[Status, str]:
    """Check an arm that was loaded; the first fault found decides."""
    decodes = _hands_on if row.takes == PCM else _decodes
    checks: list[Callable[[Any], str]] = [decodes]
    if row.kind == "implementation" and row.contract != "report":
        checks.append(_refuses)
        if row.contract == "full":
            checks += [_buffers, _processes]
    for find_fault in checks:
        try:
            fault = find_fault(row.subject)
        except Exception as error:  # an arm under test may raise anything
            fault = f"{find_fault.__name__.strip('_')}: {type(error).__name__}: {error}"
        if fault:
            wrong = find_fault is decodes
            return (Status.WRONG_OUTPUT if wrong else Status.NONCONFORMING), " ".join(fault.split())
    return Status.READY, ""


def _decodes(subject: Any) -> str:
    for text in ACCEPTED:
        if subject.decode(text) != binascii.a2b_base64(text):
            return f"decode({text!r}) is wrong"
    return ""


def _hands_on(subject: Any) -> str:
    """Of a reference that takes PCM, for which decoding is to hand it on."""
    for pcm in map(binascii.a2b_base64, ACCEPTED):
        if subject.decode(pcm) != pcm:
            return f"decode({pcm!r}) is not what it was given"
    return ""


def _refuses(subject: Any) -> str:
    for text, position in REFUSED.items():
        wanted = f"invalid base64 at position {position}"
        try:
            subject.decode(text)
        except binascii.Error as error:
            if str(error) != wanted:
                return f"decode({text!r}) says '{error}', not '{wanted}'"
        else:
            return f"decode({text!r}) is accepted, not refused at position {position}"
    with raising(TypeError) as missed:
        subject.decode(7)
    return "decode(7) is no TypeError" if missed else ""


def _buffers(subject: Any) -> str:
    buffer = subject.AudioBuffer(16, limit=9)
    faults = [
        ("append adds 3 bytes", buffer.append("AAAA") == 3),
        ("extend adds 3 bytes", buffer.extend(["AAA=", "AA=="]) == 3),
        ("a batch with a bad chunk is refused", _raises(ValueError, buffer.extend, ["AAAA", "!"])),
        ("a chunk past the limit is refused", _raises(OverflowError, buffer.append, "AAAAAAAA")),
        ("append_pcm adds 1 byte", buffer.append_pcm(b"x") == 1),
        ("what is held is right", bytes(buffer.view()) == bytes(6) + b"x"),
        ("the counters are right", (buffer.chunk_count, buffer.total_bytes, len(buffer)) == (4, 7, 7)),
    ]
    view = buffer.view()
    faults.append(("a live view forbids append", _raises(BufferError, buffer.append, "")))
    view.release()
    faults.append(("take hands out and empties", buffer.take() == bytes(6) + b"x" and len(buffer) == 0))
    return next((f"not true of its AudioBuffer: {words}" for words, holds in faults if not holds), "")


def _processes(subject: Any) -> str:
    processor = subject.AudioProcessor(max_calls=1, max_bytes=5)
    buffer = processor.open("a")
    faults = [
        ("append adds 3 bytes", processor.append("a", "AAAA") == 3),
        ("max_bytes holds", _raises(OverflowError, processor.append, "a", "AAAA")),
        ("max_calls holds", _raises(OverflowError, processor.open, "b")),
        ("an unknown id is a KeyError", _raises(KeyError, processor.append, "b", "AAAA")),
        ("close hands out the bytes", processor.close("a") == bytes(3) and len(processor) == 0),
        ("a closed buffer refuses", _raises(ValueError, buffer.append, "AAAA")),
    ]
    return next((f"not true of its AudioProcessor: {words}" for words, holds in faults if not holds), "")


def _raises(kind: type[Exception], function: Callable[..., Any], *arguments: Any) -> bool:
    with raising(kind) as missed:
        function(*arguments)
    return not missed


@contextlib.contextmanager
def raising(kind: type[Exception]) -> Iterator[list[str]]:
    """Expect an exception in the block; the list that is handed out holds a word if none came."""
    missed: list[str] = []
    try:
        yield missed
        missed.append("nothing was raised")
    except kind:
        pass


def main() -> None:
    """Check the arm named on the command line and print the verdict as JSON."""
    (row,) = registry.load_all(sys.argv[1:2])
    status, reason = check(row) if row.status is Status.READY else (row.status, row.reason)
    print(json.dumps({"status": status, "reason": reason}))


if __name__ == "__main__":
    main()
