"""What a decision is taken on, read from files: a run of whole servers, verdicts of the suite, a cost model."""

from __future__ import annotations

import json
from pathlib import Path

from ..analysis import worker_ratios
from ..costmodel import cost_model
from ..errors import LabError
from ..results import read_run
from ..serverlab.definition import PACED
from ..serverlab.summary import CPU, ServerData
from ..workload import FORMATS
from .flips import Curves
from .measured import Measured


def measured(run: ServerData, form: str) -> Measured:
    """CPU per message in the paced cell of a format; LabError if the run has none."""
    cells = [cell for cell in run.note["definition"]["cells"] if cell["load"] == PACED]
    cells = [cell for cell in cells if run.has(cell["name"], run.baseline)]
    cell = next((cell for cell in cells if cell["format"] == form), None)
    if cell is None:
        there = ", ".join(dict.fromkeys(cell["format"] for cell in cells)) or "none"
        raise LabError(f"{run.folder} has no paced messages of {form}; load.format may be one of: {there}")
    slots = run.cell(cell["name"])
    logs = worker_ratios(slots, run.baseline, CPU)
    logs[run.baseline] = 0.0
    base = slots[slots["arm"] == run.baseline]
    us = float((base[CPU] / base["chunks"]).median()) / 1e3
    return Measured(run.baseline, logs, us, 1000 / FORMATS[form].milliseconds, FORMATS[form].chunk_bytes)


def verdicts(path: Path) -> dict[str, str]:
    """The suite's verdict by implementation, from the file that `verify --out` wrote; LabError if it is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): str(result["status"]) for name, result in found["implementations"].items()}
    except OSError as error:
        raise LabError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LabError(f"{path} has no verdicts; accepted is what callbot-lab verify --out FILE writes") from None


def curves(folder: Path) -> Curves:
    """The curves of the first cost model of a run; LabError if it has none."""
    run = read_run(folder)
    for experiment in run.note["experiments"]:
        model = cost_model(run, experiment["name"])
        if model is not None:
            return Curves.of(model)
    raise LabError(f"{folder} has no cost model; make one with: callbot-lab measure -e sizes")
