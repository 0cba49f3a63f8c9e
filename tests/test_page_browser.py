"""The scripts of the page, in a browser: they answer as the gates in Python do, ask for nothing outside, and sort."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

from callbot_lab import report, results
from callbot_lab.decision import evidence, flips, text
from callbot_lab.decision.gates import UNDECIDED, candidates, decide
from callbot_lab.decision.measured import Measured
from callbot_lab.decision.page import data_of, embedded
from callbot_lab.decision.settings import DECISION, Settings, Value, read
from callbot_lab.serverlab.summary import read_server

from .synthetic import make_run, reproduce
from .synthetic_servers import make_server_run

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
    "--v=0",
    "--virtual-time-budget=5000",
    "--dump-dom",
)

Shown = tuple[str, str]
"""What a browser made of a page, and what it said meanwhile."""

KEYS = {
    "calls": "load.calls",
    "years": "load.years",
    "core_month": "money.core_month",
    "day": "money.day",
    "gain": "gates.gain",
    "probability": "gates.probability",
}
"""Settings in the page's address, by what they are called in the file; days and the share are apart."""

MOVED: list[dict[str, float]] = [
    {},
    {"calls": 1},
    {"calls": 50},
    {"calls": 1000},
    {"calls": 200_000, "day": 700},
    {"calls": 1e7},
    # What the best mix really saves is between these: at one of them nobody can tell.
    {"gain": 0.79},
    {"gain": 0.795},
    {"gain": 0.8},
    {"gain": 0.9},
    {"gain": 0.5, "calls": 1e6},
    {"day": 0},
    {"core_month": 0},
    {"years": 10, "calls": 2000, "core_month": 12.5},
    {"calls": 1e6, "days.rust": 0, "days.cython": 250},
    {"calls": 1e5, "days.ingest": 200},
    {"calls": 1e5, "probability": 0.99},
    {"calls": 1e6, "share": 0.05},
    {"calls": 5e4, "share": 0.6},
    {"share": 0},
]

FLIPPED: list[dict[str, float]] = [
    {"calls": 50},
    {"calls": 200_000, "day": 700},
    {"calls": 5e4, "share": 0.6},
    {"calls": 1e5, "days.ingest": 200, "probability": 0.99},
]
"""Settings for which flip points are looked for as well."""

HELD = re.compile(r'(<script type="application/json" id="decision-data">)(.*?)(</script>)', re.DOTALL)

TOLD = """
const told = () => ({
  answer: document.documentElement.dataset.answer,
  lines: [...document.querySelectorAll("#decision-answer strong, #decision-answer li")].map((one) => one.textContent),
  gates: [...document.querySelectorAll("#decision-gates li")].map((one) => one.textContent),
  rows: [...document.querySelectorAll("#decision-rungs tbody tr")].map(
    (row) => [...row.cells].map((cell) => cell.textContent)),
});
const say = (seen) => { document.documentElement.dataset.seen = JSON.stringify(seen); };
"""
"""What a page shows, and a place to leave it."""

ONCE = "say([told(), performance.getEntriesByType('resource').length]);"

ONE_BY_ONE = """
(async () => {
  const seen = [told()];
  for (const fragment of FRAGMENTS) {
    const turned = new Promise((done) => addEventListener("hashchange", done, { once: true }));
    location.hash = fragment;
    await turned;
    seen.push(told());
  }
  say(seen);
})();
"""

FLIPS = """
(async () => {
  const list = document.getElementById("decision-flips");
  const lines = () => [...list.children].map((line) => line.textContent);
  const seen = [lines()];
  for (const fragment of FRAGMENTS) {
    const turned = new Promise((done) => addEventListener("hashchange", done, { once: true }));
    location.hash = fragment;
    await turned;
    while (list.getAttribute("aria-busy") === "true") await new Promise((done) => setTimeout(done, 20));
    seen.push(lines());
  }
  document.getElementById("decision-reset").click();
  seen.push(lines());
  say(seen);
})();
"""
"""What the list of flip points holds: as it came, with one setting after another, and after all was taken back."""

