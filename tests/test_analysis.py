"""The analysis finds the truth that was put into slots, and says nothing where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from callbot_lab import analysis
from callbot_lab.results import RunData
from callbot_lab.worker import EMPTY, NULL

BASE = "base"


def slots(
    speeds: dict[str, float],
    *,
    workers: int = 12,
    blocks: int = 20,
    spread: float = 0.01,
    drift: float = 0.0,
    seed: int = 7,
) -> pd.DataFrame:
    """Slots of arms with known speeds relative to the baseline: noise in every slot, and between workers, as `spread`.

    `drift` is the relative slowing from one slot of a block to the next.
    """
    random = np.random.default_rng(seed)
    arms = {BASE: 1.0, NULL: 1.0, **speeds}
    rows = []
    for worker in range(workers):
        shift = {arm: random.normal(0, spread) for arm in arms}
        for block in range(blocks):
            order = random.permutation(list(arms))
            for position, arm in enumerate([*order, *order[::-1]]):
                chunks = 256 * int(random.integers(1, 4))
                log_time = np.log(1000 / arms[arm]) + shift[arm] + drift * position + random.normal(0, spread)
                rows.append((worker, arm, block, position, chunks, np.exp(log_time) * chunks))
    table = pd.DataFrame(rows, columns=["worker", "arm", "block", "position", "chunks", "wall_ns"])
    return table.assign(cpu_ns=table["wall_ns"])


def analysed(table: pd.DataFrame, margin: float = 0.03) -> pd.DataFrame:
    return analysis.analyse_cell(table, BASE, margin).set_index("arm")


@pytest.mark.parametrize(
    ("speed", "verdict"), [(2.66, "faster"), (1.10, "faster"), (1.0, "equivalent"), (0.90, "slower"), (0.37, "slower")]
)
def test_a_known_ratio_is_found(speed: float, verdict: str) -> None:
    row = analysed(slots({"arm": speed})).loc["arm"]
    assert row["low"] < speed < row["high"]
    assert row["verdict"] == verdict
    assert row["boot_low"] < row["ratio"] < row["boot_high"]


def test_times_per_chunk_do_not_depend_on_the_turns_in_a_slot() -> None:
    row = analysed(slots({"arm": 2.0}, spread=1e-6)).loc["arm"]
    assert row["ratio"] == pytest.approx(2.0, rel=1e-4)
    assert row["p50"] == pytest.approx(500.0, rel=1e-3)


def test_drift_within_a_block_cancels() -> None:
    # Every slot is 5 % slower than the one before it; in one order alone the arms would differ by that.
    row = analysed(slots({"arm": 1.0}, spread=1e-6, drift=0.05)).loc["arm"]
    assert row["ratio"] == pytest.approx(1.0, abs=1e-4)


def test_a_few_workers_give_no_verdict() -> None:
    row = analysed(slots({"arm": 1.5}, workers=2)).loc["arm"]
    assert row["verdict"] == "undecided"
    assert np.isinf(row["high"])


def test_noise_gives_no_verdict() -> None:
    row = analysed(slots({"arm": 1.02}, spread=0.10, workers=6)).loc["arm"]
    assert row["verdict"] == "undecided"
    assert row["smallest"] > 1.05


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    samples = random.normal(0.2, 0.05, (2000, 10))
    covered = [low < 0.2 < high for _, low, high in map(analysis.interval, samples)]
    assert 0.935 < np.mean(covered) < 0.965


def test_the_smallest_effect_is_found_four_times_out_of_five() -> None:
    random = np.random.default_rng(4)
    samples = random.normal(0.0, 0.05, (2000, 10))
    effect = np.mean([np.log(analysis.smallest_effect(sample)) for sample in samples])
    found = [analysis.interval(sample + effect)[1] > 0 for sample in samples]
    assert 0.77 < np.mean(found) < 0.83


def test_the_p_value_is_that_of_the_t_test() -> None:
    sample = np.random.default_rng(5).normal(0.02, 0.05, 12)
    assert analysis.p_value(sample) == pytest.approx(stats.ttest_1samp(sample, 0.0).pvalue)
    low, high = stats.ttest_1samp(sample, 0.0).confidence_interval(analysis.CONFIDENCE)
    assert analysis.interval(sample)[1:] == pytest.approx((low, high))


def test_holm_corrects_as_in_the_textbook() -> None:
    corrected = analysis.holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert corrected == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize(
    ("low", "high", "p_holm", "null_band", "verdict"),
    [
        (0.05, 0.07, 0.001, 0.01, "faster"),
        (-0.07, -0.05, 0.001, 0.01, "slower"),
        (0.01, 0.02, 0.001, 0.001, "equivalent"),  # detected, and smaller than the margin
        (-0.01, 0.01, 0.9, 0.01, "equivalent"),
        (0.05, 0.07, 0.20, 0.01, "undecided"),  # does not survive the correction
        (0.05, 0.07, 0.001, 0.06, "undecided"),  # within what the null arm shows
        (-0.07, -0.05, 0.001, 0.06, "undecided"),
        (-0.02, 0.05, 0.3, 0.01, "undecided"),
    ],
)
def test_verdicts(low: float, high: float, p_holm: float, null_band: float, verdict: str) -> None:
    row = {"log_low": low, "log_high": high, "p_holm": p_holm, "null_band": null_band}
    assert analysis.verdict(row, 0.03) == verdict


def test_the_null_and_the_empty_arm_do_not_cost_the_others_power() -> None:
    alone = analysed(slots({"arm": 1.02}))
    beside = analysed(slots({"arm": 1.02, EMPTY: 50.0}))
    assert alone.loc["arm", "p_holm"] == alone.loc["arm", "p"]
    assert beside.loc["arm", "p_holm"] == beside.loc["arm", "p"]


def test_a_pair_of_arms_is_compared_in_the_same_blocks() -> None:
    table = slots({"one": 3.0, "other": 2.0}).assign(experiment="e", cell="c")
    run = RunData(Path(), {"experiments": [{"name": "e", "baseline": BASE}]}, table, pd.DataFrame())
    pairs = analysis.pairwise(run, "e", "c", 0.03).set_index(["arm", "against"])
    row = pairs.loc[("one", "other")]
    assert row["low"] < 1.5 < row["high"]
    assert pairs.loc[("other", "one"), "ratio"] == pytest.approx(1 / row["ratio"])
    assert not row["equivalent"]
