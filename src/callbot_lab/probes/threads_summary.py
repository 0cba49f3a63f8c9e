"""What the rows of `threads` say: scaling, the price and the gain of releasing the GIL, and the waits of others.

The unit of inference is the process: the median over its rounds, then mean and Student t interval over processes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table

from .. import wording
from ..analysis import CONFIDENCE, MIN_WORKERS, interval
from ..embed import embed
from ..figures.style import ratios
from ..figures.threads import processes, thread_scaling
from ..workload import FORMATS
from .shown import Shown, ShownTable
from .threads import FAULT, IDLE, MACHINE, ONE, TWO, WAIT

Twin = tuple[str, str]
"""The arm that holds the GIL and the one that is the same but releases it."""

FREE = 1.8
"""Times what one thread does that two of the control do at least where both CPUs are free; 1.9 to 2.0 were seen."""

CALLBOT = FORMATS["callbot"].chunk_bytes
"""The size of the report's chunks, which is told beside the smallest if it was measured."""


def scaling(rows: pd.DataFrame) -> pd.DataFrame:
    """Throughput of two threads against that of one in the same round, by size and arm.

    Columns: `size`, `arm`, `ratio`, `low`, `high`, `processes`, and for orientation `busy`, the median number of CPUs
    that two threads kept busy, and `chunk_ns`, the median time of a chunk in one thread.
    """
    timed = _measured(rows)
    table = _logs(timed)
    table = _over_processes(table[TWO] - table[ONE], ["size", "arm"], "")
    two, one = (timed[timed["kind"] == kind] for kind in (TWO, ONE))
    busy = (two["cpu_ns"] / two["wall_ns"]).groupby([two["size"], two["arm"]]).median()
    chunk = (one["wall_ns"] / one["chunks"]).groupby([one["size"], one["arm"]]).median()
    return table.assign(busy=busy, chunk_ns=chunk).reset_index()


def releasing(rows: pd.DataFrame, twins: Iterable[Twin]) -> pd.DataFrame:
    """How many times the throughput of an arm that holds the GIL its releasing twin has, with one and two threads.

    Columns: `size`, `arm` (the releasing one), `holding`, then `one`, `one_low`, `one_high` and the same for `two`, and
    `processes`. Below 1 releasing costs.
    """
    logs = _logs(_measured(rows))
    tables = []
    for holding, arm in twins:
        if not {holding, arm} <= set(logs.index.get_level_values("arm")):
            continue
        ratios = logs.xs(arm, level="arm") - logs.xs(holding, level="arm")
        one, two = (_over_processes(ratios[kind], ["size"], f"{kind}_") for kind in (ONE, TWO))
        columns = {"one_ratio": "one", "two_ratio": "two", "two_processes": "processes"}
        both = one.drop(columns="one_processes").join(two).rename(columns=columns)
        tables.append(both.reset_index().assign(arm=arm, holding=holding))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def pays_from(found: pd.DataFrame) -> dict[Twin, int | None]:
    """The smallest measured size from which releasing pays with two threads, by twins of `releasing`.

    At it and every larger size the interval lies above 1; None if that is so at no size.
    """
    answer: dict[Twin, int | None] = {}
    for twin, part in found.groupby(["holding", "arm"]) if len(found) else ():
        answer[twin] = _above(part, "two_", part["size"]).start
    return answer


def waits(rows: pd.DataFrame) -> pd.DataFrame:
    """How much later a sleeping thread came back than beside nobody in the same round, by size and arm.

    Columns: `size`, `arm`, `ms`, `low`, `high` (of the median of a round), `longest_ms` (of all wake-ups, nothing taken
    off), `processes`.
    """
    slept = _measured(rows)
    slept = slept[slept["kind"].isin([WAIT, IDLE])]
    keys = ["size", "job", "round"]
    late = slept["late_ns"].map(np.median) / 1e6
    idle = late[slept["kind"] == IDLE].groupby([slept[key] for key in keys]).median()
    beside = slept[slept["kind"] == WAIT]
    excess = late[beside.index].groupby([beside[key] for key in (*keys, "arm")]).median()
    excess = excess - idle.reindex(excess.index.droplevel("arm")).to_numpy()
    table = _intervals(excess, ["size", "arm"]).rename(columns={"mean": "ms"})
    longest = beside["late_ns"].map(np.max).groupby([beside["size"], beside["arm"]]).max() / 1e6
    return table.assign(longest_ms=longest).reset_index()


