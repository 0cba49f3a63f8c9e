"""What is said of whole servers is what is true of runs whose costs are known."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from callbot_lab import figures, ledger, readme, report, results
from callbot_lab.errors import LabError
from callbot_lab.serverlab import part, sentences
from callbot_lab.serverlab.mix import Mix
from callbot_lab.serverlab.summary import (
    INGEST_PARTS,
    PARTS,
    ServerData,
    boundaries,
    capacities,
    costs,
    gains,
    latest_server_run,
    parts,
    ratio_of_costs,
    read_server,
)
from callbot_lab.worker import NULL

from .synthetic import make_run, reproduce
from .synthetic_servers import INGEST_US, PARSE, RECEIVE, STORE, cost_us, make_server_run, true_calls

CLAIMED = 2.66
SLOW, FAST = "fastapi+json+python-report", "fastapi+json+rust-report"
BASE, BEST, ORJSON = "fastapi+json+python", "picows+ingest+rust", "picows+orjson+rust"
RIGHT = {**STORE, "python-report": 70.8}
"""Costs with which a message in the report's Python design is 2.66 times as dear as in its Rust design."""


def true_ratio(slow: str, fast: str, store: dict[str, float] = STORE) -> float:
    return cost_us(Mix.parse(slow), store) / cost_us(Mix.parse(fast), store)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ServerData:
    return read_server(make_server_run(tmp_path_factory.mktemp("servers") / "run"))


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> ServerData:
    """A run in which the report is right about whole servers."""
    return read_server(make_server_run(tmp_path_factory.mktemp("right") / "run", store=RIGHT))


def test_the_parts_of_a_message_are_the_true_ones(run: ServerData) -> None:
    table = parts(run, "callbot-paced").set_index(["mix", "part"])["share"]
    whole = cost_us(Mix.parse(BASE))
    for name in (BASE, ORJSON, "fastapi+json+cython"):
        mix = Mix.parse(name)
        true = (RECEIVE[mix.server], PARSE[mix.parser], 1.1 * STORE[mix.implementation])
        assert table[name].reindex(PARTS).tolist() == pytest.approx([us / whole for us in true], abs=0.02)
    true = (RECEIVE["picows"], INGEST_US["rust"])
    assert table[BEST].reindex(INGEST_PARTS).tolist() == pytest.approx([us / whole for us in true], abs=0.02)
    # Nothing is said of a mix of which one stage was not run, or that leaves out something else as well.
    assert "websockets+json+python" not in table.index.get_level_values(0)
    assert not any("without" in name or "only" in name for name in table.index.get_level_values(0))


def test_gains_stand_beside_the_bound_of_their_server(run: ServerData) -> None:
    table = gains(run, "callbot-paced").set_index(["server", "implementation"])
    row = table.loc[("picows+orjson", "rust")]
    share = 1.1 * STORE["python"] / cost_us(Mix.parse("picows+orjson+python"))
    assert row["share"] == pytest.approx(share, abs=0.02)
    assert row["bound"] == pytest.approx(1 / (1 - share), rel=0.03)
    assert row["gain"] == pytest.approx(true_ratio("picows+orjson+python", ORJSON), rel=0.02)
    assert row["gain_low"] < row["gain"] < row["gain_high"]
    # Nothing is compared with itself, or across parsers.
    assert ("fastapi+json", "python") not in table.index
    assert ("picows+json", "rust") not in table.index


