"""Where a server's time goes: libraries are told by their paths, and samples are counted by place."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from callbot_lab.errors import LabError
from callbot_lab.serverlab import sampled

OWN = {"/site/callbot_rust/_native.so"}


@pytest.mark.parametrize(
    ("library", "place"),
    [
        ("[kernel.kallsyms]", "kernel"),
        ("[vdso]", "other"),
        ("[unknown]", "other"),
        ("/site/uvloop/loop.cpython-311-x86_64-linux-gnu.so", "event loop"),
        ("/python/lib/python3.11/lib-dynload/_asyncio.cpython-311-x86_64-linux-gnu.so", "event loop"),
        ("/site/picows/picows.cpython-311-x86_64-linux-gnu.so", "framing"),
        ("/site/websockets/speedups.cpython-311-x86_64-linux-gnu.so", "framing"),
        ("/site/orjson/orjson.cpython-311-x86_64-linux-gnu.so", "parser"),
        ("/python/lib/python3.11/lib-dynload/_json.cpython-311-x86_64-linux-gnu.so", "parser"),
        ("/python/lib/libpython3.11.so.1.0", "interpreter"),
        ("/usr/bin/python3.11", "interpreter"),
        ("/python/lib/python3.11/lib-dynload/array.cpython-311-x86_64-linux-gnu.so", "interpreter"),
        ("/site/callbot_rust/_native.so", "implementation"),
        ("/site/other/_native.so", "other"),
        ("/usr/lib/x86_64-linux-gnu/libc.so.6", "other"),
    ],
)
def test_a_library_has_a_place(library: str, place: str) -> None:
    assert sampled.place(library, OWN) == place


def test_samples_are_counted_by_place() -> None:
    script = "  ffffffff81631133 ([kernel.kallsyms])\n  18e3a5 (/usr/bin/python3.11)\n\n  1 (/site/a (b)/x.so)\n"
    found = sampled.counted(script, OWN)
    assert {name: count for name, count in found.items() if count} == {"kernel": 1, "interpreter": 1, "other": 1}
    assert tuple(found) == sampled.PLACES


@pytest.mark.parametrize("name", ["cython", "rust"])
def test_the_libraries_of_an_implementation_are_known(name: str) -> None:
    assert any(f"callbot_{name}" in path for path in sampled.libraries(name))
    assert sampled.libraries("nobody") == set()


def test_without_perf_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LabError, match="perf is not installed"):
        sampled.sample(1, 0.1, "rust")


def test_a_process_that_only_computes_is_found_in_the_interpreter() -> None:
    if reason := sampled.missing():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    busy = subprocess.Popen([sys.executable, "-c", "while True: sum(range(1000))"])
    try:
        found = sampled.sample(busy.pid, 1.0, "rust")
    except LabError as error:
        pytest.skip(f"this system lets nobody sample: {error}")
    finally:
        busy.kill()
        busy.wait()
    assert found["interpreter"] > 0.8 * sum(found.values()) > 0
