"""What a buffer costs: resident and virtual memory, page faults and reallocations, from before it is there until full.

A job fills the buffers of its calls, a chunk to each call in turn, as they come to a server, with CALL_CHUNKS chunks
each. It looks at the process before there is a buffer, when all are there and empty (`opened`), and at SAMPLES times
while they are being filled. How the storage comes about:

- `reserved`: the buffers are given as capacity what a call will hold.
- `grown`: they are given none.
- `reused`: as reserved, but filled and emptied once before they count as opened.

A control arm keeps nothing: what the loop and the looking cost by themselves.

Resident memory depends on what was freed before, and on pages of two megabytes. So the C library is told to take every
block from 128 KiB from the system and give it back, as it does in a process that has freed none yet, and the free
memory that the start left is given back or taken away; the system is told to use small pages only. What cannot be told
is left as it is.
"""

from __future__ import annotations

import ctypes
import gc
import resource
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
from rich.table import Table

from .. import registry
from ..errors import LabError
from ..loops import digest
from ..registry import PCM, Loaded, Status
from ..workload import cut, parse_size, read_recording
from .probe import Definition, Job, Row

NOTHING = "(nothing)"
"""The control arm."""

SAMPLES = 64
"""Looks at the process while the buffers are filled."""

CALL_CHUNKS = 24 * SAMPLES
"""Chunks of a call: a minute of 40 ms ones, some two megabytes. A shorter recording is repeated."""

LARGE = 2**17
"""Bytes from which the C library takes a block from the system, unless it has learned otherwise."""

MOST_GAPS = 2**12
"""Gaps of the heap that are filled at most for each size."""

RESERVED, GROWN, REUSED = STORAGES = ("reserved", "grown", "reused")
BEFORE, OPENED, FILLING = ("before", "opened", "filling")

COLUMNS = pa.schema(
    [
        ("arm", pa.string()),
        ("calls", pa.int32()),
        ("storage", pa.string()),
        ("phase", pa.string()),
        ("held", pa.int64()),
        ("rss", pa.int64()),
        ("private", pa.int64()),
        ("rss_peak", pa.int64()),
        ("virtual", pa.int64()),
        ("minor_faults", pa.int64()),
        ("major_faults", pa.int64()),
        ("capacity", pa.int64()),
        ("reallocations", pa.int64()),
    ]
)


class Nothing:
    """The buffer of the control arm: takes chunks and keeps none."""

    def __init__(self, capacity: int) -> None:
        self.append = len

    def __len__(self) -> int:
        return 0

    def clear(self) -> None:
        """There is nothing to empty."""


class Process:
    """What the system says of this process, in bytes; LabError where it does not say enough."""

    def __init__(self, folder: Path = Path("/proc/self")) -> None:
        self._files = [folder / "smaps_rollup", folder / "status"]
        for file in self._files:
            if not file.is_file():
                raise LabError(f"memory needs {file}, which Linux has since 4.14 and this system has not")
        settle()
        try:
            (folder / "clear_refs").write_text("5", encoding="ascii")
            self._knows_peak = True
        except OSError:  # a container may forbid it, and then the peak would be that of the start
            self._knows_peak = False
        # What the first look makes for itself is there before the one that counts.
        self.look()

    def look(self) -> Row:
        """Sizes now, the greatest resident size since this object was made, and all page faults so far."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        sizes = {}
        for file in self._files:
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                key, _, rest = line.partition(":")
                if rest.endswith(" kB"):
                    sizes[key] = 1024 * int(rest.split()[0])
        return {
            "rss": sizes["Rss"],
            "private": sizes["Private_Dirty"],
            "rss_peak": sizes["VmHWM"] if self._knows_peak else None,
            "virtual": sizes["VmSize"],
            "minor_faults": used.ru_minflt,
            "major_faults": used.ru_majflt,
        }


def settle() -> None:
    """Have every large block be one of the system's own, and pages be small, where that can be had."""
    process = ctypes.CDLL(None)
    if hasattr(process, "prctl"):
        disable_huge_pages = 41  # PR_SET_THP_DISABLE of linux/prctl.h
        process.prctl(disable_huge_pages, 1, 0, 0, 0)
    if not hasattr(process, "mallopt"):
        return
    mmap_threshold = -3  # M_MMAP_THRESHOLD of malloc.h; once it is set, the C library learns nothing
    process.mallopt(mmap_threshold, LARGE)
    process.malloc_trim(0)
    # Gaps in the heap would still be taken first, which others have touched. Blocks of ever smaller sizes fill them, of
    # each size until the heap has to grow for it; nothing is written into them.
    process.sbrk.restype = ctypes.c_void_p
    for size in (LARGE - 4096, *(LARGE >> shift for shift in range(1, 8))):
        end = process.sbrk(0)
        for _ in range(MOST_GAPS):
            process.malloc(size)
            if process.sbrk(0) != end:
                break


