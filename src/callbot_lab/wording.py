"""How numbers, verdicts and cells are worded, in one place, so that figures, tables and sentences agree."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

from .errors import LabError
from .operations import OPERATIONS
from .workload import parse_size

NO_NUMBER = "-"
"""What stands where there is no number to give."""


def finite(value: Any) -> bool:
    """Whether a value is a number that can be shown."""
    return isinstance(value, Real) and math.isfinite(value)


def ratio(value: float) -> str:
    """A ratio with about three digits, and three decimals near 1, where they matter."""
    return f"{value:,.{_decimals(value)}f}" if finite(value) else NO_NUMBER


def interval(low: float, high: float) -> str:
    """An interval of ratios; in words where a run has too few workers for one."""
    if not (finite(low) and finite(high)) or low <= 0:
        return "no interval"
    decimals = max(_decimals(low), _decimals(high))
    return f"{low:,.{decimals}f} to {high:,.{decimals}f}"


def _decimals(value: float) -> int:
    return 3 if 0.9 < value < 1.1 or value < 0.2 else 2 if value < 10 else 1 if value < 100 else 0


def short(reason: str) -> str:
    """A reason without what follows its first clause, such as the list of what there would be."""
    return reason.split("; ")[0]


def number(value: float) -> str:
    """A quantity with three significant digits and thousands separators."""
    if not finite(value):
        return NO_NUMBER
    if value == 0:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text and abs(value) >= 1000 else text


def span(low: float, high: float) -> str:
    """An interval of quantities; in words where a run has too few workers for one."""
    return f"{number(low)} to {number(high)}" if finite(low) and finite(high) else "no interval"


def percent(share: float, decimals: int = 1) -> str:
    """A share as a percentage, without decimals that are nought."""
    if not finite(share):
        return NO_NUMBER
    text = f"{round(100 * share, decimals) + 0:.{decimals}f}"  # + 0: no minus before a nought
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def effect(smallest: float) -> str:
    """A smallest detectable ratio as a difference in percent, or that nothing could be seen."""
    return f"{100 * (smallest - 1):.1f} %" if finite(smallest) else "none: too few workers"


def margin(value: float) -> str:
    """A margin as it is said after `within`."""
    return percent(value, 0 if value >= 0.01 else 1)


def count(number_of: int, noun: str) -> str:
    """A number of things, in the singular or plural."""
    return f"{number_of:,} {noun}" + ("" if number_of == 1 else "s")


def listing(items: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def spread(values: list[int], noun: str) -> str:
    """`20 workers`, or `18 to 20 workers`."""
    if not values:
        return f"no {noun}s"
    return count(values[0], noun) if len(set(values)) == 1 else f"{min(values):,} to {max(values):,} {noun}s"


def cell(operation: str, size: str, pool: str) -> str:
    """A cell in words: `append, 1,280 B (callbot), warm pool`."""
    try:
        form = parse_size(size)
        name = "" if form.name.isdigit() else f" ({form.name})"
        what = f"{form.chunk_bytes:,} B{name}"
    except LabError:
        what = size
    pools = {"hot": "hot pool", "warm": "warm pool", "level": "level pool", "pass": "whole recording"}
    return f"{operation}, {what}, {pools.get(pool, pool)}"


def operation(name: str) -> str:
    """What an operation does; its name if this version does not know it."""
    return OPERATIONS[name].meaning if name in OPERATIONS else name


def interpreter(python: dict[str, Any]) -> str:
    """Interpreter and build in one phrase, since the standard library's arms depend on both."""
    pgo = {"yes": "with", "no": "without"}.get(python["pgo"])
    build = f"built {pgo} profile-guided optimisation" if pgo else "of unknown build"
    return f"{python['implementation']} {python['version']}, {build}"


def commit(found: dict[str, Any]) -> str:
    """The commit that was measured, marked where the results belong to none (environment.commit)."""
    state = {False: "", True: ", with uncommitted changes"}.get(found["dirty"], ", of unknown state")
    return f"commit {str(found['revision'])[:12]}{state}"


def origin(workers: int, profile: str, environment: dict[str, Any]) -> str:
    """Where the numbers of a run come from, in one phrase: how much was run on what, and of which commit."""
    where = f"{environment['cpu']['name']}, {interpreter(environment['python'])}, {commit(environment['commit'])}"
    return f"{count(workers, 'worker')} ({profile} profile) on {where}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
