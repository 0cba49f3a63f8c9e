"""The page and the lines say what is true of runs whose truth is known, and nothing more."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from callbot_lab import report, results, summary
from callbot_lab.errors import LabError
from callbot_lab.experiment import Cell
from callbot_lab.results import RunData

from .synthetic import STEPS, Plan, ablation, ladder, make_run, matched, reproduce, verification

VOID = {"br", "img", "link", "meta", "hr", "input"}
CELLS = (Cell("append", "callbot", "warm"), Cell("extend", "callbot", "warm"))
RATIOS = {"plain-fast": 2.0, "cython": 8.0, "rust": 8.0, "zig-own": 1.0, "library": 12.0}
LACKING = {"c-bad": ("wrong output", "its output differs after timing"), "cython-avx9": ("unavailable", "no AVX9")}
SUITE = verification("plain", "rust", failing={"zig-own": "test_decode[empty]: <class 'ValueError'>"})


class Page(HTMLParser):
    """The tables, ids and texts of a page; fails on tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.rows: list[list[str]] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.code = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        found = dict(attrs)
        if tag == "script":
            self.scripts.append(found)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        self.references += [str(found[key]) for key in ("href", "src") if found.get(key)]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.code += data
        if {"script", "style"} & set(self.open):
            return
        self.words.append(data)
        if ("td" in self.open or "th" in self.open) and self.rows:
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def rows_of(self, name: str) -> list[list[str]]:
        return [row for row in self.rows if row and row[0].strip() == name]


Maker = Callable[..., tuple[RunData, str, Page]]


def made(folder: Path, *plans: Plan, suite: dict[str, Any] | None = None, **settings: Any) -> tuple[RunData, str, Page]:
    run = results.read_run(make_run(folder / "run", plans, **settings))
    path = report.Report(run, suite).write(folder / "out")
    assert path == folder / "out" / "index.html"
    text = path.read_text(encoding="utf-8")
    return run, text, Page(text)


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    return partial(made, tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunData, str, Page]:
    """A run with everything: two experiments, arms of every kind, arms without numbers, a verification."""
    plans = (Plan(ratios=RATIOS, lacking=LACKING, cells=CELLS), reproduce(2.66))
    return made(tmp_path_factory.mktemp("report"), *plans, suite=SUITE)


def test_page_stands_on_its_own(whole: tuple[RunData, str, Page]) -> None:
    _, text, page = whole
    assert not re.search(r"https?:|//[a-z]", text)
    assert "@import" not in text
    # Scripts are within the page and ask for nothing outside of it; the browser is told to hold them to that.
    assert page.scripts
    assert all("src" not in script for script in page.scripts)
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon|import|eval|Function)\b", page.code)
    assert "default-src 'none'" in text
    assert all(reference.startswith(("#", "data:text/csv;")) for reference in page.references)


def test_ids_are_unique_and_references_lead_somewhere(whole: tuple[RunData, str, Page]) -> None:
    _, text, page = whole
    assert len(page.ids) == len(set(page.ids))
    inside = {found[1:] for found in page.references if found.startswith("#")}
    inside |= set(re.findall(r"url\(#([^)]*)\)", text))
    assert inside <= set(page.ids)
    for name, value in page.attributes:
        if name in ("aria-labelledby", "aria-describedby"):
            assert set(str(value).split()) <= set(page.ids)


def test_no_placeholder_is_left(whole: tuple[RunData, str, Page]) -> None:
    _, _, page = whole
    for word in ("nan", "NaN", "inf", "None", "Undefined", "undefined", "{{", "}}", "&lt;", "<svg", "Markup"):
        assert not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", page.text), word


def test_tables_have_captions_and_scopes_and_figures_have_words(whole: tuple[RunData, str, Page]) -> None:
    _, text, page = whole
    assert page.tags.count("table") == page.tags.count("caption") >= 5
    assert all("scope=" in tag for tag in re.findall(r"<th\b[^>]*>", text))
    assert page.tags.count("svg") == 5 == len(re.findall(r'<svg role="img" aria-labelledby="[^"]+"', text))
    # What a figure shows is said in words: title and description.
    assert page.tags.count("desc") == 5
    assert "zig-own not measured" not in text
    assert "c-bad not measured, wrong output" in page.text


