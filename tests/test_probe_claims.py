"""Claims about tails, memory and threads get the verdict that a made-up run of probes deserves."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from callbot_lab import ledger, report, results
from callbot_lab.probes import recorded
from callbot_lab.probes.recorded import SHOWN, ProbeData
from callbot_lab.probes.run import NOTE

from .synthetic import Plan, make_run, reproduce
from .synthetic_probes import PYTHON, RUST, latency, memory, threads, whole

CLAIMS = ("predictable", "reallocations-python", "reallocations-rust", "peak-memory", "concurrency")


def judged(folder: Path, probes: ProbeData | None) -> pd.DataFrame:
    run = results.read_run(make_run(folder / "run", [reproduce(2.66)]))
    return ledger.ledger(run, probes=probes).set_index("id")


def test_what_the_report_says_is_reproduced(tmp_path: Path) -> None:
    found = judged(tmp_path, whole(tmp_path))
    assert dict.fromkeys(CLAIMS, "reproduced") == found.loc[list(CLAIMS), "verdict"].to_dict()
    assert found.loc["predictable", "ours"] == pytest.approx(0.5, rel=0.03)
    assert found.loc["peak-memory", "ours"] == pytest.approx(2**19)
    assert found.loc["concurrency", "ours"] == pytest.approx(1.9, rel=0.03)
    assert "reallocated its grown storage 154 times" in found.loc["reallocations-python", "why"]
    row = found.loc["maintainable"]
    assert row["verdict"] == "not testable here"
    assert "rust has lines in all: 1,500" in row["why"]


def test_the_opposite_is_refuted(tmp_path: Path) -> None:
    made = whole(
        tmp_path,
        latency=latency({PYTHON: 3.0, RUST: 6.0}),
        memory=memory(1.0, {PYTHON: 60.0, RUST: 1.0}),
        threads=threads({"python": 1.0, "rust": 1.0}),
    )
    found = judged(tmp_path, made)
    assert dict.fromkeys(CLAIMS, "refuted") == found.loc[list(CLAIMS), "verdict"].to_dict()


def test_alike_is_not_more_predictable(tmp_path: Path) -> None:
    row = judged(tmp_path, whole(tmp_path, latency=latency({PYTHON: 3.0, RUST: 3.0}))).loc["predictable"]
    assert row["verdict"] == "refuted"
    assert "alike" in row["why"]


def test_a_busy_machine_says_nothing_about_threads(tmp_path: Path) -> None:
    made = whole(tmp_path, threads=threads({"rust": 1.0}, control=1.3))
    row = judged(tmp_path, made).loc["concurrency"]
    assert row["verdict"] == "not tested yet"
    assert "too busy" in row["why"]


def test_of_recorded_runs_the_fullest_counts_and_then_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = {"1": ["latency", "memory"], "2": ["latency", "memory"], "3": ["memory"]}
    for name in held:
        (tmp_path / name).mkdir()
        (tmp_path / name / NOTE).write_text("{}", encoding="utf-8")
    monkeypatch.setattr(
        recorded,
        "read_probes",
        lambda folder: ProbeData(folder, {}, {name: pd.DataFrame() for name in held[folder.name]}),
    )
    found = recorded.latest(tmp_path / "none", tmp_path)
    assert found is not None
    assert found.folder.name == "2"
    assert recorded.latest(tmp_path / "none") is None


def test_without_a_run_of_probes_claims_wait(tmp_path: Path) -> None:
    found = judged(tmp_path, None)
    assert set(found.loc[list(CLAIMS), "verdict"]) == {"not tested yet"}
    assert "no run of memory is at hand" in found.loc["peak-memory", "why"]


def test_the_page_shows_every_probe_and_counts_beside_times(tmp_path: Path) -> None:
    run = results.read_run(make_run(tmp_path / "run", [Plan(ratios={"rust": 4.0}), reproduce(2.66)]))
    text = report.Report(run, None, probes=whole(tmp_path)).write(tmp_path / "with").read_text(encoding="utf-8")
    for name in SHOWN:
        assert f'<h3 id="{name}">' in text
    assert "instructions per chunk" in text
    (row,) = [
        line for line in text.split("</tr>") if '<th scope="row" class="nowrap">rust</th><td class="n">4.' in line
    ]
    assert '<td class="n">800</td>' in row
    text = report.Report(run, None).write(tmp_path / "without").read_text(encoding="utf-8")
    assert "No run of these experiments is at hand" in text
    assert "instructions per chunk" not in text
