"""Computes the numbers of README.md and docs/ from data/, so that nobody copies one by hand.

A generated part stands between two comments, the first of which names the command that makes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache, partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pandas as pd

from . import ablation, boundary, brief, figures, findings, results, steadiness, summary, wording
from .costmodel import CostModel, cost_model
from .decision import page as decided
from .embed import drawing
from .errors import LabError
from .operations import Needs, operation_of
from .paths import CLAIMS, ROOT, RUNS
from .probes import recorded, selftest_summary
from .probes.selftest_summary import SelfTest
from .results import RunData
from .serverlab import part, sentences
from .serverlab.summary import ServerData, capacities, latest_server_run, read_server

README = ROOT / "README.md"
FINDINGS = ROOT / "docs" / "findings.md"
SERVER = ROOT / "docs" / "server.md"
METHOD = ROOT / "docs" / "method.md"
DECISION = ROOT / "docs" / "decision.md"
COSTS = ROOT / "docs" / "costs.md"
DOCUMENTS = (README, FINDINGS, DECISION, SERVER, COSTS, METHOD)
"""Documents with generated parts."""
PICTURE = ROOT / "docs" / "calls.svg"
"""The figure of README.md."""
FOOTPRINT = ROOT / "data" / "footprint.csv"
MOST_ROWS = 8

_FENCE = re.compile(r"(<!-- generated: callbot-lab readme (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rewritten(text: str) -> str:
    """A document with its generated parts made anew; LabError for a part that nothing makes."""

    def make(found: re.Match[str]) -> str:
        name = found[2]
        if name not in _PARTS:
            raise LabError(f"there is no generated part '{name}'; there are: {', '.join(_PARTS)}")
        return f"{found[1]}{_PARTS[name]()}\n{found[3]}"

    return _FENCE.sub(make, text)


def rewrite(path: Path) -> None:
    """Rewrite the generated parts of a document in place."""
    path.write_text(rewritten(path.read_text(encoding="utf-8")), encoding="utf-8")


def picture() -> str:
    """The figure of README.md, as the text of an SVG file: what a core carries, by the newest run of whole servers."""
    run = _servers()
    form = sentences.searched_formats(run)[0]
    calls = part.with_language(run, capacities(run, form=form))
    title = sentences.best_line(run, form) or f"Calls of {form} that one core carries."
    text = drawing(figures.calls_carried(calls, run.baseline, title), "calls")
    # A page of any colour may show it, and its text is dark.
    return text.replace("<svg ", '<svg style="background: white" ', 1)


def picture_stands(path: Path = PICTURE) -> bool:
    """Whether the figure of README.md is there, and is that of the recorded data."""
    return path.is_file() and path.read_text(encoding="utf-8") == picture()


@dataclass(frozen=True)
class Difference:
    """A line of a document's generated parts that is not what data/ says; None where one of them has no such line."""

    line: int
    stands: str | None
    should: str | None


def differences(text: str) -> list[Difference]:
    """Where a document differs from what data/ says, line by line, with the numbers of its own lines from 1."""
    stands, should = text.splitlines(), rewritten(text).splitlines()
    found = []
    for kind, a, b, c, d in SequenceMatcher(None, stands, should, autojunk=False).get_opcodes():
        if kind != "equal":
            pairs = enumerate(zip_longest(stands[a:b], should[c:d]), start=a + 1)
            found += [Difference(line, *pair) for line, pair in pairs]
    return found


