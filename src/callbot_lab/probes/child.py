"""The process of one job: reads it as a line of JSON, performs it, and leaves its rows as a Parquet file.

Lines of JSON on standard output say what it is doing and, at the end, what became of it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from .probe import module


def say(**event: Any) -> None:
    """Tell the parent."""
    print(json.dumps(event), flush=True)


def main() -> int:
    """Perform the job on standard input."""
    job = json.loads(sys.stdin.readline())
    if job["cpu"] is not None:
        os.sched_setaffinity(0, {job["cpu"]})
    probe = module(job["probe"])
    try:
        rows = probe.perform(job, lambda text: say(event="doing", text=text))
    except Exception as error:  # an arm may come from anywhere
        say(event="fault", reason=f"{type(error).__name__}: {error}")
        return 1
    write(Path(job["out"]), probe, job["number"], rows)
    return 0


def write(path: Path, probe: Any, number: int, rows: list[dict[str, Any]]) -> None:
    """Write rows at one stroke, with the number of their job in front."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = probe.COLUMNS.insert(0, pa.field("job", pa.int32()))
    table = pa.Table.from_pylist([{"job": number, **row} for row in rows], schema=schema)
    part = path.with_suffix(".part")
    pq.write_table(table, part, compression="zstd")
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
