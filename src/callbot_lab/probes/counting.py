"""Ways to count the instructions of an arm, and one task done in such a way.

Each has a process of its own (`counted`) do a cell's turns n times and then 2n times. The difference of the two, over
n, is what a turn takes: neither start-up nor what the marks themselves cost is in it.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from ..environment import first_line
from ..errors import LabError
from ..registry import Status

PASSED_ON = ("PATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "CALLBOT_KERNEL")
"""Of the environment, what a process that is counted gets: the rest would only move its stack."""

TIMEOUT = 900
"""Seconds that one process may take."""


@dataclass(frozen=True)
class Events:
    """What was counted: in all, in extension modules alone (None where a method cannot tell), and mispredictions.

    A branch is a conditional or an indirect one. To hardware it is any, so jumps, calls and returns as well.
    """

    instructions: float
    branches: float
    native_instructions: float | None = None
    native_branches: float | None = None
    mispredicts: float | None = None


@dataclass(frozen=True)
class Task:
    """An arm, its cells (each with an operation and a size), the base64 texts of each size, and turns a stretch."""

    arm: str
    cells: Sequence[Mapping[str, str]]
    texts: Mapping[str, Sequence[str]]
    turns: int

    @property
    def stretches(self) -> list[int]:
        """Turns of the two stretches that are counted."""
        return [self.turns, 2 * self.turns]


@dataclass(frozen=True)
class Cell:
    """What became of a cell; `events` is what a turn takes, None if the arm did not do it."""

    status: str
    reason: str
    events: Events | None


@dataclass(frozen=True)
class Answer:
    """What became of a task: how the arm loaded, with which kernel, and its cells, none if it did not load."""

    status: str
    reason: str
    kernel: str
    cells: list[Cell]


class Method(Protocol):
    """A way to count."""

    def lacking(self) -> str:
        """Why it cannot be used here; empty if it can."""

    def tool(self) -> str:
        """What counts, with its version."""

    def count(self, task: Task) -> Answer:
        """Do a task; LabError if that cannot be done."""


class Hardware:
    """The CPU's own counters, read by perf: any instruction at full speed, but most virtual machines hide them."""

    EVENTS = ("instructions:u", "branches:u", "branch-misses:u")

    def lacking(self) -> str:
        """Why it cannot be used here; empty if it can."""
        if shutil.which("perf") is None:
            return "perf is not installed"
        with tempfile.TemporaryDirectory() as name:
            try:
                self._whole(["true"], Path(name))
            except LabError as error:
                return str(error)
        return ""

    def tool(self) -> str:
        """What counts, with its version."""
        return first_line(["perf", "--version"])

    def count(self, task: Task) -> Answer:
        """Do a task. perf counts whole processes, so that a stretch is one of them."""
        cells, loaded = [], {}
        for cell in task.cells:
            whole, said = [], {}
            for turns in task.stretches:
                with tempfile.TemporaryDirectory() as name:
                    lines, events = self._whole(command(Path(name), task, [cell], "none", [turns]), Path(name))
                loaded, said = lines[0], lines[-1]
                whole.append(events)
            cells += cells_of([said], iter(whole), task)
        return answer_of(loaded, cells)

    def _whole(self, what: Sequence[str], folder: Path) -> tuple[list[dict[str, Any]], Events]:
        """What a process says, and what it took from its beginning to its end."""
        out = folder / "perf.csv"
        said = run(["perf", "stat", "-x", ",", "-o", str(out), "-e", ",".join(self.EVENTS), "--", *what], folder)
        return said, parse_perf(out.read_text(encoding="utf-8"), self.EVENTS)


class Callgrind:
    """Valgrind's callgrind: exact, and by shared object, but its CPU has no AVX-512."""

    def lacking(self) -> str:
        """Why it cannot be used here; empty if it can."""
        if platform.machine() != "x86_64":
            return "asking callgrind to count is written for x86-64 only"
        return "" if shutil.which("valgrind") else "valgrind is not installed"

    def tool(self) -> str:
        """What counts, with its version."""
        return first_line(["valgrind", "--version"])

    def count(self, task: Task) -> Answer:
        """Do a task in one process: start-up runs uncounted, and every stretch gets a file of its own."""
        options = ["--tool=callgrind", "--instr-atstart=no", "--branch-sim=yes", "--vgdb=no", "-q"]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            what = command(folder, task, task.cells, "dump", task.stretches)
            loaded, *said = run(["valgrind", *options, f"--callgrind-out-file={folder / 'out'}", *what], folder)
            files = sorted(folder.glob("out.*"), key=lambda file: int(file.suffix[1:]))
            stretches = [parse_callgrind(file.read_text(encoding="utf-8"), loaded["folders"]) for file in files]
        # The first file of a cell is what happened before its first stretch.
        counted = iter(events for number, events in enumerate(stretches) if number % 3)
        return answer_of(loaded, cells_of(said, counted, task))


def cells_of(said: Iterable[dict[str, Any]], counted: Any, task: Task) -> list[Cell]:
    """The cells, from what the process said of each and an iterator over the stretches of those that were done."""
    try:
        return [Cell(one["status"], one["reason"], _per_turn(one, counted, task.turns)) for one in said]
    except StopIteration:
        raise LabError(f"{task.arm} was not counted to its end") from None


