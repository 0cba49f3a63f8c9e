"""The process whose instructions are counted: it binds an arm to its cells and marks the stretches that count.

It is started by `counting`, with a file of JSON that says what to do, and prints a line of JSON for the arm and one
for each cell.
"""

from __future__ import annotations

import base64
import ctypes
import gc
import json
import mmap
import os
import signal
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..operations import OPERATIONS, bind, lacks
from ..registry import Status, load_all
from ..workload import Workload, parse_size

WARMING = 2
"""Turns before the first stretch: the interpreter has specialised the loop then, and buffers have grown."""

# What valgrind.h makes of a client request on x86-64: rotations that add up to two whole turns, and the exchange of a
# register with itself. To a CPU that is nothing; Valgrind does what the array at RDI says and leaves its answer in RDX.
REQUEST_CODE = bytes.fromhex("4889f8 31d2 48c1c703 48c1c70d 48c1c73d 48c1c733 4887db 4889d0 c3")
DUMP, START = (ord("C") << 24 | ord("T") << 16 | number for number in (0, 4))  # as callgrind.h numbers its own

TRACE_ME = 0

Mark = Callable[[], object]
"""Ends what is being counted and begins anew."""


def valgrind_request() -> Callable[[int], int]:
    """A function that makes a client request; it answers 0 where there is no Valgrind."""
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(REQUEST_CODE)
    # The page lives as long as this object, which the function below holds.
    start = ctypes.c_char.from_buffer(page)

    def request(number: int) -> int:
        code = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)(ctypes.addressof(start))
        return int(code((ctypes.c_uint64 * 6)(number)))

    return request


def dumping() -> Mark:
    """Marks for callgrind: what it counted since the last one goes to a file."""
    request = valgrind_request()
    request(START)
    return lambda: request(DUMP)


def stopping() -> Mark:
    """Marks for a parent that steps through this process: it stops."""
    ctypes.CDLL(None).ptrace(TRACE_ME, 0, None, None)
    return lambda: os.kill(os.getpid(), signal.SIGSTOP)


MARKS: dict[str, Callable[[], Mark]] = {"dump": dumping, "stop": stopping, "none": lambda: lambda: None}


def main(path: Path) -> int:
    """Do what the file says."""
    task = json.loads(path.read_text(encoding="utf-8"))
    (row,) = load_all([task["arm"]])
    say(status=row.status, reason=row.reason, kernel=row.build.get("kernel", ""), folders=package_folders())
    if row.status is not Status.READY:
        return 0
    mark = MARKS[task["marks"]]()
    for cell in task["cells"]:
        operation = OPERATIONS[cell["operation"]]
        reason = lacks(operation, row)
        if reason:
            say(status=Status.NOT_OFFERED, reason=reason)
            continue
        texts = tuple(task["texts"][cell["size"]])
        workload = Workload(parse_size(cell["size"]), texts, tuple(map(base64.b64decode, texts)))
        bound = bind(operation, row, workload)
        reason = bound.fault()
        bound.slot(WARMING)
        # A collection would fall into one stretch or the other.
        gc.collect()
        gc.disable()
        mark()
        for turns in task["stretches"]:
            bound.slot(turns)
            mark()
        gc.enable()
        reason = reason or bound.fault()
        say(status=Status.WRONG_OUTPUT if reason else Status.READY, reason=reason)
    return 0


def package_folders() -> list[str]:
    """Where packages are found, but for the standard library and this folder."""
    standard = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    standard |= {str(Path(folder) / "lib-dynload") for folder in standard}
    known = {os.path.realpath(folder) for folder in (*standard, os.curdir)}
    return [folder for folder in map(os.path.realpath, sys.path) if folder not in known]


def say(**what: Any) -> None:
    """Tell the parent."""
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
