"""The experiment `server`: its definition, its search for a limit, its arithmetic, and a glance at real servers."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from callbot_lab.caller.check import Checked
from callbot_lab.caller.faults import Plan
from callbot_lab.caller.switchboard import Sent
from callbot_lab.caller.traffic import Traffic
from callbot_lab.errors import LabError
from callbot_lab.paths import SPEECH
from callbot_lab.server import wav
from callbot_lab.server.settings import Stage
from callbot_lab.serverlab import capacity, definition, memory_in_use, paced
from callbot_lab.serverlab.capacity import Rung, Search, carried
from callbot_lab.serverlab.mix import Mix
from callbot_lab.serverlab.paced import Running
from callbot_lab.serverlab.process import Cost
from callbot_lab.serverlab.summary import ServerData, capacities, costs, read_server
from callbot_lab.worker import NULL
from callbot_lab.workload import FORMATS, read_recording

from .servers import Server

BASE = "fastapi+json+python"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("picows", ("picows", "", "", True, Stage.RECEIVE)),
        ("picows+orjson", ("picows", "orjson", "", True, Stage.PARSE)),
        ("fastapi+json+rust-avx2", ("fastapi", "json", "rust-avx2", True, Stage.BUFFER)),
        ("fastapi+json+rust without journal", ("fastapi", "json", "rust", False, Stage.BUFFER)),
        ("picows+ingest+rust", ("picows", "ingest", "rust", True, Stage.BUFFER)),
    ],
)
def test_a_mix_is_what_its_name_says(text: str, parts: tuple[Any, ...]) -> None:
    mix = Mix.parse(text)
    assert (mix.server, mix.parser, mix.implementation, mix.journal, mix.stage) == parts
    assert not mix.decode_only
    assert str(mix) == text


def test_a_mix_may_use_nothing_but_decode() -> None:
    mix = Mix.parse("fastapi+json+rust decode only without journal")
    assert (mix.implementation, mix.decode_only, mix.journal) == ("rust", True, False)
    assert str(mix) == "fastapi+json+rust decode only without journal"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "iis",
        "fastapi+xml",
        "fastapi+json+rust+more",
        "fastapi++rust x",
        "json+fastapi",
        "fastapi++rust",
        "picows+ingest",
        "picows+ingest+rust decode only",
        "picows+json decode only",
        "picows+json+rust without journal decode only",
    ],
)
def test_what_names_no_mix_is_refused(text: str) -> None:
    with pytest.raises(LabError, match="is no mix"):
        Mix.parse(text)


def test_the_definition_names_mixes_and_can_be_narrowed() -> None:
    whole = definition.read()
    assert all(str(Mix.parse(name)) == name for name in whole.mixes)
    assert whole.baseline == BASE
    some = definition.narrowed(whole, ["rust", "picows+json+rust"], ["twilio"])
    assert [(cell.name, cell.arms) for cell in some.cells] == [
        (
            "twilio-paced",
            (
                "fastapi+json+rust",
                "picows+orjson+rust",
                "fastapi+json+rust decode only",
                "fastapi+ingest+rust",
                "picows+ingest+rust",
                "picows+json+rust",
            ),
        )
    ]
    assert [(part.format, part.mixes) for part in some.capacity] == [
        ("twilio", (BASE, "picows+ingest+rust", "picows+json+rust"))
    ]
    with pytest.raises(LabError, match="is no mix"):
        definition.narrowed(whole, ["nothing"], [])


class Fake:
    """A server that carries so many calls, and knows how much of a core that takes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def close(self) -> None: ...


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Search]:
    """A search on servers of a known limit."""

    def made(limit: int) -> Search:
        def rung(_: Search, server: Fake, repeat: int, calls: int, seconds: float = 1.0) -> Rung:
            share = min(calls / server.limit, 1.0)
            return Rung("x", "callbot", repeat, calls, seconds, calls <= server.limit, "", server_share=share)

        monkeypatch.setattr(capacity, "ServerProcess", lambda *_: Fake(limit))
        monkeypatch.setattr(Search, "rung", rung)
        return Search(FORMATS["callbot"], 40.0, read_recording(SPEECH), 1.0, None, "python")

    return made


