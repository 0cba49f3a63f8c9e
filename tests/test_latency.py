"""Each chunk's time is kept, a tail shows where it is, and what is wrong has no times."""

from __future__ import annotations

import gc
import random
import resource
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from callbot_lab.errors import LabError
from callbot_lab.paths import SPEECH
from callbot_lab.probes import latency, probe
from callbot_lab.probes.latency import APPEND, CALL_CHUNKS, CALLS, CONTROLS, DECODE, FRESH, RUN
from callbot_lab.probes.latency_summary import quantiles
from callbot_lab.registry import load_all
from callbot_lab.workload import cut, parse_size, read_recording

from . import packages

Install = Callable[..., Path]
CHUNKS = CALLS * CALL_CHUNKS

STALLS = (
    packages.GOOD
    + """
import time
_right, _count = decode, 0
def decode(chunk, /):
    global _count
    _count += 1
    if _count % 200 == 0:
        time.sleep(0.0005)
    return _right(chunk)
"""
)

FORGETS_LATER = (
    packages.GOOD
    + """
_Right, _count = AudioBuffer, 0
class AudioBuffer(_Right):
    __slots__ = ()
    def append(self, chunk, /):
        global _count
        _count += 1
        return 0 if _count % 5000 == 0 else super().append(chunk)
"""
)
"""Its buffer is right until long after the timing began."""


def perform(*arms: str, operation: str = DECODE, **settings: Any) -> pd.DataFrame:
    """The rows of one job, in this process."""
    job = {"operation": operation, "arms": list(arms), "size": "callbot", "number": 3, "input": str(SPEECH)}
    rows = latency.perform(job, lambda text: None, **settings)
    return pd.DataFrame([{"job": 3, **row} for row in rows])


def at(rows: pd.DataFrame, arm: str, quantile: float) -> float:
    found = quantiles(rows).set_index(["arm", "quantile"])
    return float(found.loc[(arm, quantile), "ns"])


def test_a_rare_stall_is_in_the_tail_and_not_in_the_middle(install: Install) -> None:
    install("stalls", STALLS)
    rows = perform("stalls", "python")
    # Half a millisecond at the least in one call of 200, and microseconds in the others.
    assert at(rows, "stalls", 0.999) >= 500_000
    assert at(rows, "stalls", 0.5) < 100_000
    slow = rows[(rows["arm"] == "stalls") & (rows["ns"] >= 500_000)]["count"].sum()
    assert slow >= CHUNKS // 200


@pytest.mark.parametrize("operation", latency.OPERATIONS)
def test_the_counts_add_up_to_the_chunks_for_every_arm(operation: str) -> None:
    enabled = gc.isenabled()
    rows = perform("python", "python-report", operation=operation)
    assert gc.isenabled() == enabled
    counts = rows.groupby("arm")["count"].sum().to_dict()
    assert counts == dict.fromkeys([*CONTROLS, "python", "python-report"], CHUNKS)
    assert set(rows["operation"]) == {operation}
    assert not rows.duplicated(["arm", "ns"]).any()
    assert list(rows.columns[1:]) == latency.COLUMNS.names


def test_nothing_but_the_call_is_timed() -> None:
    # A clock that goes on by 700 at every reading, and which the arm itself moves by 1,000.
    now = [0]

    def clock() -> int:
        now[0] += 700
        return now[0]

    class Subject:
        @staticmethod
        def decode(chunk: bytes) -> bytes:
            now[0] += 1000
            return chunk

    (row,) = load_all(["python"])
    row = replace(row, subject=Subject)
    pool = [b"a"] * CALL_CHUNKS
    arms = [*latency.bind_controls(pool, clock), latency.bind(row, DECODE, pool, clock)]
    latency.time_arms(arms, pool, DECODE, random.Random(1))
    # A wait ends with the first reading past it, and then comes the one that counts.
    assert [set(arm.times) for arm in arms] == [{700}, {2100}, {11_200}, {1700}]


