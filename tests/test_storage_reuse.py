"""The compiled processors hand the storage of closed calls to new ones, within a bound."""

from __future__ import annotations

import ctypes
import sys
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from types import ModuleType

import psutil
import pytest

resource = pytest.importorskip("resource")

CHUNK = b64encode(bytes(range(256)) * 256).decode()
"""64 KiB of audio: sixteen pages and more."""
CHUNKS = 32
CAPACITY = 40 * 2**20
"""So large that the C library takes it from the system, and gives it back, every time."""
SPARES = 16
"""Storages that a processor keeps; docs/contract.md says so."""
CALLS = 4 * SPARES


PACKAGES = ["callbot_cython", "callbot_rust"]
"""The compiled implementations."""


def alone(measure: Callable[[ModuleType], list[int]], name: str) -> list[int]:
    """What is measured of a package in a process of its own; skipped where the package is not installed.

    A process that has freed much hands out memory whose pages are there already, and keeps what it gets back.
    """
    pytest.importorskip(name)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(prepared, measure, name).result(timeout=120)


def prepared(measure: Callable[[ModuleType], list[int]], name: str) -> list[int]:
    """Let no two megabytes come with one page fault, and every large block from the system, and measure a package.

    The C library learns from what is freed, up to 32 MiB, what to keep for itself; resident memory would show that.
    """
    if sys.platform == "linux":
        library, disable_huge_pages, mmap_threshold = ctypes.CDLL(None), 41, -3  # linux/prctl.h and malloc.h
        library.prctl(disable_huge_pages, 1, 0, 0, 0)
        if hasattr(library, "mallopt"):
            assert library.mallopt(mmap_threshold, 2**17) == 1
    return measure(import_module(name))


def page_faults() -> int:
    """Minor page faults of this process so far."""
    faults: int = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    return faults


def serve(processor: object, call_id: str) -> int:
    """One call of 2 MiB from its start to its end; the page faults that it took."""
    before = page_faults()
    processor.open(call_id)  # type: ignore[attr-defined]
    for _ in range(CHUNKS):
        processor.append(call_id, CHUNK)  # type: ignore[attr-defined]
    processor.discard(call_id)  # type: ignore[attr-defined]
    return page_faults() - before


def faults_of_calls(package: ModuleType) -> list[int]:
    """Page faults of six calls, one after the other."""
    processor = package.AudioProcessor(capacity=CAPACITY)
    return [serve(processor, f"call {number}") for number in range(6)]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_warm_processor_takes_no_page_faults(name: str) -> None:
    cold, *warm = alone(faults_of_calls, name)
    assert cold >= 2 * 2**20 // resource.getpagesize() * 0.9
    assert max(warm) <= max(cold / 50, 10)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_reused_storage_shows_nothing_of_the_call_before(name: str) -> None:
    processor = pytest.importorskip(name).AudioProcessor(capacity=CAPACITY)
    serve(processor, "first")
    buffer = processor.open("second")
    assert (len(buffer), bytes(buffer.view()), buffer.chunk_count, buffer.total_bytes) == (0, b"", 0, 0)
    assert (buffer.capacity, buffer.reallocations, processor.total_bytes) == (CAPACITY, 0, 0)
    processor.append("second", "AAEC")
    assert processor.close("second") == b"\x00\x01\x02"


def grown_and_discarded(package: ModuleType) -> list[int]:
    """Capacity of an open buffer, then resident bytes beyond those at first: grown and discarded, three times."""
    processor = package.AudioProcessor(capacity=2**16)
    process = psutil.Process()
    before, found = process.memory_info().rss, []
    for number in range(3):
        buffer = processor.open(f"call {number}")
        found.append(buffer.capacity)
        for _ in range(CAPACITY // 2**16):
            buffer.append(CHUNK)
        found.append(process.memory_info().rss - before)
        processor.discard(f"call {number}")
        found.append(process.memory_info().rss - before)
    return found


@pytest.mark.parametrize("name", PACKAGES)
def test_what_grew_is_not_kept(name: str) -> None:
    found = alone(grown_and_discarded, name)
    assert found[::3] == [2**16] * 3
    assert min(found[1::3]) >= 0.9 * CAPACITY
    assert max(found[2::3]) <= 0.2 * CAPACITY


def many_calls(package: ModuleType) -> list[int]:
    """Resident bytes beyond those at first of CALLS calls: open, discarded, and with one closed buffer left of all;
    then the bytes that this buffer counts."""
    processor = package.AudioProcessor(capacity=CAPACITY)
    names = [f"call {number}" for number in range(CALLS)]
    process = psutil.Process()
    before = process.memory_info().rss
    for name in names:
        processor.open(name)
        for _ in range(CHUNKS):
            processor.append(name, CHUNK)
    held = process.memory_info().rss - before
    for name in names:
        processor.discard(name)
    kept = process.memory_info().rss - before
    # A buffer that is kept for its counters keeps nothing else.
    processor.open("last").append(CHUNK)
    buffer = processor["last"]
    processor.discard("last")
    del processor
    return [held, kept, process.memory_info().rss - before, buffer.total_bytes]


@pytest.mark.parametrize("name", PACKAGES)
def test_the_storage_of_many_calls_goes_back_to_the_system(name: str) -> None:
    held, kept, left, counted = alone(many_calls, name)
    whole = CALLS * CHUNKS * 2**16
    assert held >= 0.9 * whole
    assert 0.9 * whole / 4 <= kept <= 1.2 * whole / 4
    assert (counted, left <= 0.1 * whole) == (2**16, True)