def table_of(rows: pd.DataFrame, twins: Sequence[Twin]) -> Table:
    """All of that in one table; what releasing is worth stands beside the releasing twin."""
    table = Table(title="threads: throughput, and how long another thread waits", box=box.SIMPLE, padding=(0, 1, 0, 0))
    heads = ("two threads / one", "1 thread / twin's", "2 threads / twin's", "wait ms", "longest")
    table.add_column("bytes", justify="right")
    table.add_column("arm")
    for head in heads:
        table.add_column(head, justify="right")
    scaled, waited, found = scaling(rows), waits(rows), releasing(rows, twins)
    waited = waited.set_index(["size", "arm"])
    against = found.set_index(["size", "arm"]) if len(found) else pd.DataFrame()
    for size, part in scaled.groupby("size"):
        table.add_section()
        # The control's parenthesis sorts before every name: nothing below it can be expected to scale better.
        for place, (_, row) in enumerate(part.sort_values("arm").iterrows()):
            key = (size, row["arm"])
            twin = against.loc[key] if key in against.index else None
            wait = waited.loc[key] if key in waited.index else None
            table.add_row(
                f"{size:,}" if place == 0 else "",
                row["arm"],
                _cell(row["ratio"], row["low"], row["high"]),
                "" if twin is None else _cell(twin["one"], twin["one_low"], twin["one_high"]),
                "" if twin is None else _cell(twin["two"], twin["two_low"], twin["two_high"]),
                "" if wait is None else _ms(wait["ms"]),
                "" if wait is None else f"{wait['longest_ms']:.1f}",
            )
    table.caption = "\n".join([*_answers(found), *_busy(scaled), *_faults(rows)]) or "nothing was measured"
    return table


def _answers(found: pd.DataFrame) -> list[str]:
    lines = []
    for (holding, arm), size in pays_from(found).items():
        if found["processes"].max() < MIN_WORKERS:
            words = f"where it pays takes {MIN_WORKERS} processes to say"
        elif size is None:
            words = "with two threads it pays not in the measured range"
        else:
            words = f"with two threads it pays from {size:,} B on"
        lines.append(f"{arm} for {holding}: {words}")
    return lines


def _busy(scaled: pd.DataFrame) -> list[str]:
    control = scaled[scaled["arm"] == MACHINE]
    busy = control[control["ratio"] < FREE]
    if not len(busy):
        return []
    return [
        f"at {len(busy)} of {len(control)} sizes two threads of {MACHINE} did less than {FREE} times what one did",
        f"(once {busy['ratio'].min():.2f}): the machine was busy, and neither scaling nor waits can be trusted there",
    ]


def _faults(rows: pd.DataFrame) -> list[str]:
    faults = rows[rows["kind"] == FAULT].sort_values(["size", "arm"])
    return [
        f"{arm}: {reason} ({', '.join(f'{size:,}' for size in sizes.unique())} B)"
        for (arm, reason), sizes in faults.groupby(["arm", "reason"])["size"]
    ]


def _cell(value: float, low: float, high: float) -> str:
    """A ratio with its interval, if it has one."""
    return f"{value:.2f} [{low:.2f}, {high:.2f}]" if np.isfinite(high) else f"{value:.2f}"


