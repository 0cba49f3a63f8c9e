"""Plans a run, sends its workers out one after the other, and keeps what they bring.

A run is a folder: `run.json` with the plan, the arms and the environment, and `slots/` with two files for each worker.
docs/method.md says why it is done this way.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import random
import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import environment
from .dispatch import Ended, cpu_for, dispatch
from .errors import LabError
from .experiment import Experiment
from .operations import lacks, name_of, operation_of
from .paths import RESULTS, SPEECH, require
from .progress import Steps
from .registry import Status
from .smoke import check_arms
from .workload import cut, parse_size, read_recording

SCHEMA = 1
"""Version of the layout of a run's folder."""


@dataclass(frozen=True)
class Profile:
    """How much evidence a run collects: fresh processes, and in each the most blocks and seconds for a cell.

    A cell whose blocks are long (a whole pass of every arm) runs out of seconds before it runs out of blocks.
    """

    name: str
    workers: int
    blocks: int
    cell_seconds: float


PROFILES = {
    p.name: p for p in (Profile("quick", 10, 100, 1.0), Profile("full", 20, 200, 1.5), Profile("glance", 4, 20, 0.5))
}
"""Profiles by name: `quick` for the report, `full` for figures to publish, `glance` to see that everything works."""

COMPARE = Profile("compare", 10, 60, 1.5)
"""What `compare` collects: under a minute for two arms."""


@dataclass
class Outcome:
    """What became of a run."""

    folder: Path
    interrupted: bool
    workers_done: int
    problems: list[str]


def profile_named(name: str) -> Profile:
    """A profile by name; LabError if there is none."""
    if name not in PROFILES:
        raise LabError(f"unknown profile '{name}'; there are: {', '.join(PROFILES)}")
    return PROFILES[name]


def new_folder(out: Path | None, profile: str) -> Path:
    """Make the folder of a run; LabError if it holds something already."""
    folder = out or RESULTS / f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}-{profile}"
    try:
        if folder.exists() and any(folder.iterdir()):
            raise LabError(f"{folder} is not empty; a run needs a folder of its own")
        (folder / "slots").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(f"cannot make the folder {folder}: {error.strerror}") from None
    return folder


def remove_empty(folder: Path) -> None:
    """Take a folder away again that no run came into; one that holds anything stays."""
    for empty in (folder / "slots", folder):
        with contextlib.suppress(OSError):
            empty.rmdir()


