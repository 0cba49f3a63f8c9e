"""Counting instructions: what the counts are, that they repeat, and that a kernel that grew is caught by them."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from rich.console import Console

from callbot_lab.errors import LabError
from callbot_lab.figures.instructions import instruction_counts
from callbot_lab.paths import ROOT, SPEECH
from callbot_lab.probes import baseline, instructions, instructions_summary
from callbot_lab.probes.counting import (
    Answer,
    Callgrind,
    Cell,
    Events,
    Hardware,
    Task,
    command,
    parse_callgrind,
    parse_perf,
    run,
)
from callbot_lab.probes.probe import read
from callbot_lab.probes.stepping import SingleStep, is_branch
from callbot_lab.registry import Status, load_all
from callbot_lab.workload import cut, parse_size, pool_of, read_recording

from .packages import WRONG_LATER

CELL = {"operation": "decode", "size": "callbot"}
SMALL = {"operation": "decode", "size": "twilio"}

CALLGRIND = """
positions: line
events: Ir Bc Bcm Bi Bim
summary: 1114 27 3 4 0

ob=(1) /usr/lib/libpython.so
fl=(1) ceval.c
fn=(1) evaluate
10 4 1
+2 5 1 1 1
cob=(2) /site/package/native.so
cfi=(2) kernel.c
cfn=(2) kernel
calls=1 20
+3 1105 25 2 3

ob=(2)
fl=(2)
fn=(2)
20 1000 20 2 3
fi=(3) inlined.h
-4 5
cob=(3) /site/package-elsewhere.so
cfn=(3)
calls=1 1
* 100 5

ob=(3)
fn=(3)
* 100 5

totals: 1114 27 3 4 0
"""

PERF = """# started on Wed

5123,,instructions:u,90,100.00,,
610,,branches:u,90,100.00,,
7,,branch-misses:u,90,100.00,1.1,of all branches
"""


def task(arm: str, cells: Sequence[dict[str, str]] = (CELL,), turns: int = 2, chunks: int = 8) -> Task:
    """An arm with a few chunks of the recording."""
    recording = read_recording(SPEECH)
    texts = {c["size"]: list(pool_of(cut(recording, parse_size(c["size"])), "hot").texts[:chunks]) for c in cells}
    return Task(arm, cells, texts, turns)


@pytest.fixture
def callgrind() -> Callgrind:
    """The method; where CI is set, it has to be there."""
    why = Callgrind().lacking()
    if why:
        assert not os.environ.get("CI"), f"CI has to be able to count: {why}"
        pytest.skip(why)
    return Callgrind()


def test_callgrinds_costs_are_summed_by_object_and_callees_are_counted_once() -> None:
    # Self costs: 4 + 5 in the interpreter, 1000 + 5 in the package, 100 in what only begins with the same letters.
    assert parse_callgrind(CALLGRIND, ["/elsewhere", "/site/package"]) == Events(1114, 31, 1005, 23)


def test_a_file_of_callgrinds_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(LabError, match="1114 instructions in its lines and 1115 in its total"):
        parse_callgrind(CALLGRIND.replace("totals: 1114", "totals: 1115"), [])
    with pytest.raises(LabError, match="0 instructions in its lines"):
        parse_callgrind("totals: 0\n", [])


def test_perf_is_read() -> None:
    assert parse_perf(PERF, Hardware.EVENTS) == Events(5123, 610, mispredicts=7)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("5123", "<not supported>", "does not count instructions:u here: <not supported>"),
        ("610,,branches:u,90,100.00", "610,,branches:u,45,50.00", "branches:u here: 610, 50.00 % of the time"),
        ("7,,branch-misses:u", "7,,cycles:u", "perf says nothing of branch-misses:u"),
    ],
)
def test_what_the_hardware_does_not_count_is_no_number(old: str, new: str, words: str) -> None:
    with pytest.raises(LabError, match=words):
        parse_perf(PERF.replace(old, new), Hardware.EVENTS)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("74 10", True),  # je, near
        ("0f 85 00 01 00 00", True),  # jne, far
        ("e3 05", True),  # jrcxz
        ("3e 7f 02", True),  # jg with a hint
        ("ff e0", True),  # jmp rax
        ("41 ff d4", True),  # call r12
        ("f2 ff 25 00 00 00 00", True),  # jmp through the table of a shared object
        ("eb 10", False),  # jmp
        ("e8 00 00 00 00", False),  # call
        ("c3", False),  # ret
        ("ff 30", False),  # push
        ("0f 45 c1", False),  # cmovne
        ("48 8b 07", False),  # mov
        ("62 f1 fe 48 6f 07", False),  # vmovdqu64 zmm
        ("", False),  # unreadable
    ],
)
def test_a_branch_is_told_from_what_is_none(code: str, wanted: bool) -> None:
    assert is_branch(bytes.fromhex(code)) is wanted


STAND_IN = """#!{python}
import json, sys
out = sys.argv[sys.argv.index("-o") + 1]
turns = 0
if sys.argv[-1].endswith(".json"):
    turns = json.load(open(sys.argv[-1]))["stretches"][0]
    said = {{"status": "ready", "reason": ""}}
    print(json.dumps({{**said, "kernel": "table", "folders": []}}), json.dumps(said), sep="\\n")
