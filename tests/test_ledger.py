"""Every claim gets the verdict that the truth of a made-up run deserves."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from callbot_lab import ledger, paths, results
from callbot_lab.errors import LabError

from .synthetic import BASE_NS, EMPTY_NS, RUNG_NS, Plan, ablation, ladder, make_run, matched, reproduce

COLUMNS = ("id", "claim", "reported", "ours", "low", "high", "unit", "verdict", "why")
CLAIMS = pd.read_csv(paths.CLAIMS, keep_default_na=False).set_index("id")


def judged(folder: Path, *plans: Plan, data: Path = paths.CLAIMS.parent, **settings: object) -> pd.DataFrame:
    run = results.read_run(make_run(folder, plans, **settings))  # type: ignore[arg-type]
    return ledger.ledger(run, folder=data).set_index("id")


@pytest.fixture(scope="module")
def true(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The ledger of a run in which the report is right: 2.66."""
    return judged(tmp_path_factory.mktemp("ledger") / "run", reproduce(2.66))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A copy of the three files of the ledger, to be changed."""
    for name in ("claims.csv", "report.csv", "rules.csv"):
        shutil.copy(paths.CLAIMS.parent / name, tmp_path / name)
    return tmp_path


def change(data: Path, name: str, old: str, new: str) -> None:
    text = (data / name).read_text(encoding="utf-8")
    assert text.count(old) == 1
    (data / name).write_text(text.replace(old, new), encoding="utf-8")


def test_every_claim_has_one_of_the_verdicts_and_a_reason(true: pd.DataFrame) -> None:
    assert list(true.index) == list(CLAIMS.index)
    assert set(true["verdict"]) <= set(ledger.VERDICTS)
    assert (true["why"].str.len() > 20).all()
    assert not true["why"].str.contains("nan|inf ").any()
    assert list(true.reset_index().columns[:9]) == list(COLUMNS)


def test_a_true_ratio_is_reproduced(true: pd.DataFrame) -> None:
    row = true.loc["speedup"]
    assert row["verdict"] == "reproduced"
    assert row["ours"] == pytest.approx(2.66, rel=0.03)
    assert row["low"] < 2.66 < row["high"]
    assert "2.1 to 3.4" in row["why"]
    assert "CPython 3.11.7, built without profile-guided optimisation" in row["why"]
    assert true.loc["decode-speedup", "verdict"] == "reproduced"


@pytest.mark.parametrize("ratio", [1.0, 1.6, 5.0, 0.5])
def test_another_ratio_is_refuted(tmp_path: Path, ratio: float) -> None:
    found = judged(tmp_path / "run", reproduce(ratio))
    for claim in ("speedup", "decode-speedup", "throughput-gain", "time-saved"):
        assert found.loc[claim, "verdict"] == "refuted", claim
        assert "do not overlap" in found.loc[claim, "why"]


def test_the_range_is_that_of_the_claims_note(tmp_path: Path, data: Path) -> None:
    change(data, "claims.csv", "about 2.1 to 3.4", "about 2.4 to 2.5")
    assert judged(tmp_path / "run", reproduce(2.9), data=data).loc["speedup", "verdict"] == "refuted"


def test_gain_and_saving_follow_the_ratio(true: pd.DataFrame) -> None:
    ratio = true.loc["speedup", "ours"]
    assert true.loc["throughput-gain", "ours"] == pytest.approx(100 * (ratio - 1))
    assert "(1,259,445 / 473,700 - 1) x 100 = 165.9" in true.loc["throughput-gain", "why"]
    saved = true.loc["time-saved"]
    assert saved["verdict"] == "reproduced"
    assert saved["ours"] == pytest.approx(2564 * BASE_NS / 1e6 * (1 - 1 / 2.66), rel=0.3)
    assert "5.41 - 2.04 = 3.37 ms" in saved["why"]


def test_wrong_arithmetic_of_the_report_is_found(tmp_path: Path, data: Path) -> None:
    change(data, "claims.csv", "throughput gain,165.9", "throughput gain,265.9")
    change(data, "claims.csv", "2564 chunks,3.38", "2564 chunks,4.38")
    found = judged(tmp_path / "run", reproduce(2.66), data=data)
    assert found.loc["throughput-gain", "verdict"] == "inconsistent in itself"
    assert found.loc["time-saved", "verdict"] == "inconsistent in itself"


def test_absolute_figures_stand_beside_ours_and_are_not_judged(true: pd.DataFrame) -> None:
    for claim in ("throughput-python", "throughput-rust", "decode-python", "decode-rust"):
        row = true.loc[claim]
        assert row["verdict"] == "not testable here"
        assert row["low"] < row["ours"] < row["high"]
    # Workers differ by a tenth and blocks by a fifth, so the median is near and not at the truth.
    assert true.loc["throughput-python", "ours"] == pytest.approx(1e9 / BASE_NS, rel=0.25)
    assert true.loc["decode-rust", "ours"] == pytest.approx(2564 * BASE_NS / 2.66 / 1e6, rel=0.25)


@pytest.mark.parametrize(
    ("claim", "arithmetic"),
    [
        ("call-python", "a factor of 40.7"),
        ("call-rust", "a factor of 40.7"),
        ("call-saved", "a factor of 40.5"),
        ("chunk-latency-python", "2.11 ms x 2564 chunks = 5,410 ms"),
        ("chunk-latency-rust", "The unit should be microseconds"),
    ],
)
def test_contradictions_are_shown_with_their_arithmetic(tmp_path: Path, claim: str, arithmetic: str) -> None:
    # They need no run that has the report's designs.
    row = judged(tmp_path / "run", Plan(ratios={"rust": 4.0})).loc[claim]
    assert row["verdict"] == "inconsistent in itself"
    assert arithmetic in row["why"]
    assert pd.isna(row["ours"])


def test_a_contradiction_that_is_mended_is_none(tmp_path: Path, data: Path) -> None:
    change(data, "claims.csv", "in Python,220,", "in Python,5.41,")
    assert judged(tmp_path / "run", reproduce(2.66), data=data).loc["call-python", "verdict"] == "not testable here"


def test_spread_is_compared_as_a_share_of_the_mean(tmp_path: Path, true: pd.DataFrame) -> None:
    row = true.loc["sd-python"]
    assert "n = 5 passes" in row["why"]
    assert "n = 12 workers" in row["why"]
    assert row["verdict"] == "reproduced"  # workers differ by about ten per cent, as the report's passes do
    assert row["low"] < row["ours"] < row["high"]


def test_other_experiments_are_named(true: pd.DataFrame) -> None:
    assert true.loc["thread-safe", "verdict"] == "not tested yet"
    assert "Experiment threads will answer it" in true.loc["thread-safe", "why"]
    assert true.loc["concurrency", "verdict"] == "not tested yet"
    assert "no run of threads is at hand. Experiment threads answers it" in true.loc["concurrency", "why"]
    for claim, experiment in {
        "simd": "matched",
        "zero-cost-ffi": "ladder",
        "buffering-matters": "ablation",
        "zero-copy": "ablation",
    }.items():
        assert true.loc[claim, "verdict"] == "not tested yet"
        assert f"this run has no experiment {experiment}. Experiment {experiment} answers it" in true.loc[claim, "why"]
    assert true.loc["energy", "verdict"] == "not testable here"


def test_without_the_experiment_nothing_is_tested(tmp_path: Path) -> None:
    found = judged(tmp_path / "run", Plan(ratios={"rust": 4.0}))
    for claim in ("speedup", "decode-rust", "sd-python", "time-saved", "throughput-gain"):
        assert found.loc[claim, "verdict"] == "not tested yet"
        assert "no experiment reproduce" in found.loc[claim, "why"]
    assert found["ours"].isna().all()


def test_a_missing_arm_is_not_tested_and_has_no_number(tmp_path: Path) -> None:
    plan = Plan("reproduce", "report-a", lacking={"rust-report": ("wrong output", "x")}, cells=reproduce(1).cells)
    found = judged(tmp_path / "run", plan)
    for claim in ("speedup", "decode-speedup", "throughput-rust", "sd-rust", "time-saved"):
        assert found.loc[claim, "verdict"] == "not tested yet"
        assert "rust-report was not measured (wrong output" in found.loc[claim, "why"]
        assert pd.isna(found.loc[claim, "ours"])
    assert found.loc["throughput-python", "ours"] > 0


def test_noise_is_no_reproduction(tmp_path: Path) -> None:
    few = judged(tmp_path / "few", reproduce(2.66), workers=2).loc["speedup"]
    assert few["verdict"] == "not tested yet"
    assert "too few" in few["why"]
    wild = judged(tmp_path / "wild", reproduce(1.5), workers=4, between=0.5, seed=0).loc["speedup"]
    assert wild["low"] < 1 < 2.1 < wild["high"]
    assert wild["verdict"] == "not tested yet"


@pytest.mark.parametrize(
    ("scalar", "verdict", "words"),
    [(5.0, "reproduced", ""), (8.0, "refuted", "It is less: "), (2.0, "refuted", "It is more: ")],
)
def test_the_first_kernel_that_a_rule_names_is_set_against_the_other(
    tmp_path: Path, scalar: float, verdict: str, words: str
) -> None:
    plan = matched()
    plan = replace(plan, ratios={**plan.ratios, "rust-scalar": scalar})
    row = judged(tmp_path / "run", plan).loc["simd"]
    assert row["verdict"] == verdict
    assert row["ours"] == pytest.approx(20.0 / scalar, rel=0.03)
    assert row["low"] < row["ours"] < row["high"]
    assert f"{words}rust-avx2 is" in row["why"]
    assert "taken for the claim's figure is 3 to 5" in row["why"]
    assert "Beside it, rust-avx512 is" in row["why"]


def test_another_kernel_stands_in_for_one_that_was_not_measured(tmp_path: Path) -> None:
    plan = matched()
    lacking = {"rust-avx2": ("unavailable", "this CPU lacks AVX2")}
    ratios = {arm: ratio for arm, ratio in plan.ratios.items() if arm not in lacking}
    row = judged(tmp_path / "run", replace(plan, ratios=ratios, lacking=lacking)).loc["simd"]
    assert row["ours"] == pytest.approx(26.0 / 8.0, rel=0.03)
    assert "rust-avx2 was not measured (unavailable: this CPU lacks AVX2)" in row["why"]
    none = {arm: ("unknown", "x") for arm in plan.ratios if arm.startswith("rust-avx")}
    ratios = {arm: ratio for arm, ratio in plan.ratios.items() if arm not in none}
    row = judged(tmp_path / "none", replace(plan, ratios=ratios, lacking=none)).loc["simd"]
    assert row["verdict"] == "not tested yet"
    assert pd.isna(row["ours"])


def test_a_crossing_is_judged_by_a_call_that_crosses_nothing(tmp_path: Path) -> None:
    row = judged(tmp_path / "run", ladder(pyo3=0.5)).loc["zero-cost-ffi"]
    assert row["verdict"] == "refuted"
    assert row["ours"] == pytest.approx(2 * RUNG_NS["noop"], rel=0.2)
    assert "A call of rust-pyo3 that does nothing takes 2.5" in row["why"]
    assert "nothing would be within 3 %" in row["why"]


def test_a_crossing_that_costs_next_to_nothing_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RUNG_NS, "noop", EMPTY_NS)
    assert judged(tmp_path / "run", ladder(pyo3=1.0)).loc["zero-cost-ffi", "verdict"] == "reproduced"


@pytest.mark.parametrize(("growth", "verdict"), [(1.05, "refuted"), (1.6, "reproduced")])
def test_a_main_source_is_judged_by_the_time_that_it_saves(tmp_path: Path, growth: float, verdict: str) -> None:
    row = judged(tmp_path / "run", ablation(growth=growth)).loc["buffering-matters"]
    assert row["verdict"] == verdict
    # In units of the first step's time: the step saves 1/0.8 - 1/(0.8 g), the designs 1 - 1/(0.8 g 5 1.2).
    saved = 1 / 0.8 * (1 - 1 / growth) / (1 - 1 / (0.8 * growth * 5 * 1.2))
    assert row["low"] < saved < row["high"]


@pytest.mark.parametrize(("in_place", "verdict"), [(1.2, "refuted"), (1.0, "not testable here")])
def test_a_copy_is_spared_only_where_that_is_faster(tmp_path: Path, in_place: float, verdict: str) -> None:
    row = judged(tmp_path / "run", ablation(in_place=in_place)).loc["zero-copy"]
    assert row["verdict"] == verdict
    assert "rust-report@process copies every chunk once more than rust-report-inplace@process" in row["why"]


def test_a_step_that_was_not_measured_by_itself_judges_nothing(tmp_path: Path) -> None:
    found = judged(tmp_path / "run", ablation({"rust-report-inplace@process": ("unknown", "x")}))
    assert found.loc["zero-copy", "verdict"] == "not tested yet"
    found = judged(tmp_path / "other", ablation({"rust-report@process": ("unknown", "x")}))
    assert found.loc["buffering-matters", "verdict"] == "not tested yet"


def test_a_rule_without_the_range_that_it_needs_is_one_line(tmp_path: Path, data: Path) -> None:
    change(data, "rules.csv", "3 to 5", "")
    with pytest.raises(LabError, match="the rule pair needs a range"):
        judged(tmp_path / "run", matched(), data=data)
