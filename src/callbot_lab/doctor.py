"""Says what the machine lacks, and what would spoil a measurement, each in one line with the remedy.

Runs on the standard library alone, before anything is installed: `make doctor`.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

FREE_BYTES = 4 * 2**30
"""Disk space that both commands need, with room to spare."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `ok`, `warning` (spoils a measurement) or `missing` (stops the commands)."""

    level: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.level:8} {self.what}" + (f": {self.remedy}" if self.remedy else "")


def examine() -> Iterator[Finding]:
    """All findings, tools first."""
    yield from _tools()
    yield from _arms()
    yield from _quiet()


def _tools() -> Iterator[Finding]:
    version = platform.python_version()
    if sys.version_info >= (3, 11):
        yield Finding("ok", f"Python {version}")
    else:
        yield Finding("missing", f"Python {version} is too old", "install 3.11 or newer, or make ... PYTHON=python3.13")
    if not (find_spec("venv") and find_spec("ensurepip")):
        yield Finding("missing", "no venv", "Debian: apt-get install python3-venv")
    for tool, remedy in (
        ("make", "Debian: apt-get install make"),
        ("cc", "a C compiler; Debian: apt-get install gcc libc6-dev"),
        ("cargo", 'the Rust toolchain, or leave Rust out: make report IMPLS="python cython"'),
    ):
        yield Finding("ok", tool) if shutil.which(tool) else Finding("missing", f"no {tool}", remedy)
    free = shutil.disk_usage(Path.cwd()).free
    if free < FREE_BYTES:
        yield Finding("missing", f"{free / 2**30:.1f} GiB free", f"make room: the build needs {FREE_BYTES / 2**30:.0f}")


def _arms() -> Iterator[Finding]:
    if sys.version_info < (3, 11):
        return  # which the first line said already; the rest of the harness needs it to be imported at all
    import tomllib

    from . import registry
    from .registry import Status

    for project in sorted(Path(__file__).resolve().parents[2].glob("impls/*/pyproject.toml")):
        name = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["name"]
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding("missing", f"{name} is not built", "make setup")
    arms = registry.find_arms()
    for row in map(registry.load, arms.values()):
        if row.status is Status.READY:
            yield Finding("ok", f"{row.kind} {row.name} ({row.origin})")
        else:
            yield Finding("warning", f"{row.kind} {row.name}: {row.status}", row.reason)


def _quiet() -> Iterator[Finding]:
    cores = os.cpu_count() or 1
    if cores < 2:
        yield Finding("warning", "one CPU", "whatever else runs, runs in the slots; take a machine with two")
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > 0.5 * cores:
        load = os.getloadavg()[0]
        yield Finding("warning", f"load average {load:.1f} on {cores} CPUs", "end what else is running, then measure")
    governor = _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if governor and governor != "performance":
        yield Finding("warning", f"frequency governor {governor}", "cpupower frequency-set --governor performance")
    if _read("/sys/devices/system/cpu/intel_pstate/no_turbo") == "0":
        yield Finding("warning", "turbo is on", "echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo")
    if re.search(r"^flags\s.*\bhypervisor\b", _read("/proc/cpuinfo"), re.MULTILINE):
        yield Finding("warning", "a virtual machine", "trust ratios, not absolute times; bare metal is quieter")
    steal = _steal_share()
    if steal > 0.01:
        yield Finding(
            "warning", f"{steal:.0%} of the CPU time since boot was stolen", "a dedicated machine, or patience"
        )
    if hasattr(sys, "gettotalrefcount"):
        yield Finding("warning", "the interpreter is a debug build", "take a release build: this one times nothing")


def _steal_share() -> float:
    """Share of all CPU time that the hypervisor gave to others (proc(5): the eighth number of the first line)."""
    numbers = [int(word) for word in _read("/proc/stat").partition("\n")[0].split()[1:]]
    return numbers[7] / max(sum(numbers[:8]), 1) if len(numbers) > 7 else 0.0


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def main() -> int:
    """Print the findings; the exit status is 1 if something is missing."""
    findings = list(examine())
    for finding in findings:
        print(finding)
    return int(any(finding.level == "missing" for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
