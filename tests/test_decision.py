"""The rule of the decision says what is right for servers whose costs are known, and flips where it says it does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from callbot_lab.costmodel import CostModel
from callbot_lab.decision import command, evidence, flips, loads, text, words
from callbot_lab.decision.gates import G1, G2, G3, G4, NOT_SHOWN, TOO_FEW, Decision, decide
from callbot_lab.decision.measured import Measured
from callbot_lab.decision.settings import DECISION, Settings, Value, read
from callbot_lab.errors import LabError
from callbot_lab.serverlab import definition
from callbot_lab.serverlab.mix import Mix
from callbot_lab.serverlab.summary import read_server
from callbot_lab.verify import CONFORMS

from .synthetic_servers import STORE, cost_us, make_server_run

BASE = "fastapi+json+python"
LADDER = ["python", "python-pybase64", "cython", "rust"]
SERVERS = ['servers = ["fastapi", "websockets", "picows"]', 'boundaries = ["json", "orjson", "msgspec", "ingest"]']
CHANGES = [
    'servers = ["fastapi"]',
    'boundaries = ["json"]',
    f"ladder = {json.dumps(LADDER)}",
    "gates.gain = 0.1",
    "gates.probability = 0.95",
    "gates.tie = 0.1",
    "load.format = callbot",
    "load.calls = 1e7",
    "load.utilisation = 0.5",
    "load.years = 3",
    "money.core_month = 30",
    "money.day = 800",
    "price.fastapi = { once_days = 0, yearly_days = 0 }",
    "price.websockets = { once_days = 5, yearly_days = 1 }",
    "price.picows = { once_days = 10, yearly_days = 3 }",
    "price.json = { once_days = 0, yearly_days = 0 }",
    "price.orjson = { once_days = 1, yearly_days = 0.5 }",
    "price.msgspec = { once_days = 2, yearly_days = 0.5 }",
    "price.ingest = { once_days = 3, yearly_days = 2 }",
    "price.python = { once_days = 0, yearly_days = 0 }",
    "price.python-pybase64 = { once_days = 1, yearly_days = 1 }",
    "price.cython = { once_days = 10, yearly_days = 5 }",
    "price.rust = { once_days = 15, yearly_days = 6 }",
    "values = []",
    "curves.python = stdlib",
]
"""All that the tests count on, whatever a reader has put into the file."""

PER_CALL = 25 * cost_us(Mix.parse(BASE)) / 1e6 / 0.5 * 30 * 12 * 3
"""Money that the cores of one call cost over all years, in the baseline."""

CYTHON_SAVES = 1 - cost_us(Mix.parse("fastapi+json+cython")) / cost_us(Mix.parse(BASE))
CYTHON = "fastapi+json+cython"


def settings(*changes: str) -> Settings:
    return read(DECISION, [*CHANGES, *changes])


def servers(store: Mapping[str, float] = STORE, *, workers: int = 6, noise: float = 0.01) -> Measured:
    """The mixes of the experiment's first cell: true ratios in the mean, with so much deviation between workers."""
    draw = np.random.default_rng(3)
    base = cost_us(Mix.parse(BASE), store)
    logs = {BASE: np.zeros(workers)}
    for name in definition.read().cells[0].arms:
        spread = draw.normal(size=workers)
        spread = noise * (spread - spread.mean()) / spread.std(ddof=1)
        logs[name] = np.log(base / cost_us(Mix.parse(name), store)) + spread
    return Measured(BASE, pd.DataFrame(logs), base, 25.0, 1280)


