"""The runner of the Autobahn test suite, with a stand-in for the suite itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from .autobahn import run as autobahn
from .servers import FRONT_ENDS

STAND_IN = """
import json, pathlib, sys
from websockets.sync.client import connect

spec = json.loads(pathlib.Path(sys.argv[sys.argv.index("--spec") + 1]).read_text())
index = {}
for server in spec["servers"]:
    with connect(server["url"], compression=None, max_size=None) as client:
        for text in ("first", "", "h\\u00e4llo" * 100_000):
            client.send(text)
            same = client.recv(timeout=20) == text
            index.setdefault(server["agent"], {})["1.1." + str(len(text))] = {
                "behavior": "OK" if same else "FAILED", "behaviorClose": "OK"
            }
FAULT
folder = pathlib.Path(spec["outdir"])
folder.mkdir()
(folder / "index.json").write_text(json.dumps(index))
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Any:
    """Run with a stand-in of the suite, with a line of its own: the status."""

    def go(fault: str = "", *arguments: str) -> int:
        path = tmp_path / "wstest.py"
        path.write_text(STAND_IN.replace("FAULT", fault), encoding="utf-8")
        command = ["--wstest", f"{sys.executable} {path}", "--output", str(tmp_path / "output"), *arguments]
        return autobahn.main(command)

    return go


def entry(behaviour: str, end: str = "OK") -> dict[str, Any]:
    return {"behavior": behaviour, "behaviorClose": end, "duration": 1, "remoteCloseCode": 1000}


def test_every_front_end_sends_each_text_back(stand_in: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert stand_in() == 0
    lines = [line.replace("|", " ").split() for line in capsys.readouterr().out.splitlines()]
    for name in FRONT_ENDS:
        assert [name, "3", "0", "0", "0", "0"] in lines


def test_a_failure_that_nobody_expects_is_the_status(stand_in: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fault = 'index["picows"] = {"5.3": {"behavior": "FAILED", "behaviorClose": "OK"}}'
    assert stand_in(fault, "--server", "picows") == 1
    assert "picows, 5.3 FAILED: NOT EXPECTED" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("sys.exit(3)", "left no results (status 3)"),
        ("index = {}", "did not run the same cases with every front end: fastapi 0, picows 0"),
        ('del index["picows"]', "did not run the same cases with every front end: fastapi 3, picows 0"),
        ('del index["picows"]["1.1.0"]', "did not run the same cases with every front end: fastapi 3, picows 2"),
    ],
)
def test_results_that_are_not_whole_are_none(
    stand_in: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path, fault: str, said: str
) -> None:
    # What an earlier run left does not pass for the results of this one.
    old = tmp_path / "output" / "reports" / "index.json"
    old.parent.mkdir(parents=True)
    old.write_text(json.dumps({name: {"1.1.1": entry("OK")} for name in FRONT_ENDS}))
    assert stand_in(fault, "--server", "fastapi", "--server", "picows") == 2
    assert said in capsys.readouterr().err


def test_a_missing_suite_is_said_in_a_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert autobahn.main(["--wstest", str(tmp_path / "wstest"), "--output", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "not found; install the suite with sh tests/autobahn/install.sh" in said.err


def test_an_index_is_read_in_the_order_of_the_cases_and_with_the_ends_of_the_connections() -> None:
    cases = {
        "10.1.1": entry("INFORMATIONAL", "INFORMATIONAL"),
        "2.10": entry("NON-STRICT"),
        "2.9": entry("OK", "UNCLEAN"),
        "7.1.2": entry("OK", "WRONG CODE"),
        "7.1.3": entry("FAILED"),
        "7.1.4": entry("UNHEARD OF"),
        "7.1.5": entry("UNIMPLEMENTED"),
    }
    found = autobahn.read_index({"picows": cases})["picows"]
    assert list(found) == ["2.9", "2.10", "7.1.2", "7.1.3", "7.1.4", "7.1.5", "10.1.1"]
    assert list(found.values()) == ["FAILED", "NON-STRICT", *3 * ["FAILED"], "UNIMPLEMENTED", "INFORMATIONAL"]


def test_a_failure_is_expected_of_one_front_end_alone(capsys: pytest.CaptureFixture[str]) -> None:
    expected = {name: next(iter(autobahn.EXPECTED[name])) for name in ("websockets", "picows")}
    assert expected["websockets"] not in autobahn.EXPECTED["picows"]
    results = {name: dict.fromkeys(expected.values(), "FAILED") for name in expected}
    wrong = [("websockets", expected["picows"]), ("picows", expected["websockets"])]
    assert sorted(autobahn.report(results)) == sorted(wrong)
    said = capsys.readouterr().out
    assert said.count("NOT EXPECTED") == 2
    assert autobahn.EXPECTED["picows"][expected["picows"]] in said


def test_an_expected_failure_that_does_not_come_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    case = next(iter(autobahn.EXPECTED["picows"]))
    assert autobahn.report({"picows": {case: "OK"}}) == []
    assert f"picows, {case} is expected to fail and does not" in capsys.readouterr().out


def test_the_suite_is_kept_to_this_machine_and_to_what_it_can_tell() -> None:
    found = autobahn.specification({"picows": 4711}, ["7.*"])
    assert found["servers"] == [{"agent": "picows", "url": "ws://127.0.0.1:4711/ws/callbot"}]
    assert found["cases"] == ["7.*"]
    assert {"1.2.*", "9.8.*", "12.*", "13.*"} <= set(found["exclude-cases"])
