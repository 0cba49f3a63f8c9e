"""Each chunk's time is kept, a tail shows where it is, and what is wrong has no times."""

from __future__ import annotations

import gc
import random
import resource
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from callbot_lab.errors import LabError
from callbot_lab.figures.latency import latency_tail
from callbot_lab.figures.style import NULL_STYLE, style_of
from callbot_lab.paths import SPEECH
from callbot_lab.probes import latency, probe
from callbot_lab.probes.latency import APPEND, CALL_CHUNKS, CALLS, CONTROLS, DECODE, FRESH, RUN
from callbot_lab.probes.latency_summary import LONGER, UNDECIDED, beyond, quantiles, shown, tails
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


def page_faults(operation: str) -> int:
    """Page faults within the calls that are timed, in this process."""
    faults: list[int] = []

    def clock() -> int:
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
        return 20_000 * len(faults)

    (row,) = load_all(["cython"])
    whole = cut(read_recording(SPEECH), parse_size("callbot"))
    arm = latency.bind(row, operation, whole.texts[:CALL_CHUNKS], clock)
    latency.time_arms([arm], whole.pcm[:CALL_CHUNKS], operation, random.Random(1))
    # What came between the two readings around a call, after the arm was tried.
    readings = faults[-2 * CHUNKS :]
    return sum(b - a for a, b in zip(readings[::2], readings[1::2], strict=True))


@pytest.mark.parametrize("operation", [APPEND, FRESH])
def test_only_fresh_buffers_take_page_faults(operation: str) -> None:
    pytest.importorskip("callbot_cython")
    # As when it is measured, in a process of its own: one that has had large blocks hands out pages that it knows.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = pool.submit(page_faults, operation).result(timeout=120)
    pages = CHUNKS * 1280 // resource.getpagesize()
    assert found >= 0.5 * pages if operation == FRESH else found < 0.1 * pages


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


CONTROL_TIMES = dict(zip(CONTROLS, ((100, 200, 1000), (1000, 2000, 9000), (10_000, 20_000, 50_000)), strict=True))
DEFINITION = {"name": "latency", "operations": list(latency.OPERATIONS)}


