"""What is said about the boundary to native code is true of runs, and of marks, whose truth is known."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import Console

from callbot_lab import boundary, figures, measure, progress, report, results, summary
from callbot_lab.experiment import Cell, Experiment
from callbot_lab.measure import Profile, Run
from callbot_lab.worker import NULL

from . import packages, synthetic
from .synthetic import make_run

BASE, BEST = "stdlib@parse-decode", "orjson+library@parse-decode"
UNKNOWN = "Which moves the cost of a message more, the boundary or the language, cannot be told here"


def made(step: float, rust: float, half: float = 0.02, band: float = 0.01) -> pd.DataFrame:
    """Marks of two languages with native code at three boundaries, and of others, which count for nothing."""
    rows = []
    for panel in ("callbot", "twilio"):
        for place, name in enumerate(("decode", "buffer", "JSON")):
            for arm, native, ratio in (
                ("plain", False, 100.0**place),
                ("cython", True, step**place),
                ("cython-slow", True, 1e-3 / (place + 1)),
                ("rust", True, rust * step**place),
            ):
                language, ends = arm.partition("-")[0], (ratio * np.exp(-half), ratio * np.exp(half))
                rows.append((panel, name, arm, language, native, ratio, *ends, band))
    return pd.DataFrame(rows, columns=boundary.MARKS)


@pytest.mark.parametrize(
    ("step", "rust", "more"),
    [(3.0, 1.1, "boundary"), (1.1, 3.0, "language"), (1.5, 1.5, ""), (1.01, 1.0, "")],
)
def test_what_moves_the_cost_more_is_said_if_it_can_be_told(step: float, rust: float, more: str) -> None:
    found = made(step, rust)
    weight = boundary.weigh(found)
    # Of the steps between three boundaries two are one step and one is two: the median is one step.
    assert weight.boundary is not None
    assert weight.language is not None
    assert weight.boundary.value == pytest.approx(step)
    assert weight.language.value == pytest.approx(rust)
    assert weight.more == more
    said = boundary.title(found)
    if more:
        less = "language" if more == "boundary" else "boundary"
        assert said.startswith(f"The {more} moves the cost of a message more than the {less} does:")
    else:
        assert said.startswith(f"{UNKNOWN}: two boundaries in one language differ by")


def test_which_of_two_languages_is_faster_makes_no_difference() -> None:
    one, other = boundary.weigh(made(3.0, 1.25)), boundary.weigh(made(1 / 3.0, 1 / 1.25))
    for mine, theirs in ((one.boundary, other.boundary), (one.language, other.language)):
        assert mine == pytest.approx(theirs)


def test_intervals_let_no_noise_cancel() -> None:
    weight = boundary.weigh(made(3.0, 1.1, half=0.02))
    assert weight.boundary == pytest.approx((3.0, 3.0 * np.exp(-0.04), 3.0 * np.exp(0.04)))
    # Two marks that overlap may be the same: the least that they differ by is nothing.
    assert boundary.weigh(made(3.0, 1.02, half=0.02)).language == pytest.approx((1.02, 1.0, 1.02 * np.exp(0.04)))


@pytest.mark.parametrize(("half", "band"), [(0.3, 0.01), (0.02, 0.5), (np.inf, 0.01), (0.02, np.inf)])
def test_noise_forbids_an_answer(half: float, band: float) -> None:
    assert boundary.weigh(made(2.0, 1.3)).more == "boundary"
    found = made(2.0, 1.3, half, band)
    assert boundary.weigh(found).more == ""
    said = boundary.title(found)
    assert said.startswith(UNKNOWN)
    assert "nan" not in said
    assert "inf" not in said


def test_what_is_missing_for_an_answer_is_said() -> None:
    found = made(3.0, 1.1)
    assert "no two languages with native code" in boundary.title(found[found["language"] != "rust"])
    assert "no language with native code was measured at two" in boundary.title(found[found["boundary"] == "JSON"])
    assert boundary.title(found.iloc[:0]).startswith(UNKNOWN)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> results.RunData:
    lacking = {"rust@parse-append": ("not offered", "it has no buffer; get one")}
    folder = tmp_path_factory.mktemp("boundary") / "run"
    return results.read_run(make_run(folder, [synthetic.boundary(lacking=lacking)]))


@pytest.fixture(scope="module")
def table(run: results.RunData) -> pd.DataFrame:
    return summary.summarise(run)


@pytest.fixture(scope="module")
def found(run: results.RunData) -> pd.DataFrame:
    return boundary.ratios(run, run.experiment("boundary"))


def test_marks_are_the_measured_arms_from_python_outwards(run: results.RunData, table: pd.DataFrame) -> None:
    marks = boundary.marks(table, run.experiment("boundary"))
    assert list(marks.columns) == boundary.MARKS
    assert list(dict.fromkeys(marks["boundary"])) == ["decode", "buffer", "JSON"]
    assert list(dict.fromkeys(marks["panel"])) == ["callbot", "twilio"]
    own = marks[marks["panel"] == "twilio"].set_index(["arm", "boundary"])
    assert NULL not in set(marks["arm"])
    assert ("rust", "buffer") not in own.index
    assert own.loc[("rust", "JSON"), "ratio"] == pytest.approx(2 * 9 * 1.1, rel=0.05)
    assert dict(zip(marks["arm"], marks["native"], strict=True)) == {
        "orjson+library": False, "plain": False, "cython": True, "rust": True
    }  # fmt: skip
    assert np.isfinite(marks["null_band"]).all()


@pytest.mark.parametrize(
    ("arm", "against", "true"),
    [
        ("rust@ingest", BASE, 19.8),
        ("rust@ingest", BEST, 4.95),
        ("cython@ingest", BASE, 18.0),
        ("cython@ingest", BEST, 4.5),
        ("cython@ingest", "cython@parse-append", 3.0),
        ("cython@parse-append", "cython@parse-decode", 3.0),
        ("rust@ingest", "rust@parse-decode", 9.0),  # its step between was not measured
        ("plain@ingest", "plain@parse-decode", 0.5),
    ],
)
def test_ratios_are_against_what_is_named_and_against_the_step_before(
    found: pd.DataFrame, arm: str, against: str, true: float
) -> None:
    rows = found[(found["arm"] == arm) & (found["against"] == against)]
    assert list(rows["cell"]) == ["parse-decode-callbot-warm", "parse-decode-twilio-warm"]
    for _, row in rows.iterrows():
        assert row["ratio"] == pytest.approx(true, rel=0.05)
        assert row["low"] < row["ratio"] < row["high"]
        assert row["verdict"] == ("faster" if true > 1 else "slower")
        step = arm.partition("@")[0] == against.partition("@")[0]
        assert row["inwards"] == (boundary.boundary_of(against) if step else "")


def test_no_other_pair_is_there(found: pd.DataFrame) -> None:
    arms = 8  # of which 7 have a ratio to the second that is named, and 1 is that
    assert len(found[found["inwards"] == ""]) == 2 * (arms + 1 + arms - 1)
    assert len(found[found["inwards"] != ""]) == 2 * 4


def test_sentences_name_steps_and_targets(run: results.RunData, table: pd.DataFrame, found: pd.DataFrame) -> None:
    first, *others = boundary.lines(table, found, run.experiment("boundary"))
    assert first.startswith("The boundary moves the cost of a message more than the language does")
    steps = [line for line in others if line.startswith("How many times as fast")]
    assert len(steps) == 3
    assert any("at JSON instead of buffer: cython" in line for line in steps)
    assert any(re.search(r"at JSON instead of decode: plain 0\.[45].* and rust [89]\.", line) for line in steps)
    targets = [line for line in others if line not in steps]
    assert [line.partition(":")[0] for line in targets] == ["cython@ingest", "rust@ingest"]
    for line in targets:
        assert f"against {BASE} faster in 2 of 2 cells" in line
        assert f"against {BEST} faster in 2 of 2 cells" in line


def test_the_table_has_every_arm_and_every_reason(
    run: results.RunData, table: pd.DataFrame, found: pd.DataFrame
) -> None:
    experiment = run.experiment("boundary")
    cells = boundary.rows_of(table, found, experiment)
    assert len(cells) == 2
    for cell in cells:
        rows = {row["arm"]: row for row in cell["rows"]}
        assert set(rows) == set(experiment["arms"])
        assert rows["rust@parse-append"]["reason"] == "not offered: it has no buffer"
        entries = rows["rust@ingest"]["cells"]
        assert [entry["verdict"] for entry in entries] == ["faster"] * 3
        assert [entry is None for entry in rows[BEST]["cells"]] == [False, True, True]
        assert float(entries[0]["ratio"]) == pytest.approx(19.8, rel=0.05)


def texts(figure: Figure) -> str:
    parts = [*figure.texts, *(text for axes in figure.axes for text in (axes._left_title, *axes.get_xticklabels()))]
    parts += [text for legend in figure.legends for text in legend.get_texts()]
    return " ".join(" ".join(text.get_text().split()) for text in parts)


def test_the_figure_draws_every_mark_at_its_share() -> None:
    marks = made(3.0, 1.1)
    figure = figures.boundary_costs(marks, BASE, boundary.title(marks))
    assert len(figure.axes) == 2
    for axes in figure.axes:
        assert axes.get_yscale() == "log"
        panel = axes.get_title(loc="left")
        drawn = {line.get_gid(): line for line in axes.lines if str(line.get_gid()).startswith("arm ")}
        assert len(drawn) == 12
        for place, name in enumerate(("decode", "buffer", "JSON")):
            mark = drawn[f"arm rust at {name} of {panel}"]
            assert mark.get_ydata()[0] == pytest.approx(1 / (1.1 * 3.0**place))
            assert mark.get_xdata()[0] == pytest.approx(place, abs=0.35)
            assert mark.get_color() == figures.STYLES["rust"].colour
            # Arms of one boundary stand side by side.
            assert len({drawn[f"arm {arm} at {name} of {panel}"].get_xdata()[0] for arm in set(marks["arm"])}) == 4
        (join,) = [line for line in axes.lines if line.get_gid() == f"join rust of {panel}"]
        assert list(join.get_ydata()) == pytest.approx([1 / (1.1 * 3.0**place) for place in range(3)])
        (band,) = [patch for patch in axes.patches if patch.get_gid() == f"null band of {panel}"]
        assert band.get_y() == pytest.approx(np.exp(-0.01))
        assert band.get_y() + band.get_height() == pytest.approx(np.exp(0.01))
        low, high = axes.get_ylim()
        shares = 1 / marks[["low", "high"]].to_numpy()
        assert low < shares.min()
        assert high > shares.max()
    said = texts(figure)
    assert "The boundary moves the cost of a message more than the language does" in said
    assert "decode + buffer + JSON" in said
    assert all(name in said for name in ("callbot", "twilio", "cython-slow", BASE))


def test_the_figure_draws_no_interval_that_is_not_known() -> None:
    marks = made(3.0, 1.1, half=np.inf, band=np.inf)
    figure = figures.boundary_costs(marks, BASE, boundary.title(marks))
    axes = figure.axes[0]
    assert not axes.patches
    assert not [line for line in axes.lines if line.get_linewidth() == pytest.approx(1.6)]
    assert all(np.isfinite(axes.get_ylim()))


def test_nothing_lies_outside_of_the_figure() -> None:
    marks = pd.concat([made(3.0, 1.1), made(2.0, 1.2).assign(panel="openai")])
    wide = marks.assign(boundary=marks["boundary"].where(marks["arm"] != "rust", "frame"))
    for table in (marks, wide):
        figure = figures.boundary_costs(table, BASE, boundary.title(table))
        renderer, box = FigureCanvasAgg(figure).get_renderer(), figure.bbox
        words = [text for axes in figure.axes for text in (*axes.get_xticklabels(), *axes.get_yticklabels())]
        words += [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
        for text in words:
            extent = text.get_window_extent(renderer)
            assert extent.x0 >= box.x0 - 1, text.get_text()
            assert extent.x1 <= box.x1 + 1, text.get_text()
        for axes in figure.axes:
            extents = [text.get_window_extent(renderer) for text in axes.get_xticklabels()]
            assert all(one.x1 < other.x0 for one, other in itertools.pairwise(extents))


def test_the_page_has_the_section_only_for_a_run_with_the_experiment(run: results.RunData, tmp_path: Path) -> None:
    page = report.Report(run, None).write(tmp_path / "with").read_text(encoding="utf-8")
    assert 'id="boundary"' in page
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert "against orjson+library@parse-decode" in page
    assert "not measured: not offered: it has no buffer" in page
    (headline,) = [line for line in report.Report(run, None).lines(tmp_path) if line.startswith("boundary (2 cells)")]
    assert "The boundary moves the cost of a message more than the language does" in headline
    other = results.read_run(make_run(tmp_path / "run", [synthetic.reproduce(2.0)]))
    assert 'id="boundary"' not in report.Report(other, None).write(tmp_path / "without").read_text(encoding="utf-8")


def test_a_run_in_which_nothing_was_measured_has_a_page(tmp_path: Path) -> None:
    arms = [f"rust@{operation}" for operation in ("parse-decode", "ingest")]
    plan = synthetic.Plan(
        "boundary", BASE, lacking=dict.fromkeys(arms, ("unknown", "none")), against=(BASE,),
        cells=[Cell("parse-decode", "callbot", "warm")],
    )  # fmt: skip
    run = results.read_run(make_run(tmp_path / "run", [plan]))
    assert 'id="boundary"' not in report.Report(run, None).write(tmp_path / "page").read_text(encoding="utf-8")


INGESTS = (
    packages.GOOD
    + """