@pytest.mark.parametrize(
    ("store", "answer", "gate"),
    [
        ({"python-pybase64": 8.0, "cython": 8.0, "rust": 2.0}, "fastapi+json+rust", G2),
        ({"python-pybase64": 5.0, "cython": 2.0, "rust": 2.0}, CYTHON, G3),
        ({"python-pybase64": 2.0, "cython": 2.0, "rust": 2.0}, "fastapi+json+python-pybase64", G3),
        ({"python-pybase64": 8.0, "cython": 8.0, "rust": 8.0}, BASE, G1),
    ],
)
def test_the_answer_is_the_implementation_that_pays(store: dict[str, float], answer: str, gate: str) -> None:
    found = decide(servers({**STORE, **store}), settings())
    assert (found.name, found.gate) == (answer, gate)
    assert 0.95 < found.probability <= 1
    assert found.stays == (answer == BASE)


@pytest.mark.parametrize(("workers", "noise"), [(2, 0.01), (6, 0.15)])
def test_too_few_workers_and_too_much_noise_leave_it_undecided(workers: int, noise: float) -> None:
    measured = servers(workers=workers, noise=noise)
    found = decide(measured, settings())
    assert found.answer is None
    assert (found.name, found.gate) == ("undecided", G1)
    assert (found.deciding.verdict == TOO_FEW) == (workers == 2)
    assert np.isnan(found.probability) == (workers == 2)
    assert text.lines(found, measured, settings())[0].startswith("Undecided")


def test_what_is_gained_but_not_earned_back_is_not_taken() -> None:
    found = decide(servers(), settings("load.calls = 1"))
    assert (found.name, found.gate) == (BASE, G2)
    assert not any(step.accepted for step in found.rungs)


def test_what_would_probably_pay_is_named_where_nothing_is_changed() -> None:
    # orjson saves a little more than the threshold, but not so much that it is shown; compiled code is too dear.
    changes = ['boundaries = ["json", "orjson"]', 'ladder = ["python", "cython"]', "price.cython.yearly_days = 200"]
    measured, found = servers(), settings(*changes, "load.calls = 1e5")
    decision = decide(measured, found)
    answer, sure, *rest = text.lines(decision, measured, found)
    assert (decision.name, decision.gate, decision.deciding.mix) == (BASE, G2, "fastapi+orjson+python")
    assert 0.5 < decision.deciding.chance < 0.95
    assert decision.probability == pytest.approx(1 - decision.deciding.chance)
    assert answer == (
        f"Stay with {BASE} for now: fastapi+orjson+python would probably be worth it, but that is not shown."
    )
    assert sure == (
        "How sure: that fastapi+orjson+python saves more than 10 % and pays has a probability of "
        f"{words.likelihood(decision.deciding.chance)}; 95 % is asked for. More workers would tell."
    )
    assert not any(line.startswith("Open: ") for line in rest)


def test_where_nothing_would_pay_it_is_said_how_sure_that_is() -> None:
    measured, found = servers(), settings("load.calls = 1")
    answer, sure, *_ = text.lines(decide(measured, found), measured, found)
    assert answer == f"Stay with {BASE}: no change is shown to be worth it."
    assert sure.startswith(
        "How sure: that no change both saves more than 10 % and pays has a probability of more than 99.9 %, as far as"
    )


def test_the_server_is_changed_first_where_compiled_code_is_too_dear() -> None:
    more = [
        'servers = ["fastapi", "picows"]',
        'boundaries = ["json", "orjson"]',
        'ladder = ["python", "cython", "rust"]',
        "load.calls = 1e5",
    ]
    dear = ["price.cython.yearly_days = 200", "price.rust.yearly_days = 200"]
    measured = servers()
    found = decide(measured, settings(*more, *dear))
    assert (found.name, found.gate) == ("picows+orjson+python", G2)
    said = text.lines(found, measured, settings(*more, *dear))
    assert said[0].startswith("Change the server first: picows+orjson+python instead of fastapi+json+python")
    assert decide(measured, settings(*more)).name == "picows+orjson+cython"
    # orjson alone, in the old server, gains just about the threshold: nobody knows on which side.
    assert found.rungs[0].mix == "fastapi+orjson+python"
    assert found.rungs[0].verdict == NOT_SHOWN
    assert [step.mix for step in found.rungs if step.accepted] == ["picows+json+python", "picows+orjson+python"]


