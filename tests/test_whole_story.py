"""From data to a decision: ledger, page and decision say what is true of made-up runs, and figures stay the same."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from callbot_lab import ledger, paths, report, results
from callbot_lab.decision import evidence, gates, settings
from callbot_lab.serverlab import definition
from callbot_lab.serverlab.mix import Mix
from callbot_lab.serverlab.summary import ServerData, read_server

from .synthetic import Plan, make_run, reproduce
from .synthetic_servers import STORE, cost_us, make_server_run

BASE = "fastapi+json+python"
OTHERS = tuple(
    name
    for name in definition.read().mixes
    if not name.startswith("fastapi") or (mix := Mix.parse(name)).parser not in ("", "json") or mix.decode_only
)
"""Mixes that change the server or the boundary too: without them the implementation is all that can differ."""

STORE_US = 20.0
"""Microseconds that storing takes in every implementation: a third of a message, so that a decoder can matter."""

ALIKE = dict.fromkeys(STORE, STORE_US)
TRUTH = 1.3


def faster() -> dict[str, float]:
    """What storing takes, so that Rust makes a whole server TRUTH times as fast and nothing else does anything."""
    whole, rest = cost_us(Mix.parse(BASE), ALIKE), cost_us(Mix.parse("fastapi+json"))
    store = (whole / TRUTH - rest) / ((whole - rest) / STORE_US)
    return {**ALIKE, "rust": store, "rust-report": store}


def servers(folder: Path, store: dict[str, float]) -> ServerData:
    """A run of whole servers with that truth."""
    return read_server(make_server_run(folder / "server", store=store, lacking=OTHERS))


@pytest.mark.parametrize(("truth", "answer"), [(TRUTH, "fastapi+json+rust"), (1.0, BASE)])
def test_what_is_true_is_said(tmp_path: Path, truth: float, answer: str) -> None:
    whole = servers(tmp_path, faster() if truth > 1 else ALIKE)
    plans = [Plan(ratios={"rust": truth, "cython": 1.0}), reproduce(truth)]
    loops = results.read_run(make_run(tmp_path / "run", plans))

    claims = ledger.ledger(loops, servers=whole).set_index("id")
    assert claims.loc["cpu-use", "ours"] == pytest.approx(truth, rel=0.03)
    assert claims.loc["speedup", "verdict"] == "refuted"

    # So many calls that a price of owning does not matter.
    many = settings.read(changes=["load.calls=10000000"])
    decision = gates.decide(evidence.measured(whole, "callbot"), many)
    assert decision.name == answer
    assert decision.probability > 0.95

    text = report.Report(loops, None, whole).write(tmp_path / "page").read_text(encoding="utf-8")
    if truth > 1:
        assert re.search(r"The surest to gain is fastapi\+json\+rust: it saves 2[0-6]", text)
        load = (
            r"200,000 calls of 25 messages a second: fastapi\+json\+rust, which needs [\d,]+ of the [\d,]+ cores that"
        )
    else:
        assert f"Stay with {BASE}" in text
        load = rf"200,000 calls of 25 messages a second: stay with {re.escape(BASE)}, which needs [\d,]+ cores"
    verdict = text.split('<section id="verdict"')[1].split("</section>")[0]
    assert re.search(load, verdict)
    assert re.search(r"<li>200 calls of 25 messages a second: stay with ", verdict)
    assert "How many calls does a core carry?" in verdict
    assert re.search(rf"callbot, [^<]* ms: [\d,]+ \([\d,]+ to [\d,]+\) with {re.escape(BASE)}", verdict)
    assert "Loops: " in verdict


@pytest.mark.slow
def test_every_figure_of_the_page_is_the_same_twice(tmp_path: Path) -> None:
    run = results.latest_run(paths.RUNS, "best")
    found = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        command = [sys.executable, "-m", "callbot_lab", "report", "--run", str(run), "--out", str(out)]
        # Another seed of hashes is another order of sets.
        variables = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run(command, env=variables, check=True, capture_output=True, timeout=300)
        text = (out / "index.html").read_text(encoding="utf-8")
        drawings = [part.split("</svg>")[0] for part in text.split("<svg")[1:]]
        assert len(drawings) > 15
        found.append([hashlib.sha256(drawing.encode()).hexdigest() for drawing in drawings])
    assert found[0] == found[1]