counts = (1_000_000 + 80 * turns, 50_000 + 16 * turns, 900 + 8 * turns)
with open(out, "w") as file:
    for count, name in zip(counts, ("instructions:u", "branches:u", "branch-misses:u")):
        print(count, "", name, 1, "100.00", sep=",", file=file)
"""


def test_what_a_process_takes_to_start_is_not_in_the_hardware_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    perf = tmp_path / "perf"
    perf.write_text(STAND_IN.format(python=sys.executable), encoding="utf-8")
    perf.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert Hardware().lacking() == ""
    answer = Hardware().count(task("any", [CELL, SMALL]))
    assert answer == Answer("ready", "", "table", [Cell("ready", "", Events(80, 16, None, None, 8))] * 2)


def test_a_method_that_is_not_there_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Hardware().lacking() == "perf is not installed"
    assert Callgrind().lacking() == "valgrind is not installed"
    with pytest.raises(LabError, match="valgrind cannot be run"):
        run(["valgrind"], tmp_path)


def test_the_process_that_is_counted_checks_the_output(install: Callable[..., Path], tmp_path: Path) -> None:
    install("wrong_later", WRONG_LATER)
    one = task("wrong_later", [CELL, SMALL])
    said = run(command(tmp_path, one, one.cells, "none", one.stretches), tmp_path)
    assert [line["status"] for line in said] == [Status.READY, Status.WRONG_OUTPUT, Status.READY]


def test_what_an_arm_does_not_offer_is_not_counted(install: Callable[..., Path], tmp_path: Path) -> None:
    install("decodes", 'from callbot_python import decode, BUILD\nBUILD = {**BUILD, "contract": "decode"}\n')
    one = task("decodes", [{"operation": "append", "size": "callbot"}, CELL])
    said = run(command(tmp_path, one, one.cells, "none", one.stretches), tmp_path)
    assert [line["status"] for line in said] == [Status.READY, Status.NOT_OFFERED, Status.READY]


class Pretended:
    """A method that answers what it is told."""

    def __init__(self, kernel: str, why: str = "", fails: str = "", status: str = "ready") -> None:
        self.kernel, self.why, self.fails, self.status = kernel, why, fails, status

    def lacking(self) -> str:
        return self.why

    def tool(self) -> str:
        return "pretended 1.0"

    def count(self, task: Task) -> Answer:
        if self.fails:
            raise LabError(self.fails)
        cells = [Cell("ready", "", Events(640.0 * task.turns, 64.0, 32.0, None))] * len(task.cells)
        return Answer(self.status, "it lacks a thing", self.kernel, cells)


def performed(monkeypatch: pytest.MonkeyPatch, **methods: Pretended) -> list[dict[str, Any]]:
    """What the probe makes of one arm with the kernel `wide`, two cells, and the methods."""
    monkeypatch.setattr(instructions, "METHODS", methods)
    job = {"arm": "a", "repetition": 0, "kernel": "wide", "build": "b", "methods": list(methods), "pool": "hot"}
    job |= {"turns": dict.fromkeys(methods, 1), "cells": [CELL, SMALL], "input": str(SPEECH)}
    return instructions.perform(job, lambda text: None)


def test_a_method_whose_cpu_makes_the_arm_another_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = performed(
        monkeypatch,
        absent=Pretended("wide", why="it is not installed"),
        failing=Pretended("wide", fails="it broke"),
        narrow=Pretended("scalar"),
        without=Pretended("wide", status="unavailable"),
        right=Pretended("wide"),
        later=Pretended("wide"),
    )
    assert [(row["method"], row["tool"], row["status"]) for row in rows] == [("right", "pretended 1.0", "ready")] * 2
    # 64 chunks a turn.
    assert [(row["instructions"], row["branches"], row["native_instructions"]) for row in rows] == [(10, 1, 0.5)] * 2
    assert rows[0]["native_branches"] is None


def test_an_arm_that_no_method_runs_is_a_row_with_every_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = performed(monkeypatch, absent=Pretended("wide", why="it is not there"), narrow=Pretended("scalar"))
    assert [row["status"] for row in rows] == [instructions.NOT_COUNTED] * 2
    reason = "absent: it is not there; narrow: the kernel is scalar there, and wide without it"
    assert rows[0]["reason"] == reason
    assert "instructions" not in rows[0]


def test_every_arm_is_repeated_as_the_profile_says() -> None:
    definition, rows = read("instructions"), load_all(["python", "stdlib"])
    planned = {profile: len(instructions.jobs(definition, rows, profile)) for profile in ("glance", "quick", "full")}
    assert planned == {"glance": 2, "quick": 4, "full": 6}
    jobs = instructions.jobs(definition, rows, "quick")
    assert [(job["arm"], job["repetition"]) for job in jobs] == [
        ("python", 0),
        ("python", 1),
        ("stdlib", 0),
        ("stdlib", 1),
    ]


def test_the_definition_names_what_there_is() -> None:
    data = read("instructions").data
    assert set(data["turns"]) == set(instructions.METHODS)
    assert set(data["held"]) < set(data["arms"])


def test_the_table_has_a_row_for_each_arm_and_a_column_for_each_cell() -> None:
    common = {"kernel": "k", "method": "m", "status": "ready", "reason": ""}
    cells = [("decode", "twilio"), ("append", "callbot")]
    rows = [
        {
            "arm": "a",
            "operation": o,
            "size": s,
            "instructions": 1234.4 + r,
            "branches": 56.0,
            "native_instructions": 78.0,
        }
        for o, s in cells
        for r in (0, 1, 7)
    ]
    rows += [{"arm": "b", "operation": "decode", "size": "twilio", "instructions": 99.0, "branches": 5.0}]
    frame = pd.DataFrame([{**common, **row} for row in rows])
    frame.loc[len(frame)] = {**common, "arm": "b", "operation": "append", "size": "callbot", "status": "wrong output"}
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(instructions.table(frame))
    shown = console.export_text()
    lines = [" ".join(line.replace("│", " ").split()) for line in shown.splitlines()]
    assert any("append callbot" in line and "decode twilio" in line for line in lines)
    assert "a k m 1,235 / 56, 78 1,235 / 56, 78" in lines
    assert "b k m wrong output 99 / 5" in lines


ROW = {
    "arm": "a",
    "operation": "decode",
    "size": "callbot",
    "status": "ready",
    "reason": "",
    "method": "callgrind",
    "kernel": "k",
    "build": "compiler 1",
    "python": "3",
    "native_instructions": 1000.0,
    "native_branches": 10.0,
}


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({}, baseline.SAME, "1000.0 native instructions a chunk, recorded were 1000.0"),
        ({"native_instructions": 1009.0}, baseline.SAME, "+0.90%"),
        ({"native_instructions": 1011.0}, baseline.MORE, "(+1.10%); if that is meant, record anew: python -m"),
        ({"native_instructions": 989.0}, baseline.FEWER, "-1.10%"),
        ({"build": "compiler 2"}, baseline.OTHER_TOOLCHAIN, "build is compiler 2, recorded was compiler 1"),
        ({"size": "twilio"}, baseline.NOT_RECORDED, "record it: python -m"),
        ({"status": "wrong output", "reason": "its output differs"}, baseline.NOT_COUNTED, "its output differs"),
    ],
)
def test_a_cell_is_held_against_what_was_recorded(change: dict[str, Any], status: str, words: str) -> None:
    (finding,) = baseline.compare([{**ROW, **change}], [ROW])
    assert finding.status == status
    assert words in str(finding)
    assert str(finding).startswith(f"a decode {change.get('size', 'callbot')}: {status}")


def test_a_baseline_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    rows = [{**ROW, "arm": "b", "build": "x; y, -O3"}, ROW]
    baseline.write_baseline(rows, path)
    back = baseline.read_baseline(path)
    assert [row["arm"] for row in back] == ["a", "b"]
    assert {finding.status for finding in baseline.compare(rows, back)} == {baseline.SAME}


def test_a_baseline_with_a_hole_is_neither_written_nor_read(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    with pytest.raises(LabError, match="nothing is recorded: a decode callbot: not counted: not there"):
        baseline.write_baseline([{**ROW, "status": baseline.NOT_COUNTED, "reason": "not there"}], path)
    assert not path.exists()
    baseline.write_baseline([ROW], path)
    whole = path.read_text(encoding="utf-8")
    for damaged in (whole.replace("1000.0", ""), whole.replace("1000.0", "0"), whole.splitlines()[0]):
        path.write_text(damaged, encoding="utf-8")
        with pytest.raises(LabError, match="is damaged"):
            baseline.read_baseline(path)


def test_an_arm_that_cannot_run_fails_the_check(install: Callable[..., Path]) -> None:
    install("lost", "raise ImportError('this CPU lacks the instructions')\n")
    with pytest.raises(LabError, match="lost cannot be counted: it is unavailable: this CPU lacks"):
        baseline.count(["lost"])


@pytest.mark.slow
def test_counts_repeat_to_the_instruction_and_do_not_depend_on_the_turns(callgrind: Callgrind) -> None:
    first, again, longer = (callgrind.count(task("python", turns=turns)).cells[0].events for turns in (2, 2, 6))
    assert first is not None
    assert first == again
    assert longer is not None
    assert longer.instructions == pytest.approx(first.instructions, rel=1e-3)
    assert first.native_instructions == 0
    # The interpreter decodes the text symbol by symbol, and encodes it again for the check.
    assert 5 * 1708 < first.instructions / 8 < 50 * 1708


@pytest.mark.slow
def test_stepping_counts_in_native_code_what_callgrind_counts(callgrind: Callgrind) -> None:
    pytest.importorskip("callbot_cython")
    steps = SingleStep()
    if steps.lacking():
        pytest.skip(steps.lacking())
    # One kernel by name: of those that choose, callgrind's CPU may take another than this one.
    one = task("cython-scalar", [SMALL], turns=1)
    (stepped,), (counted,) = steps.count(one).cells, callgrind.count(one).cells
    assert stepped.events is not None
    assert counted.events is not None
    assert stepped.events.native_instructions == counted.events.native_instructions
    assert stepped.events.native_branches == counted.events.native_branches
    # The C library copies by the CPU that it sees, which to callgrind is another.
    assert stepped.events.instructions == pytest.approx(counted.events.instructions, rel=0.2)


@pytest.mark.slow
def test_no_kernel_has_grown(callgrind: Callgrind) -> None:
    pytest.importorskip("callbot_cython")
    pytest.importorskip("callbot_rust")
    findings = baseline.compare(baseline.count(), baseline.read_baseline())
    assert len(findings) == 4 * len(read("instructions").data["held"])
    bad = [finding for finding in findings if finding.status != baseline.SAME]
    if bad and {finding.status for finding in bad} == {baseline.OTHER_TOOLCHAIN} and not os.environ.get("CI"):
        pytest.skip(str(bad[0]))
    assert not bad, "\n".join(map(str, bad))


# By kernel, an edit that makes it grow by two to three hundredths on a chunk of 427 quads, and leaves its results.
EDITS = {
    # Some steps more take the careful path of the last ones.
    "avx2": ("    STORE = 11 ", "    STORE = 59 "),
    # Twelve quads are decoded twice.
    "scalar": (
        "    for quad in range(quads):",
        "    if quads >= 64:\n        decode_quads(source, 12, target)\n    for quad in range(quads):",
    ),
}


def rebuilt(kernel: str, edited: bool, folder: Path) -> Path:
    """A folder with the installed package, but for one kernel that is built anew, from an edited source or as it is."""
    pytest.importorskip("callbot_cython")
    sources, site = folder / "sources", folder / "site"
    shutil.copytree(ROOT / "impls" / "cython", sources, ignore=shutil.ignore_patterns("build", "*.egg-info"))
    for path in sources.rglob("*.pyx"):
        if path.stem != kernel:
            path.unlink()
    (path,) = sources.rglob(f"{kernel}.pyx")
    source = path.read_text(encoding="utf-8")
    before, after = EDITS[kernel]
    assert source.count(before) == 1
    if edited:
        source = source.replace(before, after)
    path.write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=sources, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    distribution = metadata.distribution("callbot-cython")
    installed = Path(str(distribution.locate_file("")))
    for name in ("callbot_cython", f"callbot_cython-{distribution.version}.dist-info"):
        # Without the note of where it came from, it is not held against those sources.
        shutil.copytree(installed / name, site / name, ignore=shutil.ignore_patterns("direct_url.json"))
    (built,) = path.parent.glob("*.so")
    shutil.copy(built, site / "callbot_cython" / "kernels" / built.name)
    return site


@pytest.mark.slow
@pytest.mark.parametrize(("kernel", "edited"), [("avx2", False), ("avx2", True), ("scalar", True)])
def test_a_kernel_that_grew_by_two_hundredths_is_caught(
    kernel: str, edited: bool, callgrind: Callgrind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = rebuilt(kernel, edited, tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    arm = f"cython-{kernel}"
    rows, recorded = baseline.count([arm]), baseline.read_baseline()
    findings = {finding.cell: finding for finding in baseline.compare(rows, recorded)}
    assert len(findings) == 4
    status = {finding.status for finding in findings.values()}
    if baseline.OTHER_TOOLCHAIN in status and not os.environ.get("CI"):
        pytest.skip(str(next(iter(findings.values()))))
    if not edited:
        assert status == {baseline.SAME}, findings
        return
    for operation in ("decode", "append"):
        cell = {"arm": arm, "operation": operation, "size": "callbot"}
        assert findings[" ".join(cell.values())].status == baseline.MORE
        now, then = (next(row for row in all_ if cell.items() <= row.items()) for all_ in (rows, recorded))
        assert 1.015 < now["native_instructions"] / then["native_instructions"] < 1.035


ARMS = ["plain", "worse", "a-slow", "b-slow", "a-fast", "b-fast", "c-slow", "lost", "ghost"]
LANGUAGES = {"plain": "python", "worse": "python", "a-slow": "cython", "a-fast": "cython", "c-slow": "cython"}
LANGUAGES |= {"b-slow": "rust", "b-fast": "rust"}
BY_KERNEL = "append, 1,280 B (callbot): 6.00 and 5.00; decode, 1,280 B (callbot): 6.00 and 5.00."


def counts(method: str = "callgrind", repetitions: int = 3) -> pd.DataFrame:
    """Rows of chunks of 1,280 bytes: a slow and a fast kernel in two languages, the second of which needs 1.2 times."""
    # Kernel, instructions of native code, and those beyond it.
    truth = {"plain": ("loose", 0, 25_600), "worse": ("looser", 0, 30_000)}
    truth |= {"a-slow": ("slow", 6400, 500), "b-slow": ("slow", 7680, 800), "c-slow": ("slow", 64, 1000)}
    truth |= {"a-fast": ("fast", 1280, 500), "b-fast": ("fast", 1536, 800)}
    made: list[dict[str, Any]] = []
    for operation in ("decode", "append"):
        cell = {"operation": operation, "size": "callbot"}
        for arm, (kernel, native, beyond) in truth.items():
            row = {**cell, "arm": arm, "kernel": kernel, "method": method, "status": "ready", "reason": ""}
            row |= {"branches": 100.0, "native_branches": 10.0, "native_instructions": float(native)}
            if method == "hardware":
                row |= {"native_branches": None, "native_instructions": None}
            for repetition, more in list(enumerate((0, 1, 7)))[:repetitions]:
                made.append({**row, "repetition": repetition, "instructions": float(native + beyond + more)})
        lost = {**cell, "arm": "lost", "kernel": "wide", "method": "", "status": instructions.NOT_COUNTED}
        made.append({**lost, "repetition": 0, "reason": "callgrind: the kernel is slow there"})
    return pd.DataFrame(made, columns=instructions.COLUMNS.names)


def test_counts_are_medians_and_those_of_two_methods_are_not_mixed() -> None:
    rows = counts()
    stepped = rows[rows["arm"] == "a-slow"].assign(method="single-step", instructions=9e9, native_instructions=9e9)
    found = instructions_summary.per_chunk(pd.concat([stepped, rows], ignore_index=True))
    assert not found.duplicated(["arm", "operation", "size"]).any()
    assert set(found["arm"]) == set(ARMS) - {"lost", "ghost"}
    row = found[found["arm"] == "a-slow"].iloc[0]
    assert (row["kernel"], row["method"], row["repetitions"]) == ("slow", "callgrind", 3)
    assert (row["instructions"], row["native_instructions"], row["native_branches"]) == (6901, 6400, 10)
    assert instructions_summary.per_chunk(rows[rows["arm"] == "lost"]).empty


def test_the_sentences_compare_kernels_by_byte_and_say_what_a_call_costs_beyond() -> None:
    shown = instructions_summary.shown(counts(), {"name": "instructions", "arms": ARMS}, LANGUAGES)
    said = " ".join(shown.lines)
    for words in (
        "the same kernel (slow) b-slow needs 1.20 times as many instructions of native code as a-slow. "
        f"Per byte of audio, b-slow and a-slow: {BY_KERNEL}",
        "the same kernel (fast) b-fast needs 1.20 times as many",
        "decode, 1,280 B (callbot): slow 0.0500 (c-slow) and fast 1.00 (a-fast).",
        "append, 1,280 B (callbot), callgrind: 501 (a-fast) to 1,001 (c-slow), 7 % to 94 % of all",
        "No package's native code runs in plain and worse",
        "25,601 instructions with plain (append, 1,280 B (callbot), callgrind)",
        "4.2 % (c-slow) to 117.2 % (worse) of that; not fewer: worse.",
        "medians of 3 repetitions, each in a process of its own; those of one arm differ by 0.66 % at most",
        "Without a count: lost in 2 cells",
        "Not in this run, or no job of it brought anything: ghost.",
    ):
        assert words in said
    first, second, reasons = shown.tables
    assert "append" in first.caption
    assert "decode" in second.caption
    assert [row[0] for row in first.rows] == ARMS[:-1]
    assert first.rows[2] == ["a-slow", "slow", "callgrind", "6,901", "100", "6,400", "10.0"]
    assert first.rows[-1] == ["lost", "wide", "not counted", *"----"]
    assert reasons.rows[0][-1] == "callgrind: the kernel is slow there"


def test_counters_that_cannot_tell_native_code_compare_whole_calls() -> None:
    shown = instructions_summary.shown(counts("hardware", 1), {"name": "instructions", "arms": ARMS}, LANGUAGES)
    said = " ".join(shown.lines)
    assert "(slow) b-slow needs 1.23 times as many instructions of the whole call as a-slow" in said
    assert "Beyond native code" not in said
    assert "Every count is of one process: too few" in said
    rows = counts()
    nothing = instructions_summary.shown(rows[rows["arm"] == "lost"], {"arms": ARMS}, LANGUAGES)
    assert nothing.lines[0] == "Nothing was counted."
    assert not nothing.figures


def test_the_figure_shows_all_and_native_instructions_in_order() -> None:
    counted = instructions_summary.per_chunk(counts())
    pairs = instructions_summary.same_kernel(counted, ARMS, LANGUAGES)
    message = instructions_summary.title(counted, pairs)
    assert message == (
        "The kernel matters more than the language: the same kernel in two languages differs by a factor of 1.20 in "
        "instructions of native code, those kernels in one language by 5.00."
    )
    figure = instruction_counts(counted, LANGUAGES, message)
    (axes,) = figure.axes
    marks = {line.get_gid(): line for line in axes.lines}
    assert axes.get_xscale() == "log"
    assert axes.get_title(loc="left") == "append, 1,280 B (callbot)"
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        *("c-slow", "a-fast", "b-fast", "a-slow", "b-slow", "plain", "worse")
    ]
    assert (marks["all a-slow"].get_xdata()[0], marks["native a-slow"].get_xdata()[0]) == (6901, 6400)
    assert marks["native a-slow"].get_markerfacecolor() == "white"
    assert "native plain" not in marks
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    for text in (*axes.texts, *axes.get_yticklabels(), *figure.texts):
        extent = text.get_window_extent(renderer)
        assert extent.x0 >= -1, text.get_text()
        assert extent.x1 <= figure.bbox.x1 + 1, text.get_text()
    ticks = [label.get_window_extent(renderer) for label in axes.get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in pairwise(ticks))
