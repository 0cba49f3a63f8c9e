"""Runs the front ends of the servers against the Autobahn test suite for WebSockets, and tells how they did.

    .venv/bin/python tests/autobahn/run.py [--wstest COMMAND] [--server NAME] [--cases PATTERN] [--output FOLDER]

The status is 0 if no case fails but those that are expected to, each with a reason; 1 if another does; 2 if the suite
could not be run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from callbot_lab.errors import LabError
from callbot_lab.paths import ROOT
from callbot_lab.server.frontends import FRONT_ENDS

EXCLUDED = {
    "1.2.*": "binary messages, which these servers refuse with 1003",
    "9.2.*": "binary messages",
    "9.4.*": "binary messages",
    "9.6.*": "binary messages",
    "9.8.*": "binary messages",
    "12.*": "compression, which no front end offers",
    "13.*": "compression",
}
"""Cases that say nothing about these servers, and why."""

INCOMPLETE = "websockets' parser answers a close within a fragmented message with 1002, the suite wants 1000"
MANY_PARTS = "websockets takes a message in at most 4,096 parts; this one has more"
EXPECTED: dict[str, dict[str, str]] = {
    "fastapi": {"7.1.5": INCOMPLETE},
    "websockets": {"7.1.5": INCOMPLETE, "9.3.1": MANY_PARTS, "9.3.2": MANY_PARTS, "9.3.3": MANY_PARTS},
    "picows": {
        "7.1.2": "picows reads the second of two close frames before it hands on the first, and answers that with 1002"
    },
}
"""Cases that fail because of the library under a front end, and why."""

FAILED = "FAILED"
BEHAVIOURS = ("OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED", FAILED)
CLEAN_ENDS = ("OK", "INFORMATIONAL")
"""What the suite says of the end of a connection that needs no mending."""

GROUPS = {
    "1": "framing",
    "2": "pings and pongs",
    "3": "reserved bits",
    "4": "opcodes",
    "5": "fragments",
    "6": "UTF-8",
    "7": "closing",
    "9": "long messages",
    "10": "others",
}

LOG = "wstest.log"

Results = Mapping[str, Mapping[str, str]]
"""Behaviour of each case of each front end."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite; the exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        command = wstest(chosen.wstest)
        print(f"the suite runs for some minutes; what it says goes to {chosen.output / LOG}", flush=True)
        index = run(command, chosen.server or list(FRONT_ENDS), chosen.cases or ["*"], chosen.output)
    except LabError as error:
        print(f"autobahn: {error}", file=sys.stderr)
        return 2
    wrong = report(read_index(index))
    print(f"\nwhat was sent and received in each case: {chosen.output / 'reports' / 'index.html'}")
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Run the front ends against the Autobahn test suite for WebSockets.",
        epilog="The suite is no package of this environment: sh tests/autobahn/install.sh FOLDER installs it.",
    )
    parser.add_argument("--wstest", default="wstest", help="the suite's command, with arguments if need be")
    parser.add_argument("--server", action="append", choices=list(FRONT_ENDS), help="a front end; may be repeated")
    parser.add_argument("--cases", action="append", metavar="PATTERN", help="cases, such as 7.*; may be repeated")
    parser.add_argument(
        "--output",
        type=Path,
        default=ROOT / "report" / "autobahn",
        help="folder of the suite's own report (%(default)s)",
    )
    return parser


def wstest(text: str) -> list[str]:
    """The suite's command in its words; LabError if there is no such program."""
    words = shlex.split(text)
    program = shutil.which(words[0]) if words else None
    if program is None:
        raise LabError(
            f"{text or 'wstest'} not found; install the suite with sh tests/autobahn/install.sh FOLDER (as root), "
            "then give --wstest FOLDER/wstest"
        )
    return [str(Path(program).absolute()), *words[1:]]