def test_boundaries_of_whole_servers_are_the_true_ones(run: ServerData) -> None:
    marks = boundaries(run)
    assert set(marks["panel"]) == {"callbot-paced", "twilio-paced"}
    assert list(dict.fromkeys(marks["boundary"])) == ["decode", "buffer", "JSON", "frame"]
    here = marks[marks["panel"] == "callbot-paced"].set_index(["boundary", "arm"])
    for place, mix in (("buffer", "fastapi+json+rust"), ("JSON", "fastapi+ingest+cython"), ("frame", BEST)):
        row = here.loc[(place, Mix.parse(mix).implementation)]
        assert row["ratio"] == pytest.approx(true_ratio(BASE, mix), rel=0.02)
        assert row["native"]
    assert here.loc[("buffer", "python"), ["ratio", "native"]].tolist() == [1, False]
    assert "The boundary moves the cost of a message more" in sentences.boundary_line(run)
    drawn = {picture.name for picture in part.page_part(run, CLAIMED)["figures"]}
    assert "boundary-servers" in drawn


def test_a_ratio_of_two_mixes_needs_both(run: ServerData) -> None:
    found = ratio_of_costs(run, "callbot-paced", FAST, SLOW)
    assert found is not None
    assert found[1] < true_ratio(SLOW, FAST) < found[2]
    assert ratio_of_costs(run, "openai-paced", FAST, SLOW) is None
    assert ratio_of_costs(run, "nowhere", FAST, SLOW) is None


def test_what_a_core_carries_is_told_by_format_with_the_bound_that_it_keeps(run: ServerData) -> None:
    said = sentences.carried_lines(run)
    assert [line.split(",")[0] for line in said] == sentences.searched_formats(run)
    table = capacities(run).set_index("mix")
    for mix in (BASE, SLOW, FAST, BEST):
        assert re.search(rf"\b{table.loc[mix, 'calls']:,.0f} \([\d,]+ to [\d,]+\) with {re.escape(mix)}\b", said[0])
    assert (
        f"the lag's 99th percentile under {sentences.lag_bound(run, sentences.searched_formats(run)[0]):g} ms: "
        in said[0]
    )
    assert f"; {BEST} held " in said[0]


def test_capacities_know_the_fastest_and_what_was_held(run: ServerData) -> None:
    table = capacities(run).set_index("mix")
    assert table.loc[BEST, "times"] == pytest.approx(true_ratio(BASE, BEST), rel=0.06)
    assert table.loc[BEST, "times_low"] < true_ratio(BASE, BEST) < table.loc[BEST, "times_high"]
    assert table.loc[BEST, ["held_p99", "held_share"]].tolist() == [12.0, 0.9]
    against = capacities(run, SLOW).set_index("mix")
    assert against.loc[SLOW, "times"] == 1
    assert against.loc[FAST, "times"] == pytest.approx(true_ratio(SLOW, FAST), rel=0.05)


def test_sentences_say_that_the_report_is_wrong_where_it_is(run: ServerData) -> None:
    said = sentences.lines(run, CLAIMED)
    assert len(said) == 9
    assert "not 2.66 times" in said[0]
    assert "does not support 2.66 times" in said[1]
    assert f"as many as {BASE}" in said[2]
    assert "held" in said[2]
    assert f"{BEST} carries" in said[3]
    assert "twilio calls" in said[3]
    assert "50 % in the kernel, 30 % in the interpreter and 20 % in the implementation (1,000 samples" in said[5]
    bound = 1 / (1 - 1.1 * STORE["python"] / cost_us(Mix.parse(BASE)))
    told = re.search(r"it would be ([\d.]+) times as cheap and no more", said[6])
    assert told is not None
    assert float(told[1]) == pytest.approx(bound, rel=0.02)
    null = costs(run).set_index(["cell", "arm"]).loc[("callbot-paced", NULL)]
    assert f"{null['share_low']:.3f} to {null['share_high']:.3f}" in said[8]


def test_sentences_say_that_the_report_is_right_where_it_is(right: ServerData) -> None:
    said = sentences.lines(right, CLAIMED)
    assert "the report says 2.66 times" in said[0]
    assert "not 2.66" not in said[0]
    assert "does not contradict the 2.66 times" in said[1]
    assert "more than the 1.50 times" in sentences.calls_line(right, 1.5)