def test_every_arm_is_in_table_figure_and_builds(whole: tuple[RunData, str, Page]) -> None:
    run, text, page = whole
    for arm in (*RATIOS, *LACKING):
        rows = page.rows_of(arm)
        assert len([row for row in rows if len(row) == 13 or "not measured" in row[-1]]) >= len(CELLS), arm
        assert f"<!-- {arm} -->" in text, f"{arm} is in no figure"
    for arm in run.note["arms"]:
        assert [row for row in page.rows_of(arm["name"]) if arm["kind"] in row]


def test_verdicts_are_those_of_the_table(whole: tuple[RunData, str, Page]) -> None:
    run, _, page = whole
    table = summary.summarise(run)
    for arm, verdict in {"rust": "faster", "zig-own": "equivalent", "library": "faster"}.items():
        assert set(table.loc[table["arm"] == arm, "verdict"]) == {verdict}
        shown = [row[2].strip() for row in page.rows_of(arm) if len(row) == 13]
        assert shown == [verdict] * len(CELLS)
    assert "library has the highest ratio in each of 2 cells" in page.text
    assert "best: rust (rust) against cython (cython): equivalent in 2 of 2 cells" in page.text or (
        "best: cython (cython) against rust (rust): equivalent in 2 of 2 cells" in page.text
    )
    assert "best: rust (rust) against the best library (library): slower in 2 of 2 cells" in page.text
    assert "best: rust (rust) against python (plain-fast): faster in 2 of 2 cells" in page.text


@pytest.mark.parametrize(("speed", "words"), [(8.0, "equivalent in 2 of 2 cells"), (7.2, "slower in 2 of 2 cells")])
def test_one_kernel_in_two_languages_is_compared_by_itself(make: Maker, speed: float, words: str) -> None:
    _, _, page = make(Plan(ratios={"cython": 8.0, "rust": speed}, cells=CELLS))
    assert f"With the same kernel (scalar), rust against cython: {words}" in page.text


@pytest.mark.parametrize(
    ("ratio", "words"), [(6.0, "refuted, it is more."), (1.2, "refuted, it is less."), (2.66, "reproduced.")]
)
def test_the_headline_says_on_which_side_it_is_wrong(make: Maker, ratio: float, words: str) -> None:
    run, _, page = make(reproduce(ratio))
    (line,) = [line for line in report.Report(run, None).lines(Path("page")) if line.startswith("The report says")]
    assert f" here: {words}" in line
    assert line in page.text


def test_one_kernel_in_two_languages_is_told_in_a_sentence(make: Maker) -> None:
    slower = Plan(ratios={"cython": 8.0, "rust": 7.2}, cells=CELLS)
    _, _, page = make(slower, Plan("other", ratios={"cython": 8.0, "rust": 9.6}))
    told = r"the same kernel, rust is (\S+) to (\S+) times as fast as cython: of 3 cells slower in 2 and faster in 1\."
    found = re.search(told, page.text)
    assert found
    assert [float(end) for end in found.groups()] == pytest.approx([0.9, 1.2], rel=0.03)


def test_other_kernels_say_nothing_about_the_language(make: Maker) -> None:
    run, _, _ = make(Plan(ratios={"cython": 8.0, "rust": 8.0}, cells=CELLS))
    assert summary.same_kernel_lines(run, summary.summarise(run))
    for arm in run.note["arms"]:
        arm["build"]["kernel"] = f"that of {arm['name']}"
    assert summary.same_kernel_lines(run, summary.summarise(run)) == []


