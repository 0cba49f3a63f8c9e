"""What a buffer costs is seen from outside: by the system, in a process of its own for every combination."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pyarrow.parquet as pq
import pytest

from callbot_lab.errors import LabError
from callbot_lab.paths import SPEECH
from callbot_lab.probes import memory, probe
from callbot_lab.probes.memory import (
    BEFORE,
    CALL_CHUNKS,
    FILLING,
    GROWN,
    NOTHING,
    OPENED,
    RESERVED,
    REUSED,
    SAMPLES,
    STORAGES,
)
from callbot_lab.probes.memory_summary import costs, per_call
from callbot_lab.registry import load_all

from . import packages

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc of Linux")

CALL_BYTES = CALL_CHUNKS * 1280
CALLS = 3
SMALL = 64 * 1024
"""Bytes that the loop and the looking may take."""

KEEPS_A_COPY = (
    packages.GOOD
    + """
_Right, _kept = AudioBuffer, []
class AudioBuffer(_Right):
    __slots__ = ()
    def append(self, chunk, /):
        _kept.append(decode(chunk))
        return super().append(chunk)
"""
)

FORGETS = (
    packages.GOOD
    + """
_Right, _count = AudioBuffer, 0
class AudioBuffer(_Right):
    __slots__ = ()
    def append(self, chunk, /):
        global _count
        _count += 1
        return 0 if _count == 700 else super().append(chunk)
"""
)


def run_job(out: Path, arm: str, storage: str, calls: int = CALLS) -> str:
    """Do one job in a process of its own; what it says is wrong."""
    job = {"probe": "memory", "arm": arm, "calls": calls, "storage": storage, "size": "callbot", "number": 1}
    place = {"cpu": None, "input": str(SPEECH), "out": str(out)}
    done = subprocess.run(
        [sys.executable, "-m", "callbot_lab.probes.child"],
        input=json.dumps(job | place) + "\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    *_, last = (json.loads(line) for line in done.stdout.splitlines())
    assert (done.returncode == 0) == out.exists(), done.stderr
    return str(last.get("reason", ""))


def rows_of(folder: Path, arm: str, storage: str, calls: int = CALLS) -> pd.DataFrame:
    out = folder / f"{arm}-{storage}-{calls}.parquet"
    assert run_job(out, arm, storage, calls) == ""
    return pq.read_table(out).to_pandas()


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Rows of one job for each storage, and of the control arm; the number of a job is its place in the list."""
    pytest.importorskip("callbot_cython")
    folder = tmp_path_factory.mktemp("memory")
    places = [("cython", RESERVED), ("cython", GROWN), ("cython", REUSED), (NOTHING, GROWN)]
    return pd.concat([rows_of(folder, *place).assign(job=job) for job, place in enumerate(places)])


