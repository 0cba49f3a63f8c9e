"""Whether threads scale, what releasing the GIL is worth and how long others wait, where the truth is known."""

from __future__ import annotations

import gc
import hashlib
import itertools
import os
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from rich.console import Console

from callbot_lab import operations, registry
from callbot_lab.errors import LabError
from callbot_lab.figures.style import NULL_STYLE
from callbot_lab.figures.threads import thread_scaling
from callbot_lab.loops import Bound
from callbot_lab.paths import SPEECH
from callbot_lab.probes import child, probe, threads, threads_summary
from callbot_lab.probes.run import read_rows
from callbot_lab.probes.shown import Shown
from callbot_lab.probes.threads import FAULT, IDLE, MACHINE, NOBODY, ONE, TWO, WAIT
from callbot_lab.probes.threads_summary import pays_from, releasing, scaling, table_of, waits
from callbot_lab.workload import parse_size

from .packages import GOOD, WRONG_LATER

SIZES = (160, 1280, 8000, 32768, 1048576)
HOLDS, FREES = "holds-python-up", "frees-the-others"
"""Arms, with names as long as there are."""

TWINS = [(HOLDS, FREES)]
DEFINITION = {"name": "threads", "twins": [{"holding": HOLDS, "releasing": FREES}]}
LANGUAGES = {HOLDS: "rust", FREES: "rust"}
CHUNK_NS = {HOLDS: 1000.0, FREES: 1100.0, MACHINE: 1000.0}
"""Nanoseconds of a chunk in one thread: releasing costs a tenth."""

needs_two_cpus = pytest.mark.skipif(len(threads.usable_cpus()) < 2, reason="two threads at once need two CPUs")

Gain = Callable[[int], float]
"""How many times as much two threads of the releasing arm do as one, by size."""


def from_8000(size: int) -> float:
    return 1.8 if size >= 8000 else 0.5


def rows_of(gain: Gain, *, processes: int = 6, rounds: int = 5, noise: float = 0.02) -> pd.DataFrame:
    """Rows in which the truth is known. The machine's pace differs from round to round by up to threefold."""
    random = np.random.default_rng(3)
    rows: list[dict[str, Any]] = []
    for job in range(processes * len(SIZES)):
        size = SIZES[job % len(SIZES)]
        # What a process has of its own stays with it in all rounds.
        own = {arm: np.exp(random.normal(0, noise)) for arm in CHUNK_NS}
        for number in range(rounds):
            pace = random.uniform(1, 3)
            about = {"job": job, "size": size, "round": number, "position": 0, "reason": None}
            idle = int(60_000 * pace)
            late = {"kind": IDLE, "chunks": 0, "wall_ns": 1, "cpu_ns": 1, "late_ns": np.array([idle] * 3)}
            rows.append({**about, "arm": NOBODY, **late})
            for arm, ns in CHUNK_NS.items():
                scale = {HOLDS: 1.0, FREES: gain(size), MACHINE: 2.0}[arm]
                for kind, chunks, speed in ((ONE, 100, 1.0), (TWO, 200, scale * own[arm])):
                    wall = int(chunks * ns * pace / speed * np.exp(random.normal(0, noise)))
                    timed = {"kind": kind, "chunks": chunks, "wall_ns": wall, "cpu_ns": wall, "late_ns": None}
                    rows.append({**about, "arm": arm, **timed})
                if arm != MACHINE:
                    extra = 5_000_000 if arm == HOLDS else 0
                    beside = {**late, "kind": WAIT, "late_ns": np.array([0, idle + extra, idle + 2 * extra])}
                    rows.append({**about, "arm": arm, **beside})
    return pd.DataFrame(rows)


def test_scaling_is_what_it_is_however_the_pace_changes() -> None:
    found = scaling(rows_of(from_8000)).set_index(["size", "arm"])
    for size in SIZES:
        for arm, truth in ((HOLDS, 1.0), (FREES, from_8000(size)), (MACHINE, 2.0)):
            row = found.loc[(size, arm)]
            assert row["ratio"] == pytest.approx(truth, rel=0.05)
            assert row["low"] < row["ratio"] < row["high"]
            assert row["processes"] == 6
    assert found["busy"].eq(1).all()


def test_the_interval_knows_processes_not_rounds() -> None:
    few, many = (scaling(rows_of(from_8000, rounds=rounds, noise=0.1)) for rounds in (5, 100))
    width, narrower = ((np.log(found["high"] / found["low"])).median() for found in (few, many))
    # What differs from process to process does not average out over rounds.
    assert narrower > 0.5 * width
    assert scaling(rows_of(from_8000, processes=2))["high"].eq(np.inf).all()


