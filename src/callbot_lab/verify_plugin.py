"""A pytest plugin that tells the parent, line by line, how the conformance suite goes for one implementation.

Loaded by `verify` only. Tests that have no implementation as their subject (those of the oracle, of the suite itself)
are left out: they say nothing about it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, TextIO

import pytest

CHANNEL = "CALLBOT_VERIFY_FD"
"""Environment variable with the file descriptor to write to."""

SUBJECT_FIXTURES = frozenset({"impl", "side_by_side"})
"""Fixtures of the suite that stand for what is tested."""


class Reporter:
    """Writes one line of JSON for the number of tests, and one for each that ends."""

    def __init__(self, channel: TextIO) -> None:
        self.channel = channel

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep the tests that have a subject."""
        kept = [item for item in items if SUBJECT_FIXTURES & set(getattr(item, "fixturenames", ()))]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept
        self._say(total=len(kept))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell the outcome of a test: that of its call, or of its set-up if it got no further."""
        if report.when != "call" and not (report.when == "setup" and report.outcome != "passed"):
            return
        # The files of one subject, such as test_ingest_json, are one section.
        section = Path(report.location[0]).stem.removeprefix("test_").partition("_")[0]
        message = ""
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            text = crash.message if crash else str(report.longrepr)
            message = f"{report.location[2]}: {(text.strip().splitlines() or ['failed'])[0]}"
        elif report.skipped and isinstance(report.longrepr, tuple):
            message = report.longrepr[2].removeprefix("Skipped: ")
        self._say(section=section, outcome=report.outcome, message=message)

    def _say(self, **event: Any) -> None:
        self.channel.write(json.dumps(event) + "\n")
        self.channel.flush()


def pytest_configure(config: pytest.Config) -> None:
    """Open the channel that `verify` hands down."""
    descriptor = os.environ.get(CHANNEL)
    if descriptor:
        config.pluginmanager.register(Reporter(os.fdopen(int(descriptor), "w", encoding="utf-8")))
