"""The tables of the findings say what is true of runs whose truth is known."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from callbot_lab import findings, readme, results, summary
from callbot_lab.results import RunData

from .synthetic import ablation, ladder, make_run, matched, reproduce
from .test_costmodel import LINES, plan_of

Both = tuple[RunData, pd.DataFrame]


@pytest.fixture(scope="module")
def true(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """A run in which Rust is a tenth faster, PyO3's wrapper takes half, and every step has its own factor."""
    plans = [matched(1.1), ablation(language=1.25), ladder(pyo3=0.5), reproduce(2.66)]
    run = results.read_run(make_run(tmp_path_factory.mktemp("findings") / "run", plans))
    return run, summary.summarise(run)


def rows(text: str) -> list[list[str]]:
    """The cells of a table's rows, its head first."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [lines[0], *lines[2:]]


def number(cell: str) -> float:
    """The first number of a cell."""
    found = re.search(r"[\d.]+", cell)
    assert found
    return float(found[0])


def test_language_against_language(true: Both) -> None:
    text = findings.language(*true)
    head, *body = rows(text)
    assert text.startswith("How many times as fast rust is as cython")
    assert (head[0], set(head[1:])) == ("where", {"scalar", "avx2", "avx512"})
    assert len(body) == 3
    assert all(number(cell) == pytest.approx(1.1, rel=0.03) for row in body for cell in row[1:])


def test_every_arm_against_the_baseline(true: Both) -> None:
    head, *body = rows(findings.algorithm(*true))
    assert len(head) == 4
    found = {row[0]: [number(cell) for cell in row[1:]] for row in body}
    assert found["`cython-avx512`"] == pytest.approx([26, 26, 26], rel=0.05)
    assert found["`memcpy`"] == pytest.approx([40, 40, 40], rel=0.05)
    assert "`(null)`" not in found


def test_steps_each_against_the_one_before(true: Both) -> None:
    text = findings.steps(*true)
    _, first, *body = rows(text)
    assert first[:4] == ["start", "`python-report@process`", "", "1.000"]
    found = {row[0]: number(row[2]) for row in body}
    assert found["language"] == pytest.approx(1.25, rel=0.05)
    assert "Of the report's gain, " in text


def test_rungs_by_binding(true: Both) -> None:
    head, *body = rows(findings.binding(*true))
    assert head == ["rung", "`rust`", "`rust-pyo3`"]
    assert all(number(row[1]) == pytest.approx(1, rel=0.05) for row in body)
    assert all(number(row[2]) == pytest.approx(0.5, rel=0.05) for row in body)


def test_lines_and_crossovers(tmp_path: Path) -> None:
    run = results.read_run(make_run(tmp_path / "run", [plan_of(LINES)], drift=0.02))
    text = findings.sizes(run, summary.summarise(run))
    _, *body = rows(text)
    found = {row[0]: (number(row[1]), number(row[2])) for row in body if row[2] != "-"}
    # 40 ns of call and 0.5 ns a byte: half of the cost at 80 bytes, and a byte four times as fast as plain's 2 ns.
    assert found["`rust`"] == pytest.approx((80, 4), rel=0.15)
    assert all("within" in row[3] for row in body)
    assert "library" in text.split("|")[-1]


def test_a_run_without_such_experiments_says_so(tmp_path: Path) -> None:
    run = results.read_run(make_run(tmp_path / "run", [reproduce(2.66)]))
    table = summary.summarise(run)
    said = {name: make(run, table) for name, make in findings.PARTS.items()}
    assert said == {
        "language": "No kernel was measured in two languages.",
        "algorithm": "No kernels were measured side by side.",
        "steps": "No ablation was measured.",
        "binding": "No ladder was measured.",
        "sizes": "No sizes were compared.",
    }


def test_the_findings_are_what_the_data_says() -> None:
    text = readme.FINDINGS.read_text(encoding="utf-8")
    assert set(re.findall(r"callbot-lab readme (\w+) -->", text)) == {
        "origin",
        "answer",
        "machines",
        "boundary",
        *findings.PARTS,
    }
    assert readme.rewritten(text) == text, "run: callbot-lab readme"


def test_machines_lie_side_by_side_and_are_not_mixed(true: Both, tmp_path: Path) -> None:
    other = results.read_run(make_run(tmp_path / "other", [matched(0.8), ablation(language=0.5)]))
    other.note["environment"]["cpu"]["name"] = "Another CPU"
    lone = results.read_run(make_run(tmp_path / "lone", [matched(0.8)]))
    text = findings.machines([true, *((run, summary.summarise(run)) for run in (other, lone))])
    head, *body = rows(text)
    assert head == ["run", "CPU", "the report's two designs", "the language alone", "avx2", "avx512", "scalar"]
    assert [row[:2] for row in body] == [
        ["`run`", "Example CPU"],
        ["`other`", "Another CPU"],
        ["`lone`", "Example CPU"],
    ]
    assert [number(row[3]) for row in body[:2]] == pytest.approx([1.25, 0.5], rel=0.05)
    assert number(body[0][2]) / number(body[1][2]) == pytest.approx(1.25 / 0.5, rel=0.05)
    for row, truth in zip(body, (1.1, 0.8, 0.8), strict=True):
        ends = [[float(end) for end in cell.split(" to ")] for cell in row[4:]]
        assert all(end == pytest.approx(truth, rel=0.05) for pair in ends for end in pair)
    assert body[2][2:4] == ["-", "-"]
    assert "rust against cython" in text