def test_arms_take_turns_in_a_changing_order() -> None:
    order: list[str] = []
    arms = latency.bind_controls([b""] * CALL_CHUNKS, lambda: 0)[:1] * 3

    def told(name: str) -> Callable[..., None]:
        return lambda chunks, position, call: order.append(f"{name} {position} {len(chunks)}")

    named = [
        latency.Timed(name, arm.pool, arm.times, told(name), arm.open, arm.close)
        for name, arm in zip("abc", arms, strict=True)
    ]
    latency.time_arms(named, [b""] * CALL_CHUNKS, DECODE, random.Random(1))
    rounds = [order[start : start + 3] for start in range(3, len(order), 3)]
    assert len(rounds) == CHUNKS // RUN
    for number, one in enumerate(rounds):
        assert sorted(one) == [f"{name} {number * RUN} {RUN}" for name in "abc"]
    assert len({tuple(name[0] for name in one) for one in rounds}) == 6


def test_wrong_output_is_an_error_before_and_in_timing(install: Install) -> None:
    install("wrong", packages.WRONG_LATER)
    with pytest.raises(LabError, match=r"^wrong: wrong output of decode before timing$"):
        perform("wrong")
    install("forgets", FORGETS_LATER)
    for operation in (APPEND, FRESH):
        with pytest.raises(LabError, match=f"^forgets: wrong output of {operation} in timing$"):
            perform("forgets", operation=operation)
    assert gc.isenabled()


def test_an_arm_that_is_not_there_is_an_error() -> None:
    with pytest.raises(LabError, match="nobody: unknown"):
        perform("nobody")
    with pytest.raises(LabError, match="unknown operation 'process' of latency"):
        perform("python", operation="process")


def test_only_fresh_buffers_take_page_faults() -> None:
    pytest.importorskip("callbot_cython")
    pages = CHUNKS * 1280 // resource.getpagesize()
    found = {}
    for operation in (APPEND, FRESH):
        faults: list[int] = []

        def clock(faults: list[int] = faults) -> int:
            faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
            return 20_000 * len(faults)

        (row,) = load_all(["cython"])
        whole = cut(read_recording(SPEECH), parse_size("callbot"))
        arm = latency.bind(row, operation, whole.texts[:CALL_CHUNKS], clock)
        latency.time_arms([arm], whole.pcm[:CALL_CHUNKS], operation, random.Random(1))
        # What came between the two readings around a call, after the arm was tried.
        readings = faults[-2 * CHUNKS :]
        found[operation] = sum(b - a for a, b in zip(readings[::2], readings[1::2], strict=True))
    assert found[FRESH] >= 0.5 * pages
    assert found[APPEND] < 0.1 * pages


def test_quantiles_are_times_that_were_measured_and_intervals_know_processes() -> None:
    def job(number: int, **counts: int) -> Iterator[dict[str, Any]]:
        about = {"job": number, "operation": "decode", "size": "callbot", "arm": "a"}
        return (about | {"ns": int(ns[1:]), "count": count} for ns, count in counts.items())

    one = pd.DataFrame(job(0, n1=500, n2=400, n3=90, n4=9, n5=1))
    found = quantiles(one)
    assert found["ns"].tolist() == [1, 2, 3, 4, 5]
    assert found[["low", "high"]].isna().all(axis=None)
    assert set(found["chunks"]) == {1000}
    # Nine calm processes and one with a tail: the tail may be drawn several times, or not at all.
    calm = [row for number in range(9) for row in job(number, n1=1000)]
    found = quantiles(pd.DataFrame([*calm, *job(9, n1=980, n9=20)])).set_index("quantile")
    assert found.loc[0.5, ["ns", "low", "high"]].tolist() == [1, 1, 1]
    assert found.loc[0.999, ["ns", "low", "high"]].tolist() == [9, 1, 9]
    assert found["processes"].tolist() == [10] * 5
    assert pd.isna(found.loc[1.0, "low"])


def test_every_profile_but_the_glance_has_enough_chunks() -> None:
    definition = probe.read("latency")
    rows = load_all(["python", "stdlib"])
    for profile in ("glance", "quick", "full"):
        jobs = latency.jobs(definition, rows, profile)
        for operation in latency.OPERATIONS:
            here = [job for job in jobs if job["operation"] == operation]
            assert profile == "glance" or len(here) * CHUNKS >= 100_000
            # A bare decoder has no buffer to append to.
            assert here[0]["arms"] == (["python", "stdlib"] if operation == DECODE else ["python"])


def test_the_table_has_a_line_for_every_arm() -> None:
    rows = perform("python")
    assert latency.table(rows).row_count == len(CONTROLS) + 1
    assert latency.table(rows.iloc[:0]).row_count == 0