def jobs(definition: Definition, rows: Sequence[Loaded], profile: str) -> list[Job]:
    """A process for every arm with an AudioBuffer, number of calls, storage and repetition, and the control arm's."""
    data = definition.data
    arms = [row.name for row in rows if hasattr(row.subject, "AudioBuffer")]
    places = [(arm, calls, storage) for arm in arms for calls in data["calls"] for storage in data["storages"]]
    places += [(NOTHING, calls, GROWN) for calls in data["calls"]]
    return [
        {"arm": arm, "calls": calls, "storage": storage, "size": data["size"], "repetition": number}
        for arm, calls, storage in places
        for number in range(data["repetitions"][profile])
    ]


def perform(job: Job, say: Callable[[str], None]) -> list[Row]:
    """Fill the buffers of a job and say what it took; LabError if that cannot be told, or what they hold is wrong."""
    arm, calls, storage = job["arm"], job["calls"], job["storage"]
    if storage not in STORAGES:
        raise LabError(f"unknown storage '{storage}' of memory; there are: {', '.join(STORAGES)}")
    make, takes = _maker(arm)
    whole = cut(read_recording(Path(job["input"])), parse_size(job["size"]))
    pcm = tuple(islice(cycle(whole.pcm), CALL_CHUNKS))
    chunks = pcm if takes == PCM else tuple(islice(cycle(whole.texts), CALL_CHUNKS))
    size, wanted = sum(map(len, pcm)), digest(b"".join(pcm))
    # A block that grows may lie twice in memory for a moment, with room in both.
    if psutil.virtual_memory().available < 4 * calls * size:
        raise LabError(f"{calls} calls of {size:,} bytes need {4 * calls * size / 2**20:,.0f} MiB of free memory")
    del whole, pcm
    gc.collect()
    gc.disable()
    say(f"{storage}, {calls} calls")
    rows: list[Row] = []
    buffers: list[Any] = []

    def note(phase: str) -> None:
        counters = {name: _sum_of(buffers, name) for name in ("capacity", "reallocations")}
        about = {"arm": arm, "calls": calls, "storage": storage, "phase": phase, "held": sum(map(len, buffers))}
        rows.append(about | process.look() | counters)

    process = Process()
    note(BEFORE)
    buffers += [make(0 if storage == GROWN else size) for _ in range(calls)]
    if storage == REUSED:
        _fill(buffers, chunks)
        for buffer in buffers:
            buffer.clear()
    note(OPENED)
    step = CALL_CHUNKS // SAMPLES
    for start in range(0, CALL_CHUNKS, step):
        _fill(buffers, chunks[start : start + step])
        note(FILLING)
    if make is not Nothing and any(digest(bytes(buffer.take())) != wanted for buffer in buffers):
        raise LabError(f"{arm}: wrong output of {storage} storage")
    return rows


def _maker(arm: str) -> tuple[Callable[[int], Any], str]:
    """What makes a buffer of some capacity, and what its append takes."""
    if arm == NOTHING:
        return Nothing, PCM
    (row,) = registry.load_all([arm])
    if row.status is not Status.READY:
        raise LabError(f"{row.name}: {row.status}: {row.reason}")
    return row.subject.AudioBuffer, row.takes


def _fill(buffers: Sequence[Any], chunks: Sequence[Any]) -> None:
    """A chunk to each buffer in turn, and then the next one."""
    for chunk in chunks:
        for buffer in buffers:
            buffer.append(chunk)


def _sum_of(buffers: Sequence[Any], name: str) -> int | None:
    """A counter over all buffers; None where they keep none."""
    if not buffers or not hasattr(buffers[0], name):
        return None
    return sum(int(getattr(buffer, name)) for buffer in buffers)


def table(rows: Any) -> Table:
    """What a call costs, arm by arm: medians over the processes, divided by the number of calls."""
    # Not at the top: what is looked at should be as bare as can be.
    from .. import wording
    from .memory_summary import per_call

    shown = Table(title="bytes for each call beyond those of the process before (KiB; medians over processes)")
    for column in ("storage", "calls", "arm"):
        shown.add_column(column)
    columns = {
        "held": "held",
        "rss_opened": "resident, empty",
        "rss_after": "resident, full",
        "rss_peak": "at the most",
        "virtual_after": "virtual, full",
        "capacity": "capacity",
    }
    for column in (*columns.values(), "page faults in filling", "reallocations"):
        shown.add_column(column, justify="right")
    for (_, _), group in per_call(rows).groupby(["storage", "calls"], sort=False):
        shown.add_section()
        for _, row in group.sort_values("rss_after").iterrows():
            shown.add_row(
                row["storage"],
                str(row["calls"]),
                row["arm"],
                *(wording.number(row[name] / 1024) for name in columns),
                wording.number(row["minor_faults"]),
                wording.number(row["reallocations"]),
            )
    return shown
