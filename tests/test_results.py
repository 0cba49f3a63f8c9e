"""A damaged folder is one line that says what is wrong, never a traceback or a guess."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from callbot_lab import results
from callbot_lab.errors import LabError

from .synthetic import make_run, reproduce

NOTE = {
    "schema": 1,
    "status": "complete",
    "profile": {"name": "quick", "workers": 1, "blocks": 1, "cell_seconds": 1.0},
    "experiments": [],
    "arms": [],
    "missing": [],
    "environment": {},
    "warnings": [],
    "workers": {"done": 1, "lost": []},
    "input": {},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of one worker and two slots."""
    slots = tmp_path / "slots"
    slots.mkdir()
    (tmp_path / "run.json").write_text(json.dumps(NOTE), encoding="utf-8")
    rows = {"worker": 0, "experiment": "e", "cell": "c", "arm": ["one", "other"], "block": 0, "position": [0, 1]}
    table = pd.DataFrame({**rows, "turns": 1, "chunks": 256, "wall_ns": 1000, "cpu_ns": 1000})
    table.to_parquet(slots / "worker-000.parquet")
    (slots / "worker-000.json").write_text(json.dumps({"worker": 0, "faults": []}), encoding="utf-8")
    return tmp_path


def test_a_whole_run_is_read(folder: Path) -> None:
    run = results.read_run(folder)
    assert run.slots["arm"].tolist() == ["one", "other"]
    assert run.workers["worker"].tolist() == [0]


def test_slots_of_an_arm_that_failed_are_left_out(folder: Path) -> None:
    fault = {"experiment": "e", "cell": "c", "arm": "one", "status": "wrong output", "reason": "after timing"}
    note = {"worker": 0, "faults": [fault]}
    (folder / "slots" / "worker-000.json").write_text(json.dumps(note), encoding="utf-8")
    assert results.read_run(folder).slots["arm"].tolist() == ["other"]


def drop_note(folder: Path) -> None:
    (folder / "run.json").unlink()


def cut_note(folder: Path) -> None:
    path = folder / "run.json"
    path.write_text(path.read_text(encoding="utf-8")[:40], encoding="utf-8")


def note_of_another_layout(folder: Path) -> None:
    (folder / "run.json").write_text(json.dumps({**NOTE, "schema": 99}), encoding="utf-8")


def note_that_is_a_list(folder: Path) -> None:
    (folder / "run.json").write_text("[]", encoding="utf-8")


def note_without_arms(folder: Path) -> None:
    (folder / "run.json").write_text(json.dumps({k: v for k, v in NOTE.items() if k != "arms"}), encoding="utf-8")


def drop_slots(folder: Path) -> None:
    shutil.rmtree(folder / "slots")


def cut_slots(folder: Path) -> None:
    path = folder / "slots" / "worker-000.parquet"
    path.write_bytes(path.read_bytes()[:100])


def slots_without_a_column(folder: Path) -> None:
    path = folder / "slots" / "worker-000.parquet"
    pd.read_parquet(path).drop(columns="wall_ns").to_parquet(path)


def drop_worker_note(folder: Path) -> None:
    (folder / "slots" / "worker-000.json").unlink()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (drop_note, "it has no run.json"),
        (cut_note, "run.json is damaged"),
        (note_of_another_layout, "has layout 99; this version reads 1"),
        (note_that_is_a_list, "has layout none"),
        (note_without_arms, "it lacks arms"),
        (drop_slots, "holds no slots"),
        (cut_slots, "worker-000.parquet is damaged"),
        (slots_without_a_column, "lacks the columns wall_ns"),
        (drop_worker_note, "worker-000.parquet is damaged"),
    ],
)
def test_damage_is_one_line(folder: Path, damage: Callable[[Path], None], words: str) -> None:
    damage(folder)
    with pytest.raises(LabError) as caught:
        results.read_run(folder)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_verification_is_one_line(folder: Path) -> None:
    assert results.read_verification(folder) is None
    (folder / "verification.json").write_text('{"sections": []', encoding="utf-8")
    with pytest.raises(LabError, match=r"verification\.json is damaged"):
        results.read_verification(folder)


def test_the_newest_run_is_the_last_by_name(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="holds no run"):
        results.latest_run(tmp_path)
    for name in ("20260102T000000Z-quick", "20260101T000000Z-quick"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{}", encoding="utf-8")
    assert results.latest_run(tmp_path).name == "20260102T000000Z-quick"


def test_the_newest_run_with_an_experiment_is_not_always_the_newest(tmp_path: Path) -> None:
    for name, experiments in (("20260101T000000Z-a", [reproduce(2.66)]), ("20260102T000000Z-b", [])):
        make_run(tmp_path / name, experiments)
    assert results.latest_run(tmp_path).name == "20260102T000000Z-b"
    assert results.latest_run(tmp_path, "reproduce").name == "20260101T000000Z-a"
    with pytest.raises(LabError, match="no run with best; make one with: callbot-lab measure -e best"):
        results.latest_run(tmp_path, "best")
