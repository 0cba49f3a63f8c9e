"""Runs of whole servers whose true costs are known, as the files that serverlab.run writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from callbot_lab.server.parsers import INGEST
from callbot_lab.serverlab import definition
from callbot_lab.serverlab.mix import Mix
from callbot_lab.serverlab.paced import COLUMNS
from callbot_lab.serverlab.run import SCHEMA
from callbot_lab.worker import NULL
from callbot_lab.workload import FORMATS

BEST = definition.read().report["best"]

RECEIVE = {"fastapi": 30.0, "websockets": 26.0, "picows": 8.0}
PARSE = {"json": 10.0, "orjson": 5.0, "msgspec": 5.5}
STORE = {"python": 8.0, "python-pybase64": 5.0, "cython": 2.0, "rust": 2.0, "python-report": 7.0, "rust-report": 4.0}
"""Microseconds that the parts of a message take; `store` may be changed by implementation."""

INGEST_US = {"python": 20.0, "cython": 2.2, "rust": 2.0}
"""The same of a message that an implementation takes whole, with its journal."""

SAMPLES = {"kernel": 500, "interpreter": 300, "implementation": 200, "parser": 0}

CORE_US = 0.9e6
"""Microseconds of a second in which a core can serve calls of 25 messages a second."""

LANGUAGES = {"python-pybase64": "python", "python-report": "python", "rust-report": "rust"}


def cost_us(mix: Mix, store: Mapping[str, float] = STORE) -> float:
    """The true cost of a message."""
    if mix.parser == INGEST:
        return RECEIVE[mix.server] + INGEST_US[mix.implementation]
    return (
        RECEIVE[mix.server] + PARSE.get(mix.parser, 0.0) + store.get(mix.implementation, 0.0) * (1 + 0.1 * mix.journal)
    )


def make_server_run(
    folder: Path,
    *,
    workers: int = 6,
    searches: int = 4,
    noise: float = 0.02,
    store: Mapping[str, float] = STORE,
    lacking: tuple[str, ...] = (),
    **more: Any,
) -> Path:
    """Write a run of the experiment as it ships, on a machine whose pace wanders; `more` goes into its note."""
    plan = definition.read()
    draw = np.random.default_rng(7)
    (folder / "server").mkdir(parents=True)
    for worker in range(workers):
        rows = []
        for cell in plan.cells:
            pace = draw.lognormal(0, 0.3)
            arms = [arm for arm in (plan.baseline, NULL, *cell.arms) if arm not in lacking]
            for position, arm in enumerate([*arms, *reversed(arms)]):
                us = cost_us(Mix.parse(plan.baseline if arm == NULL else arm), store)
                cpu = int(1e3 * us * 1600 * pace * draw.lognormal(0, noise))
                place = (worker, "server", cell.name, arm, 0, position)
                rows.append((*place, 1, 1600, 10**9, cpu, int(0.7 * cpu), int(0.3 * cpu)))
        table = pd.DataFrame(rows, columns=list(COLUMNS))
        table.to_parquet(folder / "server" / f"worker-{worker:03d}.parquet", index=False)
    pairs = [(part.format, mix) for part in plan.capacity for mix in part.mixes if mix not in lacking]
    rungs = []
    for repeat in range(searches):
        pace = draw.lognormal(0, 0.1)
        for form, name in pairs:
            most = true_calls(form, name, store) / pace * draw.lognormal(0, noise)
            rungs += [_rung(form, name, repeat, int(most * share), share <= 1) for share in (0.5, 1.0, 1.05)]
    held = [_rung(form, name, -1, int(true_calls(form, name, store)), True) for form, name in pairs]
    builds = {name: {"language": LANGUAGES.get(name, name)} for name in store}
    for build in builds.values():
        build["binding"] = "none" if build["language"] == "python" else build["language"]
    note = {
        "schema": SCHEMA,
        "status": "complete",
        "started": "2026-01-02T00:00:00+00:00",
        "finished": "2026-01-02T01:00:00+00:00",
        "definition": plan.as_data(),
        "profile": {"name": "full", "hold_seconds": 60.0},
        "seed": 1,
        "input": {"name": "speech-16k.wav", "sha256": "0", "rate": 16_000},
        "unusable": dict.fromkeys(lacking, "unavailable: for a test"),
        "builds": builds,
        "faults": [],
        "workers": workers,
        "rungs": rungs,
        "held": held if searches else [],
        "sampled": [{"format": "callbot", "mix": BEST, "calls": 900, "samples": SAMPLES}] if searches else [],
        "environment": {
            "cpu": {"name": "Other CPU"},
            "python": {"implementation": "CPython", "version": "3.12.0", "pgo": "yes"},
            "commit": {"revision": "0123456789abcdef", "dirty": False},
        },
        "warnings": [],
    }
    (folder / "server.json").write_text(json.dumps(note | more), encoding="utf-8")
    return folder


def true_calls(form: str, mix: str, store: Mapping[str, float] = STORE) -> float:
    """Calls that one core carries."""
    return CORE_US / (1e3 / FORMATS[form].milliseconds * cost_us(Mix.parse(mix), store))


def _rung(form: str, mix: str, repeat: int, calls: int, passed: bool) -> dict[str, Any]:
    return {
        "mix": mix,
        "format": form,
        "repeat": repeat,
        "calls": calls,
        "seconds": 8.0,
        "passed": passed,
        "reason": "" if passed else "late",
        "lag_p50": 1.0,
        "lag_p99": 12.0 if passed else 90.0,
        "lag_p999": 20.0,
        "caller_late_p99": 1.0,
        "caller_share": 0.5,
        "server_share": 0.9,
    }
