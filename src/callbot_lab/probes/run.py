"""A run of probes: plans their jobs, gives each a fresh process, and keeps what they bring.

Its folder has `probes.json` with the plan, the arms and the environment, and a folder for each probe with a Parquet
file for each job. A run that was stopped can be continued: what has its file is not done again.
"""

from __future__ import annotations

import datetime
import json
import random
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .. import environment
from ..dispatch import cpu_for, dispatch
from ..errors import LabError
from ..measure import Outcome
from ..operations import name_of
from ..paths import SPEECH, require
from ..progress import Steps
from ..registry import Status
from ..smoke import check_arms
from ..workload import read_recording
from .probe import Definition, Job, module, read

SCHEMA = 1
"""Version of probes.json."""

NOTE = "probes.json"


class ProbeRun:
    """A run of probes that is being made."""

    def __init__(
        self,
        names: Sequence[str],
        profile: str,
        folder: Path,
        *,
        recording: Path = SPEECH,
        seed: int | None = None,
        arms: Sequence[str] = (),
        excluded: Mapping[str, str] | None = None,
    ) -> None:
        """`arms`: of the probes' arms, only those; LabError if no probe has one of them."""
        self.folder, self.profile = folder, profile
        self.recording = require(recording) if recording == SPEECH else recording
        self.seed = random.SystemRandom().getrandbits(32) if seed is None else seed
        self.definitions = [read(name) for name in names]
        self._check_names(arms)
        wanted = dict.fromkeys(name_of(arm) for one in self.definitions for arm in one.arms if not arms or arm in arms)
        self._arms, self.problems = check_arms(wanted, excluded or {}, arms)
        self.jobs = self._plan()
        self.note = self._describe()

    def _check_names(self, arms: Sequence[str]) -> None:
        there = {arm for definition in self.definitions for arm in definition.arms}
        for arm in arms:
            if arm not in there:
                raise LabError(f"no experiment of {', '.join(self.names)} has an arm '{arm}'")
        self._chosen = list(arms)

    def _plan(self) -> list[Job]:
        """The jobs of all probes, in an order drawn from the seed: what drifts must not fall on one arm."""
        jobs = []
        for definition in self.definitions:
            chosen = [arm for arm in definition.arms if not self._chosen or arm in self._chosen]
            found = [self._arms[name] for name in dict.fromkeys(map(name_of, chosen))]
            ready = [one.row for one in found if one.status is Status.READY]
            made = module(definition.name).jobs(definition, ready, self.profile)
            jobs += [{"probe": definition.name, **job} for job in made]
        random.Random(self.seed).shuffle(jobs)
        return [{"number": number, **job} for number, job in enumerate(jobs)]

    def _describe(self) -> dict[str, Any]:
        found = environment.capture()
        recording = read_recording(self.recording)
        own = self.recording == SPEECH
        return {
            "schema": SCHEMA,
            "status": "running",
            "started": _now(),
            "finished": None,
            "profile": self.profile,
            "seed": self.seed,
            "chosen": self._chosen,
            "input": {
                "name": self.recording.name,
                "sha256": recording.sha256,
                "rate": recording.rate,
                # The project's own recording is found wherever the checkout lies.
                "path": None if own else str(self.recording.resolve()),
            },
            "probes": [_as_data(definition) for definition in self.definitions],
            "jobs": self.jobs,
            "arms": [arm.as_data() for arm in self._arms.values()],
            "faults": [],
            "environment": found,
            "warnings": environment.warnings(found),
        }

    @property
    def names(self) -> list[str]:
        """Names of the probes."""
        return [definition.name for definition in self.definitions]

    @property
    def left(self) -> list[Job]:
        """Jobs that have no file yet."""
        return [job for job in self.jobs if not self._file(job).exists()]

    @property
    def step_count(self) -> int:
        """Steps of progress: a job is one."""
        return len(self.left)

    def go(self, steps: Steps) -> Outcome:
        """Do what is left, one process at a time. An interrupt ends the run and keeps what is done."""
        self.note["faults"] = []
        interrupted = False
        previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            self.save()
            for job in self.left:
                self._send(job, steps)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            signal.signal(signal.SIGTERM, previous)
        self.note["status"] = "interrupted" if interrupted else "complete"
        self.note["finished"] = _now()
        self.save()
        self.problems += [f"{one['probe']}, {one['arm']}: {one['reason']}" for one in self.note["faults"]]
        return Outcome(self.folder, interrupted, len(self.jobs) - len(self.left), self.problems)

    def _send(self, job: Job, steps: Steps) -> None:
        """Have one job done; what went wrong becomes a fault of the run."""
        self._file(job).parent.mkdir(parents=True, exist_ok=True)
        cpu = cpu_for(job["number"]) if job.get("pinned", True) else None
        sent = {**job, "cpu": cpu, "input": str(self.recording.resolve()), "out": str(self._file(job).resolve())}
        what = " ".join(filter(None, (job["probe"], job.get("arm", ""))))
        reason = ""
        steps.advance(what)

        def heed(event: dict[str, Any]) -> None:
            nonlocal reason
            if event["event"] == "fault":
                reason = event["reason"]
            else:
                steps.doing(f"{what}: {event['text']}")

        ended = dispatch("callbot_lab.probes.child", sent, heed)
        if ended.status != 0 and not reason:
            reason = f"its process ended with status {ended.status} {ended.error}".strip()
        if reason:
            self.note["faults"].append({**job, "arm": job.get("arm", ""), "reason": reason})
            steps.say(f"{what}: {reason}")

    def _file(self, job: Job) -> Path:
        return self.folder / str(job["probe"]) / f"job-{job['number']:04d}.parquet"

    def save(self) -> None:
        """Write the note at one stroke, so that a run that is killed leaves a whole one."""
        part = self.folder / f"{NOTE}.part"
        part.write_text(json.dumps(self.note, indent=1) + "\n", encoding="utf-8")
        part.replace(self.folder / NOTE)


def read_note(folder: Path) -> dict[str, Any]:
    """The note of a run of probes; LabError if the folder has none, or a damaged one."""
    path = folder / NOTE
    if not path.is_file():
        raise LabError(f"{folder} holds no run of probes: it has no {NOTE}")
    try:
        note: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if note["schema"] != SCHEMA:
            raise LabError(f"{path} has layout {note['schema']}; this version reads {SCHEMA}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LabError(f"{path} is damaged ({type(error).__name__}: {error})") from None
    return note


def read_rows(folder: Path, name: str) -> pd.DataFrame:
    """All rows of a probe in a run, with its columns; none if it has no file. LabError if a file is damaged."""
    schema = module(name).COLUMNS.insert(0, pa.field("job", pa.int32()))
    tables = []
    for file in sorted((folder / name).glob("job-*.parquet")):
        try:
            tables.append(pq.read_table(file, schema=schema))
        except (OSError, ValueError, pa.ArrowException) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise LabError(f"{file} is damaged ({first}); delete it and continue the run") from None
    return (pa.concat_tables(tables) if tables else schema.empty_table()).to_pandas()


def _as_data(definition: Definition) -> dict[str, Any]:
    return {**definition.data, "name": definition.name}


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
