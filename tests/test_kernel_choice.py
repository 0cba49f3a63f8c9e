"""Which kernel an implementation uses: as the environment asks, as the CPU allows, and a clear word where it cannot."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMPILED = ["callbot_cython", "callbot_rust"]
KERNELS = ["avx512", "avx2", "scalar"]
LACKS = {
    "avx2": "the avx2 kernel needs a CPU with AVX2",
    "avx512": "the avx512 kernel needs a CPU with AVX-512 F, BW and",
}

TELL = """
import importlib, sys
try:
    package = importlib.import_module(sys.argv[1])
except ImportError as error:
    sys.exit(f"ImportError: {error}")
text = "QUJD" * 40
assert package.decode(text) == b"ABC" * 40
print(package.BUILD["kernel"])
for kernel in ("avx512", "avx2", "scalar"):
    try:
        variant = getattr(importlib.import_module(f"{sys.argv[1]}.variants"), kernel)
        assert variant.decode(text) == b"ABC" * 40
        print(kernel, "runs as", variant.BUILD["kernel"])
    except ImportError as error:
        print(kernel, "lacks:", error)
"""


def told(package: str, wanted: str | None = None, emulator: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """What a fresh process says of a package's kernels."""
    environment = {name: value for name, value in os.environ.items() if name != "CALLBOT_KERNEL"}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    if wanted is not None:
        environment["CALLBOT_KERNEL"] = wanted
    command = [*emulator, str(Path(sys.executable).resolve()), "-c", TELL, package]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(params=COMPILED)
def package(request: pytest.FixtureRequest) -> str:
    """A compiled implementation; skipped where it is not installed."""
    name = str(request.param)
    pytest.importorskip(name)
    return name


@pytest.mark.parametrize("wanted", [None, ""])
def test_the_first_kernel_that_the_cpu_runs_is_used(package: str, wanted: str | None) -> None:
    done = told(package, wanted)
    first = next(kernel for kernel in KERNELS if f"{kernel} runs as {kernel}" in done.stdout)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == first


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_environment_forces_a_kernel(package: str, kernel: str) -> None:
    done = told(package, kernel)
    if "needs a CPU" in done.stderr:
        assert done.returncode == 1
        assert f"ImportError: CALLBOT_KERNEL: {LACKS[kernel]}" in done.stderr
    else:
        assert done.stdout.splitlines()[0] == kernel, done.stderr
        assert "scalar runs as scalar" in done.stdout  # a variant keeps its own


def test_an_unknown_kernel_is_one_clear_line(package: str) -> None:
    done = told(package, "sse9")
    expected = "ImportError: CALLBOT_KERNEL: there is no kernel 'sse9'; there are: avx512, avx2, scalar"
    assert (done.returncode, done.stderr.strip()) == (1, expected)


@pytest.mark.parametrize(
    ("cpu", "kernel", "lacking"), [("Nehalem", "scalar", ["avx2", "avx512"]), ("Haswell", "avx2", ["avx512"])]
)
def test_an_older_cpu_gets_a_kernel_that_it_runs(package: str, cpu: str, kernel: str, lacking: list[str]) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("emulates x86-64 for an interpreter of x86-64")
    emulator = shutil.which("qemu-x86_64")
    if emulator is None:
        without = pytest.fail if os.environ.get("CI") else pytest.skip
        without("needs an emulator of older CPUs: apt-get install qemu-user")
    done = told(package, emulator=(emulator, "-cpu", cpu))
    assert done.returncode == 0, done.stderr
    if kernel == "avx2" and "avx2 lacks" in done.stdout:
        pytest.skip("this emulator is older than 7.2 and knows no AVX2")
    assert done.stdout.splitlines()[0] == kernel
    for name in lacking:
        assert f"{name} lacks: {LACKS[name]}" in done.stdout
    refused = told(package, lacking[0], emulator=(emulator, "-cpu", cpu))
    assert f"ImportError: CALLBOT_KERNEL: {LACKS[lacking[0]]}" in refused.stderr