def test_what_does_not_conform_is_out() -> None:
    known = {**dict.fromkeys(LADDER, CONFORMS), "cython": "fails"}
    found = decide(servers(), settings(), known)
    assert found.name == "fastapi+json+rust"
    assert "cython (fails)" in found.steps[0].text
    del known["rust"]
    assert decide(servers(), settings(), known).stays
    nothing = decide(servers(), settings(), dict.fromkeys(LADDER, "fails"))
    assert nothing.answer is None
    assert "itself does not conform" in nothing.deciding.text


def test_values_decide_openly() -> None:
    measured, plain = servers(), settings()
    veto = replace(plain, values=(Value("memory safety", "", ("cython",), {}),))
    weight = replace(plain, values=(Value("team", "", (), {"rust": -5000.0}),))
    for valued in (veto, weight):
        found = decide(measured, valued)
        assert (found.name, found.gate, found.without_values) == ("fastapi+json+rust", G4, CYTHON)
        assert f"without them the answer would be {CYTHON}" in found.deciding.text
    idle = decide(measured, replace(plain, values=(Value("team", "", (), {"rust": -1.0}),)))
    assert (idle.name, idle.gate) == (CYTHON, G3)
    with pytest.raises(LabError, match="rules out python"):
        decide(measured, replace(plain, values=(Value("x", "", ("python",), {}),)))


def test_calls_and_maintenance_flip_where_the_sum_says() -> None:
    measured, found = servers(), settings('ladder = ["python", "cython"]', "load.calls = 1e5")
    searches = flips.flips(measured, found)
    by_name = {(one.quantity, one.part): one for one in searches}
    calls, days = by_name[flips.CALLS, ""], by_name[flips.DAYS, "cython"]
    assert calls.below is not None
    assert days.above is not None
    assert (calls.above, days.below) == (None, None)
    assert calls.below.at == pytest.approx(25 * 800 / (PER_CALL * CYTHON_SAVES), rel=1e-3)
    assert days.above.at == pytest.approx((1e5 * PER_CALL * CYTHON_SAVES / 800 - 10) / 3, rel=1e-3)
    for side, answer in ((0.999, BASE), (1.001, CYTHON)):
        assert decide(measured, flips.with_calls(found, side * calls.below.at)).name == answer
        assert decide(measured, flips.with_days(found, "cython", days.above.at / side)).name == answer
    said = " ".join(text.flip_lines(searches, found))
    assert f"the answer is {BASE}" in said
    assert "no cost model was given" in said


def test_share_and_chunk_size_flip_where_the_gates_say() -> None:
    measured, found = servers(), settings('ladder = ["python", "cython"]')
    sizes = (16, 160, 640, 1280, 8000, 65536)
    arms = {"stdlib": {size: 200 + 2.0 * size for size in sizes}, "cython": {size: 50 + 0.05 * size for size in sizes}}
    curves = flips.Curves(arms)
    own = flips.own_parts(measured, found)
    costs = flips.curves_of(curves, own, measured, found)
    searches = {one.quantity: one for one in flips.flips(measured, found, curves=curves)}
    true_share = 1.1 * STORE["python"] / cost_us(Mix.parse(BASE))
    assert searches[flips.SHARE].now == pytest.approx(true_share, rel=0.01)
    moved = {
        flips.SHARE: lambda share: flips.with_share(measured, own, share),
        flips.CHUNK: lambda size: flips.with_chunk(measured, own, costs, size),
    }
    for name, move in moved.items():
        turn = searches[name].below
        assert turn is not None
        assert turn.answer != CYTHON
        assert turn.at < searches[name].now
        assert decide(move(0.9999 * turn.at), found).name == turn.answer
        assert decide(move(1.001 * turn.at), found).name == CYTHON
        assert decide(move(searches[name].now), found).name == CYTHON
    short = {"stdlib": {1280: 1.0, 8000: 2.0}, "cython": {1600: 1.0, 65536: 2.0}}
    assert flips.ends_of(short) == (1600, 8000)
    for lacking, reason in (
        ({"cython": arms["cython"]}, "the cost model has no measurement of stdlib"),
        (short, "the cost model does not reach to chunks of 1,280 bytes"),
    ):
        with pytest.raises(flips.Unknown, match=reason):
            flips.curves_of(flips.Curves(lacking), own, measured, found)


