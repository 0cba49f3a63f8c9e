"""Runs the conformance suite on implementations and sums it up by section."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

from . import registry
from .errors import LabError
from .paths import CONFORMANCE, ROOT, require
from .progress import Steps
from .registry import Loaded, Status
from .verify_plugin import CHANNEL

CONFORMS = "conforms"
FAILS = "fails"
FAILS_AS_EXPECTED = "fails as expected"
NOT_LOADED = "not loaded"

ROWS_AT_ONCE = 2
"""Suites that run side by side; nothing is timed meanwhile."""


def candidates(names: Sequence[str]) -> list[Loaded]:
    """The implementations to verify: those named, or all that are installed. LabError for a name that is none.

    A name may also be `module:attribute` of one that is not registered.
    """
    arms = registry.find_arms()
    implementations = [arm for arm in arms.values() if arm.kind == "implementation"]
    if not names:
        if not implementations:
            raise LabError("no implementation is installed; run make setup")
        return [registry.load(arm) for arm in implementations]
    rows = []
    for name in dict.fromkeys(names):
        if name in arms and arms[name].kind == "implementation":
            rows.append(registry.load(arms[name]))
        elif ":" in name or "." in name:
            rows.append(Loaded(name, "implementation", "", Status.READY, "", None, {"contract": "full"}))
        else:
            there = ", ".join(arm.name for arm in implementations) or "none"
            raise LabError(f"no implementation is called '{name}'; there are: {there} (or give module:attribute)")
    return rows


def verify(rows: Sequence[Loaded], steps: Steps) -> dict[str, Any]:
    """Run the suite on each implementation, in a process of its own.

    The answer holds `sections` and `implementations`: name to `contract`, `status`, `reason`, `missing` (why whole
    sections do not apply), and for each section the numbers `passed`, `failed`, `skipped` and the `first` failure.
    """
    require(CONFORMANCE)
    progress = _Progress(steps, len(rows))
    with ThreadPoolExecutor(ROWS_AT_ONCE) as pool:
        results = list(pool.map(lambda row: _verify_one(row, progress), rows))
    sections = sorted({section for result in results for section in result["sections"]}, key=_section_order)
    return {
        "sections": sections,
        "implementations": {row.name: result for row, result in zip(rows, results, strict=True)},
    }


def failing(verification: dict[str, Any]) -> dict[str, str]:
    """Implementations that should conform and do not, with the reason."""
    return {
        name: result["reason"]
        for name, result in verification["implementations"].items()
        if result["status"] in (FAILS, NOT_LOADED)
    }


class _Progress:
    """Steps of several suites that run side by side; the first to know its length speaks for those to come."""

    def __init__(self, steps: Steps, suites: int) -> None:
        self._steps, self._lock = steps, Lock()
        self._suites, self._expected = suites, 0

    def begin(self, total: int) -> None:
        with self._lock:
            if not self._expected:
                self._expected = total
                self._steps.expect(total * self._suites)
            else:
                self._steps.expect(total - self._expected)

    def advance(self, doing: str) -> None:
        with self._lock:
            self._steps.advance(doing)


def _verify_one(row: Loaded, progress: _Progress) -> dict[str, Any]:
    if row.status in (Status.UNAVAILABLE, Status.BROKEN, Status.STALE):
        return {"contract": row.contract, "status": NOT_LOADED, "reason": row.reason, "missing": [], "sections": {}}
    sections: dict[str, dict[str, Any]] = {}
    reasons: dict[str, str] = {}
    code, tail = _run_suite(row.name, sections, reasons, progress)
    failed = sum(section["failed"] for section in sections.values())
    ran = sum(section["passed"] for section in sections.values())
    first = next((section["first"] for section in sections.values() if section["first"]), "")
    absent = [name for name, section in sections.items() if not section["passed"] + section["failed"]]
    told = {"contract": row.contract, "missing": sorted({reasons[name] for name in absent}), "sections": sections}
    if code == 0 and ran and not failed:
        return {**told, "status": CONFORMS, "reason": ""}
    status = FAILS_AS_EXPECTED if row.contract == "report" else FAILS
    reason = f"{failed} of {failed + ran} tests fail, the first: {first}"
    if code != 1 or not failed:
        reason = f"the suite ended with status {code} after {failed + ran} tests: {tail}"
    return {**told, "status": status, "reason": reason}


def _run_suite(
    name: str, sections: dict[str, dict[str, Any]], reasons: dict[str, str], progress: _Progress
) -> tuple[int, str]:
    """Run pytest on one implementation and count as it goes, with the first reason to skip of a section.

    The answer is its exit status and last line.
    """
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "pytest", str(CONFORMANCE), "--impl", name, "-p", "callbot_lab.verify_plugin"]
    # The same verdict every time: no random examples, no memory of earlier ones.
    settings = {CHANNEL: str(writing), "HYPOTHESIS_PROFILE": "ci"}
    process = subprocess.Popen(
        [*command, "--quiet", "--no-header", "-p", "no:cacheprovider", "--tb=no"],
        cwd=ROOT,
        env={**os.environ, **settings},
        pass_fds=[writing],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    os.close(writing)
    with ThreadPoolExecutor(1) as drain, os.fdopen(reading, encoding="utf-8") as channel:
        output = drain.submit(process.communicate)
        for line in channel:
            event = json.loads(line)
            if "total" in event:
                progress.begin(event["total"])
                continue
            section = sections.setdefault(event["section"], {"passed": 0, "failed": 0, "skipped": 0, "first": ""})
            section[event["outcome"]] += 1
            if event["outcome"] == "skipped":
                reasons.setdefault(event["section"], event["message"])
            else:
                section["first"] = section["first"] or event["message"]
            progress.advance(f"{name}: {event['section']}")
        text = output.result()[0]
    return process.returncode, (text.strip().splitlines() or ["no output"])[-1]


_FIRST_SECTIONS = ("build", "vectors", "decode", "inputs", "errors")


def _section_order(section: str) -> tuple[int, str]:
    known = _FIRST_SECTIONS.index(section) if section in _FIRST_SECTIONS else len(_FIRST_SECTIONS)
    return known, section