def run(command: list[str], front_ends: Sequence[str], cases: Sequence[str], folder: Path) -> dict[str, Any]:
    """Run the suite against front ends; its index. LabError if it gives none, or not all of them in it."""
    shutil.rmtree(folder / "reports", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((folder / LOG).open("w"))
        ports = {name: stack.enter_context(echo(name, log)) for name in front_ends}
        (folder / "fuzzingclient.json").write_text(json.dumps(specification(ports, cases), indent=2))
        # All names are relative: the suite may see this folder by another one.
        command = [*command, "--mode", "fuzzingclient", "--spec", "fuzzingclient.json"]
        status = subprocess.run(command, cwd=folder, stdout=log, stderr=log, check=False).returncode
    path = folder / "reports" / "index.json"
    if not path.exists():
        raise LabError(f"{command[0]} left no results (status {status}); what it said is in {folder / LOG}")
    found = json.loads(path.read_text(encoding="utf-8"))
    index = {name: found.get(name, {}) for name in front_ends}
    # A front end that cannot be reached is left out of the index without a word.
    if len({frozenset(cases) for cases in index.values()}) > 1 or not any(index.values()):
        told = ", ".join(f"{name} {len(cases)}" for name, cases in index.items())
        raise LabError(f"the suite did not run the same cases with every front end: {told}; see {folder / LOG}")
    return index


@contextlib.contextmanager
def echo(front_end: str, log: IO[str]) -> Iterator[int]:
    """A front end that sends every text back, in a process of its own; its port."""
    command = [sys.executable, str(Path(__file__).with_name("echo.py")), front_end]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise LabError(f"{front_end} did not start")
            yield int(line)
        finally:
            process.terminate()


def specification(ports: Mapping[str, int], cases: Sequence[str]) -> dict[str, Any]:
    """What the suite is to do, as it reads it."""
    return {
        "outdir": "reports",
        "servers": [{"agent": name, "url": f"ws://127.0.0.1:{port}/ws/callbot"} for name, port in ports.items()],
        "cases": list(cases),
        "exclude-cases": list(EXCLUDED),
        "exclude-agent-cases": {},
    }


def read_index(index: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, str]]:
    """The behaviour of each case in an index of the suite.

    The suite judges the end of a connection apart; a bad one is a failure here whatever came before it.
    """
    return {
        front_end: {
            case: _behaviour(entry["behavior"], entry["behaviorClose"])
            for case, entry in sorted(cases.items(), key=lambda item: _numbers(item[0]))
        }
        for front_end, cases in index.items()
    }


def _behaviour(behaviour: str, end: str) -> str:
    return behaviour if behaviour in BEHAVIOURS and end in CLEAN_ENDS else FAILED


def unexpected(results: Results, expected: Mapping[str, Mapping[str, str]] = EXPECTED) -> list[tuple[str, str]]:
    """The cases that fail without being expected to: front ends and cases."""
    return [
        (front_end, case)
        for front_end, cases in results.items()
        for case, behaviour in cases.items()
        if behaviour == FAILED and case not in expected.get(front_end, {})
    ]


def report(results: Results) -> list[tuple[str, str]]:
    """Print what came out; the cases that fail without being expected to."""
    print(f"\n{_table(['', *BEHAVIOURS], [[name, *_counts(cases.values())] for name, cases in results.items()])}\n")
    print(_table(["cases", *results], _by_group(results)))
    print()
    wrong = unexpected(results)
    for front_end, cases in results.items():
        loose = [case for case, behaviour in cases.items() if behaviour == "NON-STRICT"]
        if loose:
            print(f"{front_end}, NON-STRICT: {', '.join(loose)}")
        for case, behaviour in cases.items():
            reason = EXPECTED.get(front_end, {}).get(case)
            if behaviour == FAILED:
                print(f"{front_end}, {case} FAILED: {reason or 'NOT EXPECTED'}")
            elif reason:
                print(f"{front_end}, {case} is expected to fail and does not")
    print(f"\nwith {', '.join(f'{name} {version(name)}' for name in ('uvicorn', 'websockets', 'picows'))}; left out:")
    for pattern, reason in EXCLUDED.items():
        print(f"  {pattern:6} {reason}")
    return wrong


def _by_group(results: Results) -> list[list[str]]:
    rows = []
    for number, name in GROUPS.items():
        cells = []
        for cases in results.values():
            found = Counter(behaviour for case, behaviour in cases.items() if case.split(".")[0] == number)
            cells.append(", ".join(f"{found[behaviour]} {behaviour}" for behaviour in BEHAVIOURS if found[behaviour]))
        if any(cells):
            rows.append([f"{number} {name}", *cells])
    return rows


def _counts(behaviours: Iterable[str]) -> list[str]:
    found = Counter(behaviours)
    return [str(found[behaviour]) for behaviour in BEHAVIOURS]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that reads well as it is and as Markdown."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in [head, *rows]]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _numbers(case: str) -> tuple[int, ...]:
    return tuple(int(part) for part in case.split("."))


if __name__ == "__main__":
    sys.exit(main())
