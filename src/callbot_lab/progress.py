"""Progress with the time left: a bar on a terminal, a line now and then where there is none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

PLAIN_SECONDS = 5.0
"""Seconds between lines where the output is no terminal."""


class NowAndThen:
    """Says when it is time for another line, where there is nothing but lines."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._last = seconds, time.monotonic()

    def due(self) -> bool:
        """Whether so many seconds went by since this was last true, or since the beginning."""
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True


class Steps(Protocol):
    """What a long task reports to."""

    def expect(self, more: int) -> None:
        """There are so many more steps than was known."""

    def advance(self, doing: str) -> None:
        """One step is done; `doing` says what comes now."""

    def doing(self, what: str) -> None:
        """What the step that is under way has come to."""

    def say(self, line: str) -> None:
        """A line that stays."""


class _Bar:
    def __init__(self, progress: Progress, total: int, title: str) -> None:
        self._progress = progress
        self._total = total
        self._task = progress.add_task(title, total=total or None, doing="")

    def expect(self, more: int) -> None:
        self._total += more
        self._progress.update(self._task, total=self._total)

    def advance(self, doing: str) -> None:
        self._progress.update(self._task, advance=1, doing=doing)

    def doing(self, what: str) -> None:
        self._progress.update(self._task, doing=what)

    def say(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False)


class _Lines:
    def __init__(self, console: Console, total: int, title: str) -> None:
        self._console, self._total, self._title = console, total, title
        self._done = 0
        self._start = self._last = time.monotonic()

    def expect(self, more: int) -> None:
        self._total += more

    def advance(self, doing: str) -> None:
        self._done += 1
        self._tell(doing, last=self._done >= self._total)

    def doing(self, what: str) -> None:
        self._tell(what, last=False)

    def _tell(self, doing: str, *, last: bool) -> None:
        now = time.monotonic()
        if now - self._last < PLAIN_SECONDS and not last:
            return
        self._last = now
        left = ""
        if self._done:
            left = f"about {(now - self._start) / self._done * (self._total - self._done):.0f} s left, "
        self.say(f"{self._title}: {self._done}/{self._total}, {left}{doing}")

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def steps(console: Console, title: str, total: int) -> Iterator[Steps]:
    """Report on a task of `total` steps."""
    if not console.is_terminal:
        yield _Lines(console, total, title)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[doing]}"),
    )
    # Rarely: the bar's thread must not compete with what is being timed.
    with Progress(*columns, console=console, refresh_per_second=2) as progress:
        yield _Bar(progress, total, title)