SLIDE = """
const slider = document.getElementById("set-calls");
slider.value = slider.min;
slider.dispatchEvent(new Event("input"));
const slid = told();
const link = document.getElementById("decision-link").getAttribute("href");
const changed = document.getElementById("decision-changed").textContent;
document.getElementById("decision-reset").click();
say({ slid, link, changed, hash: location.hash, back: told(),
  hidden: document.getElementById("decision-controls").hidden,
  labels: document.querySelectorAll("#decision-controls label").length,
  sliders: document.querySelectorAll("#decision-controls input[type=range]").length });
"""

TABLES = """
<table id="known"><thead><tr><th scope="col">name</th><th scope="col">number</th></tr></thead>
<tbody><tr><th colspan="2">first</th></tr>
<tr><td>beta</td><td>1,000</td></tr><tr><td>alpha</td><td>9.5<br>8 to 11</td></tr>
<tr><td>Gamma</td><td>-</td></tr><tr><td>delta</td><td>-2 %</td></tr></tbody>
<tbody><tr><th colspan="2">second</th></tr><tr><td>b</td><td>20</td></tr><tr><td>a</td><td>3</td></tr></tbody></table>
<table id="two"><thead><tr><th rowspan="2">x</th><th>y</th></tr><tr><th>z</th></tr></thead>
<tbody><tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></tbody></table>
"""

SORT = """
const names = () => [...document.querySelectorAll("#known tbody")].map(
  (body) => [...body.rows].map((row) => row.cells[0].textContent));
const heads = [...document.querySelectorAll("#known thead th")];
const orders = [["none", names()]];
for (const column of [1, 1, 1, 0]) {
  heads[column].querySelector("button").click();
  orders.push([heads[column].getAttribute("aria-sort") ?? "none", names()]);
}
say({ orders, left: heads[1].getAttribute("aria-sort"),
  two: document.querySelectorAll("#two button").length,
  rungs: document.querySelectorAll("#decision-rungs thead button").length });
"""