@pytest.fixture
def found(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """What each job cost, by the storage; NOTHING is the control arm's."""
    return {NOTHING if row["arm"] == NOTHING else row["storage"]: row for _, row in costs(rows).iterrows()}


def test_a_job_looks_from_before_there_is_a_buffer_until_all_are_full(rows: pd.DataFrame) -> None:
    assert list(rows.columns) == ["job", *memory.COLUMNS.names]
    for _, job in rows.groupby("job"):
        assert job["phase"].tolist() == [BEFORE, OPENED] + [FILLING] * SAMPLES
        held = [0, 0] + [CALLS * CALL_BYTES * (number + 1) // SAMPLES for number in range(SAMPLES)]
        assert job["held"].tolist() == (held if job["arm"].iloc[0] != NOTHING else [0] * len(held))


def test_what_is_held_is_resident_and_the_control_arm_holds_nothing(found: dict[str, pd.Series]) -> None:
    for name in ("rss", "private"):
        for storage in STORAGES:
            grown = found[storage][f"{name}_after"] - found[storage][f"{name}_before"]
            assert grown >= CALLS * CALL_BYTES
        assert found[NOTHING][f"{name}_after"] - found[NOTHING][f"{name}_before"] <= SMALL
        # Exactly what is held, and a page now and then, where it is known in advance.
        reserved = found[RESERVED][f"{name}_after"] - found[RESERVED][f"{name}_before"]
        assert reserved <= CALLS * CALL_BYTES + SMALL


def test_a_reservation_is_virtual_until_it_is_filled(found: dict[str, pd.Series]) -> None:
    reserved = found[RESERVED]
    assert reserved["virtual_opened"] - reserved["virtual_before"] >= CALLS * CALL_BYTES
    assert reserved["rss_opened"] - reserved["rss_before"] <= SMALL
    assert abs(reserved["virtual_after"] - reserved["virtual_opened"]) <= 4 * SMALL
    grown = found[GROWN]
    assert grown["virtual_opened"] - grown["virtual_before"] <= SMALL
    assert grown["virtual_after"] - grown["virtual_before"] >= CALLS * CALL_BYTES


def test_what_is_reused_stays_resident_and_takes_no_page_faults(found: dict[str, pd.Series]) -> None:
    pages = CALLS * CALL_BYTES // 4096
    assert found[REUSED]["rss_opened"] - found[REUSED]["rss_before"] >= CALLS * CALL_BYTES
    assert found[REUSED]["minor_faults"] <= 0.02 * pages
    for storage in (RESERVED, GROWN):
        assert found[storage]["minor_faults"] >= 0.95 * pages
    assert found[RESERVED]["minor_faults"] <= 1.05 * pages


def test_only_what_grows_is_reallocated(found: dict[str, pd.Series]) -> None:
    assert found[RESERVED]["reallocations"] == found[REUSED]["reallocations"] == 0
    assert found[GROWN]["reallocations"] >= 2 * CALLS
    assert found[RESERVED]["capacity"] == CALLS * CALL_BYTES
    assert found[GROWN]["capacity"] >= CALLS * CALL_BYTES
    # It keeps no buffer, and so no counters.
    assert pd.isna(found[NOTHING]["capacity"])
    assert pd.isna(found[NOTHING]["reallocations"])


def test_the_peak_is_that_of_the_filling(found: dict[str, pd.Series]) -> None:
    for row in found.values():
        if not pd.isna(row["rss_peak"]):
            # The kernel counts the greatest size in steps of some pages for each CPU.
            assert row["rss_after"] - 16 * SMALL <= row["rss_peak"] <= row["rss_before"] + 2 * CALLS * CALL_BYTES


def test_a_second_copy_is_found_and_a_lost_chunk_is_an_error(install: Callable[..., Path], tmp_path: Path) -> None:
    install("copies", KEEPS_A_COPY)
    (row,) = costs(rows_of(tmp_path, "copies", GROWN, calls=1)).to_dict("records")
    assert row["rss_after"] - row["rss_before"] >= 2 * CALL_BYTES
    install("forgets", FORGETS)
    reason = run_job(tmp_path / "forgets.parquet", "forgets", GROWN, calls=1)
    assert reason == "LabError: forgets: wrong output of grown storage"


def test_a_system_that_does_not_tell_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"^memory needs .*smaps_rollup, which Linux has since 4\.14"):
        memory.Process(tmp_path)


def test_what_cannot_be_done_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def perform(**changes: object) -> None:
        job = {"arm": "python", "calls": 100, "storage": GROWN, "size": "callbot", "input": str(SPEECH)}
        memory.perform(job | changes, lambda text: None)

    with pytest.raises(LabError, match="unknown storage 'pooled' of memory"):
        perform(storage="pooled")
    with pytest.raises(LabError, match="nobody: unknown"):
        perform(arm="nobody")
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=2**20))
    with pytest.raises(LabError, match="100 calls of 1,966,080 bytes need 750 MiB of free memory"):
        perform()


def test_every_arm_with_a_buffer_has_every_combination() -> None:
    definition = probe.read("memory")
    jobs = memory.jobs(definition, load_all(["python", "stdlib"]), "quick")
    combinations = {(job["arm"], job["calls"], job["storage"]) for job in jobs}
    assert combinations == {("python", calls, storage) for calls in (1, 100) for storage in STORAGES} | {
        (NOTHING, calls, GROWN) for calls in (1, 100)
    }
    assert len(jobs) == 3 * len(combinations)


def test_per_call_is_the_median_over_processes_divided_by_the_calls(rows: pd.DataFrame) -> None:
    one = rows[rows["job"] == 0]
    more = one.assign(job=8, rss=one["rss"] + 4096 * (one["phase"] == FILLING))
    most = one.assign(job=9, rss=one["rss"] + 8192 * (one["phase"] == FILLING))
    (first,) = costs(one).to_dict("records")
    (median,) = per_call(pd.concat([one, more, most])).to_dict("records")
    assert median["rss_after"] == (first["rss_after"] - first["rss_before"] + 4096) / CALLS
    assert median["held"] == CALL_BYTES
    assert memory.table(rows).row_count == 4
    assert memory.table(rows.iloc[:0]).row_count == 0