def test_what_was_not_measured_is_not_said(tmp_path: Path) -> None:
    bare = read_server(make_server_run(tmp_path / "run", searches=0, lacking=(SLOW, "picows+orjson", "picows")))
    said = " ".join(sentences.lines(bare, CLAIMED))
    assert "carries" not in said
    assert SLOW not in said
    assert "goes" not in said
    assert "no more" in said
    page = part.page_part(bare, CLAIMED)
    assert page["carried"] == []
    assert {row["mix"] for row in page["lacking"]} == {SLOW, "picows+orjson", "picows"}


def test_two_workers_give_no_intervals_and_no_verdicts(tmp_path: Path) -> None:
    few = read_server(make_server_run(tmp_path / "run", workers=2, searches=1))
    assert set(costs(few)["verdict"].dropna()) == {"undecided"}
    assert "no interval" in sentences.cost_line(few, CLAIMED)
    claims = judged(tmp_path, few)
    assert claims.loc[["cpu-use", "calls-rust", "custom-websocket"], "verdict"].tolist() == ["not tested yet"] * 3
    part.page_part(few, CLAIMED)


def judged(folder: Path, servers: ServerData | None) -> Any:
    loops = results.read_run(make_run(folder / "loops", [reproduce(CLAIMED)]))
    return ledger.ledger(loops, servers=servers).set_index("id")


def test_the_ledger_refutes_what_whole_servers_refute(tmp_path: Path, run: ServerData) -> None:
    claims = judged(tmp_path, run)
    assert claims.loc["cpu-use", "verdict"] == "refuted"
    assert claims.loc["cpu-use", "ours"] == pytest.approx(true_ratio(SLOW, FAST), rel=0.02)
    assert claims.loc["calls-rust", "verdict"] == "refuted"
    assert f"2,660 is {BEST}: that held {int(true_calls('callbot', BEST)):,} calls" in claims.loc["calls-rust", "why"]
    assert claims.loc["calls-python", "verdict"] == "not testable here"
    assert claims.loc["calls-python", "ours"] > 0
    assert claims.loc["custom-websocket", "verdict"] == "reproduced"
    # It is another machine's run, and says so.
    assert "Other CPU" in claims.loc["cpu-use", "why"]


def test_the_ledger_grants_what_whole_servers_show(tmp_path: Path, right: ServerData) -> None:
    claims = judged(tmp_path, right)
    assert claims.loc["cpu-use", "verdict"] == "reproduced"
    assert claims.loc["calls-rust", "verdict"] == "reproduced"


def test_without_a_framework_to_save_the_claim_of_it_is_refuted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECEIVE, "picows", RECEIVE["fastapi"])
    same = read_server(make_server_run(tmp_path / "run"))
    assert judged(tmp_path, same).loc["custom-websocket", "verdict"] == "refuted"


def test_without_servers_their_claims_wait(tmp_path: Path) -> None:
    claims = judged(tmp_path, None)
    for name in ("cpu-use", "calls-rust", "calls-python", "custom-websocket"):
        assert claims.loc[name, "verdict"] == "not tested yet"
        assert "no run of whole servers is at hand" in claims.loc[name, "why"]


def test_the_bars_of_a_message_are_its_parts(run: ServerData) -> None:
    table = part.with_language(run, parts(run, "callbot-paced"))
    totals = costs(run).query("cell == 'callbot-paced'").rename(columns={"arm": "mix"})
    axes = figures.message_parts(table, totals, "A title.").axes[0]
    widths = {bar.get_gid(): bar.get_width() for bar in axes.patches}
    for _, row in table.iterrows():
        assert widths[f"{row['part']} of {row['mix']}"] == pytest.approx(row["share"])
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[-1] in (BEST, "picows+ingest+cython")
    assert labels.index(BASE) < labels.index("picows+orjson+python")


