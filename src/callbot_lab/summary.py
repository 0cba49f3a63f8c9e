"""From the analysis of a run to what can be said about it: rows for every arm, contests between languages, noise.

Sentences are computed here, so that the page, the terminal and the notebook say the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from . import wording
from .analysis import CONFIDENCE, MIN_WORKERS, analyse, pairwise, slots_of
from .experiment import MARGIN
from .measure import PROFILES
from .operations import Needs, Pool, name_of, operation_of
from .registry import PCM, TEXT
from .results import RunData
from .worker import EMPTY, NULL

MEASURED = "measured"
NO_SLOTS = "no slots"
LIBRARY = "library"
"""The side that references take in a contest: what there is without an implementation of one's own."""

_PLACE = ["experiment", "cell", "operation", "size", "pool", "baseline", "margin"]
_NUMBERS = ["ratio", "low", "high", "boot_low", "boot_high", "smallest", "p10", "p50", "p99"]
_COLUMNS = [*_PLACE, "arm", *_NUMBERS, "verdict", "detected", "matters", "workers", "blocks", "null_low", "null_high"]


def summarise(run: RunData) -> pd.DataFrame:
    """One row for every arm of every cell, with numbers or with the reason why there are none.

    The columns of analysis.analyse, `language`, `binding`, `kernel` and `kind` from the arm's BUILD (empty if unknown),
    `bound` (it takes PCM, so it shows what could be gained and competes with nobody), `status` (`measured`, or what
    kept the arm from it) and `reason`. A row with another status than `measured` has no numbers.
    """
    table = analyse(run)
    if table.empty:
        table = pd.DataFrame(columns=_COLUMNS)
    table = table.assign(status=MEASURED, reason="")
    lacking = pd.DataFrame(_lacking(run, table))
    if len(lacking):
        # Joining onto an empty frame would turn every column into objects.
        table = pd.concat([table, lacking], ignore_index=True) if len(table) else lacking.reindex(columns=table.columns)
    table[_NUMBERS] = table[_NUMBERS].astype(float)
    about = [_about(run, arm) for arm in table["arm"]]
    for key in ("language", "binding", "kernel"):
        table[key] = [arm["build"].get(key, "") for arm in about]
    table["kind"] = [arm["kind"] for arm in about]
    table["bound"] = [arm["build"].get("input", TEXT) == PCM for arm in about]
    return table


def competitors(table: pd.DataFrame, experiment: str, cell: str | None = None) -> pd.DataFrame:
    """The measured arms of an experiment, or of one of its cells, highest ratio first.

    The null arm, the empty call and bounds are left out.
    """
    chosen = table[(table["experiment"] == experiment) & (table["status"] == MEASURED)]
    chosen = chosen[~chosen["arm"].isin([NULL, EMPTY]) & ~chosen["bound"].astype(bool)]
    if cell is not None:
        chosen = chosen[chosen["cell"] == cell]
    return chosen.sort_values("ratio", ascending=False, kind="stable")


def cells_of(table: pd.DataFrame, experiment: str) -> list[str]:
    """Names of the cells of an experiment that have a competitor, in the order of the experiment."""
    chosen = table[(table["experiment"] == experiment) & (table["status"] == MEASURED)]
    return list(dict.fromkeys(chosen.loc[~chosen["arm"].isin([NULL, EMPTY]), "cell"]))


def describe(row: Any) -> str:
    """The cell of a row in words."""
    return wording.cell(row["operation"], row["size"], row["pool"])