def made_up(arms: dict[str, tuple[int, int, int]], processes: int = 5, operation: str = APPEND) -> pd.DataFrame:
    """Rows of processes each a percent slower than the one before, control arms included; times: p50, p99, p99.9."""
    return pd.DataFrame(
        {"job": job, "arm": arm, "operation": operation, "size": "callbot", "ns": ns * (100 + job) // 100, "count": n}
        for job in range(processes)
        for arm, times in {**CONTROL_TIMES, **arms}.items()
        for ns, n in zip(times, (9800, 180, 20), strict=True)
    )


def test_tails_are_of_single_processes() -> None:
    about = {"arm": "a", "operation": APPEND, "size": "callbot"}
    counts = [(7, 10, 98), (7, 30, 2), (8, 10, 100)]
    found = tails(pd.DataFrame({"job": job, **about, "ns": ns, "count": count} for job, ns, count in counts))
    assert found["job"].tolist() == [7, 8]
    assert found["chunks"].tolist() == [100, 100]
    assert found[["p50", "p99", "tail"]].to_numpy().tolist() == [[10, 30, 3], [10, 10, 1]]
    # Mean 10.4, and a variance of 0.98 x 0.4^2 + 0.02 x 19.6^2 = 7.84.
    assert found["cv"].tolist() == pytest.approx([2.8 / 10.4, 0])


def test_a_tail_is_held_against_the_control_arm_of_its_length() -> None:
    arms = {"slow": (9000, 27_000, 60_000), "quick": (800, 1600, 5000)}
    rows = made_up(arms)
    judged = beyond(tails(rows)).set_index("arm")
    assert judged["control"].to_dict() == {"slow": "(wait 10 us)", "quick": "(wait 1 us)"}
    assert judged["verdict"].to_dict() == {"slow": LONGER, "quick": UNDECIDED}
    made = shown(rows, DEFINITION, {"slow": "python", "quick": "rust"})
    rare, languages, tail, clock, sample = made.lines
    assert rare.startswith("append: quick has the smallest p99.9, 5,100 ns (5,000 to 5,200), slow the largest, ")
    assert "slow the largest, 61,200 ns (60,000 to 62,400)" in rare
    assert "do not overlap" in rare
    assert "(wait 1 us) beside quick and (wait 10 us) beside slow, have 9,180 ns (9,000 to 9,360) and 51,000" in rare
    assert languages.endswith("The interval of rust lies below all others.")
    assert "p99 is 2.00 times p50 with quick and 3.00 times with slow" in tail
    assert "These two differ (1.50 times" in tail
    assert "slow (1.50 times, 1.50 to 1.50); that is more than the machine did to a call of about that length" in tail
    assert "Not told apart from it: quick." in tail
    assert "(clock), costs 102 ns (100 to 104) at the median of append, 12.5 % of the shortest median" in clock
    assert "50,000 chunks for every arm and operation, from 5 processes" in sample
    (table,) = made.tables
    assert table.heads == ("arm", "p50", "p90", "p99", "p99.9", "95 % of p99.9", "max", "p99/p50")
    assert [row[0] for row in table.rows] == [*CONTROLS, "quick", "slow"]
    assert table.rows[3][1:] == ["816", "832", "1,632", "5,100", "5,000 to 5,200", "5,200", "2.00"]
    assert all(word in table.caption for word in ("orientation", "(clock)", "not subtracted"))
    assert "5,100 ns with quick and 61,200 ns with slow" in made.figures[0].title


def test_what_is_alike_is_not_told_apart() -> None:
    rows = made_up({"one": (800, 1600, 5000), "other": (900, 1800, 5100)})
    rare, languages, tail, *_ = shown(rows, DEFINITION, {"one": "rust", "other": "python"}).lines
    assert "The intervals overlap: which is smaller is not settled." in rare
    assert "Against python rust does not win" in languages
    assert "That these two differ is not shown" in tail
    assert "No arm's tail is longer than" in tail
    assert "Not told apart from it: one and other." in tail


def test_few_processes_and_missing_control_arms_are_said() -> None:
    rows = made_up({"one": (800, 1600, 5000), "other": (900, 1800, 9000)}, processes=2)
    made = shown(rows, DEFINITION, {})
    said = " ".join(made.lines)
    assert said.count("too few processes for an interval") == 2
    assert "too few processes to tell an arm's tail" in said
    assert [row[5] for row in made.tables[0].rows] == ["no interval"] * 5
    bare = made_up({"one": (800, 1600, 5000)}).query("arm == 'one'")
    assert "Without a control arm nothing says" in " ".join(shown(bare, DEFINITION, {}).lines)
    only = made_up({})
    assert "no arm was measured but the control arms" in shown(only, DEFINITION, {}).lines[0]
    assert shown(rows.iloc[:0], DEFINITION, {}).lines == ["Nothing was measured."]


def test_the_figure_draws_every_arm_at_its_times_and_nothing_overlaps() -> None:
    arms = {f"language-library-{number}": (500 + 100 * number, 2000, 20_000) for number in range(8)}
    first = next(iter(arms))
    languages = {arm: ("python", "cython", "rust")[number % 3] for number, arm in enumerate(arms)}
    found = quantiles(pd.concat([made_up(arms, operation=operation) for operation in latency.OPERATIONS]))
    figure = latency_tail(found, languages, "A title that is long enough to be broken into lines. " * 3)
    assert len(figure.axes) == 3
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert {axes.get_yscale() for axes in figure.axes} == {"log"}
    lines = {line.get_gid(): line for line in figure.axes[0].lines if str(line.get_gid()).startswith("tail ")}
    assert len(lines) == len(arms) + len(CONTROLS)
    own = lines[f"tail {first} of decode, callbot"]
    wanted = found[(found["arm"] == first) & (found["operation"] == DECODE)].sort_values("quantile")
    assert own.get_ydata().tolist() == wanted["ns"].tolist()
    assert own.get_color() == style_of("python").colour
    assert {lines[f"tail {arm} of decode, callbot"].get_color() for arm in CONTROLS} == {NULL_STYLE.colour}
    # Four percentiles have intervals, and the greatest time has none.
    bars = [line for line in figure.axes[0].lines if str(line.get_gid()).startswith("interval ")]
    assert len(bars) == 4 * len(lines)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["p50", "p90", "p99", "p99.9", "max"]
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    (legend,) = figure.legends
    boxes = [item.get_window_extent(renderer) for item in (*figure.texts, legend)]
    boxes += [axes.get_tightbbox(renderer) for axes in figure.axes]
    for number, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
        assert not [other for other in boxes[:number] if box.overlaps(other)]