class Run:
    """A run that is being made."""

    def __init__(
        self,
        experiments: Sequence[Experiment],
        profile: Profile,
        folder: Path,
        *,
        recording: Path = SPEECH,
        seed: int | None = None,
        excluded: Mapping[str, str] | None = None,
        asked_for: Sequence[str] = (),
    ) -> None:
        self.experiments, self.profile, self.folder = experiments, profile, folder
        self.recording = require(recording) if recording == SPEECH else recording
        self.seed = random.SystemRandom().getrandbits(32) if seed is None else seed
        self.asked_for = frozenset(map(name_of, asked_for))
        self.missing: list[dict[str, str]] = []
        self._check_input()
        names = dict.fromkeys(name_of(arm) for e in experiments for arm in (e.baseline, *e.arms))
        self.arms, self.problems = check_arms(names, excluded or {}, self.asked_for)
        self.cells = [cell for experiment in experiments for cell in self._cells_of(experiment)]
        self.note = self._describe()

    def _check_input(self) -> None:
        """Fail before anything is timed if a cell cannot be cut from the recording."""
        recording = read_recording(self.recording)
        for size in {cell.size for experiment in self.experiments for cell in experiment.cells}:
            cut(recording, parse_size(size))
        # The project's own recording is found wherever the checkout lies.
        path = None if self.recording == SPEECH else str(self.recording.resolve())
        about = {"name": self.recording.name, "sha256": recording.sha256, "rate": recording.rate}
        self.input = about | {"path": path}

    def _cells_of(self, experiment: Experiment) -> list[dict[str, Any]]:
        cells = []
        for cell in experiment.cells:
            status, reason = self._readiness(experiment.baseline, cell.operation)
            if status is not Status.READY:
                for name in (experiment.baseline, *experiment.arms):
                    why = f"its baseline {experiment.baseline} is not to be had: {reason}"
                    self._miss(experiment, cell.name, name, status, reason if name == experiment.baseline else why)
                continue
            ready = []
            for name in experiment.arms:
                status, reason = self._readiness(name, cell.operation)
                if status is Status.READY:
                    ready.append(name)
                else:
                    self._miss(experiment, cell.name, name, status, reason)
            cells.append(
                {
                    "experiment": experiment.name,
                    "name": cell.name,
                    "operation": cell.operation,
                    "size": cell.size,
                    "pool": cell.pool,
                    "model": cell.model,
                    "baseline": experiment.baseline,
                    "arms": ready,
                }
            )
        return cells

    def _readiness(self, arm: str, operation: str) -> tuple[Status, str]:
        """Whether an arm can be timed in a cell of an operation, and why not."""
        found = self.arms[name_of(arm)]
        lacking = lacks(operation_of(arm, operation), found.row) if found.status is Status.READY else ""
        return (Status.NOT_OFFERED, lacking) if lacking else (found.status, found.reason)

    def _miss(self, experiment: Experiment, cell: str, arm: str, status: str, reason: str) -> None:
        self.missing.append(
            {"experiment": experiment.name, "cell": cell, "arm": arm, "status": status, "reason": reason}
        )

    def _describe(self) -> dict[str, Any]:
        found = environment.capture()
        return {
            "schema": SCHEMA,
            "status": "running",
            "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "finished": None,
            "profile": asdict(self.profile),
            "seed": self.seed,
            "asked_for": sorted(self.asked_for),
            "input": self.input,
            "experiments": [experiment.as_data() for experiment in self.experiments],
            "arms": [arm.as_data() for arm in self.arms.values()],
            "missing": self.missing,
            "workers": {"done": 0, "lost": []},
            "environment": found,
            "warnings": environment.warnings(found),
        }

    @property
    def left(self) -> list[int]:
        """Workers that have not come to their end: a run that was stopped has some."""
        return [number for number in range(self.profile.workers) if not self._is_done(number)]

    @property
    def step_count(self) -> int:
        """Steps of progress: a cell of a worker is one."""
        return len(self.cells) * len(self.left)

    def go(self, steps: Steps) -> Outcome:
        """Send the workers out that are left. An interrupt ends the run and keeps what is done.

        A worker that an interrupt ended is sent out anew when the run is continued: its blocks would not be of one
        process.
        """
        self.note["workers"]["done"] = self.profile.workers - len(self.left)
        self.save()
        interrupted = False
        if self.cells:
            previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
            try:
                for number in self.left:
                    if not self._send(number, steps):
                        interrupted = True
                        break
                    self.save()
            except KeyboardInterrupt:
                interrupted = True
            finally:
                signal.signal(signal.SIGTERM, previous)
        for fault in self.missing:
            serious = fault["status"] in (Status.WRONG_OUTPUT, Status.CRASHED, Status.BROKEN)
            told = any(problem.startswith(f"{name_of(fault['arm'])}: ") for problem in self.problems)
            told |= any(problem.startswith(f"{fault['arm']}: ") for problem in self.problems)
            if serious and not told:
                self.problems.append(f"{fault['arm']}: {fault['status']} in {fault['cell']}: {fault['reason']}")
        if not self.cells:
            self.problems.append("nothing was timed: no cell has a baseline that is ready")
        self.note["status"] = "interrupted" if interrupted else "complete"
        self.save()
        return Outcome(self.folder, interrupted, self.note["workers"]["done"], self.problems)

    def _send(self, number: int, steps: Steps) -> bool:
        """Run one worker to its end; False if the run was interrupted meanwhile."""
        job = {
            "worker": number,
            "seed": f"{self.seed}-{number}",
            "cpu": cpu_for(number),
            "blocks": self.profile.blocks,
            "cell_seconds": self.profile.cell_seconds,
            "cells": self.cells,
            "input": str(self.recording.resolve()),
            "out": str((self.folder / "slots").resolve()),
        }
        last: dict[str, Any] = {}

        def heed(event: dict[str, Any]) -> None:
            nonlocal last
            last = self._heed(event, last, number, steps)

        try:
            ended = dispatch("callbot_lab.worker", job, heed)
        except KeyboardInterrupt:
            self.note["workers"]["done"] += self._note_of(number).exists()
            return False
        if ended.status != 0:
            self._lose(number, ended, last)
        else:
            self.note["workers"]["done"] += 1
        return True

    def _heed(self, event: dict[str, Any], last: dict[str, Any], number: int, steps: Steps) -> dict[str, Any]:
        if event["event"] == "cell":
            steps.advance(f"worker {number + 1} of {self.profile.workers}: {event['experiment']} {event['name']}")
        elif event["event"] == "fault":
            fault = {key: event[key] for key in ("experiment", "cell", "arm", "status", "reason")}
            if fault not in self.missing:
                self.missing.append(fault)
                steps.say(f"{fault['arm']}: {fault['status']} in {fault['cell']}: {fault['reason']}")
        return event if event["event"] in ("arm", "timing") else last

    def _lose(self, number: int, ended: Ended, last: dict[str, Any]) -> None:
        """Note a worker that died; the arm that it was checking when it did is taken out for the workers to come."""
        why = f"worker {number} ended with status {ended.status}"
        self.note["workers"]["lost"].append({"worker": number, "status": ended.status, "error": ended.error})
        blamed = last.get("name") if last.get("event") == "arm" else None
        self.problems.append(f"{why}{f' while it checked {blamed}' if blamed else ''} {ended.error}".strip())
        if blamed:
            for cell in self.cells:
                if blamed in cell["arms"]:
                    cell["arms"] = [name for name in cell["arms"] if name != blamed]
                    self.missing.append(
                        {
                            "experiment": cell["experiment"],
                            "cell": cell["name"],
                            "arm": blamed,
                            "status": Status.CRASHED,
                            "reason": why,
                        }
                    )

    def _note_of(self, number: int) -> Path:
        return self.folder / "slots" / f"worker-{number:03d}.json"

    def _is_done(self, number: int) -> bool:
        note = self._note_of(number)
        return note.exists() and bool(json.loads(note.read_text(encoding="utf-8"))["complete"])

    def save(self) -> None:
        """Write run.json at one stroke, so that a run that is killed leaves a whole one."""
        if self.note["status"] != "running":
            self.note["finished"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self.note["missing"] = self.missing
        part = self.folder / "run.json.part"
        part.write_text(json.dumps(self.note, indent=1) + "\n", encoding="utf-8")
        part.replace(self.folder / "run.json")