def test_a_search_that_begins_near_the_limit_is_short(search: Callable[[int], Search]) -> None:
    for first in (650, 690, 800):
        rungs = search(690).run(Mix("picows"), 1, first)
        assert 690 / capacity.STEP - 1 <= carried(rungs) <= 690
        assert len(rungs) <= 5


@pytest.mark.parametrize("limit", [5, 37, 199, 200, 690, 1_777, 9_999])
def test_a_search_ends_within_a_step_of_the_limit(search: Callable[[int], Search], limit: int) -> None:
    rungs = search(limit).run(Mix("picows"), 0)
    found, most = carried(rungs), min(limit, capacity.MOST_CALLS)
    assert found <= most
    assert found >= most / capacity.STEP - 1 or limit < capacity.FEWEST_CALLS
    assert len(rungs) <= 16
    # What the CPU says saves the rungs on the way.
    assert len(rungs) <= 7 or limit < 200


@pytest.mark.parametrize(("first", "held"), [(800, 690), (600, 600), (5000, None)])
def test_a_load_that_cannot_be_held_is_lowered(search: Callable[[int], Search], first: int, held: int | None) -> None:
    rungs = search(690).hold(Mix("picows"), first, 60.0)
    assert [rung.passed for rung in rungs[:-1]] == [False] * (len(rungs) - 1)
    assert rungs[-1].passed is (held is not None)
    assert len(rungs) <= capacity.HELD_STEPS
    if held is not None:
        assert held / capacity.STEP - capacity.HELD_STEPS <= rungs[-1].calls <= held