def answer(run: RunData) -> str:
    """The first cells of the experiments that rank arms, MOST_ROWS rows in all, and what is the language's doing.

    The steps of an ablation are no ranking: of one, the sentences stand below.
    """
    table = summary.summarise(run)
    lines = ["| where | arm | against | times as fast | 95 % interval | verdict |", "|---|---|---|---|---|---|"]
    rows = pd.concat(
        [summary.competitors(table, experiment["name"], experiment["cells"][0]["name"]) for experiment in _ordered(run)]
    )
    for _, row in rows.head(MOST_ROWS).iterrows():
        cells = [summary.describe(row), f"`{row['arm']}`", f"`{row['baseline']}`", wording.ratio(row["ratio"])]
        lines.append("| " + " | ".join([*cells, wording.interval(row["low"], row["high"]), row["verdict"]]) + " |")
    said = summary.same_kernel_lines(run, table)
    for experiment in (each for each in run.note["experiments"] if each.get("steps")):
        made = ablation.chain(run, table, experiment, experiment["cells"][0])
        said += ablation.lines(made) if made else []
    return "\n".join([*lines, "", "\n\n".join(said), "", _origin(run)])


def footprint(path: Path = FOOTPRINT) -> str:
    """What the commands cost in a fresh clone, as it was recorded in data/footprint.csv."""
    table = pd.read_csv(path)
    lines = ["| command | in | wall time | disk use afterwards |", "|---|---|---|---|"]
    for _, row in table.iterrows():
        minutes, seconds = divmod(int(row["wall_seconds"]), 60)
        cells = [f"`{row['command']}`", row["state"], f"{minutes} min {seconds:02d} s", f"{row['disk_mib']:,} MiB"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", f"Recorded on {table['machine'].iloc[0]}."])


def _ordered(run: RunData) -> list[dict[str, Any]]:
    """The experiments of a run that rank arms, those with the fewest first: the table ends before the long ones."""
    ranking = [
        experiment
        for experiment in run.note["experiments"]
        if not experiment.get("steps")
        and not any(cell.get("model") for cell in experiment["cells"])
        and operation_of("", experiment["cells"][0]["operation"]).needs is not Needs.LADDER
    ]
    return sorted(ranking, key=lambda experiment: len(experiment["arms"]))


def _origin(run: RunData) -> str:
    return f"From `{_place(run.folder)}`: {run.origin}."


def _place(folder: Path) -> Path | str:
    """A folder of a run as the documents name it."""
    return folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder.name


def whole_servers(run: ServerData) -> str:
    """What whole servers carry and cost, the mixes that were searched."""
    return f"{part.answer_table(run)}\n\n{_server_origin(run)}"


def whole_lines(run: ServerData, claimed: float) -> str:
    """What whole servers say about the seed report's calls and about themselves, in sentences."""
    return "\n\n".join([*sentences.lines(run, claimed), _server_origin(run)])


def taken_away() -> str:
    """What there is to take away, from the newest recorded runs, in Markdown."""
    servers = _servers()
    loads = decided.load_lines(servers, None)
    steps, matched = _run_of("ablation"), _run_of("matched")
    chain = findings.first_chain(*steps)
    language = [ablation.plain_line(chain)] if chain else []
    language += summary.same_kernel_range(*matched)
    tested = selftest_summary.latest(RUNS)
    return brief.markdown(brief.brief(_claimed(), steps[0], language, servers, loads, tested))


def _server_origin(run: ServerData) -> str:
    return f"From `{_place(run.folder)}`: {sentences.origin(run)}."


@cache
def _servers() -> ServerData:
    """The newest recorded run of whole servers."""
    found = latest_server_run(RUNS)
    if found is None:
        raise LabError(f"{RUNS} holds no run of whole servers; make one with: callbot-lab measure -e server")
    return read_server(found)


def _claimed() -> float:
    """The ratio that the seed report is about: its first claim."""
    return float(pd.read_csv(CLAIMS)["value"].iloc[0])


@cache
def _recorded() -> tuple[RunData, pd.DataFrame]:
    """The newest recorded run of the experiment that ranks all arms, and its summary."""
    return _run_of("best")


@cache
def _run_of(experiment: str) -> tuple[RunData, pd.DataFrame]:
    """The newest recorded run with an experiment, and its summary."""
    return _summarised(results.latest_run(RUNS, experiment))


@cache
def _summarised(folder: Path) -> tuple[RunData, pd.DataFrame]:
    """A run and its summary."""
    run = results.read_run(folder)
    return run, summary.summarise(run)


def decision(run: ServerData, model: CostModel | None) -> str:
    """What to do by the settings in data/, gate by gate, and where it flips, in Markdown."""
    made = decided.page_part(run, None, model)
    if made["reason"]:
        raise LabError(made["reason"])
    said = [f"**{made['answer']}**", *made["lines"], *(f"- {line}" for line in made["flips"])]
    rows = wording.table(made["heads"], made["rows"])
    return "\n\n".join([*said, *made["gates"], rows, f"For {made['load']}. {_server_origin(run)}"])


def boundaries(run: RunData, table: pd.DataFrame) -> str:
    """What moving the boundary to native code buys, by experiment: the ratios of the furthest step, and sentences."""
    parts = []
    for experiment in (one for one in run.note["experiments"] if one.get("against")):
        found = boundary.ratios(run, experiment)
        parts.append(boundary.furthest_table(found, experiment))
        parts += boundary.lines(table, found, experiment)
    return "\n\n".join([*parts, _origin(run)])


def probe(name: str) -> str:
    """What an experiment with a process for every measurement shows, from the newest recorded run of them, in Markdown.

    LabError if no run has it.
    """
    made = recorded.latest(RUNS)
    if made is None or name not in made.rows:
        raise LabError(f"{RUNS} holds no run of {name}; make one with: callbot-lab measure -e {name}")
    shown = made.shown(name)
    tables = [f"{one.caption}\n\n{wording.table(one.heads, one.rows)}" for one in shown.tables]
    return "\n\n".join([*shown.lines, *tables, f"From `{_place(made.folder)}`: {made.about}."])


def seen(made: SelfTest | None) -> str:
    """What the newest recorded self-test found: its rates as a table, and sentences; LabError without one."""
    if made is None:
        raise LabError(f"{RUNS} holds no self-test; make one with: callbot-lab selftest")
    said = "\n\n".join(selftest_summary.lines(made.rates))
    rows = wording.table(selftest_summary.HEADS, selftest_summary.worded(made.rates))
    return f"{said}\n\n{rows}\n\nFrom `{_place(made.folder)}`: {selftest_summary.origin(made)}."


def states(run: RunData) -> str:
    """Warm-up and drift of a run: how many series of an experiment are of which kind, and a sentence."""
    found = steadiness.classes(run)
    heads = ["experiment", "series", *steadiness.KINDS]
    rows = [[str(row[head]) for head in heads] for row in steadiness.counts(found).to_dict("records")]
    return f"{steadiness.line(found)}\n\n{wording.table(heads, rows)}\n\n{_origin(run)}"


_PARTS: dict[str, Callable[[], str]] = {
    "answer": lambda: answer(_recorded()[0]),
    "footprint": footprint,
    "decision": lambda: decision(_servers(), cost_model(_run_of("sizes")[0], "sizes")),
    "brief": taken_away,
    "servers": lambda: whole_servers(_servers()),
    "server_lines": lambda: whole_lines(_servers(), _claimed()),
    "messages": lambda: part.costs_table(_servers()),
    "gains": lambda: part.gains_table(_servers()),
    "carried": lambda: part.carried_tables(_servers()),
    "server_boundary": lambda: part.boundary_table(_servers()),
    "sampled": lambda: part.sampled_table(_servers()),
    "boundary": lambda: boundaries(*_run_of("boundary")),
    **{name: partial(probe, name) for name in recorded.SHOWN},
    "selftest": lambda: seen(selftest_summary.latest(RUNS)),
    "steadiness": lambda: states(_recorded()[0]),
    "machines": lambda: findings.machines([_summarised(path) for path in results.runs_with(RUNS, "matched")]),
    "origin": lambda: _origin(_recorded()[0]),
    **{name: partial(lambda make: make(*_recorded()), make) for name, make in findings.PARTS.items()},
}
