"""Takes up a run that was stopped: the same plan, on the same machine, with the same builds, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import environment, experiment
from .errors import LabError
from .measure import Profile, Run
from .paths import SPEECH
from .probes.run import NOTE, ProbeRun, read_note
from .registry import Status
from .results import read_plan


def resume(folder: Path) -> list[Run | ProbeRun]:
    """The runs of slots and of probes that were begun in a folder, in that order, with what is left of them.

    LabError if the folder holds neither, if all is done, or if anything is not as it was: results of two machines or
    of two builds are never mixed.
    """
    found: list[Run | ProbeRun] = []
    if (folder / "run.json").is_file():
        found.append(_slots(folder, read_plan(folder)))
    if (folder / NOTE).is_file():
        found.append(_probes(folder, read_note(folder)))
    if not found:
        raise LabError(f"{folder} holds no run that could be continued: neither run.json nor {NOTE}")
    if not any(one.left for one in found):
        raise LabError(f"the run in {folder} is complete; nothing is left to do")
    return found


def _slots(folder: Path, note: dict[str, Any]) -> Run:
    excluded = {arm["name"]: arm["reason"] for arm in note["arms"] if arm["status"] == Status.NONCONFORMING}
    made = Run(
        [experiment.of_data(one) for one in note["experiments"]],
        Profile(**note["profile"]),
        folder,
        recording=_recording(note),
        seed=note["seed"],
        excluded=excluded,
        asked_for=note.get("asked_for", ()),
    )
    _same(folder, note, made.note, ("arms",))
    made.missing += [fault for fault in note["missing"] if fault not in made.missing]
    made.note |= {"started": note["started"], "workers": note["workers"]}
    return made


def _probes(folder: Path, note: dict[str, Any]) -> ProbeRun:
    made = ProbeRun(
        [one["name"] for one in note["probes"]],
        note["profile"],
        folder,
        recording=_recording(note),
        seed=note["seed"],
        arms=note["chosen"],
        excluded={arm["name"]: arm["reason"] for arm in note["arms"] if arm["status"] == Status.NONCONFORMING},
    )
    _same(folder, note, made.note, ("arms", "jobs"))
    made.note |= {"started": note["started"]}
    return made


def _recording(note: dict[str, Any]) -> Path:
    path = note["input"].get("path")
    return Path(path) if path else SPEECH


def _same(folder: Path, then: dict[str, Any], now: dict[str, Any], keys: tuple[str, ...]) -> None:
    """See that a run goes on where it was begun; LabError with what is not the same."""
    wrong = environment.differences(then["environment"], now["environment"])
    wrong += ["recording"] * (then["input"]["sha256"] != now["input"]["sha256"])
    # As JSON on both sides: what was read back has lists where there were tuples.
    wrong += [key for key in keys if json.loads(json.dumps(now[key])) != then[key]]
    if wrong:
        raise LabError(
            f"the run in {folder} cannot be continued here: not the same are {', '.join(wrong)}; begin a new one"
        )
