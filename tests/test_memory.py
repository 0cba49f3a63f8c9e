"""What a buffer costs is seen from outside: by the system, in a process of its own for every combination."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pyarrow.parquet as pq
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from callbot_lab.errors import LabError
from callbot_lab.figures import NULL_STYLE, style_of
from callbot_lab.figures.memory import memory_over_time
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
from callbot_lab.probes.memory_summary import costs, over_time, per_call, shown
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


LANGUAGES = {"plain": "python", "quick": "rust"}
DEFINITION = {"name": "memory", "question": "?", "arms": list(LANGUAGES)}


def looks_at(
    job: int,
    arm: str,
    storage: str,
    *,
    opened: float = 0,
    reserved: float = 0,
    full: float = 1,
    peak: float = 1,
    faults: int = 480,
    reallocations: int | None = None,
) -> pd.DataFrame:
    """What one process would have noted: sizes as shares of a call's audio, counters for each call.

    Before there was a buffer every process is of another size.
    """
    start = 2**24 + 4096 * job

    def looks() -> Iterator[dict[str, object]]:
        for number, phase in enumerate([BEFORE, OPENED] + [FILLING] * SAMPLES):
            done = max(0, number - 1) / SAMPLES
            resident = max(opened, full * done) if phase != BEFORE else 0
            space = max(reserved, resident) if phase != BEFORE else 0
            yield {
                "held": int(CALLS * CALL_BYTES * done) if arm != NOTHING else 0,
                "rss": start + int(CALLS * CALL_BYTES * resident),
                "private": int(CALLS * CALL_BYTES * resident),
                "rss_peak": start + int(CALLS * CALL_BYTES * max(opened, peak * done)),
                "virtual": 2**30 + int(CALLS * CALL_BYTES * space),
                "minor_faults": 7 + int(CALLS * faults * done),
                "phase": phase,
                "reallocations": None if reallocations is None else int(CALLS * reallocations * done),
            }

    constant = {"job": job, "arm": arm, "calls": CALLS, "storage": storage, "major_faults": 0, "capacity": None}
    made = pd.DataFrame(list(looks())).assign(**constant)
    return made.astype({"reallocations": "float64", "capacity": "float64", "rss_peak": "float64"})


def made_up(processes: int = 3, **quick: float) -> pd.DataFrame:
    """Rows of `plain`, which has no use for a reservation, and of `quick`, which needs a quarter more if it grows.

    `quick` changes what that arm takes where it is reserved. The processes differ by a thousandth in their peaks.
    """
    held = {"opened": 1, "reserved": 1}
    places: list[tuple[str, str, dict[str, float]]] = [
        *(("plain", storage, {"reallocations": 48}) for storage in STORAGES),
        ("quick", RESERVED, {"opened": 0.001, "reserved": 1, "reallocations": 0, **quick}),
        ("quick", GROWN, {"peak": 1.25, "reallocations": 11}),
        ("quick", REUSED, {**held, "faults": 5, "reallocations": 0}),
        (NOTHING, GROWN, {"full": 0.001, "peak": 0.001, "faults": 2}),
    ]
    found = []
    for place, (arm, storage, about) in enumerate(places):
        for number in range(processes):
            settings = {**about, "peak": about.get("peak", 1) * (1 + 0.001 * (number - 1))}
            found.append(looks_at(place * processes + number, arm, storage, **settings))  # type: ignore[arg-type]
    return pd.concat(found, ignore_index=True)


def test_the_sentences_say_what_was_put_in() -> None:
    made = shown(made_up(), DEFINITION, LANGUAGES)
    empty, peak, compiled, faults, growth, sample = made.lines
    assert "memory: 0 to 1.92 KiB where it is reserved and 0 KiB where it grows from nothing (" in empty
    assert "of 1,920 KiB of address space at most 0.1 % is resident (quick)." in empty
    assert "No reservation is made, though asked for, by plain." in empty
    assert "even where none is asked for" not in empty
    assert peak.startswith("Reserving lowers the peak of resident memory by more than 3 % in 1 of 2 arms (quick). ")
    assert peak.endswith("plain 1.000 (0.998 to 1.002) and quick 0.80 (0.80 to 0.80).")
    assert compiled.startswith("Compiled arms need no less memory than Python: for a full call that holds 1,920 KiB")
    assert "reserved 480, grown 480, reused 5.00 to 480." in faults
    assert "less than 10 % of those of reserved storage in quick, and 100 % of them in plain." in faults
    assert "(3 calls): plain 48.0 and quick 11.0. Where it is reserved: none in quick; plain 48.0." in growth
    assert sample.startswith("Processes for each arm, storage and number of calls: 3 (21 in all). The control arm")
    assert "5.76 KiB of resident memory and 6.00 page faults" in sample
    assert made.figures[0].name == "memory-over-time"


def test_compiled_arms_need_less_only_if_they_do_and_what_is_touched_is_not_virtual() -> None:
    _, peak, compiled, *_ = shown(made_up(peak=0.5, full=0.5), DEFINITION, LANGUAGES).lines
    assert compiled.startswith("Compiled arms need less memory than Python")
    assert "960 KiB (quick, reserved)" in compiled
    assert "quick 0.40 " in peak
    empty, peak, compiled, *_ = shown(made_up(opened=1, peak=1.5, full=1.5), DEFINITION, LANGUAGES).lines
    assert "100 % is resident at once (quick)" in empty
    assert "virtual only" not in empty
    assert "in none of 2 arms, and raises it by more than that in 1 (quick)." in peak
    assert compiled.startswith("Compiled arms need more memory than Python")


def test_what_is_not_known_is_said_and_gets_no_number() -> None:
    rows = made_up(1).assign(rss_peak=float("nan"))
    made = shown(rows[rows["arm"] != NOTHING], DEFINITION, LANGUAGES)
    text = " ".join(made.lines)
    assert "(the system does not tell the peak)" in text
    assert "(3 calls; too few processes for an interval): plain 1.000 and quick 1.000." in text
    assert text.endswith("There was no control arm.")
    assert "nan" not in text
    assert "inf" not in text
    (table,) = made.tables
    cells = {row[0]: row for row in table.rows}
    assert {len(row) for row in table.rows} == {len(table.heads)}
    assert len(cells) == 6
    assert cells["grown, 3 calls: quick"] == [
        "grown, 3 calls: quick", "1,920", "0", "1,920", "-", "1,920", "-", "480", "11.0"
    ]  # fmt: skip
    control = made_up(1)
    only_control = shown(control[control["arm"] == NOTHING], DEFINITION, LANGUAGES)
    assert len(only_control.lines) == 1
    assert shown(rows.iloc[:0], DEFINITION, LANGUAGES).lines == ["Nothing was measured."]


def test_over_time_has_the_looks_in_order_beyond_what_was_there_before() -> None:
    rows = made_up()
    # One process that takes a page more for each call and one that takes ten: the median takes the one page.
    for job, pages in ((0, 1), (1, 10)):
        rows.loc[(rows["job"] == job) & (rows["phase"] == FILLING), "rss"] += CALLS * 4096 * pages
    looks = over_time(rows)
    assert list(looks.columns) == ["arm", "storage", "calls", "held_kib", "rss_kib", "processes"]
    assert list(dict.fromkeys(looks["storage"])) == list(STORAGES)
    own = looks[(looks["arm"] == "plain") & (looks["storage"] == RESERVED)]
    assert len(own) == SAMPLES + 1
    assert own["held_kib"].tolist() == [30 * number for number in range(SAMPLES + 1)]
    assert own["rss_kib"].tolist() == [0, *(30 * number + 4 for number in range(1, SAMPLES + 1))]
    assert set(own["processes"]) == {3}


def test_the_figure_draws_every_line_and_nothing_overlaps() -> None:
    rows = made_up()
    many = rows.assign(calls=100, job=rows["job"] + 1000)
    looks = over_time(pd.concat([rows, many], ignore_index=True))
    figure = memory_over_time(looks, LANGUAGES, "A title that is long enough for a second line of the heading. " * 3)
    assert len(figure.axes) == 2 * len(STORAGES)
    lines = {str(line.get_gid()): line for axes in figure.axes for line in axes.lines}
    assert len(lines) == 2 * (7 + len(STORAGES))
    drawn = lines["arm quick, reserved, 3 calls"]
    own = looks[(looks["arm"] == "quick") & (looks["storage"] == RESERVED) & (looks["calls"] == CALLS)]
    assert list(drawn.get_ydata()) == own["rss_kib"].tolist()
    assert drawn.get_color() == style_of("rust").colour
    assert lines[f"arm {NOTHING}, grown, 3 calls"].get_color() == NULL_STYLE.colour
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in figure.axes}) == 1
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    boxes = [axes.get_tightbbox(renderer) for axes in figure.axes]
    boxes += [part.get_window_extent(renderer) for part in (*figure.texts, *figure.legends)]
    for box in boxes:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)