@pytest.fixture(scope="module")
def browser() -> str:
    """A browser; where CI is set, it has to be there."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        why = "needs a browser: apt-get install chromium"
        assert not os.environ.get("CI"), why
        pytest.skip(why)
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Measured]:
    """A page of servers whose costs are known, and what its decision is taken on."""
    folder = tmp_path_factory.mktemp("page")
    servers = read_server(make_server_run(folder / "servers"))
    loops = results.read_run(make_run(folder / "loops", [reproduce(2.66)]))
    page = report.Report(loops, None, servers).write(folder / "out")
    return page.read_text(encoding="utf-8"), evidence.measured(servers, read(DECISION).load.format)


@pytest.fixture
def measured(made: tuple[str, Measured]) -> Measured:
    """What the decision of the page is taken on."""
    return made[1]


@pytest.fixture
def show(browser: str, made: tuple[str, Measured], tmp_path: Path) -> Callable[..., Shown]:
    """Have the page shown at a fragment of its address, with a script and markup of the test's own, or other data."""

    def run(fragment: str = "", *, script: str = "", markup: str = "", data: Any = None) -> Shown:
        whole = made[0].replace("</main>", f"{markup}\n</main>")
        whole = whole.replace("</body>", f"<script>{TOLD}{script}</script>\n</body>")
        if data is not None:
            whole = HELD.sub(lambda found: found[1] + str(embedded(data)) + found[3], whole)
        page = tmp_path / "page.html"
        page.write_text(whole, encoding="utf-8")
        address = page.as_uri() + (f"#{fragment}" if fragment else "")
        command = [browser, *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", address]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    return run


def seen(shown: Shown) -> Any:
    """What a script of a test left, if no script of the page has failed."""
    page, said = shown
    assert "CONSOLE" not in said, said
    found = re.search(r'<html[^>]*\sdata-seen="([^"]*)"', page)
    assert found, page[:500]
    return json.loads(html.unescape(found[1]))


def truth(measured: Measured, settings: Settings) -> dict[str, Any]:
    """What the gates in Python say, as TOLD has it."""
    decision = decide(measured, settings)
    return {
        "answer": decision.name,
        "lines": text.lines(decision, measured, settings),
        "gates": text.gate_lines(decision),
        "rows": text.rung_rows(decision, settings.currency),
    }


def given(measured: Measured, changes: dict[str, float]) -> tuple[Measured, Settings]:
    """What the gates are asked with if something is moved."""
    said = [f"{KEYS[key]} = {value}" for key, value in changes.items() if key in KEYS]
    days = {key.removeprefix("days."): value for key, value in changes.items() if key.startswith("days.")}
    said += [f"price.{part}.yearly_days = {value}" for part, value in days.items()]
    if "share" in changes:
        measured = flips.with_share(measured, flips.own_parts(measured, read(DECISION)), changes["share"])
    return measured, read(DECISION, said)


def moved(measured: Measured, changes: dict[str, float]) -> dict[str, Any]:
    """What the gates in Python say if something is moved."""
    return truth(*given(measured, changes))


def test_the_page_answers_as_the_gates_do(show: Callable[..., Shown], measured: Measured) -> None:
    fragments = json.dumps([urlencode(changes) for changes in MOVED[1:]])
    found = seen(show(script=ONE_BY_ONE.replace("FRAGMENTS", fragments)))
    wanted = [moved(measured, changes) for changes in MOVED]
    for changes, one, other in zip(MOVED, found, wanted, strict=True):
        assert one == other, changes
    answers = {one["answer"] for one in wanted}
    assert {UNDECIDED, measured.baseline} < answers
    assert len(answers) >= 4


@pytest.mark.parametrize("changes", [{"calls": 1}, {"calls": 1e7, "days.rust": 0.5}], ids=["few", "many"])
def test_settings_in_the_address_hold_from_the_start_and_nothing_is_fetched(
    show: Callable[..., Shown], measured: Measured, changes: dict[str, float]
) -> None:
    shown = show(urlencode(changes), script=ONCE)
    assert seen(shown) == [moved(measured, changes), 0]
    assert "Changed from data/decision.toml: Calls at a time: " in shown[0]
    assert "net::ERR" not in shown[1]


def test_values_missing_servers_and_too_few_workers_are_told_as_in_python(
    show: Callable[..., Shown], measured: Measured
) -> None:
    plain = read(DECISION, ["load.calls = 1e6"])
    veto = Value("safety", "", ("cython",), {})
    weight = Value("team", "", (), {"rust": 2e6, "picows": -1e3})
    gaps = measured.logs.copy()
    gaps.iloc[:4, [name.endswith("+rust") for name in gaps]] = np.nan
    cases = [
        (measured, replace(plain, values=(veto,))),
        (measured, replace(plain, values=(veto, weight))),
        (replace(measured, logs=gaps), plain),
        (replace(measured, logs=measured.logs.iloc[:2]), plain),
    ]
    for one, settings in cases:
        data = data_of(decide(one, settings), one, settings)
        assert seen(show(script=ONCE, data=data))[0] == truth(one, settings)


def test_a_slider_moves_the_answer_and_reset_brings_it_back(show: Callable[..., Shown], measured: Measured) -> None:
    found = seen(show(script=SLIDE))
    assert found["slid"] == moved(measured, {"calls": 1})
    assert found["back"] == moved(measured, {})
    assert (found["link"], found["hash"], found["hidden"]) == ("#calls=1", "", False)
    assert found["changed"].startswith("Changed from data/decision.toml: Calls at a time: 1 instead of ")
    assert found["labels"] == found["sliders"] > 10


def test_flip_points_follow_what_is_set_and_come_back(show: Callable[..., Shown], measured: Measured) -> None:
    plain = read(DECISION)
    # What each takes grows in its own way, and only the first is a line.
    arms = {
        plain.curves.get(name, name): {size: (50 + size) ** (1 - 0.2 * place) for size in (16, 160, 1280, 4800, 65536)}
        for place, name in enumerate(plain.ladder)
    }
    curves = flips.Curves(arms)
    data = data_of(decide(measured, plain), measured, plain, None, curves)
    assert data is not None
    assert data["curves_reason"] == ""
    fragments = json.dumps([urlencode(changes) for changes in FLIPPED])
    came, *found, back = seen(show(script=FLIPS.replace("FRAGMENTS", fragments), data=data))
    wanted = []
    for changes in FLIPPED:
        servers, settings = given(measured, changes)
        wanted.append(text.flip_lines(flips.flips(servers, settings, None, curves), settings))
    for changes, one, other in zip(FLIPPED, found, wanted, strict=True):
        assert one == other, changes
    assert came == back == text.flip_lines(flips.flips(measured, plain), plain)
    said = " ".join(line for lines in wanted for line in lines)
    for name in (flips.CALLS, flips.SHARE, flips.DAYS, flips.CHUNK):
        assert re.search(rf"{text.NAMES[name]}[^:]*: (above|below) ", said), name


def test_tables_are_sorted_by_what_their_cells_mean(show: Callable[..., Shown]) -> None:
    found = seen(show(script=SORT, markup=TABLES))
    came = [["first", "beta", "alpha", "Gamma", "delta"], ["second", "b", "a"]]
    assert found["orders"] == [
        ["none", came],
        ["ascending", [["first", "delta", "alpha", "beta", "Gamma"], ["second", "a", "b"]]],
        ["descending", [["first", "beta", "alpha", "delta", "Gamma"], ["second", "b", "a"]]],
        ["none", came],
        ["ascending", [["first", "alpha", "beta", "delta", "Gamma"], ["second", "a", "b"]]],
    ]
    assert (found["left"], found["two"], found["rungs"]) == (None, 0, len(text.HEADS))


def test_a_script_that_fails_and_a_page_that_asks_for_something_are_seen(show: Callable[..., Shown]) -> None:
    _, said = show(markup='<img src="http://127.0.0.1:9/a.png" alt="">', script='throw new Error("a known error");')
    assert re.search("CONSOLE.*a known error", said)
    assert re.search("CONSOLE.*Content Security Policy", said)


def test_the_page_holds_the_candidates_and_nothing_that_ends_the_element(made: tuple[str, Measured]) -> None:
    page, measured = made
    held = HELD.search(page)
    assert held
    data = json.loads(held[2])
    assert data["candidates"] == [str(mix) for mix in candidates(measured, read(DECISION))]
    assert set(data["logs"]) >= {data["baseline"], *data["candidates"]}
    assert {len(logs) for logs in data["logs"].values()} == {measured.workers}
    nasty = {"name": "</script><b>"}
    assert "<" not in embedded(nasty)
    assert json.loads(embedded(nasty)) == nasty
    assert not re.search(r"https?:", page)


def test_where_g0_leaves_nothing_there_is_nothing_to_move(measured: Measured) -> None:
    settings = read(DECISION)
    fails = dict.fromkeys(settings.ladder, "fails")
    assert data_of(decide(measured, settings, fails), measured, settings, fails) is None


def test_a_share_that_was_not_measured_cannot_be_moved(measured: Measured) -> None:
    settings = read(DECISION)
    wholes = [name for name in measured.logs if name.count("+") == 2]
    bare = replace(measured, logs=measured.logs[wholes])
    for one, there in ((measured, True), (bare, False)):
        data = data_of(decide(one, settings), one, settings)
        assert data is not None
        assert (flips.SHARE in {control["key"] for control in data["controls"]}) == there
        assert (data["own"] is not None) == there
        assert (data["own_reason"] == "") == there
