"""Runs whose true ratios are known, as the files that measure.py and worker.py write."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from callbot_lab.experiment import Cell, Experiment, Step
from callbot_lab.measure import SCHEMA, Profile
from callbot_lab.operations import name_of
from callbot_lab.worker import EMPTY, NULL, Columns
from callbot_lab.workload import parse_size

CHUNKS = {"warm": 256, "level": 256, "pass": 2564, "hot": 64}
BASE_NS = 2000.0
"""Nanoseconds that the baseline takes for a chunk."""

EMPTY_NS = 20.0
LANGUAGES = {
    "stdlib": ("c", "cpython"),
    "library": ("c", "cpython"),
    "plain": ("python", "none"),
    "plain-fast": ("python", "none"),
    "report-a": ("python", "none"),
    "memcpy": ("c", "cpython"),
    "python-report": ("python", "none"),
    "orjson+library": ("rust, c", "cpython"),
    "python-report-strict": ("python", "none"),
    "python-report-reserved": ("python", "none"),
}
"""Language and binding of arms; any other is the start of its name, and compiled."""

REFERENCES = {
    "library": {"contract": "decode", "kernel": "libfast"},
    "stdlib": {"contract": "decode", "kernel": "b64decode"},
    "memcpy": {"contract": "decode", "kernel": "memcpy", "input": "pcm"},
    "orjson+library": {"contract": "decode", "kernel": "libfast"},
    "rust-pyo3": {"contract": "decode"},
    "python-report-strict": {"contract": "report"},
    "python-report-reserved": {"contract": "report"},
}
"""What the arms that are no implementations say of themselves besides."""


@dataclass(frozen=True)
class Plan:
    """An experiment with the true ratio of every arm; an arm without one is given a status in `lacking`."""

    name: str = "best"
    baseline: str = "plain"
    ratios: Mapping[str, float] = field(default_factory=dict)
    lacking: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    cells: Sequence[Cell] = (Cell("append", "callbot", "warm"),)
    margin: float = 0.1
    changes: Mapping[str, str] = field(default_factory=dict)
    """Of an ablation: what each arm changes; the baseline starts it."""
    report: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    """Of an experiment on the boundary: what its arms are compared with."""
    costs: Mapping[str, Callable[[int], float]] = field(default_factory=dict)
    """Nanoseconds of an arm for a chunk of so many bytes, where that depends on the size; with the baseline's."""

    def experiment(self) -> Experiment:
        """The definition that goes into run.json."""
        steps = tuple(Step(arm, change, f"What {change} means.") for arm, change in self.changes.items())
        names = self.changes or dict.fromkeys((*self.ratios, *self.costs, *self.lacking))
        arms = tuple(name for name in names if name != self.baseline)
        about = (self.name, f"What about {self.name}?", self.baseline)
        return Experiment(
            *about, arms, tuple(self.cells), self.margin, steps=steps, report=self.report, against=self.against
        )


REPRODUCE_CELLS = tuple(
    Cell(operation, "callbot", pool) for pool in ("warm", "pass") for operation in ("decode", "process")
)


def reproduce(ratio: float, **more: Any) -> Plan:
    """The report's two designs, with a true ratio."""
    return Plan("reproduce", "report-a", {"rust-report": ratio}, cells=REPRODUCE_CELLS, **more)


STEPS = {
    "python-report@process": ("start", 1.0),
    "python-report-strict@process": ("validation", 0.8),
    "python-report-reserved@process": ("growth", 1.05),
    "cython-report@process": ("compiled", 5.0),
    "rust-report@process": ("language", 1.2),
    "rust-report-inplace@process": ("in place", 1.1),
    "rust-report-simd@process": ("algorithm", 2.0),
    "rust-pyo3@process": ("container", 0.9),
    "rust@process": ("binding", 1.15),
    "rust@append": ("lookup", 1.3),
    "rust@extend": ("batching", 1.25),
}
"""An ablation: every step with what it changes and how many times as fast that makes it."""

LADDER_CELLS = tuple(
    Cell(operation, "callbot", "warm") for operation in ("noop", "accept", "allocate", "copy", "decode", "append")
)


def ablation(lacking: Mapping[str, tuple[str, str]] | None = None, **factors: float) -> Plan:
    """The ablation of STEPS; a keyword sets the true ratio of the step of that change (`in_place` for `in place`)."""
    true = {arm: factors.pop(change.replace(" ", "_"), factor) for arm, (change, factor) in STEPS.items()}
    assert not factors
    ratios, so_far = {}, 1.0
    for arm, factor in true.items():
        so_far *= factor
        ratios[arm] = so_far
    changes = {arm: change for arm, (change, _) in STEPS.items()}
    baseline, *arms = changes
    return Plan(
        "ablation",
        baseline,
        {arm: ratios[arm] for arm in arms if arm not in (lacking or {})},
        lacking or {},
        cells=[Cell("process", "callbot", pool) for pool in ("warm", "pass")],
        margin=0.03,
        changes=changes,
        report=("python-report@process", "rust-report@process"),
    )