def contests(run: RunData, table: pd.DataFrame) -> pd.DataFrame:
    """The best arm of each language against the best of every other, and against the best library, in every cell.

    The steps of an ablation are no contest, and neither bounds nor the designs of the report take a side.

    Columns: `experiment`, `cell`, `where` (in words), `side`, `other` (languages, or `library`), `compiled` (whether
    `side` is compiled code of our own), `arm`, `against`, `ratio`, `low`, `high`, `verdict`. In an experiment every
    two sides meet from the same end: the compiled one's, or else that of the one that is faster by and large.
    """
    rows = []
    for experiment in run.note["experiments"]:
        if experiment.get("steps"):
            continue
        for cell in cells_of(table, experiment["name"]):
            ranked = competitors(table, experiment["name"], cell)
            ratios = {experiment["baseline"]: 1.0, **dict(zip(ranked["arm"], ranked["ratio"], strict=True))}
            best: dict[str, str] = {}
            for arm in sorted(ratios, key=lambda name: -ratios[name]):
                best.setdefault(_side(run, arm), arm)
            sides = {arm: side for side, arm in best.items() if side}
            pairs = pairwise(run, experiment["name"], cell, experiment["margin"])
            pairs = pairs[pairs["arm"].isin(sides) & pairs["against"].isin(sides)]
            pairs = pairs.assign(side=pairs["arm"].map(sides), other=pairs["against"].map(sides))
            for end, arm in (("compiled", "arm"), ("rival", "against")):
                pairs[end] = [sides[name] != LIBRARY and _is_compiled(_about(run, name)) for name in pairs[arm]]
            rows.append(pairs.assign(experiment=experiment["name"], cell=cell, where=describe(ranked.iloc[0])))
    columns = ["experiment", "cell", "where", "side", "other", "compiled", "arm", "against"]
    columns += ["ratio", "low", "high", "verdict"]
    if not rows:
        return pd.DataFrame(columns=columns)
    found = pd.concat(rows, ignore_index=True)
    keep = []
    for _, group in found.groupby(["experiment", "side", "other"], sort=False):
        first, mean = group.iloc[0], float(np.log(group["ratio"]).mean())
        ahead = mean > 0 if first["compiled"] == first["rival"] else bool(first["compiled"])
        keep += list(group.index) if ahead else []
    return found.loc[sorted(keep), columns].reset_index(drop=True)