def test_the_price_of_releasing_and_where_it_pays() -> None:
    found = releasing(rows_of(from_8000), TWINS)
    assert list(found["size"]) == list(SIZES)
    assert found["one"].to_numpy() == pytest.approx(1 / 1.1, rel=0.05)
    assert found["two"].to_numpy() == pytest.approx([from_8000(size) / 1.1 for size in SIZES], rel=0.05)
    assert (found["two_low"] < found["two"]).all()
    assert pays_from(found) == {(HOLDS, FREES): 8000}


@pytest.mark.parametrize(
    ("gain", "answer"),
    [
        (lambda size: 0.9, None),
        (lambda size: 1.1, None),  # as fast as the twin: its interval does not exclude 1
        (lambda size: 1.8 if size < 1048576 else 0.8, None),
        (lambda size: 1.8 if size in (160, 1048576) else 0.8, 1048576),
        (lambda size: 1.8, 160),
    ],
)
def test_releasing_pays_only_from_where_it_goes_on_paying(gain: Gain, answer: int | None) -> None:
    rows = rows_of(gain)
    assert pays_from(releasing(rows, TWINS)) == {(HOLDS, FREES): answer}
    words = "pays not in the measured range" if answer is None else f"pays from {answer:,} B on"
    assert words in shown(rows)


def test_waits_are_counted_beyond_those_beside_nobody() -> None:
    found = waits(rows_of(from_8000)).set_index("arm")
    assert found.loc[HOLDS, "ms"].to_numpy() == pytest.approx(5.0)
    assert found.loc[FREES, "ms"].to_numpy() == pytest.approx(0.0)
    # The longest has nothing taken off.
    assert found.loc[HOLDS, "longest_ms"].between(10.06, 10.2).all()
    assert MACHINE not in found.index


def test_an_arm_that_turned_out_wrong_has_no_number_from_that_process() -> None:
    rows = rows_of(from_8000)
    fault = {"job": 0, "size": 160, "arm": FREES, "kind": FAULT, "reason": "wrong output: it differs"}
    rows = pd.concat([rows, pd.DataFrame([fault])], ignore_index=True)
    processes = scaling(rows).set_index(["size", "arm"])["processes"]
    assert processes[160, FREES] == 5
    assert processes[160, HOLDS] == processes[1280, FREES] == 6
    assert set(waits(rows)["processes"]) == {5, 6}
    assert f"{FREES}: wrong output: it differs (160 B)" in shown(rows)


def test_the_table_fits_and_has_the_machine_first() -> None:
    lines = shown(rows_of(from_8000)).splitlines()
    assert max(map(len, lines)) <= 110
    (first,) = (line.split() for line in lines if line.split()[:1] == ["8,000"])
    assert first[1] == MACHINE
    # No cell is broken into two lines: those with an interval are the widest.
    assert sum(len(re.findall(r"\d\.\d\d \[\d\.\d\d, \d\.\d\d\]", line)) for line in lines) == len(SIZES) * 5


def test_a_machine_that_was_busy_is_said() -> None:
    rows = rows_of(from_8000)
    assert "busy" not in shown(rows)
    slowed = (rows["arm"] == MACHINE) & (rows["kind"] == TWO) & (rows["size"] == 1280)
    rows.loc[slowed, "wall_ns"] *= 2
    words = shown(rows)
    assert f"at 1 of 5 sizes two threads of {MACHINE} did less than 1.8" in words
    assert "the machine was busy" in words


def test_few_processes_and_no_rows_are_said() -> None:
    assert "takes 3 processes to say" in shown(rows_of(from_8000, processes=1))
    empty = threads.COLUMNS.empty_table().to_pandas().assign(job=[])
    assert "nothing was measured" in shown(empty)