def matched(rust_over_cython: float = 1.0, **more: Any) -> Plan:
    """Three kernels in two languages, with a library and a bound."""
    kernels = {"scalar": 8.0, "avx2": 20.0, "avx512": 26.0}
    ratios = {f"cython-{kernel}": ratio for kernel, ratio in kernels.items()}
    ratios |= {f"rust-{kernel}": ratio * rust_over_cython for kernel, ratio in kernels.items()}
    cells = (Cell("append", "callbot", "warm"), Cell("extend", "callbot", "hot"), Cell("decode", "callbot", "warm"))
    return Plan(
        "matched", "stdlib", {**ratios, "library": 6.0, "memcpy": 40.0}, cells=cells, **{"margin": 0.03, **more}
    )


def boundary(step: float = 3.0, rust: float = 1.1, **more: Any) -> Plan:
    """Two languages with native code at three boundaries, a step and a ratio between them, and Python at two."""
    operations = ("parse-decode", "parse-append", "ingest")
    ratios = {"orjson+library@parse-decode": 4.0, "plain@parse-decode": 1.0, "plain@ingest": 0.5}
    for place, operation in enumerate(operations):
        ratios |= {f"cython@{operation}": 2.0 * step**place, f"rust@{operation}": 2.0 * step**place * rust}
    lacking = more.get("lacking", {})
    return Plan(
        "boundary",
        "stdlib@parse-decode",
        {arm: ratio for arm, ratio in ratios.items() if arm not in lacking},
        cells=[Cell("parse-decode", size, "warm") for size in ("callbot", "twilio")],
        against=("stdlib@parse-decode", "orjson+library@parse-decode"),
        **more,
    )


def ladder(rust: float = 1.0, pyo3: float = 0.7, **more: Any) -> Plan:
    """Cython's rungs against those of two ways to bind Rust."""
    return Plan("ladder", "cython", {"rust": rust, "rust-pyo3": pyo3}, cells=LADDER_CELLS, margin=0.03, **more)


RUNG_NS = {"noop": 25.0, "accept": 35.0, "allocate": 60.0, "copy": 90.0, "decode": 180.0, "append": 160.0}
"""Nanoseconds of the ladder's baseline; of any other operation BASE_NS."""


def make_run(
    folder: Path,
    plans: Sequence[Plan],
    *,
    workers: int = 12,
    planned: int | None = None,
    blocks: int = 8,
    between: float = 0.01,
    within: float = 0.03,
    drift: float = 0.2,
    null_ratio: float = 1.0,
    status: str = "complete",
    warnings: Sequence[str] = ("virtual machine: trust ratios",),
    lost: Sequence[dict[str, Any]] = (),
    recorded_faults: bool = True,
    seed: int = 7,
) -> Path:
    """Write a run and return its folder.

    `between` is the standard deviation of an arm's log ratio over workers, `within` that of single slots, `drift` that
    of blocks. Workers also differ as a whole, as real ones do. With `recorded_faults` the slots of lacking arms whose
    status is `wrong output` are in the files: the reader has to leave them out.
    """
    random = np.random.default_rng(seed)
    slots = folder / "slots"
    slots.mkdir(parents=True)
    for worker in range(workers):
        columns = Columns()
        pace = float(np.exp(random.normal(0, 0.1)))
        faults = []
        for plan in plans:
            spoiled = {
                name: 3.456 for name, why in plan.lacking.items() if why[0] == "wrong output" and recorded_faults
            }
            for cell in plan.cells:
                true = {plan.baseline: 1.0, NULL: null_ratio, **plan.ratios, **spoiled}
                base = RUNG_NS[cell.operation] if plan.name == "ladder" else BASE_NS
                times = {name: base / ratio for name, ratio in true.items()} | {EMPTY: EMPTY_NS}
                size = parse_size(cell.size).chunk_bytes
                times |= {name: cost(size) for name, cost in plan.costs.items()}
                times[NULL] = times[plan.baseline] / null_ratio
                times = {name: ns * pace * np.exp(random.normal(0, between)) for name, ns in times.items()}
                columns.rows += _slots(plan.name, cell, times, blocks, within, drift, random)
                for name in spoiled:
                    place = {"experiment": plan.name, "cell": cell.name, "arm": name}
                    faults.append({**place, "status": "wrong output", "reason": "its output differs after timing"})
        stem = slots / f"worker-{worker:03d}"
        columns.write(stem.with_suffix(".parquet"), worker)
        stem.with_suffix(".json").write_text(json.dumps(_worker_note(worker, faults)), encoding="utf-8")
    profile = Profile("quick", planned or workers, blocks, 2.0)
    note = _run_note(plans, profile, workers, status, list(warnings), list(lost))
    (folder / "run.json").write_text(json.dumps(note), encoding="utf-8")
    return folder


