"""Counts instructions by having the kernel stop a process after every one: slow, but any instruction that the CPU has.

It is for what callgrind's CPU lacks. Both mean the same by a branch.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import LabError
from .counting import Answer, Events, Task, answer_of, cells_of, command, environment, is_extension, last_line, placed

READ_USER, CONTINUE, STEP = 3, 7, 9
"""Requests of ptrace(2)."""

RIP = 16 * 8
"""Where the instruction pointer lies in the user area of a process on x86-64."""

LONGEST = 15
"""Bytes of the longest instruction of x86-64."""

PREFIXES = frozenset(b"\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3") | frozenset(range(0x40, 0x50))

# A process that asks to be traced and stops, as one that is counted does.
_STOPS = "import ctypes, os; ctypes.CDLL(None).ptrace(0, 0, None, None); os.kill(os.getpid(), 19)"


class SingleStep:
    """The kernel stops the process after every instruction."""

    def lacking(self) -> str:
        """Why it cannot be used here; empty if it can."""
        if sys.platform != "linux" or platform.machine() != "x86_64":
            return "single-stepping is written for Linux on x86-64 only"
        process = subprocess.Popen([sys.executable, "-c", _STOPS])
        try:
            os.waitpid(process.pid, os.WUNTRACED)
            _trace(STEP, process.pid)
        except LabError as error:
            return str(error)
        finally:
            process.kill()
            process.wait()
        return ""

    def tool(self) -> str:
        """What counts, with its version."""
        return f"ptrace, {platform.system()} {platform.release()}"

    def count(self, task: Task) -> Answer:
        """Do a task in one process, which stops itself before and after every stretch."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            what = command(folder, task, task.cells, "stop", task.stretches)
            said, errors = folder / "said", folder / "errors"
            with said.open("w") as out, errors.open("w") as err:
                process = subprocess.Popen(placed(what), cwd=folder, env=environment(), stdout=out, stderr=err)
            try:
                stretches = _follow(process.pid, said)
            finally:
                process.kill()
                process.wait()
            lines = [json.loads(line) for line in said.read_text(encoding="utf-8").splitlines()]
            if stretches is None:
                raise LabError(f"the process that was counted failed: {last_line(errors.read_text(encoding='utf-8'))}")
        return answer_of(lines[0], cells_of(lines[1:], iter(stretches), task))


def _follow(pid: int, said: Path) -> list[Events] | None:
    """Lead a process from stop to stop; what each of its stretches took, None if it ended badly."""
    stretches: list[Events] = []
    stops = 0
    while True:
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            return stretches if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0 else None
        # Three stops a cell: its first stretch is between the first two. What comes before is not of interest.
        while stops % 3 < 2 and os.WIFSTOPPED(status):
            visits, status = _steps(pid)
            folders = json.loads(said.read_text(encoding="utf-8").splitlines()[0])["folders"]
            stretches.append(_events(pid, visits, folders))
            stops += 1
        stops += 1
        _trace(CONTINUE, pid)


def _steps(pid: int) -> tuple[Counter[int], int]:
    """Step until the process stops of itself: how often it was at each address, and its status."""
    visits: Counter[int] = Counter()
    trapped = signal.SIGTRAP << 8 | 0x7F
    status = trapped
    while status == trapped:
        visits[_trace(READ_USER, pid, RIP)] += 1
        _trace(STEP, pid)
        _, status = os.waitpid(pid, 0)
    return visits, status


def _events(pid: int, visits: Counter[int], folders: Sequence[str]) -> Events:
    """Sort what was visited: is it a branch, and does it lie in an extension module?"""
    ranges = []
    for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines():
        span, _, _, _, _, *path = line.split(maxsplit=5)
        if path and is_extension(path[0], folders):
            ranges.append(range(*(int(edge, 16) for edge in span.split("-"))))
    whole, native = [0, 0], [0, 0]
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    try:
        for address, times in visits.items():
            taken = times, times * is_branch(_code(memory, address))
            whole = [a + b for a, b in zip(whole, taken, strict=True)]
            if any(address in span for span in ranges):
                native = [a + b for a, b in zip(native, taken, strict=True)]
    finally:
        os.close(memory)
    return Events(whole[0], whole[1], native[0], native[1])


def _code(memory: int, address: int) -> bytes:
    try:
        return os.pread(memory, LONGEST, address)
    except OSError:
        return b""  # the kernel's own page, which has no file to read


def is_branch(code: bytes) -> bool:
    """Whether an instruction is a conditional jump, or an indirect jump or call; returns are none, as in callgrind."""
    rest = code.lstrip(bytes(PREFIXES))
    if rest[:1] == b"\x0f":
        return 0x80 <= rest[1] <= 0x8F
    if rest[:1] == b"\xff":
        return rest[1] >> 3 & 7 in (2, 4)
    return bool(rest) and (0x70 <= rest[0] <= 0x7F or 0xE0 <= rest[0] <= 0xE3)


def _trace(request: int, pid: int, place: int = 0) -> int:
    """ptrace(2); LabError if it is refused."""
    answer = int(_ptrace(request, pid, place, None))
    if answer == -1 and ctypes.get_errno():
        raise LabError(f"ptrace is refused: {os.strerror(ctypes.get_errno())}")
    return answer


def _bound() -> Any:
    function = ctypes.CDLL(None, use_errno=True).ptrace
    function.restype = ctypes.c_long
    function.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    return function


_ptrace = _bound()
