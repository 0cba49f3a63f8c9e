"""How many calls one core carries: the load at which a server is still in time and loses nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ..caller.check import check
from ..caller.command import LATE_MS
from ..caller.traffic import Traffic
from ..errors import LabError
from ..workload import Format, Recording
from .mix import Mix
from .process import ServerProcess

FIRST_CALLS = 200
MOST_CALLS = 6_400
STEP = 1.05
"""The search ends when a load that passed and one that failed are no further apart than this."""


@dataclass(frozen=True)
class Rung:
    """What became of a load of so many calls; lags in milliseconds, shares of one core."""

    mix: str
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

    def as_data(self) -> dict[str, object]:
        """The rung as it is kept: what was not seen is None."""
        return {key: None if value != value else value for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Search:
    """A search on a server of its own: every rung is so many seconds of real speech in real time."""

    form: Format
    recording: Recording
    seconds: float
    cpu: int | None
    fallback: str

    def rung(self, server: ServerProcess, repeat: int, calls: int, seconds: float | None = None) -> Rung:
        """Load a server with so many calls: it passes if the lag's 99th percentile is within one chunk and all that was
        sent is stored bit for bit."""
        seconds = seconds or self.seconds
        known = (str(server.mix), repeat, calls, seconds)
        server.forget_recordings()
        try:
            traffic = Traffic(
                "127.0.0.1", server.port, self.form, calls=calls, recording=self.recording, seed=repeat
            )  # fmt: skip
            traffic.connect()
            # The first second is full of what connecting left to do.
            traffic.play(0.5)
            before = server.cost()
            sent = traffic.play(seconds)
            share = server.cost().since(before).cpu / 1e9 / sent.seconds
            traffic.finish()
            checked = check(traffic, server.folder)
        except LabError as error:
            return Rung(*known, passed=False, reason=str(error))
        reason = ""
        if checked.wrong:
            reason = f"{len(checked.wrong)} calls are not whole: {next(iter(checked.wrong.values()))}"
        elif sent.late_ms(99) > LATE_MS:
            reason = "the caller was late itself"
        elif not checked.lag_ms(99) <= self.form.milliseconds:
            reason = "the lag's 99th percentile is longer than one chunk"
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
        )

    def run(self, mix: Mix, repeat: int) -> list[Rung]:
        """Double the load until it fails, then halve the distance until the two ends are a step apart."""
        server = ServerProcess(mix, self.fallback, self.cpu)
        try:
            rungs, good, bad, calls = [], 0, 0, FIRST_CALLS
            while not bad or bad > max(good, 1) * STEP:
                rung = self.rung(server, repeat, calls)
                rungs.append(rung)
                good, bad = (calls, bad) if rung.passed else (good, calls)
                if (calls == MOST_CALLS and rung.passed) or calls < 10:
                    break
                calls = round(
                    (good * bad) ** 0.5 if good and bad else calls // 2 if bad else min(2 * calls, MOST_CALLS)
                )
                if calls in (good, bad):
                    break
            return rungs
        finally:
            server.close()

    def verify(self, mix: Mix, calls: int, seconds: float) -> Rung:
        """Hold a load for longer than a rung."""
        server = ServerProcess(mix, self.fallback, self.cpu)
        try:
            return self.rung(server, -1, calls, seconds)
        finally:
            server.close()


def carried(rungs: list[Rung]) -> int:
    """Most calls of a search that passed; 0 if none did."""
    return max((rung.calls for rung in rungs if rung.passed), default=0)