def test_a_chunk_costs_what_was_measured_and_between_two_sizes_the_logarithms_are_straight() -> None:
    sizes, powers = (16, 1280, 65536), {"stdlib": 0.7, "cython": 0.2}
    rows = [
        (worker, arm, size, "fit", pace * 3 * size**power)
        for worker, pace in enumerate((8.0, 1.0, 0.5))
        for arm, power in powers.items()
        for size in reversed(sizes)
    ]
    points, none = pd.DataFrame(rows, columns=["worker", "arm", "bytes", "role", "ns"]), pd.DataFrame()
    curves = flips.Curves.of(CostModel("stdlib", points, none, none, none, none))
    assert {arm: list(curve) for arm, curve in curves.arms.items()} == {key: list(sizes) for key in powers}
    assert curves.arms["cython"][16] == pytest.approx(3 * 16**0.2)
    measured, found = servers(), settings('ladder = ["python", "cython"]')
    own = flips.own_parts(measured, found)
    moved = flips.with_chunk(measured, own, flips.curves_of(curves, own, measured, found), 320)
    base = 1 + (0.25**0.7 - 1) * own[BASE]
    cython = (np.exp(-measured.logs[CYTHON]) + (0.25**0.2 - 1) * own[CYTHON]) / base
    assert moved.messages == 4 * measured.messages
    assert moved.us == pytest.approx(measured.us * base)
    assert np.allclose(moved.logs[CYTHON], -np.log(cython))


def test_servers_that_were_moved_can_be_moved_again() -> None:
    measured, found = servers(), settings()
    own = flips.own_parts(measured, found)
    once = flips.with_share(measured, own, 0.5)
    between = flips.own_parts(once, found)
    assert between[BASE] == pytest.approx(0.5)
    again, straight = flips.with_share(once, between, 0.1), flips.with_share(measured, own, 0.1)
    assert again.us == pytest.approx(straight.us)
    assert np.allclose(again.logs[list(own)], straight.logs[list(own)])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "load.examples = [20, 10]",
            "load.examples is [20, 10]; accepted is a list of numbers from 1 to 1e+09, the least first",
        ),
        ("load.examples = 5", "load.examples is 5"),
        ("gates.gain = 2", "gates.gain is 2; accepted is a number from 0 to 0.9"),
        ("gates.gain = true", "gates.gain is True"),
        ("gates.gian = 0.1", "there is no key gates.gian; there are: gain, probability, tie"),
        ("load.calls = many", "load.calls is 'many'"),
        ("load.calls.all = 1", "calls is no table"),
        ("load.format = nix", "load.format is 'nix'; accepted is one of callbot, "),
        ('servers = ["nix"]', "servers is ['nix']; accepted is a list of some of fastapi, "),
        ('ladder = ["python", "python"]', "ladder is ['python', 'python']"),
        ('ladder = ["python", "fourth"]', "price.fourth is missing"),
        ("price.rust = 5", "price.rust is 5; accepted is a table"),
        ("price.rust.yearly_days = -1", "price.rust.yearly_days is -1"),
        ('values = [{ name = "x", note = "y", veto = ["nix"], yearly = {} }]', "values[0].veto is ['nix']"),
        ("nonsense", "accepted is KEY=VALUE"),
    ],
)
def test_wrong_settings_are_refused_by_name(change: str, words: str) -> None:
    with pytest.raises(LabError) as error:
        settings(change)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_the_file_as_it_is_can_be_read() -> None:
    assert set(read().parts) <= set(read().prices)


