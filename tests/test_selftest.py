"""The self-test's arms do what they are said to do, and its summary finds rates that were put in."""

from __future__ import annotations

import random
import wave
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from callbot_lab import figures, readme, registry, report, results
from callbot_lab.errors import LabError
from callbot_lab.paths import SPEECH
from callbot_lab.probes import probe, selftest
from callbot_lab.probes.selftest import IN_TURN, PAIRED
from callbot_lab.probes.selftest_summary import POOLED, SINGLE, SelfTest, comparisons, lines, rates, title, wilson
from callbot_lab.worker import Timed, mirrored
from tests.synthetic import ENVIRONMENT, make_run, reproduce

INJECTED = (0.01, 0.03)


def slots(sets: int, *, between: float, within: float, per_arm: float, seed: int = 3) -> pd.DataFrame:
    """Slots of sets of four arms and one for each of INJECTED, in 20 workers of 12 blocks.

    Log times have a pace of the block, which all arms of a paired block share, a value of the arm in its worker
    (`between`), noise (`within`) and, one after the other, a pace of the arm's own (`per_arm`).
    """
    draw, rows = np.random.default_rng(seed), []
    places = [(pair, second, 0.0) for pair in (0, 1) for second in (False, True)]
    places += [(0, True, share) for share in INJECTED]
    for number in range(sets):
        for worker in range(20):
            own = {place: draw.normal(0, between) for place in places}
            for block in range(12):
                pace = draw.normal(0, 0.3)
                for position, place in enumerate((*places, *reversed(places))):
                    log = pace + own[place] + np.log1p(place[2]) + draw.normal(0, within)
                    rows.append((PAIRED, number, worker, *place, block, position, log))
            for position, place in enumerate(places[:4]):
                pace = draw.normal(0, per_arm)
                for slot in range(24):
                    log = pace + own[place] + draw.normal(0, within)
                    rows.append((IN_TURN, number, worker, *place, slot, position, log))
    names = ["way", "set", "worker", "pair", "second", "injected", "block", "position", "log"]
    found = pd.DataFrame(rows, columns=names).assign(group=0, arm="an arm", operation="decode", turns=7)
    return found.assign(wall_ns=np.round(np.exp(found["log"]) * 4e8).astype(np.int64))


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    """Comparisons of 60 sets whose arms differ by 1 % from worker to worker."""
    return comparisons(slots(60, between=0.01, within=0.01, per_arm=0.05))


def rate(found: pd.DataFrame, analysis: str, injected: float) -> pd.Series:
    """The one row of that analysis and share."""
    table = rates(found)
    return table[(table["analysis"] == analysis) & (table["injected"] == injected)].iloc[0]


def test_identical_arms_are_told_apart_as_often_as_the_level_says(found: pd.DataFrame) -> None:
    row = rate(found, PAIRED, 0.0)
    assert row["comparisons"] == 120
    # 120 tries at 5 %: 12 or fewer with a probability of 99 %.
    assert 0 < row["found"] <= 0.1
    assert row["covers"] == pytest.approx(1 - row["found"])
    assert row["called"] < row["found"]


def test_a_known_difference_is_found_and_covered(found: pd.DataFrame) -> None:
    # Half the width of an interval is about 0.66 % here: 3 % is far beyond it, and 1 % is not always found.
    assert rate(found, PAIRED, 0.03)["found"] == 1
    assert 0.5 < rate(found, PAIRED, 0.01)["found"] < 1
    for injected in INJECTED:
        assert rate(found, PAIRED, injected)["covers"] > 0.85
    assert rate(found, PAIRED, 0.0)["half"] - 1 == pytest.approx(0.0066, rel=0.15)


def test_the_interval_is_around_the_truth_and_not_its_inverse(found: pd.DataFrame) -> None:
    rows = found[(found["analysis"] == PAIRED) & (found["injected"] == 0.03)]
    assert rows["log"].mean() == pytest.approx(-np.log(1.03), abs=0.002)


def test_a_naive_benchmark_is_shown_to_see_what_is_not_there(found: pd.DataFrame) -> None:
    # An arm's own pace is the same for all its slots, so more of them are no more evidence.
    assert rate(found, IN_TURN, 0.0)["found"] < 0.15
    assert rate(found, POOLED, 0.0)["found"] > 0.3
    single = rate(found, SINGLE, 0.0)
    assert single["comparisons"] == 120 * 20
    assert single["found"] > 0.8
    assert single["covers"] == pytest.approx(1 - single["found"])


def test_the_sentences_say_both_analyses(found: pd.DataFrame) -> None:
    said = lines(rates(found))
    assert said[0].startswith("Of 120 comparisons of identical arms the paired analysis calls")
    assert any(line.startswith(f"Slots {SINGLE}: ") for line in said)
    assert "3 % in 100 %" in " ".join(said)


def test_the_interval_of_a_share_is_wilsons() -> None:
    # Newcombe 1998, Statistics in Medicine 17, table I: 81 of 263, 0 of 20 and 1 of 29.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


@pytest.fixture
def tested(found: pd.DataFrame, tmp_path: Path) -> SelfTest:
    """Those comparisons as a self-test of its own machine."""
    note = {"status": "complete", "warnings": ["a noisy machine"], "profile": "full", "jobs": [0] * 80}
    return SelfTest(tmp_path / "a-selftest", {**note, "environment": ENVIRONMENT}, rates(found))


