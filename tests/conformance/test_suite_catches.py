"""The suite itself: every wrong implementation is caught, and every check can fail."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from . import reference
from .test_machine import machine
from .wrong import MUTANTS

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent
PACKAGE = __package__ or FOLDER.name
RIGHT = f"{PACKAGE}.reference"
SECTIONS = sorted({section for mutant in MUTANTS.values() for section in mutant.sections} - {"machine"})
CAUGHT = [
    pytest.param(section, name, id=f"{section}-{name}")
    for name, mutant in MUTANTS.items()
    for section in mutant.sections
    if section != "machine"
]


@dataclass
class Verdicts:
    """What the tests of one section said: by implementation, and by check."""

    output: str = ""
    failed: dict[str, set[str]] = field(default_factory=dict)
    passed: dict[str, set[str]] = field(default_factory=dict)
    checks: set[str] = field(default_factory=set)


def run(section: str, folder: Path) -> Verdicts:
    """Run a section against the reference and the wrong implementations that it has to catch."""
    names = [name for name, mutant in MUTANTS.items() if section in mutant.sections]
    subjects = [RIGHT, *(f"{PACKAGE}.wrong:{name}" for name in names)]
    root = FOLDER.parents[PACKAGE.count(".")]
    environment = os.environ | {
        "HYPOTHESIS_PROFILE": "catch",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH", "")])),
    }
    results = folder / f"{section}.xml"
    command = [sys.executable, "-m", "pytest", str(FOLDER / f"test_{section}.py"), "--quiet", "--tb=no"]
    command += ["--assert=plain", "-p", "no:cacheprovider", f"--junitxml={results}", f"--rootdir={FOLDER}"]
    command += [f"--impl={subject}" for subject in subjects]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=root, check=False)
    if done.returncode not in (0, 1):
        return Verdicts(output=done.stdout + done.stderr)
    return read(results)


def read(results: Path) -> Verdicts:
    """Sort the results of a run by implementation."""
    verdicts = Verdicts()
    for case in ElementTree.parse(results).iter("testcase"):
        check, _, parameters = case.attrib["name"].partition("[")
        subject = re.search(rf"{re.escape(PACKAGE)}\.(?:wrong:)?(\w+)", parameters)
        if subject is None:
            continue  # a test of the suite's own data
        verdicts.checks.add(check)
        bad = case.find("failure") is not None or case.find("error") is not None
        (verdicts.failed if bad else verdicts.passed).setdefault(subject[1], set()).add(check)
    return verdicts


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The runs of all sections that are asked for, at once."""
    folder = tmp_path_factory.mktemp("sections")
    wanted: set[str] = {
        str(item.callspec.params["section"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and "runs" in item.fixturenames
    }
    # Longest first, as far as the number of wrong implementations tells.
    order = sorted(wanted, key=lambda section: -sum(section in m.sections for m in MUTANTS.values()))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        futures: dict[str, Future[Verdicts]] = {s: pool.submit(run, s, folder) for s in order}
        yield futures
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("section", SECTIONS)
def test_reference_passes(runs: Any, section: str) -> None:
    verdicts = runs[section].result()
    assert verdicts.output == ""
    assert verdicts.failed.get("reference", set()) == set()
    assert verdicts.passed["reference"]


@pytest.mark.parametrize(("section", "name"), CAUGHT)
def test_wrong_implementation_is_caught(runs: Any, section: str, name: str) -> None:
    assert runs[section].result().failed.get(name), f"test_{section} does not notice {name}"


@pytest.mark.parametrize("section", SECTIONS)
def test_every_check_can_fail(runs: Any, section: str) -> None:
    verdicts = runs[section].result()
    failing = set().union(*verdicts.failed.values())
    assert verdicts.checks - failing == set(), "no wrong implementation fails these checks"


IN_MACHINE = [name for name, mutant in MUTANTS.items() if "machine" in mutant.sections]
QUICK = settings(
    max_examples=1000,
    stateful_step_count=30,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
)


@pytest.mark.parametrize("name", IN_MACHINE)
def test_machine_catches(name: str) -> None:
    both = {"reference": reference, name: MUTANTS[name].implementation}
    with pytest.raises(Exception, match=name):
        run_state_machine_as_test(machine(both), settings=QUICK)


def test_machine_passes_the_reference() -> None:
    few = settings(QUICK, max_examples=100)
    run_state_machine_as_test(machine({"reference": reference}), settings=few)