def shown(rows: pd.DataFrame) -> str:
    console = Console(width=110, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(table_of(rows, TWINS))
    return console.export_text()


def on_page(rows: pd.DataFrame) -> Shown:
    return threads_summary.shown(rows, DEFINITION, LANGUAGES)


def slowed(rows: pd.DataFrame, arm: str, *sizes: int) -> pd.DataFrame:
    """The same rows, but two threads of an arm take twice as long at those sizes."""
    hit = (rows["arm"] == arm) & (rows["kind"] == TWO) & rows["size"].isin(sizes)
    return rows.assign(wall_ns=rows["wall_ns"].where(~hit, 2 * rows["wall_ns"]))


def test_the_page_says_what_scales_what_pays_and_who_waits() -> None:
    # With twice the time the arm that holds the GIL does less with two threads than with one, beyond doubt.
    page = on_page(slowed(rows_of(from_8000), HOLDS, *SIZES))
    held, freed, price, gain, wait, samples = page.lines
    assert HOLDS in held
    assert "more than 1 at no size from 160 to 1,048,576 B" in held
    assert FREES in freed
    assert "more than 1 from 8,000 B on" in freed
    (cost,) = re.findall(r"a cost of ([\d.]+) % at 160 B", price)
    assert float(cost) == pytest.approx(100 * (1 - 1 / 1.1), abs=4)
    assert f"{FREES} pays against {HOLDS} from 8,000 B on" in gain
    assert "lies between 1,280 and 8,000 B" in gain
    assert "At 1,048,576 B" in wait
    assert re.search(rf"5\.00 ms \(5\.00 to 5\.00; longest 10\.[01]\d\) beside {HOLDS}", wait)
    assert re.search(rf"0\.00 ms \(0\.00 to 0\.00; longest 0\.[01]\d\) beside {FREES}", wait)
    assert "at a size: 6, with 5 rounds each, and 3 wake-ups" in samples
    (figure,) = page.figures
    assert f"with {FREES} from 8,000 B on; with {HOLDS} at no size" in figure.title
    scaled, worth, waited = page.tables
    assert scaled.heads == ("bytes", MACHINE, FREES, HOLDS)
    assert [row[0] for row in scaled.rows] == [f"{size:,}" for size in SIZES]
    assert scaled.rows[2][2].startswith(("1.7", "1.8"))
    assert len(worth.heads) == 3
    assert waited.rows[0][2].startswith("5.00 ms (5.00 to 5.00; ")


@pytest.mark.parametrize(("busy", "told"), [(160, True), (1280, False), (32768, False), (1048576, False)])
def test_no_threshold_rests_on_a_size_at_which_the_machine_was_busy(busy: int, told: bool) -> None:
    page = on_page(slowed(rows_of(from_8000), MACHINE, busy))
    assert f"cannot be trusted at {busy:,} B" in page.lines[0]
    (gain,) = (line for line in page.lines if line.startswith("With two threads"))
    # What is next below the threshold counts as well: it might pay there too.
    assert ("from 8,000 B on" in gain) == told
    assert ("cannot be told" in gain) != told
    assert told or "from 8,000 B on" not in page.figures[0].title
    largest = max(size for size in SIZES if size != busy)
    assert any(line.startswith(f"At {largest:,} B") for line in page.lines)
    assert f"{busy:,} (machine busy)" in [row[0] for row in page.tables[0].rows]


def test_releasing_that_pays_nowhere_is_said() -> None:
    text = " ".join(on_page(rows_of(lambda size: 0.9)).lines)
    assert f"{FREES} pays against {HOLDS} at no size from 160 to 1,048,576 B; the most it does is 0." in text


def test_the_page_gives_no_threshold_without_intervals_arms_or_control() -> None:
    rows = rows_of(from_8000, processes=2)
    page = on_page(rows)
    text = " ".join(page.lines)
    assert page.lines[0].startswith("Too few processes for an interval: it takes 3.")
    assert f"Where {FREES} pays against {HOLDS} with two threads cannot be told." in page.lines
    assert " B on" not in text
    assert not re.search(r"\b(nan|inf)\b", text + str(page.tables))
    assert "too few processes" in page.figures[0].title
    rows = rows_of(from_8000)
    without = on_page(rows[rows["arm"] != FREES])
    assert "pays" not in " ".join(without.lines)
    assert without.tables[0].heads == ("bytes", MACHINE, HOLDS)
    unknown = on_page(rows[rows["arm"] != MACHINE])
    assert "has no number there" in unknown.lines[0]
    assert " B on" not in " ".join(unknown.lines)
    empty = threads.COLUMNS.empty_table().to_pandas().assign(job=[])
    assert on_page(empty) == Shown(["Nothing was measured."])


def test_the_figure_draws_every_arm_at_its_numbers_and_nothing_overlaps() -> None:
    rows = rows_of(from_8000)
    figure = thread_scaling(scaling(rows), waits(rows), LANGUAGES, "Two threads do more than one. " * 4)
    upper, lower = figure.axes
    drawn = {line.get_gid(): line for axes in figure.axes for line in axes.lines if line.get_gid()}
    truth = [from_8000(size) for size in SIZES]
    assert np.asarray(drawn[f"scaling {FREES}"].get_ydata()) == pytest.approx(truth, rel=0.05)
    assert np.asarray(drawn[f"wait {HOLDS}"].get_ydata()) == pytest.approx([5.0] * len(SIZES))
    assert drawn[f"scaling {MACHINE}"].get_color() == NULL_STYLE.colour
    assert f"wait {MACHINE}" not in drawn
    # Of one language, so of one colour.
    both = [drawn[f"scaling {arm}"] for arm in (HOLDS, FREES)]
    assert both[0].get_color() == both[1].get_color()
    assert both[0].get_fillstyle() != both[1].get_fillstyle()
    assert upper.get_xscale() == lower.get_xscale() == "log"
    assert lower.get_yscale() == "symlog"
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    boxes = [each.get_window_extent(renderer) for each in (*figure.texts, *figure.legends)]
    boxes += [axes.get_tightbbox(renderer) for axes in figure.axes]
    for box in boxes:
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= figure.bbox.x1 + 1
        assert box.y1 <= figure.bbox.y1 + 1
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    labels = [text.get_window_extent(renderer) for text in lower.get_xticklabels() if text.get_text()]
    assert len(labels) == len(SIZES)
    assert all(one.x1 < other.x0 for one, other in itertools.pairwise(labels))


def run_of(call: Callable[[], object]) -> Bound:
    """A loop whose turn is one call."""

    def slot(turns: int) -> tuple[int, int]:
        for _ in range(turns):
            call()
        return 0, 0

    return Bound(slot, lambda: "")


def shortest(call: Callable[[], object]) -> int:
    """Nanoseconds that a call takes at its fastest."""
    times = []
    for _ in range(3):
        before = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - before)
    return min(times)


