"""Whoever sees a figure can have what it was drawn from: in the page by a link, and in a folder as files."""

from __future__ import annotations

import base64
import html
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from markupsafe import escape
from matplotlib.figure import Figure
from rich.console import Console

from callbot_lab import report, results
from callbot_lab.embed import Embedded, embed
from callbot_lab.errors import LabError
from callbot_lab.figure_files import DOTS, figures_of, write
from callbot_lab.probes.selftest import PAIRED
from callbot_lab.probes.selftest_summary import SelfTest
from callbot_lab.probes.shown import Shown
from callbot_lab.progress import steps
from callbot_lab.serverlab.summary import read_server

from .synthetic import ENVIRONMENT, ablation, boundary, make_run, matched
from .synthetic_probes import whole
from .synthetic_servers import make_server_run

EVERYWHERE = {
    "steps-ablation",
    "kernels-matched",
    "boundary-costs",
    "message-parts",
    "amdahl",
    "boundary-servers",
    "calls-carried-callbot",
    "latency-tail",
    "memory-over-time",
    "threads-scaling",
    "ownership-costs",
    "instructions-counts",
    "power",
    "claims",
}
"""Figures from every part of a page."""

LINK = re.compile(r'<a download="([^"]+)\.csv" href="([^"]+)" aria-label="([^"]+)">([^<]+)</a>')


def made_up(name: str) -> Embedded:
    """A figure of two marks; a column of its data holds lists."""
    data = pd.DataFrame(
        {
            "arm": ["é, one", "other"],
            "ratio": [1.0, 2.5],
            "low": [0.123456789, np.nan],
            "cells": [["a"], ["b", "c"]],
        }
    )
    figure = Figure(figsize=(3, 2))
    figure.add_subplot().plot(data["ratio"], marker="o")
    return embed(figure, name, "One & the other.", "Marks at 1 and 2.5.", data, "Below it.")


def data_behind(address: str) -> pd.DataFrame:
    """What a link to data downloads, read as CSV."""
    head, _, coded = address.partition(",")
    assert head == "data:text/csv;charset=utf-8;base64"
    return pd.read_csv(io.BytesIO(base64.b64decode(coded, validate=True)), encoding="utf-8")


def self_test(folder: Path) -> SelfTest:
    """A self-test that finds 3 % nearly always."""
    about = {"analysis": PAIRED, "comparisons": 40, "half": 1.01, "smallest": 1.02}
    about |= {"covers": 0.95, "covers_low": 0.9, "covers_high": 0.98}
    rates = [
        about | {"injected": share, "found": hits, "found_low": 0.9 * hits, "found_high": 1.05 * hits, "called": hits}
        for share, hits in ((0.0, 0.05), (0.03, 0.95))
    ]
    note = {"status": "complete", "warnings": [], "profile": "full", "jobs": [0] * 8, "environment": ENVIRONMENT}
    return SelfTest(folder, note, pd.DataFrame(rates))


def test_a_link_holds_the_numbers_that_were_drawn() -> None:
    picture = made_up("made-up")
    found = data_behind(picture.csv_link)
    assert list(found) == ["arm", "ratio", "low"]
    assert list(found["arm"]) == ["é, one", "other"]
    assert list(found["ratio"]) == [1.0, 2.5]
    assert found["low"][0] == pytest.approx(0.123457, abs=1e-9)
    assert np.isnan(found["low"][1])
    assert (picture.rows, picture.caption) == (2, "Below it.")
    # Nothing in it ends the attribute that holds it.
    assert escape(str(picture.csv_link)) == picture.csv_link


def test_a_figure_becomes_three_files_that_are_the_same_each_time(tmp_path: Path) -> None:
    said, pictures = io.StringIO(), [made_up("one"), made_up("other")]
    with steps(Console(file=said, force_terminal=False), "drawing", len(pictures)) as progress:
        first = write(pictures, tmp_path / "deep" / "first", progress)
    assert "drawing: 2/2" in said.getvalue()
    assert [path.name for path in first] == [f"{n}.{kind}" for n in ("one", "other") for kind in ("svg", "png", "csv")]
    again = write(pictures, tmp_path / "again")
    anew = write([made_up("one"), made_up("other")], tmp_path / "anew")
    for paths in zip(first, again, anew, strict=True):
        assert len({path.read_bytes() for path in paths}) == 1, paths[0].name
    vector, dots, table = first[:3]
    assert ElementTree.parse(vector).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    start = dots.read_bytes()[:24]
    assert start.startswith(b"\x89PNG")
    assert [int.from_bytes(start[at : at + 4], "big") for at in (16, 20)] == [3 * DOTS, 2 * DOTS]
    assert table.read_text(encoding="utf-8") == pictures[0].csv
    with pytest.raises(LabError, match=r"cannot write figures into .*one\.csv: "):
        write(pictures, table)


def test_figures_are_found_wherever_they_are_and_once() -> None:
    one, two, three = (made_up(name) for name in ("one", "two", "three"))
    parts = {"deep": [two, {"deeper": (one,)}], "shown": Shown(["a line"], [three]), "again": two, "none": None}
    assert [found.name for found in figures_of([parts, one, pd.DataFrame({"a": [1]})])] == ["two", "one", "three"]


def test_every_figure_of_a_page_has_its_data(tmp_path: Path) -> None:
    run = results.read_run(make_run(tmp_path / "run", [ablation(), matched(), boundary()], workers=4))
    servers = read_server(make_server_run(tmp_path / "servers"))
    made = report.Report(run, None, servers, self_test(tmp_path), whole(tmp_path))
    text = made.write(tmp_path / "out").read_text(encoding="utf-8")
    parts = re.findall(r"<figure>.*?</figure>", text, re.DOTALL)
    assert len(parts) == text.count('<svg role="img"')
    tables: dict[str, pd.DataFrame] = {}
    for part in parts:
        ((name, address, label, words),) = LINK.findall(part)
        assert f'aria-labelledby="{name}-title ' in part
        tables[name] = data_behind(html.unescape(address))
        assert len(tables[name]) >= 1, name
        assert words.startswith(f"Data of this figure (CSV, {len(tables[name]):,} row")
        assert label.startswith(f"{words}: ")
    assert set(tables) >= EVERYWHERE
    assert set(tables) == {one.name for one in made.drawn}
    assert len(tables) == len(parts)
    assert {"ratio", "ms", "low", "low_wait"} <= set(tables["threads-scaling"])
    assert "lines in all" in set(tables["ownership-costs"]["quantity"])
