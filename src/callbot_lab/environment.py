"""What a run has to say about the machine, the interpreter and the packages, since they decide what it measured."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import Any

import cpuinfo
import psutil

from . import registry
from .paths import ROOT

FLAGS_OF_INTEREST = (
    "ssse3",
    "sse4_1",
    "avx2",
    "bmi2",
    "avx512f",
    "avx512bw",
    "avx512vbmi",
    "avx512_vbmi",
    "asimd",
    "sve",
)
COMPILED = (".so", ".pyd", ".dylib")
"""What the files of compiled modules end in."""
PACKAGES = ("numpy", "pandas", "scipy", "pyarrow", "pybase64", "librt", "cython", "maturin", "setuptools")


def capture() -> dict[str, Any]:
    """The environment as plain data, fit for JSON."""
    return {
        "python": interpreter(),
        "cpu": processor(),
        "system": system(),
        "tools": {name: first_line(command) for name, command in _TOOLS.items()},
        "packages": {name: _version(name) for name in PACKAGES},
        "commit": commit(),
        "locks": {p.name: _sha256(p) for p in sorted((ROOT / "requirements").glob("*.txt"))},
        "binaries": binaries(),
        "load": list(os.getloadavg()),
    }


_TOOLS = {"cc": ["cc", "--version"], "rustc": ["rustc", "--version"], "cargo": ["cargo", "--version"]}


def interpreter() -> dict[str, Any]:
    """Which interpreter runs, and how it was built: that alone moves the standard library's decoder by up to two."""
    arguments = sysconfig.get_config_var("CONFIG_ARGS") or ""
    flags = " ".join(
        str(sysconfig.get_config_var(name) or "") for name in ("PY_CFLAGS", "PY_CORE_CFLAGS", "PY_LDFLAGS")
    )
    known = bool(arguments or flags.strip())
    pgo = "--enable-optimizations" in arguments or "-fprofile-use" in flags
    lto = "--with-lto" in arguments or "-flto" in flags
    return {
        "implementation": platform.python_implementation(),
        "version": platform.python_version(),
        "compiler": platform.python_compiler(),
        # Recorded runs are published, and a folder of this machine helps nobody: only the options are kept.
        "configure": [option for option in shlex.split(arguments) if "/" not in option],
        "pgo": ("yes" if pgo else "no") if known else "unknown",
        "lto": ("yes" if lto else "no") if known else "unknown",
        "shared": bool(sysconfig.get_config_var("Py_ENABLE_SHARED")),
        "debug": hasattr(sys, "gettotalrefcount"),
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
    }


def interpreter_line() -> str:
    """The interpreter and its build in one phrase."""
    python = interpreter()
    build = f"{python['compiler']}, PGO {python['pgo']}, LTO {python['lto']}"
    return f"{python['implementation']} {python['version']} ({build})"


def processor() -> dict[str, Any]:
    """Name, counts, instruction sets and frequency policy of the CPU."""
    info = cpuinfo.get_cpu_info()
    flags = set(info.get("flags", ()))
    return {
        "name": info.get("brand_raw", platform.processor() or "unknown"),
        "architecture": platform.machine(),
        "logical": psutil.cpu_count(),
        "physical": psutil.cpu_count(logical=False),
        "isa": [flag for flag in FLAGS_OF_INTEREST if flag in flags],
        "numa_nodes": len(list(Path("/sys/devices/system/node").glob("node[0-9]*"))) or None,
        "governor": read_first("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "hypervisor": "hypervisor" in flags,
    }


def system() -> dict[str, Any]:
    """Operating system, libc, memory."""
    return {
        "kernel": f"{platform.system()} {platform.release()}",
        "libc": " ".join(platform.libc_ver()).strip() or "unknown",
        "virtualisation": first_line(["systemd-detect-virt"]) or "unknown",
        "memory_bytes": psutil.virtual_memory().total,
    }


def commit() -> dict[str, Any]:
    """The commit that runs, and whether the checkout differs from it."""
    revision = first_line(["git", "-C", str(ROOT), "rev-parse", "HEAD"])
    changes = _output(["git", "-C", str(ROOT), "status", "--porcelain"])
    return {"revision": revision or "unknown", "dirty": bool(changes) if revision else None}


def binaries() -> dict[str, str]:
    """SHA-256 of the compiled modules of every distribution that announces an arm, by distribution and file."""
    found = {}
    for arm in registry.find_arms().values():
        for entry_point in arm.entry_points:
            for file in (entry_point.dist.files or ()) if entry_point.dist else ():
                if file.suffix in COMPILED and (path := Path(str(file.locate()))).is_file():
                    found[f"{arm.origin}: {file}"] = _sha256(path)
    return dict(sorted(found.items()))


def differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What must not differ between parts of one run and does: names of the parts of an environment."""
    same = ("python", "cpu", "system", "packages", "locks", "binaries")
    found = [name for name in same if then.get(name) != now.get(name)]
    return found + ["commit"] * (then["commit"] != now["commit"])


def warnings(environment: dict[str, Any]) -> list[str]:
    """What about this machine spoils a comparison, in plain words."""
    found = []
    cpu, python = environment["cpu"], environment["python"]
    if cpu["hypervisor"]:
        found.append("virtual machine: other guests take time from it; trust ratios, not absolute times")
    if cpu["governor"] not in ("performance", "unknown"):
        found.append(f"the frequency governor is '{cpu['governor']}': clock speed follows load")
    if environment["load"][0] > 0.5 * (cpu["logical"] or 1):
        found.append(f"load average {environment['load'][0]:.1f} at the start: something else is running")
    if python["pgo"] != "yes":
        said = "built without profile-guided optimisation" if python["pgo"] == "no" else "of unknown build"
        found.append(f"the interpreter is {said}: the standard library's arms may be slower than on other builds")
    if python["debug"]:
        found.append("the interpreter is a debug build: its times mean nothing")
    if environment["commit"]["dirty"]:
        found.append("the checkout has uncommitted changes: the results belong to no commit")
    return found


def first_line(command: list[str]) -> str:
    """First line that a command prints; empty if it cannot be run or fails."""
    return next(iter(_output(command).splitlines()), "").strip()


def read_first(path: str) -> str:
    """First line of a file of the system, or `unknown`."""
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()[0].strip()
    except (OSError, IndexError):
        return "unknown"


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
