"""The steps that were put into a run come out of it, and what they come to is said as it is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from callbot_lab import ablation, results, summary, wording
from callbot_lab.ablation import Chain

from . import synthetic
from .synthetic import STEPS, Plan, make_run

GAIN = 0.8 * 1.05 * 5.0


def chain_of(folder: Path, plan: Plan, **settings: object) -> Chain:
    run = results.read_run(make_run(folder, [plan], **settings))  # type: ignore[arg-type]
    (experiment,) = run.note["experiments"]
    made = ablation.chain(run, summary.summarise(run), experiment, experiment["cells"][0])
    assert made is not None
    return made


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return chain_of(tmp_path_factory.mktemp("ablation") / "run", synthetic.ablation(language=1.2), blocks=20)


def test_every_step_is_set_against_the_one_before(chain: Chain) -> None:
    steps = chain.steps.set_index("arm")
    assert list(steps.index) == list(STEPS)
    before, true = "", 1.0
    for arm, (change, factor) in STEPS.items():
        row = steps.loc[arm]
        true *= factor
        assert (row["change"], row["against"]) == (change, before)
        assert row["total"] == pytest.approx(true, rel=0.03)
        if before:
            assert row["ratio"] == pytest.approx(factor, rel=0.02)
            assert row["low"] < row["ratio"] < row["high"]
            assert row["verdict"] == ("faster" if factor > 1 else "slower")
        before = arm


def test_the_share_of_the_language_is_that_of_its_logarithm(chain: Chain) -> None:
    share = chain.share_of_gain(ablation.LANGUAGE)
    assert share is not None
    assert share.value == pytest.approx(np.log(1.2) / np.log(GAIN * 1.2), abs=0.01)
    assert share.low < np.log(1.2) / np.log(GAIN * 1.2) < share.high
    assert chain.gain is not None
    assert chain.gain.value == pytest.approx(GAIN * 1.2, rel=0.02)
    line = ablation.share_line(chain)
    assert f"the choice between the compiled languages is {100 * share.value:.0f} %" in line
    assert "in rust-report@process as in cython-report@process" in line
    assert "not told apart" not in line


def test_shares_of_what_was_saved_are_shares_of_time(chain: Chain) -> None:
    share = chain.share_of_saving("compiled")
    slow, fast = 1 / (0.8 * 1.05), 1 / GAIN
    assert share is not None
    assert share.value == pytest.approx((slow - fast) / (1 - 1 / (GAIN * 1.2)), rel=0.03)


def test_steps_of_one_run_add_up(chain: Chain) -> None:
    assert chain.gap.value == pytest.approx(1.0, abs=0.02)
    assert chain.product.value == pytest.approx(chain.direct.value * chain.gap.value)
    assert "The steps add up within 3 %" in ablation.adds_up_line(chain)


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ((0.98, 1.02), "The steps add up within 3 %"),
        ((1.005, 1.02), "The steps add up within 3 %"),
        ((0.99, 1.07), "This run is too noisy to say that the steps add up within 3 %"),
        ((1.01, 1.07), "The steps do not add up"),
        ((0.90, 0.98), "The steps do not add up"),
    ],
)
def test_whether_steps_add_up_hangs_on_the_interval(chain: Chain, ends: tuple[float, float], words: str) -> None:
    gap = ablation.Estimate(float(np.sqrt(ends[0] * ends[1])), *ends)
    line = ablation.adds_up_line(replace(chain, gap=gap))
    assert line.startswith(f"{words}: they multiply to")
    assert wording.interval(*ends) in line


def test_no_language_effect_is_not_made_one(tmp_path: Path) -> None:
    line = ablation.share_line(chain_of(tmp_path / "run", synthetic.ablation(language=1.0)))
    assert re.search(r"the compiled languages is -?[012] % ", line)


def test_a_slower_language_has_a_share_below_nought(tmp_path: Path) -> None:
    share = chain_of(tmp_path / "run", synthetic.ablation(language=0.8)).share_of_gain(ablation.LANGUAGE)
    assert share is not None
    assert share.high < 0


def test_a_step_that_was_not_measured_is_taken_in_by_the_next(tmp_path: Path) -> None:
    made = chain_of(tmp_path / "run", synthetic.ablation({"cython-report@process": ("unknown", "nothing has it")}))
    steps = made.steps.set_index("change")
    assert steps.loc["compiled", "status"] == "unknown"
    assert np.isnan(steps.loc["compiled", "ratio"])
    assert steps.loc["language", "with_it"] == "compiled"
    assert steps.loc["language", "against"] == "python-report-reserved@process"
    assert steps.loc["language", "ratio"] == pytest.approx(6.0, rel=0.03)
    assert made.product.value == pytest.approx(made.direct.value, rel=0.03)
    # The language alone is then not known, and is not said.
    assert made.share_of_gain(ablation.LANGUAGE) is None
    assert "is not known: the step that changes nothing else was not measured" in ablation.share_line(made)
    assert any("compiled + language" in line for line in ablation.lines(made))


def test_without_the_reports_designs_there_is_no_gain(tmp_path: Path) -> None:
    made = chain_of(tmp_path / "run", synthetic.ablation({"rust-report@process": ("broken", "x")}))
    assert made.gain is None
    assert made.share_of_saving("growth") is None
    assert "one of the two designs was not measured" in ablation.share_line(made)


def test_too_few_workers_give_no_share(tmp_path: Path) -> None:
    made = chain_of(tmp_path / "run", synthetic.ablation(), workers=2)
    assert made.share_of_gain(ablation.LANGUAGE) is None
    assert not re.search(r"\b(nan|inf)\b", " ".join(ablation.lines(made)))


def test_without_a_first_step_there_is_no_chain(tmp_path: Path) -> None:
    plan = synthetic.ablation(dict.fromkeys(list(STEPS)[1:], ("unknown", "x")))
    run = results.read_run(make_run(tmp_path / "run", [plan]))
    (experiment,) = run.note["experiments"]
    assert ablation.chain(run, summary.summarise(run), experiment, experiment["cells"][0]) is None


@pytest.mark.parametrize(
    ("language", "head"), [(0.8, "None of it: "), (1.0, "None of it that can be told: "), (1.25, "\\d+ % ")]
)
def test_what_the_language_was_is_told_in_a_word(tmp_path: Path, language: float, head: str) -> None:
    made = chain_of(tmp_path / "run", synthetic.ablation(language=language))
    line = ablation.plain_line(made)
    assert re.match(rf"{head}", line)
    times = re.search(r"the same design is ([\d.]+) times as fast", line)
    assert times is not None
    assert float(times[1]) == pytest.approx(language, rel=0.03)
