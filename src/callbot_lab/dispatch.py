"""Has a fresh process do a job: the job goes in as a line of JSON, what happens comes out as lines of JSON."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

GRACE_SECONDS = 20
"""How long a process that was asked to end has to write down what it has."""


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit status, and the last line that it wrote as an error."""

    status: int
    error: str


def cpu_for(number: int) -> int | None:
    """The CPU that the process of a number is bound to, so that all take turns on the CPUs; None if it cannot be."""
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return cpus[number % len(cpus)] if cpus else None


def dispatch(module: str, job: dict[str, Any], heed: Callable[[dict[str, Any]], None]) -> Ended:
    """Run a module in a process of its own until it has done a job; `heed` gets every event.

    An interrupt ends the process first, which has GRACE_SECONDS to do so by itself, and is raised then.
    """
    with tempfile.TemporaryFile("w+") as errors:
        # In a session of its own, so that an interrupt from the keyboard reaches this process alone.
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            # One that dies reads no job, or leaves half a line: its status tells.
            with contextlib.suppress(BrokenPipeError, ValueError):
                process.stdin.write(json.dumps(job) + "\n")
                process.stdin.close()
                for line in process.stdout:
                    heed(json.loads(line))
            process.wait()
        except KeyboardInterrupt:
            _end(process)
            raise
        errors.seek(0)
        return Ended(process.returncode, " ".join(errors.read().strip().splitlines()[-1:]))


def _end(process: subprocess.Popen[str]) -> None:
    # What it began has processes of its own; all are in its session.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
