"""A run that was stopped goes on where it was, and only on the machine and the builds that it was begun with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from callbot_lab import environment, experiment, measure
from callbot_lab.errors import LabError
from callbot_lab.experiment import Cell, Experiment
from callbot_lab.measure import Profile, Run
from callbot_lab.probes import probe
from callbot_lab.probes.run import ProbeRun, read_note, read_rows
from callbot_lab.results import read_run
from callbot_lab.resume import resume

TINY = Profile("tiny", 3, 5, 0.05)
COMPARISON = Experiment("few", "?", "stdlib", ("python",), (Cell("decode", "160", "hot"),))


class Stopping:
    """Steps that interrupt when so many were done."""

    def __init__(self, after: int | None = None) -> None:
        self.done, self.after, self.said = 0, after, list[str]()

    def expect(self, more: int) -> None:
        """See Steps."""

    def advance(self, doing: str) -> None:
        """See Steps."""
        if self.done == self.after:
            raise KeyboardInterrupt
        self.done += 1

    def doing(self, what: str) -> None:
        """See Steps."""

    def say(self, line: str) -> None:
        """See Steps."""
        self.said.append(line)


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """A run of slots that ended in the second of three workers, which wrote down what it had."""
    folder = measure.new_folder(tmp_path / "run", "tiny")
    outcome = Run([COMPARISON], TINY, folder, seed=5).go(Stopping(1))
    assert outcome.interrupted
    assert outcome.workers_done == 2
    second = json.loads((folder / "slots" / "worker-001.json").read_text(encoding="utf-8"))
    assert not second["complete"]
    return folder


def edit(path: Path, change: Any) -> None:
    """Change a note."""
    note = json.loads(path.read_text(encoding="utf-8"))
    change(note)
    path.write_text(json.dumps(note), encoding="utf-8")


def test_slots_that_are_there_stay_as_they_are(stopped: Path) -> None:
    before = (stopped / "slots" / "worker-000.parquet").read_bytes()
    (run,) = resume(stopped)
    assert isinstance(run, Run)
    assert run.left == [1, 2]
    assert run.step_count == 2
    outcome = run.go(Stopping())
    assert (outcome.interrupted, outcome.workers_done) == (False, 3)
    assert (stopped / "slots" / "worker-000.parquet").read_bytes() == before
    found = read_run(stopped)
    assert found.note["status"] == "complete"
    assert sorted(found.slots["worker"].unique()) == [0, 1, 2]
    assert list(found.workers["seed"]) == ["5-0", "5-1", "5-2"]
    with pytest.raises(LabError, match="is complete; nothing is left to do"):
        resume(stopped)


def test_a_worker_that_was_ended_halfway_is_sent_out_anew(stopped: Path) -> None:
    edit(stopped / "slots" / "worker-000.json", lambda note: note.update(complete=False))
    assert [run.left for run in resume(stopped)] == [[0, 1, 2]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda note: note["environment"]["cpu"].update(name="another"), "not the same are cpu"),
        (lambda note: note["environment"]["binaries"].popitem(), "not the same are binaries"),
        (lambda note: note["environment"]["commit"].update(revision="0" * 40), "not the same are commit"),
        (lambda note: note["input"].update(sha256="0" * 64), "not the same are recording"),
        (lambda note: note["arms"][0]["build"].update(flags="others"), "not the same are arms"),
    ],
    ids=["machine", "binaries", "commit", "recording", "build"],
)
def test_two_machines_or_builds_are_not_mixed(stopped: Path, change: Any, said: str) -> None:
    edit(stopped / "run.json", change)
    with pytest.raises(LabError, match=said):
        resume(stopped)


def test_an_experiment_is_read_back_as_it_was_written() -> None:
    for name in experiment.known():
        data = json.loads(json.dumps(experiment.read(name).as_data()))
        assert experiment.of_data(data).as_data() == data


def test_the_compiled_modules_have_their_digests() -> None:
    found = environment.binaries()
    assert found
    assert {len(digest) for digest in found.values()} == {64}
    assert not [name for name in found if name.split(": ")[1].startswith("/")]


def test_jobs_of_a_probe_that_are_done_are_not_done_again(tmp_path: Path) -> None:
    first = ProbeRun(["selftest"], "glance", tmp_path, seed=1, arms=["python"])
    assert [len(first.jobs), first.step_count] == [4, 4]
    outcome = first.go(Stopping(1))
    assert (outcome.interrupted, outcome.workers_done) == (True, 1)
    (file,) = (tmp_path / "selftest").iterdir()
    before = file.read_bytes()
    (run,) = resume(tmp_path)
    assert isinstance(run, ProbeRun)
    outcome = run.go(Stopping())
    assert (outcome.interrupted, outcome.workers_done, outcome.problems) == (False, 4, [])
    assert file.read_bytes() == before
    assert read_note(tmp_path)["status"] == "complete"
    rows = read_rows(tmp_path, "selftest")
    assert sorted(rows["job"].unique()) == [0, 1, 2, 3]
    assert set(rows["arm"]) == {"python"}
    edit(tmp_path / "probes.json", lambda note: note["jobs"][0].update(seed="another"))
    file.unlink()
    with pytest.raises(LabError, match="not the same are jobs"):
        resume(tmp_path)


def test_a_job_that_fails_is_a_fault_with_its_reason(tmp_path: Path) -> None:
    run = ProbeRun(["selftest"], "glance", tmp_path, seed=1, arms=["python"])
    run.jobs = [{**run.jobs[0], "sets": [[0, "no such arm", "decode"]]}]
    steps = Stopping()
    outcome = run.go(steps)
    (fault,) = run.note["faults"]
    assert "no such arm: unknown" in fault["reason"]
    assert outcome.problems
    assert steps.said
    assert not (tmp_path / "selftest" / "job-0000.parquet").exists()
    assert run.left, "a job that failed is tried again when the run is continued"


def test_a_folder_without_a_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="holds no run that could be continued"):
        resume(tmp_path)


def test_an_arm_that_no_probe_has_is_said(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no experiment of selftest has an arm 'nobody'"):
        ProbeRun(["selftest"], "glance", tmp_path, arms=["nobody"])


@pytest.mark.parametrize("name", probe.known())
def test_a_probe_has_a_question_arms_and_columns(name: str) -> None:
    definition = probe.read(name)
    assert definition.question.endswith("?")
    assert definition.arms
    assert len(probe.module(name).COLUMNS) > 2
