"""A run keeps every slot of what is right, and gives what is not a status instead of a number."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from callbot_lab import measure, progress, results
from callbot_lab.errors import LabError
from callbot_lab.experiment import FIT, Cell, Experiment
from callbot_lab.loops import Bound
from callbot_lab.measure import Outcome, Profile, Run
from callbot_lab.worker import EMPTY, NULL, SLOT_NS, calibrate

from . import packages

Install = Callable[..., Path]

TINY = Profile("tiny", 3, 6, 0.2)
CELLS = (Cell("decode", "callbot", "warm"), Cell("append", "160", "warm"))


def run_arms(
    folder: Path, *arms: str, baseline: str = "stdlib", profile: Profile = TINY, **settings: object
) -> Outcome:
    experiment = Experiment("trial", "Does it work?", baseline, arms, CELLS)
    run = Run([experiment], profile, measure.new_folder(folder, profile.name), seed=5, **settings)  # type: ignore[arg-type]
    with progress.steps(Console(quiet=True), "measuring", run.step_count) as steps:
        return run.go(steps)


@pytest.fixture(scope="module")
def clean_run(tmp_path_factory: pytest.TempPathFactory) -> results.RunData:
    outcome = run_arms(tmp_path_factory.mktemp("clean") / "run", "python")
    assert outcome.problems == []
    return results.read_run(outcome.folder)


def test_every_arm_runs_in_every_block_forth_and_back(clean_run: results.RunData) -> None:
    for _, block in clean_run.slots.groupby(["worker", "cell", "block"]):
        order = block.sort_values("position")["arm"].tolist()
        assert sorted(order[:4]) == sorted(["stdlib", "python", NULL, EMPTY])
        assert order[4:] == order[3::-1]


def test_the_cells_of_a_cost_model_take_turns(tmp_path: Path) -> None:
    # The machine's pace drifts; timed one after the other, its sizes would meet different paces.
    cells = (*(Cell("decode", size, "level", FIT) for size in ("640", "1280", "4800")), CELLS[1])
    experiment = Experiment("trial", "Does it work?", "stdlib", ("python",), cells)
    run = Run([experiment], TINY, measure.new_folder(tmp_path / "run", "tiny"), seed=5)
    with progress.steps(Console(quiet=True), "measuring", run.step_count) as steps:
        assert run.go(steps).problems == []
    slots = results.read_run(tmp_path / "run").slots
    for _, worker in slots.groupby("worker"):
        visits = (worker["cell"] != worker["cell"].shift()).groupby(worker["cell"]).sum()
        assert visits[CELLS[1].name] == 1
        assert (visits.drop(CELLS[1].name) >= 3).all()
        for _, cell in worker.groupby("cell"):
            assert sorted(set(cell["block"])) == list(range(cell["block"].nunique()))
            assert (cell.groupby("block").size() == 8).all()


def test_orders_differ_between_blocks_and_workers(clean_run: results.RunData) -> None:
    orders = clean_run.slots.sort_values("position").groupby(["worker", "cell", "block"])["arm"].agg(tuple)
    assert orders.nunique() > len(orders) // 2


def test_every_worker_is_a_process_that_times_every_cell(clean_run: results.RunData) -> None:
    assert clean_run.slots.groupby("worker")["cell"].nunique().tolist() == [2, 2, 2]
    assert clean_run.workers["complete"].all()
    assert {"steal_s", "involuntary_switches", "minor_faults"} <= set(clean_run.workers.columns)


def test_slots_hold_whole_turns_over_the_pool(clean_run: results.RunData) -> None:
    sizes = clean_run.slots.assign(pool=clean_run.slots["chunks"] // clean_run.slots["turns"]).groupby("cell")["pool"]
    assert sizes.unique().map(list).to_dict() == {"decode-callbot-warm": [256], "append-160-warm": [1024]}


@pytest.mark.parametrize(
    ("turn_ns", "turns"),
    [(100, SLOT_NS // 100), (SLOT_NS // 2 + 1, 1), (SLOT_NS, 1), (10 * SLOT_NS, 1)],
)
def test_a_slot_holds_what_fits_its_time_and_one_turn_at_least(turn_ns: int, turns: int) -> None:
    assert calibrate(Bound(lambda number: (number * turn_ns, 0), lambda: "")) == turns


def test_the_note_tells_the_machine_and_the_plan(clean_run: results.RunData) -> None:
    note = clean_run.note
    assert note["status"] == "complete"
    assert note["workers"] == {"done": 3, "lost": []}
    assert note["environment"]["python"]["version"]
    assert note["experiments"][0]["arms"] == ["python"]
    assert note["input"]["sha256"].startswith("478184853a50d694")


def test_no_folder_of_this_machine_is_recorded(clean_run: results.RunData) -> None:
    assert str(Path.home()) + "/" not in json.dumps(clean_run.note)
    assert sys.prefix not in json.dumps(clean_run.note)


@pytest.mark.parametrize(
    ("source", "status"),
    [
        (packages.LENIENT, "does not conform"),
        (packages.UNIMPORTABLE, "broken"),
        (packages.DEBUG, "debug build"),
        (packages.WRONG_LATER, "wrong output"),
    ],
)
def test_an_arm_that_is_not_right_gets_a_status_and_the_others_are_measured(
    install: Install, tmp_path: Path, source: str, status: str
) -> None:
    install("bad_arm", source)
    outcome = run_arms(tmp_path / "run", "bad_arm", "python", profile=Profile("tiny", 1, 5, 0.1))
    assert any(problem.startswith(f"bad_arm: {status}") for problem in outcome.problems)
    run = results.read_run(outcome.folder)
    assert "bad_arm" not in set(run.slots[run.slots["cell"] == "decode-callbot-warm"]["arm"])
    assert "python" in set(run.slots["arm"])
    rows = {(row["cell"], row["arm"]): row["status"] for row in run.note["missing"]}
    assert rows["decode-callbot-warm", "bad_arm"] == status


def test_arms_with_operations_of_their_own_are_told_apart(install: Install, tmp_path: Path) -> None:
    install("bound", packages.HANDS_ON, group="callbot_lab.references")
    # Its decode is wrong, and its buffer does not use it.
    install("half_wrong", packages.WRONG_LATER)
    arms = ("python@append", "python@extend", "python@noop", "bound", "bound@process", "half_wrong@append")
    outcome = run_arms(
        tmp_path / "run",
        *arms,
        baseline="python@process",
        profile=Profile("tiny", 1, 5, 0.1),
        asked_for=["python@append"],
    )
    assert outcome.problems == []
    run = results.read_run(outcome.folder)
    timed = {"python@process", NULL, "python@append", "python@extend", "bound", "half_wrong@append", EMPTY}
    assert run.slots.groupby("cell")["arm"].agg(set).tolist() == [timed, timed]
    assert {arm["name"] for arm in run.note["arms"]} == {"python", "bound", "half_wrong"}
    missing = {(row["arm"], row["status"], row["reason"]) for row in run.note["missing"]}
    assert missing == {
        ("python@noop", "not offered", "it has no ladder, which noop needs"),
        ("bound@process", "not offered", "it has no AudioProcessor, which process needs"),
    }


def test_an_arm_that_takes_its_worker_down_is_named_and_left_out(install: Install, tmp_path: Path) -> None:
    install("deadly_arm", packages.DIES_LATER)
    outcome = run_arms(tmp_path / "run", "deadly_arm", "python")
    assert any("deadly_arm" in problem and "status 41" in problem for problem in outcome.problems)
    run = results.read_run(outcome.folder)
    assert run.note["workers"]["done"] == 2
    assert set(run.slots[run.slots["cell"] == "decode-callbot-warm"]["arm"]) == {"stdlib", "python", NULL, EMPTY}


def test_an_arm_that_does_not_exist_is_a_problem_only_if_it_was_asked_for(tmp_path: Path) -> None:
    tiny = Profile("tiny", 1, 5, 0.1)
    assert run_arms(tmp_path / "one", "python", "nix", profile=tiny).problems == []
    asked = run_arms(tmp_path / "two", "python", "nix", profile=tiny, asked_for=["nix"])
    assert [problem.split(":")[:2] for problem in asked.problems] == [["nix", " unknown"]]


def test_an_arm_not_made_for_this_machine_is_a_row_with_its_reason(install: Install, tmp_path: Path) -> None:
    install("absent_arm", packages.UNAVAILABLE)
    outcome = run_arms(tmp_path / "run", "absent_arm", profile=Profile("tiny", 1, 5, 0.1))
    assert outcome.problems == []
    note = results.read_run(outcome.folder).note
    assert {row["reason"] for row in note["missing"]} == {"this CPU lacks the instructions"}


def test_a_baseline_that_is_missing_leaves_rows_and_no_numbers(tmp_path: Path) -> None:
    outcome = run_arms(tmp_path / "run", "python", baseline="nix")
    assert outcome.problems == ["nothing was timed: no cell has a baseline that is ready"]
    assert outcome.workers_done == 0
    note = json.loads((outcome.folder / "run.json").read_text())
    assert {row["arm"] for row in note["missing"]} == {"nix", "python"}


def test_what_was_excluded_is_not_timed(tmp_path: Path) -> None:
    tiny = Profile("tiny", 1, 5, 0.1)
    outcome = run_arms(tmp_path / "run", "python", profile=tiny, excluded={"python": "the suite says no"})
    assert outcome.problems == ["python: does not conform: the suite says no"]
    assert "python" not in set(results.read_run(outcome.folder).slots["arm"])


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("keep", encoding="utf-8")
    with pytest.raises(LabError, match="not empty"):
        measure.new_folder(tmp_path, "tiny")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_is_done(tmp_path: Path, how: signal.Signals) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "callbot_lab", "measure", "-e", "best", "-i", "python", "-s", "160"]
    process = subprocess.Popen(
        [*command, "--profile", "glance", "--out", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A test run in the background of a script has SIGINT ignored, and would hand that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not list(folder.glob("slots/worker-001.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, how)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted:" in output
    assert "Traceback" not in output
    run = results.read_run(folder)
    assert run.note["status"] == "interrupted"
    assert 2 <= run.note["workers"]["done"] < 4
    assert run.slots["worker"].nunique() >= 2
    assert isinstance(run.slots, pd.DataFrame)