def _measured(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with numbers, without those of an arm that turned out wrong in the same process."""
    faults = rows[rows["kind"] == FAULT]
    wrong = set(zip(faults["job"], faults["arm"], strict=True))
    keep = [pair not in wrong for pair in zip(rows["job"], rows["arm"], strict=True)]
    return rows[np.array(keep, dtype=bool)]


def _logs(rows: pd.DataFrame) -> pd.DataFrame:
    """Logarithm of the chunks per nanosecond: one row for size, process, round and arm, one column a kind."""
    timed = rows[rows["kind"].isin([ONE, TWO])]
    logs = np.log(timed["chunks"] / timed["wall_ns"])
    keys = [timed[key] for key in ("size", "job", "round", "arm", "kind")]
    return logs.groupby(keys).mean().unstack("kind").reindex(columns=[ONE, TWO])


def _over_processes(logs: pd.Series, keys: list[str], prefix: str) -> pd.DataFrame:
    """Ratios with their intervals, by `keys`, from log ratios by those, process and round."""
    table = _intervals(logs, keys)
    ratios = np.exp(table[["mean", "low", "high"]]).rename(columns={"mean": "ratio"})
    return ratios.join(table["processes"]).add_prefix(prefix)


def _intervals(values: pd.Series, keys: list[str]) -> pd.DataFrame:
    """Mean, t interval and number of processes, by `keys`, from values by those, process and round."""
    processes = values.dropna().groupby([*keys, "job"]).median()
    groups = {key: part.to_numpy() for key, part in processes.groupby(keys)}
    index = processes.groupby(keys).size().index
    columns = ["mean", "low", "high", "processes"]
    return pd.DataFrame([[*interval(part), len(part)] for part in groups.values()], index=index, columns=columns)


@dataclass(frozen=True)
class _Above:
    """At which sizes an interval lies above 1.

    `start` is the smallest from which on it does, None if there is none; `told` is false if that rests on a size that
    tells nothing. `at` are all sizes at which it does, `judged` those that tell something.
    """

    start: int | None
    told: bool
    at: list[int]
    judged: list[int]


def _above(part: pd.DataFrame, prefix: str, sizes: Iterable[int], doubtful: Collection[int] = ()) -> _Above:
    """Where the interval of `part`, one row a size, lies above 1; without one, or at a doubtful size, nobody knows."""
    numbers = sorted(int(size) for size in sizes)
    ends = part.set_index("size")[[f"{prefix}low", f"{prefix}high"]].reindex(numbers).to_numpy(float)
    sure = [bool(np.isfinite(high)) and size not in doubtful for size, (_, high) in zip(numbers, ends, strict=True)]
    above = [known and bool(low > 1) for known, (low, _) in zip(sure, ends, strict=True)]
    # Down from the largest size to the first that does not lie above 1: the answer rests on what that one is.
    last = max((place for place, is_so in enumerate(above) if not is_so), default=-1)
    start = numbers[last + 1] if last + 1 < len(numbers) else None
    at, judged = ([size for size, is_so in zip(numbers, flags, strict=True) if is_so] for flags in (above, sure))
    return _Above(start, last < 0 or sure[last], at, judged)


@dataclass(frozen=True)
class _Known:
    """All tables of a run, with the sizes at which the control did not show a free machine, and what it did there.

    `pairs` are the rows of `releasing`, by twins and size; `roles` are the arms by what they do with the GIL.
    """

    scaled: pd.DataFrame
    waited: pd.DataFrame
    pairs: dict[Twin, pd.DataFrame]
    sizes: list[int]
    doubtful: dict[int, float]
    roles: dict[str, list[str]]

    @property
    def small(self) -> list[int]:
        """The smallest size, and that of the report's chunks."""
        return sorted({self.sizes[0], *({CALLBOT} & set(self.sizes))})

    def scales(self, arm: str) -> _Above:
        """Where two threads of an arm do more than one."""
        return _above(self.scaled[self.scaled["arm"] == arm], "", self.sizes, self.doubtful)


def shown(rows: pd.DataFrame, definition: Mapping[str, Any], languages: Mapping[str, str]) -> Shown:
    """What the page shows. `definition` is threads.toml; an arm without a language has the style of an unknown one."""
    known = _known(rows, [(twin["holding"], twin["releasing"]) for twin in definition["twins"]])
    faults = _faults(rows)
    without = [f"Without a number: {'; '.join(faults)}."] if faults else []
    if not any(known.roles.values()):
        return Shown(["Nothing was measured.", *without])
    threads, waiting = _scaling_lines(known), _wait_lines(known)
    warned = [*_doubt_lines(known), *_few_lines(known)]
    samples = _sample_line(rows, known)
    message = _message(known)
    figure = thread_scaling(known.scaled, known.waited, languages, message)
    return Shown(
        [*warned, *threads, *_price_lines(known), *_gain_lines(known), *waiting, samples, *without],
        [embed(figure, "threads-scaling", message, " ".join([*threads, *waiting]), _data(known))],
        _tables(known),
    )


def _data(known: _Known) -> pd.DataFrame:
    """What the figure shows, a row for each size and arm: `scaling` with `waits`, whose own interval and processes are
    `low_wait`, `high_wait` and `processes_wait`."""
    if known.waited.empty:
        return known.scaled
    return known.scaled.merge(known.waited, on=["size", "arm"], how="outer", suffixes=("", "_wait"))


def _known(rows: pd.DataFrame, twins: Sequence[Twin]) -> _Known:
    scaled, found = scaling(rows), releasing(rows, twins)
    sizes = sorted({int(size) for size in scaled["size"]})
    control = scaled[scaled["arm"] == MACHINE]
    did = dict.fromkeys(sizes, float("nan"))
    did |= {int(size): float(ratio) for size, ratio in zip(control["size"], control["ratio"], strict=True)}
    pairs = found.groupby(["holding", "arm"], sort=False) if len(found) else ()
    arms = sorted(set(scaled["arm"]) - {MACHINE})
    holding, freeing = ({twin[side] for twin in twins} for side in (0, 1))
    return _Known(
        scaled=scaled,
        waited=waits(rows),
        pairs={twin: part.set_index("size") for twin, part in pairs},
        sizes=sizes,
        # Not `< FREE`: a control without a number shows no free machine either.
        doubtful={size: ratio for size, ratio in did.items() if not ratio >= FREE},
        roles={
            "arms that hold the GIL": [arm for arm in arms if arm in holding],
            "their twins that release it": [arm for arm in arms if arm in freeing],
            "other arms": [arm for arm in arms if arm not in holding | freeing],
        },
    )


def _doubt_lines(known: _Known) -> list[str]:
    busy = {size: ratio for size, ratio in known.doubtful.items() if wording.finite(ratio)}
    missing = [size for size in known.doubtful if size not in busy]
    said = []
    if busy:
        said.append(
            f"What follows of two threads and of waits cannot be trusted at {_bytes(busy)}: two threads of the control "
            f"{MACHINE}, which shares nothing, did only {ratios(pd.Series(busy))} times what one did, so the machine "
            f"was busy with something else. No threshold that would rest on that is given."
        )
    if missing:
        said.append(
            f"What follows of two threads and of waits cannot be trusted at {_bytes(missing)}: the control {MACHINE} "
            f"has no number there, so nobody knows whether the machine was free. No threshold that would rest on that "
            f"is given."
        )
    return said


def _few_lines(known: _Known) -> list[str]:
    few = known.scaled[known.scaled["processes"] < MIN_WORKERS]
    if few.empty:
        return []
    sizes = sorted({int(size) for size in few["size"]})
    part = f" of {wording.listing(sorted(set(few['arm'])))} at {_bytes(sizes)}"
    return [
        f"Too few processes for an interval{'' if len(few) == len(known.scaled) else part}: it takes {MIN_WORKERS}. "
        f"Without one nothing is told apart from chance, and no threshold that would rest on that is given."
    ]


def _scaling_lines(known: _Known) -> list[str]:
    """Two threads against one, a sentence for each role: at small sizes, at the largest, and from where on above 1."""
    told = [size for size in sorted({*known.small, known.sizes[-1]}) if size not in known.doubtful]
    lines = []
    for role, arms in known.roles.items():
        parts: list[str] = []
        for arm in arms:
            own, above = known.scaled[known.scaled["arm"] == arm].set_index("size"), known.scales(arm)
            points = [f"{_said(own.loc[size], 'ratio', '')} at {size:,} B" for size in told if size in own.index]
            points += [f"more than 1 {_onwards(above, known.sizes)}"] if above.judged else []
            parts += [f"{arm} {wording.listing(points)}"] if points else []
        if parts:
            lines.append(f"Two threads of {role}, times what one does: {'; '.join(parts)}.")
    return lines


def _price_lines(known: _Known) -> list[str]:
    """What releasing costs one thread at small sizes; that needs one CPU, so that a busy machine is no objection."""
    parts = []
    for (holding, arm), own in known.pairs.items():
        sizes = [size for size in known.small if size in own.index]
        if not sizes:
            continue
        points = [f"{_said(own.loc[size], 'one', 'one_')} at {size:,} B" for size in sizes]
        first = own.loc[sizes[0]]
        if not wording.finite(first["one_high"]):
            verdict = ""
        elif first["one_high"] < 1:
            verdict = f" (a cost of {wording.percent(1 - first['one'])} at {sizes[0]:,} B)"
        else:
            verdict = f" ({'no cost' if first['one_low'] > 1 else 'a cost is not shown'} at {sizes[0]:,} B)"
        parts.append(f"{arm} does {wording.listing(points)} of what {holding} does{verdict}")
    return [f"With one thread {'; '.join(parts)}."] if parts else []


def _gain_lines(known: _Known) -> list[str]:
    """From which size on releasing pays with two threads, a sentence for every two twins."""
    lines = []
    for (holding, arm), own in known.pairs.items():
        above = _above(own.reset_index(), "two_", known.sizes, known.doubtful)
        if not above.judged:
            lines.append(f"Where {arm} pays against {holding} with two threads cannot be told.")
            continue
        line = f"With two threads {arm} pays against {holding} {_onwards(above, known.sizes)}"
        if above.told and above.start is not None:
            line += f": there it does {_said(own.loc[above.start], 'two', 'two_')} times as much"
            if place := known.sizes.index(above.start):
                line += f", and the true threshold lies between {known.sizes[place - 1]:,} and {above.start:,} B"
        elif above.told:
            best = int(own.loc[above.judged, "two"].idxmax())
            line += f"; the most it does is {_said(own.loc[best], 'two', 'two_')} times as much, at {best:,} B"
        lines.append(f"{line}.")
    return lines


def _wait_lines(known: _Known) -> list[str]:
    """How much later another thread comes back at the largest size that can be trusted, beside each of the twins."""
    told = [size for size in known.sizes if size not in known.doubtful]
    if not told:
        return ["How long another thread waits cannot be told."]
    waited = known.waited[known.waited["size"] == told[-1]].set_index("arm")
    parts = []
    for holding, arm in known.pairs:
        if holding in waited.index and arm in waited.index:
            held, freed = (_late(waited.loc[name]) for name in (holding, arm))
            parts.append(f"{held} beside {holding}, which holds the GIL, and {freed} beside {arm}, which releases it")
    if not parts:
        return []
    largest = "" if told[-1] == known.sizes[-1] else ", the largest size that can be trusted,"
    return [f"At {told[-1]:,} B{largest} another thread comes back later than beside nobody by {'; by '.join(parts)}."]


def _sample_line(rows: pd.DataFrame, known: _Known) -> str:
    measured = _measured(rows)
    rounds = [int(count) for count in measured.groupby("job")["round"].nunique()]
    wakes = [len(late) for late in measured["late_ns"][measured["kind"].isin([WAIT, IDLE])]]
    return (
        f"Fresh processes of an arm at a size: {processes(known.scaled)}, with {wording.spread(rounds, 'round')} each, "
        f"and {wording.spread(wakes, 'wake-up')} of the waiting thread in a round. What is divided comes from one "
        f"round; intervals are {wording.percent(CONFIDENCE, 0)} t intervals over processes."
    )


def _message(known: _Known) -> str:
    """With which arms two threads do more than one, and from which size on: the title of the figure."""
    found = {arm: known.scales(arm) for arms in known.roles.values() for arm in arms}
    where: dict[str, list[str]] = {}
    for arm in sorted(found, key=lambda arm: (found[arm].start is None, found[arm].start or 0, arm)):
        if found[arm].judged:
            where.setdefault(_onwards(found[arm], known.sizes), []).append(arm)
    if not where:
        few = not np.isfinite(known.scaled["high"].to_numpy(float)).any()
        why = "there are too few processes for an interval" if few else "the control does not show a free machine"
        return f"Whether two threads do more than one cannot be told: {why}."
    parts = [f"with {wording.listing(arms)} {words}" for words, arms in where.items()]
    return f"Two threads do more than one {'; '.join(parts)}."


def _onwards(found: _Above, sizes: Sequence[int]) -> str:
    """In words: at which sizes something is so that has to be above 1."""
    at = f"at {_bytes(found.at)}" if found.at else ""
    if not found.told:
        return f"{at or 'at no size that can be judged'} (from which on cannot be told)"
    if found.start is not None:
        return "at every measured size" if found.start == sizes[0] else f"from {found.start:,} B on"
    if at:
        return f"{at}, but not at every larger size"
    judged = "" if len(found.judged) == len(sizes) else " that can be judged"
    return f"at no size{judged} from {sizes[0]:,} to {sizes[-1]:,} B"


def _tables(known: _Known) -> list[ShownTable]:
    scaled = [(row["size"], row["arm"], _said(row, "ratio", "")) for row in known.scaled.to_dict("records")]
    gains: list[tuple[Any, str, str]] = []
    for (holding, arm), own in known.pairs.items():
        for kind, words in ((ONE, "1 thread"), (TWO, "2 threads")):
            head = f"{arm} / {holding}, {words}"
            gains += [(size, head, _said(row, kind, f"{kind}_")) for size, row in own.iterrows()]
    waited = [(row["size"], row["arm"], _late(row)) for row in known.waited.to_dict("records")]
    captions = {
        f"Throughput of two threads, times that of one, by bytes of PCM in a chunk; {MACHINE} is the control": scaled,
        "What releasing the GIL is worth: throughput, times that of the same code that holds it": gains,
        "How much later another thread comes back than beside nobody; the longest has nothing taken off": waited,
    }
    return [_by_size(caption, cells, known) for caption, cells in captions.items() if cells]


def _by_size(caption: str, cells: Sequence[tuple[Any, str, str]], known: _Known) -> ShownTable:
    """A row a size and a column a head, from sizes, heads and texts."""
    texts = {(int(size), head): text for size, head, text in cells}
    heads = list(dict.fromkeys(head for _, head, _ in cells))
    rows = [
        [_named(size, known), *(texts.get((size, head), wording.NO_NUMBER) for head in heads)]
        for size in sorted({size for size, _ in texts})
    ]
    return ShownTable(f"{caption}.", ("bytes", *heads), rows)


def _named(size: int, known: _Known) -> str:
    if size not in known.doubtful:
        return f"{size:,}"
    return f"{size:,} ({'machine busy' if wording.finite(known.doubtful[size]) else 'no control'})"


def _said(row: Any, value: str, prefix: str) -> str:
    """A ratio with its interval, if it has one."""
    low, high = row[f"{prefix}low"], row[f"{prefix}high"]
    ends = f" ({wording.interval(low, high)})" if wording.finite(high) else ""
    return f"{wording.ratio(row[value])}{ends}"


def _late(row: Any) -> str:
    """A wait with its interval, if it has one, and the longest."""
    ends = f"{_ms(row['low'])} to {_ms(row['high'])}; " if wording.finite(row["high"]) else ""
    return f"{_ms(row['ms'])} ms ({ends}longest {_ms(row['longest_ms'])})"


def _ms(value: float) -> str:
    """Milliseconds to a hundredth; what is less is the clock's and the scheduler's."""
    # + 0: no minus before a nought
    return f"{round(value, 2) + 0:.2f}" if wording.finite(value) else wording.NO_NUMBER


def _bytes(sizes: Iterable[int]) -> str:
    return f"{wording.listing([f'{size:,}' for size in sizes])} B"