def test_a_wrong_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    with pytest.raises(LabError, match="cannot read"):
        read(path)
    path.write_text(DECISION.read_text(encoding="utf-8").replace("core_month", "core_mouth"), encoding="utf-8")
    with pytest.raises(LabError, match=r"money\.core_month is missing"):
        read(path)
    path.write_text("servers = [", encoding="utf-8")
    with pytest.raises(LabError, match="is no TOML"):
        read(path)
    with pytest.raises(LabError, match="servers lacks fastapi"):
        decide(servers(), settings('servers = ["picows"]'))


def test_the_answer_for_other_loads_is_that_of_the_rule_in_a_sentence() -> None:
    found = settings('ladder = ["python", "cython"]', "load.examples = [100, 1000000]", "load.utilisation = 0.25")
    measured = servers()
    few, many = loads.by_load(measured, found)
    assert (few.decision.name, many.decision.name) == (BASE, CYTHON)
    cores = 1e6 * 25 * cost_us(Mix.parse(BASE)) / 1e6 / 0.25
    assert (many.before, many.after) == pytest.approx((cores, cores * (1 - CYTHON_SAVES)), rel=1e-6)
    said = loads.load_line(few, 25, 0.25)
    assert said.startswith(f"100 calls of 25 messages a second: stay with {BASE}, which needs ")
    assert said.endswith("cores used to 25 %. That no change is worth it has a probability of more than 99.9 %.")
    said = loads.load_line(many, 25, 0.25)
    assert (
        f"1,000,000 calls of 25 messages a second: {CYTHON}, which needs {many.after:,.0f} of the {cores:,.0f} " in said
    )
    open_ = loads.by_load(servers(workers=2), found)[0]
    assert loads.load_line(open_, 25, 0.25).startswith(f"100 calls of 25 messages a second: undecided; {BASE} needs ")


def ran(*arguments: str) -> Any:
    app = typer.Typer()
    app.command()(command.decide)
    done = CliRunner().invoke(app, arguments)
    if isinstance(done.exception, LabError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_answers_from_a_run(tmp_path: Path) -> None:
    folder = make_server_run(tmp_path / "run")
    changes = [word for change in [*CHANGES, *SERVERS, "load.calls = 1e6"] for word in ("--set", change)]
    said = ran("--servers", str(folder), *changes)
    assert said.startswith("Change: picows+ingest+cython instead of fastapi+json+python")
    assert "Decided by G3" in said
    assert "Calls at a time, now " in said
    assert "Other CPU" in said
    assert not re.search(r"\b(nan|inf|None)\b", said)
    verdicts = {name: {"status": "fails" if name == "cython" else CONFORMS} for name in LADDER}
    (tmp_path / "verdicts.json").write_text(json.dumps({"implementations": verdicts}), encoding="utf-8")
    said = ran("--servers", str(folder), *changes, "--verified", str(tmp_path / "verdicts.json"))
    assert said.startswith("Change: picows+ingest+rust instead")
    with pytest.raises(LabError, match="no paced messages of elevenlabs"):
        ran("--servers", str(folder), *changes, "--set", "load.format = elevenlabs")


def test_a_run_of_two_workers_is_told_to_be_too_small(tmp_path: Path) -> None:
    run = read_server(make_server_run(tmp_path / "run", workers=2, searches=0))
    found, measured = settings(*SERVERS), evidence.measured(run, "callbot")
    decision: Decision = decide(measured, found)
    said = text.markdown(decision, measured, found, flips.flips(measured, found))
    assert said.startswith("Undecided")
    assert "2 workers: a probability takes" in said
    assert not re.search(r"\b(nan|inf|None)\b", said)