def verification(*conforming: str, failing: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What the conformance suite says, with two sections."""
    good = {"passed": 12, "failed": 0, "skipped": 1, "first": ""}
    found: dict[str, Any] = {
        name: {"contract": "full", "status": "conforms", "reason": "", "sections": {"decode": good, "errors": good}}
        for name in conforming
    }
    for name, message in (failing or {}).items():
        bad = {"passed": 9, "failed": 3, "skipped": 0, "first": message}
        found[name] = {
            "contract": "full",
            "status": "fails",
            "reason": f"3 of 24 tests fail, the first: {message}",
            "sections": {"decode": bad, "errors": good},
        }
    return {"sections": ["decode", "errors"], "implementations": found}


def _slots(
    experiment: str,
    cell: Cell,
    times: Mapping[str, float],
    blocks: int,
    within: float,
    drift: float,
    random: np.random.Generator,
) -> list[tuple[str, str, str, int, int, int, int, int, int]]:
    rows = []
    order = list(times)
    chunks = CHUNKS[cell.pool]
    for block in range(blocks):
        random.shuffle(order)
        pace = float(np.exp(random.normal(0, drift)))
        for position, name in enumerate((*order, *reversed(order))):
            wall = int(times[name] * chunks * pace * np.exp(random.normal(0, within)))
            rows.append((experiment, cell.name, name, block, position, 1, chunks, wall, wall))
    return rows


def _worker_note(worker: int, faults: list[dict[str, str]]) -> dict[str, Any]:
    counters = ("voluntary_switches", "involuntary_switches", "minor_faults", "major_faults", "steal_s")
    about = {"worker": worker, "seed": f"1-{worker}", "cpu": 0, "started": 0.0, "seconds": 1.0, "complete": True}
    return {**about, "faults": faults, **dict.fromkeys(counters, 0)}


def _arm(name: str, status: str, reason: str) -> dict[str, Any]:
    language, binding = LANGUAGES.get(name, (name.split("-")[0], "native"))
    build = {"language": language, "binding": binding, "compiler": "cc", "flags": "-O3"}
    kernel = name.rpartition("-")[2]
    build["kernel"] = kernel if kernel in ("avx2", "avx512") else "scalar"
    contract = "report" if "report" in name else "full"
    build |= {"profile": "release", "version": "0.1.0", "contract": contract, **REFERENCES.get(name, {})}
    kind = "reference" if name in REFERENCES else "implementation"
    origin = "lab 1" if binding == "cpython" else f"{language} 1"
    return {"name": name, "kind": kind, "origin": origin, "status": status, "reason": reason, "build": build}


def _run_note(
    plans: Sequence[Plan], profile: Profile, done: int, status: str, warnings: list[str], lost: list[dict[str, Any]]
) -> dict[str, Any]:
    arms, missing = {}, []
    for plan in plans:
        for name in map(name_of, (plan.baseline, *plan.ratios, *plan.costs)):
            arms[name] = _arm(name, "ready", "")
        for name, (why, reason) in plan.lacking.items():
            # An arm that fails only while it is timed was ready when the run began.
            bare = name_of(name)
            arms[bare] = _arm(bare, "ready", "") if why == "wrong output" else _arm(bare, why, reason)
            for cell in plan.cells:
                place = {"experiment": plan.name, "cell": cell.name, "arm": name}
                missing.append({**place, "status": why, "reason": reason})
    return {
        "schema": SCHEMA,
        "status": status,
        "started": "2026-01-02T03:04:05+00:00",
        "finished": "2026-01-02T03:14:05+00:00",
        "profile": asdict(profile),
        "seed": 1,
        "input": {"name": "speech-16k.wav", "sha256": "0" * 64, "rate": 16000},
        "experiments": [plan.experiment().as_data() for plan in plans],
        "arms": list(arms.values()),
        "missing": missing,
        "workers": {"done": done, "lost": lost},
        "environment": ENVIRONMENT,
        "warnings": warnings,
    }


ENVIRONMENT: dict[str, Any] = {
    "python": {
        "implementation": "CPython",
        "version": "3.11.7",
        "compiler": "GCC 12.2.0",
        "configure": ["--enable-shared"],
        "pgo": "no",
        "lto": "no",
        "shared": True,
        "debug": False,
        "gil": True,
    },
    "cpu": {
        "name": "Example CPU",
        "architecture": "x86_64",
        "logical": 2,
        "physical": 2,
        "isa": ["ssse3", "avx2"],
        "governor": "unknown",
        "hypervisor": True,
    },
    "system": {"kernel": "Linux 6.1", "libc": "glibc 2.36", "virtualisation": "kvm", "memory_bytes": 8 * 2**30},
    "tools": {"cc": "cc 12.2.0", "rustc": "", "cargo": ""},
    "packages": {"numpy": "2.4.6", "cython": "not installed"},
    "commit": {"revision": "0123456789abcdef0123456789abcdef01234567", "dirty": True},
    "locks": {"base.txt": "0" * 64},
    "load": [0.2, 0.3, 0.1],
}
