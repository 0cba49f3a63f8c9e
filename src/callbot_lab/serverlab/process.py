"""A server in a process of its own, and what it costs."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import LabError
from .mix import Mix

START_SECONDS = 30.0
END_SECONDS = 20.0

IDLE_SECONDS = 0.003
"""Between two looks at whether a server has done its work."""

IDLE_SHARE = 0.1
"""Share of that time that an idle server is busy with its journal."""

QUIET_LOOKS = 2
"""Looks in a row at which it has to be idle."""

_TICKS = os.sysconf("SC_CLK_TCK")
_CPU_OF_PROCESS = 2  # CPUCLOCK_SCHED, in the lowest bits of a CPU clock's number (linux/posix-timers.h)


class Cost(NamedTuple):
    """CPU time of a process so far, in nanoseconds; the last two are in ticks of some milliseconds."""

    cpu: int
    user: int
    kernel: int

    def since(self, before: Cost) -> Cost:
        """What was spent since then."""
        return Cost(*(now - then for now, then in zip(self, before, strict=True)))


class ServerProcess:
    """`callbot-lab serve` with a mix, on a port of its own; its recordings lie in memory where the system has such."""

    def __init__(self, mix: Mix, fallback: str, cpu: int | None, *, most_calls: int = 20_000) -> None:
        """`fallback` is the implementation that a mix without one is started with."""
        self.mix = mix
        shared = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(prefix="callbot-", dir=shared if shared.is_dir() else None))
        command = [sys.executable, "-m", "callbot_lab", "serve", "--port", "0", "--recordings", str(self.folder)]
        command += ["--server", mix.server, "--parser", mix.parser or "json", "--stage", mix.stage]
        command += [
            "--impl",
            mix.implementation or fallback,
            "--max-calls",
            str(most_calls),
            "--max-total-mib",
            "16384",
        ]
        # Between its slots a server is left alone, and is not to spend them on pings.
        command += ["--ping-interval", "600", "--ping-timeout", "600"]
        command += ["--journal" if mix.journal else "--no-journal"]
        command += ["--decode-only"] if mix.decode_only else []
        command += ["--cpu", str(cpu)] if cpu is not None else []
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it lives as long as the process
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self._errors, text=True, start_new_session=True
        )
        self.pid = self._process.pid
        self._clock = (~self.pid << 3) | _CPU_OF_PROCESS
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"ws://127\.0\.0\.1:(\d+)/", line)
        if found is None:
            self._process.wait(START_SECONDS)
            self._errors.seek(0)
            reason = " ".join(self._errors.read().split()[-40:])
            self.close()
            raise LabError(f"the server {mix} did not start: {reason or line.strip()}")
        self.port = int(found[1])

    def cost(self) -> Cost:
        """CPU time so far, of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        tick = 10**9 // _TICKS
        return Cost(time.clock_gettime_ns(self._clock), int(fields[11]) * tick, int(fields[12]) * tick)

    def settle(self, seconds: float = 10.0) -> bool:
        """Wait until it has nothing more to do; False if it still had after so many seconds.

        A server that only waits for its turn on the CPU spends nothing either, so all its threads have to be asleep.
        """
        deadline = time.monotonic() + seconds
        last, quiet = time.clock_gettime_ns(self._clock), 0
        while quiet < QUIET_LOOKS:
            if time.monotonic() > deadline:
                return False
            time.sleep(IDLE_SECONDS)
            now = time.clock_gettime_ns(self._clock)
            idle = now - last < IDLE_SHARE * IDLE_SECONDS * 1e9 and self._asleep()
            quiet, last = quiet + 1 if idle else 0, now
        return True

    def _asleep(self) -> bool:
        tasks = Path(f"/proc/{self.pid}/task").glob("*/stat")
        try:
            return all(task.read_text(encoding="ascii").rpartition(")")[2].split()[0] == "S" for task in tasks)
        except OSError:
            # A thread has just ended.
            return False

    def pause(self) -> None:
        """Make it stand still."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def health(self) -> dict[str, Any]:
        """What it says of itself."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def forget_recordings(self) -> None:
        """Delete what it has recorded: it lies in memory."""
        for path in self.folder.iterdir():
            if path.suffix in (".wav", ".json", ".stamps"):
                path.unlink()

    def close(self) -> None:
        """End it and delete its recordings."""
        self._process.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()
        shutil.rmtree(self.folder, ignore_errors=True)