def test_a_tie_is_no_win(whole: tuple[RunData, str, Page]) -> None:
    run, _, _ = whole
    found = summary.contests(run, summary.summarise(run))
    wins, no_wins = summary.contest_lines(found)
    assert any("equivalent in 2 of 2" in line for line in no_wins)
    assert all("faster in" in line and "equivalent" not in line and "slower" not in line for line in wins)
    # Every two sides meet once in a cell.
    assert (
        not found.assign(pair=found[["side", "other"]].apply(frozenset, axis=1))[["experiment", "cell", "pair"]]
        .duplicated()
        .any()
    )


def test_the_reports_ratio_stands_beside_ours_with_the_interpreter(whole: tuple[RunData, str, Page]) -> None:
    _, _, page = whole
    found = re.search(
        r"The report says 2\.66 times; the same two designs give (\d\.\d+) \((.*?)\) here: (\w+)", page.text
    )
    assert found
    assert float(found[1]) == pytest.approx(2.66, rel=0.03)
    assert found[3] == "reproduced"
    assert "CPython 3.11.7, built without profile-guided optimisation" in page.text


def test_an_arm_with_a_status_has_no_number_anywhere(whole: tuple[RunData, str, Page]) -> None:
    run, text, page = whole
    # Its slots are in the files, with a ratio of 3.456: none of it may come through.
    assert set(run.slots["arm"]) & set(LACKING) == set()
    assert "3.4" not in re.sub(r"2\.1 to 3\.4", "", " ".join(row[1] for row in page.rows if len(row) == 13))
    for arm in LACKING:
        for row in page.rows_of(arm):
            if arm in LACKING and len(row) != 12:  # 12 columns: what it says of itself
                assert not re.search(r"\d\.\d", " ".join(row[1:])), row
        assert not re.search(rf"{arm} (is|\d)", page.text)
    for arm in LACKING:
        assert f"-arm-{arm}-in-" not in text
    assert "-arm-rust-in-" in text


def test_quick_runs_interrupts_and_losses_are_said(make: Maker) -> None:
    lost = [{"worker": 4, "status": -11, "error": "Segmentation fault"}]
    _, _, page = make(Plan(ratios={"rust": 4.0}), workers=5, planned=9, status="interrupted", lost=lost)
    assert "5 of 9 workers" in page.text
    assert "This is a quick run" in page.text
    assert "It did not finish (interrupted)" in page.text
    assert "1 worker died: worker 4 (status -11)" in page.text
    assert "virtual machine: trust ratios" in page.text


def test_a_full_run_is_not_called_quick(make: Maker) -> None:
    _, _, page = make(Plan(ratios={"rust": 4.0}), workers=20)
    assert "quick run" not in page.text


def test_too_few_workers_give_no_verdict(make: Maker) -> None:
    _, _, page = make(Plan(ratios={"rust": 4.0}), reproduce(2.66), workers=2)
    assert [row[2].strip() for row in page.rows_of("rust") if len(row) == 13] == ["undecided"]
    assert "Fewer than 3 workers" in page.text
    assert "no interval" in page.text
    assert not re.search(r"\b(inf|nan)\b", page.text)


def test_a_null_arm_that_is_off_is_said(make: Maker) -> None:
    _, _, page = make(Plan(ratios={"rust": 4.0}), null_ratio=1.2)
    assert "The null arm, the baseline against itself, is not within its interval of 1" in page.text


def test_a_coarse_run_says_what_it_would_miss(make: Maker) -> None:
    _, _, page = make(Plan(ratios={"rust": 1.05}, margin=0.03), workers=4, between=0.1)
    assert "Undecided, so neither a difference nor a tie: rust" in page.text
    assert "Differences as small as the margin would have been missed" in page.text


def test_a_run_without_numbers_has_a_page_all_the_same(make: Maker) -> None:
    run, _, page = make(Plan(lacking={"rust": ("unknown", "nothing announces 'rust'; there are: <b>")}))
    assert "No arm could be measured against plain" in page.text
    assert "there are: <b>" in page.text  # escaped, so it comes out as text
    assert "b" not in page.tags
    lines = report.Report(run, None).lines(Path("x"))
    assert any("rust (unknown)" in line for line in lines)


