"""Where a server's time goes, sampled by `perf` (linux-perf): in which library or in the kernel it was, so many times a
second of its CPU time."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from importlib import metadata
from pathlib import Path

from ..errors import LabError
from ..protocol import IMPLEMENTATION_GROUP

COMMAND = "perf"
HERTZ = 1999
"""Samples a second: a prime, so that they do not keep step with what the server does again and again."""

KERNEL, LOOP, FRAMING, PARSER, INTERPRETER, IMPLEMENTATION, OTHER = PLACES = (
    "kernel", "event loop", "framing", "parser", "interpreter", "implementation", "other",
)  # fmt: skip
"""Where time goes: `interpreter` runs all that is Python, the server's own code among it."""

_LIBRARIES = {
    "uvloop": LOOP,
    "_asyncio": LOOP,
    "picows": FRAMING,
    "websockets": FRAMING,
    "orjson": PARSER,
    "msgspec": PARSER,
    "_json": PARSER,
}
_PYTHON = re.compile(r"/(libpython|python)[0-9.]+[^/]*$|/lib-dynload/")


def missing() -> str:
    """Why nothing can be sampled; empty if it can."""
    if shutil.which(COMMAND) is None:
        return f"{COMMAND} is not installed (Debian: apt-get install linux-perf)"
    return ""


def sample(pid: int, seconds: float, implementation: str) -> dict[str, int]:
    """Samples of a process by PLACES; LabError if they cannot be taken."""
    if reason := missing():
        raise LabError(reason)
    with tempfile.TemporaryDirectory(prefix="callbot-") as folder:
        data = str(Path(folder) / "perf.data")
        record = [COMMAND, "record", "--quiet", "--event", "cpu-clock", "--freq", str(HERTZ), "--pid", str(pid)]
        _run([*record, "--output", data, "--", "sleep", f"{seconds:g}"])
        text = _run([COMMAND, "script", "--input", data, "--fields", "ip,dso"])
    own = libraries(implementation)
    return counted(text, own)


def counted(script: str, own: set[str]) -> dict[str, int]:
    """Samples by PLACES, of the output of `perf script --fields ip,dso`; `own` are an implementation's libraries."""
    found = Counter(place(match[1], own) for match in re.finditer(r"\((.*)\)\s*$", script, re.MULTILINE))
    return {name: found[name] for name in PLACES}


def place(library: str, own: set[str]) -> str:
    """To which of PLACES a library belongs, by its path; what runs in the kernel has a name in brackets."""
    if library.startswith("[") and library != "[vdso]":
        return KERNEL if library.startswith("[kernel") else OTHER
    if library in own:
        return IMPLEMENTATION
    if _PYTHON.search(library) and not any(part in library for part in ("_json.", "_asyncio.")):
        return INTERPRETER
    # Its package's folder, or its own name.
    parts = Path(library).parts[-3:]
    return next((where for name, where in _LIBRARIES.items() if any(p.split(".")[0] == name for p in parts)), OTHER)


def libraries(implementation: str) -> set[str]:
    """Paths of the compiled modules of the distribution that announces an implementation."""
    for point in metadata.entry_points(group=IMPLEMENTATION_GROUP, name=implementation):
        if point.dist is not None:
            files = point.dist.files or ()
            return {str(Path(str(file.locate())).resolve()) for file in files if file.suffix == ".so"}
    return set()


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = " ".join(done.stderr.split()[-30:])
        raise LabError(f"{command[0]} {command[1]} failed: {words}")
    return done.stdout