def contest_lines(found: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Where compiled code of our own wins in every cell, and where it does not: a sentence for every two sides."""
    wins: list[str] = []
    others: list[str] = []
    for (experiment, side, other), group in found[found["compiled"].astype(bool)].groupby(
        ["experiment", "side", "other"], sort=False
    ):
        best = wording.listing(list(dict.fromkeys(group["arm"])))
        rivals = wording.listing(list(dict.fromkeys(group["against"])))
        rival = "the best library" if other == LIBRARY else other
        line = f"{experiment}: {side} ({best}) against {rival} ({rivals}): {tally(group)}."
        (wins if (group["verdict"] == "faster").all() else others).append(line)
    return wins, others


def same_kernel(run: RunData, table: pd.DataFrame) -> pd.DataFrame:
    """Implementations that decode with the same kernel in different languages, against each other, in every cell.

    Columns: `experiment`, `cell`, `where` (in words), `kernel`, `arm`, `against`, `language`, `other` (those of the
    two), `ratio` (how many times as fast `arm` is), `low`, `high`, `verdict`. Here nothing differs but the language and
    its binding, so the margin is the one for kernels. Operations in which no kernel runs are left out, and those on
    messages, in which more runs than that.
    """
    rows = []
    for experiment in run.note["experiments"]:
        for cell in experiment["cells"]:
            if cell["name"] not in cells_of(table, experiment["name"]):
                continue
            for _, pair in pairwise(run, experiment["name"], cell["name"], MARGIN).iterrows():
                arm, against = (_about(run, pair[end])["build"] for end in ("arm", "against"))
                does = {operation_of(pair[end], cell["operation"]) for end in ("arm", "against")}
                conform = arm.get("contract") == against.get("contract") == "full"
                if not conform or len(does) > 1 or pair["arm"] < pair["against"]:
                    continue
                operation = does.pop()
                if operation.needs is Needs.LADDER or operation.pool is not Pool.CHUNKS:
                    continue
                if arm["kernel"] == against["kernel"] and arm["language"] != against["language"]:
                    place = {"experiment": experiment["name"], "cell": cell["name"], "where": describe(cell)}
                    about = {"kernel": arm["kernel"], "language": arm["language"], "other": against["language"]}
                    rows.append({**place, **about, **pair})
    columns = ["experiment", "cell", "where", "kernel", "arm", "against", "language", "other"]
    return pd.DataFrame(rows, columns=[*columns, "ratio", "low", "high", "verdict"])


def same_kernel_lines(run: RunData, table: pd.DataFrame) -> list[str]:
    """What same_kernel finds, in a sentence for every kernel and pair, but for the many sizes of a cost model."""
    found = same_kernel(run, table)
    models = [each["name"] for each in run.note["experiments"] if any(cell.get("model") for cell in each["cells"])]
    groups = found[~found["experiment"].isin(models)].groupby(["kernel", "arm", "against"], sort=False)
    return [
        f"With the same kernel ({kernel}), {arm} against {against}: {tally(rows)}; "
        f"equivalent is within {wording.margin(MARGIN)}."
        for (kernel, arm, against), rows in groups
    ]


def same_kernel_range(run: RunData, table: pd.DataFrame) -> list[str]:
    """What same_kernel finds over all kernels and cells, in a sentence for every two languages."""
    found = same_kernel(run, table)
    models = [each["name"] for each in run.note["experiments"] if any(cell.get("model") for cell in each["cells"])]
    groups = found[~found["experiment"].isin(models)].groupby(["language", "other"], sort=False)
    said = []
    for (language, other), rows in groups:
        counts = [f"{verdict} in {count}" for verdict, count in rows["verdict"].value_counts().items()]
        said.append(
            f"With the same kernel, {language} is {wording.ratio(rows['ratio'].min())} to "
            f"{wording.ratio(rows['ratio'].max())} times as fast as {other}: of {wording.count(len(rows), 'cell')} "
            f"{wording.listing(counts)}."
        )
    return said


def headline(table: pd.DataFrame, pairs: pd.DataFrame | None = None) -> str:
    """The message of one cell's rows: which arm has the highest ratio, and which are as fast as that.

    `pairs` is analysis.pairwise of the cell; without it nothing is said about the runners-up.
    """
    if table.empty or (rows := competitors(table, table["experiment"].iloc[0])).empty:
        return "No arm was measured against the baseline."
    first = rows.iloc[0]
    text = f"{first['arm']} {_against(first)}"
    if len(rows) == 1:
        return f"{text}."
    faster = rows[rows["verdict"] == "faster"]
    if faster.empty:
        said = f"No arm is faster than {first['baseline']}. The highest ratio: {text}."
    else:
        said = f"Of {wording.count(len(rows), 'arm')}, {len(faster)} {'is' if len(faster) == 1 else 'are'} faster than "
        said += f"{first['baseline']}. The highest ratio: {text}."
    for verdict, words in (("equivalent", "Equivalent to it within"), ("undecided", "Not told apart from it")):
        if pairs is not None:
            alike = pairs[(pairs["against"] == first["arm"]) & (pairs["verdict"] == verdict)]
            names = [name for name in rows["arm"] if name in set(alike["arm"])]
            if names:
                within = f" {wording.margin(first['margin'])}" if verdict == "equivalent" else ""
                said += f" {words}{within}: {wording.listing(names)}."
    slower = rows[rows["verdict"] == "slower"]
    if len(slower):
        said += f" Slower than {first['baseline']}: {wording.listing(list(slower['arm']))}."
    return said


def noise(run: RunData, table: pd.DataFrame) -> list[str]:
    """What the run could not say, and why, in sentences; empty if there is nothing to hold against it."""
    lines = []
    note, planned = run.note, run.note["profile"]["workers"]
    done = note["workers"]["done"]
    if note["status"] != "complete":
        lines.append(f"The run did not finish ({note['status']}): {done} of {planned} workers are in it.")
    if note["workers"]["lost"]:
        lost = "; ".join(f"worker {one['worker']} (status {one['status']})" for one in note["workers"]["lost"])
        lines.append(f"{wording.count(len(note['workers']['lost']), 'worker')} died: {lost}.")
    measured = table[table["status"] == MEASURED]
    arms = measured[~measured["arm"].isin([NULL, EMPTY])]
    few = measured[measured["workers"] < MIN_WORKERS]
    if len(few):
        lines.append(f"Fewer than {MIN_WORKERS} workers, so no interval and no verdict: {_places(few)}.")
    short = arms[(arms["workers"] < done) & (arms["workers"] >= MIN_WORKERS)]
    if len(short):
        lines.append(f"Not every worker timed these: {_places(short)}.")
    undecided = arms[arms["verdict"] == "undecided"]
    if len(undecided):
        lines.append(f"Undecided, so neither a difference nor a tie: {_places(undecided)}.")
    blind = arms[(arms["smallest"] > 1 + arms["margin"]) & np.isfinite(arms["smallest"])]
    if len(blind):
        worst = blind.loc[blind["smallest"].idxmax()]
        lines.append(
            f"Differences as small as the margin would have been missed in {wording.count(len(blind), 'row')}. "
            f"The worst is {worst['arm']} ({describe(worst)}): there only {wording.effect(worst['smallest'])} or more "
            f"is found four times out of five."
        )
    nulls = measured[(measured["arm"] == NULL) & measured["detected"].astype(bool)]
    for _, row in nulls.iterrows():
        lines.append(
            f"The null arm, the baseline against itself, is not within its interval of 1 in {row['experiment']}, "
            f"{describe(row)}: {wording.ratio(row['ratio'])} ({wording.interval(row['low'], row['high'])}). "
            f"Smaller differences than that are not called faster or slower there."
        )
    if len(nulls):
        cells = int((measured["arm"] == NULL).sum())
        lines.append(
            f"By chance alone about one null arm in {round(1 / (1 - CONFIDENCE))} does that; "
            f"here it is {len(nulls)} of {cells}."
        )
    return lines


def profile_line(run: RunData) -> str:
    """How much evidence the run holds, and whether that is enough to publish."""
    profile, done, full = run.note["profile"], run.note["workers"]["done"], PROFILES["full"]
    text = f"Profile {profile['name']}: {done} of {wording.count(profile['workers'], 'worker')}"
    if profile["workers"] < full.workers:
        text += (
            f". This is a quick run, made to look and not to publish: a full one has {full.workers} workers "
            f"and at most {full.blocks} blocks a cell"
        )
    if run.note["status"] != "complete":
        text += f". It did not finish ({run.note['status']})"
    return f"{text}."


def not_measured(table: pd.DataFrame) -> pd.DataFrame:
    """The arms without numbers: `experiment`, `arm`, `status`, `reason`, `cells` (a list of their names)."""
    lacking = table[table["status"] != MEASURED]
    keys = ["experiment", "arm", "status", "reason"]
    return lacking.groupby(keys, sort=False)["cell"].agg(list).reset_index(name="cells")


def worker_medians(run: RunData, experiment: str, cell: str) -> pd.DataFrame:
    """Median nanoseconds per chunk of every worker and arm in a cell: `worker`, `arm`, `ns`, `language`.

    For looking at noise only; the null arm is in, the empty call is not.
    """
    slots = slots_of(run, experiment, cell)
    slots = slots[slots["arm"] != EMPTY]
    medians = (slots["wall_ns"] / slots["chunks"]).groupby([slots["worker"], slots["arm"]]).median()
    frame = medians.rename("ns").reset_index()
    return frame.assign(language=[_about(run, arm)["build"].get("language", "") for arm in frame["arm"]])


def call_times(run: RunData, table: pd.DataFrame, experiment: str) -> pd.DataFrame:
    """Nanoseconds per chunk of every arm, the baseline and the empty call too: one row for each in every cell.

    Columns: `cell`, `operation`, `size`, `pool`, `arm`, `language`, `p10`, `p50`, `p99`, and how many times as fast it
    is as the baseline (`ratio`, `low`, `high`, `verdict`; none for the baseline). For orientation only.
    """
    rows = []
    for cell in run.experiment(experiment)["cells"]:
        place = {"cell": cell["name"], **{key: cell[key] for key in ("operation", "size", "pool")}}
        slots = slots_of(run, experiment, cell["name"])
        times = (slots["wall_ns"] / slots["chunks"]).groupby(slots["arm"]).quantile([0.1, 0.5, 0.99]).unstack()
        judged = table[(table["experiment"] == experiment) & (table["cell"] == cell["name"])].set_index("arm")
        judged = judged[["ratio", "low", "high", "verdict"]]
        for arm in times.index.drop(NULL, errors="ignore"):
            percentiles = dict(zip(("p10", "p50", "p99"), times.loc[arm], strict=True))
            found = judged.loc[arm] if arm in judged.index else dict.fromkeys(judged.columns, np.nan)
            language = _about(run, arm)["build"].get("language", "")
            rows.append({**place, "arm": arm, "language": language, **percentiles, **found})
    columns = ["cell", "operation", "size", "pool", "arm", "language", "p10", "p50", "p99", "ratio", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "verdict"])


def tally(group: pd.DataFrame) -> str:
    """In how many of some cells which verdict was given, with the range of the ratios."""
    parts = []
    for verdict, rows in group.groupby("verdict", sort=False):
        low, high = wording.ratio(rows["ratio"].min()), wording.ratio(rows["ratio"].max())
        ratios = low if low == high else f"{low} to {high}"
        parts.append(f"{verdict} in {len(rows)} of {wording.count(len(group), 'cell')} ({ratios} times as fast)")
    return wording.listing(parts)


def _against(row: Any) -> str:
    """`is 2.66 times as fast as x (2.61 to 2.71): faster`, with the verdict's own word."""
    number = f"{wording.ratio(row['ratio'])} times as fast as {row['baseline']}"
    within = f" within {wording.margin(row['margin'])}" if row["verdict"] == "equivalent" else ""
    return f"is {number} ({wording.interval(row['low'], row['high'])}): {row['verdict']}{within}"


def _places(rows: pd.DataFrame) -> str:
    """`a and b (cell 1); c (cell 2)`."""
    groups = rows.groupby(["experiment", "cell"], sort=False)
    return "; ".join(
        f"{wording.listing(list(group['arm']))} ({experiment}: {describe(group.iloc[0])})"
        for (experiment, _), group in groups
    )


def _about(run: RunData, arm: str) -> dict[str, Any]:
    """What the run says of an arm, however it is spelled: at least `kind` and `build`, empty if it says nothing."""
    found = [each for each in run.note["arms"] if each["name"] == name_of(arm)]
    return {"kind": "", "build": {}} | (found[0] if found else {})


def _side(run: RunData, name: str) -> str:
    """The side that an arm takes in a contest; empty for a reference that is no library.

    A reference that comes with an implementation is another way to bind that, and no library.
    """
    arm = _about(run, name)
    if arm["kind"] == "implementation":
        return str(arm["build"].get("language", ""))
    ours = {each["origin"] for each in run.note["arms"] if each["kind"] == "implementation"}
    return LIBRARY if arm["build"].get("contract") == "decode" and arm.get("origin") not in ours else ""


def _is_compiled(arm: dict[str, Any]) -> bool:
    return str(arm["build"].get("binding", "none")) != "none"


def _lacking(run: RunData, table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for the arms that a cell should have and has no numbers of."""
    known = {(m["experiment"], m["cell"], m["arm"]): m for m in run.note["missing"]}
    have = set(zip(table["experiment"], table["cell"], table["arm"], strict=True))
    have |= set(zip(table["experiment"], table["cell"], table["baseline"], strict=True))
    rows = []
    for experiment in run.note["experiments"]:
        for cell in experiment["cells"]:
            for arm in (experiment["baseline"], NULL, *experiment["arms"]):
                key = (experiment["name"], cell["name"], arm)
                if key in have:
                    continue
                status, reason = NO_SLOTS, "no worker timed it here"
                if key in known:
                    status, reason = known[key]["status"], known[key]["reason"]
                elif (experiment["name"], cell["name"], experiment["baseline"]) not in have:
                    reason = f"nothing to compare with: {experiment['baseline']} or the null arm has no slots here"
                place = {name: cell[name] for name in ("operation", "size", "pool")} | {"cell": cell["name"]}
                place |= {"experiment": experiment["name"], "baseline": experiment["baseline"]}
                rows.append(
                    {**place, "margin": experiment["margin"], "arm": arm, "status": str(status), "reason": reason}
                )
    return rows