def test_amdahl_marks_stand_at_share_and_gain_under_the_bound(run: ServerData) -> None:
    table = part.with_language(run, gains(run, "callbot-paced"))
    axes = figures.amdahl(table, CLAIMED, "A title.").axes[0]
    marks = {line.get_gid(): line.get_xydata()[0] for line in axes.lines if line.get_gid()}
    assert len(marks) == len(table)
    for _, row in table.iterrows():
        found = marks[f"{row['server']}+{row['implementation']}"]
        assert found.tolist() == pytest.approx([row["share"], row["gain"]])
        assert row["gain"] < row["bound"] * 1.03
    shares, bound = axes.lines[0].get_data()
    assert np.interp(0.5, shares, bound) == pytest.approx(2, rel=0.01)
    _, claimed = axes.lines[1].get_data()
    assert np.interp(0.5, shares, claimed) == pytest.approx(1 / (0.5 + 0.5 / CLAIMED), rel=0.01)
    # No two names lie upon each other.
    names = {text.get_text().split(" ")[0]: text.xyann for text in axes.texts}
    places = [names[mark] for mark in marks]
    assert len({x for x, _ in places}) == 1
    low, high = np.log(axes.get_ylim())
    assert np.diff(sorted(np.log(y) for _, y in places)).min() > 0.03 * (high - low)


def test_calls_stand_where_they_were_found(run: ServerData) -> None:
    table = part.with_language(run, capacities(run))
    figure = figures.calls_carried(table, BASE, "A title.")
    axes = figure.axes[0]
    marks = {line.get_gid(): line.get_xdata()[0] for line in axes.lines if line.get_gid()}
    assert marks == {f"mix {row['mix']}": row["calls"] for _, row in table.iterrows()}
    assert axes.get_yticklabels()[0].get_text() == table["mix"].iloc[-1]


def test_the_page_tells_of_whole_servers_and_of_whose(tmp_path: Path, run: ServerData) -> None:
    loops = results.read_run(make_run(tmp_path / "loops", [reproduce(CLAIMED)]))
    text = report.Report(loops, None, run).write(tmp_path / "out").read_text(encoding="utf-8")
    assert "Other CPU" in text
    assert "does not support 2.66 times" in text
    assert len(re.findall(r'<svg role="img"', text)) >= 5
    assert len(set(re.findall(r'\bid="([^"]*)"', text))) == len(re.findall(r'\bid="', text))
    assert not re.search(r">\s*(nan|inf|None)\s*<", text)
    lines = report.Report(loops, None, run).lines(tmp_path / "out" / "index.html")
    assert any(line.startswith("Whole servers (run): ") for line in lines)
    assert len(lines) <= report.MOST_LINES
    without = report.Report(loops, None).write(tmp_path / "out").read_text(encoding="utf-8")
    assert "No run of whole servers is at hand" in without


def test_the_readme_s_table_has_a_row_for_each_mix_that_was_searched(run: ServerData) -> None:
    text = readme.whole_servers(run)
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) == len(run.note["definition"]["capacity"][0]["mixes"]) <= readme.MOST_ROWS
    lines = readme.whole_lines(run, CLAIMED)
    assert "does not support 2.66 times" in lines
    assert "`run`" in text
    assert "`run`" in lines
    assert "nan" not in text + lines


def test_documents_tell_each_format_s_calls_beside_the_costs_of_that_format(run: ServerData) -> None:
    text = part.carried_tables(run)
    callbot, twilio = text.split("Calls of twilio")
    for form, table in (("callbot", callbot), ("twilio", twilio)):
        rows = {cells[1].strip(" `"): cells[2:5] for line in table.splitlines() if (cells := line.split("|"))[1:]}
        known = costs(run)[lambda one, name=form: one["cell"] == f"{name}-paced"].set_index("arm")["share"]
        cost, calls, times = rows[BEST]
        assert float(cost.split("(")[0]) == pytest.approx(known[BEST], abs=0.01)
        assert float(calls.split("(")[0].replace(",", "")) == pytest.approx(true_calls(form, BEST), rel=0.15)
        assert float(times.split("(")[0]) == pytest.approx(true_ratio(BASE, BEST), rel=0.1)
        assert rows[BASE][0].strip() == "1"
    assert ORJSON in callbot
    assert ORJSON not in twilio