class FakeTraffic:
    """Calls that are played by nobody."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def connect(self) -> None: ...

    def play(self, seconds: float) -> Sent:
        return Sent(100, seconds, 0.1, FakeTraffic.late_ns)

    def finish(self) -> None: ...

    late_ns = np.zeros(100, dtype=np.int64)


class Loaded(Fake):
    """A server that spends half of what it is given."""

    mix, port, folder = Mix("picows", "json", "rust"), 1, Path()

    def forget_recordings(self) -> None: ...

    def cost(self) -> Cost:
        self.limit += 1
        return Cost(self.limit * 10**9, 0, 0)


@pytest.mark.parametrize(
    ("lag_ms", "late_ms", "wrong", "reason"),
    [
        (39.0, 0.0, {}, ""),
        (41.0, 0.0, {}, "not under 40 ms"),
        # However late the caller was: the lag counts from when a message was due.
        (39.0, 30.0, {}, ""),
        (60.0, 50.0, {}, "not under 40 ms, and so was the caller's own"),
        (39.0, 0.0, {"a": "byte 5 differs"}, "1 calls are not whole: byte 5 differs"),
        (float("nan"), 0.0, {}, "not under 40 ms"),
    ],
)
def test_a_load_passes_if_all_is_stored_and_in_time(
    monkeypatch: pytest.MonkeyPatch, lag_ms: float, late_ms: float, wrong: dict[str, str], reason: str
) -> None:
    lags = np.empty(0) if np.isnan(lag_ms) else np.full(100, lag_ms)
    monkeypatch.setattr(FakeTraffic, "late_ns", np.full(100, int(late_ms * 1e6)))
    monkeypatch.setattr(capacity, "Traffic", FakeTraffic)
    sinces = list[int]()

    def check(*_: Any, since: int) -> Checked:
        sinces.append(since)
        return Checked(1, wrong=wrong, lags_ms=lags)

    monkeypatch.setattr(capacity, "check", check)
    begun = time.monotonic_ns()
    search = Search(FORMATS["callbot"], 40.0, read_recording(SPEECH), 2.0, None, "python")
    rung = search.rung(Loaded(0), 0, 100)  # type: ignore[arg-type]
    assert rung.passed is (reason == "")
    assert reason in rung.reason
    assert rung.server_share == pytest.approx(0.5)
    # The lead's messages have no lag.
    assert begun < sinces[0] < time.monotonic_ns()


def test_a_server_that_takes_no_calls_fails_its_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: FakeTraffic) -> None:
        raise LabError("the server took 3 of 100 connections in time")

    monkeypatch.setattr(FakeTraffic, "connect", refuse)
    monkeypatch.setattr(capacity, "Traffic", FakeTraffic)
    search = Search(FORMATS["callbot"], 40.0, read_recording(SPEECH), 2.0, None, "python")
    rung = search.rung(Loaded(0), 0, 100)  # type: ignore[arg-type]
    assert (rung.passed, rung.reason) == (False, "the server took 3 of 100 connections in time")


def synthetic(rungs: list[dict[str, Any]]) -> ServerData:
    """Servers that cost 40, 40 and 10 microseconds a message, on a machine whose pace wanders."""
    draw, rows = np.random.default_rng(1), []
    for worker in range(6):
        for block in range(3):
            pace = draw.lognormal(0, 0.3)
            for position, (arm, us) in enumerate([(BASE, 40), (NULL, 40), ("picows+orjson+rust", 10)] * 2):
                cpu = int(1e3 * us * 1600 * pace * draw.lognormal(0, 0.01))
                rows.append((worker, "server", "callbot-paced", arm, block, position, 1, 1600, 10**9, cpu, cpu, 0))
    columns = [
        "worker",
        "experiment",
        "cell",
        "arm",
        "block",
        "position",
        "turns",
        "chunks",
        "wall_ns",
        "cpu_ns",
        "user_ns",
        "kernel_ns",
    ]
    cells = [{"name": "callbot-paced"}, {"name": "callbot-flood"}]
    definition = {"baseline": BASE, "margin": 0.1, "cells": cells, "capacity": [{"format": "callbot"}]}
    note = {"definition": definition, "held": [], "faults": []}
    return ServerData(Path(), note, pd.DataFrame(rows, columns=columns), pd.DataFrame(rungs))


def test_costs_are_cpu_paired_within_blocks() -> None:
    table = costs(synthetic([])).set_index("arm")
    assert table.loc["picows+orjson+rust", "ratio"] == pytest.approx(4, rel=0.01)
    assert table.loc["picows+orjson+rust", "share_low"] < 0.25 < table.loc["picows+orjson+rust", "share_high"]
    assert table.loc["picows+orjson+rust", "verdict"] == "faster"
    assert table.loc[NULL, "verdict"] == "equivalent"
    assert set(table["cell"]) == {"callbot-paced"}


def test_capacities_are_compared_search_by_search() -> None:
    rungs = [
        {"mix": mix, "format": "callbot", "repeat": repeat, "calls": calls, "passed": passed}
        for repeat, pace in enumerate((1.0, 0.5, 2.0))
        for mix, most in ((BASE, 600), ("picows+orjson+rust", 1800))
        for calls, passed in ((int(most * pace), True), (int(most * pace / 2), True), (int(most * pace * 1.05), False))
    ]
    table = capacities(synthetic(rungs)).set_index("mix")
    assert table.loc[BASE, "calls"] == pytest.approx(600)
    assert table.loc["picows+orjson+rust", "times"] == pytest.approx(3)
    # The machine's pace is in both of a search: the ratio is sure where the numbers are not.
    assert table.loc["picows+orjson+rust", "times_low"] == pytest.approx(3)
    assert table.loc[BASE, "low"] < 300
    assert capacities(synthetic([])).empty
    assert capacities(synthetic(rungs), form="twilio").empty


def test_a_damaged_run_is_an_error_of_a_line(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no run of the experiment"):
        read_server(tmp_path)
    (tmp_path / "server.json").write_text("{")
    with pytest.raises(LabError, match="damaged"):
        read_server(tmp_path)
    (tmp_path / "server.json").write_text('{"schema": 0}')
    with pytest.raises(LabError, match="layout"):
        read_server(tmp_path)


def stored(tmp_path: Path, *faults: str) -> tuple[Server, Running]:
    """A server that was played to, as the measuring of costs sees it."""
    server = Server(tmp_path / "recordings")
    plan = Plan.parse(faults, 1)
    form, recording = FORMATS["callbot"], read_recording(SPEECH)
    traffic = Traffic("127.0.0.1", server.port, form, calls=4, recording=recording, plan=plan)
    traffic.connect()
    process = SimpleNamespace(
        resume=lambda: None, mix=Mix.parse(BASE), folder=server.folder, health=lambda: server.page()
    )
    return server, Running("x", process, traffic, traffic.play(0.4).messages)  # type: ignore[arg-type]


CELL = definition.Cell("callbot", definition.PACED, 4, ())


def test_a_server_that_loses_refuses_or_spoils_something_gets_no_number(tmp_path: Path) -> None:
    server, running = stored(tmp_path / "right")
    with server:
        assert paced._wrong(running, CELL) == ""
        running.messages += 1
        assert "it counts 48 and refused 0" in paced._wrong(running, CELL)
        next(server.folder.glob("*.wav")).write_bytes(wav.header("pcm16", 16_000, 4) + b"abcd")
        assert "1 of 4 calls were stored wrong" in paced._wrong(running, CELL)
    server, running = stored(tmp_path / "refused", "malformed=0.2")
    with server:
        assert "of 48 messages it counts 48 and refused" in paced._wrong(running, CELL)


@pytest.mark.slow
def test_real_servers_are_measured_and_checked(tmp_path: Path, callbot_lab: Callable[..., Any]) -> None:
    out = tmp_path / "run"
    arguments = ["-e", "server", "-p", "glance", "-s", "openai", "-i", "picows+orjson+rust", "-i", "fastapi+json+rust"]
    done = callbot_lab("measure", *arguments, "--out", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    run = read_server(out)
    assert run.note["status"] == "complete"
    assert set(run.slots["arm"]) == {BASE, NULL, "picows+orjson+rust", "fastapi+json+rust"}
    assert (run.slots["cpu_ns"] > 0).all()
    # 200 calls send a chunk every 100 ms for 0.8 s.
    assert set(run.slots["chunks"]) == {1600}
    assert json.loads((out / "server.json").read_text())["faults"] == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-e", "server", "-e", "best"], "by itself"),
        (["-e", "server", "-i", "nothing"], "is no mix"),
        (["-e", "server", "-p", "long"], "unknown profile"),
    ],
)
def test_what_cannot_be_measured_is_said_in_a_line(
    callbot_lab: Callable[..., Any], arguments: list[str], reason: str
) -> None:
    done = callbot_lab("measure", *arguments)
    assert done.returncode == 2
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_memory_is_read_full_until_little_is_free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    free, said = [memory_in_use.LEFT + 3 * 2**30], list[str]()

    def measured() -> int:
        free[0] -= 2**29
        return free[0]

    monkeypatch.setattr(memory_in_use, "free_memory", measured)
    monkeypatch.setattr(memory_in_use, "STEP", 2**20)
    with contextlib.closing(memory_in_use.MemoryInUse(tmp_path)) as memory:
        assert memory.fill(said.append) == memory_in_use.LEFT
        assert len(said) == 2
        # What is full already is left alone.
        assert memory.fill(said.append) < memory_in_use.LEFT
    assert not list(tmp_path.iterdir())


def test_memory_that_does_not_fill_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory_in_use, "free_memory", lambda: 2**40)
    monkeypatch.setattr(memory_in_use, "STEP", 2**20)
    with contextlib.closing(memory_in_use.MemoryInUse(tmp_path)) as memory:
        assert memory.fill(lambda _: None) == 2**40
