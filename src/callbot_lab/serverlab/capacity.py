"""How many calls one core carries: the load at which a server is still in time and loses nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from ..caller.check import check
from ..caller.traffic import Traffic
from ..errors import LabError
from ..server.settings import JOURNAL_SECONDS
from ..workload import Format, Recording
from .memory_in_use import free_memory
from .mix import Mix
from .process import ServerProcess
from .sampled import sample

FIRST_CALLS = 200
FEWEST_CALLS = 10
MOST_CALLS = 8_000
AGAIN = 0.95
"""Share of what a search found at which the next one of the same mix begins."""
STEP = 1.05
"""The search ends when a load that passed and one that failed are no further apart than this."""

LEAP = 4.0
"""Most by which a load grows that passed."""

AIM = 0.95
"""Share of a core at which the next load is put, if a message costs then what it costs now."""

HELD_STEPS = 10
HELD_STEP = 1.025
"""Loads that are tried for longer, and by how much each is below the one before, until one is held."""


LEAD_SECONDS = 2 * JOURNAL_SECONDS + 0.4
"""For which a load goes on before it counts. All its calls begin at once, which calls of a service do not, and each has
its files made when its turn in the journal first comes."""

PROFILE_LEAD = 2.0
"""Seconds for which a load goes on longer than it is sampled: sampling takes a while to begin."""

HELD = -1
"""Number of the search of which a load is that was held for longer."""


@dataclass(frozen=True)
class Rung:
    """What became of a load of so many calls; lags in milliseconds, shares of one core."""

    mix: str
    format: str
    repeat: int
    calls: int
    seconds: float
    passed: bool
    reason: str
    lag_p50: float = float("nan")
    lag_p99: float = float("nan")
    lag_p999: float = float("nan")
    caller_late_p99: float = float("nan")
    caller_share: float = float("nan")
    server_share: float = float("nan")
    free_mib: float = float("nan")
    """Memory that nobody used when the load began; see MemoryInUse."""

    def as_data(self) -> dict[str, object]:
        """The rung as it is kept: what was not seen is None."""
        return {key: None if value != value else value for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Search:
    """A search on a server of its own: every rung is so many seconds of real speech in real time."""

    form: Format
    lag_ms: float
    recording: Recording
    seconds: float
    cpu: int | None
    fallback: str
    prepare: Callable[[], int] = free_memory
    """Called before a load; how much memory is free then, in bytes. By default it is taken as it is."""

    def rung(self, server: ServerProcess, repeat: int, calls: int, seconds: float | None = None) -> Rung:
        """Load a server with so many calls.

        It passes if the lag's 99th percentile is under the bound and all that was sent is stored bit for bit.
        """
        seconds = seconds or self.seconds
        known = (str(server.mix), self.form.name, repeat, calls, seconds)
        server.forget_recordings()
        try:
            traffic = Traffic(
                "127.0.0.1", server.port, self.form, calls=calls, recording=self.recording, seed=repeat
            )  # fmt: skip
            traffic.connect()
            free = self.prepare()
            traffic.play(LEAD_SECONDS)
            begun, before = time.monotonic_ns(), server.cost()
            sent = traffic.play(seconds)
            share = server.cost().since(before).cpu / 1e9 / sent.seconds
            traffic.finish()
            checked = check(traffic, server.folder, since=begun)
        except LabError as error:
            return Rung(*known, passed=False, reason=str(error))
        reason = ""
        if checked.wrong:
            reason = f"{len(checked.wrong)} calls are not whole: {next(iter(checked.wrong.values()))}"
        elif not checked.lag_ms(99) < self.lag_ms:
            reason = f"the lag's 99th percentile is not under {self.lag_ms:g} ms"
            if sent.late_ms(99) >= self.lag_ms:
                # The lag counts from when a message was due, so it holds what the caller was late by.
                reason += ", and so was the caller's own"
        return Rung(
            *known,
            passed=not reason,
            reason=reason,
            lag_p50=checked.lag_ms(50),
            lag_p99=checked.lag_ms(99),
            lag_p999=checked.lag_ms(99.9),
            caller_late_p99=sent.late_ms(99),
            caller_share=sent.cpu_share,
            server_share=share,
            free_mib=free / 2**20,
        )

    def run(self, mix: Mix, repeat: int, first: int = FIRST_CALLS) -> list[Rung]:
        """Raise the load from the first one until it fails, then halve the distance until the two ends are a step
        apart."""
        server = ServerProcess(mix, self.fallback, self.cpu)
        try:
            rungs: list[Rung] = []
            good, bad, calls = 0, 0, first
            while True:
                rung = self.rung(server, repeat, calls)
                rungs.append(rung)
                good, bad = (max(good, calls), bad) if rung.passed else (good, calls)
                calls = _next(good, bad, rung)
                if not FEWEST_CALLS <= calls <= MOST_CALLS or calls in (good, bad):
                    return rungs
                if good and bad and bad <= good * STEP:
                    return rungs
        finally:
            server.close()

    def profile(self, mix: Mix, calls: int) -> dict[str, int]:
        """Samples of where a server's time goes while it has so many calls; LabError if they cannot be had."""
        server = ServerProcess(mix, self.fallback, self.cpu)
        try:
            traffic = Traffic("127.0.0.1", server.port, self.form, calls=calls, recording=self.recording, seed=0)
            traffic.connect()
            with ThreadPoolExecutor(1) as aside:
                found = aside.submit(sample, server.pid, self.seconds, mix.implementation)
                traffic.play(self.seconds + PROFILE_LEAD)
            traffic.finish()
            return found.result()
        finally:
            server.close()

    def hold(self, mix: Mix, calls: int, seconds: float) -> list[Rung]:
        """Hold a load for longer than a rung; one that fails is lowered by a step at a time. The last one may pass."""
        rungs: list[Rung] = []
        for _ in range(HELD_STEPS):
            server = ServerProcess(mix, self.fallback, self.cpu)
            try:
                rungs.append(self.rung(server, HELD, calls, seconds))
            finally:
                server.close()
            calls = int(calls / HELD_STEP)
            if rungs[-1].passed or calls < FEWEST_CALLS:
                break
        return rungs


def _next(good: int, bad: int, rung: Rung) -> int:
    """Calls of the next rung, from the highest load that passed, the lowest that failed, and the last rung."""
    if good and bad:
        return round(math.sqrt(good * bad))
    if bad:
        return round(bad / 1.25)
    # What the server had left says where the limit may be; a step beyond that finds it from above.
    room = AIM / rung.server_share if rung.server_share > 0 else LEAP
    return min(round(good * min(max(room, STEP**2), LEAP)), MOST_CALLS)


def carried(rungs: list[Rung]) -> int:
    """Most calls of a search that passed; 0 if none did."""
    return max((rung.calls for rung in rungs if rung.passed), default=0)