import json
BUILD |= {"language": "fake", "binding": "fake"}
class AudioProcessor(AudioProcessor):
    def ingest(self, message, /, *, format, call_id=None):
        parsed = json.loads(message if isinstance(message, str) else bytes(message))
        self.append(call_id, parsed["audio"] if format == "openai" else parsed["media"]["payload"])
"""
)


def test_every_boundary_is_timed_and_checked(install: Callable[..., Path], tmp_path: Path) -> None:
    install("newcomer", INGESTS)
    operations = ("parse-decode", "parse-append", "ingest")
    framed = ("frame-decode", "frame-append", "frame-ingest", "native-frame-ingest")
    arms = [f"newcomer@{operation}" for operation in operations]
    profile = Profile("tiny", 1, 5, 0.1)
    experiments = [
        Experiment("boundary", "?", BASE, (*arms, "python-report@ingest"), _cells("parse-decode"), against=(BASE,)),
        Experiment(
            "frame", "?", "stdlib@frame-decode", tuple(f"newcomer@{one}" for one in framed), _cells("frame-decode"),
            against=("stdlib@frame-decode",),
        ),
    ]  # fmt: skip
    run = Run(experiments, profile, measure.new_folder(tmp_path / "run", "tiny"), seed=5)
    with progress.steps(Console(quiet=True), "measuring", run.step_count) as steps:
        assert run.go(steps).problems == []
    data = results.read_run(tmp_path / "run")
    table = summary.summarise(data)
    for experiment in data.note["experiments"]:
        marks = boundary.marks(table, experiment)
        wanted = ["decode", "buffer", "JSON"] + ["frame"] * (experiment["name"] == "frame")
        for _, panel in marks.groupby("panel"):
            assert list(panel["boundary"]) == wanted
    lacking: list[dict[str, Any]] = data.note["missing"]
    assert {(one["arm"], one["status"]) for one in lacking} == {("python-report@ingest", "not offered")}


def _cells(operation: str) -> tuple[Cell, ...]:
    return tuple(Cell(operation, size, "hot") for size in ("callbot", "twilio", "openai"))
