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

from callbot_lab import figures, results, summary
from callbot_lab.experiment import Cell
from callbot_lab.worker import EMPTY, NULL

from .synthetic import Plan, make_run

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
