"""A run of the experiment `server`: fresh servers for every worker, then the search for what one core carries.

Its folder has `server.json` with the plan, the environment, what failed, and the rungs of the searches, and
`server/worker-NNN.parquet` with the slots.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from .. import environment, registry
from ..errors import LabError
from ..measure import Outcome
from ..paths import SPEECH, require
from ..progress import Steps
from ..registry import Status
from ..server.settings import JOURNAL_SECONDS
from ..workload import FORMATS, read_recording
from .capacity import AGAIN, FEWEST_CALLS, FIRST_CALLS, Rung, Search, carried
from .definition import Definition
from .memory_in_use import MemoryInUse
from .mix import Mix
from .paced import COLUMNS, Fault, Place, run_cell

SCHEMA = 2
"""Version of server.json."""


@dataclass(frozen=True)
class Profile:
    """How much evidence: workers, blocks in each, searches of each mix, and seconds of their parts."""

    name: str
    workers: int
    blocks: int
    slot_seconds: float
    searches: int
    rung_seconds: float
    hold_seconds: float


PROFILES = {
    p.name: p
    for p in (
        Profile("glance", 1, 1, JOURNAL_SECONDS, 0, 2.0, 0.0),
        Profile("quick", 4, 1, JOURNAL_SECONDS, 0, 3.0, 0.0),
        Profile("full", 6, 1, JOURNAL_SECONDS, 3, 5.0, 60.0),
    )
}
"""By the names of the loops' profiles; only `full` searches for what one core carries.