def test_documents_tell_boundaries_of_servers_as_shares(run: ServerData) -> None:
    text = part.boundary_table(run)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    head, body = rows[0], rows[2:]
    places = run.note["definition"]["boundaries"]
    assert head == ["cell", "boundary", "`python`", "`cython`", "`rust`"]
    assert [row[1] for row in body] == [place["name"] for place in places] * 2
    for place, row in zip(places, body, strict=False):
        for mix, cell in zip(place["mixes"], row[2:], strict=True):
            share, *interval = (float(number) for number in re.findall(r"[\d.]+", cell))
            assert share == pytest.approx(1 / true_ratio(BASE, mix), rel=0.05)
            assert interval == [] if mix == BASE else interval[0] <= share <= interval[1]
    assert text.endswith(sentences.boundary_line(run))


def test_documents_tell_where_time_was_sampled(run: ServerData) -> None:
    assert sentences.sampled_line(run) == (
        "With 900 callbot calls it was seen 50 % in the kernel, 30 % in the interpreter and 20 % in the implementation "
        "(1,000 samples of its CPU time)."
    )
    lines = part.sampled_table(run).splitlines()
    assert lines[0] == "| mix | load | kernel | interpreter | implementation | parser | samples |"
    assert lines[2:] == [f"| `{BEST}` | 900 callbot calls | 50 % | 30 % | 20 % | 0 % | 1,000 |"]


def test_what_failed_has_no_number(tmp_path: Path) -> None:
    fault = {"cell": "callbot-paced", "arm": BEST, "status": "wrong output", "reason": "one call was stored wrong"}
    folder = make_server_run(
        tmp_path / "run", faults=[fault], held=[{"mix": BEST, "format": "callbot", "calls": 900, "passed": False}]
    )
    failed = read_server(folder)
    assert not failed.has("callbot-paced", BEST)
    assert failed.has("callbot-flood", BEST)
    assert BEST not in set(parts(failed, "callbot-paced")["mix"])
    assert np.isnan(capacities(failed).set_index("mix").loc[BEST, "held"])
    assert "no load of it was held for longer" in sentences.best_line(failed)
    held = {row["mix"]: row["held"] for row in part.carried_rows(failed, capacities(failed), "callbot")}
    assert (held[BEST], held[SLOW]) == ("none", "not tried")
    assert fault["reason"] in part.page_part(failed, CLAIMED)["lacking"][0]["reason"]


def test_the_newest_run_is_found(tmp_path: Path) -> None:
    assert latest_server_run(tmp_path) is None
    for name in ("20260101T000000Z-server-full", "20260102T000000Z-server-quick", "20260103T000000Z-full"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ("server.json" if "server" in name else "run.json")).write_text("{}")
    found = latest_server_run(tmp_path)
    assert found is not None
    assert found.name == "20260102T000000Z-server-quick"
    with pytest.raises(LabError):
        read_server(found)


def test_a_run_of_the_first_layout_is_still_read(tmp_path: Path) -> None:
    folder = make_server_run(tmp_path / "run")
    path = folder / "server.json"
    note = json.loads(path.read_text())
    callbot = note["definition"].pop("capacity")[0]
    del note["definition"]["boundaries"], note["sampled"]
    note["definition"] |= {"capacity_format": "callbot", "capacity_mixes": callbot["mixes"]}
    for name in ("rungs", "held"):
        note[name] = [rung for rung in note[name] if rung.pop("format") == "callbot"]
    new = read_server(folder)
    path.write_text(json.dumps(note | {"schema": 1}))
    old = read_server(folder)
    pd.testing.assert_frame_equal(capacities(old), capacities(new))
    assert sentences.searched_formats(old) == ["callbot"]
    assert sentences.lag_bound(old, "callbot") == 40