def _per_turn(said: Mapping[str, Any], counted: Any, turns: int) -> Events | None:
    if said["status"] not in (Status.READY, Status.WRONG_OUTPUT):
        return None
    once, twice = next(counted), next(counted)
    if said["status"] != Status.READY:
        return None  # what was counted is not the work that was asked for

    def over(name: str) -> float | None:
        less, more = getattr(once, name), getattr(twice, name)
        return None if less is None or more is None else (more - less) / turns

    return Events(**{name: over(name) for name in Events.__dataclass_fields__})  # type: ignore[arg-type]


def answer_of(loaded: Mapping[str, Any], cells: list[Cell]) -> Answer:
    ready = loaded["status"] == Status.READY
    return Answer(loaded["status"], loaded["reason"], loaded["kernel"], cells if ready else [])


def command(
    folder: Path, task: Task, cells: Sequence[Mapping[str, str]], marks: str, stretches: Sequence[int]
) -> list[str]:
    """The command that does cells of a task."""
    path = folder / "task.json"
    content = {"arm": task.arm, "cells": cells, "texts": task.texts, "marks": marks, "stretches": stretches}
    path.write_text(json.dumps(content, default=dict), encoding="utf-8")
    return [sys.executable, "-m", "callbot_lab.probes.counted", str(path)]


def environment() -> dict[str, str]:
    """The environment of a process that is counted, the same in every run."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    # It runs in a folder of its own, from where a relative path would lead elsewhere.
    parts = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    path = os.pathsep.join(map(os.path.realpath, parts))
    return {**kept, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}


def run(what: Sequence[str], folder: Path) -> list[dict[str, Any]]:
    """Run a command to its end; the lines of JSON that it prints. LabError if it fails."""
    try:
        done = subprocess.run(
            placed(what), cwd=folder, env=environment(), capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise LabError(f"{what[0]} did not end within {TIMEOUT} s") from None
    except OSError as error:
        raise LabError(f"{what[0]} cannot be run: {error.strerror}") from None
    if done.returncode:
        raise LabError(f"{what[0]} ended with status {done.returncode}: {last_line(done.stderr)}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def last_line(text: str) -> str:
    """The last line of what a command printed."""
    return (text.strip().splitlines() or ["it printed nothing"])[-1]


def placed(what: Sequence[str]) -> list[str]:
    """The command with its memory where it always is, as far as the system allows."""
    return [*_same_addresses(), *what]


@cache
def _same_addresses() -> tuple[str, ...]:
    prefix = ("setarch", platform.machine(), "-R")
    try:
        refused = subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode
    except OSError:
        return ()
    return () if refused else prefix


def parse_perf(text: str, wanted: Sequence[str]) -> Events:
    """Events from what `perf stat -x ,` writes; LabError if the machine does not count one of them all the time."""
    found = {}
    for line in text.splitlines():
        fields = line.split(",")
        if len(fields) > 4 and fields[2] in wanted:
            # Where counters are shared, perf counts for a part of the time and makes up the rest.
            if not fields[0].isdigit() or float(fields[4]) < 100:
                raise LabError(f"perf does not count {fields[2]} here: {fields[0]}, {fields[4]} % of the time")
            found[fields[2]] = float(fields[0])
    missing = [name for name in wanted if name not in found]
    if missing:
        raise LabError(f"perf says nothing of {', '.join(missing)}")
    instructions, branches, mispredicts = (found[name] for name in wanted)
    return Events(instructions, branches, mispredicts=mispredicts)


_OBJECT = re.compile(r"ob=\((\d+)\)(?: (.*))?")
_NAMING = re.compile(r"c?ob=\((\d+)\) (.*)")


def parse_callgrind(text: str, folders: Sequence[str]) -> Events:
    """Sum the costs of a file of callgrind's by shared object; LabError if they do not add up to what it totals.

    A name stands where it is first used, and a number from then on. The line behind `calls=` is the cost of a callee,
    which is counted where the callee is.
    """
    names: dict[str, str] = {}
    columns: dict[str, int] = {}
    total = 0
    whole, native = [0, 0], [0, 0]
    inside = inclusive = False
    for line in text.splitlines():
        if naming := _NAMING.fullmatch(line):
            names[naming[1]] = naming[2]
        if here := _OBJECT.fullmatch(line):
            inside = is_extension(names[here[1]], folders)
        elif line.startswith("events:"):
            columns = {name: place for place, name in enumerate(line.split()[1:], 1)}
        elif line.startswith("totals:"):
            total = int(line.split()[1])
        elif line.startswith("calls="):
            inclusive = True
        elif line[:1] in "+-*0123456789" and line:
            if not inclusive:
                cost = [int(field) for field in line.split()[1:]]
                cost += [0] * (len(columns) - len(cost))  # zeros at the end are left out
                taken = cost[columns["Ir"] - 1], cost[columns["Bc"] - 1] + cost[columns["Bi"] - 1]
                whole = [a + b for a, b in zip(whole, taken, strict=True)]
                if inside:
                    native = [a + b for a, b in zip(native, taken, strict=True)]
            inclusive = False
    if not columns or whole[0] != total:
        raise LabError(f"callgrind's file has {whole[0]} instructions in its lines and {total} in its total")
    return Events(whole[0], whole[1], native[0], native[1])


def is_extension(path: str, folders: Sequence[str]) -> bool:
    """Whether a shared object is an extension module, or comes with one: whether it lies where packages are."""
    return any(path.startswith(folder + os.sep) for folder in folders)