A slot lasts as long as a call's turn in the journal, so that each slot pays for the journal just once a call.
"""


class ServerRun:
    """A run that is being made."""

    def __init__(
        self,
        definition: Definition,
        profile: Profile,
        folder: Path,
        *,
        recording: Path = SPEECH,
        seed: int | None = None,
    ) -> None:
        self.definition, self.profile, self.folder = definition, profile, folder
        self.recording = read_recording(require(recording) if recording == SPEECH else recording)
        self.seed = random.SystemRandom().getrandbits(32) if seed is None else seed
        self.cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        mixes = {name: Mix.parse(name) for name in definition.mixes}
        self.unusable, builds = _checked(mixes)
        if definition.baseline in self.unusable:
            raise LabError(f"the baseline {definition.baseline} cannot run: {self.unusable[definition.baseline]}")
        self.fallback = mixes[definition.baseline].implementation
        self.problems: list[str] = []
        found = environment.capture()
        warnings = environment.warnings(found)
        if len(self.cpus) < 2:
            warnings.append("Server and caller share one CPU: the lag is not the server's alone.")
        self.note: dict[str, Any] = {
            "schema": SCHEMA,
            "status": "running",
            "started": _now(),
            "finished": None,
            "definition": definition.as_data(),
            "profile": asdict(profile),
            "seed": self.seed,
            "input": {"name": recording.name, "sha256": self.recording.sha256, "rate": self.recording.rate},
            "unusable": self.unusable,
            "builds": builds,
            "faults": [],
            "workers": 0,
            "rungs": [],
            "held": [],
            "sampled": [],
            "environment": found,
            "warnings": warnings,
        }

    @property
    def searched(self) -> list[tuple[str, str]]:
        """Formats and mixes whose calls per core are searched for."""
        pairs = [(part.format, mix) for part in self.definition.capacity for mix in part.mixes]
        return [(form, mix) for form, mix in pairs if mix not in self.unusable]

    @property
    def held(self) -> list[tuple[str, str]]:
        """Those of them whose load is held for longer: the ones that play a part in what is concluded."""
        told = {self.definition.baseline, *self.definition.report.values()}
        return [(form, mix) for form, mix in self.searched if mix in told]

    @property
    def step_count(self) -> int:
        """Steps of progress: a cell of a worker, a search, and a load that is held are one each."""
        searches = len(self.searched) * self.profile.searches
        holds = len(self.held) * bool(self.profile.hold_seconds)
        return len(self.definition.cells) * self.profile.workers + searches + holds

    def go(self, steps: Steps) -> Outcome:
        """Measure. An interrupt ends the run and keeps the workers and searches that are done."""
        (self.folder / "server").mkdir(parents=True, exist_ok=True)
        self._save()
        interrupted = False
        previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            for number in range(self.profile.workers):
                self._work(number, steps)
            if self.profile.searches:
                with contextlib.closing(MemoryInUse(self.folder)) as memory:
                    self._search(steps, partial(memory.fill, steps.doing))
        except KeyboardInterrupt:
            interrupted = True
        finally:
            signal.signal(signal.SIGTERM, previous)
        for fault in self.note["faults"]:
            line = f"{fault['arm']}: {fault['status']} in {fault['cell']}: {fault['reason']}"
            if line not in self.problems:
                self.problems.append(line)
        self.note["status"] = "interrupted" if interrupted else "complete"
        self.note["finished"] = _now()
        self._save()
        return Outcome(self.folder, interrupted, self.note["workers"], self.problems)

    def _work(self, number: int, steps: Steps) -> None:
        """One worker: every cell with fresh servers, on CPUs that change places from worker to worker."""
        draw = random.Random(f"{self.seed}-{number}")
        cells = list(self.definition.cells)
        draw.shuffle(cells)
        rows: list[tuple[Any, ...]] = []
        with self._placed(number) as cpu:
            place = Place(number, cpu, self.profile.slot_seconds, self.profile.blocks, self.fallback)
            for cell in cells:
                steps.advance(f"worker {number + 1} of {self.profile.workers}: server {cell.name}")
                arms = [name for name in cell.arms if name not in self.unusable]
                found, faults = run_cell(
                    cell, self.definition.baseline, arms, place, self.recording, f"{self.seed}-{number}-{cell.name}"
                )
                rows += found
                self._fault(faults, steps)
        path = self.folder / "server" / f"worker-{number:03d}.parquet"
        pd.DataFrame(rows, columns=list(COLUMNS)).to_parquet(path, compression="zstd", index=False)
        self.note["workers"] += 1
        self._save()

    def _search(self, steps: Steps, prepare: Callable[[], int]) -> None:
        """Search for the calls per core of every mix, in turns, and hold what was found."""
        draw = random.Random(f"{self.seed}-capacity")
        pairs, found = self.searched, {pair: list[int]() for pair in self.searched}
        for repeat in range(self.profile.searches):
            draw.shuffle(pairs)
            for form, mix in pairs:
                steps.advance(f"calls per core, search {repeat + 1} of {self.profile.searches}: {mix} ({form})")
                last = found[form, mix][-1:]
                first = max(FEWEST_CALLS, round(last[0] * AGAIN)) if last else FIRST_CALLS
                with self._placed(repeat) as cpu:
                    rungs = self._searching(form, cpu, prepare).run(Mix.parse(mix), repeat, first)
                found[form, mix].append(carried(rungs))
                self._keep("rungs", rungs)
        for form, mix in self.held if self.profile.hold_seconds else ():
            calls = round(median(found[form, mix])) if found[form, mix] else 0
            steps.advance(f"{calls} calls for {self.profile.hold_seconds:.0f} s: {mix} ({form})")
            if not calls:
                continue
            with self._placed(0) as cpu:
                search = self._searching(form, cpu, prepare)
                self._keep("held", search.hold(Mix.parse(mix), calls, self.profile.hold_seconds))
                self._sample(search, mix, calls // 2, steps)

    def _sample(self, search: Search, mix: str, calls: int, steps: Steps) -> None:
        """Sample where the time of a mix goes at half of what it carries."""
        try:
            samples = search.profile(Mix.parse(mix), calls)
        except LabError as error:
            steps.say(f"{mix}: where its time goes was not sampled: {error}")
            return
        self.note["sampled"].append({"format": search.form.name, "mix": mix, "calls": calls, "samples": samples})
        self._save()

    def _searching(self, form: str, cpu: int | None, prepare: Callable[[], int]) -> Search:
        bound = next(part.lag_ms for part in self.definition.capacity if part.format == form)
        return Search(FORMATS[form], bound, self.recording, self.profile.rung_seconds, cpu, self.fallback, prepare)

    def _keep(self, kind: str, rungs: list[Rung]) -> None:
        self.note[kind] += [rung.as_data() for rung in rungs]
        self._save()

    @contextlib.contextmanager
    def _placed(self, number: int) -> Iterator[int | None]:
        """Put the caller, which is this process, on one CPU, and name another for the server."""
        if len(self.cpus) < 2:
            yield None
            return
        os.sched_setaffinity(0, {self.cpus[(number + 1) % len(self.cpus)]})
        try:
            yield self.cpus[number % len(self.cpus)]
        finally:
            os.sched_setaffinity(0, self.cpus)

    def _fault(self, faults: list[Fault], steps: Steps) -> None:
        for fault in faults:
            data = asdict(fault)
            if data not in self.note["faults"]:
                self.note["faults"].append(data)
                steps.say(f"{fault.arm}: {fault.status} in {fault.cell}: {fault.reason}")

    def _save(self) -> None:
        part = self.folder / "server.json.part"
        part.write_text(json.dumps(self.note, indent=1) + "\n", encoding="utf-8")
        part.replace(self.folder / "server.json")


def _checked(mixes: dict[str, Mix]) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Mixes whose implementation cannot be used, with the reason, and the BUILD of each that can."""
    names = dict.fromkeys(mix.implementation for mix in mixes.values() if mix.implementation)
    rows = {row.name: row for row in registry.load_all(names)}
    unusable = {
        name: f"{row.status}: {row.reason}"
        for name, mix in mixes.items()
        if mix.implementation and (row := rows[mix.implementation]).status is not Status.READY
    }
    return unusable, {name: dict(row.build) for name, row in rows.items() if row.status is Status.READY}


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