def derived(rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", b"password", b"salt", rounds)


def lasting(wanted_ns: int, work: Callable[[int], object]) -> Callable[[], object]:
    """One call of work that lasts about so long, however fast this machine is."""
    return partial(work, 10_000 * wanted_ns // shortest(partial(work, 10_000)))


@needs_two_cpus
def test_others_wait_for_the_end_of_a_call_that_holds_the_gil() -> None:
    cpus = threads.usable_cpus()
    # Each is one call of native code: summing holds the GIL, and deriving a key releases it.
    add, derive = (lasting(40_000_000, work) for work in (lambda count: sum(range(count)), derived))
    held, freed = shortest(add), shortest(derive)
    beside_held, beside_freed = (threads.waiting(run_of(call), cpus, 20)["late_ns"] for call in (add, derive))
    # It gets the GIL at the end of a call. Not always: where the other has to wait for its CPU, nobody holds the GIL.
    assert max(beside_held) > 0.7 * held
    assert median(beside_freed) < 0.5 * freed


@needs_two_cpus
def test_the_sleeper_begins_when_the_other_is_at_work() -> None:
    pauses = iter([0.1])
    late_to_work = run_of(lambda: time.sleep(next(pauses, 1e-4)))
    assert threads.waiting(late_to_work, threads.usable_cpus(), 5)["chunks"] > 1
    with pytest.raises(ZeroDivisionError):
        threads.waiting(run_of(lambda: 1 // 0), threads.usable_cpus(), 5)


@needs_two_cpus
def test_works_begin_together_each_on_a_cpu_of_its_own() -> None:
    cpus, before = threads.usable_cpus()[:2], os.sched_getaffinity(0)

    def work(seconds: float) -> set[int]:
        time.sleep(seconds)
        return os.sched_getaffinity(0)

    done = threads.at_once([partial(work, 0.2), partial(work, 0.4)], cpus)
    assert done.results == [{cpu} for cpu in cpus]
    assert 0.4e9 <= done.wall_ns < 0.6e9  # to the end of the last, and not one after the other
    assert done.cpu_ns < done.wall_ns / 2
    assert os.sched_getaffinity(0) == before
    with pytest.raises(ZeroDivisionError):
        threads.at_once([partial(work, 0), lambda: 1 // 0], cpus)


@pytest.fixture
def collecting() -> Iterator[None]:
    """A probe switches the garbage collector off for the rest of its process; a test has to go on."""
    yield
    gc.enable()


def job_of(*arms: str, operation: str = "append") -> dict[str, Any]:
    """A job that is soon done, as its process gets it."""
    plan = {"operation": operation, "span_ms": 2, "wakes": 3, "rounds": 2}
    return {"size": 8000, "seed": "1", "arms": list(arms), "input": str(SPEECH), **plan}


@needs_two_cpus
@pytest.mark.usefixtures("collecting")
def test_a_job_measures_every_kind_of_every_arm_in_every_round(tmp_path: Path) -> None:
    (tmp_path / "threads").mkdir()
    rows = threads.perform(job_of("python", "pybase64"), lambda _: None)
    child.write(tmp_path / "threads" / "job-0007.parquet", threads, 7, rows)
    found = read_rows(tmp_path, "threads")
    assert found["job"].eq(7).all()
    assert found["reason"].isna().all()
    kinds = {(arm, kind) for arm in ("python", "pybase64") for kind in (ONE, TWO, WAIT)}
    kinds |= {(MACHINE, ONE), (MACHINE, TWO), (NOBODY, IDLE)}
    for _, part in found.groupby("round"):
        assert set(zip(part["arm"], part["kind"], strict=True)) == kinds
        assert sorted(part["position"]) == list(range(len(kinds)))
    sleeping = found["kind"].isin([WAIT, IDLE])
    assert found["late_ns"][sleeping].map(len).eq(3).all()
    assert found["late_ns"][~sleeping].isna().all()
    assert (found["chunks"][found["kind"] != IDLE] > 0).all()
    by_kind = found[found["arm"] == "python"].groupby("kind")["chunks"].unique()
    assert by_kind[TWO] == 2 * by_kind[ONE]
    scaled = scaling(found).set_index("arm")
    assert set(scaled.index) == {"python", "pybase64", MACHINE}
    assert "pybase64" in shown(found)


@needs_two_cpus
@pytest.mark.usefixtures("collecting")
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (WRONG_LATER, "wrong output: its output differs before timing"),
        (
            GOOD
            + """
calls, right = [], decode
def decode(chunk, /):
    calls.append(0)
    return right(chunk) if len(calls) <= 100 else b""
""",
            "wrong output: its output differs after timing",
        ),
        (
            GOOD
            + """
import time
inside, right = [], decode
def decode(chunk, /):
    inside.append(0)
    time.sleep(1e-3)
    pcm = right(chunk) if len(inside) == 1 else b""
    inside.pop()
    return pcm
""",
            "wrong output: its output differs before timing",
        ),
        (
            GOOD
            + """
calls, right = [], decode
def decode(chunk, /):
    calls.append(0)
    return right(chunk) if len(calls) <= 100 else 1 // 0
""",
            "broken: ZeroDivisionError: integer division or modulo by zero",
        ),
        ('raise ImportError("this CPU lacks the instructions")', "unavailable: this CPU lacks the instructions"),
    ],
    ids=["wrong", "wrong later", "wrong in two threads", "raises later", "not there"],
)
def test_an_arm_that_fails_gets_a_reason_and_the_others_numbers(
    source: str, reason: str, install: Callable[..., Path]
) -> None:
    install("bad", source)
    rows = threads.perform(job_of("bad", "python", operation="decode"), lambda _: None)
    assert [(row["arm"], row["reason"]) for row in rows if row["kind"] == FAULT] == [("bad", reason)]
    assert set(scaling(pd.DataFrame([{"job": 0, **row} for row in rows]))["arm"]) == {"python", MACHINE}


def test_two_threads_need_two_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5})
    with pytest.raises(LabError, match="two threads need two CPUs, and this process may use 1"):
        threads.perform(job_of("python"), lambda _: None)


def test_jobs_are_fresh_processes_that_may_use_all_cpus() -> None:
    definition = probe.read("threads")
    rows = registry.load_all(["python", "stdlib"])
    jobs = threads.jobs(definition, rows, "quick")
    sizes = definition.data["sizes"]
    assert [sum(job["size"] == size for job in jobs) for size in sizes] == [4] * len(sizes)
    assert not any(job["pinned"] for job in jobs)
    assert all(job["arms"] == ["python", "stdlib"] for job in jobs)
    assert len({job["seed"] for job in jobs}) == len(jobs)
    assert threads.jobs(definition, [], "quick") == []


def test_the_definition_is_sound() -> None:
    definition = probe.read("threads")
    data = definition.data
    assert {arm for twin in data["twins"] for arm in twin.values()} <= set(definition.arms)
    assert data["operation"] in operations.OPERATIONS
    assert sorted(data["sizes"]) == data["sizes"]
    assert all(parse_size(str(size)).chunk_bytes == size for size in data["sizes"])
