"""The figures say what is true of runs whose truth is known."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import matplotlib.colors
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from callbot_lab import ablation, figures, results, summary
from callbot_lab.experiment import Cell
from callbot_lab.worker import EMPTY, NULL

from . import synthetic
from .synthetic import RUNG_NS, STEPS, Plan, make_run

LACKING = {"c-bad": ("wrong output", "its output differs"), "cython-avx9": ("unavailable", "no AVX9 here; get one")}
RATIOS = {"rust": 4.0, "cython": 1.0, "zig-own": 0.5}


def table_of(folder: Path, plan: Plan, **settings: object) -> pd.DataFrame:
    run = results.read_run(make_run(folder, [plan], **settings))  # type: ignore[arg-type]
    return summary.summarise(run)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    cells = (Cell("append", "callbot", "warm"), Cell("decode", "twilio", "warm"))
    return table_of(tmp_path_factory.mktemp("figures") / "run", Plan(ratios=RATIOS, lacking=LACKING, cells=cells))


def texts(figure: Figure) -> list[str]:
    """Every text of a figure."""
    found = list(figure.texts)
    for axes in figure.axes:
        found += [*axes.texts, *axes.get_yticklabels(), axes.xaxis.label, axes.title]
        found.append(axes._left_title)
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]
    found += [text for legend in legends for text in legend.get_texts()]
    return [text.get_text() for text in found if text.get_text()]


def mark(figure: Figure, arm: str, panel: int = 0) -> matplotlib.lines.Line2D:
    """The mark of an arm in a forest."""
    return next(line for line in figure.axes[panel].lines if (line.get_gid() or "").startswith(f"arm {arm} in "))


def test_forest_draws_every_arm_at_its_ratio(table: pd.DataFrame) -> None:
    figure = figures.ratio_forest(table)
    assert len(figure.axes) == 2
    for panel in range(2):
        labels = [label.get_text() for label in figure.axes[panel].get_yticklabels()]
        # Sorted from fast to slow, then the null arm, the empty call, and what has no number.
        assert labels[:5] == ["rust", "cython", "zig-own", NULL, EMPTY]
        assert set(labels[5:]) == set(LACKING)
        for arm, true in RATIOS.items():
            assert mark(figure, arm, panel).get_xdata()[0] == pytest.approx(true, rel=0.05)
        assert figure.axes[panel].get_xscale() == "log"


def test_forest_has_room_for_long_names(table: pd.DataFrame) -> None:
    long = {"rust": "msgspec+pybase64@frame-decode", "cython": "mmmmm-wwwwwww@MMMMM-decode"}
    figure = figures.ratio_forest(table.assign(arm=table["arm"].replace(long)))
    assert set(long.values()) <= set(texts(figure))
    inside(figure)


def test_forest_names_what_was_not_measured_and_gives_it_no_mark(table: pd.DataFrame) -> None:
    figure = figures.ratio_forest(table)
    said = texts(figure)
    assert any("not measured: wrong output: its output differs" in text for text in said)
    assert any("not measured: unavailable: no AVX9 here" in text for text in said)
    marks = {str(line.get_gid()).split(" in ")[0] for axes in figure.axes for line in axes.lines}
    assert f"arm {NULL}" in marks
    assert not {f"arm {name}" for name in (*LACKING, EMPTY)} & marks


def test_forest_says_sizes_margin_and_message(table: pd.DataFrame) -> None:
    said = " ".join(" ".join(texts(figures.ratio_forest(table))).split())
    assert "rust has the highest ratio in each of 2 cells" in said
    assert "12 workers" in said
    assert "96 blocks" in said
    assert "margin of 10 %" in said
    assert "nan" not in said


def test_an_undecided_arm_is_hollow_and_grey(tmp_path: Path) -> None:
    table = table_of(tmp_path / "run", Plan(ratios={"rust": 1.08, "cython": 3.0}), workers=3, between=0.1)
    verdicts = table.set_index("arm")["verdict"]
    assert verdicts["rust"] == "undecided"
    figure = figures.ratio_forest(table)
    assert mark(figure, "rust").get_markerfacecolor() == "white"
    assert mark(figure, "rust").get_markeredgecolor() == "#777777"
    assert "undecided" in texts(figure)


def test_too_few_workers_give_no_interval_and_no_nan(tmp_path: Path) -> None:
    table = table_of(tmp_path / "run", Plan(ratios={"rust": 4.0}), workers=2)
    assert list(table.loc[table["arm"] == "rust", "verdict"]) == ["undecided"]
    figure = figures.ratio_forest(table)
    said = " ".join(texts(figure))
    assert "no interval" in said
    assert "inf" not in said
    low, high = figure.axes[0].get_xlim()
    assert 0 < low < 1 < high < 100


def test_the_same_language_has_the_same_style_and_no_two_are_alike() -> None:
    styles = [*figures.STYLES.values(), figures.OTHER]
    assert figures.style_of("Rust") == figures.STYLES["rust"]
    assert figures.style_of("zig") == figures.style_of("fortran") == figures.OTHER
    for one, other in itertools.combinations(styles, 2):
        assert one.marker != other.marker
        lightness = [
            sum(matplotlib.colors.to_rgb(s.colour)[i] * (0.2126, 0.7152, 0.0722)[i] for i in range(3))
            for s in (one, other)
        ]
        assert abs(lightness[0] - lightness[1]) > 0.04


def test_an_unforeseen_language_is_drawn_in_colour(table: pd.DataFrame) -> None:
    drawn = mark(figures.ratio_forest(table), "zig-own")
    assert drawn.get_markerfacecolor() == figures.OTHER.colour
    assert drawn.get_marker() == figures.OTHER.marker


@pytest.mark.parametrize("language", ["rust", "cython"])
def test_style_follows_the_build_and_not_the_name(table: pd.DataFrame, language: str) -> None:
    renamed = table.assign(language=table["language"].where(table["arm"] != "zig-own", language))
    assert mark(figures.ratio_forest(renamed), "zig-own").get_markerfacecolor() == figures.STYLES[language].colour


def test_nothing_measured_is_said(tmp_path: Path) -> None:
    table = table_of(tmp_path / "run", Plan(lacking=LACKING))
    assert figures.forest_title(table) == "No arm could be measured against plain."
    figures.ratio_forest(table).savefig(tmp_path / "figure.svg")
    assert figures.forest_title(table.iloc[:0]) == "Nothing was measured."


def test_nothing_lies_outside_of_the_figure(table: pd.DataFrame) -> None:
    for figure in (figures.ratio_forest(table), figures.ratio_forest(table[table["cell"] == table["cell"].iloc[0]])):
        renderer = FigureCanvasAgg(figure).get_renderer()
        box = figure.bbox
        for axes in figure.axes:
            for text in (*axes.texts, *axes.get_yticklabels()):
                extent = text.get_window_extent(renderer)
                assert extent.x0 >= box.x0 - 1, text.get_text()
                assert extent.x1 <= box.x1 + 1, text.get_text()


def test_run_order_shows_every_worker(tmp_path: Path) -> None:
    run = results.read_run(make_run(tmp_path / "run", [Plan(ratios=RATIOS)], workers=5))
    medians = summary.worker_medians(run, "best", "append-callbot-warm")
    assert set(medians["arm"]) == {"plain", NULL, *RATIOS}
    assert (medians.groupby("arm")["worker"].nunique() == 5).all()
    figure = figures.run_order(medians)
    assert {"plain", NULL, *RATIOS} <= set(texts(figure))
    assert any("5 workers" in text for text in texts(figure))


def test_figures_leave_nothing_in_pyplot(table: pd.DataFrame) -> None:
    figures.ratio_forest(table)
    if "matplotlib.pyplot" in sys.modules:
        assert sys.modules["matplotlib.pyplot"].get_fignums() == []


def inside(figure: Figure) -> None:
    """Every text of every panel lies within the figure."""
    renderer, box = FigureCanvasAgg(figure).get_renderer(), figure.bbox
    for text in [text for axes in figure.axes for text in (*axes.texts, *axes.get_yticklabels())]:
        extent = text.get_window_extent(renderer)
        assert extent.x0 >= box.x0 - 1, text.get_text()
        assert extent.x1 <= box.x1 + 1, text.get_text()


@pytest.mark.parametrize("lacking", [{}, {"cython-report@process": ("unknown", "nothing announces 'cython-report'")}])
def test_waterfall_goes_from_step_to_step(tmp_path: Path, lacking: dict[str, tuple[str, str]]) -> None:
    run = results.read_run(make_run(tmp_path / "run", [synthetic.ablation(lacking)]))
    (experiment,) = run.note["experiments"]
    made = ablation.chain(run, summary.summarise(run), experiment, experiment["cells"][0])
    assert made is not None
    figure = figures.waterfall(made.steps, "A title")
    (axes,) = figure.axes
    bars = {bar.get_gid(): bar for bar in axes.patches}
    at, product = 1.0, 1.0
    for arm, (_, factor) in list(STEPS.items())[1:]:
        product *= factor
        if arm in lacking:
            assert f"step {arm}" not in bars
            continue
        bar = bars[f"step {arm}"]
        assert bar.get_x() == pytest.approx(at)
        at = bar.get_x() + bar.get_width()
        assert at == pytest.approx(product, rel=0.05)
        # Nothing but the language is marked, and only where it is by itself.
        assert bool(bar.get_hatch()) == (arm == "rust-report@process" and not lacking)
    assert bars["whole"].get_x() + bars["whole"].get_width() == pytest.approx(product, rel=0.05)
    said = texts(figure)
    assert all(arm in said for arm in list(STEPS)[1:])
    assert any("not measured: unknown: nothing announces" in text for text in said) == bool(lacking)
    assert ("compiled + language" in said) == bool(lacking)
    inside(figure)


def test_waterfall_of_too_few_workers_has_no_nan(tmp_path: Path) -> None:
    run = results.read_run(make_run(tmp_path / "run", [synthetic.ablation()], workers=2))
    (experiment,) = run.note["experiments"]
    made = ablation.chain(run, summary.summarise(run), experiment, experiment["cells"][0])
    assert made is not None
    said = " ".join(texts(figures.waterfall(made.steps, "A title")))
    assert "no interval" in said
    assert "nan" not in said


def grid(folder: Path, rust: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    run = results.read_run(make_run(folder, [synthetic.matched(rust)]))
    table = summary.summarise(run)
    return table, summary.same_kernel(run, table)


def test_grid_has_a_row_a_kernel_and_a_mark_a_language(tmp_path: Path) -> None:
    table, pairs = grid(tmp_path / "run", 0.9)
    assert len(pairs) == 3 * 3
    assert set(pairs["verdict"]) == {"slower"}
    figure = figures.language_grid(table, pairs)
    assert len(figure.axes) == 3
    for panel, axes in enumerate(figure.axes):
        rows = [label.get_text() for label in axes.get_yticklabels()]
        assert rows == ["libfast", "scalar", "avx2", "avx512", "memcpy"]
        for kernel, ratio in {"scalar": 8.0, "avx2": 20.0, "avx512": 26.0}.items():
            for language, factor in {"cython": 1.0, "rust": 0.9}.items():
                drawn = mark(figure, f"{language}-{kernel}", panel)
                assert drawn.get_xdata()[0] == pytest.approx(ratio * factor, rel=0.05)
                assert drawn.get_ydata()[0] == pytest.approx(rows.index(kernel), abs=0.3)
                assert drawn.get_color() == figures.STYLES[language].colour
        assert len([text for text in axes.texts if text.get_text().startswith("rust / cython: 0.")]) == 3
    inside(figure)


@pytest.mark.parametrize(("rust", "leads"), [(1.0, True), (4.0, False)])
def test_grid_says_which_of_the_two_matters(tmp_path: Path, rust: float, leads: bool) -> None:
    table, pairs = grid(tmp_path / "run", rust)
    title = figures.language_grid_title(table, pairs)
    assert title.startswith("The kernel matters more than the language") == leads
    assert "the same kernel in two languages differs by a factor of" in title.lower()
    assert "in one language differ by 3." in title
    assert figures.language_grid_title(table, pairs.iloc[:0]) == "No kernel was measured in two languages."


def test_ladder_draws_every_rung_of_every_arm(tmp_path: Path) -> None:
    run = results.read_run(make_run(tmp_path / "run", [synthetic.ladder(pyo3=0.5)]))
    times = summary.call_times(run, summary.summarise(run), "ladder")
    figure = figures.call_ladder(times, "cython")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(RUNG_NS)
    marks = {line.get_gid(): line for line in axes.lines if " " in str(line.get_gid())}
    for operation, ns in RUNG_NS.items():
        for arm, factor in {"cython": 1.0, "rust": 1.0, "rust-pyo3": 2.0}.items():
            drawn = marks[f"{arm} {operation}-callbot-warm"]
            assert drawn.get_xdata()[0] == pytest.approx(ns * factor, rel=0.2)
    one, other = (marks[f"{arm} noop-callbot-warm"] for arm in ("rust", "rust-pyo3"))
    assert one.get_color() == other.get_color()
    assert one.get_fillstyle() != other.get_fillstyle()
    said = " ".join(texts(figure))
    assert "descriptive" in said
    assert "rust-pyo3: 0.50 times as fast" in said
    assert "A call that does nothing (noop) takes this share of append" in said
    inside(figure)


def test_arms_of_a_language_are_told_apart_in_the_order_of_a_run(tmp_path: Path) -> None:
    run = results.read_run(make_run(tmp_path / "run", [synthetic.matched()]))
    figure = figures.run_order(summary.worker_medians(run, "matched", "append-callbot-warm"))
    lines = [line for line in figure.axes[0].lines if line.get_color() == figures.STYLES["rust"].colour]
    assert len(lines) == 3
    assert len({(line.get_linestyle(), line._unscaled_dash_pattern[1]) for line in lines}) == 3