def test_conformance_is_told_or_said_to_be_missing(
    whole: tuple[RunData, str, Page], make: Maker, tmp_path: Path
) -> None:
    run, _, page = whole
    assert "plain and rust: conforms; zig-own: fails" in page.text
    assert any(row[:4] == ["zig-own", "full", "9/12 ✗", "12/12"] for row in page.rows)
    assert "<class 'ValueError'>" in page.text
    without = Page(report.Report(run, None).write(tmp_path / "other").read_text(encoding="utf-8"))
    assert "The conformance suite was not run for this report" in without.text


def test_lines_are_few_and_end_with_the_page(whole: tuple[RunData, str, Page]) -> None:
    run, _, _ = whole
    lines = report.Report(run, SUITE).lines(Path("report/index.html"))
    assert len(lines) <= 10
    assert lines[-1] == "report/index.html"
    assert all("\n" not in line and line for line in lines)
    text = " ".join(lines)
    assert "library is" in text
    assert "The report says 2.66 times" in text
    assert "c-bad (wrong output)" in text
    assert "zig-own: fails" in text


def test_many_experiments_still_fit_the_lines(make: Maker) -> None:
    plans = [Plan(f"e{number}", ratios={"rust": 2.0}, lacking=LACKING) for number in range(9)]
    run, _, page = make(*plans, workers=4)
    lines = report.Report(run, SUITE).lines(Path("p"))
    assert len(lines) <= 10
    assert any("more experiments on the page" in line for line in lines)
    assert all(f"What about e{number}?" in page.text for number in range(9))


def test_a_folder_that_cannot_be_written_is_one_line(make: Maker, tmp_path: Path) -> None:
    run, _, _ = make(Plan(ratios={"rust": 4.0}), workers=3)
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="cannot write the page"):
        report.Report(run, None).write(tmp_path / "file")


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunData, str, Page]:
    """A run of the experiments that take the gain apart."""
    return made(tmp_path_factory.mktemp("apart"), ablation(), matched(), ladder(), suite=SUITE)


def test_every_experiment_has_its_figure(apart: tuple[RunData, str, Page]) -> None:
    _, text, page = apart
    for name in ("steps-ablation", "kernels-matched", "rungs-ladder", "claims"):
        assert text.count(f'aria-labelledby="{name}-title') == 1
    assert page.tags.count("svg") == 3 * 2 + 4
    assert len(page.ids) == len(set(page.ids))


def test_steps_are_in_a_table_and_their_sentences_in_the_verdict(apart: tuple[RunData, str, Page]) -> None:
    run, _, page = apart
    for arm, (change, _) in list(STEPS.items())[1:]:
        rows = [row for row in page.rows_of(change) if row[1] == arm]
        assert len(rows) == 2  # cells
        assert all(row[4] in ("faster", "slower") for row in rows)
    lines = report.Report(run, SUITE).lines(Path("p"))
    assert any(line.startswith("ablation (") and "the compiled languages is 11 %" in line for line in lines)
    assert "The steps add up within 3 %" in page.text


def test_steps_are_no_contest_and_bounds_win_nothing(apart: tuple[RunData, str, Page]) -> None:
    run, _, page = apart
    found = summary.contests(run, summary.summarise(run))
    assert set(found["experiment"]) == {"matched", "ladder"}
    assert not {*found["arm"], *found["against"]} & {"memcpy", "rust-pyo3"}
    assert "memcpy has the highest ratio" not in page.text
    assert "The highest ratio: memcpy" not in page.text
    assert {row[2].strip() for row in page.rows_of("memcpy") if len(row) == 13} == {"a bound"}


def test_languages_meet_kernel_by_kernel(apart: tuple[RunData, str, Page]) -> None:
    _, _, page = apart
    rows = [row for row in page.rows if len(row) == 6 and row[2] == "rust against cython"]
    assert [row[0] for row in rows] == ["matched"] * 3 + ["ladder"] * 2
    for row in rows:
        filled = row[3:] if row[0] == "matched" else row[5:6]
        assert all("equivalent" in cell or "undecided" in cell for cell in filled), row