def test_the_power_curve_shows_every_rate(tested: SelfTest) -> None:
    message = title(tested.rates)
    assert "a true 3 % is found nine times out of ten" in message
    figure = figures.power_curve(tested.rates, message)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["none", "1 %", "3 %"]
    drawn = {line.get_label(): line for line in axes.containers}
    assert list(drawn) == [PAIRED, IN_TURN, POOLED, SINGLE]
    marks = drawn[PAIRED].lines[0].get_ydata()
    assert list(marks) == list(tested.rates.loc[tested.rates["analysis"] == PAIRED, "found"])


def test_a_title_does_not_claim_what_was_not_found(found: pd.DataFrame) -> None:
    table = rates(found)
    assert title(table.assign(found=table["found"] * 0.5)).endswith("; no size is surely found")


def test_the_page_says_what_the_instrument_sees_or_that_nobody_asked(tested: SelfTest, tmp_path: Path) -> None:
    run = results.read_run(make_run(tmp_path / "run", [reproduce(2.0)]))
    page = report.Report(run, None, None, tested).write(tmp_path / "with").read_text(encoding="utf-8")
    assert lines(tested.rates)[0] in page
    assert title(tested.rates) in page
    assert "a noisy machine" in page
    page = report.Report(run, None).write(tmp_path / "without").read_text(encoding="utf-8")
    assert "No self-test is at hand" in page


def test_the_documents_say_where_a_self_test_is_from(tested: SelfTest) -> None:
    text = readme.seen(tested)
    assert text.startswith(lines(tested.rates)[0])
    assert f"From `a-selftest`: profile full, 80 workers, {ENVIRONMENT['cpu']['name']}" in text
    with pytest.raises(LabError, match="holds no self-test; make one with: callbot-lab selftest"):
        readme.seen(None)


def plan(**changes: Any) -> list[probe.Job]:
    """The jobs of the smallest profile, of a definition with changes."""
    definition = probe.read("selftest")
    data = {**definition.data, **changes}
    rows = registry.load_all(["python"])
    return selftest.jobs(probe.Definition("selftest", "", ("python",), data), rows, "glance")


def test_what_is_injected_is_a_whole_number_of_turns() -> None:
    assert plan()[0]["extra"] == {"0.01": 1, "0.02": 2, "0.03": 3, "0.05": 5, "0.1": 10}
    with pytest.raises(LabError, match=r"0\.01 of 64 turns is no whole number"):
        plan(turns=64)


def test_the_full_profile_has_the_null_comparisons_that_a_rate_needs() -> None:
    data = probe.read("selftest").data
    full = data["profiles"]["full"]
    assert full["groups"] * full["sets"] * data["null_pairs"] >= 200
    assert full["workers"] == 20


def test_a_worker_times_every_arm_in_every_block_and_the_identical_ones_in_turn() -> None:
    job = {**plan()[0], "input": str(SPEECH), "blocks": 3}
    job["sets"] = job["sets"][:1]
    rows = pd.DataFrame(selftest.perform(job, lambda _: None))
    paired, in_turn = rows[rows["way"] == PAIRED], rows[rows["way"] == IN_TURN]
    arms = ["pair", "second", "injected"]
    assert set(rows["turns"]) == {100}
    assert set(paired.groupby(["block", *arms]).size()) == {2}
    assert paired.groupby(arms).ngroups == 3 * 2 + 5
    positions = paired[paired["block"] == 0].sort_values("position")[arms].to_numpy().tolist()
    assert positions == positions[::-1]
    assert in_turn.groupby(arms).ngroups == 3 * 2
    # One after the other: what is done of an arm before the next begins.
    assert list(in_turn["position"]) == sorted(in_turn["position"])
    assert set(in_turn.groupby("position").size()) == {6}


def test_an_injected_arm_runs_the_turns_that_it_does_not_admit(monkeypatch: pytest.MonkeyPatch) -> None:
    job = {**plan()[0], "input": str(SPEECH), "blocks": 1}
    job["sets"] = job["sets"][:1]
    ran: list[tuple[str, int]] = []

    def counted(arms: Sequence[Timed], draw: random.Random) -> list[tuple[Timed, int, int]]:
        ran.extend((arm.name, arm.turns) for arm in arms)
        return mirrored(arms, draw)

    monkeypatch.setattr(selftest, "mirrored", counted)
    selftest.perform(job, lambda _: None)
    assert dict(ran[6:]) == {"0 1 0.01": 101, "0 1 0.02": 102, "0 1 0.03": 103, "0 1 0.05": 105, "0 1 0.1": 110}
    assert {turns for _, turns in ran[:6]} == {100}


def test_an_arm_with_wrong_output_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    job = {**plan()[0], "input": str(SPEECH), "blocks": 1}
    (row,) = registry.load_all(["python"])

    class Wrong:
        BUILD = row.subject.BUILD
        AudioBuffer = row.subject.AudioBuffer

        @staticmethod
        def decode(chunk: str) -> bytes:
            return bytes(row.subject.decode(chunk))[:-1]

    monkeypatch.setattr(registry, "load_all", lambda _: [replace(row, subject=Wrong)])
    job["sets"] = [[0, "python", "decode"]]
    with pytest.raises(LabError, match="python decode: its output differs before timing"):
        selftest.perform(job, lambda _: None)


def test_a_recording_that_is_too_short_is_refused(tmp_path: Path) -> None:
    short = tmp_path / "short.wav"
    with wave.open(str(short), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(1280 * 40))
    with pytest.raises(LabError, match=r"has 40 chunks of callbot, and 64 are needed"):
        selftest.perform({**plan()[0], "input": str(short)}, lambda _: None)
