"""A run of probes in which the truth is known, as it is read back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from callbot_lab.probes import probe
from callbot_lab.probes.recorded import ProbeData
from callbot_lab.probes.threads import IDLE, MACHINE, NOBODY, ONE, TWO, WAIT

from .synthetic import ENVIRONMENT

PYTHON, RUST = "python-report", "rust-report"
LANGUAGES = {PYTHON: "python", RUST: "rust", "python": "python", "cython": "cython", "rust": "rust"}
PROCESSES = 6


def latency(tail: Mapping[str, float]) -> pd.DataFrame:
    """Times of two designs with the median at 1,000 ns; `tail` is p99 through p50."""
    draw, rows = np.random.default_rng(5), []
    for job in range(PROCESSES):
        for arm, factor in {"(clock)": 1.1, "(wait 1 us)": 1.2, "(wait 10 us)": 1.2, **tail}.items():
            own = draw.normal(1, 0.01)
            for ns, count in ((1000, 9800), (int(1000 * factor * own), 220)):
                rows.append((job, arm, "append", "callbot", ns, count))
    return pd.DataFrame(rows, columns=["job", "arm", "operation", "size", "ns", "count"])


def memory(reserved: float, reallocations: Mapping[str, float]) -> pd.DataFrame:
    """Looks at buffers: what grows needs 1 MiB a call at its peak, what is reserved `reserved` times as much."""
    rows, job = [], 0
    for arm, told in reallocations.items():
        for calls in (1, 100):
            for storage in ("reserved", "grown", "reused"):
                for _ in range(3):
                    peak = calls * 2**20 * (reserved if storage != "grown" else 1.0)
                    for phase, share in (("before", 0.0), ("opened", 0.0), ("filling", 0.5), ("filling", 1.0)):
                        size = int(2**25 + share * peak)
                        about = {"job": job, "arm": arm, "calls": calls, "storage": storage, "phase": phase}
                        sizes = dict.fromkeys(("rss", "private", "rss_peak", "virtual", "capacity"), size)
                        held = {"held": int(share * calls * 1536 * 1280), "minor_faults": int(share * 500)}
                        rows.append(about | sizes | held | {"major_faults": 0, "reallocations": share * calls * told})
                    job += 1
    return pd.DataFrame(rows)


def threads(scaling: Mapping[str, float], control: float = 2.0) -> pd.DataFrame:
    """Throughputs of one and two threads at two sizes; `scaling` is the truth for every arm."""
    draw, rows = np.random.default_rng(7), []
    for job in range(2 * PROCESSES):
        about = {"job": job, "size": (1280, 32768)[job % 2], "position": 0, "reason": None}
        for number in range(3):
            late = {"round": number, "chunks": 0, "wall_ns": 1, "cpu_ns": 1, "late_ns": np.array([60_000] * 3)}
            rows.append({**about, **late, "arm": NOBODY, "kind": IDLE})
            for arm, factor in {MACHINE: control, **scaling}.items():
                for kind, chunks, speed in ((ONE, 100, 1.0), (TWO, 200, factor)):
                    wall = int(chunks * 1000 / speed * np.exp(draw.normal(0, 0.01)))
                    timed = {"kind": kind, "chunks": chunks, "wall_ns": wall, "cpu_ns": wall, "late_ns": None}
                    rows.append({**about, "round": number, "arm": arm, **timed})
                if arm != MACHINE:
                    rows.append({**about, **late, "arm": arm, "kind": WAIT})
    return pd.DataFrame(rows)


def ownership(lines: Mapping[str, float]) -> pd.DataFrame:
    """Lines of code, and a few more quantities, by arm."""
    rows = []
    for job, (arm, count) in enumerate(lines.items()):
        for quantity, value, unit in (
            ("clean build", count / 100, "s"),
            ("wheel", count * 100, "bytes"),
            ("import", 0.01, "s"),
            ("lines in all", count, "lines"),
            ("tools", 3.0, "tools"),
        ):
            row = {"job": job, "arm": arm, "quantity": quantity, "value": value, "unit": unit}
            rows.append(row | {"text": "", "method": "counted", "repetition": 0})
    return pd.DataFrame(rows)


def instructions(counts: Mapping[str, float]) -> pd.DataFrame:
    """Instructions of a chunk that is appended, by arm; the native part is 300 less."""
    rows = []
    for job, (arm, count) in enumerate(counts.items()):
        about = {"job": job, "arm": arm, "operation": "append", "size": "callbot", "repetition": 0, "status": "ready"}
        how = {"reason": "", "method": "callgrind", "tool": "valgrind 3", "kernel": "avx2", "build": "x", "python": "y"}
        values = {"instructions": count, "branches": count / 10, "native_instructions": count - 300}
        rest = {"turns": 4, "chunks": 64, "native_branches": count / 20, "mispredicts": None}
        rows.append(about | how | values | rest)
    return pd.DataFrame(rows)


def probe_data(folder: Path, **rows: pd.DataFrame) -> ProbeData:
    """A run of probes with those rows."""
    arms = [
        {"name": name, "kind": "implementation", "build": {"language": language}}
        for name, language in LANGUAGES.items()
    ]
    note: dict[str, Any] = {
        "status": "complete",
        "profile": "full",
        "probes": [{**probe.read(name).data, "name": name} for name in rows],
        "arms": arms,
        "faults": [],
        "environment": ENVIRONMENT,
        "warnings": [],
    }
    return ProbeData(folder / "20260101T000000Z-full", note, rows)


def whole(folder: Path, **changed: pd.DataFrame) -> ProbeData:
    """All probes; what is not given is as the report says."""
    rows = {
        "latency": latency({PYTHON: 6.0, RUST: 3.0}),
        "memory": memory(0.5, {PYTHON: 153.6, RUST: 0.0}),
        "threads": threads({"python": 1.0, "cython": 1.0, "rust": 1.9}),
        "ownership": ownership({"python": 300, "cython": 700, "rust": 1500}),
        "instructions": instructions({"python": 9000, "cython": 900, "rust": 800}),
    }
    return probe_data(folder, **(rows | changed))
