"""The figures of a decision say what the rule says, of servers whose costs are known."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from callbot_lab.decision import flips, maps
from callbot_lab.decision.flips import with_calls
from callbot_lab.decision.gates import UNDECIDED, decide
from callbot_lab.decision.measured import Measured
from callbot_lab.decision.settings import Settings, Value
from callbot_lab.embed import drawing
from callbot_lab.figures.decision_matrix import decision_matrix, decision_matrix_title
from callbot_lab.figures.flip_map import flip_map, flip_map_title
from callbot_lab.serverlab.mix import Mix

from .synthetic_servers import LANGUAGES, STORE, cost_us
from .test_decision import BASE, CYTHON, CYTHON_SAVES, PER_CALL, SERVERS, servers, settings
from .test_figures import inside, texts

LEAST = "picows+orjson+rust"
CHANGED = "picows+orjson+python"
DEAR = [
    'servers = ["fastapi", "picows"]',
    'boundaries = ["json", "orjson"]',
    'ladder = ["python", "cython", "rust"]',
    "price.cython.yearly_days = 200",
    "price.rust.yearly_days = 200",
]


def drawn(measured: Measured, found: Settings) -> dict[str, Figure]:
    """Both figures."""
    languages = {name: LANGUAGES.get(name, name) for name in STORE}
    answers, matrix = maps.flip_map(measured, found), maps.decision_matrix(measured, found)
    calls, years = found.load.calls, found.load.years
    return {
        "map": flip_map(answers, calls, languages, flip_map_title(answers, calls)),
        "matrix": decision_matrix(matrix, "EUR", years, decision_matrix_title(matrix, "EUR", years)),
    }


@pytest.mark.parametrize("values", [(), (Value("team", "", (), {"cython": 3000.0}),)])
def test_the_map_has_the_answers_of_the_rule(values: tuple[Value, ...]) -> None:
    measured = servers()
    found = replace(settings('ladder = ["python", "cython"]', "load.calls = 1e5"), values=values)
    table = maps.flip_map(measured, found)
    assert set(table["answer"]) == {BASE, CYTHON}
    assert (table["calls"].min(), table["calls"].max()) == (10, 1e6)
    parts = flips.own_parts(measured, found)
    assert table.loc[table["measured"], "share"].unique() == pytest.approx(parts[BASE])
    assert (table["share"].min(), table["share"].max()) == (0.05, 0.95)
    for row in table.iloc[::19].to_dict("records"):
        own = decide(flips.with_share(measured, parts, row["share"]), with_calls(found, row["calls"]))
        assert (row["answer"], row["probability"]) == (own.name, pytest.approx(own.probability))
        assert row["implementation"] == Mix.parse(row["answer"]).implementation


def test_the_title_of_the_map_names_where_the_answer_flips() -> None:
    table = maps.flip_map(servers(), settings('ladder = ["python", "cython"]', "load.calls = 1e5"))
    turn = 25 * 800 / (PER_CALL * CYTHON_SAVES)
    assert table["since"].max() == pytest.approx(turn, rel=1e-3)
    about = f"{float(f'{turn:.3g}'):,.0f}"
    for calls, answer in ((0.9 * turn, BASE), (1.1 * turn, CYTHON)):
        assert flip_map_title(table, calls) == (
            f"With {calls:,.0f} calls the answer is {answer}; as calls grow, it is {BASE} up to about {about} and "
            f"{CYTHON} beyond that."
        )


def test_what_is_undecided_is_so_everywhere_on_the_map() -> None:
    measured, found = servers(workers=2), settings()
    table = maps.flip_map(measured, found)
    assert set(table["answer"]) == {UNDECIDED}
    # The settings ask for more calls than the map has by itself.
    assert flip_map_title(table, 1e7) == f"With any number of calls from 10 to 10,000,000 the answer is {UNDECIDED}."
    said = " ".join(" ".join(text for figure in drawn(measured, found).values() for text in texts(figure)).split())
    assert f"1: {UNDECIDED}" in said
    assert "No row is framed" in said
    assert "nan" not in said


@pytest.mark.parametrize(("calls", "answer"), [(1e5, CHANGED), (1e3, BASE)])
def test_the_matrix_has_the_sums_and_marks_the_answer(calls: float, answer: str) -> None:
    store = {**STORE, "rust": 1.0}
    found = settings(*DEAR, f"load.calls = {calls:.0f}")
    table = maps.decision_matrix(servers(store), found)
    assert list(table["mix"]) == [BASE, "fastapi+orjson+python", CHANGED, "picows+orjson+cython", LEAST]
    rows = table.set_index("mix")
    assert list(rows.index[rows["answer"]]) == [answer]
    days = {CHANGED: 10 + 1 + 3 * (3 + 0.5), LEAST: 10 + 1 + 15 + 3 * (3 + 0.5 + 200)}
    for mix, owned in days.items():
        saves = 1 - cost_us(Mix.parse(mix), store) / cost_us(Mix.parse(BASE))
        assert rows.loc[mix, "cpu_saved"] == pytest.approx(saves, rel=1e-6)
        assert rows.loc[mix, "low"] < saves < rows.loc[mix, "high"]
        assert rows.loc[mix, "net"] == pytest.approx(calls * PER_CALL * saves - 800 * owned, rel=1e-6)
        pays = calls * PER_CALL * saves > 800 * owned
        assert rows.loc[mix, "probability"] == pytest.approx(float(pays), abs=0.01)
        assert rows.loc[BASE, "cores"] * (1 - saves) == pytest.approx(rows.loc[mix, "cores"], rel=1e-6)
    title = decision_matrix_title(table, "EUR", 3)
    assert title.startswith(f"{LEAST} needs the least CPU, but over 3 years ")
    if answer == BASE:
        assert f"nothing earns back what it costs to own; the answer is to stay with {BASE}." in title
    else:
        net = round(rows.loc[CHANGED, "net"])
        assert f"{CHANGED} brings the most: {net:,} EUR after what it costs to own; the answer is {CHANGED}." in title
    figure = decision_matrix(table, "EUR", 3, title)
    patches = {str(patch.get_gid()): patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)}
    assert [name for name in patches if name.startswith("answer ")] == [f"answer {answer}"]
    bold = {text.get_text() for text in figure.axes[0].texts if text.get_weight() == "bold"}
    assert bold & set(table["mix"]) == {answer}
    # The better in its column, the darker.
    shades = {mix: sum(patches[f"net of {mix}"].get_facecolor()[:3]) for mix in table["mix"]}
    assert min(shades, key=lambda mix: shades[mix]) == rows["net"].idxmax()


@pytest.mark.parametrize("name", ["map", "matrix"])
def test_a_figure_is_the_same_every_time_and_nothing_in_it_overlaps(name: str) -> None:
    found = settings(*SERVERS, "load.calls = 1e4")
    figure, again = (drawn(servers(), found)[name] for _ in range(2))
    assert drawing(figure, name) == drawing(again, name)
    inside(figure)
    canvas = FigureCanvasAgg(figure)
    # A legend lies where it was drawn last, and a drawing has other dots.
    canvas.draw()
    renderer, box = canvas.get_renderer(), figure.bbox
    legends = [text for legend in figure.legends for text in legend.get_texts()]
    for text in (*figure.texts, *legends):
        extent = text.get_window_extent(renderer)
        assert box.x0 - 1 <= extent.x0 <= extent.x1 <= box.x1 + 1, text.get_text()
        assert box.y0 - 1 <= extent.y0 <= extent.y1 <= box.y1 + 1, text.get_text()
    every = [*figure.texts, *legends, *(text for axes in figure.axes for text in axes.texts)]
    for one, other in itertools.combinations(every, 2):
        apart = not one.get_window_extent(renderer).overlaps(other.get_window_extent(renderer))
        assert apart, (one.get_text(), other.get_text())
    answers = set(maps.flip_map(servers(), found)["answer"])
    if name == "map":
        assert len(answers) > 2
        assert {text.get_text().split(": ")[-1] for text in legends} == answers
