"""Series that warm up, slow down, never rest, or do nothing of that are told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from callbot_lab import steadiness
from callbot_lab.results import RunData, read_run
from callbot_lab.steadiness import FLAT, RATIO, SHORT, SLOWING, TIME, UNSTEADY, WARMING, change_points, classify
from tests.synthetic import make_run, reproduce


def series(*states: tuple[int, float], noise: float = 0.01, seed: int = 4) -> np.ndarray:
    """Logarithms of times: so many blocks at each level."""
    draw = np.random.default_rng(seed)
    return np.concatenate([np.full(count, level) for count, level in states]) + draw.normal(
        0, noise, sum(count for count, _ in states)
    )


@pytest.fixture
def run(tmp_path: Path) -> RunData:
    """A run of three workers and 60 blocks that do not drift."""
    return read_run(make_run(tmp_path / "run", [reproduce(2.0)], workers=3, blocks=60, within=0.005, drift=0.0))


@pytest.mark.parametrize(
    ("states", "kind"),
    [
        ([(200, 0.0)], FLAT),
        ([(60, 0.1), (140, 0.0)], WARMING),
        ([(20, 0.2), (40, 0.1), (140, 0.0)], WARMING),
        ([(60, 0.0), (140, 0.1)], SLOWING),
        ([(60, 0.1), (60, -0.1), (80, 0.0)], UNSTEADY),
        ([(180, 0.1), (20, 0.0)], UNSTEADY),
        # Found, and too small to matter.
        ([(100, 0.008), (100, 0.0)], FLAT),
        ([(19, 0.0)], SHORT),
    ],
)
def test_a_series_is_classed_by_its_states(states: list[tuple[int, float]], kind: str) -> None:
    assert classify(series(*states, noise=0.005)) == kind


def test_change_points_are_where_they_were_put() -> None:
    assert change_points(series((70, 0.0), (130, 0.1))) == [70]


def test_noise_alone_has_no_change_points_as_a_rule() -> None:
    found = [bool(change_points(series((200, 0.0), seed=seed))) for seed in range(300)]
    assert sum(found) <= 6


def test_an_outlier_is_no_state_and_a_constant_has_none() -> None:
    values = series((200, 0.0))
    values[100] += 0.5
    assert change_points(values) == []
    assert classify(values) == FLAT
    assert change_points(np.zeros(50)) == []


def test_missing_blocks_are_left_out_of_a_series() -> None:
    values = series((60, 0.1), (140, 0.0))
    values[::3] = np.nan
    assert classify(values) == WARMING


def test_a_run_is_counted_arm_by_arm_and_worker_by_worker(run: RunData) -> None:
    found = steadiness.classes(run)
    slots = run.slots[run.slots["arm"] != "(empty call)"]
    places = slots.groupby(["experiment", "cell", "arm", "worker"]).ngroups
    baselines = slots[slots["arm"] == run.note["experiments"][0]["baseline"]]
    own = baselines.groupby(["experiment", "cell", "worker"]).ngroups
    assert (found["series"] == TIME).sum() == places
    assert (found["series"] == RATIO).sum() == places - own
    table = steadiness.counts(found)
    assert table[list(steadiness.KINDS)].to_numpy().sum() == len(found)


def test_what_all_arms_share_is_in_their_times_and_not_in_their_ratios(run: RunData) -> None:
    late = run.slots["block"] < 20
    slower = run.slots.assign(wall_ns=np.where(late, run.slots["wall_ns"] * 2, run.slots["wall_ns"]).astype(np.int64))
    found = steadiness.classes(type(run)(run.folder, run.note, slower, run.workers))
    assert set(found.loc[found["series"] == TIME, "kind"]) == {WARMING}
    assert (found.loc[found["series"] == RATIO, "kind"] == FLAT).mean() > 0.9
    said = steadiness.line(found)
    assert "0 % are flat" in said
    assert "nothing was left out" in said


def test_a_run_of_short_series_says_so() -> None:
    frame = pd.DataFrame({"series": [TIME], "kind": [SHORT], "experiment": ["x"]})
    assert steadiness.line(frame) == "No series is long enough."
